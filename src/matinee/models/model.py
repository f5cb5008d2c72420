"""The interface of every model, in the caller's own ids: predict, recommend, similar, explain, fold in."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from matinee.checks import LARGEST_SINGLE, check_path
from matinee.errors import DataError, ModelFileError
from matinee.files.model_file import write_model_file
from matinee.html import html_table
from matinee.models.answers import Explanation
from matinee.models.computed_once import ComputedOnce
from matinee.models.id_lookup import Unknown, positions_of
from matinee.models.lists import Lists
from matinee.models.memory import require_memory
from matinee.models.new_data import TakesNewData
from matinee.models.options import Option
from matinee.models.people import People
from matinee.models.person import Person
from matinee.models.rated import rated_rows
from matinee.models.saved_arrays import arrays_of_rows, check_rows, saved_ids, saved_rows
from matinee.models.search_space import SearchSpace
from matinee.ratings import Contexts, Ratings, Rows, check_ratings
from matinee.ratings.ids import IdIndex
from matinee.solving.history import Iteration
from matinee.solving.row_problem import Floats


class Model(Lists, TakesNewData, ABC):
    """The base class of all models: what was learned from ratings, and the answers.

    Each class of model declares its name and its abilities in the class attributes below, and computes its
    answers in ``people`` and ``people_by``.

    Attributes
    ----------
    history_ : list of Iteration
        A record for each iteration of the fit.
    rating_range_ : tuple of float
        The least and the greatest rating seen; predictions are clipped to it.
    user_index_, item_index_ : IdIndex
        The ids of the users and items, and their positions.
    rated_ : Rows
        The fitted ratings, by user.
    contexts_ : Contexts or None
        The contexts of the fitted ratings; None if they had none, or the model learns nothing of them.
    interrupted_ : bool
        Whether Ctrl-C ended the fit early. Always False for a model that keeps nothing of an interrupted fit.
    """

    # The name in `fit --model`, `tune` and messages; None for a model that is only available in Python.
    short_name: ClassVar[str | None] = None
    # The parameters that the command `fit` offers as options.
    options: ClassVar[Mapping[str, Option]] = {}
    # The parameters that `tune` searches; None for a model that has nothing to tune.
    search_space: ClassVar[SearchSpace | None] = None
    predicts_ratings: ClassVar[bool] = True
    # Whether `predict` takes return_std and interval.
    has_intervals: ClassVar[bool] = False
    # Whether `fit` takes user_features and item_features.
    takes_features: ClassVar[bool] = False
    # What `fit` does with the contexts of ratings.
    contexts_are: ClassVar[Literal["learned", "ignored", "refused"]] = "refused"
    # Whether matinee.spark can fit this model and answer with it.
    runs_on_spark: ClassVar[bool] = False

    contexts_: Contexts | None = None
    interrupted_: bool = False
    n_threads: int | None = None
    rating_range_: tuple[float, float]
    history_: list[Iteration]
    user_index_: IdIndex
    item_index_: IdIndex
    rated_: Rows
    # What models of factors have: declared here, as `load` gives back a Model.
    user_factors_: Floats
    item_factors_: Floats
    user_biases_: Floats
    item_biases_: Floats
    mean_: float
    _computed: ComputedOnce
    _as_fitted: Any

    # ---- what each class of model does in its own way --------------------------------------------

    def _repr_html_(self) -> str:
        """Tables for a notebook: what the model was fitted to, and its parameters."""
        fitted = "not fitted"
        if hasattr(self, "item_index_"):
            fitted = f"{len(self.user_index_):,} users, {len(self.item_index_):,} items, "
            fitted += f"{len(self.rated_.columns):,} ratings"
        parameters = [(name, repr(value)) for name, value in self.get_params(deep=False).items()]
        return html_table([type(self).__name__, fitted], parameters)

    @abstractmethod
    def fit(self, train: Ratings, validation: Ratings | None = None) -> Self:
        """Learn from ratings."""

    @abstractmethod
    def check_parameters(self) -> None:
        """Raise a DataError if a parameter is out of its range."""

    def check_fit(self, train: Ratings, validation: Ratings | None) -> None:
        """Check the ratings and the parameters before a fit.

        Raises
        ------
        DataError
            If the ratings cannot be fitted or a parameter is out of its range.
        NotEnoughMemoryError
            If the fit needs more memory than there is.
        """
        check_ratings(train)
        if validation is not None:
            check_ratings(validation, "validation")
            train.user_index.require_kind_of(validation.user_index, name="user")
            train.item_index.require_kind_of(validation.item_index, name="item")
        if train.contexts is not None and self.contexts_are == "refused":
            raise DataError(
                f"{type(self).__name__} learns nothing of the contexts {', '.join(train.contexts.names)}; "
                "fit ALS or BayesianALS, or give it ratings.without_contexts()"
            )
        self.check_parameters()
        what = f"a fit of {self!r} to {train.n_users:,} users and {train.n_items:,} items"
        require_memory(self.least_memory(train), what, "take a smaller model, or fewer users and items")

    def least_memory(self, train: Ratings) -> int:
        """The bytes that a fit takes at least, besides the ratings; 0 for a model that hardly takes any."""
        return 0

    @property
    def parts(self) -> list[Model]:
        """The fitted models that this one consists of; none for most kinds."""
        return []

    @property
    def factor_part(self) -> Model:
        """The model whose factors stand for this one in pictures."""
        return self

    # ---- after a fit --------------------------------------------------------------------------------

    def keep_ratings(
        self,
        train: Ratings,
        history: list[Iteration],
        rating_range: tuple[float, float] | None = None,
    ) -> None:
        """Store what every model keeps of its fit, and answer from it afterwards."""
        self.history_ = history
        self.rating_range_ = rating_range or (float(train.values.min()), float(train.values.max()))
        self.user_index_, self.item_index_ = train.user_index, train.item_index
        self.rated_, self.contexts_ = train.by_user, train.contexts
        if train.by_user.contexts is not None and self.contexts_are != "learned":
            self.rated_, self.contexts_ = train.by_user._replace(contexts=None), None
        self.settle()

    def settle(self, computed: ComputedOnce | None = None) -> None:
        """Use the current parameters for all answers, even if they are changed afterwards.

        Parameters
        ----------
        computed : ComputedOnce, optional
            The values that a model of other users has computed from the same items.
        """
        self.__dict__.pop("_as_fitted", None)
        self._computed = ComputedOnce() if computed is None else computed
        self._as_fitted = copy.copy(self)

    @property
    def as_fitted(self) -> Self:
        """The model with the parameters that it was fitted with."""
        self.check_fitted()
        fitted: Self = self._as_fitted
        return fitted

    @property
    def stranger(self) -> People:
        """A person about whom nothing is known: one row without ratings."""
        nothing = Rows.empty(1)
        people: People = self._computed.get("stranger", lambda: self.people_by(nothing))
        return people

    # ---- scikit-learn -------------------------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        """Whether ``check_is_fitted`` of scikit-learn finds the model fitted."""
        return hasattr(self, "item_index_")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know: a model is fitted to `Ratings`, and not to a table of features."""
        # Only scikit-learn asks, and is then loaded.
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(two_d_array=False),
        )

    # ---- answers ------------------------------------------------------------------------------

    def predict(
        self,
        users: Any,
        items: Any,
        *,
        unknown: Unknown = "fallback",
        context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Predicted ratings of users for items.

        Parameters
        ----------
        users, items : id or array of ids, shape (n,)
            Paired: the i-th prediction is for ``users[i]`` and ``items[i]``. A single id is paired with
            every id of the other side.
        unknown : {"fallback", "nan", "raise"}
            What to do if the model has not seen the user or the item of a pair. "fallback" predicts the mean,
            plus the bias of the one that is known; "nan" predicts NaN; "raise" raises an error.
        context : mapping of str to value or column, optional
            The context of all pairs, as in `recommend`, or columns with a value for each pair.

        Returns
        -------
        float or ndarray of float32, shape (n,)
            In the units of the ratings, clipped to their range.

        Raises
        ------
        UnknownUserError, UnknownItemError
            With ``unknown="raise"``, for the first id that the model has not seen.
        DataError
            If ``users`` and ``items`` are not columns of ids, or differ in length, or the model was fitted
            without such a context.
        """
        self.check_fitted()
        for ids in (users, items):
            if isinstance(ids, AbstractSet | Mapping) or np.ndim(ids) > 1:
                given = type(ids).__name__
                raise DataError(f"expected an id or a column of ids to predict in pairs, got {given}")
        rows, single_user = positions_of(self.user_index_, users, "user", unknown)
        columns, single_item = positions_of(self.item_index_, items, "item", unknown)
        try:
            rows, columns = np.broadcast_arrays(rows, columns)
        except ValueError:
            raise DataError(
                f"{rows.size} users and {columns.size} items; expected pairs, or a single id on one side"
            ) from None
        if context is None:
            predicted = self.people.predict(rows, columns)
        else:
            predicted = np.empty(len(rows), dtype=np.float32)
            for part, people, places in self.people.in_contexts(rows, context):
                predicted[part] = people.predict(places, columns[part])
        if unknown == "nan":
            predicted[(rows < 0) | (columns < 0)] = np.nan
        return float(predicted[0]) if single_user and single_item else predicted

    def explain(self, user: Any, item: Any, *, n: int = 5) -> Explanation:
        """The parts of a user's score for an item: the n rated items that matter most, and the rest.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the model has not seen the user or the item.
        """
        return self.person(user).explain(item, n=n)

    def fold_in(self, ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> Person:
        """A person whom the model has never seen, from their ratings; the model is not retrained.

        Parameters
        ----------
        ratings : mapping of item id to rating, pairs, or frame with the columns item and rating
            A frame of pandas, polars or Arrow; if it has a column weight, ratings count by it. Of two ratings
            of an item the last counts.

        Raises
        ------
        UnknownItemError
            For the first item that the model has not seen.
        DataError
            If a rating is not a finite number, or a frame lacks a column.
        """
        self.check_fitted()
        return Person(self.candidates, self.people_by(rated_rows(self.item_index_, ratings)))

    # ---- files --------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the model to a file, atomically; `matinee.load` reads it."""
        self.check_fitted()
        check_path(path)
        write_model_file(path, self.header(), self.arrays())

    def header(self) -> dict[str, Any]:
        """The plain values of a model file; `arrays` has the rest."""
        return {
            "model": type(self).__name__,
            "parameters": {name: _plain(value) for name, value in self._as_fitted.get_params().items()},
            "rating_range": list(self.rating_range_),
            "history": [record.to_dict() for record in self.history_],
            **({} if self.contexts_ is None else {"contexts": self.contexts_.to_dict()}),
        }

    def arrays(self) -> dict[str, Any]:
        """The arrays of a model file, by name."""
        return {
            "user_ids": self.user_index_.ids,
            "item_ids": self.item_index_.ids,
            **arrays_of_rows(self.rated_, "rated"),
        }

    def take_header(self, header: Mapping[str, Any]) -> None:
        """Set the attributes that `header` wrote to a file."""
        low, high = header["rating_range"]
        if not -LARGEST_SINGLE <= low <= high <= LARGEST_SINGLE:
            raise ModelFileError(f"the ratings range from {low} to {high}")
        self.rating_range_ = (float(low), float(high))
        self.history_ = [_iteration(record) for record in header["history"]]
        self.contexts_ = Contexts.from_dict(header["contexts"]) if "contexts" in header else None
        if self.contexts_ is not None and self.contexts_are != "learned":
            raise ModelFileError(f"a {type(self).__name__} has no contexts")

    def take_arrays(self, arrays: dict[str, Any]) -> None:
        """Set the attributes that `arrays` wrote to a file."""
        self.user_index_ = IdIndex(saved_ids(arrays["user_ids"]))
        self.item_index_ = IdIndex(saved_ids(arrays["item_ids"]))
        self.rated_ = saved_rows(arrays, "rated")
        check_rows(self.rated_, len(self.user_index_), len(self.item_index_))
        if (self.rated_.contexts is None) != (self.contexts_ is None):
            raise ModelFileError("its contexts do not fit together")


def kind_named(name: str) -> type[Model]:
    """The kind of model whose class has that name.

    Raises
    ------
    KeyError
        If there is none.
    """
    waiting: list[type[Model]] = list(Model.__subclasses__())
    found = {}
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if not kind.__abstractmethods__:
            found[kind.__name__] = kind
    return found[name]


def _plain(value: Any) -> Any:
    if isinstance(value, np.random.Generator):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _iteration(record: dict[str, Any]) -> Iteration:
    for name, value in record.items():
        if value is not None and not isinstance(value, int | float):
            raise ModelFileError(f"{name} of an iteration is {value!r}")
    return Iteration(**record)
