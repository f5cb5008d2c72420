import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, ndcg_score

from matinee import metrics

WITH_COUNTS = [metrics.recall, metrics.truncated_recall, metrics.ndcg, metrics.average_precision]
WITHOUT_COUNTS = [metrics.precision, metrics.reciprocal_rank, metrics.hit_rate]

floats = st.floats(-100, 100, width=32)
lists = st.lists(st.integers(0, 8), unique=True, min_size=4, max_size=4)
relevant_sets = st.sets(st.integers(0, 8), min_size=1)
users = st.lists(st.tuples(lists, relevant_sets, st.integers(0, 4)), min_size=1, max_size=6)


def compressed(sets):
    indptr = np.cumsum([0, *map(len, sets)])
    columns = np.array([item for one in sets for item in sorted(one)], dtype=np.int32)
    return indptr, columns


def with_filler(items, length):
    return items[:length] + [-1] * (len(items) - length)


def hits_of(drawn):
    recommended = np.array([with_filler(items, length) for items, _, length in drawn])
    relevant = [one for _, one, _ in drawn]
    return metrics.find_hits(recommended, *compressed(relevant)), np.array(list(map(len, relevant)))


def every_metric(hits, n_relevant):
    return [one(hits, n_relevant) for one in WITH_COUNTS] + [one(hits) for one in WITHOUT_COUNTS]


@given(st.lists(st.tuples(floats, floats), min_size=1))
def test_errors_of_predictions_are_those_of_scikit_learn(pairs):
    actual, predicted = map(np.array, zip(*pairs, strict=True))
    assert metrics.rmse(actual, predicted) == pytest.approx(mean_squared_error(actual, predicted) ** 0.5)
    assert metrics.mae(actual, predicted) == pytest.approx(mean_absolute_error(actual, predicted))


def test_errors_of_float32_arrays_are_added_up_in_double_precision():
    actual, predicted = np.zeros(3_000_000, np.float32), np.full(3_000_000, 0.1, np.float32)
    assert metrics.rmse(actual, predicted) == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    assert metrics.mae(actual, predicted) == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    assert (predicted == np.float32(0.1)).all()


@pytest.mark.parametrize("error", [metrics.rmse, metrics.mae])
def test_predictions_that_do_not_pair_up_with_the_truth_are_refused(error):
    with pytest.raises(ValueError, match=r"actual has shape \(3,\), predicted \(2,\)"):
        error([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="there are no predictions"):
        error([], [])


def test_two_users_worked_out_by_hand():
    # The first is shown two of three relevant items, at ranks 1 and 3; the second's list is cut short.
    hits = metrics.find_hits([[5, 2, 9, 0], [3, 7, -1, -1]], [0, 3, 4], [5, 8, 9, 7])
    assert hits.tolist() == [[True, False, True, False], [False, True, False, False]]
    n_relevant = [3, 1]
    assert metrics.precision(hits).tolist() == [0.5, 0.25]
    assert metrics.recall(hits, n_relevant).tolist() == pytest.approx([2 / 3, 1])
    assert metrics.truncated_recall(hits, n_relevant).tolist() == pytest.approx([2 / 3, 1])
    assert metrics.average_precision(hits, n_relevant).tolist() == pytest.approx([(1 + 2 / 3) / 3, 0.5])
    assert metrics.reciprocal_rank(hits).tolist() == [1, 0.5]
    assert metrics.hit_rate(hits).tolist() == [1, 1]
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert metrics.ndcg(hits, n_relevant).tolist() == pytest.approx([1.5 / ideal, 1 / math.log2(3)])


def test_with_more_relevant_items_than_places_only_recall_cannot_reach_one():
    hits = metrics.find_hits([[4, 1]], [0, 5], [0, 1, 2, 3, 4])
    assert metrics.recall(hits, [5]).tolist() == [0.4]
    for one in (metrics.truncated_recall, metrics.ndcg, metrics.average_precision):
        assert one(hits, [5]).tolist() == [1]


@given(users)
def test_hits_are_membership_in_the_set_of_what_is_relevant(drawn):
    expected = [
        [item in relevant for item in with_filler(items, length)] for items, relevant, length in drawn
    ]
    assert hits_of(drawn)[0].tolist() == expected


@given(users)
def test_ndcg_is_that_of_scikit_learn(drawn):
    for items, relevant, _ in drawn:
        hits, n_relevant = hits_of([(items, relevant, 4)])
        truth = np.array([[item in relevant for item in range(9)]], dtype=float)
        scores = np.zeros((1, 9))
        scores[0, items] = [4, 3, 2, 1]
        expected = ndcg_score(truth, scores, k=4, ignore_ties=True)
        assert metrics.ndcg(hits, n_relevant)[0] == pytest.approx(expected)


def test_values_are_those_of_the_users_own_items():
    found = metrics.find_values([[5, 2, -1], [2, 5, 9]], [0, 2, 3], [2, 5, 9], np.float32([1.5, 4, 3]))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.float32([[4, 1.5, np.nan], [np.nan, np.nan, 3]]))
    with pytest.raises(ValueError, match=r"values has shape \(2,\); expected that of columns, \(3,\)"):
        metrics.find_values([[5]], [0, 3], [2, 5, 9], np.float32([1, 2]))


