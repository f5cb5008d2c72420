"""Lists that people want: ranked by what they would watch and like, with the stars they would give."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number, random_generator
from matinee.errors import DataError, ModelFileError
from matinee.models.answers import Listing, Recommendation
from matinee.models.blended_people import BlendedItems, BlendedPeople
from matinee.models.default_models import default_stars, default_watch
from matinee.models.diversity import diverse
from matinee.models.factor_model import FactorModel
from matinee.models.id_lookup import Kind
from matinee.models.model import Model, kind_named
from matinee.models.new_item import ItemAnswers, NewItem
from matinee.models.options import Number, Option
from matinee.models.parameters import thread_count
from matinee.models.people import People
from matinee.models.person import Person
from matinee.models.rated import rated_rows
from matinee.models.search_space import Real, SearchSpace
from matinee.ratings import MergedRatings, Ratings, Rows, same_rows
from matinee.solving.history import Callback
from matinee.solving.row_problem import Floats, Side, predict_pairs

# The share of ratings that the interval beside a recommendation holds.
INTERVAL = 0.9


class Recommender(Model):
    """Ranks by one model and rates by another.

    The score of an item is ``(1 − blend)·z(watch) + blend·z(stars)``: what the person would watch, and how
    many stars they would give, each less its mean over all items and divided by its deviation. Predicted
    stars alone make bad lists, as the films of which they expect most are films that hardly anybody sees;
    what is watched alone knows no difference between what was liked and what was not.

    Parameters
    ----------
    watch : Model, list of Model, or None
        What people would watch; of several models the z are added. By default an `ImplicitALS` with graded
        targets, as large as the ratings allow.
    stars : Model or None
        What they would rate; by default a `BayesianALS`, which knows how sure it is.
    blend : float
        From 0, safe, watch alone, to 1, only the best, stars alone. For people of few ratings, what most
        people watch is part of what they would watch.
    random_state : int, numpy.random.Generator or None
        Of the default models.
    n_threads : int or None
        None means every processor.

    Attributes
    ----------
    watch_models_ : list of Model
        Fitted.
    stars_model_ : Model
        Fitted; `predict` is its answer.
    """

    short_name = "recommender"
    options: ClassVar[Mapping[str, Option]] = {
        "blend": Number("From 0, rank by what people watch, to 1, by the stars they would give.", most=1),
    }
    search_space = SearchSpace(
        parameters={"blend": Real(0.0, 1.0)},
        metric="ndcg",
        split_by="user",
        iterations=None,
        has_curve=False,
        moves_errors=False,
    )

    watch_models_: list[Model]
    stars_model_: Model

    def __init__(
        self,
        *,
        watch: Model | Sequence[Model] | None = None,
        stars: Model | None = None,
        blend: float = 0.3,
        random_state: int | np.random.Generator | None = 0,
        n_threads: int | None = None,
    ) -> None:
        self.watch = watch
        self.stars = stars
        self.blend = blend
        self.random_state = random_state
        self.n_threads = n_threads

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters by name; ``n_threads`` also of the fitted models, the others for the next fit.

        Raises
        ------
        DataError
            If the model has no parameter of that name.
        """
        super().set_params(**parameters)
        if "n_threads" in parameters and hasattr(self, "stars_model_"):
            for part in self.parts:
                part.set_params(n_threads=self.n_threads)
        return self

    @classmethod
    def of_fitted(
        cls, watch: Model | Sequence[Model], stars: Model, *, blend: float = 0.3, n_threads: int | None = None
    ) -> Self:
        """A recommender of models that are fitted already, all on the same ratings.

        Raises
        ------
        DataError
            For models that were fitted on other ratings than each other, or a star model that predicts none.
        NotFittedError
        """
        found = cls(watch=watch, stars=stars, blend=blend, n_threads=n_threads)
        found.check_parameters()
        parts = [*_listed(found.watch), stars]
        for part in parts:
            part.check_fitted()
        for part in parts[:-1]:
            _check_same_ratings(part, stars)
        found._take_parts(parts[:-1], stars)
        return found

    def fit(
        self,
        train: Ratings,
        validation: Ratings | None = None,
        *,
        start: Model | None = None,
        progress: bool = True,
        callback: Callback | None = None,
    ) -> Self:
        """Fit the models, each to all ratings.

        Parameters
        ----------
        train : Ratings
        validation : Ratings, optional
            Followed by the star model; teaches nothing.
        start : fitted Recommender, optional
            Models that can start from another one, such as `ImplicitALS`, start from the one of its models
            that does the same; it must have as many factors.
        progress : bool
            Show a bar, on a terminal or in a notebook, if a fit takes over a second.
        callback : callable, optional
            Called with every `Iteration` of the star model; a true answer ends its fit there.

        Raises
        ------
        DataError
            For a parameter out of its range, or ratings that are all alike.
        """
        self.check_fit(train, validation)
        watch, stars = self._unfitted_parts(train)
        for model in watch:
            _fit(model, train, None, start, progress=progress)
        _fit(stars, train, validation, start, progress=progress, callback=callback)
        self._take_parts(watch, stars)
        return self

    def check_fit(self, train: Ratings, validation: Ratings | None) -> None:
        """Raise a DataError for ratings that tell nothing of stars, or a parameter out of its range."""
        super().check_fit(train, validation)
        if float(train.values.min()) == float(train.values.max()):
            raise DataError(
                f"all ratings are {train.values[0]:g}, so there are no stars to expect; "
                "take ImplicitALS for what was only seen"
            )

    def check_parameters(self) -> None:
        """Raise a DataError for a parameter out of its range."""
        number("blend", self.blend, least=0, most=1)
        random_generator(self.random_state)
        for model in _listed(self.watch):
            if not isinstance(model, Model) or isinstance(model, Recommender):
                raise DataError(
                    f"watch holds a {type(model).__name__}; expected models, such as ImplicitALS()"
                )
            model.check_parameters()
        if self.stars is None:
            return
        if not isinstance(self.stars, Model) or not self.stars.predicts_ratings:
            given = type(self.stars).__name__
            raise DataError(f"stars={given}; expected a model that predicts ratings, such as BayesianALS()")
        self.stars.check_parameters()

    def _unfitted_parts(self, train: Ratings) -> tuple[list[Model], Model]:
        """Fresh models of the parameters given, or of the defaults."""
        seeds = random_generator(self.random_state).integers(2**31, size=2).tolist()
        watch = [type(each)(**each.get_params()) for each in _listed(self.watch)]
        if not watch:
            watch = [default_watch(train, seeds[0])]
        stars = default_stars(train, seeds[1]) if self.stars is None else self.stars
        stars = type(stars)(**stars.get_params())
        for model in (*watch, stars):
            if self.n_threads is not None and "n_threads" in model.parameter_names():
                model.set_params(n_threads=self.n_threads)
        return watch, stars

    def _take_parts(self, watch: list[Model], stars: Model) -> None:
        self.watch_models_, self.stars_model_ = watch, stars
        self.user_index_, self.item_index_, self.rated_ = stars.user_index_, stars.item_index_, stars.rated_
        if not all(same_rows(model.rated_, stars.rated_) for model in watch):
            # Models of different half-lives weigh the ratings each in their own way.
            self.rated_ = stars.rated_._replace(weights=None)
        self.rating_range_, self.history_ = stars.rating_range_, stars.history_
        self.interrupted_ = stars.interrupted_
        self.settle()

    @property
    def parts(self) -> list[Model]:
        """The watch models, and the star model last."""
        return [*self.watch_models_, self.stars_model_]

    @property
    def factor_part(self) -> Model:
        """The star model, if it has factors, or else the first watch model."""
        return next((part for part in reversed(self.parts) if hasattr(part, "item_factors_")), self.parts[0])

    # ---- people and their answers --------------------------------------------------------------------

    @property
    def people(self) -> BlendedPeople:
        """The users that the model was fitted on, a row each."""
        watch = [model.people for model in self.watch_models_]
        return self._blended(self.rated_, watch, self.stars_model_.people)

    def people_by(self, rated: Rows) -> BlendedPeople:
        """People whom the model has never seen, a row each, by their ratings."""
        watch = [model.people_by(rated) for model in self.watch_models_]
        return self._blended(rated, watch, self.stars_model_.people_by(rated))

    def _blended(self, rated: Rows, watch: list[People], stars: People) -> BlendedPeople:
        items = self._computed.get(
            "blended items",
            lambda: BlendedItems.of(self._times_watched, [*watch, stars], self.rating_range_),
        )
        threads = thread_count(self.n_threads)
        return BlendedPeople(rated, watch, stars, self.as_fitted.blend, items, threads)

    @property
    def _times_watched(self) -> NDArray[Any]:
        """How many users rated each item, by the weights that the first watch model gives their ratings."""
        rated = self.watch_models_[0].rated_
        return np.bincount(rated.columns, rated.weights, minlength=len(self.item_index_))

    def item_by(self, rated: Rows) -> NewItem:
        """An item that the model has never seen, from its ratings; one row, whose columns are users."""
        return self.blended_item(rated, *(part.item_by(rated).answers for part in self.parts))

    def blended_item(self, rated: Rows, *parts: ItemAnswers) -> NewItem:
        """An item from its ratings and the answers of each model for it, the star model's last."""
        *watch, stars = parts
        people, watched = self.people, self._times_watched
        popularity = (rated.total - watched.mean()) / (watched.std() or 1.0)
        columns = np.concatenate([*(each.columns for each in (*watch, stars)), [popularity]])
        item = Side(columns.astype(np.float32)[None, :], None)

        def scores(rows: NDArray[Any]) -> Floats:
            places = np.arange(len(rows))
            return predict_pairs(
                places, np.zeros_like(places), people.queries(rows), item, offset=0.0, n_threads=1
            )

        neighbours = watch[0].neighbours
        answers = replace(stars, columns=columns, scores=scores, neighbours=neighbours)
        return NewItem(self.user_index_, self.item_index_, rated, answers)

    def weighed_as_fitted(self, ratings: Ratings) -> Ratings:
        """New ratings as they are, unless one of the models weighs them by their age."""
        if any(isinstance(part, FactorModel) and part.newest_ is not None for part in self.parts):
            raise DataError(
                "partial_fit of a Recommender gives all its models the same ratings, and one of them has a "
                "half_life; fit it again"
            )
        return ratings

    def learn_more(self, merged: MergedRatings, n_iterations: int) -> None:
        """Let every model learn from the new ratings."""
        *watch, stars = (part.learned_from(merged, n_iterations) for part in self.parts)
        self._take_parts(watch, stars)

    def nearest_rows(
        self, kind: Kind, row: int, n: int, candidates: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """In the eyes of the first watch model."""
        return self.watch_models_[0].nearest_rows(kind, row, n, candidates)

    @property
    def scores_are_ratings(self) -> bool:
        """False: the stars stand beside the scores."""
        return False

    def ratings_beside(
        self, people: People, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> Floats | None:
        """The stars that people are expected to give."""
        return people.predict(rows, columns)

    def person(self, user: Any) -> RecommendedPerson:
        """A user of the fit, with their ratings, as `fold_in` gives a visitor.

        Raises
        ------
        UnknownUserError
        """
        row = self.user_position(user)
        people = self.people.pick(np.array([row]))
        return RecommendedPerson(self.candidates, people)

    def fold_in(self, ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> RecommendedPerson:
        """A person the model has never seen, from their ratings; nothing is retrained.

        Parameters
        ----------
        ratings : mapping of item id to rating, pairs, or frame with the columns item and rating

        Raises
        ------
        UnknownItemError
            For the first item that the model has not seen.
        DataError
            For a rating that is not a finite number.
        """
        self.check_fitted()
        rated = rated_rows(self.item_index_, ratings)
        return RecommendedPerson(self.candidates, self.people_by(rated))

    def recommend(
        self,
        user: Any,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
        context: Mapping[str, Any] | None = None,
        blend: float | None = None,
        diversity: float = 0.0,
    ) -> list[Recommendation]:
        """The n items of the highest score for a user, best first, with the stars expected.

        Parameters
        ----------
        user : id
        n : int
        exclude_seen : bool
            Leave out what the user has rated.
        items, exclude, min_ratings
            As in `Model.recommend`.
        context : mapping, optional
            Refused, as a blend learns nothing of contexts.
        blend : float, optional
            In place of the model's own.
        diversity : float
            From 0 to 1: how unlike each item should be to those before it, as in `Model.recommend`.

        Returns
        -------
        list of Recommendation
            With ``rating`` and, if the star model knows it, ``interval``.

        Raises
        ------
        UnknownUserError, UnknownItemError
        DataError
            If there is a context.
        """
        person = self.person(user)
        return (person if context is None else person.in_context(context)).recommend(
            n,
            exclude_seen=exclude_seen,
            items=items,
            exclude=exclude,
            min_ratings=min_ratings,
            blend=blend,
            diversity=diversity,
        )

    # ---- files --------------------------------------------------------------------------------------

    def header(self) -> dict[str, Any]:
        """What a model's file holds besides arrays, in plain values."""
        fitted = self.as_fitted
        return {
            **super().header(),
            "parameters": {
                "watch": [_specified(model) for model in _listed(fitted.watch)] or None,
                "stars": None if fitted.stars is None else _specified(fitted.stars),
                "blend": float(fitted.blend),
                "random_state": fitted.random_state if isinstance(fitted.random_state, int) else None,
                "n_threads": fitted.n_threads,
            },
            "parts": [part.header() for part in self.parts],
        }

    def arrays(self) -> dict[str, Any]:
        """The arrays of a model's file: those that all parts share once, and each part's own."""
        shared = super().arrays()
        own = {
            f"part_{place}_{name}": array
            for place, part in enumerate(self.parts)
            for name, array in part.arrays().items()
            if name not in shared
        }
        return {**shared, **own}

    def take_header(self, header: Mapping[str, Any]) -> None:
        """Take over from a file what `header` gave."""
        super().take_header(header)
        self.watch = None if self.watch is None else [_made(each) for each in _listed(self.watch)]
        self.stars = None if self.stars is None else _made(self.stars)
        parts = []
        for of_part in header["parts"]:
            part = _made({"model": of_part["model"], "parameters": of_part["parameters"]})
            part.take_header(of_part)
            parts.append(part)
        if len(parts) < 2:
            raise ModelFileError(f"a recommender of {len(parts)} models")
        *self.watch_models_, self.stars_model_ = parts

    def take_arrays(self, arrays: dict[str, Any]) -> None:
        """Take over from a file what `arrays` gave."""
        super().take_arrays(arrays)
        shared = {name: array for name, array in arrays.items() if not name.startswith("part_")}
        for place, part in enumerate(self.parts):
            prefix = f"part_{place}_"
            own = {
                name.removeprefix(prefix): each for name, each in arrays.items() if name.startswith(prefix)
            }
            part.take_arrays({**shared, **own})
            part.check_parameters()
            part.settle()


class RecommendedPerson(Person):
    """A `Person` with a list to watch and stars to expect. `Recommender.fold_in` makes one."""

    _people: BlendedPeople

    def recommend(
        self,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
        blend: float | None = None,
        diversity: float = 0.0,
    ) -> list[Recommendation]:
        """The n items of the highest score, best first, with the stars expected.

        Parameters
        ----------
        n : int
        exclude_seen : bool
            Leave out what the person has rated.
        items, exclude, min_ratings
            As in `Model.recommend`.
        blend : float, optional
            In place of the model's own: 0 is what they would watch alone, 1 the stars alone.
        diversity : float
            From 0 to 1: how unlike each item should be to those before it, as in `Model.recommend`.

        Raises
        ------
        UnknownItemError
        DataError
        """
        people = self._people
        if blend is not None:
            people = people.blended(number("blend", blend, least=0, most=1))
        chosen = self.candidates.positions(items, exclude, min_ratings)
        varied = diverse(people, self.candidates, diversity)
        columns, scores = self._best(varied, n, exclude_seen, chosen)
        ids = self._item_index.ids[columns].tolist()
        ratings, intervals = _stars(people.stars, columns)
        return Listing(map(Recommendation, ids, scores.tolist(), ratings, intervals))

    def explain_all(self, items: Iterable[Any], *, n: int = 5, blend: float | None = None) -> list[Any]:
        """As `explain`, for several items at hardly more than the price of one."""
        if blend is None:
            return super().explain_all(items, n=n)
        people = self._people.blended(number("blend", blend, least=0, most=1))
        return Person(self.candidates, people).explain_all(items, n=n)


def _stars(stars: Any, columns: Any) -> tuple[list[float], list[tuple[float, float] | None]]:
    """The ratings expected of one person, and the intervals that hold them."""
    ratings = stars.predict(np.zeros_like(columns), columns)
    if not hasattr(stars, "deviations"):
        return ratings.tolist(), [None] * len(columns)
    low, high = stars.interval(ratings, columns, INTERVAL)
    return ratings.tolist(), list(zip(low.tolist(), high.tolist(), strict=True))


def _fit(model: Model, train: Ratings, validation: Ratings | None, start: Model | None, **more: Any) -> None:
    fit: Any = model.fit
    if start is not None and "start" in inspect.signature(fit).parameters:
        more["start"] = start
    fit(train, validation, **more)


def _check_same_ratings(one: Model, other: Model) -> None:
    same = (
        np.array_equal(one.user_index_.ids, other.user_index_.ids)
        and np.array_equal(one.item_index_.ids, other.item_index_.ids)
        and same_rows(one.rated_._replace(weights=None), other.rated_._replace(weights=None))
    )
    if not same:
        names = f"{type(one).__name__} and {type(other).__name__}"
        raise DataError(f"{names} were fitted on different ratings; expected the same for all models")


def _listed(watch: Any) -> list[Any]:
    """The watch models, of which one may be given without a list, or none."""
    if watch is None:
        return []
    return list(watch) if isinstance(watch, list | tuple) else [watch]


def _specified(model: Model) -> dict[str, Any]:
    """A model that is not fitted, in plain values."""
    parameters = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in model.get_params().items()
    }
    return {"model": type(model).__name__, "parameters": parameters}


def _made(specified: Any) -> Any:
    """The model that `_specified` described."""
    return kind_named(specified["model"])(**specified["parameters"])
