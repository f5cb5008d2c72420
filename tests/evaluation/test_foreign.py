"""Lists and objects of other libraries are judged by the same figures as models."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from matinee.errors import DataError
from matinee.evaluation import compare, evaluate
from matinee.evaluation.ranking_metrics import LIKED, RANKING
from matinee.models import ALS
from matinee.models.baselines import MostPopular
from matinee.ratings import Ratings
from matinee.ratings.splits import NewUsers, split

LISTS = (*RANKING, *LIKED, "catalogue_coverage", "novelty")


@pytest.fixture(scope="module")
def fitted(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    return ALS(n_factors=3, n_iterations=4, n_threads=1).fit(train), train, test


def figures(found, names=LISTS):
    return {name: getattr(found, name) for name in names}


def in_pandas(frame):
    return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


@pytest.mark.parametrize("form", [lambda frame: frame, in_pandas, pl.DataFrame.to_arrow])
@pytest.mark.parametrize("order", ["rank", "score"])
def test_the_lists_of_a_model_are_judged_as_the_model(fitted, form, order):
    model, train, test = fitted
    lists = model.recommend_all(n=8).select("user", "item", order).sample(fraction=1, shuffle=True, seed=1)
    found = evaluate(form(lists), test, k=5, train=train)
    expected = evaluate(model, test, k=5)
    assert figures(found) == pytest.approx(figures(expected))
    assert found.most_popular == expected.most_popular
    assert (found.rmse, found.train_rmse, found.excluded) == (None, None, "nothing")
    assert (found.n_users, found.n_items, found.n_trained_on) == (expected.n_users, expected.n_items, 0)
    assert "the lists are taken as they are given" in str(found)


def test_figures_of_lists_are_those_of_ten_lines_of_numpy():
    random = np.random.default_rng(3)
    k, ndcgs, recalls, precisions = 5, [], [], []
    lists = {user: random.permutation(30)[: 3 + user % 4].tolist() for user in range(25)}
    wanted = {user: random.permutation(30)[: 1 + user % 9].tolist() for user in range(30)}
    for user, items in wanted.items():
        gains = np.isin(lists.get(user, [])[:k], items).astype(np.float64)
        discounts = 1 / np.log2(np.arange(k) + 2)
        ndcgs.append((gains * discounts[: len(gains)]).sum() / discounts[: min(k, len(items))].sum())
        recalls.append(gains.sum() / len(items))
        precisions.append(gains.sum() / k)
    frame = pl.DataFrame([(u, i, r) for u, items in lists.items() for r, i in enumerate(items)], orient="row")
    frame.columns = ["user", "item", "rank"]
    users = [user for user, items in wanted.items() for _ in items]
    test = Ratings.from_arrays(
        users, [i for items in wanted.values() for i in items], np.full(len(users), 5.0)
    )
    found = evaluate(frame, test, k=k)
    assert found.ndcg == pytest.approx(np.mean(ndcgs), abs=1e-12)
    assert found.recall == pytest.approx(np.mean(recalls), abs=1e-12)
    assert found.precision == pytest.approx(np.mean(precisions), abs=1e-12)
    # Five people of the test have no list: they found nothing, and are counted.
    assert (found.n_users, found.n_users_fallback) == (30, 5)
    assert (found.catalogue_coverage, found.novelty, found.most_popular) == (None, None, None)
    assert "catalogue_coverage" not in found.intervals
    assert "catalogue coverage" not in str(found)


def test_an_object_that_recommends_and_predicts_is_judged_as_the_model_behind_it(fitted):
    model, train, test = fitted
    pairs = SimpleNamespace(recommend=lambda user, n: model.recommend(user, n), predict=model.predict)
    found, expected = evaluate(pairs, test, k=5, train=train), evaluate(model, test, k=5, train=train)
    names = ("rmse", "mae", "train_rmse", *LISTS)
    assert figures(found, names) == pytest.approx(figures(expected, names))
    ids = SimpleNamespace(recommend=lambda user, n: np.array([one.item for one in model.recommend(user, n)]))
    assert figures(evaluate(ids, test, k=5, train=train)) == pytest.approx(figures(expected))
    assert evaluate(ids, test, k=5).rmse is None


def test_what_only_predicts_is_ranked_without_what_was_rated(fitted):
    model, train, test = fitted

    class Unclipped:
        def predict(self, users, items):
            people, things = model.user_index_.positions(users), model.item_index_.positions(items)
            return (
                (model.user_factors_[people] * model.item_factors_[things]).sum(axis=1)
                + model.user_biases_[people]
                + model.item_biases_[things]
            )

    found = evaluate(Unclipped(), test, k=5, train=train)
    assert figures(found, RANKING) == pytest.approx(figures(evaluate(model, test, k=5), RANKING))


def test_somebody_whom_an_object_does_not_know_has_no_list(fitted):
    model, train, test = fitted
    stranger = test.users[0].item()

    def recommend(user, n):
        if user == stranger:
            raise KeyError(user)
        return model.recommend(user, n)

    found = evaluate(SimpleNamespace(recommend=recommend), test, train=train)
    each = evaluate(SimpleNamespace(recommend=recommend), test, train=train, per_user=True)
    assert found.n_users_fallback == 1
    assert each.filter(user=stranger)["hit_rate"].to_list() == [0.0]


def test_models_and_lists_of_others_stand_in_one_table(fitted):
    model, _, test = fitted
    last_years = MostPopular().fit(test).recommend_all(n=10)
    found = compare({"ours": model, "last year's": last_years, "same": model.recommend_all(n=10)}, test, k=5)
    ours, last, same = found.evaluations.values()
    assert figures(same) == pytest.approx(figures(ours))
    assert last.novelty is not None
    assert found.differences.filter(figure="ndcg", model="ours", other="same")["p_value"].to_list() == [1.0]
    lists = compare([last_years, last_years], test, train=None)
    assert list(lists.evaluations) == ["DataFrame", "DataFrame 2"]


def test_lists_of_new_users_are_judged_by_what_was_held_out(small_ratings):
    train, test = split(small_ratings, by="new_users", test_size=0.3)
    model = MostPopular().fit(train)
    lists = model.fold_in_all(test.history, n=5)
    found = evaluate(lists, test, k=5, train=train)
    assert figures(found, RANKING) == pytest.approx(figures(evaluate(model, test, k=5), RANKING))
    assert isinstance(test, NewUsers)
    with pytest.raises(DataError, match="cannot be told the history of new users"):
        evaluate(SimpleNamespace(recommend=model.recommend), test)


def frame(**columns):
    return pl.DataFrame({"user": [1, 1], "item": [1, 2], "rank": [1, 2]} | columns)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (pl.DataFrame({"user": [1], "item": [2]}), "have neither a column rank nor score"),
        (pl.DataFrame({"user": [1], "rank": [2]}), "item"),
        (frame(item=[2, 2]), "item 2 is twice in the list of user 1"),
        (frame(rank=[3, 3]), "rank 3 is twice in the list of user 1"),
        (frame(rank=["a", "b"]), "the column rank of the lists is of type String"),
        (frame(rank=[1.0, math.nan]), "row 1 of the lists lacks its user, item or rank"),
        (frame(item=[None, 2]), "row 0 of the lists lacks its user, item or rank"),
        (frame(user=["a", "b"]), "string"),
        (frame(item=["a", "b"]), "item ids mix integers and strings"),
        (ALS, "expected a model, .*, got the class ALS"),
        (object(), "expected a model, .*, got object"),
        (SimpleNamespace(predict=lambda users, items: users), "give train=, the ratings"),
        (SimpleNamespace(recommend=lambda user, n: [3, 3]), r"recommend\(1, 10\) .* gave an item twice"),
        (SimpleNamespace(recommend=lambda user, n: [3.5]), "gave float; expected ids of items"),
    ],
)
def test_what_is_no_list_is_refused(lists, message):
    test = Ratings.from_arrays([1, 1], [1, 2], [5.0, 3.0])
    with pytest.raises(DataError, match=message):
        evaluate(lists, test)


def test_predictions_that_are_none_are_refused(fitted):
    _, train, test = fitted
    for given, message in (
        (lambda users, items: np.zeros(3), r"predict gave float64 of shape \(3,\)"),
        (lambda users, items: np.full(len(users), math.nan), "predict gave nan for user"),
    ):
        with pytest.raises(DataError, match=message):
            evaluate(SimpleNamespace(predict=given), test, train=train)


def test_a_frame_alone_is_nothing_to_compare():
    with pytest.raises(DataError, match="expected several models, in a list or by name"):
        compare(pa.table({"user": [1], "item": [1], "rank": [1]}), Ratings.from_arrays([1], [1], [5.0]))
