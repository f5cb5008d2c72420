"""Recommends films to users of the ratings that the model was fitted to, for the operator's programs.

Whoever may ask this can find out what a user has rated: the reasons are the user's ratings, and no list has
a rated film. So these routes are off unless the operator turns them on, and need a token with the right.
"""

from __future__ import annotations

from fastapi import APIRouter

from matinee.errors import UnknownUserError
from matinee.ratings.ids import Id
from matinee.web.api.authentication import needs
from matinee.web.api.recommendations import Blend, Diversity, HowMany, HowManyReasons, answer
from matinee.web.api.responses import errors
from matinee.web.api.schemas import Recommendations
from matinee.web.cinema.recommending import recommend_to_user
from matinee.web.cinema.showing import Showing
from matinee.web.store.operator_tokens import Right
from matinee.web.store.visitor_ids import is_visitor
from matinee.web.visits.dependencies import AskedFilters, ShowingNow

router = APIRouter(prefix="/users", tags=["users"], dependencies=[needs(Right.USERS)])


@router.get("/{user}/recommendations", responses=errors(401, 403, 404))
def recommend_for_user(
    showing: ShowingNow,
    filters: AskedFilters,
    user: str,
    n: HowMany = 10,
    n_reasons: HowManyReasons = 0,
    blend: Blend = None,
    diversity: Diversity = 0.0,
) -> Recommendations:
    """Films for a user of the ratings that the model was fitted to, by the id there.

    Visitors whose ratings a retrained model has learned from are not found here.
    """
    suggestions = recommend_to_user(
        showing,
        known_user(showing, user),
        n,
        filters=filters,
        n_reasons=n_reasons,
        blend=blend,
        diversity=diversity,
    )
    return answer(showing, suggestions, ())


def known_user(showing: Showing, text: str) -> Id:
    """The id of the user that a text names.

    Raises
    ------
    UnknownUserError
        If the model has no such user, or the user is a visitor, whose recommendations are private.
    """
    index = showing.model.user_index_
    user: Id | None = text if index.holds_strings else _integer(text)
    if user is None or is_visitor(user) or index.position(user) < 0:
        raise UnknownUserError(f"The model knows no user {text[:80]!r}.")
    return user


def _integer(text: str) -> int | None:
    """The integer that a text spells in the usual way; None for any other text."""
    digits = text.removeprefix("-")
    # No 64-bit integer is longer; Python refuses to make an int of thousands of digits.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        return None
    number = int(text)
    return number if str(number) == text else None
