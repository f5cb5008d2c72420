"""Compares ImplicitALS with implicit and irspack: seconds per iteration, time to an objective, ranking.

    sh benchmarks/peers.sh
    MATINEE_DATA=FOLDER .venv/bin/python benchmarks/implicit.py --output docs/benchmarks/implicit.md

``--quick`` shows in a few minutes that everything runs. ``--only speed approach`` picks parts of the
benchmark, and ``--contenders Matinee "irspack, CG"`` picks contenders. ``--only translation`` checks every
line of ``docs/implicit.md`` with the libraries themselves. All answers are kept in ``.cache/implicit.json``.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import harness
import numpy as np
import translations
from harness import Contender, markdown_table, median, ratio
from parts import N_THREADS, Benchmark, main

# implicit calls BLAS from threads of its own. The others use BLAS only to evaluate the objective.
ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1"}


def contender(name: str, script: str, **options: object) -> Contender:
    if script.startswith("matinee"):
        return Contender(name, script, ".venv", options, ONE_BLAS_THREAD)
    return Contender(name, script, options=options, variables=ONE_BLAS_THREAD)


MATINEE = [
    contender("Matinee", "matinee_implicit.py", solver="cholesky"),
    contender("Matinee, CG", "matinee_implicit.py", solver="cg"),
    contender("Matinee, subspace", "matinee_implicit.py", solver="subspace"),
]
# The same problems and solvers with momentum: fewer iterations, each at the same cost.
MOMENTUM = [
    contender(f"{each.name}, momentum", "matinee_implicit.py", **each.options, momentum=0.6)
    for each in MATINEE
]
IMPLICIT = [
    contender("implicit, CG", "implicit_als.py", use_cg=True),
    contender("implicit, Cholesky", "implicit_als.py", use_cg=False),
]
IRSPACK = [
    contender("irspack, Cholesky", "irspack_als.py", solver="CHOLESKY"),
    contender("irspack, CG", "irspack_als.py", solver="CG"),
    # Of blocks of 8, 16, 32 and 64 (its default), blocks of 16 reach the objective fastest at both ranks.
    contender("irspack, iALS++", "irspack_als.py", solver="IALSPP", subspace=16),
]
EVERYBODY = [*MATINEE, *IMPLICIT, *IRSPACK]
EXACT = [MATINEE[0], IRSPACK[0]]
# With its default loss, which gives a seen item the target 1 / (1 + α₀).
IRSPACK_TUNED = contender("irspack, Cholesky", "irspack_als.py", solver="CHOLESKY", loss="IALSPP")
TUNED = [MATINEE[0], IRSPACK_TUNED]

# A problem that all three libraries can solve: implicit has no ν. It is among the best with ν = 0 on ML-1M.
PROBLEM = {"regularization": 50.0, "alpha": 5.0, "unobserved_weight": 1.0, "nu": 0.0}
# The same problem with so little regularisation that it is hard for every solver.
LOOSE = {**PROBLEM, "regularization": 1.0}
# A problem among the best with ν = 1, which Matinee and irspack have.
QUALITY = {"regularization": 0.01, "alpha": 1.0, "unobserved_weight": 0.3, "nu": 1.0}
QUALITY_RANK = 64
N_ITERATIONS = 16

# irspack searches up to this number.
MOST_FACTORS = 300

NEAR = 1.005


class Implicit(Benchmark):
    """The parts of this benchmark."""

    defaults: ClassVar = {**Benchmark.defaults, "parameters": PROBLEM}

    def speed(self) -> str:
        """Seconds per iteration on MovieLens 1M, all contenders in turn."""
        data = harness.movielens_1m_by_user(seed=0)
        iterations = [1, 3] if self.quick else [2, 7]
        return self.timed(data, "MovieLens 1M, 80 % of each user's", (64, 128), iterations)

    def large(self) -> str:
        """Seconds per iteration and peak memory on the synthetic ratings."""
        ranks = (64,) if self.quick else (64, 128)
        data = harness.synthetic_20m()
        return self.timed(data, f"{n_ratings(data):,} synthetic ratings", ranks, [1, 2 if self.quick else 3])

    def timed(self, data: Path, title: str, ranks: Sequence[int], iterations: Sequence[int]) -> str:
        sections = []
        for rank in ranks:
            job = {"task": "speed", "data": str(data), "rank": rank, "iterations": iterations}
            answers = self.run(f"{title}, rank {rank}", EVERYBODY, job, rounds=self.rounds)
            sections.append(f"### Seconds per iteration, {title}, rank {rank}\n\n{speed_table(answers)}")
        return "\n\n".join(sections)

    def approach(self) -> str:
        """Seconds until the objective is within 0.5 % of the best one in 100 exact iterations."""
        data = str(harness.movielens_1m_by_user(seed=0))
        problems = (PROBLEM,) if self.quick else (PROBLEM, LOOSE)
        return "\n\n".join(
            self.approach_at(rank, data, problem) for problem in problems for rank in (64, 128)
        )

    def approach_at(self, rank: int, data: str, problem: dict) -> str:
        job = {"task": "approach", "data": data, "rank": rank, "parameters": problem}
        what = f"rank {rank}, λ = {problem['regularization']:g}"
        # The reference always runs first, since contenders stop when they are near it.
        reference = harness.run(
            MATINEE[0], {"threads": N_THREADS, **job, "n_iterations": 10 if self.quick else 100}
        )
        best = min(objective for _, objective in reference["curve"])
        job |= {"n_iterations": 10 if self.quick else 60, "until": NEAR * best}
        answers = self.run(f"approach, {what}", [*MOMENTUM, *EVERYBODY], job, rounds=min(self.rounds, 3))
        note = (
            "Everybody from the same start, towards the same objective; 100 exact iterations bring it to "
            f"{best:,.0f}. Matinee's seconds are those of a whole fit, its last half-step included; "
            "«loop» leaves that out."
        )
        title = f"Seconds to within 0.5 % of the converged objective, MovieLens 1M, {what}"
        return f"### {title}\n\n{note}\n\n{approach_table(answers, NEAR * best)}"

    def quality(self) -> str:
        """NDCG@10 and Recall@20 of all contenders on the same problem, over five splits and starts."""
        job = {
            "task": "quality",
            "rank": QUALITY_RANK,
            "n_iterations": N_ITERATIONS,
            "parameters": QUALITY,
        }
        rows = self.over_seeds("quality", EXACT, dict.fromkeys((each.name for each in EXACT), job))
        settings = ", ".join(f"{name}={value:g}" for name, value in QUALITY.items())
        note = (
            f"Rank {QUALITY_RANK}, {N_ITERATIONS} iterations, {settings}. Mean ± standard deviation over "
            "splits and starts of different seeds."
        )
        table = markdown_table(["", "NDCG@10", "Recall@20", "seeds"], rows)
        return f"### Ranking, MovieLens 1M, the same parameters\n\n{note}\n\n{table}"

    def tuned(self) -> str:
        """The same figures, each contender tuned by its own search with equally many trials.

        The searches use the training ratings of seed 0.
        """
        n_trials = 2 if self.quick else 20
        data = harness.movielens_1m_by_user(seed=0)
        found = {}
        for each, given in zip(TUNED, (data, harness.validation_of(data)), strict=True):
            job = {"task": "tuned", "data": str(given), "n_trials": n_trials, "most_factors": MOST_FACTORS}
            for name, answers in self.run(f"search, {each.name}", [each], job).items():
                if "found" in answers[0]:
                    found[name] = answers[0]["found"]
        rows = self.over_seeds(
            "tuned", TUNED, {name: {"task": "quality", **setting} for name, setting in found.items()}
        )
        table = markdown_table(
            ["", "NDCG@10", "Recall@20", "seeds", "found"],
            [(*row, described(found[row[0]])) for row in rows],
        )
        note = (
            f"{n_trials} trials each: `matinee.tune`, and irspack's `tune` with its default loss and up to "
            f"{N_ITERATIONS} epochs; of up to {MOST_FACTORS} factors, by NDCG@10 on a fifth of each user's "
            "training ratings of seed 0."
        )
        return f"### Ranking, MovieLens 1M, tuned\n\n{note}\n\n{table}"

    def over_seeds(self, title: str, contenders: Sequence[Contender], jobs: dict[str, dict]) -> list[tuple]:
        """A row for each contender: the mean and deviation of its metrics over the splits."""
        answers: dict[str, list[dict]] = {name: [] for name in jobs}
        for seed in range(2 if self.quick else 5):
            data = str(harness.movielens_1m_by_user(seed=seed))
            for each in contenders:
                if each.name in jobs:
                    job = {**jobs[each.name], "data": data, "seed": seed}
                    for name, given in self.run(f"{title}, {each.name}, seed {seed}", [each], job).items():
                        answers[name] += given
        return [
            (name, mean_and_deviation(given, "ndcg"), mean_and_deviation(given, "recall"), len(given))
            for name, given in answers.items()
            if given
        ]

    def translation(self) -> str:
        """The largest difference from the peer's own factors, for every line of the translation page."""
        rows = [self.translated(line) for line in translations.lines(harness.small_strengths())]
        header = ["", "their parameters", "ours", "largest relative difference"]
        return f"### Translations, checked against the libraries\n\n{markdown_table(header, rows)}"

    def translated(self, line: translations.Line) -> tuple[object, ...]:
        factors = harness.CACHE / "translation.npz"
        factors.unlink(missing_ok=True)
        job = {
            "task": "translation",
            "data": str(harness.small_strengths()),
            "rank": 8,
            "n_iterations": 3,
            "factors": str(factors),
            "half_step": line.half_step,
            "parameters": line.ours,
        }
        theirs = contender(line.library, line.script, **line.options)
        self.run(f"{line.library}, {described(line.native)}", [theirs], {**job, **line.native_job})
        ours = contender("Matinee", "matinee_implicit.py", **line.rule)
        answers = self.run(f"Matinee, {described(line.ours)}", [ours], job)
        difference = median(answers.get("Matinee", []), "difference")
        found = None if difference is None else f"{difference:.1e}"
        return line.title, described(line.native), described(line.ours), found


