"""Pages for people; each module has a ``router``. The application refuses forged forms on all of them."""

from matinee.web.pages import (
    accounts,
    actions,
    films,
    home,
    importing,
    own_data,
    ratings,
    report,
    robots,
    search,
    taste,
)

PAGES = tuple(
    part.router
    for part in (
        *(home, search, films, ratings, importing, own_data, taste, report, accounts, actions),
        robots,
    )
)
