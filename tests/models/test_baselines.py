import math

import numpy as np
import polars as pl
import pytest

from matinee.errors import DataError
from matinee.evaluation import evaluate
from matinee.models import ALS
from matinee.models.baselines import ItemBiases, MostPopular, Random
from matinee.ratings import Ratings
from matinee.ratings.splits import split

BASELINES = [MostPopular, ItemBiases, Random]


def test_the_most_popular_are_what_most_people_rated(small_ratings):
    frame = small_ratings.to_frame()
    n_users = frame["user"].n_unique()
    user = int(small_ratings.users[4])
    seen = set(frame.filter(pl.col("user") == user)["item"])
    counts = frame.group_by("item").len().sort(["len", "item"], descending=[True, False])
    expected = [(item, count / n_users) for item, count in counts.iter_rows() if item not in seen]
    model = MostPopular().fit(small_ratings)
    found = model.recommend(user, n=100)
    assert [one.item for one in found] == [item for item, _ in expected]
    assert [one.score for one in found] == pytest.approx([share for _, share in expected])
    item, share = expected[0]
    assert model.predict(user, item) == pytest.approx(share)


def test_nothing_that_a_person_says_moves_the_most_popular(small_ratings):
    model = MostPopular().fit(small_ratings)
    likes, dislikes = (model.fold_in({int(small_ratings.items[0]): stars}) for stars in (5, -1e9))
    assert likes.recommend(n=100) == dislikes.recommend(n=100)
    assert [one.item for one in likes.recommend(n=100, exclude_seen=False)] == [
        one.item for one in model.fold_in({}).recommend(n=100)
    ]
    assert model.explain(int(small_ratings.users[0]), int(small_ratings.items[1])).rest == pytest.approx(0)


def test_item_biases_solve_the_damped_least_squares_of_both_sides(small_ratings):
    damping = 3.0
    model = ItemBiases(regularization=damping).fit(small_ratings)
    rows, columns, values = small_ratings.user_positions, small_ratings.by_user.columns, small_ratings.values
    mean = values.mean(dtype=np.float64)
    n_users, n_items = small_ratings.n_users, small_ratings.n_items
    design = np.zeros((len(values), n_users + n_items))
    design[np.arange(len(values)), rows] = 1
    design[np.arange(len(values)), n_users + columns] = 1
    matrix = design.T @ design + damping * np.eye(n_users + n_items)
    biases = np.linalg.solve(matrix, design.T @ (values - mean))
    # The alternation stops after a number of iterations, not at the minimum itself.
    assert model.item_biases_ == pytest.approx(biases[n_users:], abs=1e-3)
    assert model.user_biases_ == pytest.approx(biases[:n_users], abs=1e-3)
    assert not model.item_factors_.any()


def test_item_biases_are_als_without_tastes_and_fold_in_like_it(small_ratings):
    start = np.zeros((small_ratings.n_users, 1)), np.zeros((small_ratings.n_items, 1))
    als = ALS(n_factors=1, regularization=2.0, weighting="none").fit(small_ratings, start=start)
    model = ItemBiases(regularization=2.0).fit(small_ratings)
    told = {int(small_ratings.items[place]): 4.0 for place in (0, 3, 5)}
    assert model.fold_in(told).bias == als.fold_in(told).bias
    assert model.fold_in(told).recommend() == als.fold_in(told).recommend()
    user = int(small_ratings.users[0])
    assert model.fold_in(model.person(user).rated).bias == pytest.approx(model.person(user).bias, rel=1e-5)


def test_random_lists_follow_from_the_seed_and_differ_between_people(small_ratings):
    first, again, other = (Random(random_state=seed).fit(small_ratings) for seed in (1, 1, 2))
    users = small_ratings.users.tolist()
    assert first.recommend_all().equals(again.recommend_all())
    assert not first.recommend_all().equals(other.recommend_all())
    lists = {tuple(one.item for one in first.recommend(user, n=5, exclude_seen=False)) for user in users}
    assert len(lists) == len(users)
    assert first.fold_in({}).recommend() != other.fold_in({}).recommend()


def test_the_people_of_random_are_what_their_ratings_make_of_its_items(small_ratings):
    model = Random().fit(small_ratings)
    for row in (0, 13, 40):
        begin, end = small_ratings.by_user.indptr[row : row + 2]
        rated = small_ratings.by_user.columns[begin:end]
        factors = np.column_stack([model.item_factors_[rated], np.ones(end - begin)]).astype(np.float64)
        targets = small_ratings.values[begin:end] - model.item_biases_[rated]
        expected = np.linalg.solve(factors.T @ factors + np.eye(factors.shape[1]), factors.T @ targets)
        assert model.user_factors_[row] == pytest.approx(expected[:-1], abs=1e-4)
        assert model.user_biases_[row] == pytest.approx(expected[-1], abs=1e-4)


def test_random_lists_find_what_chance_finds():
    # A full table less one item each: of the 25 left over, lists of 10 find the one in 2 of 5 cases.
    generator = np.random.default_rng(0)
    users = np.repeat(np.arange(2000), 25)
    items = np.concatenate([generator.permutation(50)[:25] for _ in range(2000)])
    ratings = Ratings.from_arrays(users, items, np.ones(len(users)))
    train, test = split(ratings, by="user", test_size=1)
    found = evaluate(Random().fit(train), test)
    n_left = 50 - 24
    # Three standard deviations of a mean of 2,000, and some more as people's lists are not quite independent.
    assert found.hit_rate == pytest.approx(10 / n_left, abs=4 * math.sqrt(0.24 / 2000))
    assert found.catalogue_coverage == 1


def test_new_people_get_random_lists_that_cover_the_catalogue_too(small_ratings):
    train, test = split(small_ratings, by="new_users", test_size=0.5)
    assert evaluate(Random().fit(train), test).catalogue_coverage > 0.9


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("by", ["random", "new_users"])
def test_baselines_are_evaluated_like_any_model(small_ratings, kind, by):
    train, test = split(small_ratings, by=by, test_size=0.3)
    model = kind().fit(train)
    found = evaluate(model, test, train=train)
    assert found.n_users > 0
    assert 0 < found.hit_rate <= 1
    assert (found.rmse is None) == (kind is not ItemBiases)
    assert found.novelty > 0


@pytest.mark.parametrize("kind", BASELINES)
def test_an_item_that_nobody_rated_is_ranked_and_an_unknown_one_is_refused(kind):
    ratings = Ratings.from_arrays([1, 2, 2], [1, 1, 2], [3.0, 4.0, 5.0], registered_items=[1, 2, 3])
    model = kind().fit(ratings)
    assert {one.item for one in model.recommend(1)} == {2, 3}
    assert len(model.similar_items(1)) <= 2
    assert np.isfinite(model.predict([1, 2, 99], [3, 3, 1])).all()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ItemBiases(regularization=0), "regularization=0; expected a number"),
        (ItemBiases(regularization=math.nan), "regularization=nan; expected a number"),
        (Random(random_state=-1), "random_state=-1; expected a whole number"),
    ],
)
def test_parameters_out_of_range_are_refused(model, message, small_ratings):
    with pytest.raises(DataError, match=message):
        model.fit(small_ratings)
