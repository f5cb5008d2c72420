"""Pages for people: a ``router`` a module. The application protects them all against forged forms."""

from matinee.web.pages import accounts, actions, films, home, report

PAGES = (home.router, accounts.router, actions.router, films.router, report.router)
