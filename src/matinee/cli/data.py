"""Commands about ratings: download, describe."""

from __future__ import annotations

from typing import Annotated

import typer

from matinee.cli.options import AsJson, RatingsSource
from matinee.cli.output import show, show_json
from matinee.cli.reading_options import Reading, with_reading_options
from matinee.cli.sources import ratings_from
from matinee.datasets.download import dataset_files
from matinee.datasets.loading import DEMO
from matinee.datasets.published import NAMES_IN_WORDS
from matinee.errors import DataError


def download(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help=f"One of {NAMES_IN_WORDS}.", show_default=False),
    ],
    as_json: AsJson = False,
) -> None:
    """Download a dataset once, and print its folder."""
    if name == DEMO:
        raise DataError(
            "the demo data is built in and needs no download; 'matinee demo -o DIR' writes its files"
        )
    files = dataset_files(name)
    if as_json:
        show_json({"name": name} | {part: path and str(path) for part, path in vars(files).items()})
    else:
        show(str(files.folder))


@with_reading_options
def describe(ratings: RatingsSource, as_json: AsJson = False, *, reading: Reading) -> None:
    """Describe ratings: their number, sparsity and distribution."""
    description = ratings_from(ratings, reading).describe()
    if as_json:
        show_json(description.to_dict())
    else:
        show(str(description))
