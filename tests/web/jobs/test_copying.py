"""A database that goes through a file into a database of the other kind, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from matinee.errors import DataError
from matinee.web.jobs.copying import copied_tables, copy_in, copy_out
from matinee.web.store import accounts, film_lists, operator_tokens, ratings_log, sessions, tokens
from matinee.web.store.engine import Store
from matinee.web.store.events import events_after
from matinee.web.store.migrating import upgrade
from matinee.web.store.operator_tokens import Right
from matinee.web.store.visitors import add_visitor, visitor_id_of
from tests.web.stored import add_ratings, new_visitor


@pytest.fixture
def other(store: Store, make_postgres_database: Callable[..., str], tmp_path: Path) -> Iterator[Store]:
    """An empty database of the other kind."""
    url = make_postgres_database() if store.is_sqlite else f"sqlite:///{tmp_path / 'other.sqlite3'}"
    other = Store(url)
    upgrade(other)
    yield other
    other.close()


def fill(store: Store) -> tuple[accounts.Account, str, str, str]:
    """Something in every table, and what is gone again."""
    add_ratings(store, [{"260": 4.5, "é": 0.5}, {"1": 3.0}])
    guest = new_visitor(store)
    accounts.register(store, "Ada", "a long password")
    accounts.register(store, "gone", "a long password")
    gone = accounts.authenticate(store, "gone", "a long password")
    account = accounts.authenticate(store, "Ada", "a long password")
    assert account is not None and gone is not None
    with store.writing() as session:
        ratings_log.rate(session, guest, "7", 2.0)
        ratings_log.merge(session, guest, account.visitor_id)
        ratings_log.dismiss(session, account.visitor_id, "8")
        for films in film_lists.LISTS:
            film_lists.add(session, films, account.visitor_id, ["9"])
        accounts.delete_account(session, gone)
        secret = sessions.open_session(session, account)
        _, token = tokens.make_token(session, account, "script")
        operator = operator_tokens.make_token(session, "nightly", {Right.EVENTS})
    return account, secret, token, operator


def test_nothing_is_lost_on_the_way_to_the_other_kind_and_back(
    store: Store, other: Store, tmp_path: Path, migrated_sqlite: Path
) -> None:
    account, secret, token, operator = fill(store)
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    counts = copy_out(store, first)
    assert all(counts[table.name] for table in copied_tables())
    assert first.stat().st_mode & 0o777 == 0o600
    assert copy_in(other, first) == counts
    copy_out(other, second)
    assert second.read_text() == first.read_text()

    assert accounts.authenticate(other, "Ada", "a long password") == account
    with other.reading() as session:
        assert sessions.account_of(session, secret) == account
        assert tokens.account_by_token(session, token) == account
        assert operator_tokens.rights_of(session, operator) == {Right.EVENTS}
        assert ratings_log.ratings_of(session, account.visitor_id)[0].item == "7"
        assert ratings_log.dismissed_by(session, account.visitor_id) == ["8"]
        for films in film_lists.LISTS:
            assert film_lists.items_in(session, films, account.visitor_id) == ["9"]
    assert events_after(other, 0, 1000) == events_after(store, 0, 1000)


def test_no_number_is_given_a_second_time_after_it(store: Store, other: Store, tmp_path: Path) -> None:
    fill(store)
    copy_out(store, tmp_path / "copy.jsonl")
    copy_in(other, tmp_path / "copy.jsonl")
    numbers, cursors = [], []
    for each in (store, other):
        with each.writing() as session:
            row = add_visitor(session)
            assert visitor_id_of(session, row.key) == row.id
            ratings_log.rate(session, row.id, "1", 4.0)
            numbers.append(row.id)
        cursors.append(events_after(each, 0, 1000)[-1].cursor)
    assert numbers[0] == numbers[1]
    assert cursors[0] == cursors[1]


def test_what_is_no_copy_or_has_no_room_changes_nothing(store: Store, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    copy_out(store, good)
    head = json.loads(good.read_text())
    visitor = '{"table": "visitor", "id": 1, "key": "k", "created_at": 1, "merged_into": null}\n'
    for written, said in (
        ("", "is no copy of a database"),
        ("userId,movieId\n", "is no copy of a database"),
        (json.dumps({**head, "schema": "0001"}), "schema version '0001'"),
        (json.dumps(head) + "\n" + visitor + "half a li", "line 3: expected a row"),
        (json.dumps(head) + "\n" + visitor * 2, "cannot be stored"),
        (json.dumps(head) + '\n{"table": "strange"}\n', "'strange', which is not known"),
        (json.dumps(head) + '\n{"table": "rating", "visitor_id": 9, "item": "1"}\n', "cannot be stored"),
    ):
        bad.write_text(written)
        with pytest.raises(DataError, match=said):
            copy_in(store, bad)
    copy_in(store, good)
    new_visitor(store)
    with pytest.raises(DataError, match="already has rows in 'visitor'"):
        copy_in(store, good)
