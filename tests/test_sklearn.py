"""Models of Matinee where scikit-learn takes a regressor, and what scikit-learn itself checks of one."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.validation import check_is_fitted

import matinee
import matinee.sklearn
from matinee.errors import DataError, MissingExtraError, UnknownUserError
from matinee.models import MODELS, Model
from matinee.sklearn import RatingRegressor

from .conftest import random_ratings

SMALL = {"n_factors": 3, "n_iterations": 4}


def pairs_and_values(**how: Any) -> tuple[np.ndarray, np.ndarray]:
    frame = random_ratings(**how).to_frame()
    return frame.select("user", "item").to_numpy(), frame["rating"].to_numpy()


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    return pairs_and_values()


# ---- what scikit-learn checks --------------------------------------------------------------------


class OfWiderData(RatingRegressor):
    """Takes the first two of the columns that scikit-learn's checks make up, which are three to thirty."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> OfWiderData:
        return super().fit(first_two(X), y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        return super().predict(first_two(X))


def first_two(X: Any) -> Any:
    if hasattr(X, "iloc"):
        return X.iloc[:, :2]
    if hasattr(X, "tocoo"):
        return X
    array = np.asarray(X)
    return array[:, :2] if array.ndim == 2 else X


# The page docs/reference/sklearn.md says the same in words.
NOT_FOR_IDS = {
    "check_n_features_in_after_fitting": "the wider data have other numbers of columns than 2",
    "check_fit2d_1feature": "one column is refused with another sentence",
    "check_complex_data": "one column is refused with another sentence",
    "check_estimators_empty_data_messages": "no column is refused with another sentence",
    "check_all_zero_sample_weights_error": "such weights are refused with another sentence",
    "check_estimators_nan_inf": "an id that is NaN is refused as missing",
    "check_sample_weight_equivalence_on_dense_data": "it makes up measures, and an id is a whole number",
    "check_sample_weight_equivalence_on_sparse_data": "no sparse matrix has two columns of ids",
}
# It is skipped without an environment variable, and ids stay on the processor anyway.
LEFT_OUT = {"check_array_api_input"}
if sklearn.__version__ < "1.8":
    # It takes a mean off whole numbers in place, which numpy refuses.
    LEFT_OUT.add("check_positive_only_tag_during_fit")


def checks() -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(estimator_checks_generator(OfWiderData(matinee.ALS(**SMALL)), legacy=True))
    named = [(getattr(check, "func", check).__name__, estimator, check) for estimator, check in found]
    return [
        pytest.param(name, estimator, check, id=f"{number}-{name}")
        for number, (name, estimator, check) in enumerate(named)
        if name not in LEFT_OUT
    ]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("name", "estimator", "check"), checks())
def test_scikit_learns_own_checks_pass_but_for_those_that_suit_no_ids(
    name: str, estimator: Any, check: Any
) -> None:
    if name in NOT_FOR_IDS:
        with pytest.raises((AssertionError, DataError)):
            check(estimator)
    else:
        check(estimator)


