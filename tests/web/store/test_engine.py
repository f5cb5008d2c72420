"""Databases that are none, and what a database keeps to itself."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from matinee.errors import DataError
from matinee.web.store.engine import Store
from matinee.web.store.tables import AccountRow, now
from tests.web.site import Site
from tests.web.stored import new_visitor


@pytest.mark.parametrize(
    "url", ["mysql://host/name", "sqlite://", "sqlite:///:memory:", "nonsense", "postgresql+asyncpg://h/n"]
)
def test_any_other_database_is_refused_with_what_is_expected(url: str) -> None:
    with pytest.raises(DataError, match="expected sqlite:///path or postgresql"):
        Store(url)


def test_no_other_user_can_read_the_sqlite_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "matinee.sqlite3"
    usual = os.umask(0o022)
    try:
        store = Store(f"sqlite:///{file}")
        with store.engine.begin() as connection:
            connection.execute(text("CREATE TABLE kept (number INTEGER)"))
            modes = {kept.name: kept.stat().st_mode & 0o777 for kept in file.parent.iterdir()}
        store.close()
    finally:
        os.umask(usual)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert modes == dict.fromkeys(modes, 0o600)
    assert {"matinee.sqlite3", "matinee.sqlite3-wal"} <= set(modes)


def test_a_file_of_an_earlier_version_is_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "matinee.sqlite3"
    file.touch(mode=0o644)
    file.chmod(0o644)
    tmp_path.chmod(0o755)
    Store(f"sqlite:///{file}").close()
    assert file.stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_an_error_of_the_database_does_not_tell_the_hash_of_a_password(store: Store) -> None:
    row = {"visitor_id": new_visitor(store), "name": "Ada", "folded_name": "ada", "created_at": now()}
    with pytest.raises(DBAPIError) as caught, store.writing() as session:
        for _ in range(2):
            session.execute(insert(AccountRow).values(**row, password_hash="$argon2id$the-hash"))
    assert "INSERT INTO account" in str(caught.value)
    assert "the-hash" not in str(caught.value)


def test_a_failure_while_an_account_is_made_leaves_no_hash_in_the_log(
    quick_site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    browser = quick_site.browser()
    token = browser.csrf_token
    with quick_site.store.writing() as session:
        session.execute(text("ALTER TABLE account RENAME TO gone"))
    with caplog.at_level(logging.DEBUG):
        answer = browser.client.post(
            "/register", data={"csrf_token": token, "name": "Ada", "password": "a long password"}
        )
    assert answer.status_code == 503
    assert "account" in caplog.text
    assert "$argon2" not in caplog.text
