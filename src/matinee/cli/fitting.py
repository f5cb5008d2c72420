"""The command fit: a model from ratings, and how well it does on those held out."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import polars as pl

from matinee.cli import model_options, options
from matinee.cli.cluster import ClusterFit, ClusterPlace, fitted_on_spark
from matinee.cli.files import require_writable
from matinee.cli.model_options import MODELS
from matinee.cli.options import AsJson, RatingsSource
from matinee.cli.output import complain, show, show_json, show_pairs, status
from matinee.cli.sources import movies_from, ratings_from, users_from
from matinee.errors import DataError
from matinee.evaluation import Evaluation, evaluate
from matinee.evaluation.ranking_metrics import RANKING
from matinee.models import BayesianALS, Model
from matinee.ratings import Ratings
from matinee.ratings.splits import NewUsers, SplitBy, split

Errors = tuple[float | None, float | None]


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
    output: options.FitOutput,
    model: model_options.ModelName = "als",
    factors: model_options.Factors = None,
    iterations: model_options.Iterations = None,
    regularization: model_options.Regularization = None,
    biases: model_options.Biases = None,
    weighting: model_options.Weighting = None,
    tolerance: options.Tolerance = None,
    alpha: model_options.Alpha = None,
    unobserved_weight: model_options.UnobservedWeight = None,
    nu: model_options.Nu = None,
    solver: model_options.SolverName = None,
    momentum: model_options.Momentum = None,
    threshold: model_options.Threshold = None,
    samples: model_options.Samples = None,
    burn_in: model_options.BurnIn = None,
    kept: model_options.Kept = None,
    implicit: model_options.Implicit = None,
    users: model_options.UserFeatures = None,
    movies: model_options.ItemFeatures = None,
    test_size: options.TestSize = "0.2",
    by: options.SplitName = "random",
    seed: options.Seed = 42,
    threads: options.Threads = None,
    spark: options.SparkMaster = None,
    checkpoints: options.Checkpoints = None,
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
        n_samples=samples,
        n_burn_in=burn_in,
        n_kept=kept,
        implicit=implicit,
        random_state=seed,
        n_threads=threads,
    )
    if checkpoints is not None and spark is None:
        raise DataError("--checkpoints is of a fit on a cluster; expected --spark too")
    in_frames = spark is not None and "://" in output
    if not in_frames:
        require_writable(Path(output))
    features = _features(unfitted, users, movies)
    if spark is not None:
        place = ClusterPlace(spark, checkpoints, in_frames=in_frames)
        with fitted_on_spark(unfitted, ratings, place, share, kind_of_split, seed) as fitted:
            _save_from_cluster(fitted, output, model, as_json=as_json)
        return
    found = _fit(unfitted, *_split(ratings_from(ratings), share, kind_of_split, seed), features)
    _save(found, output, model, as_json=as_json)


def _save(found: _Fit, output: str, name: str, *, as_json: bool) -> None:
    found.model.save(output)
    if as_json:
        show_json({"output": output, "model": name, **_document(found)})
    else:
        show_pairs([*_pairs(found), ("saved", output)])


def _save_from_cluster(fitted: ClusterFit, output: str, name: str, *, as_json: bool) -> None:
    """As `_save`; a model whose factors stay on the cluster is a folder."""
    if isinstance(fitted.model, Model):
        _save(_as_fit(fitted.model, fitted), output, name, as_json=as_json)
        return
    fitted.model.save(output)
    evaluation = None if fitted.test is None else fitted.model.evaluate(fitted.test)
    if as_json:
        parameters = fitted.model.get_params()
        history = [record.to_dict() for record in fitted.model.history_]
        test = None if evaluation is None else evaluation.to_dict()
        found = {"parameters": parameters, "evaluation": test, "history": history, "seconds": fitted.seconds}
        show_json({"output": output, "model": name, **found})
        return
    if evaluation is not None:
        show(str(evaluation))
    n_iterations = len(fitted.model.history_)
    time_taken = f"{fitted.seconds:.2f} s for {n_iterations} iterations"
    show_pairs([("fitted", repr(fitted.model)), ("time", time_taken), ("saved", f"{output}, a folder")])


def _as_fit(model: Model, fitted: ClusterFit) -> _Fit:
    """A fit on the cluster whose model is here, as one of this machine."""
    train = Ratings(model.user_index_, model.item_index_, model.rated_)
    test = None if fitted.test is None else Ratings.from_frame(fitted.test.toArrow())
    with status("evaluating"):
        evaluation = evaluate(model, train) if test is None else evaluate(model, test, train=train)
    return _Fit(model, train, test, evaluation, fitted.seconds)


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


def _features(model: Model, users: str | None, movies: str | None) -> dict[str, pl.DataFrame]:
    """What the model's fit takes besides ratings."""
    given = {"--users": users, "--movies": movies}
    for option, source in given.items():
        if source is not None and not isinstance(model, BayesianALS):
            raise DataError(f"{option} is for --model bayes alone; leave it out")
    found = {}
    if users is not None:
        found["user_features"] = users_from(users)
    if movies is not None:
        found["item_features"] = movies_from(movies).features()
    return found


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


def _fit(
    model: Model,
    train: Ratings,
    test: Ratings | NewUsers | None,
    features: dict[str, pl.DataFrame],
) -> _Fit:
    began = time.perf_counter()
    fit: Any = model.fit
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # People whom the fit does not know cannot be followed while it is under way.
        fit(train, None if isinstance(test, NewUsers) else test, **features)
    for each in caught:
        complain(str(each.message))
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
        "interrupted": found.model.interrupted_,
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
