import json
import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from matinee.errors import DataError, NotFittedError
from matinee.evaluation import Evaluation, audience, evaluate, evaluate_alone, ranking_metrics
from matinee.evaluation.criteria import Criteria
from matinee.evaluation.tally import Tally
from matinee.models import ALS, BayesianALS, Recommender
from matinee.models.baselines import MostPopular
from matinee.models.implicit import ImplicitALS
from matinee.ratings import Ratings
from matinee.ratings.splits import NewUsers, split

LIKED = ("ndcg_liked", "recall_liked", "mean_stars_of_hits", "share_disliked")
RANKING = ("precision", "recall", "truncated_recall", "ndcg", "map", "mrr", "hit_rate")


def small_model(train, **parameters):
    return ALS(**{"n_factors": 3, "n_iterations": 4, "n_threads": 1} | parameters).fit(train)


@pytest.fixture(scope="module")
def fitted(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    return small_model(train), train, test


@pytest.fixture(scope="module")
def result():
    return Evaluation(
        n_ratings=1000,
        n_fallback=10,
        n_trained_on=0,
        split="random, test_size=0.2, random_state=42",
        rmse=0.9,
        mae=0.7,
        rmse_without_fallback=0.88,
        train_rmse=0.8,
        train_mae=0.6,
        k=10,
        relevant_from=None,
        n_items=500,
        excluded="training ratings",
        n_users=90,
        n_users_fallback=2,
        n_users_without_test=10,
        **dict.fromkeys(RANKING, 0.125),
        catalogue_coverage=0.25,
        novelty=3.5,
        ndcg_liked=0.0625,
        recall_liked=0.03125,
        mean_stars_of_hits=4.25,
        share_disliked=0.05,
        liked_from=4.0,
        disliked_to=2.0,
        gains="binary",
        most_popular=None,
    )


def with_strangers(test):
    """The test ratings, and some of a user and of an item that nobody has heard of."""
    frame = test.to_frame()
    user, item = frame["user"][0], frame["item"][0]
    extra = pl.DataFrame(
        {"user": [-1, -1, -2, user], "item": [item, -7, -8, -7], "rating": [1.0, 2.0, 3.0, 4.0]}
    )
    return Ratings.from_frame(pl.concat([frame, extra.cast(frame.schema)]))


def figures(result):
    """The numbers in a result, less those of users and items that have no ratings on either side."""
    whole = {name: value for name, value in result.to_dict().items() if isinstance(value, int | float)}
    return {name: whole[name] for name in whole if name not in ("n_users_without_test", "n_items")}


def ranking_by_hand(model, test, k, relevant_from=-math.inf, person_of=None):
    """The ranking metrics user by user from sets of ids, and nothing else of ours than `recommend`."""
    relevant = {}  # type: ignore[var-annotated]
    for user, item, rating in test.to_frame().select("user", "item", "rating").iter_rows():
        if rating >= relevant_from:
            relevant.setdefault(user, set()).add(item)
    nobody = model.fold_in({})
    rows = []
    for user, wanted in relevant.items():
        if person_of is not None:
            listed = person_of(user).recommend(n=k)
        else:
            known = user in model.user_index_.ids
            listed = (model.recommend(user, n=k) if known else nobody.recommend(n=k))[:k]
        hits = [place for place, one in enumerate(listed) if one.item in wanted]
        most = min(k, len(wanted))
        ideal = sum(1 / math.log2(place + 2) for place in range(most))
        rows.append(
            [
                len(hits) / k,
                len(hits) / len(wanted),
                len(hits) / most,
                sum(1 / math.log2(place + 2) for place in hits) / ideal,
                sum((number + 1) / (place + 1) for number, place in enumerate(hits)) / most,
                1 / (hits[0] + 1) if hits else 0,
                float(bool(hits)),
            ]
        )
    return len(rows), dict(zip(RANKING, np.mean(rows, axis=0), strict=True))


def lists_of(model, test, k):
    """The list of each user of a test, and a dictionary of their test ratings."""
    rated = {}  # type: ignore[var-annotated]
    for user, item, rating in test.to_frame().select("user", "item", "rating").iter_rows():
        rated.setdefault(user, {})[item] = rating
    nobody = [one.item for one in model.fold_in({}).recommend(n=k)]
    for user, ratings in rated.items():
        known = user in model.user_index_.ids
        yield [one.item for one in model.recommend(user, n=k)] if known else nobody, ratings


def liked_by_hand(model, test, k, liked=4.0, disliked=2.0):
    """What people thought of the items that they were shown, from sets of ids."""
    ndcgs, recalls, stars = [], [], []
    for listed, ratings in lists_of(model, test, k):
        stars += [ratings[item] for item in listed if item in ratings]
        wanted = {item for item, rating in ratings.items() if rating >= liked}
        if wanted:
            ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted))))
            places = [place for place, item in enumerate(listed) if item in wanted]
            ndcgs.append(sum(1 / math.log2(place + 2) for place in places) / ideal)
            recalls.append(len(places) / len(wanted))
    share_disliked = sum(star <= disliked for star in stars) / len(stars)
    figures = (np.mean(ndcgs), np.mean(recalls), np.mean(stars), share_disliked)
    return dict(zip(LIKED, figures, strict=True))


