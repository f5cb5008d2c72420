"""irspack's ``IALSRecommender``, as a maker of lists."""

import sys
from contextlib import redirect_stdout

import numpy as np
from irspack import IALSRecommender, __version__
from job import Prepared, answer
from list_job import N_LISTED, best_of, tasks
from scipy.sparse import csr_matrix


def lists(data: Prepared, job: dict) -> np.ndarray:
    train = data.train
    seen = csr_matrix((np.ones_like(train.ratings), (train.users, train.items)), (data.n_users, data.n_items))
    recommender = IALSRecommender(
        seen,
        solver_type="CHOLESKY",
        loss_type="ORIGINAL",
        random_seed=job["seed"],
        n_threads=job["threads"],
        **job["parameters"],
    )
    with redirect_stdout(sys.stderr):  # its progress bar has no place in the answer
        recommender.learn()
    return best_of(recommender.get_score_remove_seen(np.arange(data.n_users)), N_LISTED)


if __name__ == "__main__":
    answer(__version__, **tasks(lists))
