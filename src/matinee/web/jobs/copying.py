"""Copies a whole database into a file of JSON lines, and from it into an empty database of either kind.

The first line says what wrote the file, and which number each table gives next. Every other line is a row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, Table, func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from matinee.errors import DataError
from matinee.files.atomic import replaced
from matinee.web.store.engine import Store
from matinee.web.store.migrating import newest, require_current
from matinee.web.store.tables import HeartbeatRow, LoginAttemptRow
from matinee.web.store.tables import Table as Base

FORMAT = "matinee cinema"
CHUNK = 1_000
# Of the server that writes them, and of the last minutes.
NOT_COPIED = (HeartbeatRow.__tablename__, LoginAttemptRow.__tablename__)


def copied_tables() -> list[Table]:
    """The tables that a copy has, each after those that it refers to."""
    return [table for table in Base.metadata.sorted_tables if table.name not in NOT_COPIED]


def copy_out(store: Store, path: Path) -> dict[str, int]:
    """Write the database into a file that no other user can read, whole or not at all.

    Returns
    -------
    dict
        How many rows the file has of each table.

    Raises
    ------
    DataError
        If the file cannot be written, or the database has another schema version than this Matinee.
    """
    require_current(store)
    counts = {}
    # The mode of the file that is replaced stays, so there has to be one.
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        path.chmod(0o600)
    with replaced(path) as part, store.reading_at_length() as session:
        connection = session.connection()
        with part.open("w", encoding="utf-8") as file:
            _write(file, {"format": FORMAT, "schema": newest(), "next": _next_numbers(connection)})
            for table in copied_tables():
                counts[table.name] = _write_rows(file, connection, table)
    return counts


def copy_in(store: Store, path: Path) -> dict[str, int]:
    """Read a file that `copy_out` wrote into an empty database. Either all of it is stored, or nothing.

    Returns
    -------
    dict
        How many rows of each table were stored.

    Raises
    ------
    DataError
        If the file is none of these, or of another schema version, or the database is not empty.
    """
    require_current(store)
    try:
        with path.open(encoding="utf-8") as file, store.writing() as session:
            head = _head(file, path)
            connection = session.connection()
            _require_empty(connection, store)
            counts = _insert_all(connection, _rows(file, path), path)
            _set_next_numbers(connection, head["next"])
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except SQLAlchemyError as error:
        raise DataError(f"{path} cannot be stored: {error}") from error
    return counts


def _insert_all(connection: Connection, rows: Iterator[dict[str, Any]], path: Path) -> dict[str, int]:
    tables = {table.name: table for table in copied_tables()}
    counts = dict.fromkeys(tables, 0)
    links: list[tuple[Table, dict[str, Any]]] = []
    for name, own in groupby(rows, key=lambda row: row.pop("table", None)):
        if name not in tables:
            raise DataError(f"{path} has a row of the table {name!r}, which is not known")
        while part := list(islice(own, CHUNK)):
            # A row may refer to one of its own table that comes later, so that is set when all are there.
            for column in _own_references(tables[name]):
                links += [(tables[name], row.copy()) for row in part if row[column] is not None]
                part = [{**row, column: None} for row in part]
            connection.execute(insert(tables[name]), part)
            counts[name] += len(part)
    for table, row in links:
        changed = {column: row[column] for column in _own_references(table)}
        connection.execute(update(table).where(table.c.id == row["id"]).values(changed))
    return counts


def _own_references(table: Table) -> list[str]:
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


def _write(file: TextIO, line: dict[str, Any]) -> None:
    file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_rows(file: TextIO, connection: Connection, table: Table) -> int:
    n_rows = 0
    asked = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=CHUNK)
    for row in connection.execute(asked).mappings():
        _write(file, {"table": table.name, **row})
        n_rows += 1
    return n_rows


def _head(file: TextIO, path: Path) -> dict[str, Any]:
    head: Any = None
    with suppress(ValueError):
        head = json.loads(file.readline())
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise DataError(f"{path} is no copy of a database; expected a file of 'matinee export -o NAME.jsonl'")
    if head.get("schema") != newest():
        raise DataError(
            f"{path} has the schema version {head.get('schema')!r}, and this Matinee {newest()!r}; import it "
            "with the Matinee that wrote it, and migrate the database then"
        )
    return head


def _rows(file: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 2):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: expected a row as a JSON object; the file is damaged")
        yield row


def _require_empty(connection: Connection, store: Store) -> None:
    for table in copied_tables():
        if connection.scalar(select(func.count()).select_from(table)):
            raise DataError(
                f"the database {store.shown_url} already has rows in {table.name!r}; import into a new one"
            )


def _never_given_again() -> list[str]:
    """The tables that give each row a number, and never that of a row that is gone."""
    return [table.name for table in copied_tables() if table.dialect_options["sqlite"]["autoincrement"]]


def _next_numbers(connection: Connection) -> dict[str, int]:
    if connection.dialect.name == "sqlite":
        given = connection.execute(text("SELECT name, seq + 1 FROM sqlite_sequence"))
        found: dict[str, int] = {str(name): int(number) for name, number in given.all()}
    else:
        found = {}
        for name in _never_given_again():
            state = text(f"SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM {name}_id_seq")
            found[name] = connection.scalar(state)
    return {name: found[name] for name in _never_given_again() if found.get(name, 1) > 1}


def _set_next_numbers(connection: Connection, numbers: dict[str, int]) -> None:
    """Go on where the old database ended: a number of a row that is gone must not be given again."""
    is_sqlite = connection.dialect.name == "sqlite"
    numbered = [table.name for table in copied_tables() if "id" in table.columns]
    for name in _never_given_again() if is_sqlite else numbered:
        least = (connection.scalar(text(f"SELECT max(id) FROM {name}")) or 0) + 1
        number = max(int(numbers.get(name, 1)), least)
        if is_sqlite:
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
            row = {"name": name, "seq": number - 1}
            connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), row)
        else:
            connection.execute(text(f"SELECT setval('{name}_id_seq', :next, false)"), {"next": number})
