"""Tables of many files, of which no more than some are in memory: the others wait on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.ipc

from proteomr.files import storage_errors
from proteomr.gwas.sinks import arrange_aside
from proteomr.gwas.trait_piles import AT_ONCE

__all__ = ["RowShelf", "ShelvedRows"]


@dataclass(frozen=True, slots=True, eq=False)
class ShelvedRows:
    """A table, or where it stands.

    Attributes
    ----------
    held : the table, or the file that it is read from whenever it is asked for.
    height : its rows.
    schema : its columns.
    """

    held: pl.DataFrame | Path
    height: int
    schema: pl.Schema

    @property
    def is_aside(self) -> bool:
        """Whether the rows stand on disk."""
        return isinstance(self.held, Path)

    def read(self) -> pl.DataFrame:
        """Return the table."""
        if isinstance(self.held, pl.DataFrame):
            return self.held
        with storage_errors(self.held), pa.memory_map(str(self.held)) as file:
            rows = pl.DataFrame(pl.from_arrow(pa.ipc.open_file(file).read_all()))
        return rows.select(
            pl.col(name).cast(kind) if name in rows.columns else pl.lit(None, kind).alias(name)
            for name, kind in self.schema.items()
        )


class RowShelf:
    """Tables kept in memory while they have few rows together, then each in a file.

    Parameters
    ----------
    folder : where the files stand; it is there, and outlives what is on the shelf.
    name : of the files.
    at_once : rows, of all tables together, that stay in memory.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shelf = RowShelf(Path(folder), name="rows", at_once=3)
    ...     put = [shelf.put(pl.DataFrame({"n": [i, i]})) for i in range(2)]
    ...     [(rows.is_aside, rows.height, rows.read()["n"].to_list()) for rows in put]
    [(False, 2, [0, 0]), (True, 2, [1, 1])]
    """

    def __init__(self, folder: Path, *, name: str, at_once: int = AT_ONCE) -> None:
        self._folder = folder
        self._name = name
        self._at_once = at_once
        self._in_memory = 0
        self._files = 0

    def put(self, rows: pl.DataFrame) -> ShelvedRows:
        """Take a table.

        Raises
        ------
        StorageError
            The disk refused.
        """
        if self._in_memory + rows.height <= self._at_once:
            self._in_memory += rows.height
            return ShelvedRows(rows, rows.height, rows.schema)
        path = self._folder / f"{self._name}-{self._files}.arrow"
        self._files += 1
        table = arrange_aside(rows)
        with storage_errors(path), pa.OSFile(str(path), "wb") as file:  # noqa: SIM117
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
        return ShelvedRows(path, rows.height, rows.schema)
