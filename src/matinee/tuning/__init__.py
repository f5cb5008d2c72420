"""Finding the parameters with which a model does best on ratings held out."""

from matinee.tuning.tuning import TuningResult, tune

__all__ = ["TuningResult", "tune"]
