"""A model that learns from features of users and items as well, through a link to their factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matinee.checks import number
from matinee.errors import DataError
from matinee.models.features.knowledge import Knowledge, with_ones
from matinee.models.features.side_knowledge import Encoded
from matinee.models.id_lookup import Kind
from matinee.models.memory import require_memory
from matinee.models.parameters import thread_count
from matinee.models.person import Person
from matinee.models.rated import rated_rows
from matinee.models.solved_model import SolvedModel
from matinee.ratings import Ratings, Rows
from matinee.solving.history import Iteration
from matinee.solving.links import Link, LinkedAlternation
from matinee.solving.row_problem import Floats, Side

LEAST_SHRINKAGE = 1e-6
LARGEST_SHRINKAGE = 1e9


KnowledgeOfBoth = tuple[Knowledge | None, Knowledge | None]


class FeaturedModel(SolvedModel):
    """A `SolvedModel` that expects of a row what its features say, and of its ratings what differs from it.

    Attributes
    ----------
    user_knowledge_, item_knowledge_ : Knowledge or None
        What the fit has learned from features; None of a side that had none.
    """

    takes_features: ClassVar[bool] = True
    feature_regularization: float
    user_knowledge_: Knowledge | None = None
    item_knowledge_: Knowledge | None = None

    def _check_feature_regularization(self) -> None:
        """Raise a DataError if κ is out of its range."""
        number(
            "feature_regularization",
            self.feature_regularization,
            least=LEAST_SHRINKAGE,
            most=LARGEST_SHRINKAGE,
        )

    # ---- in a fit ---------------------------------------------------------------------------------

    def _link_of(self, observed: Rows, ridge: Floats, encoded: Encoded, n_factors: int) -> Link | None:
        """The link of a side of a fit; None without features."""
        columns, features = encoded
        if columns is None or features is None:
            return None
        n_features = columns.n_features + 1
        # The matrix of the regression, its inverse, and what is added up to get it.
        need = 3 * 8 * n_features**2
        require_memory(need, f"learning from {columns.n_features:,} features", "take fewer of them")
        return Link(
            with_ones(features, columns.n_features),
            ridge,
            np.flatnonzero(observed.counts),
            n_features=n_features,
            n_columns=n_factors + 1,
            shrinkage=float(self.feature_regularization),
            n_threads=thread_count(self.n_threads),
        )

    def keep_fit(
        self,
        train: Ratings,
        users: Side,
        items: Side,
        mean: float,
        history: list[Iteration],
        knowledge: KnowledgeOfBoth = (None, None),
    ) -> None:
        """Store all results of a fit at once, and forget what the last fit knew of users and items."""
        self.user_knowledge_, self.item_knowledge_ = knowledge
        super().keep_fit(train, users, items, mean, history)

    # ---- after a fit ------------------------------------------------------------------------------

    @property
    def known_users(self) -> Rows | None:
        """The features of the fitted users; None without any."""
        return None if self.user_knowledge_ is None else self.user_knowledge_.features

    def user_means(self, known: Rows | None, n_people: int) -> Floats | None:
        """What features make one expect of people; float32, shape (n_people, n_factors + 1), or None."""
        if self.user_knowledge_ is None:
            return None
        return self.user_knowledge_.means(known, n_people, thread_count(self.n_threads))

    @property
    def counted_items(self) -> Side:
        """The items that a person's row problem counts as not seen; with features, the rated ones."""
        counted = self._counted("item")
        return self.item_side if counted is None else self.item_side.pick(counted)

    def _counted(self, kind: Kind) -> NDArray[np.int64] | None:
        """The users or items that others are learned from; None if all are.

        With features, those without ratings have factors too, which say nothing about anybody else.
        """
        knowledge = self.user_knowledge_ if kind == "user" else self.item_knowledge_
        if knowledge is None:
            return None
        found: NDArray[np.int64] = self._computed.get(f"counted {kind}s", lambda: self._rated(kind))
        return found

    def _n_counted(self, kind: Kind) -> int:
        """The number of users or items that others are learned from."""
        counted = self._counted(kind)
        index = self.user_index_ if kind == "user" else self.item_index_
        return len(index) if counted is None else len(counted)

    def _rated(self, kind: Kind) -> NDArray[np.int64]:
        if kind == "user":
            return np.flatnonzero(self.rated_.counts)
        return np.flatnonzero(np.bincount(self.rated_.columns, minlength=len(self.item_index_)))

    def fold_in(
        self,
        ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]],
        *,
        features: Mapping[str, Any] | None = None,
    ) -> Person:
        """A person whom the model has never seen, from their ratings and features; both may be empty.

        Parameters
        ----------
        ratings : mapping of item id to rating, pairs, or frame with the columns item and rating
            A frame of pandas, polars or Arrow; if it has a column weight, ratings count by it. It may have
            columns for the contexts of the ratings. Of two ratings of an item the last counts.
        features : mapping of column to value, optional
            The values as in a row of ``user_features``; of what is left out the average is expected. A row of
            a matrix is named "features".

        Raises
        ------
        UnknownItemError
            For the first item that the model has not seen.
        DataError
            If a rating is not a finite number, a frame lacks a column, or the model does not know a feature.
        """
        self.check_fitted()
        rated = rated_rows(self.item_index_, ratings, contexts=self.contexts_)
        known = None if features is None else _encoded(self.user_knowledge_, features, "user")
        return Person(self.candidates, self.people_by(rated, known))

    # ---- files ------------------------------------------------------------------------------------

    def header(self) -> dict[str, Any]:
        """The plain values of a model file; `arrays` has the rest."""
        columns = {
            f"{kind}_columns": knowledge.columns.to_list()
            for kind, knowledge in self._knowledge.items()
            if knowledge is not None
        }
        return {**super().header(), **columns}

    def arrays(self) -> dict[str, Any]:
        """The arrays of a model file, by name."""
        arrays = super().arrays()
        for kind, knowledge in self._knowledge.items():
            if knowledge is not None:
                arrays |= knowledge.arrays(kind)
        return arrays

    @property
    def _knowledge(self) -> dict[str, Knowledge | None]:
        return {"user": self.user_knowledge_, "item": self.item_knowledge_}

    def take_header(self, header: Mapping[str, Any]) -> None:
        """Set the attributes that `header` wrote to a file."""
        super().take_header(header)
        self._saved_columns = {kind: header.get(f"{kind}_columns") for kind in ("user", "item")}

    def take_arrays(self, arrays: dict[str, Any]) -> None:
        """Set the attributes that `arrays` wrote to a file."""
        super().take_arrays(arrays)
        n_factors = self.item_factors_.shape[1]
        sizes = {"user": len(self.user_index_), "item": len(self.item_index_)}
        found = {
            kind: Knowledge.saved(columns, arrays, kind, sizes[kind], n_factors)
            for kind, columns in self._saved_columns.items()
            if columns is not None
        }
        del self._saved_columns
        self.user_knowledge_, self.item_knowledge_ = found.get("user"), found.get("item")


def knowledge_of(alternation: Any, of_users: Encoded, of_items: Encoded) -> KnowledgeOfBoth:
    """What a fit has learned from the features of users and of items."""
    if not isinstance(alternation, LinkedAlternation):
        return None, None
    return (
        _knowledge(alternation.of_users.link, of_users),
        _knowledge(alternation.of_items.link, of_items),
    )


def _knowledge(link: Link | None, encoded: Encoded) -> Knowledge | None:
    columns = encoded[0]
    return None if link is None or columns is None else Knowledge(columns, link.features, link.weights)


def _encoded(knowledge: Knowledge | None, features: Mapping[str, Any], kind: Kind) -> Rows:
    if knowledge is None:
        raise DataError(
            f"features are given, but the model was fitted without {kind}_features; leave them out"
        )
    return knowledge.encode(features)
