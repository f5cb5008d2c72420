"""What models make of the contexts of ratings."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import matinee
from matinee.errors import DataError
from matinee.models.baselines import ItemBiases, MostPopular, Random
from matinee.models.model import Model
from matinee.models.registry import MODELS

from ..conftest import random_ratings

REFUSING = [kind for kind in MODELS if kind.contexts_are == "refused"]


def ratings_in_contexts() -> matinee.Ratings:
    frame = random_ratings().to_frame().with_row_index()
    frame = frame.with_columns(device=(frame["index"] % 3).cast(pl.String))
    return matinee.Ratings.from_frame(frame, contexts=["device"])


@pytest.mark.parametrize("kind", REFUSING, ids=lambda kind: kind.__name__)
def test_a_model_that_learns_nothing_of_contexts_refuses_them(kind: type[Model]) -> None:
    ratings = ratings_in_contexts()
    with pytest.raises(DataError, match=r"learns nothing of the contexts device; .*without_contexts\(\)"):
        kind().fit(ratings)


@pytest.mark.parametrize("kind", [MostPopular, ItemBiases, Random])
def test_baselines_are_the_same_with_and_without_contexts(kind: type[Model]) -> None:
    ratings = ratings_in_contexts()
    with_contexts, without = kind().fit(ratings), kind().fit(ratings.without_contexts())
    assert with_contexts.rated_.contexts is None
    users, items = ratings.to_frame()["user"], ratings.to_frame()["item"]
    assert np.array_equal(with_contexts.predict(users, items), without.predict(users, items))
