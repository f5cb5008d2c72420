"""Compares the lists of a model with the most popular films, before the model is served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matinee import metrics
from matinee.models import Model
from matinee.models.baselines import MostPopular
from matinee.models.people import People
from matinee.ratings import Ratings, Rows

# The standard error of a difference of NDCG is then below 0.02, and a star model is below by 0.05 and more.
N_PEOPLE = 300
# Of fewer ratings, a fifth is less than two.
LEAST_RATINGS = 10
HELD_OUT_SHARE = 0.2
LENGTH = 10
SEED = 0


@dataclass(frozen=True)
class ListQuality:
    """NDCG@10 on ratings held out of some people's: of a model's lists, and of the most popular films."""

    model: float
    most_popular: float
    n_people: int

    @property
    def is_below_popular(self) -> bool:
        """Whether the lists of the model are worse than showing everybody the most popular films."""
        return self.model < self.most_popular


def list_quality(model: Model) -> ListQuality | None:
    """How good a model's lists are for people folded in from four fifths of their ratings.

    The people are users of the fit, so the model has learned from what is held out here. It has an advantage
    over people whom it has never seen: a model that is nevertheless below the most popular films is really
    bad, and one that is above them may still be.

    Returns
    -------
    ListQuality or None
        None if nobody has ten ratings.
    """
    generator = np.random.default_rng(SEED)
    able = np.flatnonzero(model.rated_.counts >= LEAST_RATINGS)
    if len(able) == 0:
        return None
    chosen = generator.choice(able, min(N_PEOPLE, len(able)), replace=False)
    rated = model.rated_.pick(chosen)
    is_held_out = _fifths(rated, generator)
    told, held_out = rated.keep(~is_held_out), rated.keep(is_held_out)
    popular = MostPopular().fit(Ratings(model.user_index_, model.item_index_, model.rated_))
    own, others = (_ndcg(each.people_by(told), told, held_out) for each in (model, popular))
    return ListQuality(own, others, len(chosen))


def _fifths(rated: Rows, generator: np.random.Generator) -> NDArray[np.bool_]:
    """A mask of a fifth of each person's ratings, by chance."""
    people = np.repeat(np.arange(rated.n_rows), rated.counts)
    order = np.lexsort((generator.random(len(people)), people))
    is_held_out = np.zeros(len(people), dtype=bool)
    # The places of a person's ratings in the shuffled order, from 0.
    places = np.arange(len(people)) - np.repeat(rated.indptr[:-1], rated.counts)
    is_held_out[order] = places < np.repeat(HELD_OUT_SHARE * rated.counts, rated.counts).astype(np.int64)
    return is_held_out


def _ndcg(people: People, told: Rows, held_out: Rows) -> float:
    lists, _ = people.rank(LENGTH, excluded=told)
    hits = metrics.find_hits(lists, held_out.indptr, held_out.columns)
    return float(metrics.ndcg(hits, held_out.counts, k=LENGTH).mean())
