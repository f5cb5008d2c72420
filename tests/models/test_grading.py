"""Targets graded by the rating, against the row problem in float64 and the objective in numpy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from matinee import ImplicitALS, load
from matinee.errors import DataError
from matinee.ratings import Ratings

from ..conftest import random_ratings

GRADED = {"n_factors": 4, "regularization": 0.02, "n_iterations": 6, "grading": 0.3}


def targets_of(ratings: Ratings, grading: float) -> np.ndarray:
    """τ of every pair, NaN where there is no rating."""
    table = np.full((ratings.n_users, ratings.n_items), np.nan)
    table[ratings.user_positions, ratings.by_user.columns] = ratings.values
    mean = np.nanmean(table)
    counts = (~np.isnan(table)).sum(axis=1)
    own = (np.nansum(table, axis=1) + 5 * mean) / (counts + 5)
    return 1 + grading * 4 * (table - own[:, None]) / (np.nanmax(table) - np.nanmin(table))


def exact_rows(targets: np.ndarray, items: np.ndarray, model: ImplicitALS) -> np.ndarray:
    """Each user as the answer to the items: everything weighs α₀, what was seen α more, towards its τ."""
    rows = []
    for of_user in targets:
        seen = ~np.isnan(of_user)
        weights = np.where(seen, model.unobserved_weight + model.alpha, model.unobserved_weight)
        ridge = model.regularization * (seen.sum() + model.unobserved_weight * len(seen)) ** model.nu
        matrix = (items.T * weights) @ items + ridge * np.eye(items.shape[1])
        rows.append(np.linalg.solve(matrix, items.T @ (weights * np.where(seen, of_user, 0))))
    return np.array(rows)


@pytest.mark.parametrize("solver", ["cholesky", "cg", "subspace"])
@pytest.mark.parametrize(("alpha", "unobserved"), [(1.0, 0.3), (0.001, 1.0), (40.0, 0.01), (1.0, 0.0)])
def test_the_users_are_the_exact_answer_to_the_items(solver: str, alpha: float, unobserved: float) -> None:
    ratings = random_ratings()
    model = ImplicitALS(**GRADED, alpha=alpha, unobserved_weight=unobserved, solver=solver).fit(ratings)
    expected = exact_rows(targets_of(ratings, 0.3), model.item_factors_.astype(np.float64), model)
    assert np.allclose(model.user_factors_, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_the_objective_is_that_of_numpy_and_never_rises(momentum: float) -> None:
    ratings = random_ratings()
    seen_by: list[float] = []
    model = ImplicitALS(**GRADED, unobserved_weight=0.3, momentum=momentum, random_state=1)
    model.fit(ratings, callback=lambda record: seen_by.append(record.objective))
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in pairwise(seen_by))
    targets = targets_of(ratings, 0.3)
    seen, scores = ~np.isnan(targets), model.user_factors_.astype(np.float64) @ model.item_factors_.T
    squared = (1.3 * (np.where(seen, targets, 0) - scores) ** 2)[seen].sum() + 0.3 * (
        scores[~seen] ** 2
    ).sum()
    penalty = 0.0
    for factors, axis in ((model.user_factors_, 1), (model.item_factors_, 0)):
        ridge = 0.02 * (seen.sum(axis=axis) + 0.3 * seen.shape[axis])
        penalty += (ridge * np.square(factors, dtype=np.float64).sum(axis=1)).sum()
    # The users were solved once more after the last record, which can only lower it, and by little.
    assert squared + penalty <= seen_by[-1] * (1 + 1e-6)
    assert squared + penalty == pytest.approx(seen_by[-1], rel=0.02)


def test_hardly_graded_is_presence() -> None:
    ratings = random_ratings()
    settings = {**GRADED, "grading": 1e-7}
    graded = ImplicitALS(**settings).fit(ratings)
    plain = ImplicitALS(**(settings | {"grading": 0.0, "values": "presence"})).fit(ratings)
    assert np.allclose(graded.item_factors_, plain.item_factors_, atol=1e-5)
    objectives = [[record.objective for record in model.history_] for model in (graded, plain)]
    assert objectives[0] == pytest.approx(objectives[1], rel=1e-5)


def test_a_low_rating_speaks_against_what_is_like_it() -> None:
    # Two groups of films that are seen together.
    users, items = np.nonzero(np.kron(np.eye(2), np.ones((20, 8))))
    generator = np.random.default_rng(0)
    ratings = Ratings.from_arrays(users, items, generator.integers(2, 6, len(users)))
    model = ImplicitALS(n_factors=2, grading=0.3, unobserved_weight=0.1, regularization=0.001).fit(ratings)
    told = dict.fromkeys((0, 1, 8, 9), 4.0)
    worse = model.fold_in(told | {9: 1.0}).explain(10)
    better = model.fold_in(told | {9: 5.0}).explain(10)
    assert worse.score < better.score
    of_film = {part.item: part.contribution for part in worse.contributions}
    assert of_film[9] < {part.item: part.contribution for part in better.contributions}[9]


def test_a_loaded_model_grades_newcomers_as_the_fitted_one_does(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = ImplicitALS(**GRADED).fit(random_ratings())
    model.save(tmp_path / "model.safetensors")
    told = {16: 5.0, 27: 1.0}
    assert load(tmp_path / "model.safetensors").fold_in(told).recommend() == model.fold_in(told).recommend()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"grading": -0.1}, "grading=-0.1; expected a number from 0 to 1"),
        ({"grading": 2}, "grading=2; expected a number from 0 to 1"),
        ({"grading": "much"}, "grading='much'; expected a number"),
        ({"grading": 0.2, "threshold": 4.0}, r"grading=0.2 with threshold=4.0; expected only one"),
        ({"grading": 0.2, "values": "presence"}, "grading=0.2 with values='presence'; expected only one"),
        ({"grading": 0.2, "alpha": 0}, "grading=0.2 with alpha=0; expected an alpha above 0"),
    ],
)
def test_gradings_that_mean_nothing_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImplicitALS(**parameters).fit(random_ratings())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "message"),
    [([1, 1, 1], "ratings that are all 1; expected ratings that differ"), ([-1, 1, 2], "down to -1")],
)
def test_ratings_that_cannot_be_graded_are_refused(values: list[int], message: str) -> None:
    ratings = Ratings.from_arrays([1, 2, 2], [1, 1, 2], values)
    with pytest.raises(DataError, match=message):
        ImplicitALS(grading=0.2).fit(ratings)
