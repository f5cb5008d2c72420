"""Figures beside accuracy, against definitions written out person by person."""

import math

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from matinee.datasets.movies import Movie, Movies
from matinee.errors import DataError
from matinee.evaluation import compare, evaluate
from matinee.evaluation.list_metrics import gini
from matinee.models import ALS
from matinee.models.baselines import MostPopular
from matinee.ratings import Ratings
from matinee.ratings.splits import split

K = 5
NAMES = ("action", "comedy", "drama", "war")


@pytest.fixture(scope="module")
def fitted(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    return ALS(n_factors=3, n_iterations=4, n_threads=1).fit(train), train, test


@pytest.fixture(scope="module")
def genres(small_ratings):
    random = np.random.default_rng(0)
    return {item: [name for name in NAMES if random.random() < 0.4] for item in small_ratings.items.tolist()}


def of_users(ratings):
    found: dict = {}
    for user, item in ratings.to_frame().select("user", "item").iter_rows():
        found.setdefault(user, []).append(item)
    return found


def lists(model, test, n=K):
    known = set(model.user_index_.ids.tolist())
    assert known >= set(of_users(test))
    return {user: [one.item for one in model.recommend(user, n=n)] for user in of_users(test)}


def shares(items, genres):
    total = dict.fromkeys(NAMES, 0.0)
    for item in items:
        for name in genres[item]:
            total[name] += 1 / len(genres[item])
    whole = sum(total.values())
    return None if whole == 0 else {name: value / whole for name, value in total.items()}


def test_diversity_is_the_mean_distance_of_pairs(fitted, genres):
    model, _, test = fitted
    diversities = []
    for listed in lists(model, test).values():
        sets = [set(genres[item]) for item in listed if genres[item]]
        distances = [
            1 - len(one & other) / math.sqrt(len(one) * len(other))
            for place, one in enumerate(sets)
            for other in sets[:place]
        ]
        diversities += [np.mean(distances)] if distances else []
    found = evaluate(model, test, k=K, genres=genres)
    assert found.diversity == pytest.approx(np.mean(diversities))
    assert 0 < found.diversity < 1
    assert found.intervals["diversity"][0] < found.diversity < found.intervals["diversity"][1]


def test_miscalibration_is_the_divergence_of_steck(fitted, genres):
    model, train, test = fitted
    divergences, profiles = [], of_users(train)
    for user, listed in lists(model, test).items():
        p, q = shares(profiles[user], genres), shares(listed, genres)
        if p and q:
            divergences.append(
                sum(
                    p[name] * math.log(p[name] / (0.99 * q[name] + 0.01 * p[name]))
                    for name in NAMES
                    if p[name]
                )
            )
    assert evaluate(model, test, k=K, genres=genres).miscalibration == pytest.approx(np.mean(divergences))


def test_a_list_of_the_same_genres_is_calibrated():
    train = Ratings.from_arrays([1, 1], [1, 2], [5.0, 3.0])
    test = Ratings.from_arrays([1, 1], [3, 4], [5.0, 3.0])
    listed = pl.DataFrame({"user": [1, 1], "item": [3, 4], "rank": [1, 2]})
    kinds = {1: ["war"], 2: ["drama"], 3: ["drama"], 4: ["war"]}
    assert evaluate(listed, test, train=train, genres=kinds).miscalibration == pytest.approx(0, abs=1e-12)
    assert evaluate(listed, test, train=train, genres=kinds).diversity == 1
    other = kinds | {3: ["comedy"], 4: ["comedy"]}
    assert evaluate(listed, test, train=train, genres=other).miscalibration == pytest.approx(math.log(100))


def test_gini_is_the_mean_difference_of_all_pairs(fitted):
    model, _, test = fitted
    counts = dict.fromkeys(model.item_index_.ids.tolist(), 0)
    for listed in lists(model, test).values():
        for item in listed:
            counts[item] += 1
    shown = np.array(list(counts.values()), dtype=float)
    expected = np.abs(shown[:, None] - shown).sum() / (2 * len(shown) ** 2 * shown.mean())
    found = evaluate(model, test, k=K)
    assert found.gini == pytest.approx(expected)
    assert found.intervals["gini"][0] < found.gini < found.intervals["gini"][1]
    assert gini([2, 2, 2]) == pytest.approx(0)
    assert gini([0, 0, 0, 8]) == pytest.approx(3 / 4)
    assert math.isnan(gini([0, 0]))


def test_popularity_bias_compares_lists_with_profiles(fitted):
    model, train, test = fitted
    raters = dict(zip(train.items.tolist(), np.bincount(train.by_user.columns), strict=True))
    profiles = of_users(train)
    shown = [np.mean([raters[item] for item in listed]) for listed in lists(model, test).values()]
    rated = [np.mean([raters[item] for item in profiles[user]]) for user in of_users(test)]
    assert evaluate(model, test, k=K).popularity_bias == pytest.approx(np.mean(shown) / np.mean(rated) - 1)


def test_serendipity_counts_hits_that_the_most_popular_misses(fitted):
    model, train, test = fitted
    popular = lists(MostPopular().fit(train), test)
    wanted = of_users(test)
    each = [
        len((set(listed) & set(wanted[user])) - set(popular[user])) / K
        for user, listed in lists(model, test).items()
    ]
    found = evaluate(model, test, k=K)
    assert found.serendipity == pytest.approx(np.mean(each))
    assert 0 < found.serendipity < found.precision
    assert evaluate(MostPopular().fit(train), test, k=K).serendipity == 0
    listed = model.recommend_all(n=K)
    assert evaluate(listed, test, k=K, train=train).serendipity == pytest.approx(found.serendipity)
    assert evaluate(listed, test, k=K).serendipity is None


def test_auc_is_that_of_scikit_learn(fitted):
    model, _, test = fitted
    wanted, areas = of_users(test), []
    for user, ranked in lists(model, test, n=40).items():
        truth = [item in wanted[user] for item in ranked]
        areas.append(roc_auc_score(truth, -np.arange(len(ranked))))
    found = evaluate(model, test, k=K, auc=True)
    assert found.auc == pytest.approx(np.mean(areas))
    assert evaluate(model, test, k=K).auc is None


def test_genres_are_taken_in_each_form(fitted, genres):
    model, _, test = fitted
    expected = evaluate(model, test, k=K, genres=genres)
    frame = pl.DataFrame({"item": list(genres), "genres": list(genres.values())})
    text = frame.with_columns(pl.col("genres").list.join("|"))
    movies = Movies(Movie(item, str(item), None, tuple(each)) for item, each in genres.items())
    for form in (frame, text, movies, text.to_pandas()):
        assert evaluate(model, test, k=K, genres=form) == expected


def test_groups_are_those_of_the_people_in_them(fitted):
    model, _, test = fitted
    each = evaluate(model, test, k=K, per_user=True)
    found = evaluate(model, test, k=K)
    users = pl.DataFrame({"user": test.users}).with_columns(
        gender=pl.when(pl.col("user") % 3 == 0).then(pl.lit("F")).otherwise(pl.lit("M")),
        age=pl.when(pl.col("user") % 2 == 0).then(pl.lit(None)).otherwise(pl.lit(25)),
    )
    grouped = found.by_group(users)
    assert grouped.select("by", "group").rows() == [("gender", "F"), ("gender", "M"), ("age", "25")]
    of_women = each.join(users.filter(gender="F"), on="user")
    row = grouped.row(0, named=True)
    assert row["n_users"] == len(of_women)
    assert row["ndcg"] == pytest.approx(of_women["ndcg"].mean())
    squares = (of_women["rmse"] ** 2 * of_women["n_ratings"]).sum() / of_women["n_ratings"].sum()
    assert row["rmse"] == pytest.approx(math.sqrt(squares))
    mapped = found.by_group(dict(users.select("user", "gender").iter_rows()))
    assert mapped["ndcg"].to_list() == grouped["ndcg"].to_list()[:2]
    thirds = found.by_group()
    assert thirds["group"].to_list() == ["few", "some", "many"]
    assert thirds["n_users"].sum() == len(each)


def test_the_table_of_a_comparison_shows_them(fitted, genres):
    model, train, test = fitted
    text = str(compare([model, MostPopular().fit(train)], test, k=K, genres=genres))
    assert "Gini  popularity bias" in text
    assert "miscalibration" in text
    assert "AUC" not in text
    assert "miscalibration" in str(evaluate(model, test, k=K, genres=genres))


def test_what_is_no_genre_or_group_is_refused(fitted):
    model, _, test = fitted
    for arguments, message in (
        ({"genres": "war"}, "genres is of type str; expected Movies"),
        ({"genres": {1: "war"}}, "the genres of an item are 'war'; expected a list of names"),
        ({"genres": {-5: ["war"]}}, "genres has no genre of any item here"),
        ({"genres": pl.DataFrame({"item": [1]})}, "genres"),
        ({"auc": 1}, "auc=1; expected True or False"),
    ):
        with pytest.raises(DataError, match=message):
            evaluate(model, test, **arguments)
    with pytest.raises(DataError, match="auc=True for lists"):
        evaluate(model.recommend_all(), test, auc=True)
    found = evaluate(model, test)
    for groups, message in (
        ("F", "groups is of type str"),
        (pl.DataFrame({"who": [1]}), "user"),
        (pl.DataFrame({"user": [1]}), "groups has no column beside user"),
        (pl.DataFrame({"user": [1, 1], "age": [2, 3]}), "groups names user 1 twice"),
        ({-9: "F"}, "groups names no user of the test"),
    ):
        with pytest.raises(DataError, match=message):
            found.by_group(groups)
