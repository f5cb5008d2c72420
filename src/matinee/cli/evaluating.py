"""The command evaluate: tests a saved model on ratings that it has not seen."""

from __future__ import annotations

from typing import cast

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
from matinee.cli.sources import model_from, ratings_for
from matinee.evaluation.criteria import Gains
from matinee.ratings import Ratings


@with_reading_options
def evaluate(
    model: ModelPath,
    test: TestSource,
    k: ListLength = 10,
    relevant_from: RelevantFrom = None,
    liked: LikedFrom = None,
    gains: HowHitsCount = "binary",
    as_json: AsJson = False,
    *,
    reading: Reading,
) -> None:
    """Evaluate a model on ratings that it was not fitted on.

    Shows the errors of its predictions, and how many of the movies that it recommends were rated and liked,
    beside the same figures for the most popular movies.
    """
    fitted = model_from(model)
    test_ratings = ratings_for(fitted, test, reading)
    # A model file also has the ratings that the model was fitted on.
    train = Ratings(fitted.user_index_, fitted.item_index_, fitted.rated_)
    with status("evaluating"):
        found = evaluation.evaluate(
            fitted,
            test_ratings,
            k=k,
            train=train,
            relevant_from=relevant_from,
            liked=liked,
            gains=cast(Gains, gains),  # checked by evaluate
        )
    if as_json:
        show_json(found.to_dict())
    else:
        show(str(found))
