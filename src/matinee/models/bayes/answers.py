"""The answers of a model that is the mean of samples, and how sure it is of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.models.answers import Recommendation
from matinee.models.bayes.person import DRAWN, SampledPerson, with_error
from matinee.models.bayes.posterior import Posterior, SampledRows, predict_with_strangers
from matinee.models.features.features import FeatureColumns
from matinee.models.features.side_knowledge import check_features, chosen_rows, link_features
from matinee.models.id_lookup import Unknown
from matinee.models.model import Model
from matinee.models.parameters import thread_count
from matinee.models.person import rated_rows
from matinee.ratings import Rows
from matinee.solving.row_problem import TO_THE_LAST_DIGIT, Floats, Side, bias_of, predict_pairs


class SampledModel(Model):
    """A `Model` whose every answer is the mean over samples that it keeps.

    Attributes
    ----------
    posterior_ : Posterior
        The samples kept.
    effective_samples_ : float
    user_columns_ : FeatureColumns or None
        How what is known of a user becomes features; None for a fit without.
    user_features_ : Rows or None
        Those of the users of the fit.
    """

    implicit: bool
    posterior_: Posterior
    effective_samples_: float
    user_columns_: FeatureColumns | None
    user_features_: Rows | None

    # ---- answers ------------------------------------------------------------------------------

    @property
    def _users(self) -> SampledRows:
        users: SampledRows = self._derived.get("users side by side", lambda: self.posterior_.users)
        return users

    @property
    def _items(self) -> Side:
        """The items' samples side by side, divided by their number: products with users' are means."""
        share = np.float32(1 / self.posterior_.n_samples)
        factors = self._derived.get("items side by side", lambda: share * self._item_samples.factors)
        return Side(factors, self._item_samples.biases)

    @property
    def _item_samples(self) -> SampledRows:
        items: SampledRows = self._derived.get("item samples", lambda: self.posterior_.items)
        return items

    def _person(self, user: Any) -> SampledPerson:
        row = self._user_position(user)
        rated = chosen_rows(self.rated_, np.array([row]))
        known = None if self.user_features_ is None else chosen_rows(self.user_features_, np.array([row]))
        return SampledPerson(self, self._users.one(row), rated, lambda: self._person_features(rated, known))

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
        return SampledPerson(self, self._mean_people(rated, given), rated, lambda: given)

    def _fold_rows(self, rated: Rows) -> Side:
        return self._mean_people(rated, self._person_features(rated, None))

    def _mean_people(self, rated: Rows, features: Rows | None) -> SampledRows:
        threads = thread_count(self.n_threads)
        sides = list(self.posterior_.users_given(rated, features, self.mean_, TO_THE_LAST_DIGIT, threads))
        factors = np.stack([side.factors for side in sides], axis=1)
        return SampledRows.of(factors, np.stack([bias_of(side) for side in sides], axis=1))

    def _person_features(self, rated: Rows, known: Rows | None) -> Rows | None:
        """The features of people with such ratings, as the users' link takes them."""
        fitted = self._fitted
        columns = self.user_columns_
        if columns is not None and known is None:
            known = Rows(np.zeros_like(rated.indptr), np.zeros(0, np.int32), np.zeros(0, np.float32))
        given = link_features(rated, len(self.item_index_), columns, known, implicit=bool(fitted.implicit))
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
            As in `ALS.predict`; what is known of an item is what a person without ratings is predicted.
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
        users, items = (list(ids) if isinstance(ids, Iterator) else ids for ids in (users, items))
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

    def _clipped_predictions(self, rows: NDArray[Any], columns: NDArray[Any], users: Side) -> Floats:
        return predict_with_strangers(self._mean_clipped, rows, columns, users, lambda: self._stranger)

    def _mean_clipped(self, rows: NDArray[Any], columns: NDArray[Any], users: Side) -> Floats:
        """The mean of the samples' predictions, each clipped: nearer to the ratings than the clipped mean."""
        assert isinstance(users, SampledRows)
        return predict_pairs(
            rows,
            columns,
            users.samples,
            self._item_samples.samples,
            offset=self.mean_,
            n_threads=thread_count(self.n_threads),
            n_samples=self.posterior_.n_samples,
            limits=self.rating_range_,
        )

    @property
    def _stranger(self) -> Side:
        """A person of whom nothing is known."""
        side: Side = self._derived.get("stranger", lambda: self.fold_in({})._side)
        return side

    def _deviations(self, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        """Of ratings around their predictions, for pairs of positions."""
        known, places = np.unique(rows, return_inverse=True)
        rated = chosen_rows(self.rated_, known)
        features = None if self.user_features_ is None else chosen_rows(self.user_features_, known)
        return self._deviations_of(rated, self._person_features(rated, features), places, columns)

    def _deviations_of(
        self, rated: Rows, features: Rows | None, places: NDArray[Any], columns: NDArray[Any]
    ) -> Floats:
        """The same for people given as rows of ratings and of features."""
        posterior, threads = self.posterior_, thread_count(self.n_threads)
        known = columns >= 0
        used, local = np.unique(columns[known], return_inverse=True)
        columns_used = np.full(len(columns), -1)
        columns_used[known] = local
        total, squared = np.zeros(len(places)), np.zeros(len(places))
        drawn = posterior.users_given(rated, features, self.mean_, DRAWN, threads)
        for people, items in zip(drawn, posterior.items_in_turn(used), strict=True):
            scores = predict_pairs(places, columns_used, people, items, offset=0.0, n_threads=threads)
            total += scores
            squared += np.square(scores, dtype=np.float64)
        n = posterior.n_samples
        variance = np.maximum(squared - total**2 / n, 0.0) / max(n - 1, 1) + posterior.noise_variance
        if not known.all():
            # Of an item that nobody rated nothing is known but how ratings vary.
            of_ratings = float(self.rated_.values.var(dtype=np.float64))
            variance[~known] = max(of_ratings, posterior.noise_variance)
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
            "interrupted": self.interrupted_,
            "user_columns": None if self.user_columns_ is None else self.user_columns_.to_list(),
        }
        return header, arrays

    def _take_saved(self, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        self.effective_samples_ = float(header["effective_samples"])
        self.interrupted_ = bool(header["interrupted"])
        columns = header["user_columns"]
        self.user_columns_ = None if columns is None else FeatureColumns.from_list(columns)
        self.user_features_ = None
        if columns is not None:
            self.user_features_ = Rows(*(arrays[f"user_features_{name}"] for name in Rows._fields))
        self.posterior_ = Posterior(**{name: arrays[name] for name in Posterior.names()})
        n_given = self.user_columns_.n_features if self.user_columns_ else 0
        n_features = n_given + (len(self.item_index_) if self.implicit else 0)
        self.posterior_.check(
            len(self.user_index_), len(self.item_index_), self.item_factors_.shape[1], n_features
        )
        if self.user_features_ is not None:
            check_features(self.user_features_, len(self.user_index_), n_given)
