"""What the server knows of films and of the model. Nothing here knows of a database or of HTTP."""
