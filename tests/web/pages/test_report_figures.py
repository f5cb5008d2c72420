"""The figures of the report page, counted by hand."""

from __future__ import annotations

import time

from sqlalchemy import update

import matinee
from matinee.models import ItemRidge
from matinee.models.baselines import MostPopular
from matinee.models.recommender import Recommender
from matinee.web.cinema.showing import Showing
from matinee.web.pages.report_figures import make_report, summary_of
from matinee.web.store import ratings_log
from matinee.web.store.engine import Store
from matinee.web.store.tables import EventRow
from matinee.web.store.visitor_counts import count_visitors
from matinee.web.store.visitors import add_visitor
from tests.conftest import random_ratings

DAY = 24 * 3600


def test_the_report_counts_what_there_is(store: Store, showing: Showing) -> None:
    ratings = matinee.load_dataset("demo")
    at = 20_000.5 * DAY
    with store.writing() as session:
        add_visitor(session)  # who rates nothing
        visitor = add_visitor(session).id
        for item, stars in (("1", 4.0), ("2", 4.0), ("3", 0.5)):
            ratings_log.rate(session, visitor, item, stars)
        ratings_log.take_back(session, visitor, "3")
        for number, day in enumerate((19_999, 19_999, 20_000), 1):
            moved = update(EventRow).where(EventRow.id == number)
            session.execute(moved.values(at=day * DAY * 1000 + 5))
    report = make_report(showing, count_visitors(store, at), at=at)
    assert (report.n_users, report.n_films, report.n_ratings) == (
        ratings.n_users,
        ratings.n_items,
        len(ratings),
    )
    assert abs(report.sparsity - ratings.sparsity) < 1e-12
    assert report.distribution.n_ratings == len(ratings)
    assert (report.n_visitors, report.n_accounts, report.n_visitors_ratings) == (1, 0, 2)
    assert report.visitors_distribution.counts == (0, 0, 0, 0, 0, 0, 0, 2, 0, 0)
    assert len(report.days) == 30
    assert [(day.day.isoformat(), day.n_ratings, day.share) for day in report.days[-3:]] == [
        ("2024-10-02", 0, 0.0),
        ("2024-10-03", 2, 1.0),
        ("2024-10-04", 1, 0.5),
    ]
    assert report.model_name == "ALS"
    assert report.model_summary == "ALS with 8 factors"
    assert report.last_iteration is not None
    now = make_report(showing, count_visitors(store, time.time()))
    assert 0 <= now.age_seconds <= time.time() - showing.fitted_at


def test_ratings_that_came_along_into_an_account_count_once(store: Store, showing: Showing) -> None:
    with store.writing() as session:
        source, target = add_visitor(session).id, add_visitor(session).id
        ratings_log.rate(session, source, "1", 4.0)
        ratings_log.merge(session, source, target)
    assert sum(day.n_ratings for day in make_report(showing, count_visitors(store, time.time())).days) == 1


def test_a_model_is_described_by_what_it_is_made_of() -> None:
    ratings = random_ratings(n_users=40, n_items=30, share=0.4, seed=4)
    ridge = ItemRidge().fit(ratings)
    watch = matinee.ImplicitALS(n_factors=1, n_iterations=1).fit(ratings, progress=False)
    stars = matinee.ALS(n_factors=2, n_iterations=1).fit(ratings, progress=False)
    assert summary_of(ridge) == "ItemRidge with a weight for each pair of 30 films"
    assert summary_of(Recommender.of_fitted([watch, ridge], stars)) == (
        "Recommender: ImplicitALS with 1 factor and ItemRidge with a weight for each pair of 30 films for "
        "what to watch, ALS with 2 factors for the stars"
    )
    assert summary_of(MostPopular().fit(ratings)) == "MostPopular with 1 factor"
