"""The options of the command fit that are parameters of a model, and which models there are."""

from __future__ import annotations

from typing import Annotated

import typer

from matinee.models import ALS, BayesianALS, ImplicitALS, Model

# By their names on the command line.
MODELS: dict[str, type[Model]] = {"als": ALS, "implicit": ImplicitALS, "bayes": BayesianALS}


def _defaults(parameter: str) -> str:
    """What each model that has the parameter takes where it is not given."""
    every = {name: kind().get_params() for name, kind in MODELS.items()}
    return ", ".join(f"{name} {found[parameter]}" for name, found in every.items() if parameter in found)


# Of fit alone. Each model has defaults of its own: None leaves them, and an option it lacks is refused.
ModelName = Annotated[str, typer.Option("--model", metavar="NAME", help=f"Which kind: {', '.join(MODELS)}.")]
Factors = Annotated[
    int | None,
    typer.Option(
        min=1, max=10_000, metavar="N", help="How many factors.", show_default=_defaults("n_factors")
    ),
]
Iterations = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1_000_000,
        metavar="N",
        help="How many iterations, at most.",
        show_default=_defaults("n_iterations"),
    ),
]
Regularization = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="NUMBER",
        help="λ: how strongly factors are held near zero.",
        show_default=_defaults("regularization"),
    ),
]
Biases = Annotated[
    bool | None,
    typer.Option(
        "--biases/--no-biases",
        help="Whether each user and each movie has a bias.",
        show_default=_defaults("biases"),
    ),
]
Weighting = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What λ is multiplied by: count, the number of a row's ratings; none, 1; "
        "or that number to a power from 0 to 1.",
        show_default=_defaults("weighting"),
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="NUMBER", help="How much what was seen weighs.", show_default=_defaults("alpha")
    ),
]
UnobservedWeight = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="NUMBER",
        help="How much everything weighs, seen or not.",
        show_default=_defaults("unobserved_weight"),
    ),
]
Nu = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="NUMBER",
        help="Penalise a row by its weight to this power.",
        show_default=_defaults("nu"),
    ),
]
SolverName = Annotated[
    str | None,
    typer.Option(
        "--solver", metavar="NAME", help="cholesky, cg or subspace.", show_default=_defaults("solver")
    ),
]
Momentum = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Fewer iterations: how much of a step is taken again, 0 to 0.95.",
        show_default=_defaults("momentum"),
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(metavar="RATING", help="Count as seen only ratings of at least this."),
]
Samples = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100_000,
        metavar="N",
        help="How many samples to average.",
        show_default=_defaults("n_samples"),
    ),
]
BurnIn = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=100_000,
        metavar="N",
        help="How many samples to throw away first.",
        show_default=_defaults("n_burn_in"),
    ),
]
Kept = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100_000,
        metavar="N",
        help="How many samples to keep in the model.",
        show_default=_defaults("n_kept"),
    ),
]
Implicit = Annotated[
    bool | None,
    typer.Option(
        "--implicit/--no-implicit",
        help="Learn from who rated what, whatever the rating.",
        show_default=_defaults("implicit"),
    ),
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
