"""Items that go together: a ridge regression of every item on all others, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from matinee import _kernels
from matinee.checks import number
from matinee.errors import DataError, ModelFileError
from matinee.models.id_lookup import Kind
from matinee.models.memory import named_if_too_large
from matinee.models.model import Model
from matinee.models.options import REGULARIZATION, Number, Option
from matinee.models.parameters import thread_count
from matinee.models.people import People, ScoreParts
from matinee.models.saved_arrays import saved_array
from matinee.models.search_space import Real, SearchSpace
from matinee.progress import progress_bar
from matinee.ratings import Ratings, Rows
from matinee.solving.blas import blas_threads
from matinee.solving.history import Callback
from matinee.solving.ranking import SCORES_AT_ONCE, Positions, best_of_scores
from matinee.solving.row_problem import Floats

# There is a number for every pair of items: those of 40,000 take 6.4 GB, and as much again during a fit.
MOST_ITEMS = 40_000


class ItemRidge(Model):
    """What was seen, as a sum of what else was seen (EASE; Steck 2019).

    Minimises ``Σ_u w_u ‖x_u − Bᵀx_u‖² + λ‖B‖²`` over matrices B with a zero diagonal, where x_u has a 1 for
    every item that user u has rated, however it was rated. One matrix serves everybody:
    ``A = λI + Σ_u w_u x_u x_uᵀ``, and with P = A⁻¹ the weights are ``B = I − P·diag(P)⁻¹``. A person's score
    of an item is the sum of the weights of what they have seen.

    Parameters
    ----------
    regularization : float
        λ.
    user_discount : float
        Users weigh ``w_u = n_u^−d``, with n_u their number of ratings and d the discount, from 0 to 1: the
        larger, the less those count who rate nearly everything.
    n_threads : int or None
        None means every processor.

    Attributes
    ----------
    item_weights_ : ndarray of float32, shape (n_items, n_items)
        B: how much having seen the item of a row says for the item of a column.

    Notes
    -----
    A fit costs ``Σ n_u²`` and 2 n³ flops for n items, and 8 n² bytes of memory; the file has 4 n². It suits
    catalogues of up to some 20,000 items, and ratings enough for pairs of items to meet often.
    """

    short_name = "item-ridge"
    predicts_ratings = False
    options: ClassVar[Mapping[str, Option]] = {
        "regularization": REGULARIZATION,
        "user_discount": Number("How much less each rating of somebody with many counts, 0 to 1.", most=1),
    }
    search_space = SearchSpace(
        parameters={
            "regularization": Real(0.3, 3000.0, is_log=True),
            "user_discount": Real(0.0, 1.0),
        },
        metric="ndcg",
        split_by="user",
        iterations=None,
        has_curve=False,
    )

    item_weights_: Floats

    def __init__(
        self, *, regularization: float = 100.0, user_discount: float = 0.5, n_threads: int | None = None
    ) -> None:
        self.regularization = regularization
        self.user_discount = user_discount
        self.n_threads = n_threads

    @named_if_too_large
    def fit(
        self,
        train: Ratings,
        validation: Ratings | None = None,
        *,
        progress: bool = True,
        callback: Callback | None = None,
    ) -> Self:
        """Find the weights. The validation and the callback are for other models, and change nothing.

        Raises
        ------
        DataError
            For a parameter out of its range, or more than 40,000 items.
        """
        self.check_fit(train, validation)
        if train.weights is not None:
            raise DataError(
                "an ItemRidge counts who has seen what, and knows no weights of ratings; take ImplicitALS, "
                "or ratings without weights"
            )
        if train.n_items > MOST_ITEMS:
            raise DataError(
                f"{train.n_items:,} items; an ItemRidge takes up to {MOST_ITEMS:,}, as it has a weight for "
                "every pair: take ImplicitALS"
            )
        threads = thread_count(self.n_threads)
        with blas_threads(threads), progress_bar("fit", None, shown=progress):
            weights = self._weights(train, threads)
        self.item_weights_ = weights
        self.keep_ratings(train, [])
        return self

    def least_memory(self, train: Ratings) -> int:
        """The bytes of the matrix of all pairs of items, and of its inverse."""
        return 8 * train.n_items**2 if train.n_items <= MOST_ITEMS else 0

    def _weights(self, train: Ratings, n_threads: int) -> Floats:
        counts = train.by_user.counts
        of_users = np.maximum(counts, 1).astype(np.float64) ** -self.user_discount
        ones = np.ones(len(train), dtype=np.float32)
        by_user = train.by_user._replace(values=np.repeat(of_users, counts).astype(np.float32))
        by_item = train.by_item._replace(values=ones)
        matrix = np.empty((train.n_items, train.n_items), dtype=np.float32)
        _kernels.multiply_sparse_rows(*by_item[:3], *by_user[:3], matrix, n_threads)
        matrix[np.diag_indices_from(matrix)] += np.float32(self.regularization)
        weights: Floats = np.linalg.inv(matrix)
        del matrix
        weights /= -np.diagonal(weights).copy()
        np.fill_diagonal(weights, 0)
        return weights

    def check_parameters(self) -> None:
        """Raise a DataError for a parameter out of its range."""
        number("regularization", self.regularization, least=1e-3, most=1e12)
        number("user_discount", self.user_discount, least=0, most=1)

    @property
    def people(self) -> People:
        """The users that the model was fitted on, a row each."""
        return self.people_by(self.rated_)

    def people_by(self, rated: Rows) -> People:
        """People whom the model has never seen, a row each, by what they have seen."""
        return WeighedPeople(rated, self.item_weights_, thread_count(self.n_threads))

    def nearest_rows(
        self, kind: Kind, row: int, n: int, candidates: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """By the cosine of the weights of items, or of what users have seen."""
        if kind == "item":
            rows = self.item_weights_
            cosines = rows @ rows[row] / np.maximum(self._item_lengths * self._item_lengths[row], 1e-30)
        else:
            own = self.rated_.pick([row])
            seen = np.zeros(len(self.item_index_))
            seen[own.columns] = 1
            people = np.repeat(np.arange(self.rated_.n_rows), self.rated_.counts)
            shared = np.bincount(people, seen[self.rated_.columns], minlength=self.rated_.n_rows)
            cosines = shared / np.sqrt(np.maximum(self.rated_.counts * len(own.columns), 1))
        others = np.arange(len(cosines)) if candidates is None else candidates
        others = others[others != row]
        best = others[np.argsort(-cosines[others], kind="stable")[:n]]
        return list(zip(best.tolist(), cosines[best].tolist(), strict=True))

    @property
    def _item_lengths(self) -> Floats:
        lengths: Floats = self._computed.get(
            "lengths of weights", lambda: np.linalg.norm(self.item_weights_, axis=1)
        )
        return lengths

    # ---- files --------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, Any]:
        """The arrays of a model's file, by name."""
        return {**super().arrays(), "item_weights": self.item_weights_}

    def take_arrays(self, arrays: dict[str, Any]) -> None:
        """Take over from a file what `arrays` gave."""
        super().take_arrays(arrays)
        self.item_weights_ = saved_array(arrays, "item_weights", np.float32, 2)
        n_items = len(self.item_index_)
        if self.item_weights_.shape != (n_items, n_items):
            raise ModelFileError("its arrays do not fit together")


