"""The trials of a search: which parameters are tried next, how a trial is judged, and when it is given up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from matinee.errors import DataError
from matinee.evaluation import evaluate_alone
from matinee.models import Model
from matinee.models.search_space import Doubling, OnOrOff
from matinee.ratings import Ratings
from matinee.ratings.splits import SplitOfRatings, split
from matinee.solving.history import Iteration
from matinee.tuning.spaces import Coordinates
from matinee.tuning.study_check import DOUBLED, TrialCheck
from matinee.tuning.study_file import check_study, fingerprint, hash_of, journal

if TYPE_CHECKING:
    import optuna

# The metrics to tune for, and whether a lower value is better. Ranking metrics are for lists of 10.
METRICS: dict[str, Literal["minimize", "maximize"]] = {
    "rmse": "minimize",
    "mae": "minimize",
    "precision": "maximize",
    "recall": "maximize",
    "ndcg": "maximize",
    "map": "maximize",
    "mrr": "maximize",
    "hit_rate": "maximize",
    "ndcg_liked": "maximize",
    "recall_liked": "maximize",
    "mean_stars_of_hits": "maximize",
    "share_disliked": "minimize",
}
# The number of random trials before the sampler uses what it has seen, and before the best parameters are
# tried with twice the factors.
N_RANDOM = 8
# The first iterations of a fit mostly show where it started. If only few fits have got as far, these are the
# best ones, and it would be wrong to measure the others by them.
PRUNING = {"n_startup_trials": 5, "n_warmup_steps": 5, "n_min_trials": 4}
# A curve ends when the iterations of a space's patience have not improved it by this share of its best value.
LEAST_GAIN = 1e-4
STUDY_NAME = "matinee"


class Search:
    """One search: everything that its trials share, and the choice of the next trial.

    Parameters
    ----------
    model : Model
        The model to tune; its class has a search space. Its parameters are tried first.
    ratings : Ratings
        The ratings, of which the same part is held out for all trials.
    metric : str
        One of ``METRICS``.
    by, test_size, random_state
        The parameters of the split; the sampler uses the same seed.
    max_factors : int
        The largest number of factors to try.
    features : mapping
        The features that every fit is given, by the names of its parameters.
    """

    def __init__(
        self,
        model: Model,
        ratings: Ratings,
        *,
        metric: str,
        by: SplitOfRatings,
        test_size: float | int,
        random_state: int,
        max_factors: int,
        features: Mapping[str, Any],
    ) -> None:
        assert model.search_space is not None
        self.space, self.model, self.ratings = model.search_space, model, ratings
        self.features = features
        if features:
            self.space = self.space.with_features()
        if ratings.contexts is not None:
            self.space = self.space.with_contexts()
        self.metric = metric
        self.random_state = random_state
        self.train, self.validation = split(ratings, test_size=test_size, by=by, random_state=random_state)
        self.coordinates = Coordinates(self.space, model, self.train, max_factors)
        self.split_in_words = f"{by}, test_size={test_size}"

    @property
    def has_curve(self) -> bool:
        """Whether every iteration of a fit shows the metric."""
        return self.space.has_curve and self.metric == self.space.metric

    def model_with(self, parameters: dict[str, Any]) -> Model:
        """A model with these parameters; all others are those of the model that is tuned."""
        return type(self.model)(**self.model.get_params() | parameters)

    def open(self, path: Path | None) -> optuna.Study:
        """The study in a file, or a new one.

        Raises
        ------
        DataError
            If the file is damaged or from another search; it is then left as it was.
        """
        import optuna

        storage, belongs_to = None, self._in_words()
        if path is not None:
            storage = journal(path)
            passes = TrialCheck(self.model, self.coordinates).passes
            check_study(storage, STUDY_NAME, path, METRICS[self.metric], belongs_to, passes)
        study = optuna.create_study(
            storage=storage,
            study_name=STUDY_NAME,
            direction=METRICS[self.metric],
            pruner=optuna.pruners.MedianPruner(**PRUNING),
            load_if_exists=True,
        )
        if path is not None and "search" not in study.user_attrs:
            study.set_user_attr("search", belongs_to)
        return study

    def _in_words(self) -> dict[str, str]:
        """Everything that a trial's value depends on, except the parameters that are searched."""
        searched = {"n_threads", *self.space.parameters}
        kept = {name: value for name, value in self.model.get_params().items() if name not in searched}
        return {
            "model": type(self.model).__name__,
            "parameters": str(kept),
            "ratings": f"{len(self.ratings):,} with hash {fingerprint(self.ratings)}",
            "split": f"by {self.split_in_words}",
            "metric": self.metric,
            "seed": str(self.random_state),
            "tried first": str(self.coordinates.first),
            **{name: f"with hash {hash_of(features)}" for name, features in self.features.items()},
        }

    def next(self, study: optuna.Study) -> None:
        """Run one more trial; errors of the model and Ctrl-C are passed on."""
        import optuna

        self._enqueue(study)
        # Every trial has a seed of its own, so a search that continues from a file draws the same numbers as
        # a search in one go.
        seed = np.random.SeedSequence([self.random_state, len(finished(study))]).generate_state(1)[0]
        study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=N_RANDOM, multivariate=True, group=True, constant_liar=False, seed=int(seed)
        )
        trial = study.ask()
        try:
            value = self._try(trial, self.coordinates.parameters_at(self._suggest(study, trial)))
            study.tell(trial, value)
        except optuna.TrialPruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        except BaseException:
            study.tell(trial, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
            raise

    def _enqueue(self, study: optuna.Study) -> None:
        """Queue parameters to be tried next: the first ones, or the best so far with twice the factors."""
        if not complete(study):
            study.enqueue_trial(self.coordinates.start)
        elif len(finished(study)) >= N_RANDOM:
            for name, ladder in self.coordinates.ladders.items():
                rung = study.best_trial.params[name] + 1
                if rung < len(ladder) and (name, rung) not in _doubled(study):
                    study.enqueue_trial({**study.best_trial.params, name: rung}, {DOUBLED: {name: rung}})

    def _top(self, study: optuna.Study, trial: optuna.Trial, name: str) -> int:
        """The highest rung of a ladder that was tried so far, or that this trial is to try."""
        rungs: list[int] = [each.params[name] for each in finished(study)]
        raised: int = trial.user_attrs.get(DOUBLED, {}).get(name, 0)
        top = max([self.coordinates.top_at_first(name), raised, *rungs])
        return min(top, len(self.coordinates.ladders[name]) - 1)

    def _suggest(self, study: optuna.Study, trial: optuna.Trial) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, axis in self.space.parameters.items():
            if isinstance(axis, Doubling):
                found[name] = trial.suggest_int(name, 0, self._top(study, trial, name))
            elif isinstance(axis, OnOrOff):
                found[name] = trial.suggest_categorical(name, [False, True])
            else:
                low, high = self.coordinates.bounds(name)
                found[name] = trial.suggest_float(name, low, high, log=axis.is_log)
        return found

    def _try(self, trial: optuna.Trial, parameters: dict[str, Any]) -> float:
        began = time.perf_counter()
        run = self._follow if self.has_curve else self._judge
        try:
            return run(trial, parameters)
        finally:
            trial.set_user_attr("parameters", parameters)
            trial.set_user_attr("seconds", time.perf_counter() - began)

    def _follow(self, trial: optuna.Trial, parameters: dict[str, Any]) -> float:
        """The best value on the validation curve; the iteration that reached it becomes a parameter."""
        import optuna

        space = self.space
        n_before = 0 if space.burn_in is None else getattr(self.model, space.burn_in)
        curve = Curve(trial, self.metric, patience=space.patience, n_before=n_before)
        name = space.iterations
        most = {} if name is None else {name: max(space.most_iterations, getattr(self.model, name))}
        model: Any = self.model_with(parameters | most)
        try:
            model.fit(self.train, self.validation, progress=False, callback=curve, **self.features)
        finally:
            if name is not None:
                parameters[name] = curve.best_iteration
            trial.set_user_attr("iterations", n_before + len(curve.values))
        _pass_on_interrupt(model)
        if curve.is_pruned:
            raise optuna.TrialPruned
        return curve.best

    def _judge(self, trial: optuna.Trial, parameters: dict[str, Any]) -> float:
        """The value of a model after a complete fit, without a curve."""
        model: Any = self.model_with(parameters)
        model.fit(self.train, progress=False, **self.features)
        _pass_on_interrupt(model)
        if self.space.iterations is not None:
            parameters[self.space.iterations] = int(getattr(model, self.space.iterations))
        trial.set_user_attr("iterations", len(model.history_))
        return _finite(getattr(evaluate_alone(model, self.validation, k=10), self.metric), self.metric)


class Curve:
    """The callback of a fit: reports the validation curve, and ends the fit when the curve is flat.

    Parameters
    ----------
    trial : optuna.Trial
    metric : str
    patience : int
        The number of iterations without gain after which the fit ends.
    n_before : int
        The number of first iterations that do not count.

    Attributes
    ----------
    values : list of float
    is_pruned : bool
        Whether the fit was ended because it did worse than half of those before it.
    """

    def __init__(self, trial: optuna.Trial, metric: str, *, patience: int, n_before: int) -> None:
        self.values: list[float] = []
        self.is_pruned = False
        self._trial, self._metric = trial, metric
        self._patience, self._n_before = patience, n_before
        self._best: Callable[[list[float]], float] = min if METRICS[metric] == "minimize" else max

    def __call__(self, record: Iteration) -> bool:
        if record.iteration <= self._n_before:
            return False
        value = _finite(getattr(record, f"validation_{self._metric}"), self._metric)
        self.values.append(value)
        self._trial.report(value, record.iteration - self._n_before)
        self.is_pruned = self._trial.should_prune()
        return self.is_pruned or self._is_flat()

    @property
    def best(self) -> float:
        """The value of the best iteration."""
        return self._best(self.values)

    @property
    def best_iteration(self) -> int:
        """The number of the best iteration, from 1; 0 before there is one."""
        return self.values.index(self.best) + 1 if self.values else 0

    def _is_flat(self) -> bool:
        before = self.values[: -self._patience]
        return bool(before) and abs(self.best - self._best(before)) <= LEAST_GAIN * abs(self.best)


def _pass_on_interrupt(model: Model) -> None:
    """Raise a KeyboardInterrupt if Ctrl-C ended the model's fit, so that it ends the search too."""
    if model.interrupted_:
        raise KeyboardInterrupt


def _finite(value: float | None, metric: str) -> float:
    if value is None or not math.isfinite(value):
        raise DataError(
            f"the {metric} of a trial is {value}: the trial cannot be judged by the ratings held out; "
            "hold out more with test_size, or others with by"
        )
    return float(value)


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """The trials that count: those that are complete, or were given up because of their curve."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in ("COMPLETE", "PRUNED")]


def complete(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """The trials that have a value."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]


def _doubled(study: optuna.Study) -> set[tuple[str, int]]:
    """The parameters and rungs that were already tried by doubling the factors of the best trial."""
    return {raised for trial in finished(study) for raised in trial.user_attrs.get(DOUBLED, {}).items()}
