import numpy as np
import pytest
from scipy import stats

from matinee.errors import DataError
from matinee.evaluation import evaluate, evaluate_alone, resampling
from matinee.evaluation.per_person import Fraction
from matinee.evaluation.resampling import Resampled, interval_by_parts
from matinee.models import ALS
from matinee.models.baselines import MostPopular
from matinee.ratings.splits import split

N_PEOPLE, N_TESTS = 300, 4000


@pytest.fixture(scope="module")
def fitted(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    return ALS(n_factors=3, n_iterations=4, n_threads=1).fit(train), test


def like_ndcg(random):
    """Half of the people find nothing, the others something: a mean over people of Bernoulli × Beta."""
    values = random.beta(1.5, 4, (N_PEOPLE, N_TESTS)) * (random.random((N_PEOPLE, N_TESTS)) < 0.5)
    return "ndcg", values, np.ones_like(values), 0.5 * 1.5 / 5.5


def like_rmse(random):
    """People of 1 to 20 ratings, some of whom rate with more noise than others."""
    counts = random.integers(1, 21, (N_PEOPLE, N_TESTS))
    deviations = np.where(random.random((N_PEOPLE, N_TESTS)) < 0.3, 1.2, 0.8)
    squares = deviations**2 * random.chisquare(counts)
    return "rmse", squares, counts.astype(float), np.sqrt(0.3 * 1.2**2 + 0.7 * 0.8**2)


def like_stars_of_hits(random):
    """A mean over hits, of which many people have none."""
    hits = random.binomial(10, 0.15, (N_PEOPLE, N_TESTS))
    return "mean_stars_of_hits", 3.5 * hits + np.sqrt(hits) * random.standard_normal(hits.shape), hits, 3.5


@pytest.mark.parametrize("simulated", [like_ndcg, like_rmse, like_stars_of_hits])
def test_95_percent_intervals_hold_the_truth_in_94_to_96_of_100_tests(simulated):
    name, tops, bottoms, truth = simulated(np.random.default_rng(5))
    # The tests stand beside each other as so many figures of one name.
    tests = {f"{name}{i}": Fraction(tops[:, i], bottoms[:, i].astype(float)) for i in range(N_TESTS)}
    ends = np.array(list(Resampled.of(tests).intervals().values()))
    covered = ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean()
    assert 0.94 <= covered <= 0.96


def test_the_coverage_by_parts_holds_the_truth_in_94_to_96_of_100_tests():
    random = np.random.default_rng(3)
    # A mean is a figure whose truth is known: 0.3, of 64 parts of 10 people.
    parts = random.binomial(10, 0.3, (4000, 64)).astype(float)
    held = 0
    for each in parts:
        low, high = interval_by_parts(each.sum() / 640, (each.sum() - each) / 630)
        held += low <= 0.3 <= high
    assert 0.94 <= held / 4000 <= 0.96


def test_bca_intervals_are_those_of_scipy(monkeypatch):
    monkeypatch.setattr(resampling, "N_RESAMPLES", 20_000)
    values = np.random.default_rng(1).beta(0.5, 3, 80)
    ours = Resampled.of({"ndcg": Fraction(values, np.ones(80))}).intervals()["ndcg"]
    theirs = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=20_000, random_state=np.random.default_rng(0)
    )
    width = np.ptp(theirs.confidence_interval)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.04 * width)


def test_intervals_do_not_depend_on_how_many_people_are_drawn_at_a_time(fitted, monkeypatch):
    model, test = fitted
    whole = evaluate(model, test).intervals
    monkeypatch.setattr(resampling, "PAIRS_AT_ONCE", 500)
    parts = evaluate(model, test).intervals
    assert parts.keys() == whole.keys()
    for name, ends in whole.items():
        assert parts[name] == pytest.approx(ends, rel=1e-9)


def test_every_figure_of_an_evaluation_has_an_interval_that_holds_it(fitted):
    model, test = fitted
    found = evaluate(model, test, k=5)
    without = {"n_ratings", "n_fallback", "n_items", "n_users", "n_users_fallback", "n_users_without_test"}
    figures = {
        name: value
        for name, value in found.to_dict().items()
        if isinstance(value, float) and name not in {"liked_from", "disliked_to", "coverage"} | without
    }
    assert found.intervals.keys() == figures.keys()
    for name, value in figures.items():
        low, high = found.intervals[name]
        assert low <= value <= high, name
        assert low < high, name
    assert f"{found.ndcg:.4f}" in str(found)
    low, high = found.intervals["ndcg"]
    line = next(line for line in str(found).splitlines() if line.startswith("NDCG at 5"))
    assert line.endswith(f"{low:.4f} to {high:.4f}")
    assert f"95 % interval {found.intervals['rmse'][0]:.4f}" in str(found)


def test_a_model_that_predicts_nothing_has_no_interval_of_its_errors(fitted):
    _, test = fitted
    train = test
    found = evaluate_alone(MostPopular().fit(train), test)
    assert not {"rmse", "mae", "rmse_without_fallback"} & found.intervals.keys()


def test_the_figures_of_each_person_add_up_to_those_of_all(fitted):
    model, test = fitted
    frame = evaluate(model, test, k=5, relevant_from=3.0, per_user=True)
    found = evaluate(model, test, k=5, relevant_from=3.0)
    assert frame["user"].to_list() == test.users[test.by_user.counts > 0].tolist()
    assert frame["n_ratings"].to_list() == test.by_user.counts[test.by_user.counts > 0].tolist()
    for name in ("precision", "recall", "truncated_recall", "ndcg", "map", "mrr", "hit_rate", "recall_liked"):
        assert frame[name].mean() == pytest.approx(getattr(found, name))
    assert frame["ndcg"].count() == found.n_users
    squares = (frame["rmse"] ** 2 * frame["n_ratings"]).sum() / frame["n_ratings"].sum()
    assert np.sqrt(squares) == pytest.approx(found.rmse)
    # One person by hand, from nothing of ours but the list.
    row = frame.row(3, named=True)
    rated = dict(test.to_frame().filter(user=row["user"]).select("item", "rating").iter_rows())
    listed = [one.item for one in model.recommend(row["user"], n=5)]
    wanted = {item for item, rating in rated.items() if rating >= 3}
    assert row["precision"] == pytest.approx(len(wanted & set(listed)) / 5)
    errors = [rating - model.predict(row["user"], item) for item, rating in rated.items()]
    assert row["mae"] == pytest.approx(np.mean(np.abs(errors)))


def test_bad_arguments_are_refused_for_each_person_as_for_all(fitted):
    model, test = fitted
    with pytest.raises(DataError, match="k=0; expected a whole number of at least 1"):
        evaluate(model, test, k=0, per_user=True)
    with pytest.raises(DataError, match="per_user='yes'; expected True or False"):
        evaluate(model, test, per_user="yes")