def speed_table(answers: dict[str, list[dict]]) -> str:
    """Median seconds per iteration, their spread over the rounds, the ratio to Matinee's, and peak memory."""
    own = median(answers.get("Matinee", []), "seconds")
    rows = []
    for name, given in answers.items():
        seconds, memory = median(given, "seconds"), median(given, "peak_mib")
        rows.append((name, seconds, spread(given), ratio(seconds, own), memory and round(memory)))
    return markdown_table(["", "seconds", "min – max", "times Matinee's Cholesky", "peak MiB"], rows)


def spread(answers: Sequence[dict]) -> str | None:
    values = [answer["seconds"] for answer in answers if "seconds" in answer]
    return f"{min(values):.3g} – {max(values):.3g}" if values else None


def approach_table(answers: dict[str, list[dict]], near: float) -> str:
    """The time at which each contender is near enough to the objective, and its distance at the end."""
    reached = {
        name: [first_below(answer.get("curve", []), near) for answer in given]
        for name, given in answers.items()
    }
    own = min(
        (time for name, found in reached.items() if name.startswith("Matinee") if (time := middle(found))),
        default=None,
    )
    rows = []
    for name, given in answers.items():
        seconds = middle(reached[name])
        loop = middle([first_below(answer.get("loop", []), near) for answer in given])
        iterations = next((found[1] for found in reached[name] if found), None)
        rows.append((name, seconds, ratio(seconds, own), iterations, loop))
    header = ["", "seconds", "times Matinee's best", "iterations", "loop"]
    return markdown_table(header, rows)


