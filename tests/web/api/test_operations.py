"""What the operator's own programs ask."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from matinee.web.store import heartbeat
from tests.web.site import Site


@pytest.fixture(autouse=True)
def every_question_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.0)


def refuse_to_write(site: Site) -> None:
    """Make the database one that can only be read, as when the disk is full or a replica has taken over."""
    is_sqlite = site.store.is_sqlite
    say = "PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on"

    def prepare(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.cursor().execute(say)
        if not is_sqlite:
            connection.commit()

    event.listen(site.store.engine, "checkout", prepare)


def test_a_server_is_not_ready_while_its_database_cannot_be_written(site: Site) -> None:
    client = site.client()
    assert client.get("/ready").json() == {"status": "ready"}
    refuse_to_write(site)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The database cannot be written."
    assert client.get("/api/v1/movies").status_code == 200
    assert client.get("/health").status_code == 200


def test_a_server_is_ready_again_once_it_can_write(quick_site: Site) -> None:
    client = quick_site.client()
    with quick_site.store.writing() as session:
        session.execute(text("ALTER TABLE heartbeat RENAME TO gone"))
    assert client.get("/ready").status_code == 503
    with quick_site.store.writing() as session:
        session.execute(text("ALTER TABLE gone RENAME TO heartbeat"))
    assert client.get("/ready").status_code == 200


def test_however_often_it_is_asked_the_database_is_written_seldom(
    quick_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 3600.0)
    client = quick_site.client()
    assert client.get("/ready").status_code == 200
    with quick_site.store.writing() as session:
        session.execute(text("DROP TABLE heartbeat"))
    assert client.get("/ready").status_code == 200
