"""Makes options for a command from the parameters that the models declare."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from matinee.errors import DataError
from matinee.models import ImplicitALS, Model, models_by_short_name
from matinee.models.default_models import default_watch
from matinee.models.options import Number, Option, Switch, Whole, Word
from matinee.models.recommender import Recommender
from matinee.ratings import Ratings

DEFAULT_MODEL, DEFAULT_MODEL_ON_SPARK = "recommender", "als"
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help=f"Kind of model: {', '.join(models_by_short_name())}.",
        show_default=f"{DEFAULT_MODEL}; {DEFAULT_MODEL_ON_SPARK} with --spark",
    ),
]


def with_model_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every parameter that a model offers, instead of ``**parameters``.

    Each model has its own defaults: an option that is not given is None, and the default stays.
    """
    signature = inspect.signature(command)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    hints = get_type_hints(command, include_extras=True)
    offered = {
        name: _annotation(name, option)
        for kind in models_by_short_name().values()
        for name, option in kind.options.items()
    }
    place = [one.name for one in own].index("model") + 1
    added = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=hint)
        for name, hint in offered.items()
    ]
    parameters = [one.replace(annotation=hints[one.name]) for one in own]
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*parameters[:place], *added, *parameters[place:]]
    )
    command.__annotations__ = {**hints, **offered}
    return command


def new_model(name: str, *, seed: int, threads: int | None, **parameters: Any) -> Model:
    """An unfitted model of the named kind, with the parameters that are not None.

    ``seed`` and ``threads`` are ignored if this kind of model does not have these parameters.

    Raises
    ------
    DataError
        If there is no model of that name, it does not have a parameter, or one is out of its range.
    """
    kinds = models_by_short_name()
    if name not in kinds:
        raise DataError(f"--model {name!r}; expected one of: {', '.join(kinds)}")
    kind = kinds[name]
    given = {parameter: value for parameter, value in parameters.items() if value is not None}
    for parameter, value in (("random_state", seed), ("n_threads", threads)):
        if parameter in kind.parameter_names():
            given[parameter] = value
    for parameter in given:
        if parameter not in kind.parameter_names():
            raise DataError(f"{flag_of(parameter)} does not work with --model {name}; leave it out")
    model = kind(**{parameter: _value(kind.options.get(parameter), one) for parameter, one in given.items()})
    model.check_parameters()
    return model


def new_recommender(
    *, seed: int, threads: int | None, **parameters: Any
) -> tuple[Recommender, dict[str, Any]]:
    """A recommender, and those of the parameters that are meant for the model of what people watch.

    Raises
    ------
    DataError
        For a parameter that neither has, or one out of its range.
    """
    of_watch = {
        name: _value(ImplicitALS.options[name], value)
        for name, value in parameters.items()
        if value is not None and name not in Recommender.options and name in ImplicitALS.options
    }
    ImplicitALS(**of_watch).check_parameters()
    own = {name: value for name, value in parameters.items() if name not in of_watch}
    model = new_model(DEFAULT_MODEL, seed=seed, threads=threads, **own)
    assert isinstance(model, Recommender)
    return model, of_watch


def model_for(train: Ratings, model: Recommender, of_watch: dict[str, Any], seed: int) -> Model:
    """The recommender with these parameters of its watch model; that alone if all ratings are alike."""
    if train.values.min() == train.values.max():
        threads = model.n_threads
        watch = ImplicitALS(values="presence", random_state=seed, n_threads=threads)
        return watch.set_params(**of_watch)
    if of_watch:
        model.set_params(watch=default_watch(train, seed).set_params(**of_watch))
    return model


def flag_of(parameter: str) -> str:
    """The option's name on the command line for a parameter."""
    return "--" + parameter.removeprefix("n_").replace("_", "-")


def _annotation(name: str, option: Option) -> Any:
    flag = flag_of(name)
    more: dict[str, Any] = {"help": option.help, "show_default": _defaults(name)}
    kind: Any = str
    if isinstance(option, Whole):
        kind = int
        more |= {"min": option.least, "max": option.most, "metavar": "N"}
    elif isinstance(option, Number):
        kind = float
        more |= {"min": option.least, "max": option.most, "metavar": option.metavar}
    elif isinstance(option, Switch):
        kind, flag = bool, f"{flag}/--no-{flag[2:]}"
    elif isinstance(option, Word):
        more["metavar"] = option.metavar
    return Annotated[kind | None, typer.Option(flag, **more)]


def _defaults(parameter: str) -> str | bool:
    """The defaults of the parameter in all models that have it."""
    every = {name: kind().get_params() for name, kind in models_by_short_name().items()}
    listed = [
        f"{name} {found[parameter]}" for name, found in every.items() if found.get(parameter) is not None
    ]
    return ", ".join(listed) or False


def _value(option: Option | None, given: Any) -> Any:
    """The value, as a number if it is one; the model checks any other word."""
    if not isinstance(given, str) or option is None:
        return given
    try:
        return float(given)
    except ValueError:
        return given
