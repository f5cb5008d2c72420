"""The pictures of ratings, of a model and of a test, and how to read each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matinee.datasets import Movies
from matinee.models.baselines import MostPopular
from matinee.models.model import Model
from matinee.plots.diagram import factorization
from matinee.plots.distribution import rating_distribution, ratings_per_item, ratings_per_user
from matinee.plots.factors import factor_extremes, latent_factors
from matinee.plots.judgement import interval_coverage, metric_curve, predictions, residuals
from matinee.plots.map import Method, movie_map
from matinee.plots.matrix import ratings_matrix
from matinee.plots.training import training_curve
from matinee.ratings import Ratings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUBSET_USERS, SUBSET_ITEMS = 25, 30


@dataclass(frozen=True)
class Picture:
    """A picture that can be drawn.

    Attributes
    ----------
    name : str
        Also the name of its file.
    caption : str
        What it shows, and how to read it.
    draw : function
        Gives its Axes.
    """

    name: str
    caption: str
    draw: Callable[[], Axes]


def pictures_of_ratings(ratings: Ratings, movies: Movies | None = None) -> list[Picture]:
    """The pictures of ratings: the matrix, and how the ratings are distributed."""
    return [
        Picture(
            "ratings-subset",
            "A few users and movies, from the most to the least rated. A square is a rating; grey is "
            "unknown, which is what a recommender fills in.",
            lambda: ratings_matrix(ratings, users=SUBSET_USERS, items=SUBSET_ITEMS, movies=movies),
        ),
        Picture(
            "ratings-matrix",
            "The whole matrix. The colour is the mean rating; it fades where fewer pairs are rated.",
            lambda: ratings_matrix(ratings),
        ),
        Picture(
            "rating-distribution",
            "The number of ratings of each value.",
            lambda: rating_distribution(ratings),
        ),
        Picture(
            "ratings-per-user",
            "Most people rate few movies, and a few people rate very many. Both axes are logarithmic.",
            lambda: ratings_per_user(ratings),
        ),
        Picture(
            "ratings-per-movie",
            "The same holds for movies: a few are rated by very many people. Both axes are logarithmic.",
            lambda: ratings_per_item(ratings),
        ),
    ]


def pictures_of_model(
    model: Model, movies: Movies | None = None, *, map_method: Method | None = None
) -> list[Picture]:
    """The pictures of a fitted model: its training and what it learned. ``map_method`` is for `movie_map`."""
    course = Picture(
        "training-curve",
        "The error by iteration. Where validation rises while training falls, the model overfits.",
        lambda: training_curve(model),
    )
    learned = [
        Picture(
            "factorization",
            "R ≈ U × Mᵀ: the row of a user times the column of a movie, with mean and biases, predicts the "
            "missing rating.",
            lambda: factorization(model, movies=movies),
        ),
        Picture(
            "latent-factors",
            "What the model learned about movies and users, turned to its principal directions. Two rows "
            "with similar colours go together.",
            lambda: latent_factors(model, movies=movies, rotation="principal"),
        ),
        Picture(
            "factor-extremes",
            "The films at both ends of each direction. The direction means what the films on one side have "
            "in common and those on the other side lack.",
            lambda: factor_extremes(model, movies=movies, rotation="principal"),
        ),
        Picture(
            "movie-map",
            "Films that the same people like lie near each other.",
            lambda: movie_map(model, movies=movies, method=map_method),
        ),
    ]
    return [*([course] if model.history_ else []), *learned]


def pictures_of_test(model: Model, test: Ratings) -> list[Picture]:
    """The pictures of a fitted model against ratings that it has not seen."""
    popular = MostPopular().fit(Ratings(model.user_index_, model.item_index_, model.rated_))
    rivals = {type(model).__name__: model, "most popular": popular}
    lists = [
        Picture(
            "recall-curve",
            "How much of what people rated is in a list of k movies, beside a list of the most popular.",
            lambda: metric_curve(rivals, test, metric="recall"),
        ),
        Picture(
            "ndcg-curve",
            "How near the top of a list of k movies it is, beside a list of the most popular.",
            lambda: metric_curve(rivals, test, metric="ndcg"),
        ),
    ]
    errors = [
        Picture(
            "predictions",
            "Each column shows how the predictions for one actual rating are distributed. Predictions keep "
            "to the middle, as errors are smallest there.",
            lambda: predictions(model, test),
        ),
        Picture(
            "residuals",
            "Errors by how often the movie was rated in training. If the band narrows to the right, the "
            "model learns from more ratings.",
            lambda: residuals(model, test),
        ),
    ]
    intervals = Picture(
        "interval-coverage",
        "How many ratings lie within the error bars. On the diagonal the error bars are right.",
        lambda: interval_coverage(model, test),
    )
    return [
        *(errors if model.predicts_ratings else []),
        *([intervals] if model.has_intervals else []),
        *lists,
    ]
