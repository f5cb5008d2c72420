"""The options of the command fit that are parameters of a model, and which models there are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from matinee.models import ALS, BayesianALS, ImplicitALS, Model

# By their names on the command line.
MODELS: dict[str, type[Model]] = {"als": ALS, "implicit": ImplicitALS, "bayes": BayesianALS}


def _defaults(parameter: str) -> str:
    """What each model that has the parameter takes where it is not given."""
    every = {name: kind().get_params() for name, kind in MODELS.items()}
    return ", ".join(f"{name} {found[parameter]}" for name, found in every.items() if parameter in found)


def _whole(parameter: str, text: str, least: int, most: int) -> Any:
    """The option of a whole number."""
    return typer.Option(min=least, max=most, metavar="N", help=text, show_default=_defaults(parameter))


def _number(parameter: str, text: str, **more: Any) -> Any:
    """The option of a number, not negative."""
    return typer.Option(
        **{"min": 0, "metavar": "NUMBER", "help": text, "show_default": _defaults(parameter), **more}
    )


def _choice(parameter: str, text: str, *names: str) -> Any:
    """The option of a word, or of a switch by the names of both its positions."""
    metavar = None if names and "/" in names[0] else "NAME"
    return typer.Option(*names, metavar=metavar, help=text, show_default=_defaults(parameter))


# Of fit alone. Each model has defaults of its own: None leaves them, and an option it lacks is refused.
ModelName = Annotated[str, typer.Option("--model", metavar="NAME", help=f"Which kind: {', '.join(MODELS)}.")]
Factors = Annotated[int | None, _whole("n_factors", "How many factors.", 1, 10_000)]
Iterations = Annotated[int | None, _whole("n_iterations", "How many iterations, at most.", 1, 1_000_000)]
Regularization = Annotated[
    float | None, _number("regularization", "λ: how strongly factors are held near zero.")
]
Biases = Annotated[
    bool | None, _choice("biases", "Whether each user and each movie has a bias.", "--biases/--no-biases")
]
Weighting = Annotated[
    str | None,
    _choice(
        "weighting",
        "What λ is multiplied by: count, the number of a row's ratings; none, 1; or that number to a power "
        "from 0 to 1.",
    ),
]
Alpha = Annotated[float | None, _number("alpha", "How much what was seen weighs.")]
UnobservedWeight = Annotated[
    float | None, _number("unobserved_weight", "How much everything weighs, seen or not.")
]
Nu = Annotated[float | None, _number("nu", "Penalise a row by its weight to this power.", max=1)]
SolverName = Annotated[str | None, _choice("solver", "cholesky, cg or subspace.", "--solver")]
Momentum = Annotated[
    float | None,
    _number(
        "momentum",
        "Fewer iterations: how much of a step is taken again, 0 to 0.95.",
        min=None,
        metavar="SHARE",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(metavar="RATING", help="Count as seen only ratings of at least this."),
]
Samples = Annotated[int | None, _whole("n_samples", "How many samples to average.", 1, 100_000)]
BurnIn = Annotated[int | None, _whole("n_burn_in", "How many samples to throw away first.", 0, 100_000)]
Kept = Annotated[int | None, _whole("n_kept", "How many samples to keep in the model.", 1, 100_000)]
Implicit = Annotated[
    bool | None,
    _choice("implicit", "Learn from who rated what, whatever the rating.", "--implicit/--no-implicit"),
]
UserFeatures = Annotated[
    str | None,
    typer.Option(
        "--users",
        metavar="USERS",
        help="Learn from what is known of users: a file (users.dat, u.user, or a table with a header), or "
        "a dataset. For bayes.",
    ),
]
ItemFeatures = Annotated[
    str | None,
    typer.Option(
        "--movies",
        metavar="MOVIES",
        help="Learn from genres and years: a file (movies.dat, movies.csv, u.item), or a dataset. For bayes.",
    ),
]
