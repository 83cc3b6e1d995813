"""What is an agent asked, and how? The material, the words of each question, one call or many at once."""
