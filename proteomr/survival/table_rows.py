"""Rows of tables, gathered piece by piece and joined once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from proteomr.tables import load_schema

__all__ = ["TableRows"]


@dataclass(slots=True)
class TableRows:
    """Rows of one table.

    Attributes
    ----------
    name : of the table, whose schema says its columns.
    """

    name: str
    _keys: list[Mapping[str, object]] = field(default_factory=list[Mapping[str, object]])
    _lengths: list[int] = field(default_factory=list[int])
    _columns: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def add(self, keys: Mapping[str, object], columns: Mapping[str, Any]) -> None:
        """Add rows that have their keys in common and differ in columns of one length.

        Every piece has the same columns; NaN stands for none.
        """
        self._keys.append(keys)
        self._lengths.append(len(next(iter(columns.values()))))
        for name, values in columns.items():
            self._columns.setdefault(name, []).append(values)

    def add_one(self, keys: Mapping[str, object], **cells: object) -> None:
        """Add a row; its keys and cells are those of every other row."""
        self.add(keys, {name: [cell] for name, cell in cells.items()})

    def join(self) -> pl.DataFrame:
        """Return the rows as a frame of the table's columns.

        Examples
        --------
        >>> rows = TableRows("drops")
        >>> rows.add({"step": "load"}, {"reason": ["withdrawn", "no proteins"], "n": [3, 1]})
        >>> rows.join().rows()
        [('load', 'withdrawn', 3), ('load', 'no proteins', 1)]
        """
        schema = load_schema(self.name)
        if not self._keys:
            return schema.empty()
        stored = {column.name: column.stored for column in schema.columns}
        kinds = {name: stored[name] for name in self._keys[0]}
        place = np.repeat(np.arange(len(self._keys)), self._lengths)
        keys = pl.DataFrame(self._keys, schema=kinds)[place]
        columns = [_join(name, parts, stored[name]) for name, parts in self._columns.items()]
        frame = keys.with_columns(columns).with_columns(pl.selectors.float().fill_nan(None))
        return frame.select(name for name in stored if name in frame.columns)


def _join(name: str, parts: list[Any], kind: pl.DataType) -> pl.Series:
    if all(isinstance(part, np.ndarray) for part in parts):
        return pl.Series(name, np.concatenate(parts)).cast(kind)
    cells = [cell for part in parts for cell in part]
    return pl.Series(name, cells, dtype=kind, strict=False)
