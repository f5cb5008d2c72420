"""implicit's ``AlternatingLeastSquares``, by Cholesky or by conjugate gradients.

Its weights are those of Hu, Koren & Volinsky, ``C = alpha·r`` for what was seen and 1 for the rest, so that a
problem is divided by α₀; ν has to be 0.
"""

import numpy as np
from implicit import __version__  # type: ignore[attr-defined]
from implicit.als import AlternatingLeastSquares
from implicit_job import Problem, start, tasks
from job import Prepared, answer
from scipy.sparse import csr_matrix


class Fit:
    """implicit's own loop, one iteration a call."""

    def __init__(self, data: Prepared, job: dict, seed: int) -> None:
        self.model = AlternatingLeastSquares(
            factors=job["rank"], num_threads=job["threads"], random_state=seed, **native(job)
        )
        self.model.user_factors, self.model.item_factors = start(data, job["rank"], seed)
        self.by_user = self.model.alpha * confidences(data, job)
        self.by_item = self.by_user.T.tocsr()

    def iterate(self) -> None:
        users, items = self.model.user_factors, self.model.item_factors
        for confidence, solved, fixed in ((self.by_user, users, items), (self.by_item, items, users)):
            self.model.solver(
                confidence, solved, fixed, self.model.regularization, num_threads=self.model.num_threads
            )

    @property
    def users(self) -> np.ndarray:
        return self.model.user_factors

    @property
    def items(self) -> np.ndarray:
        return self.model.item_factors


def native(job: dict) -> dict:
    """implicit's parameters: the job's own, or those of its problem."""
    if "native" in job:
        return job["native"]
    problem = Problem.of(job)
    if problem.nu:
        raise ValueError("implicit has one regularisation for all rows: nu must be 0")
    return {
        "regularization": problem.regularization / problem.unobserved_weight,
        "alpha": 1.0,
        "use_cg": job["use_cg"],
    }


def confidences(data: Prepared, job: dict) -> csr_matrix:
    """What implicit multiplies by its alpha: the ratings, or ``±(1 + (α / α₀) |r|)`` for a problem."""
    values = data.train.ratings
    if "native" not in job:
        problem = Problem.of(job)
        strength = np.float32(problem.alpha / problem.unobserved_weight) * np.abs(values)
        values = np.sign(values) * (1 + strength)
    return csr_matrix((values, (data.train.users, data.train.items)), (data.n_users, data.n_items))


if __name__ == "__main__":
    answer(__version__, **tasks(Fit))
