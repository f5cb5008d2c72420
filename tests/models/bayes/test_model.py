"""Fits of BayesianALS: what the samples are worth, how a chain ends, and what it refuses."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from matinee.errors import DataError
from matinee.models import BayesianALS
from matinee.ratings import Ratings
from matinee.solving.history import Iteration

SMALL = {"n_factors": 3, "n_samples": 12, "n_burn_in": 4}


def simulated(
    seed: int, n_users: int = 200, n_items: int = 120, noise: float = 0.6, share: float = 0.3
) -> tuple[Ratings, Ratings]:
    """Ratings of the model's own kind, of known factors and biases; four fifths to fit, one to hold out."""
    generator = np.random.default_rng(seed)
    users, items = np.nonzero(generator.random((n_users, n_items)) < share)
    left, right = generator.normal(size=(n_users, 3)), generator.normal(size=(n_items, 3))
    of_users, of_items = 0.5 * generator.normal(size=n_users), 0.5 * generator.normal(size=n_items)
    values = 3 + of_users[users] + of_items[items] + 0.6 * (left[users] * right[items]).sum(axis=1)
    values += noise * generator.normal(size=len(users))
    held_out = generator.random(len(users)) < 0.2
    train, test = (Ratings.from_arrays(users[w], items[w], values[w]) for w in (~held_out, held_out))
    return train, test


def columns(ratings: Ratings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frame = ratings.to_frame()
    return frame["user"].to_numpy(), frame["item"].to_numpy(), frame["rating"].to_numpy()


def rmse(predicted: np.ndarray, values: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - values) ** 2, dtype=np.float64)))


def test_intervals_of_simulated_ratings_hold_what_they_promise() -> None:
    inside: dict[float, list[np.ndarray]] = {0.5: [], 0.9: []}
    for seed in (0, 1):
        train, test = simulated(seed)
        model = BayesianALS(n_factors=5, n_samples=150, n_burn_in=50, random_state=seed).fit(train)
        users, items, values = columns(test)
        # Ends stay within the ratings seen, beyond which a few of those held out lie.
        within = (values > model.rating_range_[0]) & (values < model.rating_range_[1])
        for share, found in inside.items():
            _, low, high = model.predict(users, items, interval=share)
            found.append(((low <= values) & (values <= high))[within])
        noise = np.sqrt(model.posterior_.noise_variance)
        assert noise == pytest.approx(0.6, rel=0.05)
        # The error of the mean, squared, and the noise are what the deviations promise.
        predicted, deviations = model.predict(users, items, return_std=True)
        assert rmse(predicted, values) == pytest.approx(np.sqrt(np.mean(deviations**2)), rel=0.05)
    # 2,900 ratings: the standard error of a share is below 0.01.
    assert 0.88 < np.concatenate(inside[0.9]).mean() < 0.92
    assert 0.47 < np.concatenate(inside[0.5]).mean() < 0.53


def test_too_many_factors_do_no_harm() -> None:
    train, test = simulated(2)
    users, items, values = columns(test)
    right, many = (
        rmse(BayesianALS(n_factors=k, n_samples=60).fit(train).predict(users, items), values) for k in (3, 12)
    )
    assert many < 1.03 * right
    # 320 rows of four numbers, learned from 5,700 ratings, add a ninth to the noise.
    assert right < 1.15 * 0.6 < values.std()


@pytest.mark.parametrize("power", [-8, 6])
def test_ratings_of_another_scale_are_sampled_alike(small_ratings: Ratings, power: int) -> None:
    unit = 4.0**power
    users, items, values = columns(small_ratings)
    model = BayesianALS(**SMALL).fit(small_ratings)
    scaled = BayesianALS(**SMALL).fit(Ratings.from_arrays(users, items, unit * values))
    assert np.array_equal(scaled.predict(users, items), unit * model.predict(users, items))
    assert scaled.posterior_.noise_variance == unit**2 * model.posterior_.noise_variance


def test_percentages_and_fractions_are_fitted_as_well_as_stars() -> None:
    train, test = simulated(3, n_users=80, n_items=60)
    users, items, values = columns(test)
    errors = []
    for unit in (0.02, 1.0, 25.0):
        scaled = Ratings.from_arrays(*columns(train)[:2], unit * train.to_frame()["rating"].to_numpy())
        model = BayesianALS(n_factors=3, n_samples=80).fit(scaled)
        errors.append(rmse(model.predict(users, items) / unit, values))
    assert max(errors) < 1.03 * min(errors)
    assert max(errors) < 0.8 * values.std()


