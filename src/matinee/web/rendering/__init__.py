"""From answers to HTML: templates, wording, error pages, and the parts of a page that a change replaces."""
