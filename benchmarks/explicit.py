"""Compares explicit ALS with its peers: seconds per iteration, memory, accuracy, recommendations.

    sh benchmarks/peers.sh
    MATINEE_DATA=FOLDER .venv/bin/python benchmarks/explicit.py --output docs/benchmarks/explicit.md

``--quick`` shows in a few minutes that everything runs. ``--only speed accuracy`` picks parts of the
benchmark, and ``--contenders Matinee LensKit`` picks contenders. ``--only netflix`` takes 10 GB of memory
and of disk for its 84 million ratings. All answers are kept in ``.cache/explicit.json``.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import harness
import numpy as np
from harness import Contender, markdown_table, median, ratio
from parts import N_THREADS, Benchmark, main
from peak import peak_gigaflops

# These libraries run rows in parallel themselves, so threads of BLAS would only compete with them. The small
# systems of the NumPy loop gain nothing from a second thread.
ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
LENSKIT_THREADS = {**ONE_BLAS_THREAD, "LK_NUM_THREADS": str(N_THREADS), "LK_NUM_BACKEND_THREADS": "1"}

MATINEE = Contender("Matinee", "matinee_als.py", ".venv")
LENSKIT = Contender("LensKit", "lenskit_als.py", variables=LENSKIT_THREADS)
CMFREC = Contender("cmfrec", "cmfrec_als.py", variables=ONE_BLAS_THREAD)
CMFREC_CHOLESKY = Contender(
    "cmfrec, Cholesky", "cmfrec_als.py", options={"parameters": {"use_cg": False}}, variables=ONE_BLAS_THREAD
)
CMFREC_CG = Contender(
    "cmfrec, CG",
    "cmfrec_als.py",
    # Without the exact last iteration, which does not use CG.
    options={"parameters": {"use_cg": True, "finalize_chol": False}},
    variables=ONE_BLAS_THREAD,
)
CMFREC_IMPLICIT_FEATURES = Contender(
    "cmfrec, implicit features",
    "cmfrec_als.py",
    options={"tuned": "ml-1m, implicit features"},
    variables=ONE_BLAS_THREAD,
)
SPARK = Contender("Spark", "spark_als.py")
SURPRISE = Contender("Surprise SVD", "surprise_svd.py")
NUMPY_LOOP = Contender("NumPy loop", "numpy_loop.py", variables=ONE_BLAS_THREAD)
IMPLICIT = Contender("implicit", "implicit_topn.py", variables=ONE_BLAS_THREAD)

SPEED = [MATINEE, LENSKIT, CMFREC_CG, CMFREC_CHOLESKY, NUMPY_LOOP, SURPRISE, SPARK]
# Surprise's tables would not fit into memory.
LARGE = [MATINEE, LENSKIT, CMFREC_CG, CMFREC_CHOLESKY, NUMPY_LOOP, SPARK]
ACCURACY = [MATINEE, LENSKIT, CMFREC, CMFREC_IMPLICIT_FEATURES, NUMPY_LOOP, SURPRISE, SPARK]
PUBLISHED = [MATINEE, SPARK]
RECOMMEND = [MATINEE, IMPLICIT]
# LensKit would need more memory than 24 GiB.
NETFLIX = [MATINEE, CMFREC_CG, SPARK]


def implicit_contender(name: str, script: str, **options: object) -> Contender:
    environment = ".venv" if script.startswith("matinee") else ".venv-peers"
    return Contender(name, script, environment, options, ONE_BLAS_THREAD)


IMPLICIT_NETFLIX = [
    implicit_contender("Matinee, Cholesky", "matinee_implicit.py", solver="cholesky"),
    implicit_contender("Matinee, CG", "matinee_implicit.py", solver="cg"),
    implicit_contender("Matinee, subspace", "matinee_implicit.py", solver="subspace"),
    implicit_contender("implicit, CG", "implicit_als.py", use_cg=True),
    implicit_contender("irspack, Cholesky", "irspack_als.py", solver="CHOLESKY"),
    implicit_contender("irspack, CG", "irspack_als.py", solver="CG"),
]
IMPLICIT_PARAMETERS = {"regularization": 50.0, "alpha": 5.0, "unobserved_weight": 1.0, "nu": 0.0}

# The setting of Spark's figure: MovieLens 1M, 80/20, 50 factors, 20 iterations, λ = 0.1 weighted by the
# count, no biases.
PUBLISHED_RMSE = 0.859
PUBLISHED_PARAMETERS = {
    "Matinee": {
        "n_factors": 50,
        "n_iterations": 20,
        "regularization": 0.1,
        "weighting": "count",
        "biases": False,
    },
    "Spark": {"rank": 50, "maxIter": 20, "regParam": 0.1},
}


class Explicit(Benchmark):
    """The parts of this benchmark."""

    def speed(self) -> str:
        """Seconds per iteration on MovieLens 1M, all contenders in turn."""
        data = harness.movielens_1m(test_size=0.1)
        iterations = [1, 3] if self.quick else [2, 7]
        answers = {
            rank: self.run(
                f"MovieLens 1M, rank {rank}",
                SPEED,
                {"task": "speed", "data": str(data), "rank": rank, "iterations": iterations},
                rounds=self.rounds,
            )
            for rank in ((10,) if self.quick else (10, 64))
        }
        tables = (speed_table(by_contender) for by_contender in answers.values())
        titles = (f"Seconds per iteration, MovieLens 1M 90/10, rank {rank}" for rank in answers)
        return "\n\n".join(f"### {title}\n\n{table}" for title, table in zip(titles, tables, strict=True))

    def peak(self) -> str:
        """Matinee's rate over whole iterations, and the machine's peak rate of multiply-adds."""
        data = harness.movielens_1m(test_size=0.1)
        ranks = (16, 64) if self.quick else (16, 32, 64, 128, 256)
        of_machine = peak_gigaflops(N_THREADS)
        rows = []
        for rank in ranks:
            job = {"task": "speed", "data": str(data), "rank": rank, "iterations": [2, 7]}
            answers = self.run(f"MovieLens 1M, rank {rank}, alone", [MATINEE], job, rounds=self.rounds)
            seconds = median(answers.get(MATINEE.name, []), "seconds")
            rows.append(rate_row(rank, seconds, size_of(data), of_machine))
        table = markdown_table(["rank", "seconds per iteration", "GFLOP/s", "of the FMA peak"], rows)
        note = f"The peak is {of_machine:.0f} GFLOP/s."
        return f"### Matinee and the machine's peak, MovieLens 1M 90/10\n\n{note}\n\n{table}"

    def large(self) -> str:
        """Seconds per iteration and peak memory on the synthetic ratings, rank 64."""
        data = harness.synthetic_20m()
        job = {"task": "speed", "data": str(data), "rank": 64, "iterations": [1, 3], "heap": "10g"}
        contenders = [MATINEE, LENSKIT, CMFREC_CG] if self.quick else LARGE
        answers = self.run("synthetic, rank 64", contenders, job, rounds=self.rounds)
        n_ratings, n_users, n_items = size_of(data)
        title = f"{n_ratings:,} synthetic ratings of {n_users:,} users × {n_items:,} movies, rank 64"
        return f"### {title}\n\n{speed_table(answers)}"

    def netflix(self) -> str:
        """Seconds to index and per iteration, and peak memory, on ratings of the shape of the Netflix Prize.

        Explicit ratings and, by the solvers that take them, presence alone; rank 64.
        """
        data = harness.synthetic_netflix(share=0.02 if self.quick else 1.0)
        job = {"task": "speed", "data": str(data), "rank": 64, "iterations": [1, 3], "heap": "16g"}
        rounds = min(self.rounds, 2)
        explicit = self.run("Netflix's shape, explicit", NETFLIX, job, rounds=rounds)
        job |= {"parameters": IMPLICIT_PARAMETERS}
        implicit = self.run("Netflix's shape, implicit", IMPLICIT_NETFLIX, job, rounds=rounds)
        n_ratings, n_users, n_items = size_of(data)
        title = f"{n_ratings:,} synthetic ratings of {n_users:,} users × {n_items:,} movies, rank 64"
        return f"### {title}\n\n{index_table(explicit)}\n\n{index_table(implicit)}"

    def accuracy(self) -> str:
        """Test RMSE on MovieLens 1M with each contender's own best parameters."""
        job = {"task": "accuracy", "data": str(harness.movielens_1m(test_size=0.1)), "tuned": "ml-1m"}
        contenders = [MATINEE, LENSKIT, NUMPY_LOOP] if self.quick else ACCURACY
        answers = self.run("accuracy, MovieLens 1M 90/10", contenders, job)
        rows = [
            (name, median(given, "rmse"), median(given, "rmse_unclipped"), described(given))
            for name, given in answers.items()
        ]
        table = markdown_table(["", "test RMSE", "unclipped", "parameters"], rows)
        note = "All predictions are clipped to 1 … 5; Matinee and Surprise clip theirs themselves."
        return f"### Test RMSE, MovieLens 1M 90/10, everybody tuned\n\n{note}\n\n{table}"

    def published(self) -> str:
        """Test RMSE on MovieLens 100K's original folds, and on the protocol of Spark's published figure."""
        contenders = [MATINEE] if self.quick else PUBLISHED
        folds = [self.fold(number, contenders) for number in range(1, 6)]
        protocol = self.spark_protocol(contenders)
        rows = [
            (
                each.name,
                mean_of(median(fold.get(each.name, []), "rmse") for fold in folds),
                median(protocol[each.name], "rmse"),
                median(protocol[each.name], "rmse_unclipped"),
            )
            for each in contenders
            if each.name in protocol
        ]
        header = ["", "ML-100K, mean of u1 … u5", "ML-1M 80/20, Spark's parameters", "unclipped"]
        table = markdown_table(header, [*rows, ("Spark, published", None, None, PUBLISHED_RMSE)])
        return f"### Published protocols, test RMSE\n\n{table}"

    def fold(self, number: int, contenders: Sequence[Contender]) -> dict:
        job = {"task": "accuracy", "data": str(harness.movielens_100k_fold(number)), "tuned": "ml-100k"}
        return self.run(f"accuracy, MovieLens 100K u{number}", contenders, job)

    def spark_protocol(self, contenders: Sequence[Contender]) -> dict:
        data = str(harness.movielens_1m(test_size=0.2))
        answers: dict[str, list[dict]] = {}
        for each in contenders:
            job = {"task": "accuracy", "data": data, "parameters": PUBLISHED_PARAMETERS[each.name]}
            answers |= self.run(f"Spark's protocol, {each.name}", [each], job)
        return answers

    def recommend(self) -> str:
        """Seconds for the 10 best unseen movies for everybody and for one user at rank 128."""
        data = str(harness.movielens_1m(test_size=0.1))
        job = {"task": "recommend", "data": data, "rank": 128, "n": 10, "repeats": 3}
        answers = self.run("recommendations, MovieLens 1M, rank 128", RECOMMEND, job, rounds=self.rounds)
        own = median(answers.get(MATINEE.name, []), "users_per_second")
        rows = [recommendation_row(name, given, own) for name, given in answers.items()]
        header = ["", "users per second", "Matinee's, times this", "one user, median µs"]
        return f"### Ten movies for all users, rank 128, MovieLens 1M\n\n{markdown_table(header, rows)}"


