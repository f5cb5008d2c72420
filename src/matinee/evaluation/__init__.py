"""Evaluation: compares a model's predictions and lists with ratings that it has not seen."""

from matinee.evaluation.calibration import calibrate
from matinee.evaluation.comparison import Comparison, compare
from matinee.evaluation.evaluation import Evaluation
from matinee.evaluation.judging import evaluate, evaluate_alone, metric_by_k, predicted_ratings

__all__ = [
    "Comparison",
    "Evaluation",
    "calibrate",
    "compare",
    "evaluate",
    "evaluate_alone",
    "metric_by_k",
    "predicted_ratings",
]
