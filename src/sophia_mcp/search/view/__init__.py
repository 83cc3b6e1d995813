"""What does a view hold? Its files, their text, chunks and definitions, and which of them may answer."""
