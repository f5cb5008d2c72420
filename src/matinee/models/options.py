"""Describes a model's parameters, so that the command line can make options of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """The base class of all options.

    Attributes
    ----------
    help : str
        A sentence that says what the parameter does.
    """

    help: str


@dataclass(frozen=True)
class Whole(Option):
    """A whole number between two bounds."""

    least: int
    most: int


@dataclass(frozen=True)
class Number(Option):
    """A number; if a bound is None, the model checks it, with a message that says more."""

    least: float | None = 0
    most: float | None = None
    metavar: str = "NUMBER"


@dataclass(frozen=True)
class Word(Option):
    """A word that the model knows, or a number for a parameter that also takes numbers."""

    metavar: str = "NAME"


@dataclass(frozen=True)
class Switch(Option):
    """On or off."""


N_FACTORS = Whole("Number of factors (the rank).", 1, 10_000)
N_ITERATIONS = Whole("Largest number of iterations.", 1, 1_000_000)
REGULARIZATION = Number("λ: how strongly the factors are pulled towards zero.")
FEATURE_REGULARIZATION = Number(
    "κ: how strongly what a feature of --users or --movies says is pulled towards zero."
)
HALF_LIFE = Word(
    "Age at which a rating counts half, such as 180d or 2y; ratings need times. A recommender takes it for "
    "what people watch.",
    metavar="AGE",
)
TOLERANCE = Number("Stop once the RMSE falls by less than this.")
