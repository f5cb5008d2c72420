"""Limits and counts requests before they reach a page or the API."""
