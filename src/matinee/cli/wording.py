"""Says in the words of the command line what messages of the library say in those of Python."""

from __future__ import annotations

from matinee.datasets.names import ColumnsNeededError

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
    'duplicates="latest" needs': "--duplicates latest needs",
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


def in_command_line(message: str | Exception) -> str:
    """The message as a person who types commands should read it."""
    if isinstance(message, ColumnsNeededError):
        return message.in_command_line
    text = str(message)
    for python, command_line in PHRASES.items():
        text = text.replace(python, command_line)
    return text