@pytest.mark.parametrize("implicit", [False, True])
def test_same_seed_same_bits_whatever_the_number_of_threads(small_ratings: Ratings, implicit: bool) -> None:
    fits = [
        BayesianALS(**SMALL, implicit=implicit, random_state=3, n_threads=n).fit(small_ratings)
        for n in (1, 2, 5)
    ]
    users, items, _ = columns(small_ratings)
    for fit in fits[1:]:
        for name in fit.posterior_.names():
            assert np.array_equal(getattr(fit.posterior_, name), getattr(fits[0].posterior_, name))
        for ours, theirs in zip(
            *(each.predict(users, items, return_std=True) for each in (fit, fits[0])), strict=True
        ):
            assert np.array_equal(ours, theirs)
    other = BayesianALS(**SMALL, implicit=implicit, random_state=4).fit(small_ratings)
    assert not np.array_equal(other.item_factors_, fits[0].item_factors_)


def test_a_generator_is_drawn_from_as_a_seed_is(small_ratings: Ratings) -> None:
    seeded = BayesianALS(**SMALL, random_state=5).fit(small_ratings)
    given = BayesianALS(**SMALL, random_state=np.random.default_rng(5)).fit(small_ratings)
    assert np.array_equal(given.item_factors_, seeded.item_factors_)


def parts(ratings: Ratings) -> tuple[Ratings, Ratings]:
    place = np.arange(len(ratings)) % 5
    return ratings.subset(place > 0), ratings.subset(place == 0)


def test_the_history_is_that_of_samples_alone_and_of_their_clipped_mean(small_ratings: Ratings) -> None:
    """A chain of one sample after n − 1 sweeps has the n-th state of every longer one."""
    train, validation = parts(small_ratings)
    users, items, values = columns(validation)
    known = np.isin(users, train.users) & np.isin(items, train.items)
    validation = Ratings.from_arrays(users[known], items[known], values[known])
    records: list[Iteration] = []
    model = BayesianALS(n_factors=2, n_samples=6, n_burn_in=3, n_kept=6)
    model.fit(train, validation, callback=lambda record: records.append(record))
    assert records == model.history_
    assert [record.iteration for record in records] == list(range(1, 10))
    samples = []
    for record in records:
        alone = sample_of(train, validation, record.iteration)
        assert record.sample_rmse == pytest.approx(rmse(alone, values[known]), abs=1e-5)
        if record.iteration <= 3:
            assert record.validation_rmse == record.sample_rmse
            continue
        samples.append(alone)
        expected = rmse(np.mean(samples, axis=0), values[known])
        assert record.validation_rmse == pytest.approx(expected, abs=1e-5)


def sample_of(train: Ratings, validation: Ratings, n_sweeps: int) -> np.ndarray:
    """Clipped predictions of the draws that n sweeps end with, in float64 from the chain's own state."""
    model = BayesianALS(n_factors=2, n_samples=n_sweeps, n_burn_in=0)
    chain = model._chain(train, (None, None), (None, None), None)
    chain.run(n_sweeps, measure=lambda fit, squared_error: {}, progress=False)
    users, items, _ = columns(validation)
    rows, places = train.user_index.positions(users), train.item_index.positions(items)
    scores = (chain.users.factors[rows].astype(np.float64) * chain.items.factors[places]).sum(axis=1)
    scores += chain.users.biases[rows] + chain.items.biases[places] + train.values.mean(dtype=np.float64)
    return np.clip(scores, train.values.min(), train.values.max())


def test_the_training_error_is_that_of_the_draws(small_ratings: Ratings) -> None:
    model = BayesianALS(**SMALL).fit(small_ratings)
    chain = BayesianALS(**SMALL)._chain(small_ratings, (None, None), (None, None), None)
    chain.run(16, measure=lambda fit, squared_error: {}, progress=False)
    rows, places = small_ratings.user_positions, small_ratings.by_user.columns
    scores = (chain.users.factors[rows].astype(np.float64) * chain.items.factors[places]).sum(axis=1)
    scores += chain.users.biases[rows] + chain.items.biases[places] + model.mean_
    record = model.history_[-1]
    assert record.train_rmse == pytest.approx(rmse(scores, small_ratings.values), rel=1e-4)
    assert record.objective == pytest.approx(((scores - small_ratings.values) ** 2).sum(), rel=1e-4)


