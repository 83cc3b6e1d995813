"""How many tokens is a text, a question or a call? Our own count, what models count instead, what they report."""
