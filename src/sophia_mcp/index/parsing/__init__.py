"""What does one file say? Pure functions of its text, which run in worker processes."""