def test_the_chain_stops_when_twenty_samples_have_lowered_the_error_by_less() -> None:
    train, validation = simulated(4, n_users=60, n_items=40)
    model = BayesianALS(n_factors=3, n_samples=2000, n_burn_in=10, tolerance=2e-3).fit(train, validation)
    curve = [record.validation_rmse for record in model.history_]
    assert 10 + 40 <= len(curve) < 500
    assert curve[-21] - curve[-1] < 2e-3
    assert all(curve[at - 21] - curve[at - 1] >= 2e-3 for at in range(10 + 40, len(curve)))
    assert model.posterior_.n_samples >= 1
    # Without validation there is nothing to judge by.
    to_the_end = BayesianALS(n_factors=1, n_samples=50, n_burn_in=1, tolerance=1e9).fit(train)
    assert len(to_the_end.history_) == 51


@pytest.mark.parametrize(("last", "n_kept"), [(2, 1), (4, 1), (5, 1), (9, 5), (16, 12)])
def test_a_callback_can_end_the_chain(small_ratings: Ratings, last: int, n_kept: int) -> None:
    model = BayesianALS(**SMALL).fit(small_ratings, callback=lambda record: record.iteration == last)
    assert len(model.history_) == last
    assert model.posterior_.n_samples == n_kept
    whole = BayesianALS(**SMALL).fit(small_ratings)
    assert [record.train_rmse for record in whole.history_[:last]] == [
        record.train_rmse for record in model.history_
    ]


def interrupt_at(iteration: int) -> Callable[[Iteration], None]:
    def interrupt(record: Iteration) -> None:
        if record.iteration == iteration:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("n_kept", [12, 2])
def test_ctrl_c_after_the_burn_in_keeps_the_samples_so_far(small_ratings: Ratings, n_kept: int) -> None:
    for n_done in (1, 5):
        interrupted = BayesianALS(**SMALL, n_kept=n_kept)
        with pytest.warns(UserWarning, match=f"interrupted after {n_done} of 12 samples; the model uses"):
            interrupted.fit(small_ratings, callback=interrupt_at(4 + n_done))
        ended = BayesianALS(**SMALL, n_kept=n_kept)
        ended.fit(small_ratings, callback=lambda record, last=4 + n_done: record.iteration == last)
        assert np.array_equal(interrupted.posterior_.user_samples, ended.posterior_.user_samples)
        assert interrupted.posterior_.n_samples == min(n_kept, n_done)
        assert len(interrupted.history_) == 4 + n_done
        user = small_ratings.user_index.id_at(0)
        assert interrupted.recommend(user) == ended.recommend(user)


def test_ctrl_c_during_the_burn_in_leaves_the_model_as_it_was(small_ratings: Ratings) -> None:
    model = BayesianALS(**SMALL).fit(small_ratings)
    before, user = model.posterior_, small_ratings.user_index.id_at(0)
    recommended = model.recommend(user)
    for last in (1, 4):
        with warnings.catch_warnings(), pytest.raises(KeyboardInterrupt):
            warnings.simplefilter("error")
            model.set_params(random_state=9).fit(small_ratings, callback=interrupt_at(last))
    assert model.posterior_ is before
    assert model.recommend(user) == recommended


@pytest.mark.parametrize(("n_samples", "n_kept"), [(12, 50), (12, 12), (12, 8), (12, 5), (12, 1), (1, 1)])
def test_the_samples_kept_are_those_asked_for_and_evenly_spaced(
    small_ratings: Ratings, n_samples: int, n_kept: int
) -> None:
    parameters = {"n_factors": 2, "n_samples": n_samples, "n_burn_in": 2}
    model = BayesianALS(**parameters, n_kept=n_kept).fit(small_ratings)
    every = BayesianALS(**parameters, n_kept=n_samples).fit(small_ratings)
    found = model.posterior_.noise_precisions
    assert len(found) == min(n_kept, n_samples)
    places = [int(np.flatnonzero(every.posterior_.noise_precisions == each)[0]) for each in found]
    # How long a chain turns out to be is not known from the start: every second, every fourth is kept.
    gaps = np.diff([-1, *places])
    assert gaps.max() <= 2 * gaps.min()
    assert n_samples - 1 - places[-1] < gaps.max()


def test_the_factors_are_means_over_the_samples(small_ratings: Ratings) -> None:
    model = BayesianALS(**SMALL).fit(small_ratings)
    assert np.allclose(model.user_factors_, model.posterior_.user_samples.mean(axis=1), atol=1e-6)
    assert np.allclose(model.item_factors_, model.posterior_.item_samples.mean(axis=1), atol=1e-6)
    assert model.user_factors_.shape == (small_ratings.n_users, 3)
    assert model.mean_ == pytest.approx(small_ratings.values.mean(dtype=np.float64), abs=1e-9)


