"""Fits a model to ratings on a Spark cluster: the function behind `matinee.spark.fit`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Literal

import numpy as np
from pyspark import SparkContext
from pyspark.sql import DataFrame

from matinee.checks import random_generator, whole_number
from matinee.errors import DataError
from matinee.models.alternating_model import AlternatingModel
from matinee.models.implicit import ImplicitALS
from matinee.models.model import Model
from matinee.ratings import Ratings, Rows
from matinee.ratings.duplicates import Duplicates, check_duplicates
from matinee.solving.history import Callback
from matinee.solving.row_problem import Side
from matinee.solving.training_loop import Alternation, Measure, take_start
from matinee.spark.answers.model import SparkModel
from matinee.spark.fitting.blocks import Census
from matinee.spark.fitting.checkpoints import Checkpoints
from matinee.spark.fitting.planning import DRIVER_ID_BYTES, most_for_driver
from matinee.spark.fitting.portions import Portions, read_portions
from matinee.spark.fitting.preparation import (
    Prepared,
    PreparedSide,
    encoded_by_cluster,
    encoded_by_driver,
    prepare,
)
from matinee.spark.fitting.results import fill_model, frames_of
from matinee.spark.fitting.sides import ClusterSide, State, drawn, routes_to, spread
from matinee.spark.fitting.small_frames import fetch_small, fetched_ratings
from matinee.spark.fitting.training_loop import ClusterAlternation
from matinee.spark.fitting.validation import fetched_validation, train_beside
from matinee.spark.frame_columns import check_frame
from matinee.spark.kinds import checked_kind
from matinee.spark.rating_frames import Columns, check_no_duplicates, marked_rows
from matinee.spark.sessions import check_workers, errors_of_workers, is_local, use_this_python

Exchange = Literal["auto", "broadcast", "routed"]
Result = Literal["auto", "model", "frames"]


@errors_of_workers()
def fit(
    model: Model,
    frame: Any,
    validation: Any = None,
    *,
    user: str = "user",
    item: str = "item",
    rating: str | None = "rating",
    weight: str | None = None,
    duplicates: Duplicates = "last",
    start: tuple[Any, Any] | None = None,
    user_features: None = None,
    item_features: None = None,
    exchange: Exchange = "auto",
    result: Result = "auto",
    n_blocks: int | None = None,
    checkpoint_folder: str | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> Model | SparkModel:
    """Fit a model to ratings that lie on a Spark cluster.

    The result is that of ``model.fit`` on one machine. Spark partitions the ratings once by users and once by
    items, and caches both. In a half-step, each block of a side gets the factors of the other side that it
    needs. One call of the native kernel solves the block.

    Parameters
    ----------
    model : ALS or ImplicitALS
    frame : pyspark.sql.DataFrame
        One rating per row, of a classic session, not of Spark Connect. The Python of every machine needs
        Matinee.
    validation : pyspark.sql.DataFrame, optional
        Ratings held out, in columns of the same names: the model does not learn from them. After each
        iteration, the fit records the error on them, or NDCG at 10 if the model predicts no ratings, and a
        ``tolerance`` counts by that. The driver computes it, and so fetches these ratings, all others and
        the factors.
    user, item, rating : str
        The names of the columns. Ids are integers or strings. With ``rating=None``, a row says only that the
        pair was seen, and counts 1.
    weight : str, optional
        The name of a column of weights. A rating of weight w counts as w equal ratings, and one of weight 0
        is no rating.
    duplicates : {"last", "first", "mean", "sum", "error"}
        What to do if a user has rated an item more than once. The order of the partitions, and of the rows
        in them, decides which rating is first or last.
    start : tuple of ndarray, shape (n_users, n_factors) and (n_items, n_factors), optional
        Starting factors, rows in the order of the ids.
    user_features, item_features
        Refused: a cluster learns nothing from features.
    exchange : {"auto", "broadcast", "routed"}
        How factors come to the blocks that need them. "broadcast" sends all factors of a side to every
        machine, through the driver. "routed" sends each row only to the blocks that have a rating of it.
        "auto" takes whichever moves less. If the whole fit takes only some seconds, "auto" has the driver
        fetch the ratings and do it alone.
    result : {"auto", "model", "frames"}
        "model" gives a fitted model. "frames" gives a `SparkModel`, whose factors stay in DataFrames. "auto"
        gives a model if it takes no more than a quarter of the driver's memory.
    n_blocks : int, optional
        How many blocks each side is divided into. By default, this depends on the size of the fit, and is a
        multiple of the number of processors.
    checkpoint_folder : str, optional
        A folder that all machines can write to. Routed factors are written there now and then, and a
        `SparkModel` made of them stays there. Required on a cluster if factors are routed.
    progress : bool
        Show a bar, on a terminal or in a notebook, if the fit takes over a second.
    callback : callable, optional
        Called with every `Iteration`. If it returns a true value, the fit ends there.

    Returns
    -------
    ALS, ImplicitALS or SparkModel
        The given model, now fitted; or a `SparkModel`, and the given model stays as it was.

    Raises
    ------
    DataError
        If the ratings or an argument are not valid. The message counts the bad rows and shows one of them.
        With ``validation``, also if the ratings do not fit the driver or factors stay on the cluster.
    MissingExtraError
        If pyspark is not installed.
    MatineeError
        If the Python of a machine that is to run tasks lacks Matinee or has another version of it.
    """
    if user_features is not None or item_features is not None:
        raise DataError(
            "a cluster learns nothing from features; leave them out, or call model.fit on one machine"
        )
    fitted = _checked_model(model)
    _check_choices(exchange, result, duplicates, fitted)
    if n_blocks is not None:
        whole_number("n_blocks", n_blocks, least=1)
    columns = Columns(user, item, rating, weight)
    check_frame(frame, columns.names)
    if validation is not None:
        check_frame(validation, columns.of_held_out.names)
    context = frame.sparkSession.sparkContext
    use_this_python(context)
    held_out = None if validation is None else fetched_validation(validation, columns)
    may_fit_here = exchange == "auto" and n_blocks is None
    whole = _fetched_if_small(frame, columns, fitted, duplicates) if may_fit_here else None
    if whole is None:
        check_workers(context)
    with ExitStack() as kept:
        reads = whole is None and exchange != "routed"
        portions = _read(frame, columns, duplicates, kept) if reads else None
        if portions is not None and may_fit_here and _is_small(portions, fitted):
            whole = portions.fetched(duplicates)
        if whole is not None:
            local = _unfitted(fitted) if result == "frames" else fitted
            _fit_here(local, whole, held_out, start, progress, callback, context)
            return SparkModel.from_model(frame.sparkSession, local) if result == "frames" else local
        prepared = _prepared(
            frame,
            columns,
            portions,
            fitted,
            duplicates=duplicates,
            exchange=exchange,
            n_blocks=n_blocks,
            kept=kept,
        )
        in_model = result == "model" or (result == "auto" and prepared.size.fits_driver)
        checkpoints = Checkpoints(context, checkpoint_folder)
        kept.callback(checkpoints.forget_all)
        alternation = _alternation(context, fitted, prepared, start, checkpoints)
        kept.callback(alternation.release)
        train = None if held_out is None else train_beside(held_out, prepared, alternation)
        history = alternation.run(
            fitted.n_iterations,
            measure=(
                _measure(fitted, prepared.census.weight)
                if train is None
                else alternation.model.measure(train, held_out)
            ),
            tolerance=fitted.tolerance,
            progress=progress,
            callback=callback,
        )
        if in_model:
            return fill_model(fitted, prepared, alternation, history, train)
        return frames_of(alternation.model, prepared, alternation, history)


def _read(frame: DataFrame, columns: Columns, duplicates: Duplicates, kept: ExitStack) -> Portions:
    portions = read_portions(frame, columns)
    kept.callback(portions.release)
    if duplicates == "error":
        check_no_duplicates(marked_rows(frame, columns))
    return portions


def _fetched_if_small(
    frame: DataFrame, columns: Columns, model: AlternatingModel, duplicates: Duplicates
) -> Ratings | None:
    """The ratings, if Spark knows them to be so few that the driver does the whole fit."""
    most = most_for_driver(_row_length(model), model.n_iterations)
    rows = fetch_small(frame, columns, most)
    if rows is None or len(rows) > most:
        return None
    return fetched_ratings(rows, frame, columns, duplicates)


def _is_small(portions: Portions, model: AlternatingModel) -> bool:
    """Whether the driver does the whole fit."""
    most = most_for_driver(_row_length(model), model.n_iterations)
    return portions.id_bytes <= DRIVER_ID_BYTES and portions.n_ratings <= most


def _fit_here(
    model: AlternatingModel,
    train: Ratings,
    held_out: Ratings | None,
    start: tuple[Any, Any] | None,
    progress: bool,
    callback: Callback | None,
    context: SparkContext,
) -> None:
    """Fit the given model on the driver, by as many processors as a local session may use."""
    worker = _unfitted(model)
    if worker.n_threads is None and is_local(context):
        worker.n_threads = context.defaultParallelism
    worker.fit(train, held_out, start=start, progress=progress, callback=callback)
    model.keep_fit(train, worker.user_side, worker.item_side, worker.mean_, worker.history_)


def _prepared(
    frame: DataFrame,
    columns: Columns,
    portions: Portions | None,
    model: AlternatingModel,
    *,
    duplicates: Duplicates,
    exchange: Exchange,
    n_blocks: int | None,
    kept: ExitStack,
) -> Prepared:
    if portions is not None and portions.id_bytes > DRIVER_ID_BYTES:
        portions.release()
        portions = None
    encoding = (
        encoded_by_cluster(frame, columns, duplicates=duplicates, kept=kept)
        if portions is None
        else encoded_by_driver(portions)
    )
    with encoding as encoded:
        return prepare(
            encoded,
            frame.sparkSession.sparkContext,
            duplicates=duplicates,
            n_factors=_row_length(model),
            exchange="broadcast" if model.momentum else exchange,
            n_blocks=n_blocks,
            has_weights=columns.weight is not None,
            kept=kept,
            observe=_observer(model),
        )


def _row_length(model: AlternatingModel) -> int:
    """How many numbers a row of factors has, with its bias if there are biases."""
    return model.n_factors + bool(model.has_biases)


def _checked_model(model: Any) -> AlternatingModel:
    checked = checked_kind(model)
    checked.check_parameters()
    return checked


def _check_choices(exchange: Any, result: Any, duplicates: Any, model: AlternatingModel) -> None:
    check_duplicates(duplicates)
    if duplicates == "latest":
        raise DataError(
            'duplicates="latest" needs times, which a fit on Spark does not read; sort the rows by them'
        )
    for name, given, expected in (
        ("exchange", exchange, ("auto", "broadcast", "routed")),
        ("result", result, ("auto", "model", "frames")),
    ):
        if given not in expected:
            listed = ", ".join(f'"{each}"' for each in expected)
            raise DataError(f"{name}={given!r}; expected one of {listed}")
    if model.momentum and exchange == "routed":
        raise DataError(f"momentum={model.momentum!r} does not work with routed factors; expected 0")
    if isinstance(model, ImplicitALS) and model.known_from:
        raise DataError(f"known_from={model.known_from!r} does not work on Spark; expected 0")
    if model.half_life is not None:
        raise DataError(f"half_life={model.half_life!r} needs times, which a fit on Spark does not read")


def _alternation(
    context: SparkContext,
    model: AlternatingModel,
    prepared: Prepared,
    start: tuple[Any, Any] | None,
    checkpoints: Checkpoints,
) -> ClusterAlternation:
    census = prepared.census
    scaled = _scaled(model, census)
    observed = scaled.observed(_two_values(census.low, census.high)).values
    users, items = _sides(context, model, prepared, start)
    alternation = ClusterAlternation(
        context,
        scaled,
        users,
        items,
        terms=model.terms_of(census.mean, float(observed[0]), float(observed[1])),
        checkpoints=checkpoints,
    )
    if alternation.is_routed:
        checkpoints.prepare()
    return alternation


def _observer(model: AlternatingModel) -> Callable[[Census], Callable[[Rows], Rows]] | None:
    return (lambda census: _scaled(model, census).observed) if model.observes_whole_users else None


def _scaled(model: AlternatingModel, census: Census) -> AlternatingModel:
    """A model of the same parameters that knows the mean and the range of the ratings."""
    scaled = _unfitted(model)
    scaled.take_scale(census.mean, census.low, census.high)
    return scaled


def _unfitted(model: AlternatingModel) -> AlternatingModel:
    """A new model with the same parameters."""
    return type(model)(**model.get_params())


def _sides(
    context: SparkContext, model: AlternatingModel, prepared: Prepared, start: tuple[Any, Any] | None
) -> tuple[ClusterSide, ClusterSide]:
    """Both sides with their starting factors. If not routed, they start as in a fit on one machine."""
    given = [
        model.empty_side(0 if side.is_routed and start is None else side.layout.n_rows)
        for side in (prepared.users, prepared.items)
    ]
    if start is None:
        model.draw_start(*given)
    else:
        take_start(start, *given)
    seeds = random_generator(model.random_state).integers(2**63, size=2).tolist()
    users, items = (
        _side(context, name, model, side, whole, others, seed if start is None else None)
        for name, side, whole, others, seed in (
            ("users", prepared.users, given[0], prepared.items, seeds[0]),
            ("items", prepared.items, given[1], prepared.users, seeds[1]),
        )
    )
    return users, items


def _side(
    context: SparkContext,
    name: str,
    model: AlternatingModel,
    prepared: PreparedSide,
    whole: Side,
    others: PreparedSide,
    seed: int | None,
) -> ClusterSide:
    layout = prepared.layout
    if not prepared.is_routed:
        return ClusterSide(name, layout, prepared.blocks, whole)
    empty = model.empty_side(0)
    if seed is None:
        solved = spread(context, whole, layout)
    else:
        solved = drawn(context, layout, empty, seed, model.starting_length)
    routes = routes_to(others.blocks, layout).persist()
    return ClusterSide(name, layout, prepared.blocks, empty, State(solved), routes)


def _measure(model: AlternatingModel, n_ratings: float) -> Measure:
    """What the history records of an iteration: the error on the training ratings, if it is defined."""

    def measure(fit: Alternation, squared_error: float) -> dict[str, float | None]:
        return {"train_rmse": float(np.sqrt(squared_error / n_ratings))} if model.predicts_ratings else {}

    return measure


def _two_values(low: float, high: float) -> Rows:
    return Rows(np.array([0, 2]), np.arange(2, dtype=np.int32), np.array([low, high], dtype=np.float32))
