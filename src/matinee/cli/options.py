"""The options and arguments of the commands: those that several share, and the many of fit."""

from pathlib import Path
from typing import Annotated

import typer

from matinee.models import names_where

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
RatingsSource = Annotated[
    str,
    typer.Argument(
        metavar="RATINGS",
        help="A file (.dat, .csv, .tsv, u.data, .parquet; gzipped too), or a dataset by its name: "
        "demo, ml-latest-small, ml-100k, ml-1m, ml-10m, ml-20m, ml-25m, ml-32m.",
        show_default=False,
    ),
]
TestSource = Annotated[
    str,
    typer.Argument(
        metavar="TEST", help="A file of ratings, or a dataset, as 'matinee fit' takes it.", show_default=False
    ),
]
ModelPath = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A file that 'matinee fit' wrote.", show_default=False)
]
MoviesSource = Annotated[
    str | None,
    typer.Option(
        "--movies",
        metavar="MOVIES",
        help="Show titles: from a file (movies.dat, movies.csv, u.item), or of a dataset.",
    ),
]
Count = Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many.")]
ListLength = Annotated[
    int,
    typer.Option("--k", min=1, max=1_000, metavar="N", help="The length of the lists of recommendations."),
]

# Of fit. The bounds are against slips of the finger: far more than is of use to anybody.
ModelOutput = Annotated[
    Path, typer.Option("-o", "--output", metavar="MODEL", help="The file to write.", show_default=False)
]
FitOutput = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="MODEL",
        help="The file to write; with --spark also a folder of Spark's, as in hdfs://….",
        show_default=False,
    ),
]
TestSize = Annotated[
    str,
    typer.Option(
        metavar="NUMBER", help="What is held out: a share, or a number of ratings; 0: nothing, fit to all."
    ),
]
SplitName = Annotated[
    str,
    typer.Option("--split", metavar="NAME", help="What to hold out: random, user, last, time or new_users."),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the split and of the fit.")]
Threads = Annotated[
    int | None,
    typer.Option(min=1, max=1_024, metavar="N", help="Number of threads; by default one for each processor."),
]
SparkMaster = Annotated[
    str | None,
    typer.Option(
        "--spark",
        metavar="MASTER",
        help="Fit on Spark: local[*], spark://host:7077, yarn, …; RATINGS is Parquet, a file or a folder. "
        f"Only for {names_where(lambda kind: kind.runs_on_spark)}.",
    ),
]
Checkpoints = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="With --spark: where all machines can write, for factors too large to be gathered.",
    ),
]
