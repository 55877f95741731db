"""Names that a stage takes of the results of earlier ones, by a rule that is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from proteomr.design import parse_condition
from proteomr.errors import ColumnError, nearest
from proteomr.io import read_table
from proteomr.study.taking import From
from proteomr.tables import columns as c

__all__ = ["Chosen", "FindTable", "choose"]

FindTable: TypeAlias = Callable[[str, str | None], Path]
"""Where a table of a stage lies; its main one for None."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for an option of a stage.

    Attributes
    ----------
    values : each once, in the order of the table, those of the first rule first.
    rule : in words.
    """

    values: tuple[str, ...]
    rule: str


def choose(taken: From, find: FindTable) -> Chosen:
    """Return the names that a rule chooses.

    Parameters
    ----------
    taken : the rule.
    find : says where tables lie.

    Raises
    ------
    ColumnError
        The table has no such column.
    FormulaError
        A condition cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import polars as pl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder) / "associations.parquet"
    ...     frame = pl.DataFrame({"protein": ["ADM", "REN"], "adjustment": ["full", "simple"]})
    ...     frame.write_parquet(place)
    ...     rule = From("associate", where=("adjustment == full",), union=("GDF15",))
    ...     choose(rule, lambda stage, table: place).values
    ('ADM', 'GDF15')
    """
    values = _choose_rows(taken, find)
    for further in taken.union:
        values += [further] if isinstance(further, str) else list(choose(further, find).values)
    return Chosen(tuple(dict.fromkeys(values)), taken.rule)


def _choose_rows(taken: From, find: FindTable) -> list[str]:
    path = find(taken.stage, taken.table)
    frame = read_table(path)
    column = taken.column or c.PROTEIN
    if column not in frame.columns:
        hint = nearest(column, frame.columns)
        raise ColumnError(f"no column {column!r} in {path.name} of stage {taken.stage!r}{hint}")
    for text in taken.where:
        condition = parse_condition(text).with_words(frame.columns)
        frame = frame.filter(condition.judge(frame, among=f"columns of {path.name}"))
    named = frame[column].drop_nulls().unique(maintain_order=True)
    return [str(value) for value in named]
