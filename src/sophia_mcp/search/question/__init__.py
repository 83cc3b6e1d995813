"""What does a caller ask? The text of a question, read without looking at any repository."""
