"""What a fitted BayesianALS answers, against float64 numpy over its samples."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

from matinee.errors import DataError, NotFittedError, UnknownItemError, UnknownUserError
from matinee.models import BayesianALS
from matinee.ratings import Ratings

from ...conftest import random_ratings

N_KEPT = 30
PARAMETERS = {"n_factors": 3, "n_samples": N_KEPT, "n_burn_in": 15, "n_kept": N_KEPT}


def frames(ratings: Ratings) -> dict[str, pl.DataFrame]:
    generator = np.random.default_rng(0)
    trades = generator.choice(["cook", "smith", "poet"], size=ratings.n_users)
    return {
        "user_features": pl.DataFrame(
            {"user": ratings.users, "age": generator.normal(40, 9, size=ratings.n_users), "trade": trades}
        ),
        "item_features": pl.DataFrame(
            {"item": ratings.items, "year": generator.integers(1950, 2020, size=ratings.n_items)}
        ),
    }


@pytest.fixture(scope="module", params=["plain", "implicit", "features", "all"])
def model(request: pytest.FixtureRequest) -> BayesianALS:
    ratings = random_ratings()
    model = BayesianALS(**PARAMETERS, implicit=request.param in ("implicit", "all"))
    return model.fit(ratings, **frames(ratings) if request.param in ("features", "all") else {})


def samples(model: BayesianALS) -> np.ndarray:
    """Scores of all pairs by the samples kept; float64, shape (n_kept, n_users, n_items)."""
    posterior = model.posterior_
    users, items = (
        np.moveaxis(each.astype(np.float64), 1, 0)
        for each in (posterior.user_samples, posterior.item_samples)
    )
    biases = posterior.user_bias_samples.T[:, :, None].astype(np.float64)
    return model.mean_ + users @ items.transpose(0, 2, 1) + biases + posterior.item_bias_samples.T[:, None, :]


def rated_mask(model: BayesianALS) -> np.ndarray:
    mask = np.zeros((len(model.user_index_), len(model.item_index_)), dtype=bool)
    mask[np.repeat(np.arange(len(mask)), np.diff(model.rated_.indptr)), model.rated_.columns] = True
    return mask


def test_predictions_are_means_of_the_samples_clipped(model: BayesianALS) -> None:
    users, items = model.user_index_.ids, model.item_index_.ids
    expected = np.clip(samples(model), *model.rating_range_).mean(axis=0)
    for row, user in enumerate(users):
        assert np.allclose(model.predict(user, items), expected[row], atol=1e-5)
    assert np.allclose(model.predict(users, items[3]), expected[:, 3], atol=1e-5)
    predicted = model.predict(users[4], items[2])
    assert isinstance(predicted, float)
    assert predicted == pytest.approx(expected[4, 2], abs=1e-5)


def expected_variances(model: BayesianALS, row: int) -> tuple[np.ndarray, float]:
    """Of a user's scores, between the samples and in each, without and of the noise."""
    posterior = model.posterior_
    rated = model.rated_.columns[model.rated_.indptr[row] : model.rated_.indptr[row + 1]]
    within = np.zeros(len(model.item_index_))
    for sample in range(posterior.n_samples):
        items = posterior.item_samples[:, sample].astype(np.float64)
        items = np.column_stack([items, np.ones(len(items))])
        alpha = posterior.noise_precisions[sample]
        precision = posterior.prior_precisions[sample] + alpha * items[rated].T @ items[rated]
        within += np.einsum("if,fg,ig->i", items, np.linalg.inv(precision), items)
    between = samples(model)[:, row].var(axis=0, ddof=1)
    return between + within / posterior.n_samples, float((1 / posterior.noise_precisions).mean())


def test_deviations_are_those_of_the_samples_the_users_posteriors_and_the_noise(model: BayesianALS) -> None:
    items, ratios = model.item_index_.ids, []
    for row, user in enumerate(model.user_index_.ids):
        spread, noise = expected_variances(model, row)
        deviations = model.predict(user, items, return_std=True)[1]
        assert (deviations**2 > noise).all()
        ratios.append((deviations**2 - noise) / spread)
    # A variance of 30 draws has a relative error of √(2/30).
    assert np.abs(np.array(ratios) - 1).max() < 6 * np.sqrt(2 / N_KEPT)
    assert np.mean(ratios) == pytest.approx(1, abs=np.sqrt(2 / N_KEPT))


