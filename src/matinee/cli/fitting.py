"""The command fit: a model from ratings, and how well it does on those held out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import typer

from matinee.cli import options
from matinee.cli.files import require_writable
from matinee.cli.options import AsJson, RatingsSource
from matinee.cli.output import show_json, show_pairs, status
from matinee.cli.sources import ratings_from
from matinee.errors import DataError
from matinee.evaluation import RANKING, Evaluation, evaluate
from matinee.models import ALS, ImplicitALS, Model
from matinee.ratings import Ratings
from matinee.splits import NewUsers, SplitBy, split

Errors = tuple[float | None, float | None]

# By their names on the command line.
MODELS: dict[str, type[Model]] = {"als": ALS, "implicit": ImplicitALS}


def _defaults(parameter: str) -> str:
    """What each model that has the parameter takes where it is not given."""
    every = {name: kind().get_params() for name, kind in MODELS.items()}
    return ", ".join(f"{name} {found[parameter]}" for name, found in every.items() if parameter in found)


# Of fit alone. Each model has defaults of its own: None leaves them, and an option it lacks is refused.
ModelName = Annotated[
    str, typer.Option("--model", metavar="NAME", help=f"Which kind: {' or '.join(MODELS)}.")
]
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


@dataclass(frozen=True)
class _Fit:
    """A fitted model, and what it was fitted and tested on; no test where all ratings were trained on."""

    model: Model
    train: Ratings
    test: Ratings | NewUsers | None
    evaluation: Evaluation
    seconds: float

    @property
    def train_errors(self) -> Errors:
        """RMSE and MAE."""
        found = self.evaluation
        if self.test is None:
            return found.rmse, found.mae
        return found.train_rmse, found.train_mae

    @property
    def test_errors(self) -> Errors | None:
        """RMSE and MAE."""
        return None if self.test is None else (self.evaluation.rmse, self.evaluation.mae)


def fit(
    ratings: RatingsSource,
    output: options.ModelOutput,
    model: ModelName = "als",
    factors: Factors = None,
    iterations: Iterations = None,
    regularization: Regularization = None,
    biases: Biases = None,
    weighting: Weighting = None,
    tolerance: options.Tolerance = None,
    alpha: Alpha = None,
    unobserved_weight: UnobservedWeight = None,
    nu: Nu = None,
    solver: SolverName = None,
    momentum: Momentum = None,
    threshold: Threshold = None,
    test_size: options.TestSize = "0.2",
    by: options.SplitName = "random",
    seed: options.Seed = 42,
    threads: options.Threads = None,
    as_json: AsJson = False,
) -> None:
    """Fit a model to ratings, and save it.

    A part of the ratings is held out, and says how well the model predicts what it has not seen.
    """
    share, kind_of_split = _test_size(test_size), _one_of("--split", by, get_args(SplitBy))
    unfitted = _new_model(
        model,
        n_factors=factors,
        n_iterations=iterations,
        regularization=regularization,
        biases=biases,
        weighting=_weighting(weighting),
        tolerance=tolerance,
        alpha=alpha,
        unobserved_weight=unobserved_weight,
        nu=nu,
        solver=solver,
        momentum=momentum,
        threshold=threshold,
        random_state=seed,
        n_threads=threads,
    )
    require_writable(output)
    found = _fit(unfitted, *_split(ratings_from(ratings), share, kind_of_split, seed))
    found.model.save(output)
    if as_json:
        show_json({"output": str(output), "model": model, **_document(found)})
    else:
        show_pairs([*_pairs(found), ("saved", str(output))])


def spelled_out(model: Model) -> str:
    """The model with its parameters, those left at their defaults too, but for what is None."""
    given = [f"{name}={value!r}" for name, value in model.get_params().items() if value is not None]
    return f"{type(model).__name__}({', '.join(given)})"


def _new_model(name: str, **parameters: Any) -> Model:
    kind = MODELS[_one_of("--model", name, list(MODELS))]
    given = {parameter: value for parameter, value in parameters.items() if value is not None}
    for parameter in given:
        if parameter not in kind.parameter_names():
            option = "--" + parameter.removeprefix("n_").replace("_", "-")
            raise DataError(f"{option} is no option of --model {name}; leave it out")
    model = kind(**given)
    model._check_parameters()
    return model


def _one_of(option: str, text: str, expected: Sequence[str]) -> Any:
    if text not in expected:
        raise DataError(f"{option} {text!r}; expected one of: {', '.join(expected)}")
    return text


def _weighting(text: str | None) -> Any:
    """A number where the text is one; the model says what else it takes."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _test_size(text: str) -> float | int:
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise DataError(f"--test-size {text!r}; expected a share such as 0.2, or a whole number") from None


def _split(
    ratings: Ratings, test_size: float | int, by: SplitBy, seed: int
) -> tuple[Ratings, Ratings | NewUsers | None]:
    if test_size == 0:
        return ratings, None
    return split(ratings, test_size=test_size, by=by, random_state=seed)


def _fit(model: Model, train: Ratings, test: Ratings | NewUsers | None) -> _Fit:
    began = time.perf_counter()
    # People whom the fit does not know cannot be followed while it is under way.
    model.fit(train, None if isinstance(test, NewUsers) else test)
    seconds = time.perf_counter() - began
    with status("evaluating"):
        evaluation = evaluate(model, train) if test is None else evaluate(model, test, train=train)
    return _Fit(model, train, test, evaluation, seconds)


def _document(found: _Fit) -> dict[str, Any]:
    whole = found.evaluation.to_dict()
    return {
        "parameters": found.model.get_params(),
        "n_users": found.train.n_users,
        "n_items": found.train.n_items,
        "n_train": len(found.train),
        "n_test": 0 if found.test is None else len(found.test),
        "train": _errors(found.train_errors),
        "test": None if found.test_errors is None else _errors(found.test_errors),
        "ranking": None if found.test is None else {name: whole[name] for name in ("k", *RANKING)},
        "overfitting": {name: whole[name] for name in ("ratio", "gap", "verdict")},
        "history": [record.to_dict() for record in found.model.history_],
        "seconds": found.seconds,
    }


def _errors(errors: Errors) -> dict[str, float | None]:
    return dict(zip(("rmse", "mae"), errors, strict=True))


def _pairs(found: _Fit) -> list[tuple[str, str]]:
    n_iterations = len(found.model.history_)
    pairs = [
        ("fitted", spelled_out(found.model)),
        ("users, movies", f"{found.train.n_users:,}, {found.train.n_items:,}"),
        ("train", _ratings_and_errors(found.train, found.train_errors)),
    ]
    if found.test is not None and found.test_errors is not None:
        pairs.append(("test", _ratings_and_errors(found.test, found.test_errors)))
        pairs.append(
            ("lists of 10", f"NDCG {found.evaluation.ndcg:.4f}, recall {found.evaluation.recall:.4f}")
        )
    if found.evaluation.verdict is not None:
        pairs.append(("test / train", f"{found.evaluation.ratio:.3f}  {found.evaluation.verdict}"))
    return [*pairs, ("time", f"{found.seconds:.2f} s for {n_iterations} iterations")]


def _ratings_and_errors(ratings: Ratings | NewUsers, errors: Errors) -> str:
    rmse, mae = errors
    if rmse is None or mae is None:
        return f"{len(ratings):,} ratings"
    return f"RMSE {rmse:.4f}, MAE {mae:.4f}, of {len(ratings):,} ratings"
