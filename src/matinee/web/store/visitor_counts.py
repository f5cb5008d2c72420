"""Counts visitors and their ratings for the report; what takes long is counted once for all who ask."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.orm import Session

from matinee.web.store.engine import Store
from matinee.web.store.outage import Outage
from matinee.web.store.tables import AccountRow, EventRow, RatingRow, VisitorRow

N_DAYS = 30
DAY_MILLISECONDS = 24 * 3600 * 1000
# Counts that take no longer are made whenever somebody asks, so that they are those of this moment.
QUICK_SECONDS = 0.02
# Other counts are made again after so much time that counting takes at most this share of it.
GREATEST_SHARE = 0.05


@dataclass(frozen=True)
class VisitorCounts:
    """What there is at one moment.

    Attributes
    ----------
    ratings : dict of stars to int
        How many present ratings have so many stars.
    n_visitors : int
        Who have a rating now.
    n_accounts : int
    days : dict of int to int
        How many ratings were set on each of the last days, by the number of the day (UTC) since 1970.
    last_day : int
        The number of the present day.
    """

    ratings: dict[float, int]
    n_visitors: int
    n_accounts: int
    days: dict[int, int]
    last_day: int


def count_visitors(store: Store, at: float) -> VisitorCounts:
    """The counts at a time in Unix seconds."""
    last_day = int(at * 1000) // DAY_MILLISECONDS
    has_rated = select(RatingRow.item).where(RatingRow.visitor_id == VisitorRow.id).exists()
    with store.reading() as session:
        rows = session.execute(select(RatingRow.rating, func.count()).group_by(RatingRow.rating))
        return VisitorCounts(
            ratings={float(rating): int(count) for rating, count in rows},
            n_visitors=session.scalar(select(func.count(VisitorRow.id)).where(has_rated)) or 0,
            n_accounts=session.scalar(select(func.count(AccountRow.id))) or 0,
            days=_days(session, last_day),
            last_day=last_day,
        )


def _days(session: Session, last_day: int) -> dict[int, int]:
    # Both databases divide integers to an integer.
    number = EventRow.at.op("/")(DAY_MILLISECONDS)
    rows = session.execute(
        select(number, func.count())
        .join(VisitorRow, VisitorRow.id == EventRow.visitor_id)
        .where(
            EventRow.at >= (last_day - N_DAYS + 1) * DAY_MILLISECONDS,
            EventRow.rating.is_not(None),
            # Ratings given before logging in are in the log of the account too.
            VisitorRow.merged_into.is_(None),
        )
        .group_by(number)
    )
    return {int(day): int(count) for day, count in rows}


class SharedCounts:
    """The counts of this moment if they are quick to make, and otherwise recent ones.

    Only one thread counts at a time. If counting takes long, nobody waits for it but those who ask before
    it has ended for the first time.

    Parameters
    ----------
    store : Store
    outage : Outage
        Is told of a failure that nobody waits for.
    """

    def __init__(self, store: Store, outage: Outage) -> None:
        self._store, self._outage = store, outage
        self._counting = threading.Lock()
        self._counts: VisitorCounts | None = None
        self._began, self._took = 0.0, 0.0

    def get(self) -> VisitorCounts:
        """The counts. Raises the database's error if they have to be made now and it fails."""
        asked_at = time.monotonic()
        counts = self._counts
        if counts is None or self._took <= QUICK_SECONDS:
            with self._counting:
                # Another thread may have made them while this one waited.
                if self._counts is None or (self._took <= QUICK_SECONDS and self._began < asked_at):
                    self._count()
                assert self._counts is not None
                return self._counts
        if asked_at - self._began > self._took / GREATEST_SHARE:
            self.renew()
        return counts

    def warm(self) -> None:
        """Count for the first time, so that nobody has to wait for it."""
        with self._counting:
            self._count_or_note()

    def renew(self) -> None:
        """Count in the background, unless a thread is counting already."""
        if self._counting.acquire(blocking=False):
            threading.Thread(target=self._count_and_release, name="counting", daemon=True).start()

    def _count_and_release(self) -> None:
        try:
            self._count_or_note()
        finally:
            self._counting.release()

    def _count_or_note(self) -> None:
        try:
            self._count()
        except (DBAPIError, TimeoutError) as error:
            self._outage.note(error)

    def _count(self) -> None:
        began = time.monotonic()
        self._counts = count_visitors(self._store, time.time())
        self._began, self._took = began, time.monotonic() - began