def test_a_deviation_does_not_depend_on_who_else_is_asked_for(model: BayesianALS) -> None:
    users, items = model.user_index_.ids, model.item_index_.ids
    together = model.predict(np.append(users, -1), items[5], return_std=True)[1]
    for row in (0, 1, 30, 59):
        assert model.predict(users[row], items[5], return_std=True)[1] == pytest.approx(
            together[row], rel=1e-5
        )
        person = model.person(users[row])
        assert person.predict(items[5], return_std=True)[1] == pytest.approx(together[row], rel=1e-5)
    assert model.predict(-1, items[5], return_std=True)[1] == pytest.approx(together[-1], rel=1e-5)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_ends_of_an_interval_are_a_normals_and_clipped(model: BayesianALS, share: float) -> None:
    user, items = model.user_index_.id_at(3), model.item_index_.ids
    mean, deviations, low, high = model.predict(user, items, return_std=True, interval=share)
    reach = NormalDist().inv_cdf((1 + share) / 2) * deviations
    assert np.allclose(low, np.clip(mean - reach, *model.rating_range_), atol=1e-5)
    assert np.allclose(high, np.clip(mean + reach, *model.rating_range_), atol=1e-5)
    assert np.array_equal(model.predict(user, items, interval=share)[1], low)
    single = model.predict(user, items[7], interval=share)
    assert all(isinstance(each, float) for each in single)
    assert single == pytest.approx((mean[7], low[7], high[7]), abs=1e-5)
    visitor = model.person(user)
    for ours, theirs in zip(visitor.predict(items, interval=share), (mean, low, high), strict=True):
        assert np.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("share", [0, 1, -0.5, 1.5, 90, "0.9", float("nan"), True])
def test_an_interval_must_be_a_share(model: BayesianALS, share: object) -> None:
    for ask in (model.predict, lambda user, item, **how: model.person(user).predict(item, **how)):
        with pytest.raises(DataError, match="interval="):
            ask(model.user_index_.id_at(0), model.item_index_.id_at(0), interval=share)


def test_unknown_ids_fall_back_on_what_is_known(model: BayesianALS) -> None:
    user, items = model.user_index_.id_at(0), model.item_index_.ids
    visitor = model.fold_in({})
    for ours, theirs in zip(
        model.predict(-5, items, return_std=True), visitor.predict(items, return_std=True), strict=True
    ):
        assert np.allclose(ours, theirs, atol=1e-5)
    biases = model.mean_ + model.posterior_.user_bias_samples[0].astype(np.float64)
    mean, deviations = model.predict([user, -5], [-7, "no such film"], return_std=True)
    expected = [np.clip(biases, *model.rating_range_).mean(), model.mean_]
    assert np.allclose(mean, expected, atol=1e-5)
    # Of an item that nobody rated no more is known than how ratings vary.
    assert np.allclose(deviations, model.rated_.values.std(), rtol=1e-5)
    answers = model.predict(
        [user, -5, user], [-7, items[0], items[0]], unknown="nan", return_std=True, interval=0.5
    )
    for each in answers:
        assert np.isnan(each).tolist() == [True, True, False]
    assert np.isnan(model.person(user).predict(-7, unknown="nan", return_std=True)).all()
    with pytest.raises(UnknownUserError, match="user -5 is not known to the model; .*fold_in"):
        model.predict([user, -5], items[0], unknown="raise", return_std=True)
    with pytest.raises(UnknownItemError, match="item -7 is not known to the model"):
        model.predict(user, [items[0], -7], unknown="raise", interval=0.9)


def test_a_person_nobody_knows_is_expected_to_rate_as_people_do() -> None:
    """Not by the item's bias alone, of which the factors of the mean user may hold a part."""
    generator = np.random.default_rng(0)
    users, items = np.nonzero(generator.random((150, 30)) < 0.4)
    quality = generator.normal(size=30)
    values = 3 + quality[items] + 0.4 * generator.normal(size=len(users))
    model = BayesianALS(n_factors=4, n_samples=60).fit(Ratings.from_arrays(users, items, values))
    predicted = model.predict(-1, model.item_index_.ids)
    assert np.sqrt(np.mean((predicted - 3 - quality) ** 2)) < 0.15


def test_iterators_and_no_pairs_at_all_are_answered(model: BayesianALS) -> None:
    users, items = model.user_index_.ids[:3].tolist(), model.item_index_.ids[:3].tolist()
    expected = model.predict(users, items, return_std=True)
    found = model.predict(iter(users), iter(items), return_std=True)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    person = model.person(users[0])
    found = person.predict(iter(items), return_std=True)
    assert all(
        np.array_equal(a, b) for a, b in zip(found, person.predict(items, return_std=True), strict=True)
    )
    assert [each.shape for each in model.predict([], [], return_std=True, interval=0.9)] == [(0,)] * 4
    assert [each.shape for each in person.predict([], return_std=True)] == [(0,)] * 2