# ---- what it predicts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        matinee.ALS(**SMALL),
        matinee.BayesianALS(n_factors=3, n_samples=6, n_burn_in=2),
        matinee.Recommender(watch=matinee.ImplicitALS(**SMALL), stars=matinee.ALS(**SMALL)),
        matinee.baselines.ItemBiases(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_predictions_are_those_of_the_model_fitted_to_the_same_ratings(model: Model, data: Any) -> None:
    X, y = data
    found = RatingRegressor(model).fit(X, y)
    alone = clone(model).fit(matinee.Ratings.from_arrays(X[:, 0], X[:, 1], y))
    assert np.array_equal(found.predict(X[:50]), alone.predict(X[:50, 0], X[:50, 1]))
    assert not hasattr(model, "item_index_")


def test_frames_and_pairs_give_what_arrays_give(data: Any) -> None:
    X, y = data
    texts = np.array([f"film {item}" for item in X[:, 1]])
    expected = (
        matinee.ALS(**SMALL)
        .fit(matinee.Ratings.from_arrays(X[:, 0], texts, y))
        .predict(X[:9, 0], texts[:9])
        .tolist()
    )
    mixed = np.column_stack([X[:, 0].astype(object), texts.astype(object)])
    inputs: list[Any] = [
        mixed,
        mixed.tolist(),
        pd.DataFrame({"who": X[:, 0], "what": texts}),
        pl.DataFrame({"who": X[:, 0], "what": texts}),
    ]
    for given in inputs:
        found = RatingRegressor(matinee.ALS(**SMALL)).fit(given, y)
        assert found.predict(given[:9]).tolist() == expected
        assert found.model_.item_index_.holds_strings
        assert not found.model_.user_index_.holds_strings


def test_weights_are_those_of_ratings(data: Any) -> None:
    X, y = data
    weights = np.random.default_rng(0).integers(1, 5, len(y))
    found = RatingRegressor(matinee.ALS(**SMALL)).fit(X, y, sample_weight=weights)
    ratings = matinee.Ratings.from_arrays(X[:, 0], X[:, 1], y, weights=weights)
    assert np.array_equal(
        found.model_.item_factors_, matinee.ALS(**SMALL).fit(ratings).item_factors_, equal_nan=True
    )


def test_strangers_get_the_fallback_or_nan_or_an_error(data: Any) -> None:
    X, y = data
    stranger = [[10**9, X[0, 1]]]
    found = RatingRegressor(matinee.ALS(**SMALL)).fit(X, y)
    assert found.predict(stranger)[0] == found.model_.predict(10**9, X[0, 1])
    assert np.isnan(found.set_params(unknown="nan").predict(stranger)[0])
    with pytest.raises(UnknownUserError, match="1000000000"):
        found.set_params(unknown="raise").predict(stranger)


# ---- searches ------------------------------------------------------------------------------------


def test_cross_val_score_is_the_error_of_each_fold_by_hand(data: Any) -> None:
    X, y = data
    folds = KFold(3, shuffle=True, random_state=0)
    found = cross_val_score(
        RatingRegressor(matinee.ALS(**SMALL)), X, y, cv=folds, scoring="neg_root_mean_squared_error"
    )
    for score, (train, test) in zip(found, folds.split(X), strict=True):
        model = matinee.ALS(**SMALL).fit(matinee.Ratings.from_arrays(X[train, 0], X[train, 1], y[train]))
        errors = model.predict(X[test, 0], X[test, 1]) - y[test]
        assert np.isclose(-score, np.sqrt(np.mean(errors**2)), rtol=1e-6)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_grid_search_goes_over_the_parameters_of_the_model(data: Any, n_jobs: int) -> None:
    X, y = data
    grid = {"model__n_factors": [1, 4], "model__regularization": [0.05, 10.0]}
    search = GridSearchCV(
        RatingRegressor(matinee.ALS(n_iterations=3)),
        grid,
        scoring="neg_mean_absolute_error",
        cv=3,
        n_jobs=n_jobs,
    ).fit(pd.DataFrame(X, columns=["user", "item"]), y)
    assert len(search.cv_results_["params"]) == 4
    # Ratings of chance alone: the more they are drawn to the mean, the better.
    assert search.best_params_["model__regularization"] == 10.0
    assert search.best_estimator_.model_.n_factors == search.best_params_["model__n_factors"]
    assert search.best_estimator_.feature_names_in_.tolist() == ["user", "item"]


def test_it_may_be_the_last_step_of_a_pipeline(data: Any) -> None:
    X, y = data
    steps = make_pipeline("passthrough", RatingRegressor(matinee.ALS(**SMALL)))
    assert is_regressor(steps)
    assert np.array_equal(
        steps.fit(X, y).predict(X[:5]), RatingRegressor(matinee.ALS(**SMALL)).fit(X, y).predict(X[:5])
    )


def test_ctrl_c_in_a_fit_ends_the_search_and_is_no_shorter_fit(
    data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(matinee.ALS):
        def fit(self, *given: Any, **named: Any) -> Interrupted:
            super().fit(*given, **named)
            self.interrupted_ = True
            return self

    search = GridSearchCV(RatingRegressor(Interrupted(**SMALL)), {"model__n_factors": [1, 2]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(*data)


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_check_is_fitted_and_clone_know_every_model(kind: type[Model]) -> None:
    few = {"n_factors": 2, "n_iterations": 2, "n_samples": 4, "n_burn_in": 1}
    model: Any = kind(**{name: few[name] for name in kind.parameter_names() if name in few})
    with pytest.raises(NotFittedError, match=f"This {kind.__name__} instance is not fitted yet"):
        check_is_fitted(model)
    model.fit(random_ratings())
    check_is_fitted(model)
    with pytest.raises(NotFittedError):
        check_is_fitted(clone(model))


# ---- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (matinee.ImplicitALS(), "model is of ImplicitALS, which predicts no ratings; expected one that does"),
        (matinee.ALS, "model is the class ALS; expected a model such as matinee.ALS()"),
        ("als", "model is a str; expected a model"),
    ],
)
def test_what_predicts_no_ratings_is_refused(model: Any, message: str, data: Any) -> None:
    with pytest.raises(DataError, match=message.replace("(", r"\(").replace(")", r"\)")):
        RatingRegressor(model).fit(*data)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1, 2, 3]], "X has 3 features, but RatingRegressor is expecting 2 features as input: the user and"),
        ([1, 2], "X has 1 dimensions; expected two columns, user and item"),
        (pd.DataFrame({"user": [1]}), "X has 1 features"),
        ([[1, None]], "item"),
        ([[1.5, 2]], "user 1.5 is not a whole number"),
    ],
)
def test_other_things_than_pairs_of_ids_are_refused(X: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        RatingRegressor(matinee.ALS()).fit(X, [4.0] * len(X))


def test_columns_in_another_order_than_in_the_fit_are_refused(data: Any) -> None:
    X, y = data
    frame = pd.DataFrame(X, columns=["user", "item"])
    found = RatingRegressor(matinee.ALS(**SMALL)).fit(frame, y)
    with pytest.raises(DataError, match=r"X has the columns item, user; expected user, item, in this order"):
        found.predict(frame[["item", "user"]])


def test_without_scikit_learn_the_error_says_what_to_install(
    without_package: Callable[[str, str], None],
) -> None:
    without_package("sklearn", "matinee.sklearn")
    with pytest.raises(MissingExtraError, match=r'python -m pip install "matinee\[sklearn\]"'):
        importlib.import_module("matinee.sklearn")
