"""The web application: pages, an HTTP API and a database around a fitted model. Needs ``matinee[web]``."""
