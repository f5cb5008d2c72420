"""People of few ratings: what they have not rated counts for less, against the row problem in float64."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matinee import ImplicitALS, load
from matinee.errors import DataError
from matinee.ratings import Ratings

from ..conftest import random_ratings
from .test_grading import targets_of

N = 15
SETTINGS: dict[str, Any] = {
    "n_factors": 4,
    "regularization": 0.02,
    "unobserved_weight": 0.3,
    "n_iterations": 4,
    "alpha": 1.5,
}
KINDS: dict[str, dict[str, Any]] = {
    "graded": {"grading": 0.3},
    "seen": {"values": "presence"},
    "strengths": {},
    "liked": {"threshold": 3.0},
}


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    """Of users with fewer than N ratings, and with more."""
    found = random_ratings(n_users=50)
    kept = np.concatenate(
        [np.flatnonzero(found.user_positions == row)[: 1 + row % 20] for row in range(found.n_users)]
    )
    mask = np.zeros(len(found), dtype=bool)
    mask[kept] = True
    found = found.subset(mask)
    assert found.by_user.counts.min() < N <= found.by_user.counts.max()
    return found


def expected_users(ratings: Ratings, model: ImplicitALS, kind: str) -> np.ndarray:
    """Each user as the answer to the items in float64, with the share s of α₀ and of the ridge."""
    table = np.full((ratings.n_users, ratings.n_items), np.nan)
    table[ratings.user_positions, ratings.by_user.columns] = ratings.values
    seen = ~np.isnan(table)
    strengths = np.where(seen, table, 0)
    added = {
        "graded": seen.astype(float),
        "seen": seen.astype(float),
        "strengths": strengths,
        "liked": (strengths >= 3).astype(float),
    }[kind]
    wanted = np.where(seen, targets_of(ratings, 0.3), 0) if kind == "graded" else (added > 0).astype(float)
    items = model.item_factors_.astype(np.float64)
    squared_length = (items**2).sum(axis=1).mean()
    rows = []
    for add, target, n in zip(added, wanted, seen.sum(axis=1), strict=True):
        share = min(max(n, 10) / N, 1) ** 4
        counted = n if kind == "graded" else np.count_nonzero(add)
        weights = 0.3 * share + 1.5 * add
        ridge = share * 0.02 * (counted + 0.3 * len(add)) + (1 - share) * 3 * squared_length
        matrix = (items.T * weights) @ items + ridge * np.eye(4)
        rows.append(np.linalg.solve(matrix, items.T @ (weights * target)))
    return np.array(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_the_users_are_the_exact_answer_to_the_items(ratings: Ratings, kind: str) -> None:
    model = ImplicitALS(**SETTINGS, **KINDS[kind], known_from=N).fit(ratings)
    expected = expected_users(ratings, model, kind)
    assert np.allclose(model.user_factors_, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("kind", KINDS)
def test_the_items_are_those_of_the_fit_without_it(ratings: Ratings, kind: str) -> None:
    plain = ImplicitALS(**SETTINGS, **KINDS[kind]).fit(ratings)
    model = ImplicitALS(**SETTINGS, **KINDS[kind], known_from=N).fit(ratings)
    assert np.array_equal(model.item_factors_, plain.item_factors_)
    many = ratings.by_user.counts >= N
    assert np.array_equal(model.user_factors_[many], plain.user_factors_[many])
    assert not np.allclose(model.user_factors_[~many], plain.user_factors_[~many], rtol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_visitor_gets_what_a_user_of_the_same_ratings_gets(ratings: Ratings, kind: str) -> None:
    model = ImplicitALS(**SETTINGS, **KINDS[kind], known_from=N).fit(ratings)
    for row in (0, 5, 19):
        user = model.user_index_.id_at(row)
        visitor = model.fold_in(model.person(user).rated)
        known = dict(model.recommend(user, 10))
        assert dict(visitor.recommend(10)) == pytest.approx(known, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_of_a_score_add_up(ratings: Ratings, kind: str) -> None:
    model = ImplicitALS(**SETTINGS, **KINDS[kind], known_from=N).fit(ratings)
    for row in (0, 5, 19):
        user = model.user_index_.id_at(row)
        [(item, score)] = model.recommend(user, 1)
        explained = model.explain(user, item, n=len(ratings.items))
        assert explained.score == pytest.approx(score, rel=1e-4, abs=1e-5)
        total = explained.baseline + sum(part.contribution for part in explained.contributions)
        assert total == pytest.approx(score, rel=1e-4, abs=1e-5)


def test_people_of_all_numbers_of_ratings_are_solved_together_as_alone(ratings: Ratings) -> None:
    model = ImplicitALS(**SETTINGS, grading=0.2, known_from=N).fit(ratings)
    together = model.fold(ratings.by_user).factors
    alone = [model.fold(ratings.by_user.pick([row])).factors[0] for row in range(ratings.n_users)]
    assert np.array_equal(together, np.array(alone))


def test_the_objective_falls_as_without_it(ratings: Ratings) -> None:
    records: list[float] = []
    model = ImplicitALS(**SETTINGS, grading=0.2, known_from=N)
    model.fit(ratings, callback=lambda record: records.append(record.objective))
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in pairwise(records))


def test_a_file_keeps_it(ratings: Ratings, tmp_path: Path) -> None:
    model = ImplicitALS(**SETTINGS, grading=0.2, known_from=N).fit(ratings)
    model.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    told = {ratings.items[0]: 5.0, ratings.items[3]: 2.0}
    assert loaded.fold_in(told).recommend(5) == model.fold_in(told).recommend(5)


@pytest.mark.parametrize("given", [-1, 2.5, "many", True])
def test_anything_but_a_whole_number_is_refused(given: Any) -> None:
    with pytest.raises(DataError, match="known_from"):
        ImplicitALS(known_from=given).fit(random_ratings())
