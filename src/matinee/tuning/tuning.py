"""Finds a model's best parameters with Optuna."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import polars as pl

from matinee.checks import number, whole_number
from matinee.errors import DataError, MissingExtraError
from matinee.evaluation.ranking_metrics import LIKED
from matinee.html import html_table
from matinee.models import Model, models_by_short_name
from matinee.models.parameters import thread_count
from matinee.models.search_space import SearchSpace
from matinee.progress import Bar, progress_bar
from matinee.ratings import Ratings, check_ratings
from matinee.ratings.splits import SplitOfRatings
from matinee.tuning.own_values import with_own_values
from matinee.tuning.search import METRICS, Search, complete, finished
from matinee.tuning.study_file import named_in_errors

if TYPE_CHECKING:
    import optuna

# Optuna's names of the states in which a trial ends, and our names.
STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True, kw_only=True, repr=False)
class TuningResult:
    """The result of a search.

    Attributes
    ----------
    best_model : Model
        A model with the best parameters, fitted to all ratings.
    best_params : dict
        The best values of the searched parameters, and the number of iterations if it was read off the curve.
    best_value : float
        The value of the best trial on the held-out ratings.
    metric : str
        The metric of the value.
    trials : polars.DataFrame
        A row for every trial, in order: ``number``, from 0; ``state``, which is "complete", "pruned" or
        "failed" (interrupted); ``value``, the best on the trial's curve; a column for every parameter;
        ``iterations``, the number that were run; and ``seconds``.
    stopped_by : {"timeout", "interrupt"} or None
        What ended the search before all trials and the last fit were complete.
    study : optuna.Study or None
        The trials as a study of Optuna, for ``optuna.visualization`` and ``optuna.importance``. Its
        parameters have the model's own values, and each trial has its curve in ``intermediate_values``. It is
        kept in memory: whatever is done to it changes no study file. None in a result that `tune` has not
        made.
    """

    best_model: Model
    best_params: dict[str, Any]
    best_value: float
    metric: str
    trials: pl.DataFrame
    stopped_by: str | None = None
    study: optuna.Study | None = field(default=None, compare=False)

    @property
    def first_value(self) -> float:
        """The value of the parameters tried first: the defaults, or those of the given model."""
        complete = self.trials.filter(pl.col("state") == "complete")
        return float(complete["value"][0])

    def __repr__(self) -> str:
        found = f"{self.metric} {self.best_value:.4f} of {len(self.trials)} trials"
        return f"TuningResult({found}, {self.best_model!r})"

    def _repr_html_(self) -> str:
        """Tables for a notebook: the best parameters, and the trials with the best first."""
        best = [(name, _short(value)) for name, value in self.best_params.items()]
        found = html_table([], [(self.metric, _short(self.best_value)), *best])
        is_higher_better = METRICS[self.metric] == "maximize"
        trials = self.trials.sort("value", descending=is_higher_better, nulls_last=True)
        rows = ([_short(value) for value in row] for row in trials.iter_rows())
        return found + html_table(self.trials.columns, rows)


def _short(value: Any) -> str:
    """A value as a table shows it: a number of four digits, and a dash for none."""
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def tune(
    ratings: Ratings,
    model: str | Model = "als",
    *,
    n_trials: int = 30,
    random_state: int = 0,
    by: SplitOfRatings | None = None,
    test_size: float | int = 0.2,
    metric: str | None = None,
    max_factors: int = 256,
    user_features: Any = None,
    item_features: Any = None,
    study: str | Path | None = None,
    timeout: float | None = None,
    progress: bool = True,
    n_threads: int | None = None,
) -> TuningResult:
    """Find the best parameters in a number of trials, and fit a model with them to all ratings.

    Parameters
    ----------
    ratings : Ratings
    model : {"als", "implicit", "bayes", "item-ridge", "recommender"} or Model
        The model to tune. The parameters of a given model are tried first, and those that are not searched
        are kept.
    n_trials : int
        The number of all trials, with those in the study file. The first trial is of the model's defaults.
    random_state : int
        The seed of the split, of the search, and of models that are given by name.
    by, test_size
        How ratings are held out to judge the trials; see `split`. The default of ``by`` is "random" for ALS
        and BayesianALS, and "user" for the others.
    metric : str, optional
        "rmse", "mae" or, for lists of 10, "precision", "recall", "ndcg", "map", "mrr", "hit_rate",
        "ndcg_liked", "recall_liked", "mean_stars_of_hits", "share_disliked", as `evaluate` defines them. The
        default is "rmse" for ALS and BayesianALS, and "ndcg" for the others. With it, ALS, ImplicitALS and
        BayesianALS are followed on their validation curve. In every other search, trials are fitted to their
        end, with the model's number of iterations.
    max_factors : int
        The largest number of factors to try.
    user_features, item_features : frame, optional
        What every fit learns besides ratings, as in `ALS.fit`. Then κ, the ``feature_regularization``, is
        searched as well, as is the ``context_regularization`` of an `ALS` if the ratings have contexts.
    study : path, optional
        A file that keeps the trials. The same search with the same file continues where it was stopped, with
        the same result as a search in one go.
    timeout : float, optional
        The number of seconds after which no further trial starts.
    progress : bool
        Show a progress bar on a terminal and in a notebook.
    n_threads : int, optional
        The number of threads of every fit; the default is the model's own.

    Returns
    -------
    TuningResult
        The same for the same seed. Ctrl-C ends the search early and returns the best found so far.

    Raises
    ------
    MissingExtraError
        If Optuna is not installed.
    DataError
        If an argument is out of its range, there are too few ratings to hold any out, or the study file
        belongs to another search, is damaged, or cannot be read or written.
    KeyboardInterrupt
        On Ctrl-C before any trial is complete. Also on Ctrl-C in the last fit, unless the model keeps what it
        has by then.
    """
    _require_optuna()
    check_ratings(ratings)
    n_trials = whole_number("n_trials", n_trials, least=1)
    deadline = math.inf if timeout is None else time.monotonic() + number("timeout", timeout, least=0)
    unfitted = _unfitted_model(model, random_state, n_threads)
    space = _space_of(type(unfitted))
    features = _given(type(unfitted), user_features=user_features, item_features=item_features)
    search = Search(
        unfitted,
        ratings,
        metric=_checked_metric(metric, type(unfitted), ratings),
        by=_checked_split(by, space),
        test_size=test_size,
        random_state=whole_number("random_state", random_state, least=0),
        max_factors=whole_number("max_factors", max_factors, least=1),
        features=features,
    )
    path = None if study is None else Path(study)
    with _quiet(), named_in_errors(path):
        trials = search.open(path)
        stopped_by = _run(search, trials, n_trials, deadline, progress)
        return _result(search, trials, stopped_by, progress)


def _run(search: Search, study: optuna.Study, n_trials: int, deadline: float, progress: bool) -> str | None:
    """Run trials until there are ``n_trials``; return what ended the search earlier, or None."""
    try:
        with progress_bar("tune", n_trials, shown=progress, at_once=True) as bar:
            _report(bar, study, search.metric)
            while len(finished(study)) < n_trials:
                if time.monotonic() >= deadline and complete(study):
                    return "timeout"
                search.next(study)
                _report(bar, study, search.metric)
    except KeyboardInterrupt:
        if not complete(study):
            raise
        return "interrupt"
    return None


def _report(bar: Bar, study: optuna.Study, metric: str) -> None:
    bar.update(len(finished(study)), note=f"{metric} {study.best_value:.4f}" if complete(study) else "")


def _result(search: Search, study: optuna.Study, stopped_by: str | None, progress: bool) -> TuningResult:
    best = study.best_trial
    parameters = dict(best.user_attrs["parameters"])
    model: Any = search.model_with(parameters)
    model.fit(search.ratings, progress=progress, **search.features)
    if model.interrupted_:
        stopped_by = "interrupt"
    return TuningResult(
        best_model=model,
        best_params=parameters,
        best_value=study.best_value,
        metric=search.metric,
        trials=_frame(study, list(parameters)),
        stopped_by=stopped_by,
        study=with_own_values(study, search.space),
    )


# ---- arguments ----------------------------------------------------------------------------------


def _require_optuna() -> None:
    try:
        with warnings.catch_warnings():
            # In a notebook tqdm, which Optuna loads, misses ipywidgets, which nothing here needs.
            warnings.filterwarnings("ignore", message="IProgress not found")
            import optuna  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            'tuning needs Optuna, which is not installed; run: python -m pip install "matinee[tune]"'
        ) from error


def tunable_models() -> dict[str, type[Model]]:
    """The models that have parameters to tune, by the names that ``tune`` takes."""
    return {name: kind for name, kind in models_by_short_name().items() if kind.search_space is not None}


def _space_of(kind: type[Model]) -> SearchSpace:
    if kind.search_space is None:
        names = ", ".join(map(repr, tunable_models()))
        raise DataError(f"model is a {kind.__name__}; expected one of {names}, or one of these models")
    return kind.search_space


def _given(kind: type[Model], **features: Any) -> dict[str, Any]:
    """The features that are not None.

    Raises
    ------
    DataError
        If there are some, and the model learns nothing from features.
    """
    given = {name: each for name, each in features.items() if each is not None}
    if given and not kind.takes_features:
        name = kind.__name__
        raise DataError(f"{next(iter(given))} is given, but {name} learns nothing from features")
    return given


def _unfitted_model(model: Any, random_state: int, n_threads: int | None) -> Model:
    kinds = tunable_models()
    if isinstance(model, str):
        if model not in kinds:
            names = ", ".join(map(repr, kinds))
            raise DataError(f"model={model!r}; expected one of {names}, or a model")
        unfitted: Any = kinds[model]()
        if "random_state" in unfitted.parameter_names():
            unfitted.set_params(random_state=random_state)
    elif isinstance(model, Model):
        unfitted = type(model)(**model.get_params())
    else:
        names = ", ".join(map(repr, kinds))
        raise DataError(f"model is a {type(model).__name__}; expected one of {names}, or one of these models")
    _space_of(type(unfitted))
    if n_threads is not None:
        unfitted.set_params(n_threads=n_threads)
    unfitted.check_parameters()
    thread_count(unfitted.n_threads)
    found: Model = unfitted
    return found


def _checked_metric(metric: str | None, kind: type[Model], ratings: Ratings) -> str:
    space = _space_of(kind)
    has_errors = kind.predicts_ratings and space.moves_errors
    possible = [name for name in METRICS if has_errors or name not in ("rmse", "mae")]
    if metric is None:
        return space.metric
    if metric not in possible:
        expected = ", ".join(map(repr, possible))
        raise DataError(f"metric={metric!r}; expected one of {expected} for {kind.__name__}")
    if metric in LIKED and float(ratings.values.min()) == float(ratings.values.max()):
        raise DataError(
            f"metric={metric!r} for ratings that are all {ratings.values[0]:g}, which don't tell what people "
            'liked; tune for another metric, such as "ndcg"'
        )
    return metric


def _checked_split(by: Any, space: SearchSpace) -> SplitOfRatings:
    if by is None:
        return space.split_by
    if by not in get_args(SplitOfRatings):
        expected = ", ".join(map(repr, get_args(SplitOfRatings)))
        raise DataError(f"by={by!r}; expected one of {expected}")
    kind: SplitOfRatings = by
    return kind


# ---- what is shown and given back ----------------------------------------------------------------


def _frame(study: optuna.Study, parameters: list[str]) -> pl.DataFrame:
    best: Callable[[Any], float] = min if study.direction.name == "MINIMIZE" else max
    rows = []
    for trial in study.get_trials(deepcopy=False):
        known = trial.user_attrs
        curve = [*trial.intermediate_values.values(), *(trial.values or [])]
        rows.append(
            {
                "number": trial.number,
                "state": STATES.get(trial.state.name, "failed"),
                "value": best(curve) if curve else None,
                **{name: known.get("parameters", {}).get(name) for name in parameters},
                "iterations": known.get("iterations"),
                "seconds": known.get("seconds"),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Optuna's log, its warnings about experimental features, and models' warnings about Ctrl-C."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", message="interrupted after")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
