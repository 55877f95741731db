"""Summary statistics of any format as one canonical table, with an account of every row."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import polars as pl

from proteomr.errors import UsageError
from proteomr.gwas.munge_report import MungeReport
from proteomr.gwas.munge_run import MUNGE_VERSION, MungeOptions, MungeRun
from proteomr.gwas.parting import PartedError
from proteomr.gwas.sinks import MemorySink, ParquetSink, Sink
from proteomr.gwas.trait_piles import TraitPile, TraitSink
from proteomr.io.sources import find_files
from proteomr.tables.sumstats import SumStats

__all__ = ["MUNGE_VERSION", "MungeOptions", "MungeReport", "Munged", "munge_files", "pile_files"]

Rows = TypeVar("Rows")


@dataclass(frozen=True, slots=True, eq=False)
class Munged:
    """The canonical table, not yet in memory where it was written, and the account of its rows.

    Parameters
    ----------
    rows : the table, to be scanned.
    path : where it was written; None where it was not.
    report : the account.
    """

    rows: pl.LazyFrame
    path: Path | None
    report: MungeReport

    def collect(self) -> SumStats:
        """Return the whole table in memory, checked against its schema."""
        return SumStats(self.rows.collect())


def munge_files(
    paths: str | Path | Sequence[str | Path],
    *,
    options: MungeOptions | None = None,
    out: str | Path | None = None,
    stamp: Mapping[str, str] | None = None,
) -> Munged:
    r"""Return summary statistics of any known format as one canonical table.

    Files are read in batches, so that memory does not grow with them but for a few bytes a row:
    the keys by which repeated variants are found, 24 bytes each, stand aside beyond a million.

    Parameters
    ----------
    paths : one file or several, also as a glob; their rows follow each other.
    options : how they are read, what leaves, and what is done to positions and names.
    out : parquet file to write; the table is kept in memory where None.
    stamp : what the file says of itself, see `proteomr.runs.encoding.Stamp`.

    Raises
    ------
    UsageError
        No file is named, or what is asked for does not apply to a file.
    InputError
        A file is absent or cannot be read; effects or errors are on the scale of odds ratios;
        positions are on another build than the declared one; a variant has several effects, and a
        column that names no trait parts them.
    FormatError
        A file is of no known format, or breaks the rules of its own; with the line.
    NothingToDo
        No row is left.
    StorageError
        The disk refused.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".ma") as file:
    ...     size = file.write("SNP A1 A2 freq b se p N\nrs1 a g 0.2 0.1 0.02 0 9\n")
    ...     size = file.write("rs2 C T 0 1 1 1 9\n")
    ...     file.flush()
    ...     munged = munge_files(file.name)
    >>> munged.report.rows_kept, munged.report.dropped, munged.report.found["p_zero"]
    (1, {'eaf_outside': 1}, 1)
    """
    target = None if out is None else Path(out)
    if target is None:
        rows, report = _gather(paths, options, lambda: nullcontext(MemorySink()))
    else:
        rows, report = _gather(paths, options, lambda: ParquetSink.open(target, stamp=stamp))
    return Munged(rows, target, report)


def pile_files(
    paths: Sequence[str | Path], *, folder: Path, options: MungeOptions | None = None
) -> tuple[TraitPile, MungeReport]:
    r"""Return summary statistics of many traits as a pile, and the account of their rows.

    Memory does not grow with the rows but as for `munge_files`: what is more than some 250,000
    stands in the folder.

    Parameters
    ----------
    paths : one file or several; their rows follow each other.
    folder : for files; it outlives the pile.
    options : how they are read, what leaves, and what is done to positions and names.

    Raises
    ------
    UsageError, InputError, FormatError, NothingToDo, StorageError
        As for `munge_files`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".ma") as file:
    ...     size = file.write("SNP A1 A2 freq b se p N\nrs1 a g 0.2 0.1 0.02 5.7e-7 900\n")
    ...     file.flush()
    ...     pile, report = pile_files([file.name], folder=Path(tempfile.gettempdir()))
    >>> pile.height, report.rows_kept
    (1, 1)
    """
    return _gather(paths, options, lambda: _open_pile(folder))


def _gather(
    paths: str | Path | Sequence[str | Path],
    options: MungeOptions | None,
    open_sink: Callable[[], AbstractContextManager[Sink[Rows]]],
) -> tuple[Rows, MungeReport]:
    """Read files into a sink, anew where a column turns out to hold their traits."""
    asked = options or MungeOptions()
    if not isinstance(paths, str | Path) and not paths:
        raise UsageError("no file of summary statistics is named; give one or several")
    traits: dict[Path, str] = {}
    while True:
        run = MungeRun(asked, traits)
        try:
            with closing(run), open_sink() as sink:
                for path in find_files(paths):
                    run.read(path, sink)
                rows, rows_kept = run.finish(sink)
        except PartedError as found:  # each file names its trait once
            traits[found.path] = found.column
        else:
            return rows, run.report(rows_kept)


def _open_pile(folder: Path) -> AbstractContextManager[Sink[TraitPile]]:
    return nullcontext(TraitSink(Path(tempfile.mkdtemp(prefix="rows-", dir=folder))))
