"""Factors with error bars: the Gibbs chain, the samples that it keeps, and the answers from them."""

from matinee.models.bayes.model import BayesianALS

__all__ = ["BayesianALS"]
