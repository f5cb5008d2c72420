"""The row problem, the loop that alternates between the sides, and the ranking, all on arrays only."""
