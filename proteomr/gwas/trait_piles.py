"""Rows of many traits, of which some whole traits are held at a time: the others wait on disk."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.ipc

from proteomr._typing import Bool
from proteomr.files import storage_errors
from proteomr.gwas.sinks import arrange_aside, arrange_result, numbered_schema
from proteomr.tables import load_schema

__all__ = ["AT_ONCE", "TraitPile", "TraitSink"]

AT_ONCE: Final = 250_000
"""Rows of which what is made for judging them takes some 150 MB; a trait is never cut."""

_ROW: Final = "_row"


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that stand aside in one file, in order of trait, and the number of the first."""

    path: Path
    start: int


@dataclass(frozen=True, slots=True, eq=False)
class TraitPile:
    """Canonical rows of many traits, read some whole traits at a time.

    Parameters
    ----------
    sizes : ``trait`` in order of name, and ``n``, its rows.
    rows : all of them where they are in memory, ``trait`` without nulls; else None.
    parts : files in which they stand aside.
    keep : which rows of the files are of the pile; None for all.
    fill : by column, what stands in cells without a value.

    Examples
    --------
    >>> rows = pl.DataFrame({"trait": ["b", None, "b"], "n": [1, 2, 3]})
    >>> pile = TraitPile.of(rows)
    >>> pile.sizes.rows(), [chunk["n"].to_list() for chunk in pile.chunks(at_once=2)]
    ([('', 1), ('b', 2)], [[2], [1, 3]])
    """

    sizes: pl.DataFrame
    rows: pl.DataFrame | None = None
    parts: tuple[_Part, ...] = ()
    keep: Bool | None = None
    fill: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, rows: pl.DataFrame) -> TraitPile:
        """Return the pile of rows that are in memory."""
        named = rows.with_columns(pl.col("trait").fill_null(""))
        return cls(_count(named), named)

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.sizes["n"].sum())

    @property
    def is_aside(self) -> bool:
        """Whether the rows stand on disk."""
        return bool(self.parts)

    def chunks(self, *, at_once: int = AT_ONCE) -> Iterator[pl.DataFrame]:
        """Yield the rows of some traits at a time, whole ones, in order of their names.

        Rows of a trait are in the order of the file.

        Parameters
        ----------
        at_once : rows, about, of a chunk.
        """
        if self.rows is not None and self.height <= at_once:
            yield self.rows
            return
        starts = pl.col("n").cum_sum() // at_once
        for _, some in self.sizes.group_by(starts, maintain_order=True):
            yield self._take(some["trait"])

    def _take(self, traits: pl.Series) -> pl.DataFrame:
        """Return the rows of traits that follow each other by name."""
        if self.rows is not None:
            return self.rows.filter(pl.col("trait").is_in(traits.implode()))
        ends = str(traits[0]), str(traits[-1])
        return pl.concat([self._take_of(part, *ends) for part in self.parts], rechunk=True)

    def _take_of(self, part: _Part, first: str, last: str) -> pl.DataFrame:
        with pa.memory_map(str(part.path)) as opened:
            table = pa.ipc.open_file(opened).read_all()
            traits = table["trait"].combine_chunks()
            names = traits.dictionary.to_pylist()
            ends = bisect_left(names, first), bisect_right(names, last)
            start, end = np.searchsorted(traits.indices.to_numpy(), ends)
            own = table.slice(start, end - start)
            places = own[_ROW].to_numpy() + part.start
            stays = None if self.keep is None else self.keep[places]
            found = arrange_result(
                own.drop_columns(_ROW), numbered_schema(), keep=stays, fill=self.fill
            )
            return pl.DataFrame(pl.from_arrow(found)).cast({pl.Categorical: pl.String})


class TraitSink:
    """Rows kept in memory while they are few, then aside: the pile of a file of many traits.

    Parameters
    ----------
    folder : where the files aside stand; it outlives the pile.
    at_once : rows that stay in memory; once there are more, files have half as many or more.

    Examples
    --------
    >>> sink = TraitSink(Path("nowhere"))
    >>> sink.add(load_schema("sumstats").empty())
    >>> sink.finish(None, {}).height
    0
    """

    def __init__(self, folder: Path, *, at_once: int = AT_ONCE) -> None:
        self._folder = folder
        self._at_once = at_once
        self._held: list[pl.DataFrame] = []
        self._rows = 0
        self._stood = 0
        self._parts: list[_Part] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Take further rows.

        Raises
        ------
        StorageError
            The disk refused.
        """
        self._held.append(frame)
        self._rows += frame.height
        if self._rows > self._at_once or (self._parts and 2 * self._rows > self._at_once):
            self._flush()

    def finish(self, keep: Bool | None, fill: Mapping[str, str]) -> TraitPile:
        """Return the rows that are kept, all where None, with empty cells of columns filled."""
        if not self._parts:
            frame = pl.concat(self._held) if self._held else load_schema("sumstats").empty()
            rows = frame if keep is None else frame.filter(pl.Series(keep))
            filled = [pl.col(name).fill_null(value) for name, value in fill.items()]
            return TraitPile.of(rows.with_columns(filled))
        if self._held:
            self._flush()
        counts = [_count_aside(part, keep) for part in self._parts]
        sizes = pl.concat(counts).group_by("trait").agg(pl.col("n").sum()).sort("trait")
        return TraitPile(sizes, None, tuple(self._parts), keep, fill)

    def find_name(self, row: int) -> str:
        """Return the name of the variant of a row that was taken, kept or not."""
        if not self._parts:
            return str(pl.concat(frame.select("variant_id") for frame in self._held).item(row, 0))
        part = [part for part in self._parts if part.start <= row][-1]
        with pa.memory_map(str(part.path)) as opened:
            table = pa.ipc.open_file(opened).read_all()
            place = int(np.flatnonzero(table[_ROW].to_numpy() == row - part.start)[0])
            return str(table["variant_id"][place])

    def _flush(self) -> None:
        rows = pl.concat(self._held).with_columns(pl.col("trait").fill_null(""))
        self._held, self._rows = [], 0
        start, self._stood = self._stood, self._stood + rows.height
        rows = rows.with_row_index(_ROW)
        if not rows["trait"].is_sorted():
            rows = rows.sort("trait", maintain_order=True)
        table = arrange_aside(rows)
        path = self._folder / f"rows-{len(self._parts)}.arrow"
        with storage_errors(path), pa.OSFile(str(path), "wb") as file:  # noqa: SIM117
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
        self._parts.append(_Part(path, start))


def _count(rows: pl.DataFrame) -> pl.DataFrame:
    counts = rows["trait"].value_counts(name="n").sort("trait")
    return counts.with_columns(pl.col("n").cast(pl.Int64))


def _count_aside(part: _Part, keep: Bool | None) -> pl.DataFrame:
    """Return how many rows of each trait of a file are kept."""
    with pa.memory_map(str(part.path)) as opened:
        table = pa.ipc.open_file(opened).read_all()
        traits = table["trait"].combine_chunks()
        codes = traits.indices.to_numpy()
        if keep is not None:
            codes = codes[keep[table[_ROW].to_numpy() + part.start]]
        names = traits.dictionary.to_pylist()
        counts = np.bincount(codes, minlength=len(names))
    frame = pl.DataFrame({"trait": names, "n": counts}, schema={"trait": pl.String, "n": pl.Int64})
    return frame.filter(pl.col("n") > 0)
