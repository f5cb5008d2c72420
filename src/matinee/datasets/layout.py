"""Finds the layout of a ratings file from its content: separator, header, and which field is which."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from matinee.datasets.files import HEAD_SIZE, DataFile
from matinee.errors import DataError

ROLES = ("user", "item", "rating", "timestamp")
# Usual names of the columns, in letters and digits only; the least ambiguous names come first.
KNOWN_NAMES = {
    "user": ("userid", "user", "uid", "customerid", "customer", "reviewerid"),
    "item": ("movieid", "itemid", "item", "movie", "productid", "product", "bookid", "book", "isbn", "asin"),
    "rating": ("rating", "ratings", "bookrating", "score", "stars", "value", "overall"),
    "timestamp": ("timestamp", "unixtime", "unixreviewtime", "time", "datetime", "date"),
}
# Tried in this order, as a comma or a space may be part of a field that a rarer separator ends.
SEPARATORS = ("::", "\t", ";", ",", "|", " ")
SAMPLE_LINES = 200

Columns = Mapping[str, str | int | None]


@dataclass(frozen=True)
class Layout:
    """Where each field of a ratings file is.

    Attributes
    ----------
    separator : str
    n_fields : int
        The number of fields on every line.
    positions : dict of str to int
        The place of "user", "item", "rating" and "timestamp", counted from 0. Without "rating" a line says
        only that the item was seen.
    has_header : bool
    n_lines_before : int
        The number of lines before the first line of data: the header and blank lines.
    expected : str
        What a line should look like, for errors.
    integers : frozenset of str
        The roles whose fields are all integers in the sample.
    """

    separator: str
    n_fields: int
    positions: dict[str, int]
    has_header: bool
    n_lines_before: int
    expected: str
    integers: frozenset[str]


def find_layout(file: DataFile, columns: Columns | None = None, separator: str | None = None) -> Layout:
    """The layout of a ratings file, found from its first lines and from what the caller says about it."""
    sample = _sample(file)
    separator = separator or _separator(file, sample)
    first_line, first = sample[0][0], split_line(sample[0][1], separator)
    header = _is_header(first, columns)
    positions = _positions(file, first_line, first, header, columns)
    if not header and columns is None and len(first) not in (3, 4):
        raise file.error(
            f"{len(first)} fields and no header; expected {_headerless(separator)}, or columns={{...}} "
            "to say which field is which",
            first_line,
        )
    rows = [split_line(line, separator) for _, line in sample[1 if header else 0 :]]
    return Layout(
        separator=separator,
        n_fields=len(first),
        positions=positions,
        has_header=header,
        # In a file with only a header, all lines come before the data.
        n_lines_before=(sample[1][0] - 1 if len(sample) > 1 else first_line) if header else first_line - 1,
        expected=shorten(separator.join(first)) if header else _headerless(separator),
        integers=frozenset(role for role, place in positions.items() if _all_integers(rows, place)),
    )


def records(file: DataFile, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that holds data, with the line's number; slow, but it handles every oddity."""
    lines = ((number, line) for number, line in file.lines() if number > layout.n_lines_before)
    if layout.separator == "::":
        yield from ((number, split_line(line, "::")) for number, line in lines if line.strip(": \t"))
        return
    reader = csv.reader((line for _, line in lines), delimiter=layout.separator)
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise file.error(f"cannot be split ({error})", layout.n_lines_before + reader.line_num) from error
        if fields is None:
            return
        if any(field.strip() for field in fields):
            yield layout.n_lines_before + reader.line_num, [field.strip() for field in fields]


def split_line(line: str, separator: str) -> list[str]:
    """The fields of one line, without the quotes and blanks around them."""
    try:
        fields = line.split("::") if separator == "::" else next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        fields = line.split(separator)
    return [field.strip() for field in fields]


