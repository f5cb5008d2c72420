"""Pages for people: a ``router`` a module. The application protects them all against forged forms."""

from matinee.web.pages import home

PAGES = (home.router,)