def first_below(curve: Sequence[Sequence[float]], near: float) -> tuple[float, int] | None:
    """The seconds and iterations until a curve is below a value; None if it never is."""
    for place, (seconds, objective) in enumerate(curve, start=1):
        if objective <= near:
            return seconds, place
    return None


def middle(found: Sequence[tuple[float, int] | None]) -> float | None:
    """The median of the seconds; None if a round did not get there."""
    return None if None in found or not found else statistics.median(seconds for seconds, _ in found)


def mean_and_deviation(answers: Sequence[dict], key: str) -> str | None:
    values = [answer[key] for answer in answers if key in answer]
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.4f} ± {deviation:.4f}"


def described(setting: dict) -> str:
    """The parameters as they are written in a call."""
    flat = {
        **{name: value for name, value in setting.items() if name not in ("parameters", "native")},
        **setting.get("parameters", setting.get("native", {})),
    }
    return ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in flat.items()
    )


def n_ratings(data: Path) -> int:
    with np.load(data) as arrays:
        return len(arrays["train_ratings"])


PARTS = {
    "speed": Implicit.speed,
    "large": Implicit.large,
    "approach": Implicit.approach,
    "quality": Implicit.quality,
    "tuned": Implicit.tuned,
    "translation": Implicit.translation,
}


if __name__ == "__main__":
    main("implicit", Implicit, PARTS, "Implicit feedback beside its peers.")
