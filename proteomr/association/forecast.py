"""What joining the parts of a scan would take, by joining those of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl

from proteomr.association.collect import collect, summarise
from proteomr.association.specification import ModelSpec
from proteomr.files import replace_file
from proteomr.runs.encoding import write_encoded
from proteomr.runs.timing import Spent, Stopwatch
from proteomr.scan import PART_ORDER

__all__ = ["estimate_disk", "estimate_joining", "keep"]

# Rows of the table that is joined for a trial, so that what each takes is seen beside what all do.
_JOINED_ROWS = 5_000
# Of the table: the parts, the joined frame, its columns of statistics, and what is written.
_TABLE_COPIES = 4.0
# Of a table in memory to its parquet file, by scans of 200 to 12,000 fits with and without
# coefficients: 0.35 to 0.6 of the bytes; and what a file of one part takes whatever its rows.
_WRITTEN_SHARE, _PART_FILE_BYTES = 0.5, 8_000


def estimate_joining(
    parts: Sequence[pl.DataFrame], spec: ModelSpec, *, share: float, scratch: Path
) -> tuple[Spent, float]:
    """Return what it takes to join, summarise and write a table, and the bytes that it needs.

    Parameters
    ----------
    parts : of some proteins.
    share : how many times as many proteins the scan has.
    scratch : folder for the table.
    """
    watch = Stopwatch()
    copies = max(1, _JOINED_ROWS // max(1, sum(part.height for part in parts)))
    joined = collect(_repeat(parts, copies), spec)
    summarise(joined)
    keep(joined.frame, scratch / "table.parquet")
    times = share / copies
    return watch.read().times(times), times * joined.frame.estimated_size() * _TABLE_COPIES


def estimate_disk(parts: Sequence[pl.DataFrame], *, share: float, blocks: int) -> float:
    """Return the bytes on the disk at the peak: all parts, and the tables that are made of them.

    Parameters
    ----------
    parts : of some proteins.
    share : how many times as many proteins the scan has.
    blocks : of which each has a part.

    Examples
    --------
    >>> estimate_disk([pl.DataFrame({"estimate": [0.1, 0.2]})], share=100.0, blocks=1)
    9600.0
    """
    held = share * sum(part.estimated_size() for part in parts)
    return 2 * _WRITTEN_SHARE * held + _PART_FILE_BYTES * blocks


def _repeat(parts: Sequence[pl.DataFrame], copies: int) -> list[pl.DataFrame]:
    """Return parts several times, those of each time of other proteins."""
    place = PART_ORDER[0]
    span = 1 + max((int(str(part[place].max() or 0)) for part in parts), default=0)
    return [
        part.with_columns((pl.col(place) + i * span).cast(part[place].dtype))
        for i in range(copies)
        for part in parts
    ]


def keep(frame: pl.DataFrame, path: Path) -> None:
    """Put a part or a table on the disk as the run does."""
    replace_file(path, partial(write_encoded, frame, format="parquet"))
