"""Counts what the report page shows: ratings, visitors, and the quality of the model."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from matinee.models import ItemRidge, Model
from matinee.models.factor_model import FactorModel
from matinee.models.recommender import Recommender
from matinee.solving.history import Iteration
from matinee.web.cinema.showing import Showing
from matinee.web.cinema.statistics import STARS, Distribution
from matinee.web.rendering.wording import counted
from matinee.web.store.visitor_counts import N_DAYS, VisitorCounts


@dataclass(frozen=True)
class DayCount:
    """How many ratings were set on a day (UTC), and that number divided by the greatest of all days."""

    day: date
    n_ratings: int
    share: float


@dataclass(frozen=True)
class Report:
    """The state of the cinema at one moment.

    Attributes
    ----------
    n_users, n_films, n_ratings : int
        In the ratings that the model was fitted to.
    n_listed : int
        Films that can be looked up, whether the model knows them or not.
    sparsity : float
        The share of users × films that has no rating.
    distribution, visitors_distribution : Distribution
        Of the ratings that the model was fitted to, and of the visitors' ratings.
    n_visitors, n_accounts, n_visitors_ratings : int
        Visitors who have a rating now, accounts, and the visitors' ratings now.
    days : list of DayCount
        The last 30 days, the oldest first. Setting and changing a rating both count.
    model_name : str
        Such as "ALS".
    model_summary : str
        Such as "ALS with 10 factors".
    parameters : dict
        The model's parameters that are not None.
    history : list of Iteration
        The iterations of the fit.
    age_seconds : float
        Since the model file was written.
    """

    n_users: int
    n_films: int
    n_listed: int
    n_ratings: int
    sparsity: float
    distribution: Distribution
    visitors_distribution: Distribution
    n_visitors: int
    n_accounts: int
    n_visitors_ratings: int
    days: list[DayCount]
    model_name: str
    model_summary: str
    parameters: dict[str, object]
    history: list[Iteration]
    age_seconds: float

    @property
    def last_iteration(self) -> Iteration | None:
        """The last iteration of the fit, with the model's errors; None if the model has no history."""
        return self.history[-1] if self.history else None


def make_report(showing: Showing, visitors: VisitorCounts, *, at: float | None = None) -> Report:
    """The report at a time in Unix seconds, by default now."""
    at = time.time() if at is None else at
    model = showing.model
    n_users, n_films, n_ratings = len(model.user_index_), len(model.item_index_), len(model.rated_.values)
    return Report(
        n_users=n_users,
        n_films=n_films,
        n_listed=len(showing.catalogue),
        n_ratings=n_ratings,
        sparsity=1 - n_ratings / (n_users * n_films) if n_users * n_films else 1.0,
        distribution=showing.statistics.overall(),
        visitors_distribution=_distribution(visitors.ratings),
        n_visitors=visitors.n_visitors,
        n_accounts=visitors.n_accounts,
        n_visitors_ratings=sum(visitors.ratings.values()),
        days=_days(visitors),
        model_name=type(model).__name__,
        model_summary=summary_of(model),
        parameters={name: value for name, value in model.get_params().items() if value is not None},
        history=model.history_,
        age_seconds=max(0.0, at - showing.fitted_at),
    )


def summary_of(model: Model) -> str:
    """The kind of a model and how large it is; of a `Recommender`, those of its models."""
    name = type(model).__name__
    if isinstance(model, Recommender):
        watch = " and ".join(map(summary_of, model.watch_models_))
        return f"{name}: {watch} for what to watch, {summary_of(model.stars_model_)} for the stars"
    if isinstance(model, FactorModel):
        n_factors = model.item_factors_.shape[1]
        return f"{name} with {counted(n_factors, 'factor')}"
    if isinstance(model, ItemRidge):
        return f"{name} with a weight for each pair of {counted(len(model.item_index_), 'film')}"
    return name


def _distribution(ratings: dict[float, int]) -> Distribution:
    total = sum(ratings.values())
    mean = sum(stars * count for stars, count in ratings.items()) / total if total else None
    return Distribution(tuple(ratings.get(stars, 0) for stars in STARS), mean)


def _days(visitors: VisitorCounts) -> list[DayCount]:
    counts, last = visitors.days, visitors.last_day
    most = max(counts.values(), default=1)
    epoch = datetime.fromtimestamp(0, UTC).date()
    return [
        DayCount(epoch + timedelta(days=day), counts.get(day, 0), counts.get(day, 0) / most)
        for day in range(last - N_DAYS + 1, last + 1)
    ]
