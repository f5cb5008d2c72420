"""The command fit: fits a model to ratings, and evaluates it on held-out ones."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import polars as pl
import typer

from matinee.cli import options
from matinee.cli.cluster import ClusterFit, ClusterPlace, fitted_on_spark
from matinee.cli.files import require_table_format, require_writable, write_table
from matinee.cli.model_options import (
    DEFAULT_MODEL,
    DEFAULT_MODEL_ON_SPARK,
    ModelName,
    model_for,
    new_model,
    new_recommender,
    with_model_options,
)
from matinee.cli.options import AsJson, RatingsSource
from matinee.cli.output import complain, show, show_json, show_pairs, status
from matinee.cli.reading_options import Reading, with_reading_options
from matinee.cli.sources import movies_from, ratings_from, users_from
from matinee.errors import DataError
from matinee.evaluation import Evaluation, evaluate
from matinee.evaluation.ranking_metrics import RANKING
from matinee.models import Model, names_where
from matinee.models.recommender import Recommender
from matinee.ratings import Ratings
from matinee.ratings.contexts import OF_TIMES
from matinee.ratings.splits import NewUsers, SplitBy, split

Errors = tuple[float | None, float | None]
WITH_FEATURES = names_where(lambda kind: kind.takes_features)
WITH_CONTEXTS = names_where(lambda kind: kind.contexts_are == "learned")
UserFeatures = Annotated[
    str | None,
    typer.Option(
        "--users",
        metavar="USERS",
        help="Learn also from features of users, such as their age: a file (users.dat, u.user, or a table "
        f"with a header), or the name of a dataset. Only for {WITH_FEATURES}.",
    ),
]
ItemFeatures = Annotated[
    str | None,
    typer.Option(
        "--movies",
        metavar="MOVIES",
        help="Learn also from the movies' genres and years: a file (movies.dat, movies.csv, u.item), or the "
        f"name of a dataset. Only for {WITH_FEATURES}.",
    ),
]

RatingContexts = Annotated[
    str | None,
    typer.Option(
        "--contexts",
        metavar="NAME,…",
        help=f"Learn also from when people rated: {', '.join(OF_TIMES)}, by the timestamps. Only for "
        f"{WITH_CONTEXTS}.",
    ),
]

TestOutput = Annotated[
    Path | None,
    typer.Option(
        "--save-test",
        metavar="FILE",
        help="Also write the ratings that were held out, for 'matinee evaluate'; the name ends in .csv or "
        ".parquet.",
    ),
]


@dataclass(frozen=True)
class _Fit:
    """A fitted model, and its ratings for training and for testing; test is None if all were for training."""

    model: Model
    train: Ratings
    test: Ratings | NewUsers | None
    evaluation: Evaluation
    seconds: float

    @property
    def train_errors(self) -> Errors:
        """The RMSE and MAE of the training ratings."""
        found = self.evaluation
        if self.test is None:
            return found.rmse, found.mae
        return found.train_rmse, found.train_mae

    @property
    def test_errors(self) -> Errors | None:
        """The RMSE and MAE of the test ratings; None without any."""
        return None if self.test is None else (self.evaluation.rmse, self.evaluation.mae)


@with_reading_options
@with_model_options
def fit(
    ratings: RatingsSource,
    output: options.FitOutput,
    model: ModelName = None,
    users: UserFeatures = None,
    movies: ItemFeatures = None,
    contexts: RatingContexts = None,
    test_size: options.TestSize = "0.2",
    by: options.SplitName = "random",
    seed: options.Seed = 42,
    threads: options.Threads = None,
    spark: options.SparkMaster = None,
    checkpoints: options.Checkpoints = None,
    save_test: TestOutput = None,
    as_json: AsJson = False,
    *,
    reading: Reading,
    **parameters: Any,
) -> None:
    """Fit a model to ratings, and save it.

    A part of the ratings is held out to measure how well the model predicts ratings that it has not seen.
    """
    share, kind_of_split = share_of(test_size), one_of("--split", by, get_args(SplitBy))
    name = model or (DEFAULT_MODEL if spark is None else DEFAULT_MODEL_ON_SPARK)
    unfitted: Model
    of_watch: dict[str, Any] = {}
    if name == DEFAULT_MODEL:
        unfitted, of_watch = new_recommender(**parameters, seed=seed, threads=threads)
    else:
        unfitted = new_model(name, **parameters, seed=seed, threads=threads)
    if checkpoints is not None and spark is None:
        raise DataError("--checkpoints works only with --spark; expected both")
    in_frames = spark is not None and "://" in output
    if not in_frames:
        require_writable(Path(output))
    features = features_from(unfitted.takes_features, users, movies)
    if contexts is not None and unfitted.contexts_are != "learned":
        raise DataError(f"--contexts works only with --model {WITH_CONTEXTS}; leave it out")
    if save_test is not None:
        _check_save_test(save_test, share, kind_of_split, spark)
    if spark is not None and features:
        raise DataError("--users and --movies do not work with --spark; leave them out")
    if spark is not None and contexts is not None:
        raise DataError("--contexts does not work with --spark; leave it out")
    if spark is not None and reading:
        raise DataError("options for reading do not work with --spark; leave them out")
    if spark is not None:
        place = ClusterPlace(spark, checkpoints, in_frames=in_frames)
        with fitted_on_spark(unfitted, ratings, place, share, kind_of_split, seed) as fitted:
            _save_from_cluster(fitted, output, name, as_json=as_json)
        return
    table = ratings_from(ratings, reading)
    if contexts is not None:
        table = table.with_contexts([name.strip() for name in contexts.split(",")])
    train, test = _split(table, share, kind_of_split, seed)
    if save_test is not None and isinstance(test, Ratings):
        write_table(test.to_frame(), save_test)
    if isinstance(unfitted, Recommender):
        unfitted = model_for(train, unfitted, of_watch, seed)
        if not isinstance(unfitted, Recommender):
            name = "implicit"
            complain("all ratings are alike, so this model learns what people watch and expects no stars")
    found = _fit(unfitted, train, test, features)
    _save(found, output, name, as_json=as_json)


def _save(found: _Fit, output: str, name: str, *, as_json: bool) -> None:
    found.model.save(output)
    if as_json:
        show_json({"output": output, "model": name, **_document(found)})
    else:
        show_pairs([*_pairs(found), ("saved", output)])


def _save_from_cluster(fitted: ClusterFit, output: str, name: str, *, as_json: bool) -> None:
    """Save a model fitted on a cluster; if its factors stay there, it is saved as a folder."""
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
    """The result of a fit on a cluster whose model is on this machine, as if it had been fitted here."""
    train = Ratings(model.user_index_, model.item_index_, model.rated_)
    test = None if fitted.test is None else Ratings.from_frame(fitted.test.toArrow())
    with status("evaluating"):
        evaluation = _judged(model, train, test)
    return _Fit(model, train, test, evaluation, fitted.seconds)


def _judged(model: Model, train: Ratings, test: Ratings | NewUsers | None) -> Evaluation:
    """The evaluation on what was held out, or else on what was fitted."""
    if test is None:
        return evaluate(model, train, progress=False)
    return evaluate(model, test, train=train, progress=False)


def spelled_out(model: Model) -> str:
    """The model with all its parameters in words, also the defaults; those that are None are left out."""
    given = [f"{name}={value!r}" for name, value in model.get_params().items() if value is not None]
    return f"{type(model).__name__}({', '.join(given)})"


def features_from(is_able: bool, users: str | None, movies: str | None) -> dict[str, Any]:
    """The features that a fit takes besides ratings.

    Raises
    ------
    DataError
        If there are some, and the model is not able to learn from them.
    """
    given = {"--users": users, "--movies": movies}
    for option, source in given.items():
        if source is not None and not is_able:
            raise DataError(f"{option} works only with --model {WITH_FEATURES}; leave it out")
    found: dict[str, Any] = {}
    if users is not None:
        found["user_features"] = users_from(users)
    if movies is not None:
        found["item_features"] = movies_from(movies).features()
    return found


def _check_save_test(path: Path, share: float | int, by: str, spark: str | None) -> None:
    if spark is not None or share == 0 or by == "new_users":
        other = "--spark" if spark is not None else "--test-size 0" if share == 0 else "--split new_users"
        raise DataError(f"--save-test does not work with {other}; 'matinee split' writes all parts")
    require_writable(require_table_format(path))


def one_of(option: str, text: str, expected: Sequence[str]) -> Any:
    """The text, if it is one of those expected; raises a DataError that names the option otherwise."""
    if text not in expected:
        raise DataError(f"{option} {text!r}; expected one of: {', '.join(expected)}")
    return text


def share_of(text: str) -> float | int:
    """The share, or the number, of ratings that the text of --test-size stands for."""
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
        # The fit cannot measure the error of NewUsers, since the model does not know these people.
        fit(train, None if isinstance(test, NewUsers) else test, **features)
    for each in caught:
        complain(str(each.message))
    seconds = time.perf_counter() - began
    with status("evaluating"):
        evaluation = _judged(model, train, test)
    return _Fit(model, train, test, evaluation, seconds)


def _document(found: _Fit) -> dict[str, Any]:
    whole = found.evaluation.to_dict()
    return {
        "parameters": found.model.header()["parameters"],
        "parts": [part.header() | {"history": None} for part in found.model.parts],
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
        *((label, spelled_out(part)) for label, part in _labelled_parts(found.model)),
        ("users, movies", f"{found.train.n_users:,}, {found.train.n_items:,}"),
        ("train", _ratings_and_errors(found.train, found.train_errors)),
    ]
    if found.test is not None and found.test_errors is not None:
        pairs.append(("test", _ratings_and_errors(found.test, found.test_errors)))
        pairs += _lists_and_most_popular(found.evaluation)
    if found.evaluation.verdict is not None:
        pairs.append(("test / train", f"{found.evaluation.ratio:.3f}  {found.evaluation.verdict}"))
    return [*pairs, ("time", f"{found.seconds:.2f} s for {n_iterations} iterations")]


def _lists_and_most_popular(found: Evaluation) -> list[tuple[str, str]]:
    """How good the lists are, and beside them those of the most popular."""
    popular = found.most_popular
    pairs = [("lists of 10", _list_figures(found.ndcg, found.ndcg_liked, found.recall))]
    if popular is not None:
        figures = (popular[name] for name in ("ndcg", "ndcg_liked", "recall"))
        pairs.append(("most popular", _list_figures(*figures)))
    return pairs


def _list_figures(ndcg: float | None, liked: float | None, recall: float | None) -> str:
    named = (("NDCG", ndcg), ("NDCG of what was liked", liked), ("recall", recall))
    return ", ".join(f"{name} {value:.4f}" for name, value in named if value is not None)


def _labelled_parts(model: Model) -> list[tuple[str, Model]]:
    if not model.parts:
        return []
    *watch, stars = model.parts
    return [*(("ranks by", part) for part in watch), ("rates by", stars)]


def _ratings_and_errors(ratings: Ratings | NewUsers, errors: Errors) -> str:
    rmse, mae = errors
    if rmse is None or mae is None:
        return f"{len(ratings):,} ratings"
    return f"RMSE {rmse:.4f}, MAE {mae:.4f}, of {len(ratings):,} ratings"
