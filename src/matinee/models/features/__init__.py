"""Features: what is known about users and items besides ratings, in a form that a model can learn from."""
