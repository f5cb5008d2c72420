"""Limits on requests, before any of them reaches a page or the API."""
