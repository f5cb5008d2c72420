"""The command plot: draws pictures of ratings, or of a model, into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matinee.cli.files import require_folder, write_picture
from matinee.cli.options import AsJson, MoviesSource
from matinee.cli.output import show, show_json, status
from matinee.cli.reading_options import Reading, with_reading_options
from matinee.cli.sources import model_from, movies_by_id_of, ratings_from
from matinee.errors import DataError
from matinee.files.model_file import begins_like_model_file
from matinee.plots.canvas import require_matplotlib
from matinee.plots.gallery import Picture, pictures_of_model, pictures_of_ratings, pictures_of_test

FORMATS = ("png", "svg")

Source = Annotated[
    str,
    typer.Argument(
        metavar="RATINGS|MODEL",
        help="Ratings (a file, or the name of a dataset), or a model file that 'matinee fit' wrote.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path,
    typer.Option("-o", "--output", metavar="DIR", help="The folder for the pictures.", show_default=False),
]
Test = Annotated[
    str | None,
    typer.Option("--test", metavar="TEST", help="Also draw how well the model does on these ratings."),
]
Format = Annotated[
    str, typer.Option("--format", metavar="FORMAT", help="Format of the pictures: png or svg.")
]
Dots = Annotated[int, typer.Option("--dpi", min=30, max=600, metavar="N", help="Dots per inch of a PNG.")]


@with_reading_options
def plot(
    source: Source,
    output: Folder,
    movies: MoviesSource = None,
    test: Test = None,
    format: Format = "png",
    dpi: Dots = 150,
    as_json: AsJson = False,
    *,
    reading: Reading,
) -> None:
    """Draw all pictures of ratings, or of a model.

    The options for reading are of the file of ratings, or of --test. Needs matplotlib: python -m pip
    install "matinee[plots]".
    """
    if format not in FORMATS:
        raise DataError(f"--format {format}; expected {' or '.join(FORMATS)}")
    require_matplotlib()
    pictures = _pictures(source, movies, test, reading)
    folder = require_folder(output)
    written = []
    for picture in pictures:
        path = folder / f"{picture.name}.{format}"
        with status(f"drawing {path}"):
            write_picture(picture.draw().figure, path, dpi=dpi)
        written.append(path)
    if as_json:
        show_json({"output": str(folder), "pictures": [str(path) for path in written]})
    else:
        show("\n".join(map(str, written)))


def _pictures(source: str, movies: str | None, test: str | None, reading: Reading) -> list[Picture]:
    if not begins_like_model_file(source):
        if test is not None:
            raise DataError(f"--test works only with a model, and {source} is not one; leave it out")
        ratings = ratings_from(source, reading)
        return pictures_of_ratings(ratings, movies_by_id_of(ratings.item_index, movies))
    if reading and test is None:
        raise DataError(f"the options for reading are of ratings, and {source} is a model; leave them out")
    model = model_from(Path(source))
    pictures = pictures_of_model(model, movies_by_id_of(model.item_index_, movies))
    return pictures if test is None else [*pictures, *pictures_of_test(model, ratings_from(test, reading))]
