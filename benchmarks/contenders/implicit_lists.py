"""implicit's ``AlternatingLeastSquares``, as a maker of lists."""

import numpy as np
from implicit import __version__  # type: ignore[attr-defined]
from implicit.als import AlternatingLeastSquares
from job import Prepared, answer
from list_job import N_LISTED, tasks
from scipy.sparse import csr_matrix


def lists(data: Prepared, job: dict) -> np.ndarray:
    train = data.train
    seen = csr_matrix((np.ones_like(train.ratings), (train.users, train.items)), (data.n_users, data.n_items))
    model = AlternatingLeastSquares(num_threads=job["threads"], random_state=job["seed"], **job["parameters"])
    model.fit(seen, show_progress=False)
    found, _ = model.recommend(np.arange(data.n_users), seen, N=N_LISTED, filter_already_liked_items=True)
    return found


if __name__ == "__main__":
    answer(__version__, **tasks(lists))
