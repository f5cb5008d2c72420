"""Predictions, lists and files of a model whose factors stay in Spark's DataFrames."""
