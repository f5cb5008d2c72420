"""Counts that many ask for at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from matinee.web.store import visitor_counts
from matinee.web.store.engine import Store
from matinee.web.store.migrating import upgrade
from matinee.web.store.outage import Outage
from matinee.web.store.visitor_counts import SharedCounts, VisitorCounts
from tests.web.server_process import HANG_SECONDS
from tests.web.site import Site
from tests.web.stored import add_ratings


class Counter:
    """Counts how often is counted, and lets a test say how long that takes."""

    def __init__(self) -> None:
        self.n_begun, self.n_at_once, self.most_at_once = 0, 0, 0
        self.may_end = threading.Event()
        self.has_begun = threading.Event()

    def count(self, _store: Store, _at: float) -> VisitorCounts:
        self.n_begun += 1
        self.n_at_once += 1
        self.most_at_once = max(self.most_at_once, self.n_at_once)
        self.has_begun.set()
        assert self.may_end.wait(HANG_SECONDS)
        self.n_at_once -= 1
        return VisitorCounts({}, self.n_begun, 0, {}, 0)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter()
    monkeypatch.setattr(visitor_counts, "count_visitors", counter.count)
    return counter


@pytest.fixture
def counts(tmp_path: Path) -> Iterator[SharedCounts]:
    store = Store(f"sqlite:///{tmp_path / 'matinee.sqlite3'}")
    upgrade(store)
    yield SharedCounts(store, Outage())
    store.close()


def test_only_one_thread_counts_at_a_time(
    counts: SharedCounts, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_counts, "QUICK_SECONDS", HANG_SECONDS)
    found: list[VisitorCounts] = []
    first = threading.Thread(target=lambda: found.append(counts.get()))
    first.start()
    counter.has_begun.wait(HANG_SECONDS)
    others = [threading.Thread(target=lambda: found.append(counts.get())) for _ in range(24)]
    for thread in others:
        thread.start()
    counter.may_end.set()
    for thread in (first, *others):
        thread.join(HANG_SECONDS)
    assert len(found) == 25
    # Those who came while the first was counted share the next count, which is of a moment after they asked.
    assert counter.most_at_once == 1


def test_what_takes_long_is_waited_for_only_once(
    counts: SharedCounts, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_counts, "QUICK_SECONDS", -1.0)
    monkeypatch.setattr(visitor_counts, "GREATEST_SHARE", float("inf"))
    counter.may_end.set()
    assert counts.get().n_visitors == 1
    counter.may_end.clear()
    counter.has_begun.clear()
    # The counting in the background hangs, and nobody waits for it.
    assert [counts.get().n_visitors for _ in range(24)] == [1] * 24
    assert counter.has_begun.wait(HANG_SECONDS)
    assert counter.n_begun == 2
    counter.may_end.set()
    with counts._counting:
        assert counts._counts is not None and counts._counts.n_visitors == 2


def test_what_takes_long_is_not_counted_again_too_soon(
    counts: SharedCounts, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_counts, "QUICK_SECONDS", -1.0)
    monkeypatch.setattr(visitor_counts, "GREATEST_SHARE", 1e-12)
    counter.may_end.set()
    assert [counts.get().n_visitors for _ in range(24)] == [1] * 24
    assert counter.n_begun == 1


def test_a_failure_in_the_background_leaves_the_last_counts(
    counts: SharedCounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counts.get()

    def fail(*_: object) -> VisitorCounts:
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(visitor_counts, "count_visitors", fail)
    counts.renew()
    with counts._counting:
        assert counts._counts is before


def test_the_report_of_a_small_cinema_is_of_this_moment(
    quick_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_counts, "QUICK_SECONDS", HANG_SECONDS)
    client = quick_site.client()
    assert "No visitor has rated a film yet." in client.get("/report").text
    add_ratings(quick_site.store, [{"1": 4.0}])
    assert "No visitor has rated a film yet." not in client.get("/report").text
