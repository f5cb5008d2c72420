"""The database: visitors, their ratings, accounts, sessions, tokens. Knows nothing of HTTP."""
