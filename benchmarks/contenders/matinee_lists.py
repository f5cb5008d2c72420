"""Matinee's models, as makers of lists, and as judges of how many stars a visitor would give."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from job import Pairs, Prepared, answer, read, rmse, timed
from list_job import N_LISTED, best_of, figures, greatest_rating
from matinee_implicit import ratings_of as training_ratings

import matinee
from matinee import Recommender, baselines, models
from matinee.models.person import Person

# What a page of the web application shows.
N_SHOWN = 12
INTERVAL = 0.9
# An item of fewer ratings is rare, and a guess this near to the greatest rating promises the best there is.
RARE, NEAR = 20, 0.05
# Of a scale of 1 to 5, what the log form takes for liked.
LIKED_FROM = 3.5
KINDS = {kind.__name__: kind for kind in models.MODELS}
USERS_PER_BLOCK = 256


def model_of(specified: dict, n_threads: int) -> models.Model:
    """A model by the name of its class and its parameters, which may be models themselves."""
    parameters = {name: parameter_of(given, n_threads) for name, given in specified.items() if name != "kind"}
    kind = KINDS[specified["kind"]]
    if "n_threads" in kind.parameter_names():
        parameters["n_threads"] = n_threads
    return kind(**parameters)


def parameter_of(given: object, n_threads: int) -> object:
    if isinstance(given, list):
        return [model_of(each, n_threads) for each in given]
    return model_of(given, n_threads) if isinstance(given, dict) else given


def fitted(data: Prepared, job: dict) -> models.Model:
    model = model_of(job["model"], job["threads"])
    if "random_state" in model.parameter_names():
        model.set_params(random_state=job["seed"])
    quiet = {} if isinstance(model, baselines.MostPopular | baselines.ItemBiases) else {"progress": False}
    return model.fit(training_ratings(data), **quiet)


def known(job: dict) -> dict:
    """The figures of everybody's lists."""
    data = read(job["data"])
    model = fitted(data, job)
    return figures(lists_of(model, data), data.test, greatest_rating(data), data.n_items)


def blends(job: dict) -> dict:
    """The figures of one recommender's lists with each of several blends."""
    data = read(job["data"])
    model, found = fitted(data, job), {}
    for blend in job["blends"]:
        parts = Recommender.of_fitted(model.watch_models_, model.stars_model_, blend=blend)  # type: ignore[attr-defined]
        found[f"{blend:g}"] = figures(lists_of(parts, data), data.test, greatest_rating(data), data.n_items)
    return {"blends": found}


def lists_of(model: models.Model, data: Prepared) -> np.ndarray:
    frame = model.recommend_all(n=N_LISTED)
    lists = np.full((data.n_users, N_LISTED), -1)
    lists[frame["user"].to_numpy(), frame["rank"].to_numpy() - 1] = frame["item"].to_numpy()
    return lists


def log_form(job: dict) -> dict:
    """The figures of lists by ``log(watch) + c·log P(stars ≥ 3.5)`` with the recommender's own two models."""
    data = read(job["data"])
    model = fitted(data, job)
    liked_from = LIKED_FROM / 5 * greatest_rating(data)
    lists = {weight: np.empty((data.n_users, N_LISTED), dtype=np.int64) for weight in job["weights"]}
    for rows, watch, likely in log_scores(model, data, liked_from):
        for weight, best in lists.items():
            best[rows] = best_of(watch + weight * likely, N_LISTED)
    return {
        "weights": {
            f"{weight:g}": figures(best, data.test, greatest_rating(data), data.n_items)
            for weight, best in lists.items()
        }
    }


