"""Pictures with matplotlib. Functions take Axes and give Axes, and change no global state.

Every function draws on the Axes that it is given, or on those of a new figure, which pyplot does not manage:
``plots.training_curve(model).figure.savefig("curve.png")``. People with colour blindness can tell the colours
apart, and they differ in grey print.
"""

from matinee.plots.diagram import factorization
from matinee.plots.distribution import rating_distribution, ratings_per_item, ratings_per_user
from matinee.plots.factors import factor_extremes, latent_factors
from matinee.plots.judgement import interval_coverage, metric_curve, predictions, residuals
from matinee.plots.map import movie_map
from matinee.plots.matrix import ratings_matrix
from matinee.plots.search import tuning
from matinee.plots.training import training_curve

__all__ = [
    "factor_extremes",
    "factorization",
    "interval_coverage",
    "latent_factors",
    "metric_curve",
    "movie_map",
    "predictions",
    "rating_distribution",
    "ratings_matrix",
    "ratings_per_item",
    "ratings_per_user",
    "residuals",
    "training_curve",
    "tuning",
]
