"""Compares the lists that models make: do they hold what people watch, and what people like?

    sh benchmarks/peers.sh
    MATINEE_DATA=FOLDER .venv/bin/python benchmarks/lists.py --output docs/benchmarks/lists.md

``known`` ranks the full catalogue for people who have a fifth of their ratings held out, ``visitors`` for
people whom no model has seen, and ``speed`` measures the default recommender. ``--quick`` shows in a few
minutes that everything runs. All answers are kept in ``.cache/lists.json``.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import harness
import list_data
from harness import Contender, markdown_table, median
from parts import Benchmark, main

ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
DATASETS = ("MovieLens 1M", "MovieLens 100K", list_data.CINEMA)
SEEDS = (0, 1)

BLENDS = (0.1, 0.2, 0.3, 0.4, 0.5)
LOG_WEIGHTS = (0.3, 0.5)
TOLD = (1, 3, 5, 10, 50)


@dataclass(frozen=True)
class Entry:
    """A row of the table: a contender, with the settings that the inner split chooses from.

    Parameters
    ----------
    contender : Contender
    settings : sequence of dict
        Options of the job. The one with the highest sum of both NDCGs on the inner split is taken, and a
        single one without a search.
    """

    contender: Contender
    settings: Sequence[dict] = ({},)


def matinee(name: str, kind: str, settings: Sequence[dict] = ({},), **parameters: object) -> Entry:
    """A row of one of Matinee's models; the settings are parameters of the model."""
    jobs = [{"model": {"kind": kind, **parameters, **setting}} for setting in settings]
    return Entry(Contender(f"Matinee, {name}", "matinee_lists.py", ".venv", variables=ONE_BLAS_THREAD), jobs)


def peer(name: str, script: str, settings: Sequence[dict], **options: object) -> Entry:
    """A row of a peer."""
    jobs = [{"parameters": setting} for setting in settings]
    return Entry(Contender(name, script, options=options, variables=ONE_BLAS_THREAD), jobs)


# Each library's implicit ALS chooses among four settings. Of 128 factors where they are regularised by the
# number of ratings; implicit and LensKit give the unseen a weight of 1 and all rows the same ridge.
RIDGES = (0.006, 0.012, 0.02, 0.03)
IALS = [
    {"n_factors": 128, "regularization": ridge, "unobserved_weight": 0.3, "n_iterations": 12}
    for ridge in RIDGES
]
EVEN_RIDGES = [{"weight": weight, "ridge": ridge} for weight in (1.0, 4.0) for ridge in (10.0, 40.0)]
MOST_POPULAR = matinee("most popular", "MostPopular")
DEFAULT = matinee("`Recommender()`", "Recommender")
# The best settings by the error of stars: those of docs/benchmarks.md.
STARS = [
    matinee("`ALS`, 20 factors, λ = 0.07", "ALS", n_factors=20, regularization=0.07, n_iterations=20),
    matinee(
        "`ALS` tuned for stars",
        "ALS",
        n_factors=30,
        regularization=0.3,
        weighting=0.75,
        biases=False,
        n_iterations=12,
    ),
    matinee("`BayesianALS` tuned for stars", "BayesianALS", n_factors=32, n_samples=200),
]
GRADED = matinee("`ImplicitALS`, `grading=0.2`", "ImplicitALS", IALS, grading=0.2)
WATCH = [
    matinee("`ImplicitALS`, everything seen", "ImplicitALS", IALS, values="presence"),
    matinee("`ImplicitALS`, `threshold=4`", "ImplicitALS", IALS, threshold=4),
    GRADED,
    matinee("`ItemRidge`", "ItemRidge", [{"regularization": ridge} for ridge in (30.0, 60.0, 100.0, 200.0)]),
]
PEERS = [
    peer(
        "irspack, iALS",
        "irspack_lists.py",
        [{"n_components": 128, "reg": ridge, "alpha0": 0.3, "train_epochs": 12} for ridge in RIDGES],
    ),
    peer(
        "implicit, ALS",
        "implicit_lists.py",
        [{"factors": 64, "regularization": each["ridge"], "alpha": each["weight"]} for each in EVEN_RIDGES],
    ),
    peer(
        "LensKit, ImplicitMF",
        "lenskit_lists.py",
        [
            {"embedding_size": 64, "regularization": each["ridge"], "weight": each["weight"]}
            for each in EVEN_RIDGES
        ],
    ),
]


