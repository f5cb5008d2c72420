"""The ids of visitors among the users of the base ratings, in a retrained model and in an export.

If the base has integer ids, visitor 17 is −17; if it has strings, ``visitor-17``. These ids stay the same
for the life of the database, whatever is added to the base.
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
    """Whether an id is a visitor's."""
    return user.startswith(PREFIX) if isinstance(user, str) else user < 0


def require_no_visitors(base: IdIndex) -> None:
    """Raise a DataError if a user of the base ratings has an id that is reserved for visitors."""
    taken: Iterable[Id] = (user for user in base.ids.tolist() if is_visitor(user))
    for user in taken:
        expected = f"ids that do not begin with {PREFIX!r}" if isinstance(user, str) else "ids of 0 or more"
        raise DataError(
            f"the base ratings have a user {user!r}, an id that is reserved for visitors; expected {expected}"
        )
