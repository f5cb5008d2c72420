"""Prints the demo: the result of each step, and what to try next."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from pathlib import Path

from matinee.cli.answering import show_ranked
from matinee.cli.demo_run import NEWCOMER, VIEWER, WELL_KNOWN, DemoRun, Tip
from matinee.cli.fitting import spelled_out
from matinee.cli.output import Column, show, show_table
from matinee.datasets import Movies
from matinee.models import Model

WIDEST_LINE = 100


def tell(run: DemoRun) -> None:
    """Print the demo step by step."""
    _heading("The ratings")
    show(str(run.ratings.describe()))
    _heading("The fit")
    *watch, stars = run.model.parts
    for part in watch:
        _show_wrapped(f"ranks by what people watch: {spelled_out(part)}")
    _show_wrapped(f"and by the stars they would give: {spelled_out(stars)}")
    show(f"{len(run.train):,} ratings to learn from, {len(run.test):,} to test on\n")
    _show_course(run.model)
    _heading("The evaluation, on ratings that the model has not seen")
    show(f"{run.evaluation}\n")
    show(f"RMSE of a model with biases but without tastes: {run.biases_alone.rmse:.4f}")
    _heading(f"The films most like {WELL_KNOWN}")
    show_ranked(run.alike(), run.titles, score_name="similarity")
    _heading(f"For viewer {VIEWER}")
    _show_tips(run.tips_for_viewer(), run.movies)
    _heading("For a newcomer, without another fit")
    _show_wrapped("who rated " + ", ".join(f"{title} {stars:g}" for title, stars in NEWCOMER.items()))
    show("")
    _show_tips(run.tips_for_newcomer(), run.movies)


def tell_next_commands(run: DemoRun, folder: Path) -> None:
    """Print commands to try next, on the files that the demo has written."""
    _heading("Try next")
    for words in _on_files(run, folder):
        show(shlex.join([_program(), *words]))


def _on_files(run: DemoRun, folder: Path) -> list[list[str]]:
    names = ("model.safetensors", "ratings.csv", "test.csv", "movies.csv")
    model, ratings, test, movies = (str(folder / name) for name in names)
    user, item = f"{VIEWER}", f"{run.well_known}"
    return [
        ["recommend", model, "--user", user, "--movies", movies],
        ["similar", model, "--item", item, "--movies", movies],
        ["predict", model, "--user", user, "--item", item, "--movies", movies],
        ["evaluate", model, test],
        ["describe", ratings],
        ["plot", model, "--test", test, "--movies", movies, "-o", str(folder / "pictures")],
        ["fit", ratings, "-o", str(folder / "mine.safetensors"), "--factors", "12"],
    ]


def _program() -> str:
    """What to type for this program: its path if a shell would not find it, as after ``make demo``."""
    typed = sys.argv[0]
    return typed if shutil.which("matinee") is None and Path(typed).name == "matinee" else "matinee"


def _heading(text: str) -> None:
    show(f"\n{text}\n{'─' * len(text)}")


def _show_course(model: Model) -> None:
    columns = [Column(name, is_number=True) for name in ("sample", "train RMSE", "test RMSE")]
    # The samples of the star model are many, and every tenth shows the course.
    shown = [*model.history_[9::10], *([model.history_[-1]] if len(model.history_) % 10 else [])]
    rows = [
        [str(record.iteration), f"{record.train_rmse:.4f}", f"{record.validation_rmse:.4f}"]
        for record in shown
    ]
    show_table(columns, rows)


def _show_tips(tips: list[Tip], movies: Movies) -> None:
    for rank, tip in enumerate(tips, start=1):
        show(f"{rank:>2}  {tip.rating:.1f} stars  {movies[tip.item]}")
        rated = " and ".join(f"{movies[reason.item].title} {reason.rating:g}" for reason in tip.reasons)
        if rated:
            _show_wrapped(f"because you rated {rated}", indent=" " * 15)


def _show_wrapped(text: str, *, indent: str = "") -> None:
    width = min(shutil.get_terminal_size().columns, WIDEST_LINE)
    show(textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent))
