"""Where does a name, a path, a link or the frame of a trace stand today?"""
