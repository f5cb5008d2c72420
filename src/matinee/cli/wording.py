"""Says in the words of the command line what messages of the library say in those of Python."""

from __future__ import annotations

import re

from matinee.cli.model_options import flag_of
from matinee.datasets.names import ColumnsNeededError
from matinee.errors import DataError
from matinee.models import models_by_short_name

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

# The phrases of the library, and what the command line calls them.
PHRASES = {
    "ratings of a new user go through fold_in({item: rating, …})": (
        "a new user's ratings go through 'matinee recommend MODEL --ratings FILE'"
    ),
    "encoding=… names another": "--encoding names another",
    "name its encoding": "name it with --encoding",
    "allow it with max_unpacked=…, a number of bytes": "allow it with --max-unpacked BYTES",
    'choose with duplicates="last", "first", "mean" or "sum"': (
        "choose with --duplicates last, first, latest, mean or sum"
    ),
    'name the column with timestamp=… when reading, or split by "random" or "user"': (
        "name the column with --columns timestamp=NAME, or split by random or user"
    ),
    "choose another size or kind of split": (
        "choose another --test-size or --split; --test-size 0 tests nothing"
    ),
    "at least one must be left to train on": (
        "at least one must be left to train on; --test-size 0 tests nothing"
    ),
}


# The arguments of the library that commands have options for, other than those of models.
ARGUMENTS = (
    *("duplicates", "encoding", "format", "gains", "k", "liked", "n_threads", "n_trials", "relevant_from"),
    *("separator", "test_size"),
)
FLAGS = {
    **{name: flag_of(name) for name in ARGUMENTS},
    **{name: flag_of(name) for kind in models_by_short_name().values() for name in kind.options},
    "random_state": "--seed",
    # It is --split in one command and --by in another.
    "by": "a split by",
}
ARGUMENT = re.compile(rf"""\b({"|".join(FLAGS)})=(?:(["'])([\w.+-]+)\2)?""")


def in_command_line(message: str | Exception) -> str:
    """The message as a person who types commands should read it."""
    if isinstance(message, ColumnsNeededError):
        return message.in_command_line
    text = str(message)
    for python, command_line in PHRASES.items():
        text = text.replace(python, command_line)
    return ARGUMENT.sub(lambda found: f"{FLAGS[found[1]]} {found[3] or ''}", text)


def seconds_in(text: str) -> float:
    """The seconds in a time such as ``30m``, ``6h`` or ``1d``; a DataError for any other text."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if not found or float(found[1]) == 0:
        raise DataError(f"{text!r} is not a time; expected one such as 30m, 6h or 1d")
    return float(found[1]) * UNITS[found[2]]
