"""Tables in HTML, which notebooks show in place of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is at the left and whose others are at the right; all text is escaped.

    Parameters
    ----------
    heading : sequence of str
        Empty for a table without one.
    rows : iterable of sequences of str
    """
    head = f"<thead>{_line('th', heading)}</thead>" if heading else ""
    return f"<table>{head}<tbody>{''.join(_line('td', row) for row in rows)}</tbody></table>"


def _line(tag: str, cells: Sequence[str]) -> str:
    sides = ["left", *("right" for _ in cells[1:])]
    shown = (
        f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>'
        for side, cell in zip(sides, cells, strict=True)
    )
    return f"<tr>{''.join(shown)}</tr>"