def match_names(names: list[str], columns: Columns | None) -> dict[str, int]:
    """The place of the column of each role, as the caller says, or else by the usual names.

    Raises
    ------
    DataError
        If a column that the caller names is missing, or a column that is needed is not recognised.
    """
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
    said = _checked_columns(columns)
    positions = {}
    for role in ROLES:
        if role in said:
            place = said[role]
            if place is not None:
                positions[role] = _place(place, names)
        elif found := [plain.index(name) for name in KNOWN_NAMES[role] if name in plain]:
            positions[role] = found[0]
        elif role != "timestamp":
            raise DataError(
                f"found no {role} column among {_listed(names)}; "
                f'name it, as in columns={{"{role}": {names[-1][:40]!r}}}'
            )
    return positions


def is_number(text: str) -> bool:
    """Whether the text is a finite number, in a form that a ratings file may hold."""
    return text.isascii() and "_" not in text and _finite(text)


def shorten(text: str) -> str:
    """The text, cut if it is too long for an error message."""
    return text if len(text) <= 80 else text[:77] + "…"


def _sample(file: DataFile) -> list[tuple[int, str]]:
    """The first whole lines that are not blank, with their numbers."""
    if len(file.head) == HEAD_SIZE and b"\n" not in file.head:
        raise file.error(f"is longer than {HEAD_SIZE:,} bytes; expected {_headerless('::')} or the like", 1)
    filled = ((number, line) for number, line in file.lines() if line.strip())
    sample = list(islice(filled, SAMPLE_LINES))
    if not sample:
        raise file.error("the file holds only blank lines")
    return sample


def _separator(file: DataFile, sample: list[tuple[int, str]]) -> str:
    """The separator that splits most lines into the same number of fields, if possible three or more."""
    best, best_score = "", (False, 0)
    for candidate in SEPARATORS:
        counts = Counter(len(split_line(line, candidate)) for _, line in sample)
        n_fields, n_lines = max(counts.items(), key=lambda pair: (pair[0] >= 3, pair[0] == 2, pair[1]))
        score = (n_fields >= 3, n_lines)
        if n_fields > 1 and score > best_score:
            best, best_score = candidate, score
    if not best:
        line, text = sample[0]
        raise file.error(f"found no separator in {shorten(text)!r}; expected {_headerless('::')}", line)
    return best


def _is_header(first: list[str], columns: Columns | None) -> bool:
    if columns is not None and any(isinstance(place, str) for place in columns.values()):
        return True
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()) for name in first}
    if plain & set(KNOWN_NAMES["user"]) and plain & set(KNOWN_NAMES["item"]):
        return True
    return not any(is_number(field) or field.lower().lstrip("+-") in ("nan", "inf") for field in first)


def _positions(
    file: DataFile, line: int, first: list[str], header: bool, columns: Columns | None
) -> dict[str, int]:
    try:
        if header:
            return match_names(first, columns)
        said = _checked_columns(columns)
        in_order = {role: place for place, role in enumerate(ROLES[: len(first)])}
        if columns is None:
            return in_order
        return {role: _place(place, first) for role, place in said.items() if place is not None}
    except DataError as error:
        raise file.error(str(error), line) from error


def _checked_columns(columns: Columns | None) -> dict[str, str | int | None]:
    said = dict(columns or {})
    if unknown := set(said) - set(ROLES):
        raise DataError(
            f"columns names {_listed(sorted(map(str, unknown)))}; expected {_listed(list(ROLES))}"
        )
    return said


def _place(place: str | int, names: list[str]) -> int:
    if isinstance(place, str):
        if place in names:
            return names.index(place)
        raise DataError(f"found no column {place!r}; the columns are {_listed(names)}")
    if 0 <= place < len(names):
        return place
    raise DataError(f"there is no field {place}; the {len(names)} fields are counted from 0")


def _all_integers(rows: list[list[str]], place: int) -> bool:
    # An id with a leading zero only looks like a number; an ISBN is one.
    fields = [fields[place] for fields in rows if place < len(fields)]
    return bool(fields) and all(re.fullmatch(r"0|-?[1-9][0-9]*", field) for field in fields)


def _headerless(separator: str) -> str:
    shown = "\\t" if separator == "\t" else separator
    return f"user{shown}item{shown}rating[{shown}timestamp]"


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _listed(names: list[str]) -> str:
    return shorten(", ".join(map(repr, names)))
