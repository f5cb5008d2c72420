"""Pages for people: a ``router`` a module. The application protects them all against forged forms."""

from matinee.web.pages import accounts, actions, films, home, ratings, report, search

PAGES = tuple(part.router for part in (home, search, films, ratings, report, accounts, actions))
