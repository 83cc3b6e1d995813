"""What stands on the disk: the files of a folder, what git knows of them, and which are left out?"""
