"""The command split: writes ratings to train on and ratings to test on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from matinee.cli import options
from matinee.cli.files import require_folder, require_writable, write_table
from matinee.cli.fitting import one_of, share_of
from matinee.cli.options import AsJson, RatingsSource
from matinee.cli.output import show_json, show_pairs
from matinee.cli.reading_options import Reading, with_reading_options
from matinee.cli.sources import ratings_from
from matinee.errors import DataError
from matinee.ratings import Ratings
from matinee.ratings.splits import NewUsers, SplitBy
from matinee.ratings.splits import split as divided

Folder = Annotated[
    Path,
    typer.Option("-o", "--output", metavar="DIR", help="The folder for the files.", show_default=False),
]
By = Annotated[str, typer.Option("--by", "--split", metavar="NAME", help=options.KINDS_OF_SPLIT)]
Parquet = Annotated[bool, typer.Option("--parquet", help="Write Parquet in place of CSV.")]


@with_reading_options
def split(
    ratings: RatingsSource,
    output: Folder,
    test_size: options.TestSize = "0.2",
    by: By = "random",
    seed: options.Seed = 42,
    parquet: Parquet = False,
    as_json: AsJson = False,
    *,
    reading: Reading,
) -> None:
    """Split ratings into train and test, and write each to a file.

    By new_users there are three: train, what is told of the new users (history), and what is to be found.
    """
    share, kind = share_of(test_size), one_of("--by", by, get_args(SplitBy))
    if share == 0:
        raise DataError("--test-size 0; expected a share such as 0.2, or a whole number")
    train, test = divided(ratings_from(ratings, reading), test_size=share, by=kind, random_state=seed)
    parts: dict[str, Ratings] = {"train": train}
    if isinstance(test, NewUsers):
        parts |= {"history": test.history, "test": test.held_out}
    else:
        parts["test"] = test
    suffix = ".parquet" if parquet else ".csv"
    paths = {name: require_folder(output) / f"{name}{suffix}" for name in parts}
    for path in paths.values():
        require_writable(path)
    for name, part in parts.items():
        write_table(part.to_frame(), paths[name])
    if as_json:
        show_json({name: {"path": str(paths[name]), "ratings": len(part)} for name, part in parts.items()})
    else:
        show_pairs([(name, f"{len(part):,} ratings in {paths[name]}") for name, part in parts.items()])
