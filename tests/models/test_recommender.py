"""The Recommender's lists against z-scores in numpy, and its stars against its star model's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone

import matinee
from matinee import ALS, BayesianALS, ImplicitALS, load
from matinee.errors import DataError, NotFittedError
from matinee.models import ItemRidge, Model, Recommender
from matinee.ratings import Ratings

from ..conftest import random_ratings

WATCH = ImplicitALS(n_factors=4, n_iterations=4, grading=0.2, unobserved_weight=0.3)
STARS = BayesianALS(n_factors=3, n_samples=10, n_burn_in=4, n_kept=6)
KINDS: dict[str, dict[str, Any]] = {
    "factors and samples": {"watch": WATCH, "stars": STARS},
    "factors and factors": {"watch": WATCH, "stars": ALS(n_factors=3, n_iterations=4)},
    "without biases": {"watch": WATCH, "stars": ALS(n_factors=3, n_iterations=4, biases=False)},
    "several": {"watch": [WATCH, ItemRidge(regularization=3.0)], "stars": STARS},
    "weights": {"watch": ItemRidge(regularization=3.0), "stars": STARS},
}


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> Recommender:
    return Recommender(**KINDS[request.param], blend=0.35).fit(random_ratings())


def all_scores(part: Model) -> np.ndarray:
    """Every score of a part in float64, by its own lists."""
    frame = part.recommend_all(n=len(part.item_index_), exclude_seen=False)
    scores = np.full((len(part.user_index_), len(part.item_index_)), np.nan)
    rows, columns = part.user_index_.positions(frame["user"]), part.item_index_.positions(frame["item"])
    scores[rows, columns] = frame["score"]
    return scores


def standardised(scores: np.ndarray) -> np.ndarray:
    return (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)


def own_shares(model: Recommender) -> np.ndarray:
    """How much of what the users would watch follows from what they rated and did not dislike."""
    n_not_disliked = model.rated_.counts_of(model.rated_.values > 2 * model.rating_range_[1] / 5)
    return 1 - np.exp(-n_not_disliked.astype(np.float64))


def blended(model: Recommender, blend: float) -> np.ndarray:
    *watch, stars = (standardised(all_scores(part)) for part in model.parts)
    popular = standardised(model.n_raters[None].astype(np.float64))
    own = own_shares(model)[:, None]
    return (1 - blend) * sum(own * z + (1 - own) * popular for z in watch) + blend * stars


@pytest.mark.parametrize("blend", [None, 0.0, 0.8, 1.0])
def test_scores_are_blended_z_scores_of_the_parts(model: Recommender, blend: float | None) -> None:
    expected = blended(model, 0.35 if blend is None else blend)
    for row in (0, 7, 31):
        user = model.user_index_.id_at(row)
        found = model.recommend(user, 40, exclude_seen=False, blend=blend)
        of_items = dict(zip(model.item_index_.ids.tolist(), expected[row].tolist(), strict=True))
        assert [score for _, score in found] == pytest.approx(
            [of_items[item] for item, _ in found], rel=2e-3, abs=2e-3
        )


def test_a_blend_of_1_is_the_list_of_the_star_model(model: Recommender) -> None:
    for row in (0, 7, 31):
        user = model.user_index_.id_at(row)
        stars = [one.item for one in model.stars_model_.recommend(user, 10)]
        assert [one.item for one in model.recommend(user, 10, blend=1)] == stars


def test_beside_the_items_stand_the_stars_of_the_star_model(model: Recommender) -> None:
    user = model.user_index_.id_at(4)
    found = model.recommend(user, 9)
    items = [item for item, _ in found]
    assert [one.rating for one in found] == pytest.approx(model.stars_model_.predict(user, items), rel=1e-6)
    low, high = model.rating_range_
    assert all(low <= (one.rating or 0) <= high for one in found)
    if not model.stars_model_.has_intervals:
        assert [one.interval for one in found] == [None] * 9
        return
    stars: Any = model.stars_model_
    _, lows, highs = stars.predict(user, items, interval=0.9)
    assert np.allclose([one.interval for one in found], np.column_stack([lows, highs]), atol=1e-5)
    visitor = model.fold_in({5: 4.0, 16: 1.5}).recommend(5)
    assert all(one.interval is not None and one.interval[0] < one.interval[1] for one in visitor)


def test_the_table_of_all_has_the_stars_too(model: Recommender) -> None:
    frame = model.recommend_all(n=3)
    assert frame.columns == ["user", "rank", "item", "score", "rating"]
    users, items = frame["user"].to_list(), frame["item"].to_list()
    assert np.allclose(frame["rating"], model.stars_model_.predict(users, items), rtol=1e-6)
    assert np.allclose(model.predict(users, items), frame["rating"], rtol=1e-6)


def test_an_explanation_blends_those_of_the_parts(model: Recommender) -> None:
    user, item = model.user_index_.id_at(2), model.item_index_.id_at(11)
    whole = {part.item: part.contribution for part in model.explain(user, item, n=99).contributions}
    deviations = [all_scores(part)[2].std() for part in model.parts]
    own = own_shares(model)[2]
    shares = [0.65 * own] * len(model.watch_models_) + [0.35]
    expected = dict.fromkeys(whole, 0.0)
    for part, share, deviation in zip(model.parts, shares, deviations, strict=True):
        for one in part.explain(user, item, n=99).contributions:
            expected[one.item] += share / deviation * one.contribution
    assert whole == pytest.approx(expected, rel=1e-2, abs=1e-3)


def test_somebody_without_ratings_gets_what_most_people_saw() -> None:
    ratings = random_ratings()
    counts = dict(zip(ratings.items.tolist(), ratings.by_item.counts.tolist(), strict=True))
    model = Recommender(watch=WATCH, stars=STARS).fit(ratings)
    found = [one.item for one in model.fold_in({}).recommend(10, blend=0)]
    assert [counts[item] for item in found] == sorted(counts.values(), reverse=True)[:10]
    mixed = np.mean([counts[one.item] for one in model.fold_in({}).recommend(10)])
    assert mixed > np.mean(list(counts.values()))


def test_the_more_somebody_has_rated_the_less_it_matters_what_others_watch() -> None:
    ratings = random_ratings()
    model = Recommender(watch=WATCH, stars=STARS).fit(ratings)
    watch, counts = model.watch_models_[0], model.n_raters.astype(np.float64)
    likeness = []
    for n in (1, 2, 6):
        told = {int(item): 4.0 for item in ratings.items[:n]}
        alone = {one.item: one.score for one in watch.fold_in(told).recommend(40, exclude_seen=False)}
        both = {one.item: one.score for one in model.fold_in(told).recommend(40, exclude_seen=False, blend=0)}
        items = ratings.items.tolist()
        scores = [np.array([of_items[item] for item in items]) for of_items in (alone, both)]
        likeness.append(np.corrcoef(*scores)[0, 1])
        assert np.corrcoef(scores[1], counts)[0, 1] > np.corrcoef(scores[0], counts)[0, 1]
    assert likeness == sorted(likeness)


def test_somebody_who_disliked_everything_gets_what_most_people_saw() -> None:
    ratings = random_ratings()
    model = Recommender(watch=WATCH, stars=STARS).fit(ratings)
    counts = dict(zip(ratings.items.tolist(), ratings.by_item.counts.tolist(), strict=True))
    told = dict.fromkeys(ratings.items[:6].tolist(), 2.0)
    found = [one.item for one in model.fold_in(told).recommend(10, blend=0)]
    unrated = sorted((count for item, count in counts.items() if item not in told), reverse=True)
    assert [counts[item] for item in found] == unrated[:10]


def test_a_file_holds_all_parts_and_what_they_were_made_of(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert isinstance(loaded, Recommender)
    assert [repr(part) for part in loaded.parts] == [repr(part) for part in model.parts]
    user = model.user_index_.id_at(3)
    assert loaded.recommend(user, blend=0.6) == model.recommend(user, blend=0.6)
    assert [one.rating for one in loaded.recommend(user)] == [one.rating for one in model.recommend(user)]
    again = type(loaded)(**loaded.get_params()).fit(random_ratings())
    assert again.recommend(user) == model.recommend(user)


def test_fitted_models_are_joined_without_another_fit() -> None:
    ratings = random_ratings()
    watch, stars = (clone(part).fit(ratings) for part in (WATCH, STARS))
    joined = Recommender.of_fitted(watch, stars, blend=0.35)
    fitted = Recommender(watch=WATCH, stars=STARS, blend=0.35).fit(ratings)
    assert joined.recommend_all().equals(fitted.recommend_all())


def test_models_of_different_ratings_are_not_joined() -> None:
    ratings = random_ratings()
    watch, stars = clone(WATCH).fit(ratings), clone(STARS).fit(ratings)
    fewer = clone(WATCH).fit(ratings.subset(ratings.values > 2))
    with pytest.raises(DataError, match="ImplicitALS and BayesianALS were fitted on different ratings"):
        Recommender.of_fitted(fewer, stars)
    frame = ratings.to_frame()
    otherwise = Ratings.from_frame(frame.with_columns(rating=6 - pl.col("rating")))
    with pytest.raises(DataError, match="were fitted on different ratings"):
        Recommender.of_fitted(clone(WATCH).fit(otherwise), stars)
    other_catalogue = clone(STARS).fit(random_ratings(n_items=30))
    with pytest.raises(DataError, match="were fitted on different ratings"):
        Recommender.of_fitted(watch, other_catalogue)
    with pytest.raises(NotFittedError):
        Recommender.of_fitted(watch, clone(STARS))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"blend": -0.1}, "blend=-0.1; expected a number from 0 to 1"),
        ({"blend": 1.5}, "blend=1.5; expected a number from 0 to 1"),
        ({"blend": None}, "blend=None; expected a number"),
        ({"watch": "als"}, "watch holds a str; expected models"),
        ({"watch": [ALS(), 3]}, "watch holds a int; expected models"),
        ({"watch": Recommender()}, "watch holds a Recommender"),
        ({"stars": ImplicitALS()}, "stars=ImplicitALS; expected a model that predicts ratings"),
        ({"stars": ALS(n_factors=0)}, "n_factors=0"),
        ({"watch": ImplicitALS(grading=5)}, "grading=5"),
    ],
)
def test_what_is_no_recommender_is_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Recommender(**parameters).fit(random_ratings())


@pytest.mark.parametrize("blend", [-1, 2, "half", float("nan")])
def test_a_blend_of_a_call_is_checked(blend: Any) -> None:
    model = Recommender(watch=WATCH, stars=STARS).fit(random_ratings())
    user = model.user_index_.id_at(0)
    with pytest.raises(DataError, match="blend="):
        model.recommend(user, blend=blend)
    with pytest.raises(DataError, match="blend="):
        model.fold_in({5: 4.0}).recommend(blend=blend)


def test_ratings_that_are_all_alike_are_refused_with_the_remedy() -> None:
    ratings = Ratings.from_arrays([1, 1, 2], [1, 2, 2], [1, 1, 1])
    with pytest.raises(DataError, match="all ratings are 1, so there are no stars.*ImplicitALS"):
        Recommender().fit(ratings)


def test_a_recommendation_is_still_a_pair() -> None:
    model = Recommender(watch=WATCH, stars=STARS).fit(random_ratings())
    for one in model.recommend(model.user_index_.id_at(0), 3):
        item, score = one
        assert (item, score) == one == (one.item, one.score)
        assert f"rating={one.rating!r}" in repr(one)
    assert repr(matinee.Recommendation(3, 0.5)) == "Recommendation(item=3, score=0.5)"


def test_the_number_of_threads_is_that_of_all_models() -> None:
    model = Recommender(watch=WATCH, stars=STARS).fit(random_ratings())
    model.set_params(n_threads=1)
    assert [part.n_threads for part in model.parts] == [1, 1]
    assert Recommender(watch=WATCH).set_params(n_threads=1).n_threads == 1
