"""A contender's side of a benchmark: a job comes in as JSON, one line of JSON answers it.

Each contender is a script that runs in a process of its own: its threads, its BLAS and its memory peak are
its own. The harness calls ``python contenders/X.py '{"task": "speed", "data": "….npz", "threads": 2, …}'``.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Pairs:
    """Ratings as three arrays of one length: codes from 0 of users and of items, and values."""

    users: np.ndarray
    items: np.ndarray
    ratings: np.ndarray


@dataclass
class Prepared:
    """A prepared data set: training and test ratings, and how many users and items there are in all."""

    train: Pairs
    test: Pairs
    n_users: int
    n_items: int


def read(path: str) -> Prepared:
    """The prepared data set at ``path``, as ``harness.save`` wrote it."""
    with np.load(path) as arrays:
        train, test = (
            Pairs(*(arrays[f"{part}_{column}"] for column in ("users", "items", "ratings")))
            for part in ("train", "test")
        )
        return Prepared(train, test, int(arrays["n_users"]), int(arrays["n_items"]))


def answer(version: str, **tasks: Callable[[dict], dict]) -> None:
    """Do the job on the command line with the task of its name, and print the result."""
    job = json.loads(sys.argv[1])
    result = tasks[job["task"]](job)
    print(json.dumps({"version": version, "peak_mib": peak_mib(), **result}), flush=True)


def parameters(job: dict, tuned: dict[str, dict]) -> dict:
    """The job's parameters on top of those that were tuned for the data set that it names."""
    return {**tuned.get(job.get("tuned", ""), {}), **job.get("parameters", {})}


def seconds_by_difference(fit: Callable[[int], object], job: dict) -> dict:
    """Seconds per iteration: a long fit less a short one, so that conversion and start-up cancel out.

    ``fit`` takes the number of iterations; ``job["iterations"]`` holds the short and the long number.
    ``fit_seconds`` is the whole of the long fit.
    """
    short, long = job["iterations"]
    fit(short)  # the first fit pays for page faults, thread pools and just-in-time compilers
    fits = [(timed(fit, long), timed(fit, short)) for _ in range(job["repeats"])]
    seconds = [(of_long - of_short) / (long - short) for of_long, of_short in fits]
    return {
        "seconds": statistics.median(seconds),
        "all_seconds": seconds,
        "fit_seconds": statistics.median(of_long for of_long, _ in fits),
    }


def seconds_by_hook(iterate: Callable[[], object], job: dict) -> dict:
    """Seconds per iteration where iterations can be called one by one; the first is warm-up."""
    short, long = job["iterations"]
    iterate()
    seconds = [timed(iterate) for _ in range(job["repeats"] * (long - short))]
    return {"seconds": statistics.median(seconds), "all_seconds": seconds}


def timed(function: Callable[..., object], *arguments: object) -> float:
    """Wall-clock seconds that a call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def accuracy(predictions: np.ndarray, data: Prepared, settings: dict) -> dict:
    """Test RMSE of what a contender predicts with some settings.

    Everybody's predictions are clipped to the range of the training ratings. A pair that it does not
    predict (NaN: a movie without training ratings) gets the training mean.
    """
    known = np.where(np.isnan(predictions), data.train.ratings.mean(dtype=np.float64), predictions)
    clipped = np.clip(known, data.train.ratings.min(), data.train.ratings.max())
    return {
        "rmse": rmse(clipped, data.test.ratings),
        "rmse_unclipped": rmse(known, data.test.ratings),
        "parameters": settings,
    }


def rmse(predictions: np.ndarray, ratings: np.ndarray) -> float:
    """Root of the mean squared error, summed in double precision."""
    return float(np.sqrt(np.mean((predictions.astype(np.float64) - ratings) ** 2)))


def recommendation_speed(
    recommend_all: Callable[[], object], recommend: Callable[[int], object], n_users: int, job: dict
) -> dict:
    """Users per second of one call for everybody, and the median seconds of a call for one user."""
    recommend_all()
    everybody = statistics.median(timed(recommend_all) for _ in range(job["repeats"]))
    some_users = np.random.default_rng(0).integers(n_users, size=2000).tolist()
    one_user = statistics.median(timed(recommend, user) for user in some_users)
    return {"users_per_second": n_users / everybody, "one_user_seconds": one_user}


def peak_mib(process: int | str = "self") -> float:
    """Peak resident memory of a process in MiB.

    From ``VmHWM`` and not from ``getrusage``: Linux lets a child inherit its parent's ``ru_maxrss``.
    """
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