def speed_table(answers: dict[str, list[dict]]) -> str:
    """Median seconds per iteration, their spread over the rounds, the ratio to Matinee's, and peak memory."""
    own = median(answers.get(MATINEE.name, []), "seconds")
    rows = []
    for name, given in answers.items():
        seconds = median(given, "seconds")
        memory = median(given, "peak_mib")
        rows.append((name, seconds, spread(given, "seconds"), ratio(seconds, own), memory and round(memory)))
    return markdown_table(["", "seconds", "min – max", "times Matinee's", "peak MiB"], rows)


def index_table(answers: dict[str, list[dict]]) -> str:
    """Median seconds to index the ratings and per iteration, and peak memory."""
    rows = []
    for name, given in answers.items():
        memory = median(given, "peak_mib")
        rows.append(
            (name, median(given, "index_seconds"), median(given, "seconds"), memory and round(memory))
        )
    return markdown_table(["", "seconds to index", "seconds per iteration", "peak MiB"], rows)


def spread(answers: Sequence[dict], key: str) -> str | None:
    values = [answer[key] for answer in answers if key in answer]
    return f"{min(values):.3g} – {max(values):.3g}" if values else None


def rate_row(rank: int, seconds: float | None, size: tuple[int, int, int], peak: float) -> tuple[object, ...]:
    if seconds is None:
        return rank, None, None, None
    gigaflops = harness.flops_per_iteration(*size, rank) / seconds / 1e9
    return rank, seconds, round(gigaflops), f"{gigaflops / peak:.0%}"


