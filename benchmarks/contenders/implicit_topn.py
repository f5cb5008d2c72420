"""implicit's ``recommend``: top-n for everybody and for one user, seen movies left out."""

from implicit import __version__  # type: ignore[attr-defined]
from implicit.als import AlternatingLeastSquares
from job import Prepared, answer, read, recommendation_speed
from scipy.sparse import csr_matrix


def matrix(data: Prepared) -> csr_matrix:
    """The training ratings, users × items."""
    train = data.train
    return csr_matrix((train.ratings, (train.users, train.items)), shape=(data.n_users, data.n_items))


def recommend(job: dict) -> dict:
    data = read(job["data"])
    seen = matrix(data)
    # A few iterations give factors like a model's; which ones they are does not matter to the speed.
    model = AlternatingLeastSquares(
        factors=job["rank"], iterations=3, num_threads=job["threads"], random_state=0
    )
    model.fit(seen, show_progress=False)
    everybody = range(data.n_users)
    # Each user's row is cut out of the matrix beforehand: SciPy's slicing is not implicit's time.
    rows = [seen[user] for user in everybody]
    return recommendation_speed(
        lambda: model.recommend(everybody, seen, N=job["n"], filter_already_liked_items=True),
        lambda user: model.recommend(user, rows[user], N=job["n"], filter_already_liked_items=True),
        data.n_users,
        job,
    )


if __name__ == "__main__":
    answer(__version__, recommend=recommend)
