"""Explicit ALS against the textbook's equations, closed forms and laws."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.errors import DataError
from matinee.models import ALS
from matinee.ratings import Ratings
from matinee.solving.history import Iteration

from ..conftest import SECONDS, random_ratings


def textbook_als(
    ratings: Ratings, users: np.ndarray, items: np.ndarray, regularization: float, n_iterations: int
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """R ≈ U·Mᵀ by alternating least squares in float64: the tutorial's loop and one more half-step."""
    matrix = np.zeros((ratings.n_users, ratings.n_items))
    matrix[ratings.user_positions, ratings.by_user.columns] = ratings.values
    rated = np.zeros(matrix.shape, dtype=bool)
    rated[ratings.user_positions, ratings.by_user.columns] = True

    def solve(matrix: np.ndarray, rated: np.ndarray, fixed: np.ndarray) -> np.ndarray:
        ridge = regularization * np.eye(fixed.shape[1])
        return np.array(
            [
                np.linalg.solve(fixed[r].T @ fixed[r] + ridge, fixed[r].T @ m[r])
                for m, r in zip(matrix, rated, strict=True)
            ]
        )

    curve = []
    for _ in range(n_iterations):
        users = solve(matrix, rated, items)
        items = solve(matrix.T, rated.T, users)
        curve.append(float(np.sqrt(((matrix - users @ items.T)[rated] ** 2).mean())))
    return solve(matrix, rated, items), items, curve


@pytest.mark.parametrize(("rank", "regularization"), [(1, 0.1), (5, 0.1), (10, 2.0), (40, 0.5)])
def test_without_biases_the_fit_follows_the_textbooks_equations(
    small_ratings: Ratings, rank: int, regularization: float
) -> None:
    generator = np.random.default_rng(0)
    start = (generator.random((small_ratings.n_users, rank)), generator.random((small_ratings.n_items, rank)))
    model = ALS(
        n_factors=rank, regularization=regularization, biases=False, weighting="none", n_iterations=12
    )
    model.fit(small_ratings, start=start)

    users, items, curve = textbook_als(small_ratings, *start, regularization, 12)

    assert np.abs(model.user_factors_ - users).max() < 1e-3
    assert np.abs(model.item_factors_ - items).max() < 1e-3
    assert np.allclose([record.train_rmse for record in model.history_], curve, atol=1e-4)
    assert model.mean_ == 0
    assert not model.user_biases_.any()
    assert not model.item_biases_.any()


def test_users_end_as_the_exact_answer_to_the_items(small_ratings: Ratings) -> None:
    model = ALS(n_factors=6, regularization=0.3, n_iterations=3).fit(small_ratings)
    frame = small_ratings.by_user
    for user in range(small_ratings.n_users):
        part = slice(frame.indptr[user], frame.indptr[user + 1])
        columns = frame.columns[part]
        factors = np.column_stack([model.item_factors_[columns].astype(np.float64), np.ones(len(columns))])
        targets = frame.values[part] - model.mean_ - model.item_biases_[columns].astype(np.float64)
        ridge = 0.3 * len(columns) * np.eye(7)
        expected = np.linalg.solve(factors.T @ factors + ridge, factors.T @ targets)
        found = np.append(model.user_factors_[user], model.user_biases_[user])
        assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected)


@pytest.mark.parametrize("weighting", ["count", "none", 0.5])
@pytest.mark.parametrize("biases", [True, False])
def test_the_objective_is_the_papers_and_never_rises(
    small_ratings: Ratings, weighting: str | float, biases: bool
) -> None:
    model = ALS(n_factors=5, regularization=0.2, weighting=weighting, biases=biases, n_iterations=10)
    snapshots: list[Iteration] = []
    model.fit(small_ratings, callback=lambda record: snapshots.append(record))

    objectives = [record.objective for record in model.history_]
    assert snapshots == model.history_
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in pairwise(objectives))
    exponent = {"count": 1.0, "none": 0.0}.get(weighting, weighting)  # type: ignore[call-overload]
    assert final_objective(model, small_ratings, 0.2, exponent) <= objectives[-1] * (1 + 1e-6)
    assert final_objective(model, small_ratings, 0.2, exponent) > objectives[-1] * 0.9