def test_recommendations_are_the_best_unrated_items_by_the_mean_of_the_samples(model: BayesianALS) -> None:
    scores, rated = samples(model).mean(axis=0), rated_mask(model)
    n_items = rated.shape[1]
    for row, user in enumerate(model.user_index_.ids.tolist()):
        found = model.recommend(user, n=6)
        expected = np.argsort(-np.where(rated[row], -np.inf, scores[row]), kind="stable")[:6]
        assert [r.item for r in found] == model.item_index_.ids[expected].tolist()
        assert np.allclose([r.score for r in found], scores[row, expected], atol=1e-5)
        everything = model.recommend(user, n=10 * n_items)
        assert len(everything) == len({r.item for r in everything}) == n_items - rated[row].sum()
        assert len(model.recommend(user, n=10 * n_items, exclude_seen=False)) == n_items
    candidates = model.item_index_.ids[::3].tolist()
    assert model.recommend(user, n=99, items=candidates) == [r for r in everything if r.item in candidates]


@pytest.mark.parametrize("optimism", [1.0, -2.0, 0.3])
def test_optimism_ranks_by_mean_and_deviation(model: BayesianALS, optimism: float) -> None:
    scores, rated, items = samples(model).mean(axis=0), rated_mask(model), model.item_index_.ids
    for row in (0, 7, 40):
        user = model.user_index_.id_at(row)
        together = scores[row] + optimism * model.predict(user, items, return_std=True)[1]
        for exclude_seen in (True, False):
            allowed = ~rated[row] if exclude_seen else np.ones(len(items), dtype=bool)
            order = [place for place in np.argsort(-together, kind="stable") if allowed[place]]
            found = model.recommend(user, n=8, exclude_seen=exclude_seen, optimism=optimism)
            assert np.allclose([r.score for r in found], together[order[:8]], atol=1e-4)
            assert all(a.score >= b.score for a, b in pairwise(found))
            by_item = dict(model.recommend(user, n=999, exclude_seen=exclude_seen, optimism=optimism))
            assert set(by_item) == set(items[allowed].tolist())
            assert all(
                by_item[item] == pytest.approx(together[items == item][0], abs=1e-4) for item in by_item
            )
        some = items[::4].tolist()
        among = model.recommend(user, n=999, items=some * 2, optimism=optimism)
        assert {r.item for r in among} == set(items[~rated[row]].tolist()) & set(some)
        assert len(among) == len({r.item for r in among})
        assert model.recommend(user, items=[], optimism=optimism) == []
        assert model.person(user).recommend(8, optimism=optimism) == model.recommend(
            user, 8, optimism=optimism
        )


@pytest.mark.parametrize("optimism", ["much", None, float("nan"), 1e9, True])
def test_optimism_must_be_a_number(model: BayesianALS, optimism: object) -> None:
    with pytest.raises(DataError, match="optimism="):
        model.recommend(model.user_index_.id_at(0), optimism=optimism)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="n=0; expected a whole number of at least 1"):
        model.recommend(model.user_index_.id_at(0), 0, optimism=1.0)


def test_recommend_all_agrees_with_recommend(model: BayesianALS) -> None:
    frame = model.recommend_all(n=4)
    for user, part in frame.group_by("user", maintain_order=True):
        assert part["rank"].to_list() == [1, 2, 3, 4]
        assert [tuple(row) for row in part.select("item", "score").rows()] == model.recommend(user[0], n=4)
    assert frame["user"].unique(maintain_order=True).to_list() == model.user_index_.ids.tolist()


def test_similar_items_are_the_nearest_over_all_samples_side_by_side(model: BayesianALS) -> None:
    factors = model.posterior_.item_samples.reshape(len(model.item_index_), -1).astype(np.float64)
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    for row in (0, 11):
        cosines = unit @ unit[row]
        expected = [place for place in np.argsort(-cosines) if place != row][:5]
        found = model.similar_items(model.item_index_.id_at(row), n=5)
        assert [each.item for each in found] == model.item_index_.ids[expected].tolist()
        assert np.allclose([each.score for each in found], cosines[expected], atol=1e-5)


def known_features(model: BayesianALS, row: int) -> dict | None:
    frame = frames(random_ratings())["user_features"]
    return None if model.user_columns_ is None else frame.drop("user").row(row, named=True)


