"""What is searched over which ranges of the data, and what is made of its results."""
