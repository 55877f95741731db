"""Which rows of a table of results count, as a user words it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.design import Condition, parse_condition
from proteomr.errors import NothingToDo

__all__ = ["check_rows", "choose_rows"]

_BARE: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|true|false", re.IGNORECASE)
_PAIR: Final = re.compile(r"\s*([^=<>!]+?)\s*=\s*([^=].*?)\s*")


def check_rows(rows: Sequence[str]) -> None:
    """Refuse what is neither ``COLUMN=VALUE`` nor a condition.

    Raises
    ------
    UsageError
        One is neither.

    Examples
    --------
    >>> check_rows(["adjustment=full", "q_bh < 0.05"])
    """
    for text in rows:
        if _PAIR.fullmatch(text) is None:
            parse_condition(text)


def choose_rows(frame: pl.DataFrame, rows: Sequence[str], *, path: Path) -> pl.DataFrame:
    """Return the rows of a table for which all that is asked holds.

    Parameters
    ----------
    rows : each ``COLUMN=VALUE``, or a condition such as ``q_bh < 0.05``.
    path : of the table, for messages.

    Raises
    ------
    ColumnError
        A column is not there.
    NothingToDo
        No row is left.

    Examples
    --------
    >>> table = pl.DataFrame({"protein": ["ADM", "REN"], "q_bh": [0.01, 0.2]})
    >>> choose_rows(table, ["q_bh < 0.05"], path=Path("hits.csv"))["protein"].to_list()
    ['ADM']
    """
    for text in rows:
        frame = frame.filter(_read(text, frame).judge(frame, among=f"columns of {path.name}"))
        if not frame.height:
            raise NothingToDo(f"{path}: no row is left where {text}")
    return frame


def _read(text: str, frame: pl.DataFrame) -> Condition:
    """Return ``COLUMN=VALUE`` as the condition that the column's type makes of it."""
    pair = _PAIR.fullmatch(text)
    if pair is None:
        return parse_condition(text)
    column, value = pair[1], pair[2].strip("'\"")
    is_text = column in frame.columns and frame[column].dtype == pl.String
    if is_text or _BARE.fullmatch(value) is None:
        value = "'{}'".format(value.replace("'", "''"))
    name = column.replace("`", "``")
    return parse_condition(f"`{name}` == {value}")
