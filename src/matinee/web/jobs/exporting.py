"""Writes the visitors' present ratings into a file."""

from __future__ import annotations

import csv
from pathlib import Path

from matinee.files.atomic import replaced
from matinee.web.jobs.visitors_ratings import visitors_ratings
from matinee.web.store.engine import Store
from matinee.web.store.visitor_ids import visitor_user

COLUMNS = ("userId", "movieId", "rating", "timestamp")


def export(store: Store, path: Path, *, strings: bool = False) -> int:
    """Write the visitors' present ratings as a file like MovieLens' ``ratings.csv``, whole or not at all.

    Parameters
    ----------
    store : Store
    path : Path
    strings : bool
        Name visitors ``visitor-17`` instead of −17.

    Returns
    -------
    int
        How many ratings the file has.

    Raises
    ------
    DataError
        If the file cannot be written, or the database has another schema version than this Matinee.
    """
    found = visitors_ratings(store)
    with replaced(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for visitor, item, rating, at in zip(
            found.visitors, found.items, found.ratings, found.times, strict=True
        ):
            user = visitor_user(int(visitor), strings=strings)
            writer.writerow((user, found.names[item], float(rating), int(at) // 1000))
    return len(found)
