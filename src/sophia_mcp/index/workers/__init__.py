"""Who reads the files? Processes of our own, each of which may be killed at any moment."""
