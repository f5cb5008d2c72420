"""The answers of a model that averages over samples, and their uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np

from matinee.errors import DataError
from matinee.models.answers import Recommendation
from matinee.models.bayes.people import SampledItems, SampledPeople
from matinee.models.bayes.person import SampledPerson, with_error
from matinee.models.bayes.posterior import Posterior
from matinee.models.bayes.sampled_rows import SampledRows
from matinee.models.factor_model import FactorModel
from matinee.models.features.features import FeatureColumns
from matinee.models.features.side_knowledge import check_features
from matinee.models.id_lookup import Unknown, positions_of
from matinee.models.parameters import thread_count
from matinee.models.rated import rated_rows
from matinee.models.saved_arrays import arrays_of_rows, saved_rows
from matinee.ratings import Rows
from matinee.solving.row_problem import Side


class SampledModel(FactorModel):
    """A `FactorModel` that keeps samples; every answer is the mean over them.

    Attributes
    ----------
    posterior_ : Posterior
        The kept samples.
    effective_samples_ : float
        The number of independent samples that the chain is worth.
    user_columns_ : FeatureColumns or None
        The columns that turn knowledge about a user into features; None if the fit had no user features.
    user_features_ : Rows or None
        The features of the fitted users.
    """

    has_intervals = True
    contexts_are: ClassVar[Literal["learned", "ignored", "refused"]] = "learned"
    has_biases = True

    implicit: bool
    user_noise: bool
    item_noise: bool
    posterior_: Posterior
    effective_samples_: float
    user_columns_: FeatureColumns | None
    user_features_: Rows | None

    @property
    def user_side(self) -> SampledRows:
        """The fitted users in every sample, side by side."""
        users: SampledRows = self._computed.get("users side by side", lambda: self.posterior_.users)
        return users

    @property
    def answering_users(self) -> Side:
        return self.people.side

    @property
    def item_side(self) -> Side:
        """The items' samples side by side, divided by their number: a product with a user's is a mean."""
        return self._sampled_items.side

    @property
    def sides_to_start_from(self) -> tuple[Side, Side]:
        """The users and the items of the last sample, from which another chain may start."""
        last = self.posterior_
        return (
            Side(last.user_samples[:, -1], last.user_bias_samples[:, -1]),
            Side(last.item_samples[:, -1], last.item_bias_samples[:, -1]),
        )

    @property
    def n_products(self) -> int:
        """The number of products of factors that are averaged in a prediction: one for each sample."""
        return self.posterior_.n_samples

    @property
    def _sampled_items(self) -> SampledItems:
        items: SampledItems = self._computed.get(
            "sampled items",
            lambda: SampledItems(
                self.posterior_,
                self.mean_,
                self.rating_range_,
                self.rated_.variance,
                self.user_columns_,
                bool(self.as_fitted.implicit),
                self.contexts_,
            ),
        )
        return items

    # ---- answers ------------------------------------------------------------------------------

    @property
    def people(self) -> SampledPeople:
        """The users that the model was fitted on, one row for each."""
        everybody: SampledPeople = self._computed.get("people", self._people)
        return replace(everybody, n_threads=thread_count(self.n_threads))

    def _people(self) -> SampledPeople:
        items = self._sampled_items
        return SampledPeople.of(self.user_side, self.rated_, self.user_features_, items, n_threads=1)

    def people_by(self, rated: Rows) -> SampledPeople:
        """People whom the model has never seen, from their ratings alone; one row for each."""
        return self._people_by(rated, None)

    def _people_by(self, rated: Rows, known: Rows | None) -> SampledPeople:
        items, threads = self._sampled_items, thread_count(self.n_threads)
        return SampledPeople.of(items.fold(rated, known, threads), rated, known, items, threads)

    def person(self, user: Any) -> SampledPerson:
        """A fitted user with their ratings and features, as the same kind of object that `fold_in` returns.

        Raises
        ------
        UnknownUserError
            If the model has not seen the user.
        """
        row = self.user_position(user)
        return SampledPerson(self.candidates, self.people.pick(np.array([row])))

    def fold_in(
        self,
        ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]],
        *,
        features: Mapping[str, Any] | None = None,
    ) -> SampledPerson:
        """A person whom the model has never seen, from their ratings and features; both may be empty.

        Parameters
        ----------
        ratings : mapping of item id to rating, pairs, or frame with the columns item and rating
            A frame may have columns for the contexts of the ratings.
        features : mapping of column to value, optional
            The values as in a row of ``user_features``; a feature that is left out counts as unknown.

        Raises
        ------
        UnknownItemError
            For the first item that the model has not seen.
        DataError
            If a rating is not a finite number, or the model does not know a feature.
        """
        self.check_fitted()
        rated = rated_rows(self.item_index_, ratings, contexts=self.contexts_)
        encoded = None
        if features is not None:
            if self.user_columns_ is None:
                raise DataError(
                    "features are given, but the model was fitted without user_features; leave them out"
                )
            encoded = self.user_columns_.encode_one(features)
        return SampledPerson(self.candidates, self._people_by(rated, encoded))

    def predict(
        self,
        users: Any,
        items: Any,
        *,
        unknown: Unknown = "fallback",
        context: Mapping[str, Any] | None = None,
        return_std: bool = False,
        interval: float | None = None,
    ) -> Any:
        """Predicted ratings of users for items, and their uncertainty.

        Parameters
        ----------
        users, items : id or array of ids, shape (n,)
            Paired, as in `ALS.predict`.
        unknown : {"fallback", "nan", "raise"}
            As in `ALS.predict`; for an unknown user, "fallback" predicts the rating of a person without
            ratings.
        context : mapping of str to value or column, optional
            The context of all pairs, as in `recommend`, or columns with a value for each pair.
        return_std : bool
            Also return the standard deviation of a rating around its prediction, with the noise of ratings.
        interval : float, optional
            Also return the ends of the central interval that holds this share of the ratings, such as 0.9.

        Returns
        -------
        float or ndarray of float32, shape (n,), or a tuple of them
            The prediction, then the deviation if asked for, then the lower and the upper end if asked for.
            Predictions and ends are clipped to the range of the ratings.
        """
        users, items = (list(ids) if isinstance(ids, Iterator) else ids for ids in (users, items))
        mean = super().predict(users, items, unknown=unknown, context=context)
        if not return_std and interval is None:
            return mean
        rows, columns = np.broadcast_arrays(
            positions_of(self.user_index_, users, "user", unknown)[0],
            positions_of(self.item_index_, items, "item", unknown)[0],
        )
        if context is None:
            deviations = self.people.deviations(rows, columns)
        else:
            deviations = np.empty(len(rows), dtype=np.float32)
            for part, people, places in self.people.in_contexts(rows, context):
                deviations[part] = people.deviations(places, columns[part])
        if unknown == "nan":
            deviations[(rows < 0) | (columns < 0)] = np.nan
        return with_error(mean, deviations, self.rating_range_, return_std=return_std, interval=interval)

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
        optimism: float = 0.0,
        diversity: float = 0.0,
    ) -> list[Recommendation]:
        """The n items with the highest scores for a user, best first; fewer if there are fewer items.

        Parameters
        ----------
        user : id
        n : int
            The number of items.
        exclude_seen : bool
            Leave out the items that the user has rated.
        items, exclude, min_ratings, context
            As in `Model.recommend`.
        optimism : float
            Rank by the mean plus this many standard deviations. Above 0 explores uncertain items; below 0
            plays safe.
        diversity : float
            From 0 to 1: how unlike each item should be to those before it, as in `Model.recommend`.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the model has not seen the user or one of ``items``.
        DataError
            If ``n``, ``optimism`` or ``diversity`` is out of its range, or a filter is refused as in
            `Model.recommend`.
        """
        person = self.person(user)
        return (person if context is None else person.in_context(context)).recommend(
            n,
            exclude_seen=exclude_seen,
            items=items,
            exclude=exclude,
            min_ratings=min_ratings,
            optimism=optimism,
            diversity=diversity,
        )

    # ---- files --------------------------------------------------------------------------------

    def header(self) -> dict[str, Any]:
        """The plain values of a model file; `arrays` has the rest."""
        return {
            **super().header(),
            "effective_samples": self.effective_samples_,
            "interrupted": self.interrupted_,
            "user_columns": None if self.user_columns_ is None else self.user_columns_.to_list(),
        }

    def arrays(self) -> dict[str, Any]:
        """The arrays of a model file, by name."""
        posterior = self.posterior_
        absent = Posterior.absent(posterior.n_samples, self.item_factors_.shape[1])
        of_posterior = {
            name: array
            for name in Posterior.names()
            if (array := getattr(posterior, name)).size or name not in absent
        }
        features = self.user_features_
        known = {} if features is None else arrays_of_rows(features, "user_features")
        return {**super().arrays(), **of_posterior, **known}

    def take_header(self, header: Mapping[str, Any]) -> None:
        """Set the attributes that `header` wrote to a file."""
        super().take_header(header)
        self.effective_samples_ = float(header["effective_samples"])
        self.interrupted_ = bool(header["interrupted"])
        columns = header["user_columns"]
        self.user_columns_ = None if columns is None else FeatureColumns.from_list(columns)

    def take_arrays(self, arrays: dict[str, Any]) -> None:
        """Set the attributes that `arrays` wrote to a file."""
        super().take_arrays(arrays)
        sizes = () if self.contexts_ is None else self.contexts_.sizes
        n_samples, n_factors = len(arrays["noise_precisions"]), self.item_factors_.shape[1]
        known = {**Posterior.absent(n_samples, n_factors), **arrays}
        self.posterior_ = Posterior(**{name: known[name] for name in Posterior.names()})
        n_given = self.user_columns_.n_features if self.user_columns_ else 0
        n_features = n_given + (len(self.item_index_) if self.implicit else 0)
        self.posterior_.check(
            len(self.user_index_),
            len(self.item_index_),
            self.item_factors_.shape[1],
            n_features,
            user_noise=bool(self.user_noise),
            item_noise=bool(self.item_noise),
            context_sizes=sizes,
        )
        self.user_features_ = None
        if self.user_columns_ is not None:
            self.user_features_ = saved_rows(arrays, "user_features")
            check_features(self.user_features_, len(self.user_index_), n_given)
