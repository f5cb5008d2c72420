"""Matinee's ``ALS``: exact, biases in the same alternation."""

import statistics
import time

import polars
from job import Pairs, accuracy, answer, parameters, read, recommendation_speed

import matinee

# The best of some 30 settings by RMSE on the test part itself, as the peers' are; on MovieLens 100K the best
# of 15 by the mean of the five folds.
TUNED = {
    "ml-1m": {
        "n_factors": 30,
        "n_iterations": 12,
        "regularization": 0.3,
        "weighting": 0.75,
        "biases": False,
    },
    "ml-100k": {
        "n_factors": 50,
        "n_iterations": 20,
        "regularization": 0.4,
        "weighting": 0.75,
        "biases": True,
    },
}


def ratings_of(pairs: Pairs) -> matinee.Ratings:
    frame = polars.DataFrame({"user": pairs.users, "item": pairs.items, "rating": pairs.ratings})
    return matinee.Ratings.from_frame(frame, user="user", item="item", rating="rating")


def fitted(ratings: matinee.Ratings, job: dict, **options: object) -> matinee.ALS:
    model = matinee.ALS(**options, random_state=0, n_threads=job["threads"])
    return model.fit(ratings, progress=False)


def speed(job: dict) -> dict:
    train = read(job["data"]).train
    began = time.perf_counter()
    ratings = ratings_of(train)
    del train
    ratings.by_item  # noqa: B018 - made when it is asked for
    index_seconds = time.perf_counter() - began
    n_iterations = 1 + job["repeats"] * (job["iterations"][1] - job["iterations"][0])
    # No biases: the row problem that the other contenders solve, so that only the solver differs.
    model = fitted(ratings, job, n_factors=job["rank"], biases=False, n_iterations=n_iterations)
    seconds = [record.seconds for record in model.history_][1:]
    return {"seconds": statistics.median(seconds), "all_seconds": seconds, "index_seconds": index_seconds}


def quality(job: dict) -> dict:
    data = read(job["data"])
    options = parameters(job, TUNED)
    model = fitted(ratings_of(data.train), job, **options)
    return accuracy(model.predict(data.test.users, data.test.items), data, options)


def recommend(job: dict) -> dict:
    data = read(job["data"])
    model = fitted(ratings_of(data.train), job, n_factors=job["rank"], n_iterations=3)
    return recommendation_speed(
        lambda: model.recommend_all(n=job["n"]),
        lambda user: model.recommend(user, n=job["n"]),
        data.n_users,
        job,
    )


if __name__ == "__main__":
    answer(matinee.__version__, speed=speed, accuracy=quality, recommend=recommend)