@dataclass(frozen=True, eq=False)
class WeighedPeople(People):
    """People by what they have seen, which weights turn into scores.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_items, n_items)
    """

    rated: Rows
    weights: Floats
    n_threads: int

    def pick(self, rows: NDArray[Any]) -> WeighedPeople:
        return replace(self, rated=self.rated.pick(rows))

    def scores(self, rows: NDArray[Any]) -> Floats:
        """Scores of all items for some of the people; float32, shape (n_rows, n_items)."""
        rated = self.rated.pick(rows)
        found = np.empty((rated.n_rows, len(self.weights)), dtype=np.float32)
        ones = np.ones(len(rated.columns), dtype=np.float32)
        _kernels.multiply_sparse(
            rated.indptr, rated.columns, ones, self.weights, found, min(self.n_threads, max(rated.n_rows, 1))
        )
        return found

    def rank(
        self,
        n: int,
        *,
        rows: NDArray[Any] | None = None,
        excluded: Rows | None = None,
        candidates: Any = None,
    ) -> tuple[Positions, Floats]:
        asked = np.arange(self.rated.n_rows) if rows is None else np.asarray(rows)
        return best_of_scores(
            self.scores, asked, len(self.weights), n, excluded=excluded, candidates=candidates
        )

    def predict(self, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        predicted = np.zeros(len(rows), dtype=np.float32)
        known = np.flatnonzero((rows >= 0) & (columns >= 0))
        people, places = np.unique(rows[known], return_inverse=True)
        step = max(1, SCORES_AT_ONCE // len(self.weights))
        for first in range(0, len(people), step):
            scores = self.scores(people[first : first + step])
            here = (places >= first) & (places < first + step)
            predicted[known[here]] = scores[places[here] - first, columns[known[here]]]
        return predicted

    def score_parts(self, columns: NDArray[Any]) -> ScoreParts:
        return np.zeros(len(columns)), self.weights[np.ix_(self.rated.columns, columns)].T.astype(np.float64)