def final_objective(model: ALS, ratings: Ratings, regularization: float, exponent: float) -> float:
    """The objective of the class's docstring, term by term, in float64."""
    rows, columns = ratings.user_positions, ratings.by_user.columns
    x, y = model.user_factors_.astype(np.float64), model.item_factors_.astype(np.float64)
    b_u, b_i = model.user_biases_.astype(np.float64), model.item_biases_.astype(np.float64)
    errors = ratings.values - model.mean_ - b_u[rows] - b_i[columns] - (x[rows] * y[columns]).sum(axis=1)
    n_u, n_i = np.bincount(rows, minlength=len(x)), np.bincount(columns, minlength=len(y))
    penalty = (n_u**exponent * ((x**2).sum(axis=1) + b_u**2)).sum()
    penalty += (n_i**exponent * ((y**2).sum(axis=1) + b_i**2)).sum()
    return float((errors**2).sum() + regularization * penalty)


def test_planted_factors_are_found_again() -> None:
    generator = np.random.default_rng(1)
    left, right = generator.normal(size=(200, 3)), generator.normal(size=(120, 3))
    users, items = np.nonzero(generator.random((200, 120)) < 0.4)
    values = (left[users] * right[items]).sum(axis=1)
    held_out = generator.random(len(users)) < 0.2
    train = Ratings.from_arrays(users[~held_out], items[~held_out], values[~held_out])

    model = ALS(n_factors=3, regularization=1e-4, biases=False, n_iterations=60, random_state=1)
    model.fit(train)

    predicted = model.predict(users[held_out], items[held_out])
    assert np.sqrt(np.mean((predicted - np.clip(values[held_out], *model.rating_range_)) ** 2)) < 0.01


def test_with_a_huge_regularisation_everybody_is_predicted_the_mean(small_ratings: Ratings) -> None:
    model = ALS(n_factors=4, regularization=1e9).fit(small_ratings)
    frame = small_ratings.to_frame()
    predicted = model.predict(frame["user"], frame["item"])
    assert np.allclose(predicted, small_ratings.values.mean(dtype=np.float64), atol=1e-4)


def test_same_seed_same_bits_whatever_the_number_of_threads(small_ratings: Ratings) -> None:
    fits = [ALS(n_factors=7, random_state=3, n_threads=n).fit(small_ratings) for n in (1, 2, 5, None)]
    for fit in fits[1:]:
        assert np.array_equal(fit.user_factors_, fits[0].user_factors_)
        assert np.array_equal(fit.item_factors_, fits[0].item_factors_)
        assert np.array_equal(fit.item_biases_, fits[0].item_biases_)
    assert not np.array_equal(
        ALS(n_factors=7, random_state=4).fit(small_ratings).item_factors_, fits[0].item_factors_
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), biases=st.booleans())
def test_renaming_users_permutes_their_factors(seed: int, biases: bool) -> None:
    ratings = random_ratings(25, 15, 0.4, seed=seed % 1000)
    frame = ratings.to_frame()
    order = np.random.default_rng(seed).permutation(ratings.n_users)
    renamed = order[ratings.user_index.positions(frame["user"])]
    other = Ratings.from_arrays(renamed, frame["item"], frame["rating"])
    start_items = np.random.default_rng(0).normal(size=(ratings.n_items, 4))
    first, second = (
        ALS(n_factors=4, biases=biases, n_iterations=3).fit(r, start=(np.zeros((r.n_users, 4)), start_items))
        for r in (ratings, other)
    )
    assert np.allclose(
        second.user_factors_[np.searchsorted(other.users, order)], first.user_factors_, atol=1e-3
    )


@settings(max_examples=15)
@given(low=st.floats(0.01, 1), factor=st.floats(1.5, 50))
def test_more_regularisation_means_smaller_factors(low: float, factor: float) -> None:
    ratings = random_ratings(30, 20, 0.4)
    weak, strong = (
        ALS(n_factors=3, regularization=each, n_iterations=40, biases=False, weighting="none").fit(ratings)
        for each in (low, low * factor)
    )
    # At a minimum, what the penalty weighs more cannot be larger.
    sizes = [(m.user_factors_**2).sum() + (m.item_factors_**2).sum() for m in (weak, strong)]
    assert sizes[1] < sizes[0] * (1 + 1e-3)


