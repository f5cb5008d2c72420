"""Finds the parameters with which a model does best on held-out ratings."""

from matinee.tuning.tuning import TuningResult, tune

__all__ = ["TuningResult", "tune"]