def graded(drawn, gain_of):
    """The gains in the lists, and those of all relevant items, by user."""
    in_lists = [
        [gain_of(item) if item in relevant else 0.0 for item in with_filler(items, length)]
        for items, relevant, length in drawn
    ]
    possible = [gain_of(item) for _, relevant, _ in drawn for item in sorted(relevant)]
    return np.array(in_lists), np.cumsum([0, *(len(one) for _, one, _ in drawn)]), np.array(possible)


@given(users, st.lists(st.floats(0, 31), min_size=9, max_size=9))
def test_graded_ndcg_is_the_gain_at_each_rank_over_that_of_the_best_order(drawn, gains):
    found = metrics.graded_ndcg(*graded(drawn, lambda item: gains[item]))
    for (items, relevant, length), value in zip(drawn, found, strict=True):
        ideal = gained = 0.0
        for rank, gain in enumerate(sorted((gains[item] for item in relevant), reverse=True)[:4]):
            ideal += gain / math.log2(rank + 2)
        for rank, item in enumerate(items[:length]):
            gained += gains[item] / math.log2(rank + 2) if item in relevant else 0.0
        assert value == pytest.approx(gained / ideal if ideal > 0 else 0.0, abs=1e-12)


@given(users, st.integers(1, 9))
def test_graded_ndcg_is_that_of_scikit_learn(drawn, scale):
    for items, relevant, _ in drawn:
        truth = np.array([[(item + 1) / scale if item in relevant else 0.0 for item in range(9)]])
        scores = np.zeros((1, 9))
        scores[0, items] = [4, 3, 2, 1]
        found = metrics.graded_ndcg(*graded([(items, relevant, 4)], lambda item: (item + 1) / scale))
        assert found[0] == pytest.approx(ndcg_score(truth, scores, k=4, ignore_ties=True))


@given(users, st.integers(4, 12))
def test_gains_that_are_all_alike_leave_ndcg_as_it_is(drawn, k):
    found = metrics.graded_ndcg(*graded(drawn, lambda item: 7.0), k=k)
    assert found.tolist() == pytest.approx(metrics.ndcg(*hits_of(drawn), k=k).tolist())


def test_a_perfect_list_of_graded_gains_has_an_ndcg_of_exactly_one():
    for k in range(1, 60):
        gains = np.linspace(31, 0.1, k)
        assert metrics.graded_ndcg([gains], [0, k], gains[::-1], k=10**30).tolist() == [1.0]


def test_graded_gains_are_exponential_on_a_scale_of_five():
    assert metrics.graded_gains([0.0, 1, 2, 3, 4, 5], 5).tolist() == [0, 1, 3, 7, 15, 31]
    assert metrics.graded_gains([2, 8, 10], 10).tolist() == [1, 15, 31]
    assert metrics.graded_gains([-3, 1e30, math.nan], 5).tolist()[:2] == [0, 31]
    assert math.isnan(metrics.graded_gains(math.nan, 5))
    with pytest.raises(ValueError, match="greatest=0; expected a rating above 0"):
        metrics.graded_gains([1], 0)


def test_gains_that_do_not_fit_together_are_refused():
    for arguments in (([1.0], [0, 1], [1.0]), ([[1.0]], [0], [1.0]), ([[1.0]], [0, 2], [1.0])):
        with pytest.raises(ValueError, match="gains has shape .*, possible"):
            metrics.graded_ndcg(*arguments)


@given(users)
def test_average_precision_is_the_mean_of_the_precisions_at_the_hits(drawn):
    hits, n_relevant = hits_of(drawn)
    for row, count, found in zip(hits, n_relevant, metrics.average_precision(hits, n_relevant), strict=True):
        precisions = [row[: place + 1].mean() for place in np.flatnonzero(row)]
        assert found == pytest.approx(sum(precisions) / min(4, count))


@given(users)
def test_every_metric_is_from_zero_to_one(drawn):
    for values in every_metric(*hits_of(drawn)):
        assert values.shape == (len(drawn),)
        assert ((values >= 0) & (values <= 1)).all()


@given(users, st.randoms(use_true_random=False))
def test_each_user_has_the_same_figures_in_whatever_order_users_come(drawn, random):
    order = list(range(len(drawn)))
    random.shuffle(order)
    whole = every_metric(*hits_of(drawn))
    permuted = every_metric(*hits_of([drawn[place] for place in order]))
    for before, after in zip(whole, permuted, strict=True):
        assert before[order].tolist() == after.tolist()


@given(users)
def test_a_list_in_the_order_of_relevance_is_the_best_of_its_items(drawn):
    hits, n_relevant = hits_of(drawn)
    best = np.sort(hits, axis=1)[:, ::-1]
    for now, then in zip(every_metric(hits, n_relevant), every_metric(best, n_relevant), strict=True):
        assert (now <= then + 1e-15).all()


def test_a_perfect_list_of_any_length_has_an_ndcg_of_exactly_one():
    for k in range(1, 60):
        hits = np.ones((1, k), dtype=bool)
        assert metrics.ndcg(hits, [k]).tolist() == [1.0]


