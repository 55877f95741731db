"""Rows of a long table as codes, block by block: in memory, or on the disk where they are many."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from proteomr._typing import U32
from proteomr.files import storage_errors
from proteomr.io.text import MISSING

__all__ = ["HeldRows", "Words", "code_text", "code_values", "sort_texts"]

_ROWS_PER_BLOCK: Final = 1 << 20
_ROWS_IN_MEMORY: Final = 1 << 22
"""Some 200 MB of rows with a dozen columns; more go to the scratch folder."""
_NOTHING: Final = np.uint32(0xFFFFFFFF)


class HeldRows:
    """Rows that are added batch by batch, and come back as one lazy frame.

    Text comes as dictionaries of Arrow, whose codes are brought to one numbering on the way; so a
    name stands once in memory, not once a row. Blocks beyond those that memory holds are written to
    the scratch folder and read from there, so that what is held does not grow with the rows.

    Parameters
    ----------
    texts, numbers : columns of the batches, by the role they fill.
    scratch : folder for blocks, in which each table has a folder of its own: rows of several files
        are read back when all of them have been held.

    Examples
    --------
    >>> rows = HeldRows({"panel": "Panel"}, {}, Path())
    >>> for texts in (["b ", "NA"], ["a", "b"]):
    ...     rows.add(pa.record_batch({"Panel": pa.array(texts).dictionary_encode()}))
    >>> rows.finish().collect()["panel"].to_list()
    ['b', None, 'a', 'b']
    """

    def __init__(self, texts: Mapping[str, str], numbers: Mapping[str, str], scratch: Path) -> None:
        self.texts, self.numbers, self._scratch = dict(texts), dict(numbers), scratch
        self._folder: Path | None = None
        self.height = 0
        self.codes_of: dict[str, dict[str, int]] = {role: {} for role in texts}
        self._waiting: list[pl.DataFrame] = []
        self._blocks: list[pl.DataFrame | Path] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the rows of a batch."""
        columns = [
            pl.Series(role, self._number(role, batch.column(name)))
            for role, name in self.texts.items()
        ]
        columns += [
            pl.Series(role, pl.from_arrow(batch.column(name))).cast(pl.Float64).fill_nan(None)
            for role, name in self.numbers.items()
        ]
        self.height += batch.num_rows
        self._waiting.append(pl.DataFrame(columns))
        if sum(frame.height for frame in self._waiting) >= _ROWS_PER_BLOCK:
            self._keep()

    def texts_of(self, role: str) -> pl.Series:
        """Return the texts of a column in the order of their codes."""
        return pl.Series(role, list(self.codes_of[role]), dtype=pl.String)

    def find_first(self, role: str, codes: Sequence[int]) -> tuple[int, str] | None:
        """Return the first row that has one of some codes in a column, and its text."""
        self._keep()
        before = 0
        for block in self._blocks:
            frame = _open(block)
            found = frame[role].is_in(codes)
            if found.any():
                row = int(found.arg_max() or 0)
                return before + row, str(self.texts_of(role)[frame[role][row]])
            before += frame.height
        return None

    def finish(self, words: Mapping[str, Words] | None = None) -> pl.LazyFrame:
        """Return the rows, text as Enum over sorted and trimmed values, missing where it says so.

        Parameters
        ----------
        words : for columns of text that hold something else than names: what each text becomes.
        """
        self._keep()
        names = {role: Words.of_names(self.texts_of(role)) for role in self.texts}
        taken = {**names, **(words or {})}
        frames: list[pl.LazyFrame] = []
        self._blocks.reverse()
        while self._blocks:
            place, block = len(frames), self._blocks.pop()
            frame = _open(block)
            named = frame.with_columns(
                column for role in self.texts for column in taken[role].take(frame[role], role)
            )
            if isinstance(block, Path):
                written = self._place(f"rows-{place}.parquet")
                self._write(named, written)
                block.unlink()
                frames.append(pl.scan_parquet(written, glob=False))
            else:
                frames.append(named.lazy())
        if not frames:
            empty = {role: words.values.dtype for role, words in taken.items()}
            kinds = {**empty, **dict.fromkeys(self.numbers, pl.Float64())}
            return pl.LazyFrame(schema=kinds)
        return pl.concat(frames) if len(frames) > 1 else frames[0]

    def discard(self) -> None:
        """Remove what was written."""
        if self._folder is not None:
            shutil.rmtree(self._folder)

    def _number(self, role: str, column: pa.Array) -> U32:
        """Return the codes of a column in the numbering of all batches."""
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        known = self.codes_of[role]
        numbered = np.array(
            [
                _NOTHING if text is None else known.setdefault(text, len(known))
                for text in column.dictionary.to_pylist()
            ]
            or [_NOTHING],
            dtype=np.uint32,
        )
        indices = column.indices
        codes: U32 = numbered[indices.fill_null(0).to_numpy(zero_copy_only=False)]
        if indices.null_count:
            codes[indices.is_null().to_numpy(zero_copy_only=False)] = _NOTHING
        return codes

    def _keep(self) -> None:
        if not self._waiting:
            return
        self._blocks.append(pl.concat(self._waiting, rechunk=True))
        self._waiting.clear()
        if self.height <= _ROWS_IN_MEMORY:
            return
        for place, block in enumerate(self._blocks):
            if isinstance(block, pl.DataFrame):
                path = self._place(f"codes-{place}.parquet")
                self._write(block, path)
                self._blocks[place] = path

    def _place(self, name: str) -> Path:
        if self._folder is None:
            with storage_errors(self._scratch):
                self._folder = Path(tempfile.mkdtemp(prefix="rows-", dir=self._scratch))
        return self._folder / name

    def _write(self, rows: pl.DataFrame, path: Path) -> None:
        with storage_errors(self._scratch):
            rows.write_parquet(path, compression="lz4", statistics=False)


