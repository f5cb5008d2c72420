"""Reads the visitors' present ratings from the database, as a table or into a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from sqlalchemy import select

from matinee.files.atomic import replaced
from matinee.web.store.engine import Store
from matinee.web.store.migrating import require_current
from matinee.web.store.tables import RatingRow
from matinee.web.store.visitor_ids import visitor_user

CHUNK = 10_000


def visitors_ratings(store: Store, *, strings: bool) -> pl.DataFrame:
    """The visitors' present ratings: columns userId, movieId (text), rating, timestamp (Unix seconds).

    Parameters
    ----------
    store : Store
    strings : bool
        Name visitors ``visitor-17`` instead of −17.

    Raises
    ------
    DataError
        If the database has another schema version than this Matinee.
    """
    require_current(store)
    kind = pl.String if strings else pl.Int64
    schema = {"userId": kind, "movieId": pl.String, "rating": pl.Float64, "timestamp": pl.Int64}
    rows = [
        (visitor_user(visitor, strings=strings), item, rating, at // 1000)
        for visitor, item, rating, at in _rows(store)
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def export(store: Store, path: Path, *, strings: bool = False) -> int:
    """Write the visitors' present ratings as a file like MovieLens' ``ratings.csv``, whole or not at all.

    Returns
    -------
    int
        How many ratings the file has.

    Raises
    ------
    DataError
        If the file cannot be written, or the database has another schema version than this Matinee.
    """
    frame = visitors_ratings(store, strings=strings)
    with replaced(path) as part:
        frame.write_csv(part)
    return len(frame)


def _rows(store: Store) -> Iterator[tuple[int, str, float, int]]:
    asked = select(RatingRow.visitor_id, RatingRow.item, RatingRow.rating, RatingRow.rated_at)
    with store.reading_at_length() as session:
        ordered = asked.order_by(RatingRow.visitor_id, RatingRow.item)
        for row in session.execute(ordered.execution_options(yield_per=CHUNK)):
            yield row[0], row[1], row[2], row[3]
