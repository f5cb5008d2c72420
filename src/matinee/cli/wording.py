"""Says in the words of the command line what messages of the library say in those of Python."""

from __future__ import annotations

import re

from matinee.cli.model_options import flag_of
from matinee.datasets.names import ColumnsNeededError
from matinee.models import models_by_short_name

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