def test_errors_are_those_of_the_models_own_predictions(fitted):
    model, train, test = fitted
    found = evaluate(model, test, train=train)
    for ratings, rmse, mae in (
        (test, found.rmse, found.mae),
        (train, found.train_rmse, found.train_mae),
    ):
        frame = ratings.to_frame()
        predicted = model.predict(frame["user"].to_numpy(), frame["item"].to_numpy())
        assert rmse == pytest.approx(root_mean_squared_error(frame["rating"], predicted), rel=1e-6)
        assert mae == pytest.approx(mean_absolute_error(frame["rating"], predicted), rel=1e-6)
    assert found.n_ratings == len(test)


@pytest.mark.parametrize("k", [1, 5, 100])
def test_ranking_metrics_are_those_of_the_lists_that_people_are_shown(fitted, k):
    model, _, test = fitted
    n_users, expected = ranking_by_hand(model, test, k)
    found = evaluate(model, test, k=k)
    assert {name: getattr(found, name) for name in RANKING} == pytest.approx(expected)
    assert (found.k, found.n_users, found.n_items) == (k, n_users, 40)
    assert expected["ndcg"] > 0


def test_users_and_items_that_the_model_has_not_seen_are_tested_too(fitted):
    model, _, test = fitted
    strangers = with_strangers(test)
    n_users, expected = ranking_by_hand(model, strangers, 10)
    found = evaluate(model, strangers)
    assert {name: getattr(found, name) for name in RANKING} == pytest.approx(expected)
    assert (found.n_users, found.n_users_fallback) == (n_users, 2)
    assert found.n_fallback == 4
    assert found.coverage == pytest.approx(1 - 4 / (len(test) + 4))
    assert found.rmse_without_fallback == pytest.approx(evaluate(model, test).rmse)


def test_a_user_or_an_item_without_training_ratings_is_predicted_by_fallback(small_ratings):
    # They keep their ids and rows in a subset, so that the model knows of them, but nothing about them.
    new_user, new_item = small_ratings.users[4], small_ratings.items[9]
    frame = small_ratings.to_frame()
    is_new = ((frame["user"] == new_user) | (frame["item"] == new_item)).to_numpy()
    train, test = small_ratings.subset(~is_new), small_ratings.subset(is_new)
    found = evaluate(small_model(train), test, train=train)
    assert found.n_fallback == len(test)
    assert found.coverage == 0
    assert math.isnan(found.rmse_without_fallback)
    assert (found.ratio, found.gap, found.verdict) == (None, None, None)
    assert found.n_users_fallback == 1
    assert found.to_dict()["rmse_without_fallback"] is None


