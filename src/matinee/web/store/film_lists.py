"""Lists of films that a visitor keeps, each a table: what they have not seen, and what they want to see."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.orm import Session

from matinee.web.store.tables import UnseenRow, WatchRow, now
from matinee.web.store.visitors import lock_visitor

FilmList = type[UnseenRow] | type[WatchRow]
LISTS: tuple[FilmList, ...] = (UnseenRow, WatchRow)
_IN_EACH = select(
    *(
        exists().where(films.visitor_id == bindparam("visitor"), films.item == bindparam("item"))
        for films in LISTS
    )
)


def items_in(session: Session, films: FilmList, visitor_id: int) -> list[str]:
    """The films in a visitor's list, the latest first."""
    rows = session.scalars(
        select(films.item).where(films.visitor_id == visitor_id).order_by(films.at.desc(), films.item)
    )
    return list(rows)


def add(session: Session, films: FilmList, visitor_id: int, items: Iterable[str]) -> None:
    """Add films to a visitor's list. A film that is in it already stays where it is."""
    if not lock_visitor(session, visitor_id):
        return
    held, at = set(items_in(session, films, visitor_id)), now()
    session.add_all(
        films(visitor_id=visitor_id, item=item, at=at) for item in dict.fromkeys(items) if item not in held
    )


def remove(session: Session, films: FilmList, visitor_id: int, item: str) -> bool:
    """Remove a film from a visitor's list. Returns whether it was in it."""
    gone = delete(films).where(films.visitor_id == visitor_id, films.item == item)
    return session.execute(gone.returning(films.item)).first() is not None


def remove_from_all(session: Session, visitor_id: int, item: str) -> None:
    """Remove a film from every list of a visitor's. Most often it is in none: one statement tells."""
    of_one = {"visitor": visitor_id, "item": item}
    for films, is_in_it in zip(LISTS, session.execute(_IN_EACH, of_one).one(), strict=True):
        if is_in_it:
            remove(session, films, visitor_id, item)


def merge(session: Session, source: int, target: int) -> None:
    """Move what is in one visitor's lists to those of another."""
    if source == target:
        return
    for films in LISTS:
        add(session, films, target, reversed(items_in(session, films, source)))
        session.execute(delete(films).where(films.visitor_id == source))
