"""The cinema on the web: pages, an HTTP API and a database over a fitted model. Needs ``matinee[web]``."""
