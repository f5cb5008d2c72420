"""How a database comes to its schema."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from matinee.errors import DataError
from matinee.web.store import migrating, ratings_log
from matinee.web.store.engine import Store
from matinee.web.store.migrating import newest, require_current, revision, upgrade
from matinee.web.store.tables import Table
from tests.web.stored import new_visitor


def test_the_migrations_make_the_tables_that_the_code_speaks_of(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_accounts_of_before_get_what_their_names_look_like(empty_database: str) -> None:
    store = Store(empty_database)
    config = migrating._config()
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number, name in enumerate(("admin", "\N{CYRILLIC SMALL LETTER A}dmin", "Ada"), 1):
            connection.execute(
                text("INSERT INTO visitor (id, key, created_at) VALUES (:number, :name, 0)"),
                {"number": number, "name": name},
            )
            connection.execute(
                text(
                    "INSERT INTO account (id, visitor_id, name, folded_name, password_hash, created_at) "
                    "VALUES (:number, :number, :name, :name, '', 0)"
                ),
                {"number": number, "name": name},
            )
    upgrade(store)
    with store.engine.connect() as connection:
        found = connection.execute(text("SELECT lookalike, recovery_digest FROM account ORDER BY id")).all()
    store.close()
    # Of two that look alike already, the first has the look; nobody can add a third.
    assert [tuple(row) for row in found] == [("admin", None), (None, None), ("ada", None)]


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


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    store = Store("postgresql://user:hunter2@127.0.0.1:1/name")
    with pytest.raises(DataError, match=r"127\.0\.0\.1:1/name cannot be used") as caught:
        require_current(store)
    assert "hunter2" not in str(caught.value)
    store.close()
