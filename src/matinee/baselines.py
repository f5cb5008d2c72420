"""The baselines that a model must beat: the most popular items, the biases alone, and chance."""

from matinee.models.baselines import ItemBiases, MostPopular, Random

__all__ = ["ItemBiases", "MostPopular", "Random"]