class Lists(Benchmark):
    """The parts of this benchmark."""

    defaults: ClassVar = {**Benchmark.defaults, "seed": 0}

    @property
    def datasets(self) -> Sequence[str]:
        """All data, but only the built-in cinema for a quick run, which needs no files then."""
        return DATASETS[-1:] if self.quick else DATASETS

    @property
    def seeds(self) -> Sequence[int]:
        return SEEDS[:1] if self.quick else SEEDS

    def known(self) -> str:
        """The figures of known people's lists, of all models and peers."""
        return "\n\n".join(map(self.known_on, self.datasets))

    def known_on(self, name: str) -> str:
        rows: dict[str, list[dict]] = {}
        notes = []
        graded = None
        for entry in (MOST_POPULAR, *STARS, *WATCH, *PEERS):
            chosen = self.choose(name, entry)
            if chosen is None:
                continue
            if entry is GRADED:
                graded = chosen
            rows[entry.contender.name] = self.over_seeds(name, entry, {"task": "known", **chosen})
            if len(entry.settings) > 1:
                notes.append(f"{entry.contender.name}: {described(chosen)}")
        rows |= self.blended(name)
        if graded is not None:
            watch = [graded["model"], self.choose(name, WATCH[-1])["model"]]
            both = matinee("`Recommender(watch=[graded, ItemRidge])`", "Recommender", watch=watch)
            job = {"task": "known", **both.settings[0]}
            rows[both.contender.name] = self.over_seeds(name, both, job)
        chosen_note = "Chosen on the inner split: " + "; ".join(notes) + "." if notes else ""
        return f"### {name}: known people\n\n{known_table(rows)}\n\n{chosen_note}"

    def blended(self, name: str) -> dict[str, list[dict]]:
        """The default recommender, with other blends, and in the log form."""
        rows: dict[str, list[dict]] = {}
        job = DEFAULT.settings[0]
        rows[DEFAULT.contender.name] = self.over_seeds(name, DEFAULT, {"task": "known", **job})
        for task, word, key, values in (
            ("blends", "blend", "blends", BLENDS),
            ("log_form", "log form, c", "weights", LOG_WEIGHTS),
        ):
            entry = replace(
                DEFAULT, contender=replace(DEFAULT.contender, name=f"Matinee, `Recommender`, {word}")
            )
            answers = self.over_seeds(name, entry, {"task": task, key: values, **job})
            for value in values:
                found = [each[key][f"{value:g}"] for each in answers if key in each]
                rows[f"{entry.contender.name} = {value:g}"] = found
        return rows

    def choose(self, name: str, entry: Entry) -> dict | None:
        """The setting with the best lists on the inner split; None if the contender takes no part."""
        if self.chosen is not None and entry.contender.name not in self.chosen:
            return None
        settings = entry.settings[:2] if self.quick else entry.settings
        if len(settings) == 1:
            return dict(settings[0])
        data = str(list_data.inner(name, 0))
        scores = []
        for setting in settings:
            title = f"{name}, inner, {entry.contender.name}, {described(setting)}"
            [answer] = self.run_once(title, entry, {"task": "known", "data": data, **setting})
            scores.append(answer.get("all", 0.0) + answer.get("liked", 0.0))
        return dict(settings[scores.index(max(scores))])

    def over_seeds(self, name: str, entry: Entry, job: dict) -> list[dict]:
        answers = []
        for seed in self.seeds:
            data = str(list_data.known(name, seed))
            title = f"{name}, {entry.contender.name}, {job['task']}, seed {seed}"
            answers += self.run_once(title, entry, {**job, "data": data, "seed": seed})
        return answers

    def run_once(self, title: str, entry: Entry, job: dict) -> list[dict]:
        """The answer to a job of one contender, if it takes part."""
        return self.run(title, [entry.contender], job).get(entry.contender.name, [])

    def visitors(self) -> str:
        """The figures of people whom the models have never seen."""
        return "\n\n".join(map(self.visitors_on, self.datasets))

    def visitors_on(self, name: str) -> str:
        told = TOLD[:3] if self.quick else TOLD
        job = {"task": "visitors", "data": str(list_data.visitors(name)), "told": told}
        if self.quick:
            job["most"] = 50  # type: ignore[assignment]
        graded = matinee("`Recommender(blend=0)`", "Recommender", blend=0.0)
        entries = [MOST_POPULAR, STARS[0], DEFAULT, graded]
        answers = {
            entry.contender.name: answer["told"]
            for entry in entries
            for answer in self.run_once(
                f"{name}, visitors, {entry.contender.name}", entry, {**job, **entry.settings[0]}
            )
            if "told" in answer
        }
        sections = [f"### {name}: visitors", visitors_table(answers, told)]
        default = answers.get(DEFAULT.contender.name)
        if default:
            sections.append(stars_table(default, told))
        return "\n\n".join(sections)

    def speed(self) -> str:
        """Seconds of the default fit, and milliseconds of a person's list."""
        rows = []
        files = {name: list_data.known(name, 0) for name in self.datasets}
        if not self.quick:
            files["MovieLens 20M's shape"] = harness.synthetic_20m()
        for name, path in files.items():
            job = {"task": "speed", "data": str(path), **DEFAULT.settings[0]}
            answers = self.run(f"{name}, speed", [DEFAULT.contender], job, rounds=min(self.rounds, 3))
            given = answers.get(DEFAULT.contender.name, [])
            keys = ("fit_seconds", "file_mib", "list_ms", "reasons_ms", "visitor_ms", "visitor_p99_ms")
            rows.append((name, *(median(given, key) for key in (*keys, "peak_mib"))))
        header = ["", "fit, s", "file, MiB", "list, ms", "with reasons, ms", "visitor's, ms", "p99, ms"]
        header.append("peak MiB")
        return f"### The default recommender\n\n{markdown_table(header, rows)}"


