"""Matinee's ``ImplicitALS``, by any of its solvers."""

import statistics
import time

import numpy as np
from implicit_job import Problem, presence, ranking, start, translated
from job import Prepared, answer, timed
from scipy.sparse import coo_matrix

import matinee
from matinee.models import ImplicitALS
from matinee.solving.row_problem import CHOLESKY, TO_THE_LAST_DIGIT

PARAMETERS = ("regularization", "alpha", "unobserved_weight", "nu")


def ratings_of(data: Prepared) -> matinee.Ratings:
    """The training ratings; users and items without any are among them."""
    train = data.train
    return matinee.Ratings.from_csr(
        coo_matrix((train.ratings, (train.users, train.items)), (data.n_users, data.n_items))
    )


def model_of(job: dict, **options: object) -> ImplicitALS:
    problem = Problem.of(job)
    return ImplicitALS(
        n_factors=job["rank"],
        solver=job.get("solver", "cholesky"),
        momentum=job.get("momentum", 0.0),
        n_threads=job["threads"],
        **{name: getattr(problem, name) for name in PARAMETERS},
        **options,
    )


def speed(job: dict) -> dict:
    n_iterations = 1 + job["repeats"] * (job["iterations"][1] - job["iterations"][0])
    data = presence(job["data"])
    begin = start(data, job["rank"], seed=0)
    began = time.perf_counter()
    ratings = ratings_of(data)
    del data.train
    ratings.by_item  # noqa: B018 - made when it is asked for
    index_seconds = time.perf_counter() - began
    model = model_of(job, n_iterations=n_iterations).fit(ratings, start=begin, progress=False)
    seconds = [record.seconds for record in model.history_][1:]
    return {"seconds": statistics.median(seconds), "all_seconds": seconds, "index_seconds": index_seconds}


def quality(job: dict) -> dict:
    data = presence(job["data"])
    model = model_of(job, n_iterations=job["n_iterations"])
    model.fit(ratings_of(data), start=start(data, job["rank"], job["seed"]), progress=False)
    return ranking(model.user_factors_, model.item_factors_, data)


def tuned(job: dict) -> dict:
    """What `matinee.tune` finds on the training part."""
    ratings = ratings_of(presence(job["data"]))
    found = matinee.tune(
        ratings,
        "implicit",
        n_trials=job["n_trials"],
        max_factors=job["most_factors"],
        n_threads=job["threads"],
        progress=False,
    )
    best = found.best_params
    setting = {"rank": best["n_factors"], "n_iterations": best["n_iterations"]}
    return {"found": {**setting, "parameters": {name: best[name] for name in PARAMETERS}}}


class Fit:
    """The loop of a fit, with its last half-step to be had after any iteration."""

    def __init__(self, data: Prepared, job: dict, seed: int) -> None:
        self.loop = model_of(job).alternation(ratings_of(data), start(data, job["rank"], seed))

    def iterate(self) -> None:
        self.loop.improve()

    def finish(self) -> None:
        self.loop.solve_users(TO_THE_LAST_DIGIT)


def approach(job: dict) -> dict:
    """Seconds and the objective of whole fits of 1, 2, … iterations, their exact last half-step included.

    ``loop`` holds the same of the loop alone.
    """
    data, problem = presence(job["data"]), Problem.of(job)
    warm_up = Fit(data, job, 0)
    warm_up.iterate()
    warm_up.finish()
    fit = Fit(data, job, 0)
    users, items = fit.loop.users.factors, fit.loop.items.factors
    seconds, curve, loop = 0.0, [], []
    for _ in range(job["n_iterations"]):
        seconds += timed(fit.iterate)
        loop.append((seconds, problem.objective(users, items, data.train)))
        kept = users.copy()
        last = timed(fit.finish)
        curve.append((seconds + last, problem.objective(users, items, data.train)))
        users[:] = kept
        if loop[-1][1] <= job.get("until", 0.0):
            break
    return {"curve": curve, "loop": loop, "objective": curve[-1][1], "seconds": seconds}


def translation(job: dict) -> dict:
    """How far factors are from those that a peer wrote to the job's ``factors``.

    After as many iterations from the same start; or, of the peers that take none, after the half-step for
    the users against the peer's own items.
    """
    data = translated(job)
    if "strength" in job:  # what stands for the ratings is another function of them
        data.train.ratings = strengths(data.train.ratings, job["strength"])
    with np.load(job["factors"]) as arrays:
        theirs = [job.get("scale", 1.0) * arrays[side] for side in ("users", "items")]
    fit = Fit(data, job, 0)
    users, items = fit.loop.users.factors, fit.loop.items.factors
    if job["half_step"]:
        items[:] = theirs[1]
        fit.finish()
    else:
        # Where the peer's factors are ours times a scale, so is its start.
        users *= np.float32(job.get("scale", 1.0))
        items *= np.float32(job.get("scale", 1.0))
        for _ in range(job["n_iterations"]):
            fit.loop.solve_users(CHOLESKY)
            fit.loop.solve_items(CHOLESKY)
    return {"difference": max(map(largest_difference, (users, items), theirs))}


def strengths(ratings: np.ndarray, rule: dict) -> np.ndarray:
    """``slope·r + shift``, or its logarithm ``log(1 + r / log_epsilon)``."""
    if "log_epsilon" in rule:
        return np.log1p(ratings / np.float32(rule["log_epsilon"]))
    return np.float32(rule["slope"]) * ratings + np.float32(rule["shift"])


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference of two arrays, as a share of the largest number."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


if __name__ == "__main__":
    answer(
        matinee.__version__,
        speed=speed,
        approach=approach,
        quality=quality,
        tuned=tuned,
        translation=translation,
    )
