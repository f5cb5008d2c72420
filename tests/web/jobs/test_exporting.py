"""Visitors' ratings as a table and as a file."""

from __future__ import annotations

from pathlib import Path

import matinee
from matinee.web.jobs.exporting import export
from matinee.web.store import ratings_log
from matinee.web.store.engine import Store
from tests.web.stored import add_ratings


def test_an_export_is_read_back_as_what_visitors_rate_at_present(store: Store, tmp_path: Path) -> None:
    first, second = add_ratings(store, [{"10": 4.5, "7": 0.5}, {"10": 2.0}])
    with store.writing() as session:
        ratings_log.rate(session, first, "10", 3.0)
        ratings_log.take_back(session, first, "7")
    path = tmp_path / "ratings.csv"
    assert export(store, path) == 2
    assert path.read_text().splitlines()[0] == "userId,movieId,rating,timestamp"
    frame = matinee.read_ratings(path).to_frame()
    assert sorted(frame.select("user", "item", "rating").rows()) == [(-second, 10, 2.0), (-first, 10, 3.0)]
    with store.reading() as session:
        times = {one.rated_at // 1000 for one in ratings_log.ratings_of(session, first)}
    assert times <= set(frame["timestamp"].to_list())
    export(store, path, strings=True)
    assert matinee.read_ratings(path).users.tolist() == [f"visitor-{first}", f"visitor-{second}"]


def test_nothing_to_export_is_a_table_without_rows(store: Store, tmp_path: Path) -> None:
    assert export(store, tmp_path / "ratings.csv") == 0
    assert (tmp_path / "ratings.csv").read_text() == "userId,movieId,rating,timestamp\n"
