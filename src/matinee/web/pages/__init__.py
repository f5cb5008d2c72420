"""Pages for people; each module has a ``router``. The application refuses forged forms on all of them."""

from matinee.web.pages import accounts, actions, films, home, ratings, report, search

PAGES = tuple(part.router for part in (home, search, films, ratings, report, accounts, actions))