def test_registered_people_without_ratings_get_the_item_biases() -> None:
    ratings = Ratings.from_arrays(
        [1, 1, 2], [10, 11, 10], [4, 2, 5], registered_users=[3], registered_items=[12]
    )
    model = ALS(n_factors=2).fit(ratings)
    assert not model.user_factors_[2].any()
    assert model.predict(3, 10) == pytest.approx(model.mean_ + model.item_biases_[0], abs=1e-6)
    assert model.predict(3, 12) == pytest.approx(model.mean_, abs=1e-6)
    by_bias = sorted(zip(-np.append(model.item_biases_[:2], 0), [10, 11, 12], strict=True))
    assert [r.item for r in model.recommend(3)] == [item for _, item in by_bias]


def test_the_fit_stops_where_the_curve_flattens(small_ratings: Ratings) -> None:
    train = small_ratings.subset(np.arange(len(small_ratings)) % 5 > 0)
    validation = small_ratings.subset(np.arange(len(small_ratings)) % 5 == 0)
    model = ALS(n_factors=3, n_iterations=200, tolerance=1e-3).fit(train, validation=validation)
    curve = [record.validation_rmse for record in model.history_]
    assert 2 <= len(curve) < 200
    assert curve[-2] - curve[-1] < 1e-3
    assert all(a - b >= 1e-3 for a, b in pairwise(curve[:-1]))
    to_the_end = ALS(n_factors=3, n_iterations=len(curve)).fit(train, validation)
    assert [record.validation_rmse for record in to_the_end.history_] == curve


def test_the_validation_error_is_that_of_the_validation_ratings(small_ratings: Ratings) -> None:
    model = ALS(n_factors=3, n_iterations=2)
    record = model.fit(small_ratings, validation=small_ratings).history_[-1]
    assert record.validation_rmse == pytest.approx(record.train_rmse, rel=1e-5)
    assert record.seconds > 0


def test_a_callback_can_end_the_fit(small_ratings: Ratings) -> None:
    model = ALS(n_factors=2, n_iterations=50).fit(
        small_ratings, callback=lambda record: record.iteration == 4
    )
    assert len(model.history_) == 4


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_factors": 0}, "n_factors=0; expected a whole number of at least 1"),
        ({"n_factors": 2.5}, "n_factors=2.5"),
        ({"n_factors": True}, "n_factors=True"),
        ({"regularization": -1}, "regularization=-1; expected a number from 0 to 1e+12"),
        ({"regularization": float("nan")}, "regularization=nan"),
        ({"regularization": 1e300}, "regularization=1e+300; expected a number from 0 to 1e+12"),
        ({"regularization": 10**400}, "regularization=1000"),
        ({"n_threads": 10**9}, "n_threads=1000000000; expected a whole number from 1 to 4096"),
        ({"regularization": "lots"}, "regularization='lots'"),
        ({"n_iterations": 0}, "n_iterations=0"),
        ({"weighting": "sqrt"}, 'weighting=\'sqrt\'; expected "count", "none" or a number from 0 to 1'),
        ({"weighting": 2}, "weighting=2; expected a number from 0 to 1"),
        ({"tolerance": -1e-3}, "tolerance=-0.001"),
        ({"biases": "yes"}, "biases='yes'"),
        ({"n_threads": 0}, "n_threads=0"),
        ({"random_state": -1}, "random_state=-1"),
    ],
)
def test_a_parameter_out_of_range_is_named(small_ratings: Ratings, parameters: dict, message: str) -> None:
    with pytest.raises(DataError) as error:
        ALS(**parameters).fit(small_ratings)
    assert message in str(error.value)


def test_starting_factors_of_another_shape_are_refused(small_ratings: Ratings) -> None:
    start = (np.zeros((small_ratings.n_users, 3)), np.zeros((small_ratings.n_items, 4)))
    with pytest.raises(DataError, match=r"starting item factors have shape \(\d+, 4\); expected \(\d+, 3\)"):
        ALS(n_factors=3).fit(small_ratings, start=start)
    start[0][0, 0] = np.nan
    with pytest.raises(DataError, match="starting user factors hold a NaN"):
        ALS(n_factors=3).fit(small_ratings, start=start)


