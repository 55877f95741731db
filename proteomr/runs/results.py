"""The tables that a finished job gives, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from proteomr import figures
from proteomr.border import reads
from proteomr.errors import UsageError, nearest
from proteomr.provenance import Manifest
from proteomr.tables.showing import show_table, show_text

if TYPE_CHECKING:
    import pandas as pd

    from proteomr.plot.drawing import Drawing

__all__ = ["Results", "read_result"]


@dataclass(frozen=True, slots=True)
class Results:
    """What a job gave: tables by name, what was left out, and the account of the run.

    Attributes
    ----------
    command : the job, such as ``associate``.
    main : name of its main table.
    folder : where the results stand; None where they are in memory alone.
    manifest : the account; None where the results were there already.
    units, failed : what was estimated (fits, pairs), and how many of them have no estimate.

    Examples
    --------
    >>> results = Results("demo", "hits", None, {"hits": pl.DataFrame({"n": [4]})})
    >>> results.names, results.table().item()
    (('hits',), 4)
    """

    command: str
    main: str
    folder: Path | None
    _tables: Mapping[str, pl.DataFrame | Path]
    manifest: Manifest | None = None
    units: int = 0
    failed: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(self._tables)

    @property
    def where(self) -> Path:
        """The folder or file of results that stand on the disk.

        Raises
        ------
        UsageError
            They are in memory alone.
        """
        if self.folder is None:
            raise UsageError(
                f"the results of {self.command} are in memory; name an output for them"
            )
        return self.folder

    def table(self, name: str | None = None) -> pl.DataFrame:
        """Return a table; the main one unless named.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        held = self._tables[self._find(name)]
        return held if isinstance(held, pl.DataFrame) else read_result(held)

    def _find(self, name: str | None) -> str:
        """Return the name of a table that is there; that of the main one for None."""
        wanted = self.main if name is None else name
        if wanted not in self._tables:
            known = ", ".join(self._tables)
            raise UsageError(
                f"{self.command} gave no table {wanted!r}{nearest(wanted, self._tables)}; "
                f"there are: {known}"
            )
        return wanted

    def path(self, name: str | None = None) -> Path | None:
        """Return the file of a table; None where it is in memory alone."""
        held = self._tables.get(self.main if name is None else name)
        return held if isinstance(held, Path) else None

    def to_pandas(self, name: str | None = None) -> pd.DataFrame:
        """Return a table as a frame of pandas; the main one unless named."""
        return self.table(name).to_pandas()

    def plot(
        self,
        kind: str | None = None,
        *,
        table: str | None = None,
        width: Literal["single", "double"] | None = None,
        title: str | None = None,
        labels: int = 12,
    ) -> Drawing:
        """Return the figure of a table, as ``proteomr plot`` draws it; the main one unless named.

        Parameters
        ----------
        kind : one of those of ``proteomr plot``; None for the table's own.
        table : name of a table.
        width : "single" or "double", a journal's columns of 89 and 183 mm.
        title : above the figure.
        labels : most proteins that are named in a panel.

        Raises
        ------
        UsageError
            There is no such table or kind, the table has no figure, or matplotlib is not installed.
        """
        wanted = self._find(table)
        held = {name: partial(self.table, name) for name in self._tables}
        return figures.draw(held, wanted, kind, width=width, title=title, labels=labels)

    def summary(self) -> pl.DataFrame:
        """Return the job's own summary where it has one, else the tables with their sizes.

        Examples
        --------
        >>> Results("demo", "hits", None, {"hits": pl.DataFrame({"n": [4]})}).summary().rows()
        [('hits', 1, 1)]
        """
        if "summary" in self._tables:
            return self.table("summary")
        sizes = [(name, *self.table(name).shape) for name in self._tables]
        kinds = {"table": pl.String, "rows": pl.Int64, "columns": pl.Int64}
        return pl.DataFrame(sizes, schema=kinds, orient="row")

    def __repr__(self) -> str:
        where = "in memory" if self.folder is None else f"in {self.folder}"
        return f"<Results of {self.command} {where}: {', '.join(self._tables)}>"

    def _repr_html_(self) -> str:
        names = ", ".join(map(show_text, self._tables))
        begins = f"<p><b>{show_text(self.command)}</b>: {names}</p>"
        if self.main not in self._tables:
            return begins
        return f"{begins}\n{show_table(self.table())}"


@reads
def read_result(path: Path, *, rows: int | None = None) -> pl.DataFrame:
    """Read a table that a run wrote; its first rows where a number is given."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path, n_rows=rows, glob=False)
    separator = "," if path.suffix == ".csv" else "\t"
    return pl.read_csv(path, separator=separator, infer_schema_length=None, n_rows=rows, glob=False)
