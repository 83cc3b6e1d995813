"""Who uses a name, and how sure is that?"""
