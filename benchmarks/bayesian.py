"""Compares BayesianALS with SMURFF, cmfrec, Surprise and LensKit: accuracy, sweeps, cold start, serving.

    sh benchmarks/peers.sh
    MATINEE_DATA=FOLDER .venv/bin/python benchmarks/bayesian.py --output docs/benchmarks/bayesian.md

``--quick`` shows in a few minutes that everything runs. ``--only accuracy cold`` picks parts of the
benchmark, and ``--contenders Matinee SMURFF`` picks contenders. All answers are kept in
``.cache/bayesian.json``.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

import explicit
import harness
import numpy as np
import polars as pl
from harness import Contender, markdown_table
from parts import Benchmark, main

import matinee

ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
SEEDS = (0, 1, 2)
FOLDS = range(1, 6)


def sampler(name: str, **options: object) -> Contender:
    return Contender(name, "matinee_bayes.py", ".venv", options, ONE_BLAS_THREAD)


# The settings on MovieLens 1M, with as many factors and samples as pay off; the curves show fewer of them.
PLAIN = sampler("Matinee", parameters={"n_factors": 64, "n_samples": 400})
IMPLICIT = sampler("Matinee, implicit", parameters={"n_factors": 50, "n_samples": 400, "implicit": True})
EVERYTHING = sampler(
    "Matinee, implicit and features",
    parameters={"n_factors": 64, "n_samples": 600, "implicit": True},
    with_features=True,
)
OWN_NOISE = sampler(
    "Matinee, implicit, features and noise of their own",
    parameters={"n_factors": 64, "n_samples": 600, "implicit": True, "user_noise": True, "item_noise": True},
    with_features=True,
)
SMURFF = Contender("SMURFF", "smurff_bpmf.py", options={"tuned": "ml-1m"}, variables=ONE_BLAS_THREAD)
SMURFF_FEATURES = Contender(
    "SMURFF, features",
    "smurff_bpmf.py",
    options={"tuned": "ml-1m", "with_features": True},
    variables=ONE_BLAS_THREAD,
)
SVDPP = Contender("Surprise SVD++", "surprise_svd.py", options={"tuned": "svd++"})
PEERS = [SMURFF, SMURFF_FEATURES, explicit.CMFREC, explicit.CMFREC_IMPLICIT_FEATURES, explicit.LENSKIT]

# The settings on MovieLens 100K, which has a tenth of the ratings.
SMALL = [
    sampler("Matinee", parameters={"n_factors": 32, "n_samples": 1000, "n_kept": 1000}),
    sampler("Matinee, features", parameters={"n_factors": 32, "n_samples": 1000}, with_features=True),
    sampler("Matinee, implicit", parameters={"n_factors": 32, "n_samples": 1000, "implicit": True}),
    sampler(
        "Matinee, implicit and features",
        parameters={"n_factors": 32, "n_samples": 1000, "implicit": True},
        with_features=True,
    ),
]

# The curves, and what a fit has to come to in how long.
CURVES = [
    sampler(f"plain, {rank} factors", parameters={"n_factors": rank, "n_samples": 400})
    for rank in (10, 32, 64)
] + [
    sampler(f"implicit, {rank} factors", parameters={"n_factors": rank, "n_samples": 400, "implicit": True})
    for rank in (10, 32)
]
SAMPLES_SHOWN = (10, 50, 100, 200, 400)
GOALS = {"plain": 0.830, "implicit": 0.822}

COLD = [
    sampler("without features", parameters={"n_factors": 32, "n_samples": 200}),
    sampler("with genres and year", parameters={"n_factors": 32, "n_samples": 200}, with_features=True),
]
# People rate movies that they expect to like, so the mean over movies is lower than the mean over ratings.
COLD_FIGURES = ("mean_error", "rmse_by_item")
KEPT = (10, 25, 50, 100, 200)


class Bayesian(Benchmark):
    """The parts of this benchmark."""

    def accuracy(self) -> str:
        """Test RMSE on MovieLens 1M, and the share of ratings within the intervals; not timed."""
        answers = harness.gather(map(self.accuracy_on, SEEDS[: 1 if self.quick else None]))
        table = markdown_table(
            ["", "test RMSE", "each split", "90 % interval holds", "50 %"],
            [accuracy_row(name, given) for name, given in answers.items()],
        )
        return f"### Test RMSE, MovieLens 1M, random 90/10\n\n{table}"

    def accuracy_on(self, seed: int) -> dict[str, list[dict]]:
        # Surprise's SVD++ takes by far the longest, and one split is enough to compare it.
        contenders = [PLAIN, IMPLICIT, EVERYTHING, OWN_NOISE, *PEERS, *([] if seed else [SVDPP])]
        data = str(harness.movielens_1m(test_size=0.1, seed=seed))
        job = {"task": "accuracy", "data": data, "seed": seed, "tuned": "ml-1m"}
        return self.each(f"accuracy, MovieLens 1M, seed {seed}", contenders, job)

    def folds(self) -> str:
        """The same figures as `accuracy` on the original folds of MovieLens 100K."""
        answers = harness.gather(map(self.fold, FOLDS))
        table = markdown_table(
            ["", "mean RMSE", "u1 … u5", "90 % interval holds", "50 %"],
            [accuracy_row(name, given) for name, given in answers.items()],
        )
        return f"### Test RMSE, MovieLens 100K, the splits u1 … u5\n\n{table}"

    def fold(self, number: int) -> dict[str, list[dict]]:
        job = {"task": "accuracy", "data": str(harness.movielens_100k_fold(number))}
        return self.each(f"accuracy, MovieLens 100K u{number}", SMALL, job, "ml-100k")

    def speed(self) -> str:
        """Seconds per sweep at rank 32, all contenders in turn."""
        data = harness.movielens_1m(test_size=0.1)
        sweep = {"n_factors": 32, "n_samples": 10, "n_burn_in": 1}
        contenders = [
            sampler("Matinee", parameters=sweep, follow=False),
            sampler("Matinee, implicit", parameters={**sweep, "implicit": True}, follow=False),
            SMURFF,
        ]
        job = {"task": "speed", "data": str(data), "rank": 32, "iterations": [2, 12]}
        answers = self.run("sweeps, MovieLens 1M, rank 32", contenders, job, rounds=self.rounds)
        return f"### Seconds per sweep, MovieLens 1M 90/10, rank 32\n\n{explicit.speed_table(answers)}"

    def curves(self) -> str:
        """RMSE of the running average for different numbers of samples, factors and seconds."""
        job = {"task": "accuracy", "data": str(harness.movielens_1m(test_size=0.1))}
        answers = self.run("curves", CURVES[: 1 if self.quick else None], job)
        rows = [curve_row(name, given) for name, given in answers.items()]
        header = ["", *(f"{n} samples" for n in SAMPLES_SHOWN), "seconds a sweep", "seconds to", "of RMSE"]
        return f"### RMSE of the running average, MovieLens 1M, seed 0\n\n{markdown_table(header, rows)}"

    def cold(self) -> str:
        """RMSE on a tenth of the movies, none of whose ratings are in training."""
        answers = harness.gather(map(self.cold_on, SEEDS[: 1 if self.quick else None]))
        table = markdown_table(
            ["", "test RMSE", "each split", "90 % interval holds", "50 %", "mean error", "RMSE by movie"],
            [
                (*accuracy_row(name, given), *(mean(answer[key] for answer in given) for key in COLD_FIGURES))
                for name, given in answers.items()
            ],
        )
        return f"### Movies without any rating, a tenth of MovieLens 1M's\n\n{table}"

    def cold_on(self, seed: int) -> dict[str, list[dict]]:
        job = {"task": "accuracy", "data": str(harness.movielens_1m_cold(seed=seed)), "seed": seed}
        return self.each(f"cold movies, seed {seed}", COLD, job, kinds=("item",))

    def serving(self) -> str:
        """The costs and benefits of kept samples at rank 32."""
        job = {
            "task": "serving",
            "data": str(harness.movielens_1m(test_size=0.1)),
            "kept": KEPT[: 1 if self.quick else None],
            "follow": False,
        }
        answers = self.run("serving", [sampler("Matinee", parameters={"n_samples": 200})], job)
        rows = [
            (row["kept"], f"{row['rmse']:.4f}", round(row["mib"]), *(1e3 * row[name] for name in SERVED))
            for row in answers["Matinee"][0].get("rows", [])
        ]
        header = ["samples kept", "test RMSE", "MiB", *(f"{title}, ms" for title in SERVED.values())]
        return f"### What is kept, MovieLens 1M, rank 32, 200 samples\n\n{markdown_table(header, rows)}"

    def each(
        self,
        title: str,
        contenders: Sequence[Contender],
        job: dict,
        dataset: str = "ml-1m",
        kinds: Sequence[str] = ("user", "item"),
    ) -> dict[str, list[dict]]:
        """The answers of contenders, those with features given the files and the encoded ones."""
        answers: dict[str, list[dict]] = {}
        for contender in contenders:
            more = {}
            if contender.options.get("with_features"):
                files = feature_files(dataset, kinds)
                more = {"features": files, "encoded": encoded(files, Path(job["data"]))}
            answers |= self.run(f"{title}, {contender.name}", [contender], {**job, **more})
        return answers


SERVED = {"recommend": "recommend", "score_all": "predict all movies", "fold_in": "fold in 20 ratings"}


def accuracy_row(name: str, given: Sequence[dict]) -> tuple[object, ...]:
    errors = [answer["rmse"] for answer in given if "rmse" in answer]
    if not errors:
        return name, None, given[0].get("error"), None, None
    shares = (mean(answer.get(f"held_by_{share}") for answer in given) for share in (0.9, 0.5))
    percentages = (None if share is None else f"{100 * share:.1f} %" for share in shares)
    splits = " ".join(f"{error:.4f}" for error in errors)
    return name, f"{statistics.mean(errors):.4f}", splits, *percentages


def curve_row(name: str, given: Sequence[dict]) -> tuple[object, ...]:
    curve = given[0].get("curve", [])
    n_before = 20
    shown = [
        f"{curve[n_before + n - 1][1]:.4f}" if len(curve) >= n_before + n else None for n in SAMPLES_SHOWN
    ]
    goal = GOALS[name.partition(",")[0]]
    reached = next((seconds for seconds, error in curve[n_before:] if error <= goal), None)
    return name, *shown, given[0].get("sweep_seconds"), reached, goal


def mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None


def feature_files(dataset: str, kinds: Sequence[str]) -> dict[str, str]:
    """The files about the users and movies of a dataset."""
    names = {
        "ml-1m": {"user": "users.dat", "item": "movies.dat"},
        "ml-100k": {"user": "u.user", "item": "u.item"},
    }
    return {kind: str(harness.data_folder() / dataset / names[dataset][kind]) for kind in kinds}


def encoded(files: dict[str, str], data: Path) -> dict[str, str]:
    """The features as matrices with a row for each code of a prepared dataset, for peers without frames."""
    found = {}
    for kind, file in files.items():
        path = data.with_name(f"{data.stem}-{kind}-features.npz")
        if not path.exists():
            with np.load(data) as arrays:
                ids = pl.DataFrame({kind: arrays[f"{kind}_ids"]})
            frame = matinee.read_users(file) if kind == "user" else matinee.read_movies(file).features()
            np.savez(path, features=one_hot(ids.join(frame, on=kind, how="left", maintain_order="left")))
        found[kind] = str(path)
    return found


def one_hot(frame: pl.DataFrame) -> np.ndarray:
    """The features as a matrix: a column for each category, and numbers scaled to mean 0 and deviation 1."""
    blocks = []
    for series in frame.iter_columns():
        if series.name in ("user", "item"):
            continue
        if series.dtype.is_numeric():
            values = series.to_numpy().astype(np.float64)
            blocks.append(((values - values.mean()) / values.std())[:, None])
            continue
        lists = series if series.dtype == pl.List else series.reshape((-1, 1)).arr.to_list()
        categories = lists.explode().drop_nulls().unique().sort()
        blocks.append(np.column_stack([lists.list.contains(each).to_numpy() for each in categories]))
    return np.hstack(blocks).astype(np.float32)


PARTS = {
    "accuracy": Bayesian.accuracy,
    "folds": Bayesian.folds,
    "speed": Bayesian.speed,
    "curves": Bayesian.curves,
    "cold": Bayesian.cold,
    "serving": Bayesian.serving,
}


if __name__ == "__main__":
    main("bayesian", Bayesian, PARTS, "Ratings with error bars beside their peers.")
