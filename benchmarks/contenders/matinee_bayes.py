"""Matinee's ``BayesianALS``."""

import statistics
import time
from statistics import NormalDist

import numpy as np
import polars
from job import Pairs, Prepared, accuracy, answer, read, timed

import matinee
from matinee import BayesianALS
from matinee.models.factor_model import FactorModel


def ratings_of(pairs: Pairs) -> matinee.Ratings:
    frame = polars.DataFrame({"user": pairs.users, "item": pairs.items, "rating": pairs.ratings})
    return matinee.Ratings.from_frame(frame, user="user", item="item", rating="rating")


def features_of(job: dict) -> dict[str, polars.DataFrame]:
    """The frames that the job names files of, by the codes of the prepared data."""
    found = {}
    with np.load(job["data"]) as arrays:
        for kind, reader in (("user", matinee.read_users), ("item", movie_features)):
            if kind in job.get("features", {}):
                frame = reader(job["features"][kind])
                ids = arrays[f"{kind}_ids"]
                known = frame.filter(polars.col(kind).is_in(ids.tolist()))
                found[f"{kind}_features"] = known.with_columns(
                    polars.Series(kind, np.searchsorted(ids, known[kind].to_numpy()).astype(np.int32))
                )
    return found


def movie_features(path: str) -> polars.DataFrame:
    return matinee.read_movies(path).features()


def fitted(job: dict, data: Prepared, **options: object) -> tuple[BayesianALS, list[list[float]], float]:
    """A model, the seconds and the RMSE of the running average after each sweep, and the seconds in all."""
    options = {"random_state": job.get("seed", 0), **job.get("parameters", {}), **options}
    model = BayesianALS(n_threads=job["threads"], **options)
    train, features, curve = ratings_of(data.train), features_of(job), []
    validation = ratings_of(data.test) if job.get("follow", True) else None
    began = time.perf_counter()

    def note(record: matinee.Iteration) -> None:
        curve.append([time.perf_counter() - began, record.validation_rmse])

    model.fit(train, validation, **features, callback=note, progress=False)
    return model, curve, time.perf_counter() - began


def quality(job: dict) -> dict:
    """RMSE of the test part by the samples that are kept, and how many ratings the intervals hold."""
    data = read(job["data"])
    model, curve, seconds = fitted(job, data)
    mean, deviation = model.predict(data.test.users, data.test.items, return_std=True)
    errors = np.abs(data.test.ratings - mean) / deviation
    shares = {
        f"held_by_{share}": float(np.mean(errors <= NormalDist().inv_cdf((1 + share) / 2)))
        for share in (0.5, 0.9)
    }
    return {
        **accuracy(mean, data, job.get("parameters", {})),
        **shares,
        "mean_error": float(np.mean(data.test.ratings - mean)),
        "rmse_by_item": rmse_by_item(mean, data),
        "curve": curve,
        "running_rmse": curve[-1][1],
        "sweep_seconds": statistics.median(record.seconds for record in model.history_),
        "fit_seconds": seconds,
        "noise": float(model.posterior_.noise_variance) ** 0.5,
        "effective_samples": model.effective_samples_,
    }


def rmse_by_item(predicted: np.ndarray, data: Prepared) -> float:
    """The root of the mean over the items of their mean squared errors: every item counts once."""
    squares = (data.test.ratings.astype(np.float64) - predicted) ** 2
    counts = np.bincount(data.test.items, minlength=data.n_items)
    sums = np.bincount(data.test.items, weights=squares, minlength=data.n_items)
    return float(np.sqrt(np.mean(sums[counts > 0] / counts[counts > 0])))


def speed(job: dict) -> dict:
    """Seconds a sweep, nothing followed."""
    model, _, seconds = fitted(job, read(job["data"]))
    sweeps = [record.seconds for record in model.history_[1:]]
    return {"seconds": statistics.median(sweeps), "fit_seconds": seconds}


def serving(job: dict) -> dict:
    """What it takes to answer, by the number of samples kept."""
    data = read(job["data"])
    rows = []
    for n_kept in job["kept"]:
        model, _, _ = fitted(job, data, n_kept=n_kept)
        error = accuracy(model.predict(data.test.users, data.test.items), data, {})["rmse"]
        users = np.random.default_rng(0).choice(np.unique(data.train.users), size=200).tolist()
        visitor = dict(list(model.person(users[0]).rated.items())[:20])
        everything = np.arange(data.n_items)
        known = everything[model.item_index_.positions(everything) >= 0]
        seconds = {
            "recommend": [timed(model.recommend, user) for user in users],
            "score_all": [timed(model.predict, user, known) for user in users],
            "fold_in": [timed(model.fold_in, visitor) for _ in users[:50]],
        }
        whole, alone = model.arrays(), FactorModel.arrays(model)
        arrays = [array for name, array in whole.items() if name not in alone]
        rows.append(
            {
                "kept": n_kept,
                "rmse": error,
                "mib": sum(array.nbytes for array in arrays) / 2**20,
                **{name: statistics.median(each) for name, each in seconds.items()},
            }
        )
    return {"rows": rows}


if __name__ == "__main__":
    answer(matinee.__version__, accuracy=quality, speed=speed, serving=serving)