def test_only_ratings_from_the_threshold_on_are_relevant(fitted):
    model, _, test = fitted
    n_users, expected = ranking_by_hand(model, test, 10, relevant_from=4.0)
    found = evaluate(model, test, relevant_from=4.0)
    assert {name: getattr(found, name) for name in RANKING} == pytest.approx(expected)
    assert (found.n_users, found.n_users_without_test) == (n_users, test.n_users - n_users)
    assert found.rmse == evaluate(model, test).rmse


@pytest.mark.parametrize("k", [1, 5, 100])
@pytest.mark.parametrize("relevant_from", [None, 5.0])
def test_what_people_liked_is_judged_by_the_lists_that_they_are_shown(fitted, k, relevant_from):
    model, _, test = fitted
    tested = with_strangers(test)
    found = evaluate(model, tested, k=k, relevant_from=relevant_from)
    expected = liked_by_hand(model, tested, k)
    assert {name: getattr(found, name) for name in LIKED} == pytest.approx(expected)
    assert (found.liked_from, found.disliked_to) == (4.0, 2.0)
    assert expected["ndcg_liked"] > 0
    if k == 100:
        assert 0 < expected["share_disliked"] < 1


def test_liked_may_begin_at_another_rating(fitted):
    model, _, test = fitted
    found = evaluate(model, test, k=5, liked=3.0)
    expected = liked_by_hand(model, test, 5, liked=3.0)
    assert {name: getattr(found, name) for name in LIKED} == pytest.approx(expected)
    assert found.ndcg_liked != evaluate(model, test, k=5).ndcg_liked
    assert found.ndcg == evaluate(model, test, k=5).ndcg


def test_with_relevant_as_liked_ndcg_and_recall_are_the_same(fitted):
    model, _, test = fitted
    found = evaluate(model, test, relevant_from=3.5, liked=3.5)
    assert (found.ndcg_liked, found.recall_liked) == pytest.approx((found.ndcg, found.recall))


def test_liked_and_disliked_follow_the_scale_of_the_ratings(fitted):
    _, train, test = fitted
    doubled = [
        Ratings.from_frame(each.to_frame().with_columns(pl.col("rating") * 2)) for each in (train, test)
    ]
    popular = MostPopular().fit(train)
    found, of_ten = evaluate(popular, test), evaluate(MostPopular().fit(doubled[0]), doubled[1])
    assert (of_ten.liked_from, of_ten.disliked_to) == (8.0, 4.0)
    assert of_ten.mean_stars_of_hits == pytest.approx(2 * found.mean_stars_of_hits)
    for name in ("ndcg_liked", "recall_liked", "share_disliked"):
        assert getattr(of_ten, name) == getattr(found, name)
    of_both = [
        evaluate(one, ratings, gains="graded").ndcg
        for one, ratings in ((popular, test), (MostPopular().fit(doubled[0]), doubled[1]))
    ]
    assert of_both[0] == pytest.approx(of_both[1])


def test_ratings_that_are_all_alike_say_nothing_of_what_is_liked(fitted):
    _, train, test = fitted
    seen = Ratings.from_frame(train.to_frame().with_columns(rating=pl.lit(1.0)))
    model = ImplicitALS(n_factors=3, n_iterations=2).fit(seen)
    found = evaluate(model, test)
    assert [getattr(found, name) for name in (*LIKED, "liked_from", "disliked_to")] == [None] * 6
    assert found.most_popular["ndcg_liked"] is None
    assert "liked" not in str(found)
    # Whoever says what is liked in the test is answered; what is disliked nobody has said.
    asked = evaluate(model, test, liked=4)
    assert (asked.liked_from, asked.disliked_to, asked.share_disliked) == (4.0, None, None)
    expected = liked_by_hand(model, test, 10)
    for name in LIKED[:3]:
        assert getattr(asked, name) == pytest.approx(expected[name])


def test_without_hits_and_without_anything_liked_there_are_no_figures(fitted):
    model, train, _ = fitted
    found = evaluate(model, train, liked=99)
    assert [math.isnan(getattr(found, name)) for name in LIKED] == [True] * 4
    whole = found.to_dict()
    assert [whole[name] for name in LIKED] == [None] * 4
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole


