"""What a model declares of a parameter, from which the command line makes an option."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """What every option has.

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
    """A number; a bound that is None is left to the model, which says more about what it expects."""

    least: float | None = 0
    most: float | None = None
    metavar: str = "NUMBER"


@dataclass(frozen=True)
class Word(Option):
    """One of the words that the model knows, or a number where it takes one instead."""


@dataclass(frozen=True)
class Switch(Option):
    """On or off."""


N_FACTORS = Whole("Number of factors, the rank.", 1, 10_000)
N_ITERATIONS = Whole("Number of iterations, at most.", 1, 1_000_000)
REGULARIZATION = Number("λ: how strongly factors are held near zero.")
TOLERANCE = Number("Stop once the RMSE falls by less than this.")
