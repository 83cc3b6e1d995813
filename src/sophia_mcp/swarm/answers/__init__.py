"""What do the agents propose, and what of it is proven? Pure functions of their answers."""
