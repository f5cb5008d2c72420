"""Turns answers into HTML: templates, wording, error pages, and the message about the last change."""
