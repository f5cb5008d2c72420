"""The database: visitors, their ratings, accounts, sessions, tokens. Nothing here uses HTTP."""