@pytest.mark.parametrize(("k", "relevant_from"), [(5, None), (100, None), (5, 3.0)])
def test_graded_gains_are_those_of_the_ratings_in_the_lists(fitted, k, relevant_from):
    model, _, test = fitted
    expected = []
    for listed, ratings in lists_of(model, test, k):
        gains = {item: 2**rating - 1 for item, rating in ratings.items() if rating >= (relevant_from or 0.0)}
        best = sorted(gains.values(), reverse=True)[:k]
        if best:
            gained = sum(gains.get(item, 0.0) / math.log2(place + 2) for place, item in enumerate(listed))
            expected.append(gained / sum(gain / math.log2(place + 2) for place, gain in enumerate(best)))
    found = evaluate(model, test, k=k, relevant_from=relevant_from, gains="graded")
    binary = evaluate(model, test, k=k, relevant_from=relevant_from)
    assert found.ndcg == pytest.approx(np.mean(expected))
    assert found.ndcg != pytest.approx(binary.ndcg, rel=1e-3)
    assert (found.map, found.ndcg_liked) == (binary.map, binary.ndcg_liked)
    assert (found.gains, binary.gains) == ("graded", "binary")
    assert "graded by the rating" in str(found)
    assert "gains" not in str(binary)


def test_tallies_of_parts_of_the_people_add_up_to_that_of_all(fitted):
    model, _, test = fitted
    asked = {"k": 5, "relevant_from": 3.0, "liked": None, "gains": "graded"}
    criteria = Criteria.of(model.rating_range_, **asked)
    in_first = test.user_positions % 3 == 0
    parts = [test.subset(in_first), test.subset(~in_first)]
    whole, *tallies = (
        vars(Tally.of(audience.Audience.known(model, one), one, criteria)) for one in (test, *parts)
    )
    for name in whole.keys() - {"n_users_without_test", "n_fitted_users"}:
        assert tallies[0][name] + tallies[1][name] == pytest.approx(whole[name]), name
    assert min(part["n_hits"] for part in tallies) > 0


@pytest.mark.parametrize("by", ["random", "new_users"])
def test_the_most_popular_of_the_same_ratings_stands_beside_the_model(small_ratings, by):
    train, test = split(small_ratings, test_size=0.3, by=by)
    found = evaluate(small_model(train), test, k=5, relevant_from=3.0)
    popular = evaluate(MostPopular().fit(train), test, k=5, relevant_from=3.0)
    names = (*RANKING, *LIKED, "catalogue_coverage", "novelty")
    assert found.most_popular == {name: getattr(popular, name) for name in names}
    assert found.to_dict()["most_popular"] == found.most_popular
    assert popular.most_popular is None
    assert popular.to_dict()["most_popular"] is None
    table = str(found).splitlines()
    low, high = found.intervals["ndcg"]
    assert next(line.split() for line in table if line.startswith("NDCG at 5")) == [
        *("NDCG", "at", "5", f"{found.ndcg:.4f}", f"{popular.ndcg:.4f}"),
        *(f"{low:.4f}", "to", f"{high:.4f}"),
    ]
    assert any(line.split() == ["model", "most", "popular", "95", "%", "interval"] for line in table)


def test_a_model_evaluated_alone_has_all_figures_of_its_own(fitted):
    model, _, test = fitted
    alone = evaluate_alone(model, test, k=3, relevant_from=3.0, liked=3.0, gains="graded")
    beside = evaluate(model, test, k=3, relevant_from=3.0, liked=3.0, gains="graded")
    assert beside.most_popular is not None
    assert alone == replace(beside, most_popular=None, serendipity=None)
    assert "most popular" not in str(alone)


def test_a_threshold_finds_the_rating_that_it_names():
    ratings = Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [3.7, 1.0, 1.0, 3.7])
    train, test = ratings.subset([1, 2]), ratings.subset([0, 3])
    assert evaluate(small_model(train), test, relevant_from=3.7).n_users == 2


