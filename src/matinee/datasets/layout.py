"""Finds the layout of a ratings file from its content: separator, header, and which field is which."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from matinee.datasets.fields import split_line
from matinee.datasets.files import HEAD_SIZE, DataFile
from matinee.datasets.names import (
    IN_ORDER,
    KNOWN_NAMES,
    Columns,
    ColumnsNeededError,
    check_distinct,
    checked_columns,
    match_names,
    place_of,
    plain_name,
    shorten,
)
from matinee.errors import DataError

# Tried in this order, as a comma or a space may be part of a field that a rarer separator ends.
SEPARATORS = ("::", "\t", ";", ",", "|", " ")
SAMPLE_LINES = 200
# The first line of a table for Excel may name its separator.
SAID_SEPARATOR = re.compile(r'"?sep=(.)"?;*', re.IGNORECASE)
NUMBERS = ("rating", "weight")
COMMENT_MARKS = ("#", "%")
# Three digits behind a comma may be thousands, so these are not taken for decimals.
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,([0-9]{1,2}|[0-9]{4,})")

Lines = list[tuple[int, str]]


@dataclass(frozen=True)
class Layout:
    """Where each field of a ratings file is.

    Attributes
    ----------
    separator : str
    n_fields : int
        The number of fields on every line.
    positions : dict of str to int
        The place of "user", "item", "rating", "timestamp" and "weight", counted from 0. Without "rating" a
        line says only that the item was seen.
    has_header : bool
    n_lines_before : int
        The number of lines before the first line of data: the header, comments and blank lines.
    expected : str
        What a line should look like, for errors.
    integers : frozenset of str
        The roles whose fields are all integers in the sample.
    n_trailing : int
        The number of fields at the end, among ``n_fields``, that are empty on every line.
    comment : str or None
        What comment lines begin with, if there are any.
    decimal_comma : bool
        Whether the ratings or weights have a comma for a point.
    """

    separator: str
    n_fields: int
    positions: dict[str, int]
    has_header: bool
    n_lines_before: int
    expected: str
    integers: frozenset[str]
    n_trailing: int = 0
    comment: str | None = None
    decimal_comma: bool = False

    def is_comment(self, line: str) -> bool:
        """Whether a line is a comment, and not a rating whose first id begins like one."""
        if self.comment is None or not line.startswith(self.comment):
            return False
        return not _has_fields(line, self.separator, self.n_fields)

    def without_timestamps(self) -> Layout:
        """The same layout, without the place of the timestamps."""
        return replace(
            self, positions={role: place for role, place in self.positions.items() if role != "timestamp"}
        )


def find_layout(file: DataFile, columns: Columns | None = None, separator: str | None = None) -> Layout:
    """The layout of a ratings file, found from its first lines and from what the caller says about it."""
    sample = _sample(file)
    try:
        said, separator = checked_columns(columns), _checked_separator(separator)
    except DataError as error:
        raise file.error(str(error), sample[0][0]) from error
    sample, separator = _said_in_first_line(sample, separator)
    separator = separator or _separator(file, _without_leading_comments(sample))
    sample, comment = _without_comments(sample, separator)
    if not sample:
        raise file.error("the file holds only comments")
    (first_line, text), rows = sample[0], [split_line(line, separator) for _, line in sample]
    header = _is_header(rows[0], said)
    n_named = len(rows[0]) if header else _headerless_fields(rows, said)
    positions = _positions(file, first_line, rows[0], separator, n_named, header, said)
    rows = rows[1:] if header else rows
    return Layout(
        separator=separator,
        n_fields=n_named + _trailing(rows, n_named),
        positions=positions,
        has_header=header,
        # In a file with only a header, all lines come before the data.
        n_lines_before=(sample[1][0] - 1 if len(sample) > 1 else first_line) if header else first_line - 1,
        expected=shorten(text.strip()) if header else _headerless(separator),
        integers=frozenset(role for role, place in positions.items() if _all_integers(rows, place)),
        n_trailing=_trailing(rows, n_named),
        comment=comment,
        decimal_comma=any(
            _have_decimal_comma(rows, positions[role]) for role in NUMBERS if role in positions
        ),
    )


def is_number(text: str) -> bool:
    """Whether the text is a finite number, in a form that a ratings file may hold."""
    return text.isascii() and "_" not in text and _finite(text)


def with_decimal_point(text: str) -> str:
    """The text of a number with a decimal comma, with a point; any other text as it is."""
    return text.replace(",", ".") if DECIMAL_COMMA.fullmatch(text) else text


def _sample(file: DataFile) -> Lines:
    """The first whole lines that are not blank, with their numbers."""
    if len(file.head) == HEAD_SIZE and b"\n" not in file.head:
        raise file.error(f"is longer than {HEAD_SIZE:,} bytes; expected {_headerless('::')} or the like", 1)
    filled = ((number, line) for number, line in file.lines() if line.strip())
    sample = list(islice(filled, SAMPLE_LINES))
    if not sample:
        raise file.error("the file holds only blank lines")
    return sample


def _checked_separator(separator: Any) -> str | None:
    if separator is None:
        return None
    is_one = isinstance(separator, str) and len(separator) == 1 and separator.isascii()
    if separator != "::" and (not is_one or separator in '\r\n"'):
        raise DataError(f"separator={separator!r}; expected one character, such as ';' or '\\t', or '::'")
    return str(separator)


def _said_in_first_line(sample: Lines, separator: str | None) -> tuple[Lines, str | None]:
    """The sample without a line such as ``sep=;``, and the separator that it names, if none is given."""
    said = SAID_SEPARATOR.fullmatch(sample[0][1].strip("\r\n"))
    if said is None or len(sample) == 1:
        return sample, separator
    return sample[1:], separator or said[1]


def _without_leading_comments(sample: Lines) -> Lines:
    place = next((place for place, (_, line) in enumerate(sample) if not line.startswith(COMMENT_MARKS)), 0)
    return sample[place:]


def _without_comments(sample: Lines, separator: str) -> tuple[Lines, str | None]:
    """The sample without comment lines, and what they begin with.

    A comment has its own number of fields, or stands before the data with a blank behind its mark and is not
    the header.
    """
    unmarked = [line for _, line in sample if not line.startswith(COMMENT_MARKS)]
    if not unmarked or len(unmarked) == len(sample):
        return sample, None
    counts = Counter(len(split_line(line, separator)) for line in unmarked)
    n_fields = counts.most_common(1)[0][0]
    n_leading = len(sample) - len(_without_leading_comments(sample))
    kept, mark = [], None
    for place, (number, line) in enumerate(sample):
        is_leading = place < n_leading and re.match(r".\s", line) and not _names_both(line, separator)
        is_marked = line.startswith(COMMENT_MARKS)
        if is_marked and (is_leading or not _has_fields(line, separator, n_fields)):
            mark = line[0]
        else:
            kept.append((number, line))
    return kept, mark


def _names_both(line: str, separator: str) -> bool:
    """Whether a line has a name of users and one of items."""
    plain = set(map(plain_name, split_line(line, separator)))
    return bool(plain & set(KNOWN_NAMES["user"]) and plain & set(KNOWN_NAMES["item"]))


def _has_fields(line: str, separator: str, n_fields: int) -> bool:
    return len(split_line(line, separator)) == n_fields


def _separator(file: DataFile, sample: Lines) -> str:
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


def _is_header(first: list[str], said: dict[str, str | int | None]) -> bool:
    if any(isinstance(place, str) for place in said.values()):
        return True
    plain = set(map(plain_name, first))
    if plain & set(KNOWN_NAMES["user"]) and plain & set(KNOWN_NAMES["item"]):
        return True
    numbers = map(with_decimal_point, first)
    return not any(is_number(field) or field.lower().lstrip("+-") in ("nan", "inf") for field in numbers)


def _headerless_fields(rows: list[list[str]], said: dict[str, str | int | None]) -> int:
    """The number of fields that lines without a header have, but for empty ones at the end."""
    if said:
        return len(rows[0])
    filled = max(max((place for place, field in enumerate(row) if field), default=-1) for row in rows) + 1
    longest = max(map(len, rows))
    return min(longest, 4) if filled <= 4 else len(rows[0])


def _trailing(rows: list[list[str]], n_named: int) -> int:
    """The number of fields behind the named ones, if they are empty on every line."""
    longest = max(map(len, rows), default=n_named)
    is_empty = not any(any(row[n_named:]) for row in rows)
    return max(longest - n_named, 0) if is_empty else 0


def _positions(
    file: DataFile,
    line: int,
    first: list[str],
    separator: str,
    n_fields: int,
    header: bool,
    said: dict[str, str | int | None],
) -> dict[str, int]:
    try:
        if header:
            return match_names(first, said)
        if said:
            return _said_positions(first, said)
    except ColumnsNeededError as error:
        raise error.at(f"{file.name}, line {line}") from error
    except DataError as error:
        raise file.error(str(error), line) from error
    if n_fields not in (3, 4):
        fault = (
            f"{file.name}, line {line}: {n_fields} fields and no header; expected {_headerless(separator)}"
        )
        raise ColumnsNeededError(
            fault,
            python="or columns={...} to say which field is which",
            command_line="or --columns user=0,item=1,rating=2 to say which field is which",
            joint=", ",
        )
    return {role: place for place, role in enumerate(IN_ORDER[:n_fields])}


def _said_positions(first: list[str], said: dict[str, str | int | None]) -> dict[str, int]:
    """The places that the caller says, and the other fields in the usual order for what is not said."""
    positions = {role: place_of(place, first) for role, place in said.items() if place is not None}
    left = [place for place in range(len(first)) if place not in positions.values()]
    for role in ("user", "item", "rating"):
        if role in said:
            continue
        # On a longer line, nobody knows which of the fields it is.
        if not left or len(first) > len(IN_ORDER) + ("weight" in said):
            given = ", ".join(f"{name}={place}" for name, place in said.items())
            raise ColumnsNeededError(
                f"columns say {given} of {len(first)} fields, and not which is the {role}",
                python=f'add "{role}": its number' + (", or None" if role == "rating" else ""),
                command_line=f"add {role}=NUMBER to --columns",
            )
        positions[role] = left.pop(0)
    check_distinct(positions, first)
    return positions


def _all_integers(rows: list[list[str]], place: int) -> bool:
    # An id with a leading zero only looks like a number; an ISBN is one.
    fields = [fields[place] for fields in rows if place < len(fields)]
    return bool(fields) and all(re.fullmatch(r"0|-?[1-9][0-9]*", field) for field in fields)


def _have_decimal_comma(rows: list[list[str]], place: int) -> bool:
    return any(DECIMAL_COMMA.fullmatch(fields[place]) for fields in rows if place < len(fields))


def _headerless(separator: str) -> str:
    shown = "\\t" if separator == "\t" else separator
    return f"user{shown}item{shown}rating[{shown}timestamp]"


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
