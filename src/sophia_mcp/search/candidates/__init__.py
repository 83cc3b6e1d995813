"""Which chunks may answer a question in words? By the words they share with it, and by meaning."""
