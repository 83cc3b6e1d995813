"""Which models are there, and what does a call of one cost? Published lists, and the user's own over them."""
