"""The answers of a model whose factors stay in Spark's DataFrames."""
