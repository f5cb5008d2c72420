"""What an operator runs beside the server: retraining, exporting, and the built-in model."""