def test_with_nothing_relevant_there_is_nobody_to_rank(fitted):
    model, _, test = fitted
    found = evaluate(model, test, relevant_from=99)
    assert (found.n_users, found.n_users_without_test) == (0, test.n_users)
    assert math.isnan(found.ndcg)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["ndcg"] is None


def test_a_pair_that_the_model_was_trained_on_is_never_found(fitted):
    model, train, _ = fitted
    found = evaluate(model, train)
    assert [getattr(found, name) for name in RANKING] == [0] * 7
    assert found.n_trained_on == len(train)


def test_a_model_that_knows_the_answers_finds_them_all():
    # Two tastes: everybody rates their own half 5 and the other half 1; one 5 of each is held out.
    users, items = map(np.ravel, np.indices((20, 20)))
    same_half = (users < 10) == (items < 10)
    ratings = Ratings.from_arrays(users, items, np.where(same_half, 5.0, 1.0))
    held_out = users == items
    test = ratings.subset(held_out)
    found = evaluate(small_model(ratings.subset(~held_out), regularization=0.001), test, k=1)
    assert [getattr(found, name) for name in RANKING] == [1] * 7
    assert found.rmse < 0.1


def test_ids_that_are_strings_are_matched_by_their_text(fitted):
    model, train, test = fitted
    # Of one width, so that the ids sort as the numbers do and ties are broken alike.
    as_text = [pl.col(name).cast(pl.String).str.zfill(4) for name in ("user", "item")]
    named_train, named_test = (
        Ratings.from_frame(ratings.to_frame().with_columns(as_text)) for ratings in (train, test)
    )
    assert named_test.users[0] == "0003"
    assert figures(evaluate(small_model(named_train), named_test)) == figures(evaluate(model, test))


def test_the_result_is_the_same_whatever_the_size_of_the_chunks(fitted, monkeypatch):
    model, train, test = fitted
    strangers = with_strangers(test)
    whole = figures(evaluate(model, strangers, train=train))
    for module in (audience, ranking_metrics):
        monkeypatch.setattr(module, "CHUNK", 37)
    assert figures(evaluate(model, strangers, train=train)) == pytest.approx(whole, rel=1e-12)


def test_permuting_the_users_leaves_the_figures_as_they_are(fitted):
    model, train, test = fitted
    frames = [ratings.to_frame().with_columns(user=1000 - pl.col("user")) for ratings in (train, test)]
    mirrored_train, mirrored_test = map(Ratings.from_frame, frames)
    mirrored = figures(evaluate(small_model(mirrored_train), mirrored_test))
    assert mirrored == pytest.approx(figures(evaluate(model, test)), rel=1e-4)


def test_overfitting_shows_in_the_ratio_of_test_to_train(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    loose = evaluate(small_model(train, n_factors=12, regularization=1e-4), test, train=train)
    tight = evaluate(small_model(train, regularization=1.0), test, train=train)
    assert loose.verdict.startswith("overfitting")
    assert loose.ratio > tight.ratio
    assert loose.rmse > tight.rmse


def test_the_verdict_is_about_what_was_learned_and_not_about_fallbacks(result):
    assert result.ratio == pytest.approx(0.88 / 0.8)
    assert result.gap == pytest.approx(0.08)
    assert result.coverage == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("test_error", "verdict"), [(0.85, "no overfitting"), (0.9, "moderate"), (1.05, "overfitting")]
)
def test_the_verdict_follows_the_ratio(result, test_error, verdict):
    assert replace(result, rmse_without_fallback=test_error).verdict.startswith(verdict)


def test_training_ratings_met_exactly_have_an_infinite_ratio_and_none_in_json(result):
    exact = replace(result, train_rmse=0.0)
    assert exact.ratio == math.inf
    assert exact.verdict.startswith("overfitting")
    assert exact.to_dict()["ratio"] is None
    assert replace(exact, rmse_without_fallback=0.0).ratio == 1


