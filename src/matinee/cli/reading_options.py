"""The options of commands that read a file of ratings: columns, separator, encoding and others."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypedDict, get_args, get_type_hints

import typer

from matinee.datasets.formats import FORMATS
from matinee.datasets.names import ROLES
from matinee.errors import DataError
from matinee.ratings import Duplicates


class Reading(TypedDict, total=False):
    """The arguments of `matinee.read_ratings` that options were given for."""

    format: str
    columns: dict[str, str | int | None]
    separator: str
    encoding: str
    timestamps: bool
    duplicates: Duplicates
    max_unpacked: int


OPTIONS: dict[str, Any] = {
    "format": Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of the ratings, in place of the one found: "
            f"{', '.join(each.name for each in FORMATS)}.",
        ),
    ],
    "columns": Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="ROLE=COLUMN,…",
            help="Which column is which, by its name or its number from 0, as in user=who,item=2,rating=3; "
            "rating=none says that each line counts 1; weight=COLUMN says how much each counts.",
        ),
    ],
    "separator": Annotated[
        str | None,
        typer.Option("--separator", metavar="TEXT", help="What separates the fields; \\t is a tab."),
    ],
    "encoding": Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="Encoding of the text, such as latin-1.")
    ],
    "timestamps": Annotated[
        bool, typer.Option("--timestamps/--no-timestamps", help="Whether to read the times of the ratings.")
    ],
    "duplicates": Annotated[
        str | None,
        typer.Option(
            "--duplicates",
            metavar="NAME",
            help="Which of several ratings of a movie by one user counts: "
            f"{', '.join(get_args(Duplicates))}. Latest is by time, last by the order of the lines.",
            show_default="last",
        ),
    ],
    "max_unpacked": Annotated[
        int | None,
        typer.Option(
            "--max-unpacked",
            min=1,
            metavar="BYTES",
            help="How much a packed file may unpack to.",
            show_default="50 times its size, and at least 64 MB",
        ),
    ],
}
DEFAULTS = {"timestamps": True}


def with_reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each way to read ratings, in place of its parameter ``reading``.

    Where the command has an option of that name already, that for reading begins with "ratings".
    """
    signature = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)
    own = [one for one in signature.parameters.values() if one.name != "reading"]
    own = [one.replace(annotation=hints.get(one.name, one.annotation)) for one in own]
    taken = {one.name for one in own}
    names = {name: f"ratings_{name}" if name in taken else name for name in OPTIONS}
    added = [
        inspect.Parameter(
            names[name],
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=DEFAULTS.get(name),
            annotation=_with_flag(hint, names[name]) if name in taken else hint,
        )
        for name, hint in OPTIONS.items()
    ]

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        given = {name: arguments.pop(names[name]) for name in OPTIONS}
        command(**arguments, reading=_reading(given))

    parameters = [*own[:-1], *added, own[-1]]
    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_options


def _with_flag(hint: Any, name: str) -> Any:
    """The same option under the flag that belongs to another name."""
    kind, option = get_args(hint)
    option = copy.copy(option)
    # In an annotation, typer takes the flag where a default would be.
    option.default = f"--{name.replace('_', '-')}"
    return Annotated[kind, option]


def _reading(given: dict[str, Any]) -> Reading:
    reading: Any = {name: value for name, value in given.items() if value is not None}
    if reading["timestamps"]:
        del reading["timestamps"]
    if "columns" in reading:
        reading["columns"] = _columns(reading["columns"])
    if "separator" in reading:
        reading["separator"] = reading["separator"].replace("\\t", "\t")
    found: Reading = reading
    return found


def _columns(text: str) -> dict[str, str | int | None]:
    """The columns that a text such as ``user=who,item=2`` names, by their roles."""
    columns: dict[str, str | int | None] = {}
    for part in text.split(","):
        role, equals, column = (each.strip() for each in part.partition("="))
        if not equals or not column or role not in ROLES:
            expected = f"expected ROLE=COLUMN, …, where a role is one of {', '.join(ROLES)}"
            raise DataError(f"--columns {text!r}; {expected}")
        is_none = role in ("rating", "weight") and column.lower() == "none"
        columns[role] = None if is_none else int(column) if column.isdecimal() else column
    return columns
