"""Ratings with error bars: every row drawn from its posterior, and the priors learned with them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number, random_generator, whole_number
from matinee.errors import DataError, ModelFileError
from matinee.ids import IdIndex
from matinee.models.alternation import Alternation, HeldOut, Measure, check_fit, draw_start, take_start
from matinee.models.answers import Recommendation
from matinee.models.base import Model, Unknown
from matinee.models.convergence import effective_sample_size
from matinee.models.features import FeatureColumns, FeatureTable
from matinee.models.history import Callback
from matinee.models.link import Link, beside
from matinee.models.parameters import thread_count
from matinee.models.person import rated_rows
from matinee.models.posterior import Posterior
from matinee.models.row_problem import TO_THE_LAST_DIGIT, Floats, Side, Terms, as_ridge, predict_pairs
from matinee.models.sampled_person import DRAWN, SampledPerson, with_error
from matinee.models.sampling import RunningAverage, SampledSide, Sampling, bias_of
from matinee.ratings import Ratings, Rows

MOST_SAMPLES = 100_000

# How a side's frame of features becomes features, and those of all rows; None without a frame.
Encoded = tuple[FeatureColumns | None, Rows | None]

_NOTHING = Rows(np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))


class BayesianALS(Model):
    """Ratings as a product of factors, averaged over all factors that the ratings leave possible.

    Bayesian probabilistic matrix factorisation (Salakhutdinov & Mnih 2008) with biases: ratings are normal
    around ``mean + b_u + b_i + x_uᵀy_i`` with a precision α; rows (x, b) are normal with a mean and a
    precision of their side, which have Normal–Wishart priors. Gibbs sampling draws every row from the
    posterior of the row problem that `ALS` solves. Nothing needs tuning but the number of factors.

    Side knowledge f of a row, features or who rated what, enters its prior mean, ``μ + βᵀf``, and β is drawn
    in the same sweep (Macau; Simm et al. 2015).

    Parameters
    ----------
    n_factors : int
        The rank.
    n_samples, n_burn_in : int
        Sweeps whose predictions are averaged, and sweeps before them that are thrown away.
    implicit : bool
        Take which items a user rated at all as features of the user, and who rated an item as features of
        the item, each scaled by n^-½ (a Bayesian SVD++ and its mirror).
    n_kept : int
        Samples kept, evenly spaced, for every answer after the fit: each of the size of an `ALS` model.
    tolerance : float or None
        With validation: stop when the last 20 samples have lowered the error of the running average by less.
    random_state : int, numpy.random.Generator or None
    n_threads : int or None
        None means every processor. The result is the same bit for bit.

    Attributes
    ----------
    user_factors_, item_factors_ : ndarray of float32
        Means over the samples. Their products are not the predictions: those are the mean of the products.
    posterior_ : Posterior
        The samples kept.
    effective_samples_ : float
        How many independent samples the chain is worth, by its training error after the burn-in; a few tens
        are enough for the mean, and fewer than ten say that it still drifts.
    """

    predicts_ratings: ClassVar[bool] = True

    posterior_: Posterior
    effective_samples_: float
    user_columns_: FeatureColumns | None
    user_features_: Rows | None

    def __init__(
        self,
        *,
        n_factors: int = 32,
        n_samples: int = 200,
        n_burn_in: int = 20,
        implicit: bool = False,
        n_kept: int = 50,
        tolerance: float | None = None,
        random_state: int | np.random.Generator | None = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.n_samples = n_samples
        self.n_burn_in = n_burn_in
        self.implicit = implicit
        self.n_kept = n_kept
        self.tolerance = tolerance
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(
        self,
        train: Ratings,
        validation: Ratings | None = None,
        *,
        user_features: Any = None,
        item_features: Any = None,
        start: tuple[Any, Any] | None = None,
        progress: bool = True,
        callback: Callback | None = None,
    ) -> Self:
        """Draw the samples.

        Parameters
        ----------
        train : Ratings
        validation : Ratings, optional
            Ratings whose error is followed from sweep to sweep; they teach nothing.
        user_features, item_features : frame, optional
            A column of ids, named "user" or "item" or else the first, and others: numbers, which are scaled
            to mean 0 and deviation 1, or text or lists of text, of which each value becomes a feature. A
            column that is the same everywhere is left out. Every user or item rated needs a row; one
            without any rating gets its predictions from the features.
        start : tuple of ndarray, shape (n_users, n_factors) and (n_items, n_factors), optional
            Where the chain starts, rows as in ``train.users`` and ``train.items``.
        progress : bool
            Show a bar on a terminal, if it takes over a second.
        callback : callable, optional
            Called with every `Iteration`; a true answer ends the fit there.

        Raises
        ------
        DataError
            For a parameter out of its range, starting factors of another shape, or features that lack an id,
            have one twice, or hold a null, a NaN or what is neither number nor text.
        KeyboardInterrupt
            On Ctrl-C during the burn-in. After it the model is that of the samples so far, with a warning.
        """
        check_fit(self, train, validation)
        tables = [
            None if features is None else FeatureTable.read(features, kind)
            for features, kind in ((user_features, "user"), (item_features, "item"))
        ]
        train = _with_ids_of(train, *tables)
        of_users = _encoded(tables[0], train.user_index, "user")
        of_items = _encoded(tables[1], train.item_index, "item")
        chain = self._chain(train, of_users, of_items, start)
        chain_length = self.n_burn_in + self.n_samples
        try:
            chain.run(
                chain_length,
                measure=_errors_on(train, validation, self.n_burn_in),
                tolerance=None if validation is None else self.tolerance,
                progress=progress,
                callback=callback,
            )
        except KeyboardInterrupt:
            if not chain.kept:
                raise
            n_done = len(chain.history) - self.n_burn_in
            warnings.warn(
                f"interrupted after {n_done} of {self.n_samples} samples; the model is the mean of these",
                stacklevel=2,
            )
        self.user_columns_, self.user_features_ = of_users
        self._take_chain(train, chain)
        return self

    def _chain(
        self, train: Ratings, of_users: Encoded, of_items: Encoded, start: tuple[Any, Any] | None
    ) -> Sampling:
        generator, threads = random_generator(self.random_state), thread_count(self.n_threads)
        sides = [Side.empty(n, self.n_factors, biases=True) for n in (train.n_users, train.n_items)]
        if start is None:
            for side in sides:
                draw_start(generator, side)
        else:
            take_start(start, *sides)
        sampled = []
        for observed, side, across, encoded in zip(
            (train.by_user, train.by_item), sides, reversed(sides), (of_users, of_items), strict=True
        ):
            given = _features(observed, len(across.factors), *encoded, implicit=bool(self.implicit))
            link = None if given is None else Link(*given, self.n_factors + 1, threads)
            sampled.append(SampledSide(observed, side, link, threads))
        return Sampling(
            *sampled,
            generator=generator,
            offset=float(train.values.mean(dtype=np.float64)),
            noise_precision=1.0 / max(float(train.values.var(dtype=np.float64)), 1e-6),
            n_burn_in=self.n_burn_in,
            n_samples=self.n_samples,
            n_kept=self.n_kept,
            n_threads=threads,
        )

    def _take_chain(self, train: Ratings, chain: Sampling) -> None:
        self.posterior_ = Posterior.of(chain.kept)
        after = [record.train_rmse or 0.0 for record in chain.history[self.n_burn_in :]]
        self.effective_samples_ = effective_sample_size(after)
        users = _mean([sample.users for sample in chain.kept])
        items = _mean([sample.items for sample in chain.kept])
        self._keep(train, users, items, chain.terms.offset, chain.history)

    def _check_parameters(self) -> None:
        whole_number("n_factors", self.n_factors, least=1)
        whole_number("n_samples", self.n_samples, least=1, most=MOST_SAMPLES)
        whole_number("n_burn_in", self.n_burn_in, least=0, most=MOST_SAMPLES)
        whole_number("n_kept", self.n_kept, least=1, most=MOST_SAMPLES)
        if not isinstance(self.implicit, bool | np.bool_):
            raise DataError(f"implicit={self.implicit!r}; expected True or False")
        if self.tolerance is not None:
            number("tolerance", self.tolerance, least=0)

    @property
    def _with_biases(self) -> bool:
        return True

    @property
    def _terms(self) -> Terms:
        return Terms(offset=self.mean_)

    def _user_ridge(self, observed: Rows) -> Floats:
        return as_ridge(np.zeros(len(observed.indptr) - 1))

    # ---- answers ------------------------------------------------------------------------------

    @property
    def _users(self) -> Side:
        return Side(self.posterior_.side_by_side(self.posterior_.user_samples), self.user_biases_)

    @property
    def _items(self) -> Side:
        """The items' samples side by side, divided by their number: products with users' are means."""
        posterior = self.posterior_
        factors = self._derived.get(
            "items side by side",
            lambda: posterior.side_by_side(posterior.item_samples / np.float32(posterior.n_samples)),
        )
        return Side(factors, self.item_biases_)

    def _person(self, user: Any) -> SampledPerson:
        known = super()._person(user)
        row = self._user_position(user)
        features = None if self.user_features_ is None else _chosen(self.user_features_, np.array([row]))
        return SampledPerson(self, known._side, known._rated, self._person_features(known._rated, features))

    def fold_in(
        self,
        ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]],
        *,
        features: Mapping[str, Any] | None = None,
    ) -> SampledPerson:
        """A person the model has never seen, from their ratings and features, of which there may be none.

        Parameters
        ----------
        ratings : mapping of item id to rating
        features : mapping of column to value, optional
            As in a row of ``user_features``; what is left out counts as nothing known.

        Raises
        ------
        UnknownItemError
            For the first item that the model has not seen.
        DataError
            For a rating that is not a finite number, or a feature that the model does not know.
        """
        self._check_fitted()
        rated = rated_rows(self, ratings)
        encoded = None
        if features is not None:
            if self.user_columns_ is None:
                raise DataError("features are given, but the model was fitted without user_features")
            encoded = self.user_columns_.encode_one(features)
        given = self._person_features(rated, encoded)
        return SampledPerson(self, self._mean_people(rated, given), rated, given)

    def _fold_rows(self, rated: Rows) -> Side:
        return self._mean_people(rated, self._person_features(rated, None))

    def _mean_people(self, rated: Rows, features: Rows | None) -> Side:
        threads = thread_count(self.n_threads)
        sides = list(self.posterior_.users_given(rated, features, self.mean_, TO_THE_LAST_DIGIT, threads))
        factors = np.stack([side.factors for side in sides], axis=1)
        return Side(self.posterior_.side_by_side(factors), _mean(sides).biases)

    def _person_features(self, rated: Rows, known: Rows | None) -> Rows | None:
        """The features of people with such ratings, as the users' link takes them."""
        fitted = self._fitted
        columns = self.user_columns_
        if columns is not None and known is None:
            known = _chosen(_NOTHING, np.full(len(rated.indptr) - 1, -1))
        given = _features(rated, len(self.item_index_), columns, known, implicit=bool(fitted.implicit))
        return None if given is None else given[0]

    def predict(
        self,
        users: Any,
        items: Any,
        *,
        unknown: Unknown = "fallback",
        return_std: bool = False,
        interval: float | None = None,
    ) -> Any:
        """Predicted ratings of users for items, and how sure they are.

        Parameters
        ----------
        users, items : id or array of ids, shape (n,)
        unknown : {"fallback", "nan", "raise"}
            As in `ALS.predict`.
        return_std : bool
            Also the standard deviation of a rating around its prediction, the noise of ratings included.
        interval : float, optional
            Also the ends of the central interval that holds this share of the ratings, such as 0.9.

        Returns
        -------
        float or ndarray of float32, shape (n,), or a tuple of them
            The prediction, then the deviation if asked for, then the lower and the upper end if asked for.
            Predictions and ends are clipped to the range of the ratings.
        """
        mean = super().predict(users, items, unknown=unknown)
        if not return_std and interval is None:
            return mean
        rows, columns = np.broadcast_arrays(
            self._positions(users, "user", unknown)[0], self._positions(items, "item", unknown)[0]
        )
        deviations = self._deviations(rows, columns)
        if unknown == "nan":
            deviations[(rows < 0) | (columns < 0)] = np.nan
        return with_error(mean, deviations, self.rating_range_, return_std=return_std, interval=interval)

    def _deviations(self, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        """Of ratings around their predictions, for pairs of positions."""
        known, places = np.unique(rows, return_inverse=True)
        rated = _chosen(self.rated_, known)
        features = None if self.user_features_ is None else _chosen(self.user_features_, known)
        return self._deviations_of(rated, self._person_features(rated, features), places, columns)

    def _deviations_of(
        self, rated: Rows, features: Rows | None, places: NDArray[Any], columns: NDArray[Any]
    ) -> Floats:
        """The same for people given as rows of ratings and of features."""
        posterior, threads = self.posterior_, thread_count(self.n_threads)
        total, squared = np.zeros(len(places)), np.zeros(len(places))
        drawn = posterior.users_given(rated, features, self.mean_, DRAWN, threads)
        for sample, people in enumerate(drawn):
            side = posterior.items_of(sample)
            scores = predict_pairs(places, columns, people, side, offset=0.0, n_threads=threads)
            total += scores
            squared += np.square(scores, dtype=np.float64)
        n = posterior.n_samples
        variance = np.maximum(squared - total**2 / n, 0.0) / max(n - 1, 1) + posterior.noise_variance
        # Of an item that nobody rated nothing is known but how ratings vary.
        variance[columns < 0] = max(float(self.rated_.values.var(dtype=np.float64)), posterior.noise_variance)
        return np.sqrt(variance).astype(np.float32)

    def recommend(
        self,
        user: Any,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: Iterable[Any] | None = None,
        optimism: float = 0.0,
    ) -> list[Recommendation]:
        """The n items of the highest score for a user, best first; fewer only where there are fewer.

        Parameters
        ----------
        user : id
        n : int
        exclude_seen : bool
            Leave out what the user has rated.
        items : ids, optional
            Choose among these only.
        optimism : float
            Rank by the mean and so many standard deviations: above 0 to explore what is uncertain, below 0
            to play safe.

        Raises
        ------
        UnknownUserError, UnknownItemError
        """
        return self._person(user).recommend(n, exclude_seen=exclude_seen, items=items, optimism=optimism)

    # ---- files --------------------------------------------------------------------------------

    def _more_to_save(self) -> tuple[dict[str, Any], dict[str, Any]]:
        arrays = {name: getattr(self.posterior_, name) for name in Posterior.names()}
        if self.user_features_ is not None:
            for name, array in self.user_features_._asdict().items():
                arrays[f"user_features_{name}"] = array
        header = {
            "effective_samples": self.effective_samples_,
            "user_columns": None if self.user_columns_ is None else self.user_columns_.to_list(),
        }
        return header, arrays

    def _take_saved(self, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        self.effective_samples_ = float(header["effective_samples"])
        columns = header["user_columns"]
        self.user_columns_ = None if columns is None else FeatureColumns.from_list(columns)
        self.user_features_ = None
        if columns is not None:
            self.user_features_ = Rows(*(arrays[f"user_features_{name}"] for name in Rows._fields))
        self.posterior_ = Posterior(**{name: arrays[name] for name in Posterior.names()})
        n_features = self.user_columns_.n_features if self.user_columns_ else 0
        n_features += len(self.item_index_) if self.implicit else 0
        self.posterior_.check(
            len(self.user_index_), len(self.item_index_), self.item_factors_.shape[1], n_features
        )
        if self.user_features_ is not None:
            _check_features(self.user_features_, len(self.user_index_), n_features)


def _errors_on(train: Ratings, validation: Ratings | None, n_burn_in: int) -> Measure:
    """What BayesianALS notes down after a sweep."""
    rating_range = (float(train.values.min()), float(train.values.max()))
    average = None
    if validation is not None:
        average = RunningAverage(HeldOut(train, validation), rating_range, n_burn_in)

    def measure(fit: Alternation, squared_error: float) -> dict[str, float | None]:
        train_rmse = float(np.sqrt(max(squared_error, 0.0) / len(train)))
        if average is None:
            return {"train_rmse": train_rmse}
        alone, together = average.add(fit)
        return {"train_rmse": train_rmse, "sample_rmse": alone, "validation_rmse": together}

    return measure


def _mean(sides: list[Side]) -> Side:
    """What several samples of a side come to on average."""
    share = np.float32(1 / len(sides))
    factors, biases = np.zeros_like(sides[0].factors), np.zeros_like(bias_of(sides[0]))
    for side in sides:
        factors += share * side.factors
        biases += share * bias_of(side)
    return Side(factors, biases)


def _with_ids_of(train: Ratings, users: FeatureTable | None, items: FeatureTable | None) -> Ratings:
    """The same ratings, with the users and items of the tables known as well."""
    new_users = users is not None and (train.user_index.positions(users.index.ids) < 0).any()
    new_items = items is not None and (train.item_index.positions(items.index.ids) < 0).any()
    if not new_users and not new_items:
        return train
    frame = train.to_frame()
    return Ratings.from_arrays(
        frame["user"],
        frame["item"],
        frame["rating"],
        timestamps=frame["timestamp"] if "timestamp" in frame.columns else None,
        registered_users=np.concatenate([train.users, users.index.ids]) if users else train.users,
        registered_items=np.concatenate([train.items, items.index.ids]) if items else train.items,
    )


def _encoded(table: FeatureTable | None, ids: IdIndex, kind: str) -> Encoded:
    """A table's columns and the features of all ids."""
    if table is None:
        return None, None
    frame = table.rows_of(ids, kind)
    columns = FeatureColumns.from_frame(frame)
    return columns, columns.encode_frame(frame)


def _features(
    observed: Rows, n_across: int, columns: FeatureColumns | None, known: Rows | None, *, implicit: bool
) -> tuple[Rows, list[int]] | None:
    """A side's features, those given and those of who rated what, and how many there are of each."""
    parts = []
    if columns is not None and known is not None:
        parts.append((known, columns.n_features))
    if implicit:
        counts = np.diff(observed.indptr)
        scales = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
        parts.append((observed._replace(values=scales), n_across))
    return beside(parts) if parts else None


def _chosen(rows: Rows, chosen: NDArray[Any]) -> Rows:
    """Some of the rows; −1 is an empty one."""
    begins = np.where(chosen < 0, 0, rows.indptr[:-1][chosen])
    lengths = np.where(chosen < 0, 0, np.diff(rows.indptr)[chosen])
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    places = np.repeat(begins - indptr[:-1], lengths) + np.arange(indptr[-1])
    return Rows(indptr, rows.columns[places], rows.values[places])


def _check_features(rows: Rows, n_rows: int, n_features: int) -> None:
    indptr, columns, values = rows
    fits = (
        [array.dtype.name for array in rows] == ["int64", "int32", "float32"]
        and len(indptr) == n_rows + 1
        and indptr[0] == 0
        and bool((indptr[:-1] <= indptr[1:]).all())
        and indptr[-1] == len(columns) == len(values)
        and (not len(columns) or 0 <= int(columns.min()) <= int(columns.max()) < n_features)
    )
    if not fits:
        raise ModelFileError("the features of its users do not fit together")
