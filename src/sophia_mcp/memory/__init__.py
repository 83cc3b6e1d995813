"""What is remembered, recalled and learned, and whether the code it is about is still the same."""
