"""Jobs that an operator runs beside the server: retraining, exporting, fitting the built-in cinema."""
