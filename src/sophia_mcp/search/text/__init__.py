"""Where does a text stand as it was written? Patterns, copied code, messages, what is much alike."""
