import numpy as np
import polars as pl
import pytest
from scipy import stats

from matinee.evaluation import compare, permutation
from matinee.evaluation.per_person import Fraction
from matinee.evaluation.permutation import Pair, holm, p_values
from matinee.models import ALS
from matinee.models.baselines import ItemBiases, MostPopular, Random
from matinee.ratings.splits import split


@pytest.fixture(scope="module")
def compared(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    als = ALS(n_factors=3, n_iterations=4, n_threads=1)
    models = [model.fit(train) for model in (als, MostPopular(), ItemBiases(), Random())]
    return compare(models, test, k=5)


def mean_of(values):
    return Fraction(values, np.ones(len(values)))


def test_p_values_of_means_are_those_of_scipy():
    random = np.random.default_rng(2)
    one = random.beta(1, 4, 60)
    other = one + random.normal(0.02, 0.1, 60)
    [ours] = p_values([Pair("ndcg", mean_of(one), mean_of(other))])
    theirs = stats.permutation_test(
        (one, other),
        lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        random_state=np.random.default_rng(0),
    )
    assert ours == pytest.approx(theirs.pvalue, abs=0.02)
    assert 0.02 < ours < 0.5


def test_p_values_of_few_people_are_those_of_all_exchanges():
    squares = np.array([[1.0, 4.0, 2.0, 9.0], [2.0, 1.0, 6.0, 3.0]])
    counts = np.array([[2.0, 3.0, 2.0, 5.0], [2.0, 2.0, 4.0, 5.0]])
    pair = Pair("rmse", Fraction(squares[0], counts[0]), Fraction(squares[1], counts[1]))
    differences = []
    for number in range(16):
        is_first = np.array([number >> place & 1 for place in range(4)], dtype=bool)
        of_each = [
            np.where(mask, squares[0], squares[1]).sum() / np.where(mask, counts[0], counts[1]).sum()
            for mask in (is_first, ~is_first)
        ]
        differences.append(abs(np.sqrt(of_each[0]) - np.sqrt(of_each[1])))
    exact = np.mean(np.array(differences) >= differences[-1] - 1e-12)
    assert p_values([pair])[0] == pytest.approx(exact, abs=0.02)


def test_p_values_below_5_percent_come_by_chance_in_5_of_100_tests():
    random = np.random.default_rng(8)
    values = random.beta(1, 3, (2, 1000, 100)) * (random.random((2, 1000, 100)) < 0.5)
    found = p_values([Pair("ndcg", mean_of(one), mean_of(other)) for one, other in zip(*values, strict=True)])
    assert 0.035 <= np.mean(np.array(found) <= 0.05) <= 0.065


def test_models_that_do_the_same_differ_by_nothing():
    values = np.random.default_rng(0).random(30)
    assert p_values([Pair("ndcg", mean_of(values), mean_of(values))]) == [1.0]


def test_where_there_is_no_figure_there_is_no_p_value():
    nothing = Fraction(np.zeros(3), np.zeros(3))
    assert np.isnan(p_values([Pair("share_disliked", nothing, nothing)])).all()


def test_p_values_do_not_depend_on_how_many_are_exchanged_at_a_time(monkeypatch):
    values = np.random.default_rng(4).random((2, 40))
    pair = Pair("ndcg", *map(mean_of, values))
    whole = p_values([pair])
    monkeypatch.setattr(permutation, "PAIRS_AT_ONCE", 999)
    assert p_values([pair]) == whole


def test_holm_is_that_of_the_paper():
    # The example of Aickin & Gensler (1996) has p-values of this kind; worked by hand.
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005, "e": float("nan")})
    assert [found[name] for name in "abcd"] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(found["e"])
    assert holm({"a": 0.7, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_a_row_of_the_differences_is_what_two_evaluations_differ_by(compared):
    frame = compared.differences
    assert frame.columns == [
        *("figure", "model", "other", "difference", "low", "high", "p_value", "p_holm", "is_real")
    ]
    whole = compared.to_dict()
    for row in frame.iter_rows(named=True):
        expected = whole[row["model"]][row["figure"]] - whole[row["other"]][row["figure"]]
        assert row["difference"] == pytest.approx(expected)
        assert row["low"] <= row["difference"] <= row["high"]
        assert row["p_value"] <= row["p_holm"]
        assert row["is_real"] == (row["p_holm"] < 0.05)
    assert len(frame.filter(figure="ndcg")) == 6
    # The models that predict no ratings have no errors that could differ.
    assert frame.filter(figure="rmse").select("model", "other").rows() == [("ALS", "ItemBiases")]
    assert set(frame["is_real"]) == {True, False}


def test_the_table_marks_the_models_that_a_figure_is_really_better_than(compared):
    lines = str(compared).splitlines()
    names = list(compared.evaluations)
    letters = dict(zip(names, "abcd", strict=True))
    assert [line.split()[:2] for line in lines[1:5]] == [[letters[name], name] for name in names]
    for figure, label in (("ndcg", "NDCG"), ("share_disliked", "disliked")):
        place = lines[0].index(f"  {label}" if label == "NDCG" else label)
        for line, name in zip(lines[1:5], names, strict=True):
            worse = set()
            for row in compared.differences.filter(pl.col("is_real"), figure=figure).iter_rows(named=True):
                sign = -1 if figure == "share_disliked" else 1
                better, other = (row["model"], row["other"])[:: 1 if sign * row["difference"] > 0 else -1]
                worse |= {letters[other]} if better == name else set()
            cell = line[place - 4 :].split()
            shown = cell[1] if len(cell) > 1 and cell[1].isalpha() else ""
            assert set(shown) == worse, (figure, name)
    assert "Paired permutation tests over users" in str(compared)


def test_a_single_model_has_nothing_to_differ_from(compared, small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    alone = compare([MostPopular().fit(train)], test)
    assert alone.differences.is_empty()
    assert "chance" not in str(alone)
    same = compare([MostPopular().fit(train), MostPopular().fit(train)], test)
    assert "No difference is real" in str(same)
