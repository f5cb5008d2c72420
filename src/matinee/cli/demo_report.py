"""Makes one page of HTML from the demo; the figures are inside the page, and it has no scripts."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

from matinee import __version__
from matinee.cli.demo_run import NEWCOMER, OTHER_VIEWER, VIEWER, WELL_KNOWN, DemoRun, Tip
from matinee.cli.fitting import spelled_out
from matinee.errors import MissingExtraError
from matinee.plots.gallery import Picture, pictures_of_model, pictures_of_ratings, pictures_of_test

DPI = 144  # pictures are shown at 96 dpi, so they are sharp on a dense screen
WIDTH_DPI = 96


@dataclass(frozen=True)
class Figure:
    """A picture in the page: its name, caption, bytes as a data URL, and size in pixels."""

    name: str
    caption: str
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Watcher:
    """A person in the page: their name, ratings and recommendations."""

    name: str
    rated: dict[str, float]
    tips: list[Tip]


def report_of(run: DemoRun) -> str:
    """The page as HTML.

    Raises
    ------
    MissingExtraError
        If matplotlib or Jinja is not installed.
    """
    page: str = _template().render(
        version=__version__,
        run=run,
        description=run.ratings.describe(),
        parts=[spelled_out(part) for part in run.model.parts],
        well_known=WELL_KNOWN,
        errors=_errors(run),
        of_ratings=_figures(pictures_of_ratings(run.ratings, run.movies)),
        of_model=_figures(pictures_of_model(run.model, run.movies, map_method="pca")),
        of_test=_figures(pictures_of_test(run.model, run.test)),
        watchers=_watchers(run),
    )
    return page


def _template() -> Any:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise MissingExtraError(
            'the report needs Jinja, which is not installed; run: python -m pip install "matinee[plots]"'
        ) from None
    loader = PackageLoader("matinee.cli", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("demo_report.html")


def _figures(pictures: list[Picture]) -> list[Figure]:
    return [_figure(picture) for picture in pictures]


def _figure(picture: Picture) -> Figure:
    figure: Any = picture.draw().figure
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=DPI)
    source = "data:image/png;base64," + base64.b64encode(written.getvalue()).decode("ascii")
    width, height = (round(inches * WIDTH_DPI) for inches in figure.get_size_inches())
    return Figure(picture.name, picture.caption, source, width, height)


def _watchers(run: DemoRun) -> list[Watcher]:
    viewers = [
        Watcher(f"Viewer {viewer}", run.best_rated(viewer), run.tips_for_viewer(viewer))
        for viewer in (VIEWER, OTHER_VIEWER)
    ]
    newcomer = Watcher("A newcomer, whom the model has never seen", NEWCOMER, run.tips_for_newcomer())
    return [*viewers, newcomer]


def _errors(run: DemoRun) -> list[tuple[str, float | None, float | None, float | None, float | None]]:
    """Each figure by name: of the test, in training, of biases alone and of the most popular."""
    found, biases, popular = run.evaluation, run.biases_alone, run.evaluation.most_popular or {}
    rows = [
        ("RMSE", found.rmse, found.train_rmse, biases.rmse, None),
        ("MAE", found.mae, found.train_mae, biases.mae, None),
    ]
    lists = {
        f"recall at {found.k}": "recall",
        f"NDCG at {found.k}": "ndcg",
        f"NDCG at {found.k} of what was liked": "ndcg_liked",
        f"hit rate at {found.k}": "hit_rate",
        "catalogue coverage": "catalogue_coverage",
    }
    return [
        *rows,
        *(
            (label, getattr(found, name), None, getattr(biases, name), popular.get(name))
            for label, name in lists.items()
        ),
    ]
