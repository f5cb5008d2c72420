"""The names that columns of ratings have in the field's files."""

from __future__ import annotations

import re
from collections.abc import Mapping

from matinee.errors import DataError

# The fields of a line without header, in this order.
IN_ORDER = ("user", "item", "rating", "timestamp")
ROLES = (*IN_ORDER, "weight")
# Usual names of the columns, in letters and digits only; the least ambiguous names come first.
KNOWN_NAMES = {
    "user": (
        "userid", "user", "uid", "customerid", "customer", "reviewerid", "username", "memberid", "profileid",
        "visitorid", "personid",
    ),
    "item": (
        "movieid", "itemid", "iid", "item", "movie", "productid", "product", "parentasin", "asin", "bookid",
        "book", "isbn", "artistid", "artist", "songid", "trackid", "animeid", "businessid", "tconst",
        "movietitle", "title",
    ),
    "rating": (
        "rating", "ratings", "bookrating", "starrating", "myrating", "yourrating", "userrating", "score",
        "stars", "value", "overall", "weight", "playcount", "plays", "listencount",
    ),
    "timestamp": (
        "timestamp", "unixtime", "unixreviewtime", "time", "datetime", "date", "reviewtime", "reviewdate",
        "daterated", "ratedat", "createdat",
    ),
    "weight": ("weight",),
}  # fmt: skip

# Names of items that are what people call them; in a list of movies they are titles.
TITLES = ("movietitle", "title")

Columns = Mapping[str, str | int | None]


class ColumnsNeededError(DataError):
    """It is not known which column is which; the remedy depends on who asks.

    Attributes
    ----------
    in_command_line : str
        The message with the remedy of the command line in place of that of Python.
    """

    def __init__(self, fault: str, *, python: str, command_line: str, joint: str = "; ") -> None:
        self._parts = {"python": python, "command_line": command_line, "joint": joint}
        self._fault = fault
        self.in_command_line = f"{fault}{joint}{command_line}" if command_line else fault
        super().__init__(f"{fault}{joint}{python}" if python else fault)

    def at(self, place: str) -> ColumnsNeededError:
        """The same error, which names the place."""
        return ColumnsNeededError(f"{place}: {self._fault}", **self._parts)


def plain_name(name: str) -> str:
    """A name in lower-case letters and digits, without its type, as in "User ID (int)" or "user_id:token"."""
    bare = re.sub(r"\s*\([^()]*\)\s*$|:(token|float)(_seq)?$", "", name.strip())
    return re.sub(r"[^a-z0-9]", "", bare.lower())


def match_names(names: list[str], columns: Columns | None) -> dict[str, int]:
    """The place of the column of each role, as the caller says, or else by the usual names.

    Raises
    ------
    DataError
        If a column that the caller names is missing, or a column that is needed is not recognised.
    """
    said = checked_columns(columns)
    positions = {role: place_of(place, names) for role, place in said.items() if place is not None}
    plain = [plain_name(name) for name in names]
    for role in ROLES:
        found = [plain.index(name) for name in KNOWN_NAMES[role] if name in plain]
        if role in said or not found:
            continue
        # Alone, or where each line is to count 1, a column of that name holds no weights.
        if role != "weight" or ("rating" in positions and found[0] not in positions.values()):
            positions[role] = found[0]
    for role in ("user", "item", "rating"):
        if role not in said and role not in positions:
            left = [name for place, name in enumerate(names) if place not in positions.values()]
            guess = left[0][:40] if len(left) == 1 else None
            raise ColumnsNeededError(
                f"found no {role} column among {listed(names)}",
                python=f'name it, as in columns={{"{role}": {guess or "its name"!r}}}',
                command_line=f"name it, as in --columns {role}={guess or 'NAME'}",
            )
    check_distinct(positions, names)
    return positions


def checked_columns(columns: Columns | None) -> dict[str, str | int | None]:
    """What the caller says about columns, as a dictionary of its own.

    Raises
    ------
    DataError
        If it is no mapping, names an unknown role, leaves out the user or the item, or a place is neither
        the name of a column nor its number.
    """
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        given = type(columns).__name__
        raise DataError(f'columns is a {given}; expected a dictionary such as {{"user": 0, "item": "film"}}')
    said = dict(columns)
    if unknown := set(said) - set(ROLES):
        raise DataError(f"columns names {listed(sorted(map(str, unknown)))}; expected {listed(list(ROLES))}")
    for role, place in said.items():
        if place is None and role in ("user", "item"):
            raise DataError(f'columns={{"{role}": None}}; every rating needs a {role}')
        if not isinstance(place, str | int | None) or isinstance(place, bool):
            raise DataError(f'columns={{"{role}": {place!r}}}; expected the name of a column, or its number')
    return said


def check_distinct(positions: Mapping[str, int], names: list[str]) -> None:
    """Raise a DataError if one column has two roles."""
    roles: dict[int, str] = {}
    for role, place in positions.items():
        if place in roles:
            raise DataError(
                f"column {names[place][:40]!r} is taken for the {roles[place]} and the {role}; expected a "
                "column of its own for each"
            )
        roles[place] = role


def place_of(place: str | int, names: list[str]) -> int:
    """The number of the column with this name or number; a DataError if there is none."""
    if isinstance(place, str):
        if names.count(place) > 1:
            raise DataError(f"{names.count(place)} columns are named {place!r}; give the number of one")
        if place in names:
            return names.index(place)
        raise DataError(f"found no column {place!r}; the columns are {listed(names)}")
    if 0 <= place < len(names):
        return place
    raise DataError(f"there is no field {place}; the {len(names)} fields are counted from 0")


def listed(names: list[str]) -> str:
    """Names in quotes, cut if they are too many for an error message."""
    return shorten(", ".join(map(repr, names)))


def shorten(text: str) -> str:
    """The text, cut if it is too long for an error message."""
    return text if len(text) <= 80 else text[:77] + "…"