def test_without_training_ratings_there_is_no_verdict(result):
    without = replace(result, train_rmse=None, train_mae=None)
    assert (without.ratio, without.gap, without.verdict) == (None, None, None)
    assert "train RMSE" not in str(without)


def test_the_table_shows_both_errors_and_the_protocol(result):
    lines = [line.split("  ", 1) for line in str(result).splitlines() if line]
    table = {label.strip(): text.strip() for label, text in lines if label}
    assert table["RMSE"] == "0.9000 (train 0.8000)"
    assert table["MAE"] == "0.7000 (train 0.6000)"
    assert table["predicted by fallback"] == "10 (1.00%)"
    assert table["RMSE without fallback"] == "0.8800"
    assert table["test RMSE / train RMSE"] == "1.100 (gap 0.0800)"
    assert table["NDCG at 10"] == "0.1250"
    assert table["NDCG liked at 10"] == "0.0625"
    assert table["recall liked at 10"] == "0.0312"
    assert table["mean stars of hits"] == "4.25"
    assert table["disliked among hits"] == "5.00%"
    assert table["liked"] == "from 4, and disliked up to 2"
    assert table["catalogue coverage"] == "25.00%"
    assert table["novelty"] == "3.50 bits"
    assert table["split"] == "random, test_size=0.2, random_state=42"
    assert "also trained on" not in table
    assert table["users ranked"] == "90 (2 of them without training ratings)"
    assert table["users left out"].startswith("10 without")
    assert table["ranked for each"].startswith("500 movies, without those")
    assert table["relevant"] == "every test rating"
    assert "relevant                every" in str(result)
    assert "from 3.5" in str(replace(result, relevant_from=3.5))


def test_the_dictionary_holds_everything_and_goes_through_json(result):
    whole = result.to_dict()
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
    assert {"rmse", "mae", "coverage", "gap", "ratio", "verdict", "k", *RANKING} <= set(whole)


def test_a_result_cannot_be_changed(result):
    with pytest.raises(FrozenInstanceError):
        result.rmse = 0.1


def test_arguments_that_cannot_be_evaluated_are_refused(fitted):
    model, _, test = fitted
    none_left = test.subset(np.zeros(len(test), dtype=bool))
    with pytest.raises(DataError, match=r"expected a model, such as .* got str"):
        evaluate("model", test)
    with pytest.raises(NotFittedError):
        evaluate(ALS(), test)
    with pytest.raises(DataError, match="expected Ratings, got DataFrame"):
        evaluate(model, test.to_frame())
    with pytest.raises(DataError, match="expected Ratings, got DataFrame"):
        evaluate(model, test, train=test.to_frame())
    with pytest.raises(DataError, match="test holds no ratings"):
        evaluate(model, none_left)
    with pytest.raises(DataError, match="train holds no ratings"):
        evaluate(model, test, train=none_left)
    with pytest.raises(DataError, match="k=0; expected a whole number of at least 1"):
        evaluate(model, test, k=0)
    with pytest.raises(DataError, match="relevant_from='4'; expected a rating, or None"):
        evaluate(model, test, relevant_from="4")
    with pytest.raises(DataError, match="relevant_from=nan; expected a rating, or None"):
        evaluate(model, test, relevant_from=math.nan)
    with pytest.raises(DataError, match="liked='4'; expected a rating, or None for four fifths of the"):
        evaluate(model, test, liked="4")
    with pytest.raises(DataError, match='gains=\'linear\'; expected "binary" or "graded"'):
        evaluate(model, test, gains="linear")
    with pytest.raises(DataError, match="gains=\\['graded'\\]; expected"):
        evaluate(model, test, gains=["graded"])


def test_graded_gains_need_a_rating_above_zero():
    ratings = Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [-1.0, -3.0, -1.0, 0.0])
    model = MostPopular().fit(ratings.subset([0, 1, 2]))
    with pytest.raises(DataError, match='gains="graded" for ratings of at most -1; expected ratings above 0'):
        evaluate(model, ratings.subset([3]), gains="graded")
    assert evaluate(model, ratings.subset([3])).ndcg_liked is None


