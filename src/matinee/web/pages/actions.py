"""Receives the forms about films, such as stars and the watchlist, and the choice of the language."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from matinee.web.languages import LANGUAGES
from matinee.web.pages.addresses import back_to
from matinee.web.security.cookies import keep_language
from matinee.web.store.ratings_log import checked_stars
from matinee.web.visits.dependencies import CurrentVisit

router = APIRouter()

Next = Annotated[str, Form(alias="next", max_length=2_000)]


@router.post("/films/{item:path}/rating")
def set_rating(
    visit: CurrentVisit, item: str, rating: Annotated[str, Form(max_length=10)] = "", next_page: Next = "/"
) -> RedirectResponse:
    """Set the stars of a film. No stars remove the rating."""
    if rating.strip():
        visit.rate(visit.film(item), checked_stars(rating))
    else:
        visit.take_back(item)
    return back_to(next_page)


@router.post("/films/{item:path}/dismissal")
def set_dismissal(
    visit: CurrentVisit, item: str, undo: Annotated[bool, Form()] = False, next_page: Next = "/"
) -> RedirectResponse:
    """Note that the visitor is not interested in a film, or forget it."""
    film = visit.film(item)
    if undo:
        visit.undismiss(film)
    else:
        visit.dismiss(film)
    return back_to(next_page)


@router.post("/films/{item:path}/unseen")
def set_unseen(
    visit: CurrentVisit, item: str, undo: Annotated[bool, Form()] = False, next_page: Next = "/"
) -> RedirectResponse:
    """Note that the visitor has not seen a film, or forget it."""
    film = visit.film(item)
    if undo:
        visit.forget_unseen(film)
    else:
        visit.note_unseen([film])
    return back_to(next_page)


@router.post("/unseen")
def set_all_unseen(
    visit: CurrentVisit, item: Annotated[list[str] | None, Form(max_length=50)] = None, next_page: Next = "/"
) -> RedirectResponse:
    """Note that the visitor has seen none of some films, so that others are shown in their place."""
    visit.note_unseen([visit.film(each) for each in item or ()])
    return back_to(next_page)


@router.post("/films/{item:path}/watchlist")
def set_wanted(
    visit: CurrentVisit, item: str, undo: Annotated[bool, Form()] = False, next_page: Next = "/"
) -> RedirectResponse:
    """Put a film on the visitor's watchlist, or take it off."""
    film = visit.film(item)
    if undo:
        visit.want_no_more(film)
    else:
        visit.want_to_see(film)
    return back_to(next_page)


@router.post("/language")
def set_language(
    visit: CurrentVisit, language: Annotated[str, Form(max_length=10)], next_page: Next = "/"
) -> RedirectResponse:
    """Choose the language of pages."""
    if language not in LANGUAGES:
        raise HTTPException(404, f"There is no language {language!r} here.")
    keep_language(visit.request, language)
    return back_to(next_page)