@pytest.mark.parametrize("start", [3, (1, 2, 3), (np.zeros((60, 3), dtype="U1"), np.zeros((40, 3)))])
def test_a_start_that_is_none_is_refused(small_ratings: Ratings, start: object) -> None:
    with pytest.raises(DataError, match="start"):
        ALS(n_factors=3).fit(small_ratings, start=start)  # type: ignore[arg-type]


def test_empty_ratings_are_refused(small_ratings: Ratings) -> None:
    nothing = small_ratings.subset(np.zeros(len(small_ratings), dtype=bool))
    with pytest.raises(DataError, match="train holds no ratings"):
        ALS().fit(nothing)
    with pytest.raises(DataError, match="validation holds no ratings"):
        ALS().fit(small_ratings, validation=nothing)
    with pytest.raises(DataError, match="validation: expected Ratings, got DataFrame"):
        ALS().fit(small_ratings, validation=small_ratings.to_frame())  # type: ignore[arg-type]


def test_validation_ratings_of_strangers_are_predicted_the_mean(small_ratings: Ratings) -> None:
    strangers = Ratings.from_arrays([-1, -2], [-1, -2], [1.0, 4.0])
    model = ALS(n_factors=2, n_iterations=1).fit(small_ratings, validation=strangers)
    expected = np.sqrt(((model.mean_ - np.array([1.0, 4.0])) ** 2).mean())
    assert model.history_[0].validation_rmse == pytest.approx(expected, rel=1e-6)


def test_more_threads_than_the_system_gives_still_fit() -> None:
    script = """
        import resource
        from matinee.models import ALS
        from tests.conftest import random_ratings

        ratings = random_ratings()
        expected = ALS(n_factors=2, n_iterations=1, n_threads=1).fit(ratings).item_factors_
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        model = ALS(n_factors=2, n_iterations=1, n_threads=4000).fit(ratings)
        print((model.item_factors_ == expected).all())
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert run.stdout == "True\n", run.stderr


def test_anything_but_ratings_is_refused_with_the_remedy(small_ratings: Ratings) -> None:
    with pytest.raises(
        DataError, match=r"expected Ratings, got DataFrame; make them with matinee\.Ratings\.from_frame"
    ):
        ALS().fit(small_ratings.to_frame())  # type: ignore[arg-type]


def test_parameters_are_read_and_set_the_way_of_scikit_learn() -> None:
    from sklearn.base import clone

    model = ALS(n_factors=12, weighting="none")
    assert model.get_params()["n_factors"] == 12
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(regularization=0.7) is model
    assert repr(model) == "ALS(n_factors=12, regularization=0.7, weighting='none')"
    with pytest.raises(
        DataError, match="ALS has no parameter 'rank'; expected one of n_factors, regularization"
    ):
        model.set_params(rank=3)


def test_without_regularisation_the_fit_stays_finite() -> None:
    model = ALS(n_factors=30, regularization=0).fit(random_ratings(20, 20, 0.3))
    assert np.isfinite(model.user_factors_).all()
    assert np.isfinite(model.item_factors_).all()


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_ends_a_long_fit_and_leaves_the_model_as_it_was() -> None:
    script = """
        import sys
        import numpy as np
        from matinee.models import ALS
        from matinee.ratings import Ratings

        generator = np.random.default_rng(0)
        codes = generator.choice(20_000 * 2_000, size=2_000_000, replace=False)
        values = generator.integers(1, 6, size=len(codes))
        ratings = Ratings.from_arrays(codes // 2_000, codes % 2_000, values)
        model = ALS(n_factors=2, n_iterations=1).fit(ratings)
        before = model.item_factors_
        try:
            print("ready", flush=True)
            model.set_params(n_factors=1000, n_iterations=1000).fit(ratings)
        except KeyboardInterrupt:
            print("interrupted", model.item_factors_ is before, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    # A whole fit takes hours, and an iteration minutes.
    assert process.communicate(timeout=SECONDS)[0] == "interrupted True\n"


@pytest.mark.parametrize("weighting", ["log", -1, 1.5, None])
def test_a_weighting_that_cannot_be_is_refused_before_any_fit(weighting: Any) -> None:
    with pytest.raises(DataError, match="weighting="):
        ALS(weighting=weighting).check_parameters()