def test_no_users_have_no_figures():
    hits = metrics.find_hits(np.empty((0, 3), dtype=int), [0], np.empty(0, dtype=int))
    assert all(values.shape == (0,) for values in every_metric(hits, np.empty(0, dtype=int)))


@pytest.mark.parametrize(
    ("recommended", "indptr", "columns", "message"),
    [
        ([1, 2], [0, 1], [1], r"recommended has shape \(2,\)"),
        ([[0.5]], [0, 1], [1], "dtype float64; expected integers"),
        ([[1, 1]], [0, 1], [1], "row 0 of recommended holds an item twice"),
        ([[1, 2]], [0, 1, 1], [1], r"indptr has shape \(3,\); expected \(2,\) for 1 users"),
        (
            [[1, 2]],
            [0, 2],
            [1],
            r"indptr must rise from 0 to the number of columns; columns has shape \(1,\)",
        ),
        ([[1, 2]], [0, 2], [3, 1], "must ascend"),
        ([[1, 2]], [0, 2], [1, 1], "must ascend"),
        ([[1, 2]], [0, 1], [-1], "columns holds -1"),
    ],
)
def test_lists_and_relevant_items_that_do_not_fit_are_refused(recommended, indptr, columns, message):
    with pytest.raises(ValueError, match=message):
        metrics.find_hits(recommended, indptr, columns)


@pytest.mark.parametrize("one", WITH_COUNTS)
def test_counts_that_do_not_fit_the_hits_are_refused(one):
    hits = np.ones((2, 3), dtype=bool)
    with pytest.raises(ValueError, match=r"n_relevant has shape \(1,\); expected \(2,\)"):
        one(hits, [1])
    with pytest.raises(ValueError, match="nothing is relevant to user 1"):
        one(hits, [1, 0])


@pytest.mark.parametrize("one", WITHOUT_COUNTS)
def test_hits_are_a_table_of_bool(one):
    with pytest.raises(ValueError, match=r"hits has shape \(3,\) and dtype bool"):
        one(np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match=r"hits has shape \(1, 3\) and dtype int64"):
        one(np.ones((1, 3), dtype=np.int64))


@given(users, st.integers(4, 12))
def test_lists_narrower_than_k_count_as_lists_of_k_with_empty_places(drawn, k):
    hits, n_relevant = hits_of(drawn)
    padded = np.pad(hits, [(0, 0), (0, k - 4)])
    assert metrics.precision(hits, k=k).tolist() == pytest.approx(metrics.precision(padded).tolist())
    for one in (metrics.truncated_recall, metrics.ndcg, metrics.average_precision):
        assert one(hits, n_relevant, k=k).tolist() == pytest.approx(one(padded, n_relevant).tolist())


def test_a_k_beyond_all_memory_costs_none():
    hits, k = np.array([[True, False]]), 10**30
    assert metrics.precision(hits, k=k).tolist() == pytest.approx([1e-30])
    assert metrics.truncated_recall(hits, [4], k=k).tolist() == [0.25]
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, 5))
    assert metrics.ndcg(hits, [4], k=k).tolist() == pytest.approx([1 / ideal])
    assert metrics.average_precision(hits, [4], k=k).tolist() == [0.25]


def test_a_k_below_the_width_of_the_lists_is_refused():
    with pytest.raises(ValueError, match="k=1 for lists of 2 items; expected a k of at least 2"):
        metrics.precision(np.ones((1, 2), dtype=bool), k=1)


def test_coverage_and_novelty_worked_out_by_hand():
    # Eight users trained on; the lists hold item 0 three times and item 3 once.
    n_recommended, n_raters = [3, 0, 0, 1], [8, 4, 2, 2]
    assert metrics.catalogue_coverage(n_recommended) == 0.5
    # Item 0 surprises nobody; item 3, which a quarter rated, has two bits: over four places.
    assert metrics.novelty(n_recommended, n_raters, 8) == 0.5
    # An item nobody rated counts as if one had: log₂ 8.
    assert metrics.novelty([0, 5], [8, 0], 8) == 3


def test_of_no_lists_there_is_nothing_to_be_surprised_by():
    assert metrics.catalogue_coverage([0, 0]) == 0
    assert math.isnan(metrics.novelty([0, 0], [1, 2], 2))
    assert math.isnan(metrics.catalogue_coverage([]))
    with pytest.raises(ValueError, match=r"n_recommended has shape \(1,\), n_raters \(2,\)"):
        metrics.novelty([1], [1, 2], 2)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1), st.integers(10, 40))
def test_novelty_is_from_zero_to_the_information_of_a_single_user(items, n_users):
    n_recommended, n_raters = map(list, zip(*items, strict=True))
    found = metrics.novelty(n_recommended, n_raters, n_users)
    if sum(n_recommended):
        assert 0 <= found <= math.log2(n_users) + 1e-12
        places = [count for count, times in zip(n_raters, n_recommended, strict=True) for _ in range(times)]
        expected = np.mean([-math.log2(max(count, 1) / n_users) for count in places])
        assert found == pytest.approx(expected)
