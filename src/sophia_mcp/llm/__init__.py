"""Models: which one answers, what it knows and costs, how it is asked, and what its answer was."""
