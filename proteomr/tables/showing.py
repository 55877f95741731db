"""Tables as a notebook shows them: a head of the rows in HTML that holds no script."""

from __future__ import annotations

import html
from typing import Final

import polars as pl

from proteomr.errors import printable

__all__ = ["show_table", "show_text"]

_ROWS: Final = 10
_COLUMNS: Final = 12
_LETTERS: Final = 60  # of a cell; a name may be as long as its file likes


def show_text(value: object) -> str:
    """Return a text as HTML shows it: nothing in it is a tag, an entity or a line's end.

    Examples
    --------
    >>> show_text("<img src=x onerror=alert(1)>")
    '&lt;img src=x onerror=alert(1)&gt;'
    """
    return html.escape(printable(str(value)))


def show_table(frame: pl.DataFrame, *, rows: int = _ROWS, columns: int = _COLUMNS) -> str:
    """Return the first rows and columns of a table in HTML, and a line on what was left out.

    Parameters
    ----------
    frame : the table.
    rows, columns : most that are shown.

    Examples
    --------
    >>> print(show_table(pl.DataFrame({"protein": ["A&B", "C"], "n": [1200, 7]}), rows=1))
    <table><thead><tr><th>protein</th><th>n</th></tr></thead>
    <tbody><tr><td>A&amp;B</td><td>1,200</td></tr></tbody></table>
    <p>1 of 2 rows</p>
    """
    shown = frame[:rows, :columns]
    head = "".join(f"<th>{_show_cell(name)}</th>" for name in shown.columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_show_cell(value)}</td>' for value in row)}</tr>"
        for row in shown.iter_rows()
    )
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    return f"{table}\n<p>{_tell_size(frame, shown)}</p>"


def _tell_size(frame: pl.DataFrame, shown: pl.DataFrame) -> str:
    """Return how much of a table is shown, in words."""
    size = f"{frame.height:,} rows" if frame.height != 1 else "1 row"
    if shown.height < frame.height:
        size = f"{shown.height:,} of {size}"
    more = frame.columns[shown.width :]
    if not more:
        return size
    named = ", ".join(_show_cell(name) for name in more[:40])
    rest = f" and {len(more) - 40:,} more" if len(more) > 40 else ""
    return f"{size}; {shown.width} of {frame.width:,} columns, without {named}{rest}"


def _show_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return html.escape(printable(str(value), width=_LETTERS))
