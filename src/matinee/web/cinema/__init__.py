"""The films and the model that the server shows. Nothing here uses the database or HTTP."""
