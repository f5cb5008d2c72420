"""The log: every event once and in order, whatever happens at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from alembic import command
from sqlalchemy import func, select, text

from matinee.web.store import accounts, ratings_log
from matinee.web.store.engine import Store
from matinee.web.store.events import Event, events_after
from matinee.web.store.migrating import _config, upgrade
from matinee.web.store.tables import EventRow
from matinee.web.store.visitors import add_visitor
from tests.web.server_process import HANG_SECONDS
from tests.web.stored import new_visitor


def told(store: Store, cursor: int = 0) -> list[tuple[Any, ...]]:
    return [(one.kind, one.visitor, one.item, one.rating) for one in events_after(store, cursor, 1000)]


def test_all_that_visitors_do_is_in_it_and_what_changes_nothing_is_not(store: Store) -> None:
    visitor = new_visitor(store)
    with store.writing() as session:
        ratings_log.rate(session, visitor, "1", 4.0)
        ratings_log.rate(session, visitor, "1", 4.5)
        for _ in range(2):
            ratings_log.take_back(session, visitor, "1")
            ratings_log.dismiss(session, visitor, "2")
        for _ in range(2):
            ratings_log.undismiss(session, visitor, "2")
    accounts.register(store, "Ada", "a long password")
    with pytest.raises(accounts.NameTakenError):
        accounts.register(store, "ada", "a long password")
    expected = [
        ("rated", visitor, "1", 4.0),
        ("rated", visitor, "1", 4.5),
        ("unrated", visitor, "1", None),
        ("dismissed", visitor, "2", None),
        ("undismissed", visitor, "2", None),
        ("registered", visitor + 1, None, None),
    ]
    assert told(store) == expected
    known = events_after(store, 0, 4)
    assert told(store, known[-1].cursor) == expected[4:]


def test_a_deleted_account_leaves_only_that_it_is_deleted_and_no_cursor_is_used_again(store: Store) -> None:
    accounts.register(store, "Ada", "a long password")
    account = accounts.authenticate(store, "Ada", "a long password")
    assert account is not None
    guest = new_visitor(store)
    with store.writing() as session:
        ratings_log.rate(session, guest, "1", 4.0)
        ratings_log.dismiss(session, guest, "2")
    with store.writing() as session:
        ratings_log.merge(session, guest, account.visitor_id)
    seen = events_after(store, 0, 1000)
    assert [(one.kind, one.visitor) for one in seen[3:]] == [
        ("rated", account.visitor_id),
        ("unrated", guest),
        ("dismissed", account.visitor_id),
        ("undismissed", guest),
    ]
    with store.writing() as session:
        accounts.delete_account(session, account)
    after = events_after(store, seen[-1].cursor, 1000)
    assert sorted((one.kind, one.visitor) for one in after) == sorted(
        [("deleted", account.visitor_id), ("deleted", guest)]
    )
    assert events_after(store, 0, 1000) == after
    with store.writing() as session:
        ratings_log.rate(session, add_visitor(session).id, "1", 3.0)
    assert [one.kind for one in events_after(store, after[-1].cursor, 1000)] == ["rated"]


def test_a_reader_misses_nothing_of_writers_at_once_and_is_told_nothing_twice(store: Store) -> None:
    visitors = [new_visitor(store) for _ in range(6)]
    failures: list[BaseException] = []
    have_ended = threading.Event()
    seen: list[Event] = []

    def write(visitor: int) -> None:
        try:
            for turn in range(30):
                with store.writing() as session:
                    ratings_log.rate(session, visitor, str(turn), 4.0)
        except BaseException as error:
            failures.append(error)

    def read() -> None:
        is_last = False
        while not is_last:
            is_last = have_ended.is_set()
            while found := events_after(store, seen[-1].cursor if seen else 0, 7):
                seen.extend(found)

    writers = [threading.Thread(target=write, args=(visitor,)) for visitor in visitors]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join(HANG_SECONDS)
    have_ended.set()
    reader.join(HANG_SECONDS)
    assert failures == []
    with store.reading() as session:
        written = list(session.scalars(select(EventRow.id).order_by(EventRow.id)))
    assert [one.cursor for one in seen] == written
    assert len(written) == 180


def test_an_event_that_is_numbered_earlier_and_seen_later_is_not_missed(
    make_postgres_database: Callable[..., str], migrated_postgres: str
) -> None:
    store = Store(make_postgres_database(migrated_postgres))
    early, late = new_visitor(store), new_visitor(store)
    seen: list[Event] = []
    reader = threading.Thread(target=lambda: seen.extend(events_after(store, 0, 1000)))
    with store.writing() as session:
        ratings_log.rate(session, early, "1", 4.0)
        with store.writing() as other:
            ratings_log.rate(other, late, "1", 3.0)
        reader.start()
        reader.join(0.3)  # it must not end before the first has been seen
        assert seen == []
    reader.join(HANG_SECONDS)
    assert [one.visitor for one in seen] == [early, late]
    store.close()


def test_the_ratings_of_an_earlier_version_are_the_beginning_of_the_log(empty_database: str) -> None:
    store = Store(empty_database)
    config = _config()
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003_heartbeat")
        connection.execute(text("INSERT INTO visitor (id, key, created_at) VALUES (7, 'key', 1)"))
        line = "INSERT INTO rating_event (visitor_id, item, rating, at) VALUES (7, :item, :rating, :at)"
        for item, rating, at in (("1", 4.0, 10), ("1", None, 20), ("2", 3.5, 30), ("gone", 1.0, 40)):
            connection.execute(text(line), {"item": item, "rating": rating, "at": at})
        connection.execute(text("DELETE FROM rating_event WHERE item = 'gone'"))
        connection.execute(text("INSERT INTO dismissal (visitor_id, item, at) VALUES (7, '9', 15)"))
    upgrade(store)
    assert told(store) == [
        ("rated", 7, "1", 4.0),
        ("unrated", 7, "1", None),
        ("rated", 7, "2", 3.5),
        ("dismissed", 7, "9", None),
    ]
    with store.reading() as session:
        assert session.scalar(select(func.max(EventRow.id))) == 5  # 4 was used before
    store.close()
