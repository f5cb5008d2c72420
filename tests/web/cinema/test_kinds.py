"""What one kind of model can do and another cannot."""

from __future__ import annotations

import pytest

import matinee
from matinee.errors import DataError
from matinee.models import ItemRidge
from matinee.models.answers import Recommendation
from matinee.models.recommender import Recommender
from matinee.web.cinema.kinds import blend_of, factors_of, require_blend, require_diversity, takes_diversity
from tests.conftest import random_ratings


def test_only_a_recommender_has_a_blend_and_its_first_model_lends_its_factors() -> None:
    ratings = random_ratings(n_users=40, n_items=30, share=0.4, seed=4)
    ridge = ItemRidge().fit(ratings)
    stars = matinee.ALS(n_factors=2, n_iterations=1).fit(ratings, progress=False)
    watch = matinee.ImplicitALS(n_factors=2, n_iterations=1).fit(ratings, progress=False)
    both = Recommender.of_fitted([watch, ridge], stars, blend=0.4)
    assert factors_of(both) is watch
    assert factors_of(stars) is stars
    assert factors_of(ridge) is None
    assert factors_of(Recommender.of_fitted(ridge, stars)) is None
    assert (blend_of(both), blend_of(stars), blend_of(ridge)) == (0.4, None, None)
    # What it was fitted with, as for every parameter.
    assert blend_of(both.set_params(blend=0.9)) == 0.4
    require_blend(both)
    with pytest.raises(DataError, match="of kind ItemRidge, which has no blend"):
        require_blend(ridge)


def test_a_model_without_diversity_says_so() -> None:
    class PlainRidge(ItemRidge):
        def recommend(self, user: object, n: int = 10, **_: object) -> list[Recommendation]:  # type: ignore[override]
            return []

    assert takes_diversity(ItemRidge()) and takes_diversity(Recommender())
    assert not takes_diversity(PlainRidge())
    require_diversity(ItemRidge())
    with pytest.raises(DataError, match="of kind PlainRidge, which has no diversity"):
        require_diversity(PlainRidge())
