"""The command evaluate: a saved model against ratings that it has not seen."""

from __future__ import annotations

from matinee import evaluation
from matinee.cli.options import AsJson, ListLength, ModelPath, TestSource
from matinee.cli.output import show, show_json, status
from matinee.cli.sources import model_from, ratings_from
from matinee.ratings import Ratings


def evaluate(
    model: ModelPath,
    test: TestSource,
    k: ListLength = 10,
    as_json: AsJson = False,
) -> None:
    """Judge a model by ratings that it was not fitted on.

    How near its predictions come, and how many of the movies it recommends were indeed rated.
    """
    fitted = model_from(model)
    test_ratings = ratings_from(test)
    # The ratings that a model was fitted on are in its file.
    train = Ratings(fitted.user_index_, fitted.item_index_, fitted.rated_)
    with status("evaluating"):
        found = evaluation.evaluate(fitted, test_ratings, k=k, train=train)
    if as_json:
        show_json(found.to_dict())
    else:
        show(str(found))
