"""A regressor of scikit-learn that learns and predicts ratings with a model of Matinee."""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError, MissingExtraError
from matinee.models import Model
from matinee.models.id_lookup import Unknown
from matinee.ratings import Ratings
from matinee.ratings.duplicates import Duplicates
from matinee.ratings.frames import eager_frame, is_frame

try:
    from sklearn.base import BaseEstimator, RegressorMixin, clone
    from sklearn.utils.validation import check_is_fitted, column_or_1d
except ImportError as error:
    raise MissingExtraError(
        "matinee.sklearn needs scikit-learn 1.6 or newer, which is not installed; run: "
        'python -m pip install "matinee[sklearn]"'
    ) from error

__all__ = ["RatingRegressor"]


class RatingRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts ratings from pairs of user and item, as scikit-learn's regressors predict.

    It goes where scikit-learn takes a regressor: into ``GridSearchCV``, ``cross_val_score``, ``clone`` or the
    last step of a pipeline. Parameters of the model are named with two underscores, as in
    ``model__n_factors``.

    Parameters
    ----------
    model : Model
        A model that predicts ratings, such as `ALS`, `BayesianALS` or `Recommender`. It is not changed: a
        copy is fitted.
    duplicates : {"last", "first", "mean", "sum", "error"}
        How to merge several ratings of one item by one user.
    unknown : {"fallback", "nan", "raise"}
        What to predict for users and items that were not in the fit; see `Model.predict`.

    Attributes
    ----------
    model_ : Model
        The fitted copy, which also recommends, explains and folds in.
    n_features_in_ : int
        2, the user and the item.
    feature_names_in_ : ndarray of str, shape (2,)
        The names of the columns, if ``fit`` was given a frame.
    """

    def __init__(
        self, model: Model, *, duplicates: Duplicates = "last", unknown: Unknown = "fallback"
    ) -> None:
        self.model = model
        self.duplicates = duplicates
        self.unknown = unknown

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit a copy of the model.

        Parameters
        ----------
        X : array or frame, shape (n, 2)
            The ids of the users and of the items, integers or strings. An array of numpy holds both in one
            type; take a frame, or an array of objects, where one is text and the other is not.
        y : array, shape (n,)
            The ratings.
        sample_weight : array, shape (n,), optional
            How much each rating counts, as in `Ratings.from_arrays`.

        Raises
        ------
        DataError
            If ``model`` predicts no ratings, ``X`` hasn't two columns of ids, or a rating is not a finite
            number.
        KeyboardInterrupt
            On Ctrl-C, also where the model would keep what it has learned by then.
        """
        model: Any = _rating_model(self.model)
        if y is None:
            raise DataError("RatingRegressor requires y to be passed, but the target y is None")
        users, items, names = _pairs(X)
        values = column_or_1d(y, warn=True)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        ratings = Ratings.from_arrays(users, items, values, weights=weights, duplicates=self.duplicates)
        # Searches fit many models, some in processes without a terminal of their own.
        silent = {"progress": False} if "progress" in inspect.signature(model.fit).parameters else {}
        model.fit(ratings, **silent)
        if model.interrupted_:
            # It should end a whole search, and not leave one of its fits shorter than the others.
            raise KeyboardInterrupt
        self.model_ = model
        self.n_features_in_ = 2
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def predict(self, X: Any) -> NDArray[np.float32]:
        """The predicted ratings of pairs of user and item.

        Parameters
        ----------
        X : array or frame, shape (n, 2)
            As in ``fit``.

        Returns
        -------
        ndarray of float32, shape (n,)

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the regressor has not been fitted.
        DataError
            If ``X`` hasn't two columns of ids, or other columns than in ``fit``.
        UnknownUserError, UnknownItemError
            With ``unknown="raise"``, for the first id that was not in the fit.
        """
        check_is_fitted(self)
        users, items, names = _pairs(X)
        known = getattr(self, "feature_names_in_", None)
        if names is not None and known is not None and names != known.tolist():
            raise DataError(
                f"X has the columns {', '.join(names)}; expected {', '.join(known)}, in this order, as in fit"
            )
        predicted: NDArray[np.float32] = self.model_.predict(users, items, unknown=self.unknown)
        return predicted

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Ids, of which one is not more than another.
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        # On data of scikit-learn's own, whose columns are measures and no ids.
        tags.regressor_tags.poor_score = True
        return tags


def _rating_model(model: Any) -> Model:
    """An unfitted copy of the model; a DataError if it predicts no ratings."""
    if not isinstance(model, Model):
        given = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise DataError(f"model is {given}; expected a model such as matinee.ALS()")
    if not model.predicts_ratings:
        raise DataError(
            f"model is of {type(model).__name__}, which predicts no ratings; expected one that does, such as "
            "matinee.ALS()"
        )
    unfitted: Model = clone(model)
    return unfitted


def _pairs(X: Any) -> tuple[Any, Any, list[str] | None]:
    """The users and the items in the two columns, and the names of the columns if there are any."""
    if hasattr(X, "tocoo"):
        raise DataError(
            "X is sparse; expected two columns, user and item. For a matrix of users × items take "
            "matinee.Ratings.from_csr"
        )
    if is_frame(X):
        frame = eager_frame(X)
        _require_two(len(frame.columns))
        names = frame.columns if all(isinstance(name, str) for name in frame.columns) else None
        return frame[:, 0].to_native(), frame[:, 1].to_native(), names
    # In an array of numpy's own choice, the pair (1, "Alien") would become text.
    array = np.asarray(X, dtype=None if hasattr(X, "dtype") else object)
    if array.ndim != 2:
        raise DataError(
            f"X has {array.ndim} dimensions; expected two columns, user and item. Reshape your data"
        )
    _require_two(array.shape[1])
    if array.dtype == object:
        return array[:, 0].tolist(), array[:, 1].tolist(), None
    return array[:, 0], array[:, 1], None


def _require_two(n_columns: int) -> None:
    if n_columns != 2:
        raise DataError(
            f"X has {n_columns} features, but RatingRegressor is expecting 2 features as input: the user and "
            "the item"
        )
