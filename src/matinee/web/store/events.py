"""The log of what visitors do, in the order in which it took effect, with a cursor to read on from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import Session

from matinee.web.store.engine import Store
from matinee.web.store.tables import EventRow, now

# Any number, the same in all processes: the name of PostgreSQL's lock.
LOCK = 0x6D6174696E6565
CHUNK = 10_000
_TABLE: Any = EventRow.__table__
_WRITTEN = [column for column in _TABLE.c if column.name != "id"]
_NOTED = insert(_TABLE)
# PostgreSQL evaluates the lock before it numbers the line.
_NOTED_UNDER_LOCK = _NOTED.from_select(
    [column.name for column in _WRITTEN],
    select(*(bindparam(column.name, type_=column.type) for column in _WRITTEN)).select_from(
        select(func.pg_advisory_xact_lock_shared(LOCK)).cte("lock")
    ),
)


class Kind(StrEnum):
    """What has happened."""

    RATED = "rated"
    UNRATED = "unrated"
    DISMISSED = "dismissed"
    UNDISMISSED = "undismissed"
    REGISTERED = "registered"
    DELETED = "deleted"  # the visitor, with everything that they have done; nothing follows


@dataclass(frozen=True)
class Event:
    """Something that a visitor has done.

    Attributes
    ----------
    cursor : int
        Greater than that of every event before. To read on, ask for the events after the last one's.
    kind : str
    visitor : int
        Their number; in a retrained model, visitor 17 is user −17 or ``visitor-17``.
    item : str or None
        The film, if it is about one.
    rating : float or None
        The stars, of an event ``rated``.
    at : int
        In Unix milliseconds.
    """

    cursor: int
    kind: str
    visitor: int
    item: str | None
    rating: float | None
    at: int

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)


def note(
    session: Session,
    kind: Kind,
    visitor: int,
    item: str | None = None,
    rating: float | None = None,
    at: int | None = None,
) -> None:
    """Add an event to the log, in the transaction that makes it happen."""
    line = {
        "kind": kind.value,
        "visitor": visitor,
        # The database erases the events of a visitor together with the visitor, all but this one.
        "visitor_id": None if kind == Kind.DELETED else visitor,
        "item": item,
        "rating": rating,
        "at": now() if at is None else at,
    }
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    session.execute(_NOTED_UNDER_LOCK if is_postgresql else _NOTED, line)


def events_after(store: Store, cursor: int, limit: int) -> list[Event]:
    """The next events after a cursor, at most so many. Whoever reads on from the last one misses none."""
    end = _settled(store)
    asked = select(
        EventRow.id, EventRow.kind, EventRow.visitor, EventRow.item, EventRow.rating, EventRow.at
    ).where(EventRow.id > cursor, EventRow.id <= end)
    with store.reading() as session:
        return [Event(*row) for row in session.execute(asked.order_by(EventRow.id).limit(limit))]


def rating_lines(store: Store) -> Iterator[Sequence[Any]]:
    """Visitor, item, rating (None: removed) and time of all events about ratings, in order, in parts."""
    asked = select(EventRow.visitor, EventRow.item, EventRow.rating, EventRow.at)
    asked = asked.where(EventRow.kind.in_((Kind.RATED, Kind.UNRATED))).order_by(EventRow.id)
    with store.reading_at_length() as session:
        found = session.execute(asked.execution_options(yield_per=CHUNK))
        yield from found.partitions()


def newest_cursor(store: Store) -> int:
    """The cursor of the newest event; 0 if there is none. Events before it may still be under way."""
    with store.reading() as session:
        return session.scalar(select(func.max(EventRow.id))) or 0


def _settled(store: Store) -> int:
    """The cursor up to which no event will come any more; 0 if there is none.

    SQLite's writers take turns, so their events are numbered in the order in which they are seen.
    PostgreSQL's are numbered as they are noted and seen when their transactions end, in another order. The
    exclusive lock waits for all transactions that have noted something.
    """
    last = select(func.max(EventRow.id))
    with store.reading_at_length() as session:
        if not store.is_sqlite:
            session.execute(select(func.pg_advisory_xact_lock(LOCK)))
        return session.scalar(last) or 0
