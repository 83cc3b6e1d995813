"""What every call cost, what may still be spent, and what that will come to."""
