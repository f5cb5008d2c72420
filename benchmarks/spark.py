"""Compares ``matinee.spark.fit`` with Spark's own ALS, ``pyspark.ml.recommendation.ALS`` (MLlib).

    MATINEE_DATA=FOLDER .venv/bin/python benchmarks/spark.py --output docs/benchmarks/spark.md

``--quick`` shows in some minutes that everything runs. ``--only speed memory`` picks parts of the benchmark,
and ``--contenders Matinee`` picks contenders. All answers are kept in ``.cache/spark.json``.

Both get the same session (``contenders/spark_job.py``), the same cached frame from the same Parquet file, and
the same problem; both leave their factors in frames. "local[2]" is one virtual machine with two threads.
"cluster" is a driver and two executors of one core each, all on this machine. MLlib has 4 blocks a side,
which suit two cores better than its default of 10, and a checkpoint directory. Both run in the library's own
environment, so they use the same Spark. The large parts need some 14 GiB of memory.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import harness
import spark_data
from harness import Contender, markdown_table, median, ratio
from parts import N_THREADS, Benchmark, main

MATINEE = Contender("Matinee", "matinee_spark.py", ".venv")
MLLIB = Contender("MLlib", "spark_mllib.py", ".venv")
BOTH = [MATINEE, MLLIB]

KINDS = ("explicit", "implicit")
MASTERS = ("local", "cluster")
MASTER_NAMES = {"local": f"local[{N_THREADS}]", "cluster": "cluster"}

# The memory of the virtual machine in local mode, and of the driver and each executor on a cluster.
SMALL = {"local": {"heap": "4g"}, "cluster": {"heap": "2g", "executor_memory": "2g"}}
LARGE = {"local": {"heap": "10g"}, "cluster": {"heap": "2g", "executor_memory": "5g"}}

N_ITERATIONS = 15
# A test of quality that takes MLlib only some minutes.
N_ITERATIONS_OF_LARGE = 5
N_BLOCKS_OF_SKEW = 8
FIGURES_OF_SKEW = {"longest": "", "worst": ", worst", "alone": ", alone"}
MOST_ROUNDS = 3
GROWTH = (1, 2, 5, 10)  # and all 19, in millions
PARTITIONS = (1, 10, 200)


class OnSpark(Benchmark):
    """The parts of this benchmark."""

    # λ, weighted by the count, and α of implicit feedback, with the ratings as strengths.
    defaults: ClassVar = {**Benchmark.defaults, "rank": 64, "regularization": 0.1, "alpha": 1.0}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.answered: dict[str, dict[str, list[dict]]] = {}

    def speed(self) -> str:
        """The seconds of an iteration and of a whole fit on MovieLens 1M."""
        short, long = (1, 2) if self.quick else (2, N_ITERATIONS)
        train = spark_data.parquet(harness.movielens_1m(test_size=0.1), "train")
        both = {MATINEE.name: [short, long], MLLIB.name: [short, long]}
        return self.timed(train, "MovieLens 1M 90/10", SMALL, both)

    def large(self) -> str:
        """The seconds of an iteration and of a whole fit on the synthetic ratings."""
        train = self.synthetic()
        title = f"{spark_data.n_ratings(train):,} synthetic ratings"
        return self.timed(train, title, LARGE, self.iterations_of_large)

    def timed(self, train: Path, title: str, memory: dict, iterations: dict[str, list[int]]) -> str:
        rows = []
        for kind in KINDS:
            for master in MASTERS:
                job = {"task": "speed", "train": str(train), **memory[master]}
                answers = self.both(title, kind, master, job, iterations=iterations)
                whole = lengthened(answers, iterations, self.n_iterations)
                rows.append(
                    (described(kind, master), *compared(answers, "seconds"), *compared(whole, "whole"))
                )
        header = ["", *columns("per iteration"), *columns(f"{self.n_iterations} iterations")]
        lengths = " and ".join(f"of {long} iterations ({name})" for name, (_, long) in iterations.items())
        note = (
            f"Rank {self.defaults['rank']}; the whole fits begin with the cached frame. Those measured are "
            f"{lengths}; where that is fewer, the iterations that lack are added at the seconds of one."
        )
        return f"### Seconds, {title}\n\n{note}\n\n{markdown_table(header, rows)}"

    def partitions(self) -> str:
        """The seconds of an iteration and of a whole fit by how the frame is divided, on a plain session."""
        train = spark_data.parquet(harness.movielens_1m(test_size=0.1), "train")
        long = 2 if self.quick else N_ITERATIONS
        rows = []
        for n_partitions in PARTITIONS:
            job = {"task": "speed", "train": str(train), "n_partitions": n_partitions, "plain": True}
            answers = self.both(
                f"{n_partitions} partitions",
                "explicit",
                "local",
                {**job, **SMALL["local"]},
                iterations={name: [1, long] for name in names()},
            )
            rows.append((n_partitions, *compared(answers, "seconds"), *compared(answers, "fit_seconds")))
        header = ["partitions", *columns("per iteration"), *columns(f"{long} iterations")]
        title = f"Partitions of the frame, MovieLens 1M 90/10, {described('explicit', 'local')}"
        return f"### {title}\n\nSpark's default settings.\n\n{markdown_table(header, rows)}"

    def quality(self) -> str:
        """Test RMSE and NDCG@10 with the same parameters."""
        movielens = harness.movielens_1m(test_size=0.1)
        rows = [
            self.measured(
                "MovieLens 1M 90/10, test RMSE", movielens, "explicit", "test_error", "rmse", SMALL
            ),
            self.measured(
                "MovieLens 1M 90/10, NDCG@10", movielens, "implicit", "test_ranking", "ndcg", SMALL
            ),
        ]
        if not self.quick:
            data = spark_data.synthetic_split()
            rows.append(
                self.measured(
                    f"synthetic 90/10, test RMSE after {N_ITERATIONS_OF_LARGE} iterations",
                    data,
                    "explicit",
                    "test_error",
                    "rmse",
                    {"local": {**LARGE["local"], "n_iterations": N_ITERATIONS_OF_LARGE}},
                )
            )
        note = (
            f"{self.n_iterations} iterations, if nothing else is said, of the same parameters. Predictions "
            "are clipped to the range of the training ratings; lists are of the whole catalogue less what "
            "was rated in training."
        )
        return f"### Quality\n\n{note}\n\n{markdown_table(['', *names()], rows)}"

    def measured(
        self, title: str, data: Path, kind: str, task: str, figure: str, memory: dict
    ) -> tuple[object, ...]:
        parts = {part: str(spark_data.parquet(data, part)) for part in ("train", "test")}
        job = {"task": task, "data": str(data), **parts, "n_iterations": self.n_iterations, **memory["local"]}
        answers = self.both(title, kind, "local", job, rounds=1)
        return title, *(digits(median(answers.get(name, []), figure)) for name in names())

    def recommend(self) -> str:
        """Seconds to recommend ten movies to everybody."""
        movielens = spark_data.parquet(harness.movielens_1m(test_size=0.1), "train")
        rows = [self.recommended("MovieLens 1M", movielens, SMALL["local"])]
        if not self.quick:
            rows.append(self.recommended("synthetic", self.synthetic(), LARGE["local"]))
        note = (
            f"Rank {self.defaults['rank']}, {MASTER_NAMES['local']}, rated movies included, as MLlib cannot "
            "leave them out; every row is made and none is kept (Spark's `noop`)."
        )
        return f"### Ten movies for everybody\n\n{note}\n\n{markdown_table(['', *columns('seconds')], rows)}"

    def recommended(self, title: str, train: Path, memory: dict) -> tuple[object, ...]:
        job = {"task": "recommend", "train": str(train), "n": 10, "warm_up": not self.quick, **memory}
        answers = self.both(f"ten for everybody, {title}", "explicit", "local", job)
        return title, *compared(answers, "seconds")

    def memory(self) -> str:
        """Peak memory of the driver and of the executors during a fit."""
        train = self.synthetic()
        job = {"task": "memory", "train": str(train), "n_iterations": 1}
        rows = []
        for master in MASTERS:
            answers = self.both("memory", "explicit", master, {**job, **LARGE[master]}, rounds=1)
            parts = ("total",) if master == "local" else ("driver", "executors", "total")
            rows += [(f"{described('explicit', master)}, {part}", *peaks(answers, part)) for part in parts]
        title = f"Peak memory, {spark_data.n_ratings(train):,} synthetic ratings"
        local, cluster = LARGE["local"], LARGE["cluster"]
        note = (
            "MiB of proportional set size, Pythons included, the cluster's master and workers not. The "
            f"virtual machines may have {local['heap']} ({MASTER_NAMES['local']}), or {cluster['heap']} for "
            f"the driver and {cluster['executor_memory']} for each executor, and tend to use what they may "
            "have."
        )
        return f"### {title}\n\n{note}\n\n{markdown_table(['', *names(), 'times'], rows)}"

    def growth(self) -> str:
        """Seconds per iteration for growing numbers of ratings."""
        trains = [
            spark_data.synthetic_prefix(millions) for millions in (GROWTH[:1] if self.quick else GROWTH)
        ]
        if not self.quick:
            trains.append(self.synthetic())
        rows = []
        for train in trains:
            n = f"{spark_data.n_ratings(train):,}"
            job = {"task": "speed", "train": str(train), **LARGE["cluster"]}
            answers = self.both(
                f"growth, {n} ratings", "explicit", "cluster", job, iterations=self.iterations_of_large
            )
            rows.append((n, *compared(answers, "seconds")))
        header = ["synthetic ratings", *columns("per iteration")]
        return f"### Growth, explicit, cluster\n\n{markdown_table(header, rows)}"

    def skew(self) -> str:
        """The time of the longest block of a half-iteration compared with the median block."""
        rows = [
            self.skewed(
                "a twentieth, one more rated by a tenth of the users", spark_data.synthetic_with_a_hit()
            )
        ]
        if not self.quick:
            rows.append(self.skewed("all, a third of the users rate the same movie", self.synthetic()))
        note = (
            f"{N_BLOCKS_OF_SKEW} blocks, {MASTER_NAMES['local']}, explicit: the longest task of a "
            "half-iteration divided by the median one: the median of the half-iterations, the worst of "
            "them, and alone, which is by each block's least time in any of them. MLlib's tasks are its "
            "stages', the sending of factors included."
        )
        headers = [f"{name}{suffix}" for suffix in FIGURES_OF_SKEW.values() for name in names()]
        header = ["synthetic ratings", *headers]
        return f"### Skew\n\n{note}\n\n{markdown_table(header, rows)}"

    def skewed(self, title: str, train: Path) -> tuple[object, ...]:
        job = {"task": "skew", "train": str(train), "n_blocks": N_BLOCKS_OF_SKEW, "n_iterations": 6}
        answers = self.both(f"skew, {title}", "explicit", "local", {**job, **LARGE["local"]}, rounds=1)
        figures = (median(answers.get(name, []), key) for key in FIGURES_OF_SKEW for name in names())
        return title, *figures

    def both(
        self,
        title: str,
        kind: str,
        master: str,
        job: dict,
        *,
        iterations: dict[str, list[int]] | None = None,
        rounds: int | None = None,
    ) -> dict[str, list[dict]]:
        """The answers of both to a job of a kind on a master, in as many rounds as asked for, 3 at most.

        ``iterations`` are those that each is timed over, by name: a short fit's and a long one's.
        """
        job = {**job, "implicit": kind == "implicit", "master": master}
        rounds = min(self.rounds, MOST_ROUNDS) if rounds is None else rounds
        contenders = BOTH
        if iterations is not None:
            contenders = [replace(each, options={"iterations": iterations[each.name]}) for each in BOTH]
        # Two parts may need the same answers.
        key = json.dumps([job, iterations], sort_keys=True)
        if key not in self.answered:
            title = f"{title}, {described(kind, master)}"
            self.answered[key] = self.run(title, contenders, job, rounds=rounds)
        return self.answered[key]

    @property
    def iterations_of_large(self) -> dict[str, list[int]]:
        """MLlib's take so long that two tell; what comes before Matinee's takes longer than they do."""
        if self.quick:
            return {MATINEE.name: [1, 2], MLLIB.name: [1, 2]}
        return {MATINEE.name: [1, N_ITERATIONS], MLLIB.name: [1, 3]}

    def synthetic(self) -> Path:
        """All synthetic ratings, or a million of them for a quick run."""
        if self.quick:
            return spark_data.synthetic_prefix(1)
        return spark_data.parquet(harness.synthetic_20m(), "train")

    @property
    def n_iterations(self) -> int:
        return 2 if self.quick else N_ITERATIONS


def names() -> list[str]:
    return [contender.name for contender in BOTH]


def columns(what: str) -> list[str]:
    """The headers of the columns that ``compared`` fills."""
    return [f"{what}, {MATINEE.name}", MLLIB.name, "times"]


def compared(answers: dict[str, list[dict]], key: str) -> tuple[object, ...]:
    """Matinee's median, MLlib's median, and MLlib's divided by Matinee's."""
    own, theirs = (median(answers.get(name, []), key) for name in names())
    return own, theirs, ratio(theirs, own)


def lengthened(
    answers: dict[str, list[dict]], iterations: dict[str, list[int]], n_iterations: int
) -> dict[str, list[dict]]:
    """The answers with the seconds of a whole fit of so many iterations."""
    return {
        name: [
            {"whole": each["fit_seconds"] + (n_iterations - iterations[name][1]) * each["seconds"]}
            for each in given
            if "seconds" in each
        ]
        for name, given in answers.items()
    }


def peaks(answers: dict[str, list[dict]], part: str) -> tuple[object, ...]:
    own, theirs, times = compared(answers, f"{part}_mib")
    return *(mib and round(mib) for mib in (own, theirs)), times


def digits(figure: float | None) -> str | None:
    """A measure of quality as text, with more digits than times have in a table."""
    return None if figure is None else f"{figure:.4f}"


def described(kind: str, master: str) -> str:
    return f"{kind}, {MASTER_NAMES[master]}"


PARTS = {
    "speed": OnSpark.speed,
    "large": OnSpark.large,
    "partitions": OnSpark.partitions,
    "quality": OnSpark.quality,
    "recommend": OnSpark.recommend,
    "memory": OnSpark.memory,
    "growth": OnSpark.growth,
    "skew": OnSpark.skew,
}


if __name__ == "__main__":
    main("spark", OnSpark, PARTS, "ALS on Spark beside Spark's own.")