def test_without_burn_in_the_first_sweep_counts(small_ratings: Ratings) -> None:
    train, validation = parts(small_ratings)
    model = BayesianALS(n_factors=2, n_samples=1, n_burn_in=0).fit(train, validation)
    (record,) = model.history_
    assert record.validation_rmse == pytest.approx(record.sample_rmse, rel=1e-6)
    assert model.posterior_.n_samples == 1
    assert model.effective_samples_ == 1
    _, deviations = model.predict(train.users[0], train.items, return_std=True)
    # Of one sample nothing differs: what is left is the noise.
    assert np.allclose(deviations**2, 1 / model.posterior_.noise_precisions[0], rtol=1e-5)


def test_ratings_that_are_all_alike_are_predicted_so() -> None:
    users, items = np.nonzero(np.random.default_rng(0).random((30, 20)) < 0.5)
    model = BayesianALS(n_factors=2, n_samples=40).fit(
        Ratings.from_arrays(users, items, np.full(len(users), 3.5))
    )
    predicted, low, high = model.predict(users, items, interval=0.9)
    assert (predicted == 3.5).all()
    assert (low == 3.5).all()
    assert (high == 3.5).all()
    assert model.recommend(0, n=1)[0].score == pytest.approx(3.5, abs=0.3)


def test_a_single_rating_is_predicted_again() -> None:
    model = BayesianALS(n_factors=2, n_samples=20).fit(Ratings.from_arrays(["Ann"], ["Alien"], [4]))
    predicted, deviation, low, high = model.predict("Ann", "Alien", return_std=True, interval=0.5)
    assert (predicted, low, high) == (4, 4, 4)
    # The mean of 1/α under its posterior, Gamma(3/2, ≥ 1), is at least 2; fewer samples say less.
    assert 0.5 < deviation < 10
    assert model.recommend("Ann") == []


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_factors_are_found_from_a_start_that_is_given(noise: float) -> None:
    train, test = simulated(5, n_users=60, n_items=40, noise=noise, share=0.6)
    users, items, values = columns(test)
    start = (np.full((train.n_users, 3), 0.1), np.eye(3)[np.arange(train.n_items) % 3])
    model = BayesianALS(n_factors=3, n_samples=100, n_burn_in=60).fit(train, start=start)
    assert rmse(model.predict(users, items), values) < 0.15 + 1.15 * noise
    with pytest.raises(DataError, match=r"starting item factors have shape \(40, 2\); expected \(40, 3\)"):
        BayesianALS(n_factors=3).fit(train, start=(start[0], start[1][:, :2]))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_factors": 0}, "n_factors=0; expected a whole number of at least 1"),
        ({"n_factors": 2.5}, "n_factors=2.5"),
        ({"n_samples": 0}, "n_samples=0; expected a whole number from 1 to 100000"),
        ({"n_samples": 100_001}, "n_samples=100001"),
        ({"n_samples": True}, "n_samples=True"),
        ({"n_burn_in": -1}, "n_burn_in=-1; expected a whole number from 0 to 100000"),
        ({"n_burn_in": None}, "n_burn_in=None"),
        ({"n_kept": 0}, "n_kept=0; expected a whole number from 1 to 100000"),
        ({"n_kept": "all"}, "n_kept='all'"),
        ({"implicit": "yes"}, "implicit='yes'; expected True or False"),
        ({"implicit": 1}, "implicit=1"),
        ({"tolerance": -1e-3}, "tolerance=-0.001; expected a number of at least 0"),
        ({"tolerance": float("nan")}, "tolerance=nan"),
        ({"random_state": -1}, "random_state=-1"),
        ({"random_state": "seed"}, "random_state='seed'"),
        ({"n_threads": 0}, "n_threads=0"),
    ],
)
def test_a_parameter_out_of_range_is_named(small_ratings: Ratings, parameters: dict, message: str) -> None:
    with pytest.raises(DataError) as error:
        BayesianALS(**parameters).fit(small_ratings)
    assert message in str(error.value)


def test_parameters_are_read_and_set_the_way_of_scikit_learn() -> None:
    from sklearn.base import clone

    model = BayesianALS(n_factors=12, implicit=True)
    assert model.get_params()["n_samples"] == 200
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(n_kept=7) is model
    assert repr(model) == "BayesianALS(n_factors=12, implicit=True, n_kept=7)"
    with pytest.raises(DataError, match="BayesianALS has no parameter 'rank'"):
        model.set_params(rank=3)


def test_empty_ratings_and_others_are_refused(small_ratings: Ratings) -> None:
    nothing = small_ratings.subset(np.zeros(len(small_ratings), dtype=bool))
    with pytest.raises(DataError, match="train holds no ratings"):
        BayesianALS().fit(nothing)
    with pytest.raises(DataError, match="validation holds no ratings"):
        BayesianALS().fit(small_ratings, validation=nothing)
