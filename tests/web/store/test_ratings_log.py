"""The log of ratings and the present state beside it, also when many write at once."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from matinee.errors import DataError
from matinee.web.store import ratings_log
from matinee.web.store.engine import Store
from matinee.web.store.ratings_log import TooManyRatingsError, UnknownVisitorError
from matinee.web.store.tables import EventRow, RatingRow, VisitorRow
from matinee.web.store.visitors import visitor_id_of
from tests.web.stored import new_visitor


def test_writers_at_once_lose_nothing_and_the_log_agrees_with_the_state(store: Store) -> None:
    visitor = new_visitor(store)
    failures: list[BaseException] = []

    def rate(writer: int) -> None:
        try:
            for turn in range(20):
                with store.writing() as session:
                    ratings_log.rate(session, visitor, str(turn % 4), 0.5 + (writer + turn) % 10 / 2)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=rate, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with store.reading() as session:
        assert session.scalar(select(func.count(EventRow.id))) == 120
        played = {
            str(event.item): event.rating for event in session.scalars(select(EventRow).order_by(EventRow.id))
        }
        state = {row.item: row.rating for row in session.scalars(select(RatingRow))}
    assert played == state


def test_a_transaction_that_fails_leaves_neither_state_nor_log(store: Store) -> None:
    visitor = new_visitor(store)
    with pytest.raises(RuntimeError), store.writing() as session:
        ratings_log.rate(session, visitor, "1", 4.0)
        raise RuntimeError
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(RatingRow)) == 0
        assert session.scalar(select(func.count()).select_from(EventRow)) == 0


@pytest.mark.parametrize("stars", [0, 0.4, 5.5, 3.25, float("nan"), float("inf"), "five", None])
def test_what_are_no_half_stars_is_refused(stars: object) -> None:
    with pytest.raises(DataError, match="half or whole stars"):
        ratings_log.checked_stars(stars)


def test_nobody_rates_for_a_visitor_who_is_gone(store: Store) -> None:
    with pytest.raises(UnknownVisitorError), store.writing() as session:
        ratings_log.rate(session, 12_345, "1", 4.0)


def test_one_visitor_can_not_fill_the_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratings_log, "MOST_RATINGS", 2)
    visitor = new_visitor(store)
    with store.writing() as session:
        ratings_log.rate(session, visitor, "1", 4.0)
        ratings_log.rate(session, visitor, "2", 4.0)
        ratings_log.rate(session, visitor, "2", 3.0)
    with pytest.raises(TooManyRatingsError), store.writing() as session:
        ratings_log.rate(session, visitor, "3", 4.0)


def test_ratings_that_come_along_make_nobody_have_more_than_one_may(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratings_log, "MOST_RATINGS", 3)
    source, target = new_visitor(store), new_visitor(store)
    with store.writing() as session:
        for visitor, item in ((source, "1"), (source, "2"), (source, "3"), (target, "4"), (target, "3")):
            ratings_log.rate(session, visitor, item, 4.0)
    with store.writing() as session:
        ratings_log.rate(session, source, "3", 1.0)
        assert ratings_log.merge(session, source, target) == 2
    with store.reading() as session:
        kept = {given.item: given.rating for given in ratings_log.ratings_of(session, target)}
        assert ratings_log.ratings_of(session, source) == []
    assert len(kept) == 3
    assert (kept["3"], kept["4"]) == (1.0, 4.0)


def test_who_has_gone_over_into_an_account_writes_no_more_as_nobody(store: Store) -> None:
    source, target = new_visitor(store), new_visitor(store)
    with store.writing() as session:
        key = session.get_one(VisitorRow, source).key
        ratings_log.rate(session, source, "1", 4.0)
        ratings_log.merge(session, source, target)
    # What was on the way meanwhile is not acknowledged, so that nothing acknowledged is lost.
    with pytest.raises(UnknownVisitorError), store.writing() as session:
        ratings_log.rate(session, source, "2", 4.0)
    with store.reading() as session:
        assert visitor_id_of(session, key) is None
        assert ratings_log.merge(session, source, target) == 0
        assert [given.item for given in ratings_log.ratings_of(session, target)] == ["1"]
