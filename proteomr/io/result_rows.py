"""Rows of a table of results: which count, as a user words it, and what their p values are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.design import Condition, parse_condition
from proteomr.errors import ColumnError, NothingToDo, rows_have
from proteomr.tables import columns as c

__all__ = ["check_rows", "choose_rows", "minus_log_p"]

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


def minus_log_p(frame: pl.DataFrame, *, place: str) -> pl.Series | None:
    """Return -log10 of the p values that a table states, null where a row has none.

    ``neg_log10_p`` counts before ``p_value``, which underflows. None where neither is there.

    Parameters
    ----------
    place : beginning of a message, such as the path of the table and a colon; or nothing.

    Raises
    ------
    ColumnError
        They are no numbers, or none that p values are.

    Examples
    --------
    >>> minus_log_p(pl.DataFrame({"p_value": [0.0, 1.0, None]}), place="").to_list()
    [inf, 0.0, None]
    """
    for name in (c.NEG_LOG10_P, c.P_VALUE):
        if name not in frame.columns:
            continue
        if not frame[name].dtype.is_numeric():
            raise ColumnError(f"{place}column {name!r} holds {frame[name].dtype}, not numbers")
        values = frame[name].cast(pl.Float64).fill_nan(None)
        is_log = name == c.NEG_LOG10_P
        outside = int(((values < 0.0) | (not is_log and values > 1.0)).sum())
        if outside:
            said = "below 0" if is_log else "not from 0 to 1"
            raise ColumnError(f"{place}{rows_have(outside)} a value of {name!r} that is {said}")
        # of a p value of 1 it is 0, and not -0
        return (values if is_log else values.log10().abs()).alias(c.NEG_LOG10_P)
    return None


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