def known_table(rows: dict[str, list[dict]]) -> str:
    """The mean of each figure over the seeds."""
    header = ["", "all", "liked", "bad", "mean stars of hits", "coverage"]
    return markdown_table(header, [(name, *means(given)) for name, given in rows.items()])


def means(answers: Sequence[dict]) -> tuple[str | None, ...]:
    shapes = {"all": "{:.3f}", "liked": "{:.3f}", "bad": "{:.1%}", "stars": "{:.2f}", "coverage": "{:.2f}"}
    return tuple(
        shown(shape, [each[key] for each in answers if key in each]) for key, shape in shapes.items()
    )


def shown(shape: str, values: Sequence[float]) -> str | None:
    return shape.format(statistics.mean(values)) if values else None


def visitors_table(answers: dict[str, dict], told: Sequence[int]) -> str:
    """NDCG of what was liked, beside that of the most popular."""
    popular = answers.get(MOST_POPULAR.contender.name, {})
    rows = []
    for name, by_told in answers.items():
        cells = []
        for h in map(str, told):
            times = f" ({by_told[h]['liked'] / popular[h]['liked']:.2f}×)" if h in popular else ""
            cells.append(f"{by_told[h]['liked']:.3f}{times}")
        rare = max(by_told[str(h)]["rare"] for h in told)
        rows.append((name, *cells, f"{rare:.1%}"))
    header = ["liked, by ratings told", *map(str, told), "rare among twelve"]
    return markdown_table(header, rows)


def stars_table(by_told: dict[str, dict], told: Sequence[int]) -> str:
    """The default's stars: errors beside those of item means, intervals, and promises of the best."""
    rows = [
        (
            h,
            f"{by_told[str(h)]['rmse']:.3f}",
            f"{by_told[str(h)]['mean_rmse']:.3f}",
            f"{by_told[str(h)]['held']:.1%}",
            f"{by_told[str(h)]['near_greatest']:.1%}",
        )
        for h in told
    ]
    header = ["ratings told", "RMSE", "of item means", "90 % interval holds", "guesses of the greatest"]
    return markdown_table(header, rows)


def described(setting: dict) -> str:
    """The parameters as they are written in a call."""
    given = setting.get("model") or setting.get("parameters", {})
    return ", ".join(f"{name}={value}" for name, value in given.items() if name != "kind")


PARTS = {"known": Lists.known, "visitors": Lists.visitors, "speed": Lists.speed}


if __name__ == "__main__":
    main("lists", Lists, PARTS, "Lists of films beside most popular and the peers.")
