"""How does a run live? From its order to its end, in whichever process has it."""
