"""What is shown of an answer? Lines without secrets, within a number of tokens, page by page."""
