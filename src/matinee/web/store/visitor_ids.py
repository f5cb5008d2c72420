"""The ids that visitors have beside the users of the base ratings, in a retrained model and in an export.

Where the base ids are integers visitor 17 is −17, and where they are strings ``visitor-17``: the same for as
long as the database lives, whatever is added to the base.
"""

from __future__ import annotations

from collections.abc import Iterable

from matinee.errors import DataError
from matinee.ratings.ids import Id, IdIndex

PREFIX = "visitor-"


def visitor_user(visitor_id: int, *, strings: bool) -> Id:
    """The id of a visitor as a user of the model."""
    return f"{PREFIX}{visitor_id}" if strings else -visitor_id


def is_visitor(user: Id) -> bool:
    """Whether an id is one that visitors have."""
    return user.startswith(PREFIX) if isinstance(user, str) else user < 0


def require_no_visitors(base: IdIndex) -> None:
    """Nothing, if no user of the base ratings has an id that visitors have; a DataError otherwise."""
    taken: Iterable[Id] = (user for user in base.ids.tolist() if is_visitor(user))
    for user in taken:
        expected = f"ids that do not begin with {PREFIX!r}" if isinstance(user, str) else "ids of 0 or more"
        raise DataError(
            f"the base ratings have a user {user!r}, an id that is kept for visitors; expected {expected}"
        )
