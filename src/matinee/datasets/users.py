"""Users: age, gender and occupation, read from the user files of MovieLens and files like them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from matinee.datasets.fields import split_line
from matinee.datasets.files import DataFile
from matinee.datasets.layout import is_number
from matinee.datasets.listing import (
    distinct_ids,
    first_line,
    split_lines,
    wrong_number_of_fields,
)
from matinee.datasets.names import KNOWN_NAMES, shorten
from matinee.ratings.columns import MISSING_MARKS

# The codes of users.dat, as its README gives them.
AGES = {
    "1": "under 18", "18": "18-24", "25": "25-34", "35": "35-44", "45": "45-49", "50": "50-55", "56": "56+",
}  # fmt: skip
OCCUPATIONS = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer",
    "programmer", "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer",
    "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip
KEPT = ["gender", "age", "occupation"]
USER_NAMES = (*KNOWN_NAMES["user"], "id")


@dataclass(frozen=True)
class Format:
    """How a file of users is laid out.

    Attributes
    ----------
    separator : str
    names : list of str
        The names of the fields; one of them is "user".
    codes : mapping of str to mapping
        For the name of a field, what its codes mean.
    numbers : tuple of str
        The fields that hold numbers; all others hold text.
    has_header : bool
        Whether the first line holds the names. Then it is not known which fields hold numbers and which text.
    """

    separator: str
    names: list[str]
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    has_header: bool = False

    @property
    def kept(self) -> list[str]:
        """The columns of the frame besides the ids."""
        return [name for name in self.names if name != "user"] if self.has_header else KEPT

    @property
    def expected(self) -> str:
        """What a line should look like, for errors."""
        return shorten(self.separator.join(self.names).replace("\t", "\\t"))


USERS_DAT = Format(
    "::",
    ["user", "gender", "age", "occupation", "zip"],
    codes={"age": AGES, "occupation": {str(code): name for code, name in enumerate(OCCUPATIONS)}},
)
U_USER = Format("|", ["user", "age", "gender", "occupation", "zip"], numbers=("age",))


def read_users(path: str | os.PathLike[str]) -> pl.DataFrame:
    """The users in a file: MovieLens' ``users.dat`` or ``u.user``, or a file with a header.

    Text is UTF-8, or Latin-1 if the file is not valid UTF-8. Ids are integers if all of them are, without
    leading zeros, and strings otherwise, as in `read_ratings`.

    Parameters
    ----------
    path : str or path-like
        Gzipped or not. A file with a header needs a column for the user and at least one other, separated by
        commas, semicolons or tabs.

    Returns
    -------
    polars.DataFrame
        Ready for the ``user_features`` of a model. For a MovieLens file it has the columns user, gender ("F"
        or "M"), age and occupation. The age is a number from ``u.user`` and a bracket such as "25-34" from
        ``users.dat``; the occupation is text from both. The zip code is left out: it has nearly as many
        values as there are people, so nothing can be learned from it. For a file with a header it has user
        and the other columns under their own names: numbers if all values of a column are numbers, text
        otherwise, and null for an empty field.

    Raises
    ------
    DataError
        For a line with too few or too many fields, without an id, or with an id given before; an age that is
        not a number; an unknown code; or a file of another kind. The message has the file and the line.
    """
    file = DataFile(path, table="users")
    file.settle_encoding()
    form = _format(file, *first_line(file))
    rows = list(_rows(file, form))
    users = distinct_ids(file, "user", ((line, row["user"]) for line, row in rows))
    columns: dict[str, Any] = {"user": users}
    for name in form.kept:
        values = [row[name] for _, row in rows]
        if form.has_header:
            columns[name] = _sniffed(values)
        else:
            columns[name] = _numbers(values) if name in form.numbers else values
    return pl.DataFrame(columns)


def _format(file: DataFile, line: int, first: str) -> Format:
    for separator in ("\t", ";", ","):
        names = split_line(first, separator)
        place = _user_place(names)
        if place is not None and len(names) > 1:
            names[place] = "user"
            for name in names:
                if not name or names.count(name) > 1:
                    fault = f"two columns {name!r}" if name else "a column without a name"
                    raise file.error(f"the header has {fault}; expected a name of its own for each", line)
            return Format(separator, names, has_header=True)
    if "::" in first:
        return USERS_DAT
    if first.count("|") == len(U_USER.names) - 1:
        return U_USER
    message = f"expected {USERS_DAT.expected}, {U_USER.expected}, or a header with user and something else"
    raise file.error(f"{message}; got {shorten(first)!r}", line)


def _user_place(names: list[str]) -> int | None:
    """The place of the column with the ids, by the least ambiguous name; None if there is none."""
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
    return next((plain.index(name) for name in USER_NAMES if name in plain), None)


def _rows(file: DataFile, form: Format) -> Iterator[tuple[int, dict[str, str]]]:
    """The fields of each user by name, with the meaning in place of a code, and the line's number."""
    lines = split_lines(file, form.separator)
    if form.has_header:
        next(lines)
    row = None
    for line, fields in lines:
        row = _checked(file, line, fields, form)
        yield line, row
    if row is None:
        raise file.error("there are no users in the file")


def _checked(file: DataFile, line: int, fields: list[str], form: Format) -> dict[str, str]:
    if len(fields) != len(form.names):
        raise wrong_number_of_fields(file, line, fields, form.expected)
    row = dict(zip(form.names, fields, strict=True))
    for name in ["user"] if form.has_header else ["user", *form.kept]:
        if not row[name]:
            raise file.error(f"the {name} is missing; expected {form.expected}", line)
    for name, meanings in form.codes.items():
        if row[name] not in meanings:
            expected = f"expected one of the codes {', '.join(meanings)}"
            raise file.error(f"{name} {shorten(row[name])!r} is unknown; {expected}", line)
        row[name] = meanings[row[name]]
    for name in form.numbers:
        if not is_number(row[name]):
            message = f"{name} {shorten(row[name])!r} is not a number; expected {form.expected}"
            raise file.error(message, line)
    return row


def _sniffed(values: list[str]) -> pl.Series:
    """The values as numbers if all are numbers, and as text otherwise; null for an empty field."""
    marked = [None if value in MISSING_MARKS else value for value in values]
    given = [value for value in marked if value is not None]
    # A value with a leading zero only looks like a number; a zip code is one.
    if given and all(is_number(value) and not re.match(r"[+-]?0[0-9]", value) for value in given):
        return _numbers(marked)
    return pl.Series([value or None for value in values], dtype=pl.String)


def _numbers(values: Sequence[str | None]) -> pl.Series:
    """The numbers as integers if all are integers, and as floats otherwise."""
    whole = all(value is None or re.fullmatch(r"[+-]?[0-9]{1,18}", value) for value in values)
    numbers = [None if value is None else int(value) if whole else float(value) for value in values]
    return pl.Series(numbers, dtype=pl.Int64 if whole else pl.Float64)
