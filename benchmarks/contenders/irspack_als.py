"""irspack's ``IALSTrainer``: by Cholesky, by conjugate gradients, or by iALS++.

Its loss "ORIGINAL" is Matinee's objective, with ``α r`` in the matrix; "IALSPP", its default, gives what was
seen the target ``r / (α₀ + r)``.
"""

import sys
from contextlib import redirect_stdout

import numpy as np
from implicit_job import Problem, presence, start, tasks
from irspack import Evaluator, IALSRecommender, __version__
from job import Prepared, answer
from scipy.sparse import csr_matrix


class Fit:
    """irspack's trainer, one epoch a call."""

    def __init__(self, data: Prepared, job: dict, seed: int) -> None:
        problem = Problem.of(job)
        scale = np.float32(1.0 if "native" in job else problem.alpha)
        matrix = csr_matrix(
            (scale * data.train.ratings, (data.train.users, data.train.items)), (data.n_users, data.n_items)
        )
        recommender = IALSRecommender(
            matrix,
            n_components=job["rank"],
            solver_type=job["solver"],
            loss_type=job.get("loss", "ORIGINAL"),
            ialspp_subspace_dimension=job.get("subspace", 64),
            random_seed=seed,
            n_threads=job["threads"],
            **job.get("native", native(problem)),
        )
        # What learn() runs its epochs on.
        self.trainer = recommender._create_trainer()
        self.trainer.core_trainer.user, self.trainer.core_trainer.item = start(data, job["rank"], seed)

    def iterate(self) -> None:
        self.trainer.run_epoch()

    @property
    def users(self) -> np.ndarray:
        return self.trainer.core_trainer.user

    @property
    def items(self) -> np.ndarray:
        return self.trainer.core_trainer.item


def native(problem: Problem) -> dict:
    """irspack's parameters of a problem, but for what its matrix is multiplied by."""
    return {"alpha0": problem.unobserved_weight, "reg": problem.regularization, "nu": problem.nu}


def tuned(job: dict) -> dict:
    """What irspack's own search finds on a training and a validation part."""
    data = presence(job["data"])
    shape = data.n_users, data.n_items
    train, validation = (
        csr_matrix((part.ratings, (part.users, part.items)), shape) for part in (data.train, data.test)
    )
    evaluator = Evaluator(validation, cutoff=10, target_metric="ndcg", n_threads=job["threads"])
    with redirect_stdout(sys.stderr):  # its progress bar has no place in the answer
        found, _ = IALSRecommender.tune(
            train, evaluator, n_trials=job["n_trials"], tuning_random_seed=0, n_threads=job["threads"]
        )
    problem = {name: found[name] for name in ("alpha0", "reg", "nu") if name in found}
    setting = {"rank": found["n_components"], "n_iterations": found["train_epochs"]}
    return {"found": {**setting, "native": problem}}


if __name__ == "__main__":
    answer(__version__, tuned=tuned, **tasks(Fit))
