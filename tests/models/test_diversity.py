"""Lists of more variety, against maximal marginal relevance written out one person at a time."""

import math

import numpy as np
import pytest

from matinee.baselines import ItemBiases, MostPopular, Random
from matinee.errors import DataError
from matinee.models import ALS, BayesianALS, ItemRidge, Recommender, diversity
from matinee.models.implicit import ImplicitALS

MODELS = {
    "als": lambda: ALS(n_factors=3, n_iterations=3),
    "implicit": lambda: ImplicitALS(n_factors=3, n_iterations=3),
    "bayes": lambda: BayesianALS(n_factors=3, n_samples=6, n_burn_in=2),
    "ridge": ItemRidge,
    "recommender": lambda: Recommender(
        watch=ImplicitALS(n_factors=3), stars=BayesianALS(n_factors=3, n_samples=6, n_burn_in=2)
    ),
    "most popular": MostPopular,
    "item biases": ItemBiases,
    "random": Random,
}


@pytest.fixture(scope="module", params=MODELS)
def model(request, small_ratings):
    return MODELS[request.param]().fit(small_ratings)


def mmr(model, ratings, listed, n, share):
    """Carbonell & Goldstein's greedy choice from a list of pairs, by sets of raters."""
    raters: dict = {}
    for user, item in ratings.to_frame().select("user", "item").iter_rows():
        raters.setdefault(item, set()).add(user)
    scores = {one.item: one.score for one in listed}
    low, high = min(scores.values()), max(scores.values())
    chosen: list = []
    while len(chosen) < min(n, len(scores)):
        worth = {}
        for item, score in scores.items():
            if item not in chosen:
                relevance = (score - low) / (high - low) if high > low else 0.0
                alike = [
                    len(raters[item] & raters[other]) / math.sqrt(len(raters[item]) * len(raters[other]))
                    for other in chosen
                ]
                worth[item] = (1 - share) * relevance - share * max(alike, default=0.0)
        best = max(worth.values())
        chosen.append(next(item for item, each in worth.items() if each >= best - 1e-6))
    return chosen


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
def test_lists_are_those_of_maximal_marginal_relevance(model, small_ratings, share):
    for user in small_ratings.users[:6].tolist():
        whole = model.recommend(user, n=40)
        found = model.recommend(user, n=5, diversity=share)
        assert [one.item for one in found] == mmr(model, small_ratings, whole, 5, share)
        # The scores, and the stars beside them, stay those of the model.
        expected = {one.item: one for one in whole}
        for one in found:
            assert one.score == pytest.approx(expected[one.item].score, rel=1e-5)
            assert one.rating == expected[one.item].rating


def test_without_diversity_nothing_changes(model, small_ratings):
    user = small_ratings.users[2]
    assert model.recommend(user, n=7, diversity=0) == model.recommend(user, n=7)
    assert model.recommend_all(n=7, diversity=0.0).equals(model.recommend_all(n=7))


def test_lists_for_all_and_for_new_people_are_those_for_one(model, small_ratings):
    users = small_ratings.users[:4].tolist()
    frame = model.recommend_all(users, n=5, diversity=0.4)
    rated = small_ratings.subset(np.isin(small_ratings.user_positions, range(4)))
    folded = model.fold_in_all(rated.to_frame(), n=5, diversity=0.4)
    for user in users:
        own = frame.filter(user=user)
        assert own["item"].to_list() == [one.item for one in model.recommend(user, n=5, diversity=0.4)]
        assert own["rank"].to_list() == [1, 2, 3, 4, 5]
        person = model.fold_in(dict(rated.to_frame().filter(user=user).select("item", "rating").iter_rows()))
        shown = [one.item for one in person.recommend(n=5, diversity=0.4)]
        assert folded.filter(user=user)["item"].to_list() == shown


def test_filters_hold_and_short_lists_have_each_item_once(model, small_ratings):
    user, items = small_ratings.users[0], small_ratings.items[:30].tolist()
    found = [one.item for one in model.recommend(user, n=50, items=items, diversity=0.5)]
    assert sorted(found) == sorted(one.item for one in model.recommend(user, n=50, items=items))
    assert found != [one.item for one in model.recommend(user, n=50, items=items)]
    assert model.recommend(user, items=[], diversity=0.5) == []


def test_lists_are_less_alike_the_more_diversity(small_ratings):
    model = ItemRidge().fit(small_ratings)
    positions = {}
    for share in (0.0, 0.5, 1.0):
        found = model.recommend_all(n=5, diversity=share)
        lists = model.item_index_.positions(found["item"]).reshape(-1, 5)
        alike = [diversity.likeness(one, model.candidates)[np.triu_indices(5, 1)].mean() for one in lists]
        positions[share] = np.mean(alike)
    assert positions[0.0] > positions[0.5] > positions[1.0]


def test_lists_do_not_depend_on_how_many_items_and_users_are_held(small_ratings, monkeypatch):
    model = ItemRidge().fit(small_ratings)
    whole = model.recommend_all(n=5, diversity=0.4)
    monkeypatch.setattr(diversity, "MOST_ITEMS", 30)
    monkeypatch.setattr(diversity, "LEAST_POOL", 20)
    monkeypatch.setattr(diversity, "POOL", 4)
    pools = model.recommend_all(n=5, diversity=0.4)
    # The pools of all hold more items than that and are parted; that of one person never is.
    alone = [each.item for user in small_ratings.users for each in model.recommend(user, n=5, diversity=0.4)]
    assert pools["item"].to_list() == alone
    monkeypatch.setattr(diversity, "USERS_AT_ONCE", 7)
    assert model.recommend_all(n=5, diversity=0.4).equals(pools)
    monkeypatch.undo()
    assert model.recommend_all(n=5, diversity=0.4).equals(whole)


def test_a_cautious_list_can_be_diverse_too(small_ratings):
    model = MODELS["bayes"]().fit(small_ratings)
    user = small_ratings.users[3]
    whole = model.recommend(user, n=40, optimism=-1.0)
    found = model.recommend(user, n=5, optimism=-1.0, diversity=0.6)
    assert [one.item for one in found] == mmr(model, small_ratings, whole, 5, 0.6)


def test_the_blend_of_a_recommender_can_be_diverse_too(small_ratings):
    model = MODELS["recommender"]().fit(small_ratings)
    user = small_ratings.users[3]
    whole = model.recommend(user, n=40, blend=1.0)
    found = model.recommend(user, n=5, blend=1.0, diversity=0.6)
    assert [one.item for one in found] == mmr(model, small_ratings, whole, 5, 0.6)


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan, "much", None, True])
def test_what_is_no_diversity_is_refused(model, small_ratings, share):
    user = small_ratings.users[0]
    for ask in (
        lambda: model.recommend(user, diversity=share),
        lambda: model.recommend_all(diversity=share),
        lambda: model.fold_in({}).recommend(diversity=share),
    ):
        with pytest.raises(DataError, match="diversity=.*; expected a number from 0 to 1"):
            ask()


def test_a_list_that_is_too_long_to_re_rank_is_refused(small_ratings):
    model = MostPopular().fit(small_ratings)
    with pytest.raises(DataError, match="n=5000; expected a whole number from 1 to 4096"):
        model.recommend(small_ratings.users[0], n=5000, diversity=0.2)
