"""The options and arguments that several commands share, and those of fit."""

from pathlib import Path
from typing import Annotated

import typer

from matinee.models import names_where

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
RatingsSource = Annotated[
    str,
    typer.Argument(
        metavar="RATINGS",
        help="A file of MovieLens, Netflix, Amazon or others, a table, JSON or Parquet, packed or not; or a "
        "dataset: demo, ml-latest-small, ml-100k, ml-1m, ml-10m, ml-20m, ml-25m, ml-32m.",
        show_default=False,
    ),
]
TestSource = Annotated[
    str,
    typer.Argument(
        metavar="TEST",
        help="A file of ratings, or the name of a dataset, as for 'matinee fit'.",
        show_default=False,
    ),
]
ModelPath = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model file that 'matinee fit' wrote.", show_default=False)
]
MoviesSource = Annotated[
    str | None,
    typer.Option(
        "--movies",
        metavar="MOVIES",
        help="Show titles from a file (movies.dat, movies.csv, u.item), or from the named dataset.",
    ),
]
Count = Annotated[int, typer.Option("-n", min=1, metavar="N", help="Number of movies to list.")]
ListLength = Annotated[
    int,
    typer.Option("--k", min=1, max=1_000, metavar="N", help="Length of the lists of recommendations."),
]

RelevantFrom = Annotated[
    float | None,
    typer.Option(metavar="RATING", help="Count only test ratings of at least this as found; all by default."),
]
LikedFrom = Annotated[
    float | None,
    typer.Option(
        "--liked",
        metavar="RATING",
        help="The least rating of what was liked; four fifths of the greatest by default.",
    ),
]
HowHitsCount = Annotated[
    str,
    typer.Option(
        "--gains",
        metavar="WORD",
        help="binary: all that is found counts alike in NDCG; graded: the more the higher it is rated.",
    ),
]

# The options of fit. The bounds catch typing errors: nobody needs numbers as large as these.
ModelOutput = Annotated[
    Path, typer.Option("-o", "--output", metavar="MODEL", help="The file to write.", show_default=False)
]
FitOutput = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="MODEL",
        help="The file to write; with --spark also a folder of Spark, such as hdfs://….",
        show_default=False,
    ),
]
TestSize = Annotated[
    str,
    typer.Option(
        metavar="NUMBER",
        help="Share or number of the ratings to hold out; 0 holds out nothing, and fits to all ratings.",
    ),
]
KINDS_OF_SPLIT = "Which ratings to hold out: random, user, last, time or new_users."
SplitName = Annotated[str, typer.Option("--split", metavar="NAME", help=KINDS_OF_SPLIT)]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the split and of the fit.")]
Threads = Annotated[
    int | None,
    typer.Option(min=1, max=1_024, metavar="N", help="Number of threads; one for each processor by default."),
]
SparkMaster = Annotated[
    str | None,
    typer.Option(
        "--spark",
        metavar="MASTER",
        help="Fit on Spark, on this master: local[*], spark://host:7077, yarn, …. RATINGS must be a file or "
        f"a folder of Parquet. Only for {names_where(lambda kind: kind.runs_on_spark)}.",
    ),
]
Checkpoints = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder that all machines can write to; needed if the factors are too large for one machine. "
        "Only with --spark.",
    ),
]
