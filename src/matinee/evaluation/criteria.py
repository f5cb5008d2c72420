"""What counts in an evaluation of lists: their length, and which test ratings they should find."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matinee import metrics
from matinee.checks import whole_number
from matinee.errors import DataError

Gains = Literal["binary", "graded"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Criteria:
    """What counts as a good list.

    Attributes
    ----------
    k : int
        The length of the lists.
    relevant_from : float or None
        A test rating of at least this is relevant; None means that every test rating is.
    liked_from, disliked_to : float or None
        A test rating of at least the one is liked, of at most the other disliked; None where ratings don't
        tell, because those of the fit are all alike.
    gains : {"binary", "graded"}
        Whether all relevant items count alike in NDCG.
    greatest : float
        The greatest rating of the fit, which graded gains refer to.
    """

    k: int
    relevant_from: float | None
    liked_from: float | None
    disliked_to: float | None
    gains: Gains
    greatest: float

    @classmethod
    def of(
        cls, rating_range: tuple[float, float], *, k: Any, relevant_from: Any, liked: Any, gains: Any
    ) -> Criteria:
        """The criteria for a model that was fitted to ratings of this range.

        Raises
        ------
        DataError
            If an argument is invalid, or gains are graded and no rating is above 0.
        """
        low, high = rating_range
        liked_from, disliked_to = metrics.liked_and_disliked(low, high) or (None, None)
        liked = liked_from if liked is None else liked
        if gains not in get_args(Gains):
            raise DataError(f'gains={gains!r}; expected "binary" or "graded"')
        if gains == "graded" and high <= 0:
            raise DataError(
                f'gains="graded" for ratings of at most {high:g}; expected ratings above 0, or gains="binary"'
            )
        return cls(
            k=whole_number("k", k, least=1),
            relevant_from=relevance_threshold(relevant_from),
            liked_from=_rating_or_none("liked", liked, "four fifths of the greatest rating"),
            disliked_to=disliked_to,
            gains=gains,
            greatest=high,
        )

    def protocol(self) -> dict[str, Any]:
        """The attributes of an `Evaluation` that say what counted."""
        return {name: value for name, value in asdict(self).items() if name != "greatest"}

    def is_relevant(self, ratings: NDArray[np.float32]) -> Mask:
        """Which ratings are relevant; NaN stands for none."""
        return is_at_least(ratings, -math.inf if self.relevant_from is None else self.relevant_from)

    def is_liked(self, ratings: NDArray[np.float32]) -> Mask:
        """Which ratings are liked; NaN stands for none."""
        return is_at_least(ratings, math.inf if self.liked_from is None else self.liked_from)

    def is_disliked(self, ratings: NDArray[np.float32]) -> Mask:
        """Which ratings are disliked; NaN stands for none."""
        limit = -math.inf if self.disliked_to is None else self.disliked_to
        return np.asarray(ratings <= np.float32(limit))

    def gains_of(self, ratings: NDArray[np.float32]) -> NDArray[np.float64]:
        """The graded gain of each rating, 0 if it is not relevant."""
        is_relevant = self.is_relevant(ratings)
        return np.where(is_relevant, metrics.graded_gains(ratings, self.greatest), 0.0)


def relevance_threshold(relevant_from: Any) -> float | None:
    """The least relevant rating, None if all are relevant; raises a DataError if it is not a rating."""
    return _rating_or_none("relevant_from", relevant_from, "every test rating")


def is_at_least(ratings: NDArray[np.float32], threshold: float) -> Mask:
    """Which ratings are at least the threshold, which is rounded as they are, so that 3.7 finds a 3.7."""
    return np.asarray(ratings >= np.float32(threshold))


def _rating_or_none(name: str, given: Any, meaning: str) -> float | None:
    is_number = isinstance(given, int | float | np.integer | np.floating)
    if given is None or (is_number and math.isfinite(given)):
        return None if given is None else float(given)
    raise DataError(f"{name}={given!r}; expected a rating, or None for {meaning}")