def log_scores(
    model: Recommender, data: Prepared, liked_from: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For blocks of users, the logarithms of both factors; what a user has rated comes last."""
    [watch_model], stars = model.watch_models_, model.stars_model_
    everything, seen = np.arange(data.n_items), model.rated_
    for first in range(0, data.n_users, USERS_PER_BLOCK):
        rows = np.arange(first, min(first + USERS_PER_BLOCK, data.n_users))
        watch = np.log(np.maximum(watch_model.user_factors_[rows] @ watch_model.item_factors_.T, 1e-3))
        of_block = seen.pick(rows)
        watch[np.repeat(np.arange(len(rows)), of_block.counts), of_block.columns] = -np.inf
        pairs = np.repeat(rows, data.n_items), np.tile(everything, len(rows))
        mean, deviation = stars.predict(*pairs, return_std=True)  # type: ignore[call-arg]
        yield rows, watch, np.log(at_least((mean - liked_from) / deviation)).reshape(watch.shape)


def at_least(distances: np.ndarray) -> np.ndarray:
    """The probabilities that normal numbers exceed what they are expected to exceed by so many deviations."""
    table = np.linspace(-8, 8, 4001)
    return np.interp(distances, table, [max(NormalDist().cdf(each), 1e-12) for each in table])


def visitors(job: dict) -> dict:
    """The figures of people whom the model has never seen, by how many of their ratings it is told."""
    data = read(job["data"])
    model = fitted(data, job)
    counts = np.bincount(data.train.items, minlength=data.n_items)
    starts = np.flatnonzero(np.diff(data.test.users, prepend=-1))
    people = [np.arange(*ends) for ends in zip(starts, [*starts[1:], len(data.test.users)], strict=True)]
    people = people[: job.get("most", len(people))]
    return {"told": {str(h): told(model, data, people, counts, h) for h in job["told"]}}


def told(model: models.Model, data: Prepared, people: list, counts: np.ndarray, h: int) -> dict:
    """The figures of visitors after h ratings each."""
    test = data.test
    lists, guesses = np.full((len(people), N_SHOWN), -1), []
    errors: list[np.ndarray] = []
    held_by: list[np.ndarray] = []
    for place, rows in enumerate(people):
        first = rows[:h]
        visitor = model.fold_in(
            dict(zip(test.items[first].tolist(), test.ratings[first].tolist(), strict=True))
        )
        found = visitor.recommend(N_SHOWN)
        lists[place, : len(found)] = [each.item for each in found]
        guesses += [each.rating for each in found if each.rating is not None]
        if model.predicts_ratings:
            wrong, held = judge(model, visitor, test.items[rows[h:]], test.ratings[rows[h:]])
            errors.append(wrong)
            held_by.append(held)
    left = np.concatenate([rows[h:] for rows in people])
    numbers = np.repeat(np.arange(len(people)), [max(len(rows) - h, 0) for rows in people])
    held_out = Pairs(numbers, test.items[left], test.ratings[left])
    greatest = greatest_rating(data)
    answers = figures(lists, held_out, greatest, data.n_items)
    answers["rare"] = float(np.mean(counts[lists[lists >= 0]] < RARE))
    if errors:
        answers["rmse"] = rmse(np.concatenate(errors), np.zeros(1))
        answers["mean_rmse"] = rmse(item_means(data)[held_out.items], held_out.ratings)
        answers["held"] = float(np.mean(np.concatenate(held_by))) if len(held_by[0]) else None
    if guesses:
        answers["near_greatest"] = float(np.mean(np.array(guesses) >= greatest - NEAR))
    return answers


def judge(
    model: models.Model, visitor: Person, items: np.ndarray, ratings: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The errors of predicted stars, and whether the intervals hold the ratings, where there are any."""
    is_blend = isinstance(model, Recommender)
    stars = model.stars_model_.fold_in(visitor.rated) if is_blend else visitor  # type: ignore[attr-defined]
    judging = model.stars_model_ if is_blend else model  # type: ignore[attr-defined]
    if not isinstance(judging, models.BayesianALS):
        return stars.predict(items) - ratings, np.empty(0)
    mean, low, high = stars.predict(items, interval=INTERVAL)  # type: ignore[call-arg]
    return mean - ratings, (low <= ratings) & (ratings <= high)


def item_means(data: Prepared) -> np.ndarray:
    """The mean rating of each item; of one without ratings, the mean of all."""
    counts = np.bincount(data.train.items, minlength=data.n_items)
    sums = np.bincount(data.train.items, weights=data.train.ratings, minlength=data.n_items)
    overall = float(data.train.ratings.mean(dtype=np.float64))
    return np.divide(sums, counts, out=np.full(data.n_items, overall), where=counts > 0)


def speed(job: dict) -> dict:
    """Seconds of a fit, MiB of its file, and milliseconds of one person's list with stars and reasons."""
    data = read(job["data"])
    began = time.perf_counter()
    model = fitted(data, job)
    fit_seconds = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        size = path.stat().st_size / 2**20
    users = np.random.default_rng(0).choice(np.unique(data.train.users), size=300).tolist()
    seconds = {"list": [], "reasons": [], "visitor": []}  # type: ignore[var-annotated]
    for user in users:
        ratings = model.person(user).rated
        seconds["list"].append(timed(model.recommend, user, N_SHOWN))
        seconds["reasons"].append(timed(listed_with_reasons, model.person, user))
        seconds["visitor"].append(timed(listed_with_reasons, model.fold_in, ratings))
    medians = {f"{name}_ms": 1000 * statistics.median(each) for name, each in seconds.items()}
    slowest = 1000 * float(np.quantile(seconds["visitor"], 0.99))
    return {"fit_seconds": fit_seconds, "file_mib": size, **medians, "visitor_p99_ms": slowest}


def listed_with_reasons(person_of: Callable[[Any], Person], given: object) -> list:
    """A list as a page shows it: stars, intervals, and two reasons each."""
    person = person_of(given)
    found = person.recommend(N_SHOWN)
    return person.explain_all([each.item for each in found], n=2)


if __name__ == "__main__":
    answer(
        matinee.__version__,
        known=known,
        blends=blends,
        log_form=log_form,
        visitors=visitors,
        speed=speed,
    )
