"""The steps, one in each file."""
