"""The database itself: how it comes to its form, and what it does when many write at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select, text

from matinee.errors import DataError
from matinee.web.store import ratings_log
from matinee.web.store.engine import Store
from matinee.web.store.migrating import newest, require_current, revision, upgrade
from matinee.web.store.ratings_log import TooManyRatingsError, UnknownVisitorError
from matinee.web.store.tables import RatingEventRow, RatingRow, Table, VisitorRow
from matinee.web.store.visitors import add_visitor, visitor_id_of


def new_visitor(store: Store) -> int:
    with store.writing() as session:
        return add_visitor(session).id


def test_the_migrations_make_the_tables_that_the_code_speaks_of(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_an_upgrade_of_what_is_newest_changes_nothing(store: Store) -> None:
    visitor = new_visitor(store)
    upgrade(store)
    assert revision(store) == newest()
    with store.writing() as session:
        ratings_log.rate(session, visitor, "1", 4.0)


def test_an_empty_database_is_refused_with_the_remedy(empty_database: str) -> None:
    store = Store(empty_database)
    with pytest.raises(DataError, match=r"is empty.*--migrate"):
        require_current(store)
    store.close()


def test_a_database_of_a_newer_matinee_is_refused(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DataError, match="9999"):
        upgrade(store)


def test_many_may_upgrade_one_empty_file_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'matinee.sqlite3'}"
    failures: list[BaseException] = []

    def start() -> None:
        store = Store(url)
        try:
            upgrade(store)
            require_current(store)
        except BaseException as error:
            failures.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


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
        assert session.scalar(select(func.count(RatingEventRow.id))) == 120
        played = {
            event.item: event.rating
            for event in session.scalars(select(RatingEventRow).order_by(RatingEventRow.id))
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
        assert session.scalar(select(func.count()).select_from(RatingEventRow)) == 0


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
        key = session.get(VisitorRow, source).key
        ratings_log.rate(session, source, "1", 4.0)
        ratings_log.merge(session, source, target)
    # What was on the way meanwhile is not acknowledged, so that nothing acknowledged is lost.
    with pytest.raises(UnknownVisitorError), store.writing() as session:
        ratings_log.rate(session, source, "2", 4.0)
    with store.reading() as session:
        assert visitor_id_of(session, key) is None
        assert ratings_log.merge(session, source, target) == 0
        assert [given.item for given in ratings_log.ratings_of(session, target)] == ["1"]


@pytest.mark.parametrize(
    "url", ["mysql://host/name", "sqlite://", "sqlite:///:memory:", "nonsense", "postgresql+asyncpg://h/n"]
)
def test_any_other_database_is_refused_with_what_is_expected(url: str) -> None:
    with pytest.raises(DataError, match="expected sqlite:///path or postgresql"):
        Store(url)


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    store = Store("postgresql://user:hunter2@127.0.0.1:1/name")
    with pytest.raises(DataError, match=r"127\.0\.0\.1:1/name cannot be used") as caught:
        require_current(store)
    assert "hunter2" not in str(caught.value)
    store.close()
