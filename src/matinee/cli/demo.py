"""The command demo: goes from ratings to recommendations, on the built-in cinema."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from matinee.cli.answering import ranked_documents
from matinee.cli.demo_report import report_of
from matinee.cli.demo_run import NEWCOMER, VIEWER, DemoRun, Tip, run_demo
from matinee.cli.demo_text import tell, tell_next_commands
from matinee.cli.files import require_folder, write_json, write_table, write_text
from matinee.cli.fitting import spelled_out
from matinee.cli.options import AsJson
from matinee.cli.output import show, show_json, status
from matinee.cli.sources import Titles
from matinee.datasets import Movies
from matinee.errors import MissingExtraError
from matinee.ratings import Ratings


def demo(
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="The folder for a report with pictures, the model, the data and the metrics.",
        ),
    ] = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Go from ratings to recommendations, on built-in data.

    It takes a few seconds, needs no network, and shows what the other commands do.
    """
    began = time.perf_counter()
    folder = require_folder(output)
    run = run_demo()
    document = _document(run)
    with status(f"writing to {folder}"):
        _write_files(run, document, folder)
    report, lacking = _write_report(run, folder)
    if as_json:
        show_json(document | {"report": report and str(report)})
        return
    tell(run)
    tell_next_commands(run, folder)
    show(f"\n{time.perf_counter() - began:.1f} s, files in {folder}")
    show(f"no report: {lacking}" if report is None else f"look at {report}")


def _document(run: DemoRun) -> dict[str, Any]:
    return {
        "ratings": run.ratings.describe().to_dict(),
        "model": {"name": type(run.model).__name__, "parts": [spelled_out(part) for part in run.model.parts]},
        "history": [record.to_dict() for record in run.model.history_],
        "evaluation": run.evaluation.to_dict(),
        "biases_alone": run.biases_alone.to_dict(),
        "similar": {"item": run.well_known, "similar": ranked_documents(run.alike(), run.titles)},
        "viewer": {"user": VIEWER, "recommendations": _tip_documents(run.tips_for_viewer(), run.titles)},
        "newcomer": {
            "rated": NEWCOMER,
            "recommendations": _tip_documents(run.tips_for_newcomer(), run.titles),
        },
        "seconds": run.seconds,
    }


def _tip_documents(tips: list[Tip], titles: Titles) -> list[dict[str, Any]]:
    return [
        {
            "rank": rank,
            "item": tip.item,
            "title": titles.of(tip.item),
            "rating": tip.rating,
            "because": [part._asdict() | {"title": titles.of(part.item)} for part in tip.reasons],
        }
        for rank, tip in enumerate(tips, start=1)
    ]


def _write_files(run: DemoRun, document: dict[str, Any], folder: Path) -> None:
    metrics = {name: document[name] for name in ("model", "evaluation", "biases_alone", "seconds")}
    run.model.save(folder / "model.safetensors")
    write_json(metrics, folder / "metrics.json")
    write_table(pl.DataFrame(document["history"]), folder / "history.csv")
    write_table(run.titles.beside(run.model.recommend_all()), folder / "recommendations.csv")
    write_table(_ratings_frame(run.ratings), folder / "ratings.csv")
    write_table(_ratings_frame(run.test), folder / "test.csv")
    write_table(_movies_frame(run.movies), folder / "movies.csv")


def _write_report(run: DemoRun, folder: Path) -> tuple[Path | None, str]:
    """Write the report, and return its path; if a library is missing, return None and the message."""
    path = folder / "report.html"
    try:
        with status("drawing the report"):
            text = report_of(run)
    except MissingExtraError as error:
        return None, str(error)
    write_text(text, path)
    return path, ""


def _ratings_frame(ratings: Ratings) -> pl.DataFrame:
    """The ratings with the column names of MovieLens."""
    return ratings.to_frame().rename({"user": "userId", "item": "movieId"})


def _movies_frame(movies: Movies) -> pl.DataFrame:
    """The movies in the format of MovieLens: the year follows the title, and bars separate the genres."""
    return pl.DataFrame(
        {
            "movieId": list(movies),
            "title": [str(movie) for movie in movies.values()],
            "genres": ["|".join(movie.genres) for movie in movies.values()],
        }
    )
