"""A fit on a Spark cluster: ratings dealt out into blocks, and the row problem solved in them."""