def recommendation_row(name: str, given: Sequence[dict], own: float | None) -> tuple[object, ...]:
    theirs = median(given, "users_per_second")
    one_user = median(given, "one_user_seconds")
    return name, theirs, ratio(own, theirs), one_user and f"{1e6 * one_user:.0f}"


def described(answers: Sequence[dict]) -> str | None:
    """The parameters behind an accuracy, or why there is none."""
    answer = answers[0]
    settings = answer.get("parameters")
    if settings is None:
        return answer.get("error")
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def mean_of(values: Sequence[float | None]) -> float | None:
    known = list(values)
    return None if None in known else statistics.mean(known)


def size_of(data: Path) -> tuple[int, int, int]:
    """The numbers of training ratings, users and items of a prepared dataset."""
    with np.load(data) as arrays:
        return len(arrays["train_ratings"]), int(arrays["n_users"]), int(arrays["n_items"])


PARTS = {
    "speed": Explicit.speed,
    "peak": Explicit.peak,
    "large": Explicit.large,
    "netflix": Explicit.netflix,
    "accuracy": Explicit.accuracy,
    "published": Explicit.published,
    "recommend": Explicit.recommend,
}


if __name__ == "__main__":
    main("explicit", Explicit, PARTS, "Explicit ALS beside its peers.")
