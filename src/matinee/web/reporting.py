"""What the report page tells: how much there is in the database, and how good and how old the model is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matinee.web.cinema.showing import Showing
from matinee.web.cinema.statistics import STARS, Distribution
from matinee.web.store.tables import AccountRow, RatingEventRow, RatingRow, now

DAY_MILLISECONDS = 86_400_000
N_DAYS = 30


@dataclass(frozen=True)
class VisitorFigures:
    """What visitors of this site have done.

    Attributes
    ----------
    n_raters, n_accounts : int
        Visitors with at least one rating at present, with and without an account; accounts.
    distribution : Distribution
        Of their present ratings.
    by_day : list of (int, int)
        The last thirty days, today last: the beginning in Unix milliseconds (UTC), and how many ratings were
        given or changed on it.
    """

    n_raters: int
    n_accounts: int
    distribution: Distribution
    by_day: list[tuple[int, int]]


@dataclass(frozen=True)
class ModelFigures:
    """What a model was fitted on, and how well it did."""

    kind: str
    n_factors: int
    n_iterations: int
    n_users: int
    n_items: int
    n_films_listed: int
    n_ratings: int
    sparsity: float
    distribution: Distribution
    train_rmse: float | None
    validation_rmse: float | None
    validation_ndcg: float | None
    fitted_at: float


def visitor_figures(session: Session, at: int | None = None) -> VisitorFigures:
    """The figures of the visitors; ``at`` is the present, in Unix milliseconds."""
    counts = {
        float(rating): int(count)
        for rating, count in session.execute(
            select(RatingRow.rating, func.count()).group_by(RatingRow.rating)
        )
    }
    total = sum(counts.values())
    mean = sum(stars * count for stars, count in counts.items()) / total if total else None
    return VisitorFigures(
        n_raters=session.scalar(select(func.count(func.distinct(RatingRow.visitor_id)))) or 0,
        n_accounts=session.scalar(select(func.count()).select_from(AccountRow)) or 0,
        distribution=Distribution(tuple(counts.get(stars, 0) for stars in STARS), mean),
        by_day=_by_day(session, now() if at is None else at),
    )


def _by_day(session: Session, at: int) -> list[tuple[int, int]]:
    first = at // DAY_MILLISECONDS - N_DAYS + 1
    day = RatingEventRow.at // DAY_MILLISECONDS
    rows = session.execute(
        select(day, func.count())
        .where(RatingEventRow.at >= first * DAY_MILLISECONDS, RatingEventRow.rating.is_not(None))
        .group_by(day)
    )
    counts = {int(number): int(count) for number, count in rows}
    return [(number * DAY_MILLISECONDS, counts.get(number, 0)) for number in range(first, first + N_DAYS)]


def model_figures(showing: Showing) -> ModelFigures:
    """The figures of the model that is served."""
    model, distribution = showing.model, showing.statistics.overall()
    n_users, n_items = len(model.user_index_), len(model.item_index_)
    last = model.history_[-1] if model.history_ else None
    return ModelFigures(
        kind=type(model).__name__,
        n_factors=model.item_factors_.shape[1],
        n_iterations=len(model.history_),
        n_users=n_users,
        n_items=n_items,
        n_films_listed=len(showing.catalogue),
        n_ratings=distribution.n_ratings,
        sparsity=1 - distribution.n_ratings / max(n_users * n_items, 1),
        distribution=distribution,
        train_rmse=None if last is None else last.train_rmse,
        validation_rmse=None if last is None else last.validation_rmse,
        validation_ndcg=None if last is None else last.validation_ndcg,
        fitted_at=showing.fitted_at,
    )