def test_folding_in_a_users_own_ratings_and_features_gives_their_factors_back(model: BayesianALS) -> None:
    items = model.item_index_.ids
    for row, user in enumerate(model.user_index_.ids.tolist()):
        visitor = model.fold_in(model.person(user).rated, features=known_features(model, row))
        assert np.abs(visitor.factors - model.user_factors_[row]).max() < 1e-5
        samples = visitor._people.side.factors.reshape(N_KEPT, 3)
        assert np.abs(samples - model.posterior_.user_samples[row]).max() < 1e-5
        assert visitor.bias == pytest.approx(float(model.user_biases_[row]), abs=1e-5)
        ours = model.predict(user, items, return_std=True, interval=0.5)
        for a, b in zip(visitor.predict(items, return_std=True, interval=0.5), ours, strict=True):
            assert np.allclose(a, b, atol=1e-4)
        assert [r.item for r in visitor.recommend(3)] == [r.item for r in model.recommend(user, 3)]


def test_the_parts_of_an_explanation_add_up_to_the_score(model: BayesianALS) -> None:
    scores = samples(model).mean(axis=0)
    for row in range(0, 60, 6):
        user, place = model.user_index_.id_at(row), row % 40
        item = model.item_index_.id_at(place)
        explanation = model.explain(user, item, n=4)
        shown = sum(part.contribution for part in explanation.contributions)
        assert explanation.baseline + shown + explanation.rest == pytest.approx(explanation.score, abs=1e-9)
        assert explanation.score == pytest.approx(scores[row, place], abs=2e-5)
        whole = model.explain(user, item, n=1000)
        assert whole.rest == pytest.approx(0, abs=1e-9)
        assert {part.item: part.rating for part in whole.contributions} == model.person(user).rated


def test_a_rating_moved_moves_the_score_as_its_part_of_the_explanation_says(model: BayesianALS) -> None:
    """Where nothing is rated the score is the baseline; and it is linear in the ratings."""
    items = model.item_index_.ids.tolist()
    nobody = model.fold_in({})
    assert nobody.explain(items[0]).score == nobody.explain(items[0]).baseline
    given = {items[4]: 4.0, items[9]: 2.0, items[20]: 5.0}
    score = model.fold_in(given).explain(items[0]).score
    steps = [
        model.fold_in({**given, item: value + 1}).explain(items[0]).score - score
        for item, value in given.items()
    ]
    twice = model.fold_in({item: value + 1 for item, value in given.items()}).explain(items[0]).score
    assert twice - score == pytest.approx(sum(steps), abs=1e-9)
    far = model.fold_in({item: value + 1000 for item, value in given.items()}).explain(items[0], n=3)
    for part, step in zip(sorted(far.contributions), sorted(zip(given, steps, strict=True)), strict=True):
        near = next(
            each for each in model.fold_in(given).explain(items[0]).contributions if each.item == step[0]
        )
        assert part.contribution - near.contribution == pytest.approx(1000 * step[1], rel=1e-6, abs=1e-6)


def test_parameters_set_after_a_fit_change_nothing_until_the_next() -> None:
    ratings = random_ratings()
    model = BayesianALS(**PARAMETERS).fit(ratings)
    user, items = ratings.user_index.id_at(3), ratings.items
    rated = model.person(user).rated
    before = (
        model.predict(user, items, return_std=True),
        model.fold_in(rated).recommend(),
        model.explain(user, items[0]),
    )
    model.set_params(implicit=True, n_factors=9, n_kept=2)
    assert np.array_equal(model.predict(user, items, return_std=True), before[0])
    assert (model.fold_in(rated).recommend(), model.explain(user, items[0])) == before[1:]


def test_copies_of_a_model_answer_alike(model: BayesianALS) -> None:
    user, items = model.user_index_.id_at(0), model.item_index_.ids
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.recommend(user, optimism=0.5) == model.recommend(user, optimism=0.5)
        assert np.array_equal(
            twin.predict(user, items, interval=0.9), model.predict(user, items, interval=0.9)
        )


def test_a_model_that_is_not_fitted_says_so() -> None:
    model = BayesianALS()
    for ask in (
        lambda: model.predict(1, 1, return_std=True),
        lambda: model.recommend(1, optimism=1.0),
        lambda: model.fold_in({}),
        lambda: model.save("nowhere"),
    ):
        with pytest.raises(NotFittedError, match="this BayesianALS has not been fitted"):
            ask()
