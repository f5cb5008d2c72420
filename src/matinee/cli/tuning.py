"""The command tune: searches for the best parameters, and fits a model with them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from matinee import plots
from matinee.cli import options
from matinee.cli.files import require_picture_format, require_writable, write_picture
from matinee.cli.fitting import ItemFeatures, UserFeatures, features_from, spelled_out
from matinee.cli.options import AsJson, RatingsSource
from matinee.cli.output import show_json, show_pairs
from matinee.cli.reading_options import Reading, with_reading_options
from matinee.cli.sources import ratings_from
from matinee.errors import DataError
from matinee.plots.canvas import require_matplotlib
from matinee.tuning import TuningResult
from matinee.tuning import tune as search
from matinee.tuning.tuning import tunable_models

Trials = Annotated[
    int,
    typer.Option(min=1, max=100_000, metavar="N", help="Number of all trials, with those in the study file."),
]
ModelName = Annotated[
    str, typer.Option("--model", metavar="NAME", help=f"Kind of model: {', '.join(tunable_models())}.")
]
StudyPath = Annotated[
    Path | None,
    typer.Option(
        "--study", metavar="FILE", help="Keep the trials in this file, and continue if it has some."
    ),
]
PicturePath = Annotated[
    Path | None,
    typer.Option("--picture", metavar="FILE", help="Draw the trials into this file (.png or .svg)."),
]
Timeout = Annotated[
    float | None, typer.Option(min=0, metavar="SECONDS", help="Start no trial after this time.")
]
MaxFactors = Annotated[
    int,
    typer.Option("--max-factors", min=1, max=10_000, metavar="N", help="Largest number of factors to try."),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the split, the search and the fits.")]
HalfLife = Annotated[
    str | None,
    typer.Option(
        "--half-life",
        metavar="AGE",
        help="Age at which a rating counts half, such as 180d, in every fit; trials are then judged on the "
        "latest ratings.",
    ),
]
STOPPED = {"timeout": "by the timeout", "interrupt": "by Ctrl-C"}


@with_reading_options
def tune(
    ratings: RatingsSource,
    output: options.ModelOutput,
    trials: Trials = 30,
    model: ModelName = "als",
    study: StudyPath = None,
    picture: PicturePath = None,
    timeout: Timeout = None,
    max_factors: MaxFactors = 256,
    seed: Seed = 0,
    threads: options.Threads = None,
    half_life: HalfLife = None,
    users: UserFeatures = None,
    movies: ItemFeatures = None,
    as_json: AsJson = False,
    *,
    reading: Reading,
) -> None:
    """Find the best parameters, and fit a model with them.

    The model is fitted to all ratings. Ctrl-C ends the search early, and saves a model with the best
    parameters so far.
    """
    require_writable(output)
    if picture is not None:
        require_picture_format(require_writable(picture))
        require_matplotlib()
    kinds = tunable_models()
    features = features_from(model not in kinds or kinds[model].takes_features, users, movies)
    began = time.perf_counter()
    found = search(
        ratings_from(ratings, reading),
        _ageing(model, half_life, seed) if half_life is not None else model,
        by=None if half_life is None else "time",
        n_trials=trials,
        random_state=seed,
        max_factors=max_factors,
        study=study,
        timeout=timeout,
        n_threads=threads,
        **features,
    )
    found.best_model.save(output)
    if picture is not None:
        write_picture(plots.tuning(found).figure, picture, dpi=150)
    seconds = time.perf_counter() - began
    if as_json:
        show_json({"output": str(output), "model": model, **_document(found), "seconds": seconds})
    else:
        show_pairs([*_pairs(found), ("time", f"{seconds:.1f} s"), ("saved", str(output))])


def _ageing(name: str, half_life: str, seed: int) -> Any:
    """An unfitted model with this half-life; the name itself of no model, which `tune` refuses."""
    kinds = tunable_models()
    if name not in kinds:
        return name
    if "half_life" not in kinds[name].parameter_names():
        raise DataError(f"--half-life does not work with --model {name}; leave it out")
    kind: Any = kinds[name]
    return kind(half_life=half_life, random_state=seed)


def _document(found: TuningResult) -> dict[str, Any]:
    return {
        "metric": found.metric,
        "best_value": found.best_value,
        "first_value": found.first_value,
        "best_params": found.best_params,
        "parameters": found.best_model.get_params(),
        "stopped_by": found.stopped_by,
        "trials": found.trials.to_dicts(),
    }


def _pairs(found: TuningResult) -> list[tuple[str, str]]:
    counts = found.trials["state"].value_counts(sort=True).iter_rows()
    trials = ", ".join(f"{count} {state}" for state, count in counts)
    if found.stopped_by is not None:
        trials += f"; stopped {STOPPED[found.stopped_by]}"
    metric = f"{found.metric.upper().replace('_', ' ')} on ratings held out"
    return [
        ("best", spelled_out(found.best_model)),
        (metric, f"{found.best_value:.4f} (with the defaults {found.first_value:.4f})"),
        ("trials", trials),
    ]