def told(test, user, known):
    """What one of the new users tells a model of the items that it knows."""
    frame = test.history.to_frame().filter(pl.col("user") == user)
    return {item: rating for _, item, rating in frame.iter_rows() if item in known}


MODELS = {
    "ALS": lambda: ALS(n_factors=3, n_iterations=4, n_threads=2),
    "ALS without biases": lambda: ALS(n_factors=3, n_iterations=4, biases=False, n_threads=1),
    "ImplicitALS": lambda: ImplicitALS(n_factors=3, n_iterations=4, n_threads=2),
    "ImplicitALS from 3": lambda: ImplicitALS(n_factors=3, n_iterations=4, threshold=3.0, n_threads=1),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_new_users_get_the_lists_of_people_folded_in_by_their_history(small_ratings, make):
    train, test = split(small_ratings, by="new_users", test_size=0.3)
    model = make().fit(train)
    known = set(model.item_index_.ids.tolist())
    n_users, expected = ranking_by_hand(
        model, test.held_out, 10, person_of=lambda user: model.fold_in(told(test, user, known))
    )
    found = evaluate(model, test)
    assert {name: getattr(found, name) for name in RANKING} == pytest.approx(expected)
    assert (found.n_users, found.n_ratings) == (n_users, len(test)) == (18, len(test.held_out))
    assert (found.excluded, found.n_trained_on) == ("history folded in", 0)
    assert found.split == test.split
    assert "40 movies, without their history folded in" in str(found)
    assert expected["ndcg"] > 0


def test_ratings_of_new_users_are_predicted_from_their_history(small_ratings):
    train, test = split(small_ratings, by="new_users", test_size=0.3)
    model = small_model(train)
    known = set(model.item_index_.ids.tolist())
    errors = [
        model.fold_in(told(test, user, known)).predict(item) - rating
        for user, item, rating in test.held_out.to_frame().iter_rows()
    ]
    found = evaluate(model, test, train=train)
    assert found.rmse == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-5)
    assert found.train_rmse == pytest.approx(evaluate(model, train).rmse)


def test_new_users_whose_history_the_model_knows_nothing_of_are_counted(small_ratings):
    train, _ = split(small_ratings, by="new_users", test_size=0.3)
    model = small_model(train)
    item, strange = int(train.items[0]), 10**6
    both = Ratings.from_arrays([1, 1, 2, 2], [strange, item, item, strange], [1.0, 4.0, 2.0, 5.0])
    # User 1 tells of a stranger of an item and is to get the known one; user 2 the other way round.
    test = NewUsers(both.subset([1, 2]), both.subset([0, 3]))
    found = evaluate(model, test)
    assert (found.n_users, found.n_users_fallback) == (2, 1)
    assert found.n_fallback == 2
    nobody = [one.item for one in model.fold_in({}).recommend(n=10)]
    assert found.hit_rate == (item in nobody) / 2


def test_coverage_and_novelty_are_those_of_the_lists_that_people_are_shown(fitted):
    model, train, test = fitted
    users = np.unique(test.to_frame()["user"])
    listed = model.recommend_all(users, n=5)["item"].to_list()
    raters = dict(train.to_frame().group_by("item").len().iter_rows())
    found = evaluate(model, test, k=5)
    assert found.catalogue_coverage == len(set(listed)) / len(train.items)
    n_users = train.to_frame()["user"].n_unique()
    assert found.novelty == pytest.approx(np.mean([-math.log2(raters[item] / n_users) for item in listed]))


def test_pairs_that_the_model_was_trained_on_are_counted(fitted):
    model, train, test = fitted
    both = Ratings.from_frame(pl.concat([test.to_frame(), train.to_frame()[:17]]))
    found = evaluate(model, with_strangers(both))
    assert found.n_trained_on == 17
    assert evaluate(model, test).n_trained_on == 0
    assert "also trained on" in str(found)
    assert "17 of them" in str(found)