def _open(block: pl.DataFrame | Path) -> pl.DataFrame:
    return pl.read_parquet(block, glob=False) if isinstance(block, Path) else block


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """What the texts of a column become: one or several columns, each by a value for each text."""

    values: pl.Series
    others: tuple[pl.Series, ...] = ()

    @classmethod
    def of_names(cls, texts: pl.Series) -> Words:
        """Return names: trimmed, sorted, null where they say that there is none."""
        return cls(sort_texts(texts))

    def take(self, codes: pl.Series, role: str) -> Sequence[pl.Series]:
        """Return the columns for the codes of rows."""
        there = codes.set(codes == int(_NOTHING), None)
        return [
            self.values.gather(there).alias(role),
            *(other.gather(there) for other in self.others),
        ]


def sort_texts(texts: pl.Series) -> pl.Series:
    """Return texts as Enum over their sorted and trimmed values, null for what is missing.

    Examples
    --------
    >>> sort_texts(pl.Series(["b ", "NA", "a"])).to_physical().to_list()
    [1, None, 0]
    """
    trimmed = texts.cast(pl.String).str.strip_chars()
    trimmed = trimmed.set(trimmed.is_in(MISSING), None)
    return trimmed.cast(pl.Enum(trimmed.drop_nulls().unique().sort()))


def code_text(cells: pl.Series) -> pl.Series:
    """Return text as codes over its sorted values, trimmed, with null for what is missing.

    Examples
    --------
    >>> code_text(pl.Series("panel", ["b ", "NA", "a", "b"])).to_physical().to_list()
    [1, None, 0, 1]
    """
    texts = cells.cast(pl.String)
    seen = texts.drop_nulls().unique()
    codes = texts.cast(pl.Enum(seen)).to_physical()
    return code_values(seen, codes).alias(cells.name)


def code_values(values: pl.Series, codes: pl.Series) -> pl.Series:
    """Return text given as codes over any values as codes over the sorted and trimmed ones.

    Parameters
    ----------
    values : texts; those that become one by trimming are one.
    codes : for each row a position among the values, null where missing.

    Examples
    --------
    >>> code_values(pl.Series(["b ", "a"]), pl.Series([1, None, 0])).to_list()
    ['a', None, 'b']
    """
    # A gather from the few values: a cast would go through the text of every row.
    return sort_texts(values).gather(codes.cast(pl.UInt32))
