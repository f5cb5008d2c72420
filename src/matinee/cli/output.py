"""Prints the output of commands: one JSON document, or text and tables for people."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple


class Column(NamedTuple):
    """A column of a table: its heading, and whether it holds numbers, which are aligned right."""

    name: str
    is_number: bool = False


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON document; it must not have NaN or infinity, which JSON does not know."""
    show(json_text(document))


def json_text(document: dict[str, Any]) -> str:
    """The JSON document as it is printed."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(document, ensure_ascii=not is_utf8, allow_nan=False, indent=2)


def show(text: str) -> None:
    """Print text and flush it, so that an error from a full disk or a closed pipe is raised here."""
    print(text, flush=True)


def complain(message: str) -> None:
    """Print one line on standard error."""
    print(f"matinee: {printable(' '.join(message.split()))}", file=sys.stderr)


def show_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Print labels and values in two columns; values are wrapped to the width of the terminal."""
    width = max(len(label) for label, _ in pairs) + 2
    room = max(shutil.get_terminal_size().columns - width, 20) if sys.stdout.isatty() else sys.maxsize
    for label, value in pairs:
        folded = textwrap.wrap(printable(value), room, replace_whitespace=False) or [""]
        show(f"{label:<{width}}" + f"\n{' ' * width}".join(folded))


def show_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: ruled and fitted to the width of a terminal, or as aligned text elsewhere."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _show_ruled(columns, cells)
    else:
        show(_aligned(columns, cells))


def printable(text: str) -> str:
    """The text without line breaks and escape codes, which titles and ids in a file may contain."""
    return "".join(map(_printable_character, text))


@contextmanager
def status(text: str) -> Iterator[None]:
    """Show the text on standard error while the block runs, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    print(f"{printable(text)} …", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        # Return to the start of the line, and clear it.
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _printable_character(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"


def _show_ruled(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    from rich import box  # imported here, since most commands rarely need it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(Text(column.name), justify="right" if column.is_number else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(file=sys.stdout, highlight=False).print(table)


def _aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    lines = [[column.name for column in columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(_padded, line, columns, widths)).rstrip() for line in lines)


def _padded(cell: str, column: Column, width: int) -> str:
    return cell.rjust(width) if column.is_number else cell.ljust(width)
