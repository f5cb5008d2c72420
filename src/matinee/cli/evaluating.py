"""The command evaluate: tests a saved model on ratings that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

import typer

from matinee import evaluation
from matinee.cli.options import (
    AsJson,
    HowHitsCount,
    LikedFrom,
    ListLength,
    ModelPath,
    RelevantFrom,
    TestSource,
)
from matinee.cli.output import show, show_json, status
from matinee.cli.reading_options import Reading, with_reading_options
from matinee.cli.sources import model_from, movies_by_id_of, ratings_for
from matinee.evaluation.criteria import Gains
from matinee.ratings import Ratings
from matinee.ratings.contexts import OF_TIMES

GenresSource = Annotated[
    str | None,
    typer.Option(
        "--movies",
        metavar="MOVIES",
        help="Take the genres from a file (movies.dat, movies.csv, u.item), or from the named dataset.",
    ),
]


@with_reading_options
def evaluate(
    model: ModelPath,
    test: TestSource,
    k: ListLength = 10,
    relevant_from: RelevantFrom = None,
    liked: LikedFrom = None,
    gains: HowHitsCount = "binary",
    movies: GenresSource = None,
    as_json: AsJson = False,
    *,
    reading: Reading,
) -> None:
    """Evaluate a model on ratings that it was not fitted on.

    Shows the errors of its predictions, and how many of the movies that it recommends were rated and liked,
    beside the same figures for the most popular movies and 95 % intervals, which say how far chance moves
    the figures. With --movies also how diverse the lists are, and how far from the genres of what each user
    has rated.
    """
    fitted = model_from(model)
    test_ratings = ratings_for(fitted, test, reading)
    # A model file also has the ratings that the model was fitted on.
    train = Ratings(fitted.user_index_, fitted.item_index_, fitted.rated_, contexts=fitted.contexts_)
    if fitted.contexts_ is not None:
        test_ratings = _in_contexts(test_ratings, fitted.contexts_.names)
    with status("evaluating"):
        found = evaluation.evaluate(
            fitted,
            test_ratings,
            k=k,
            train=train,
            relevant_from=relevant_from,
            liked=liked,
            gains=cast(Gains, gains),  # checked by evaluate
            genres=movies_by_id_of(fitted.item_index_, movies),
            progress=False,  # the command says on a terminal that it evaluates
        )
    if as_json:
        intervals = {name: list(ends) for name, ends in found.intervals.items()}
        show_json({**found.to_dict(), "intervals": intervals})
    else:
        show(str(found))


def _in_contexts(test: Ratings, names: Sequence[str]) -> Ratings:
    """The test with the contexts of a model that its times tell; in the mean context if they tell none."""
    told = [name for name in names if name in OF_TIMES]
    return test if test.timestamps is None or not told else test.with_contexts(told)