def test_pairs_trained_on_are_found_whatever_the_size_of_the_chunks(fitted, monkeypatch):
    model, train, test = fitted
    both = Ratings.from_frame(pl.concat([test.to_frame(), train.to_frame()[::3]]))
    monkeypatch.setattr(audience, "CHUNK", 11)
    assert evaluate(model, both).n_trained_on == len(range(0, len(train), 3))


def test_people_in_the_training_who_are_taken_for_new_are_noticed(fitted):
    model, train, _ = fitted
    counts = np.arange(len(train)) % 2 == 0
    found = evaluate(model, NewUsers(train.subset(counts), train.subset(~counts)))
    assert found.n_trained_on == int((~counts).sum())
    assert found.split is None
    assert "not known" in str(found)


def test_a_model_that_predicts_no_ratings_has_no_errors(fitted):
    _, train, test = fitted
    found = evaluate(ImplicitALS(n_factors=3, n_iterations=2).fit(train), test, train=train)
    errors = ("rmse", "mae", "rmse_without_fallback", "train_rmse", "train_mae", "gap", "ratio", "verdict")
    assert [getattr(found, name) for name in errors] == [None] * 8
    assert "none: the model predicts no ratings" in str(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["rmse"] is None
    assert found.ndcg > 0


@pytest.mark.parametrize("k", [41, 10**6, 10**30])
def test_a_k_above_the_catalogue_lists_all_of_it_and_divides_by_k(fitted, k):
    model, _, test = fitted
    n_users, whole = ranking_by_hand(model, test, 40)
    found = evaluate(model, test, k=k)
    assert found.precision == pytest.approx(whole["precision"] * 40 / k)
    for name in ("recall", "truncated_recall", "ndcg", "map", "mrr", "hit_rate"):
        assert getattr(found, name) == pytest.approx(whole[name])
    assert found.recall == 1
    assert (found.k, found.n_users) == (k, n_users)


def test_relevant_items_that_the_model_does_not_know_count_in_the_ideal():
    # A catalogue of two items; three relevant, of which the model knows one: lists of k=5 hold two places.
    train = Ratings.from_arrays([1, 2], [1, 2], [5.0, 5.0])
    test = Ratings.from_arrays([1, 1, 1], [2, 8, 9], [5.0, 5.0, 5.0])
    found = evaluate(small_model(train), test, k=5)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert (found.precision, found.recall, found.truncated_recall) == pytest.approx((1 / 5, 1 / 3, 1 / 3))
    assert (found.ndcg, found.map) == pytest.approx((1 / ideal, 1 / 3))


def test_lists_are_made_for_as_many_users_at_a_time_as_a_chunk_holds(fitted, monkeypatch):
    model, train, test = fitted
    whole = evaluate(model, test, k=5, train=train)
    asked, best_items = [], audience.Audience.best_items

    def best_of_some(self, users, n):
        asked.append(len(users) * n)
        return best_items(self, users, n)

    monkeypatch.setattr(audience.Audience, "best_items", best_of_some)
    monkeypatch.setattr(ranking_metrics, "CHUNK", 23)
    parts = evaluate(model, test, k=5, train=train)
    assert max(asked) == 20
    assert {name: getattr(parts, name) for name in RANKING} == pytest.approx(
        {name: getattr(whole, name) for name in RANKING}
    )


def test_the_verdict_speaks_of_regularization_only_to_models_that_have_one(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    bayes = BayesianALS(n_factors=4, n_samples=6, n_burn_in=2).fit(train)
    both = Recommender(watch=ImplicitALS(n_factors=4), stars=BayesianALS(n_samples=6))
    for model in (bayes, both.fit(train)):
        found = evaluate(model, test, train=train)
        assert not found.has_regularization
        for error in (0.1, 100):
            assert "regularization" not in replace(found, rmse_without_fallback=error).verdict
    found = evaluate(ALS(n_factors=4).fit(train), test, train=train)
    assert "more regularization" in replace(found, rmse_without_fallback=100).verdict
