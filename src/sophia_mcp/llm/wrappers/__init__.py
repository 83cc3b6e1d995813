"""What happens to a question between a step and its provider? One thing in each, around any other of them."""
