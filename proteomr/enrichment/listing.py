"""Names with what a list or a table of results says of them: which are hits, and of which rank."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.border import reads
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.io.bounds import read_whole
from proteomr.io.result_rows import choose_rows, minus_log_p
from proteomr.io.sources import inspect_file, read_head
from proteomr.io.tables import read_table
from proteomr.tables import Drop
from proteomr.tables import columns as c

__all__ = ["ASSAY", "HIT", "LABEL", "RANK", "SIGN", "Listing", "P", "read_hits", "read_ranks"]

LABEL: Final = "label"
ASSAY: Final = "assay"
HIT: Final = "hit"
SIGN: Final = "sign"
RANK: Final = "rank"
P: Final = "neg_log10_p"

_NAMES: Final = (c.GENE, c.PROTEIN, c.SYMBOL, "genes", "proteins", c.UNIPROT, c.NAME)
_MODEL: Final = (c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT, c.STRATUM, c.CONTRAST, c.TERM)
_MAIN: Final = "associations.parquet"
_MOST_MEGABYTES: Final = 64
_DELIMITERS: Final = re.compile(r"[,;\t]")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Rows of names, in the order of the file.

    Attributes
    ----------
    frame : ``label``; ``assay``, the name of the protein; and for hits ``hit``, ``sign`` and
        ``neg_log10_p``, or for ranks ``rank`` and ``neg_log10_p``, null where the file does not
        tell.
    is_table : whether rows that are no hits are known.
    drops : rows that were left out.
    """

    frame: pl.DataFrame
    is_table: bool
    drops: tuple[Drop, ...] = ()


def read_hits(path: Path, *, rows: Sequence[str] = (), names: str | None = None) -> Listing:
    """Return all rows that were tested, and which of them are hits.

    Parameters
    ----------
    path : a list, one name a line, all of which are hits; or a table of results, or the run folder
        of `associate`.
    rows : rows of the table that are hits; all of them where none are chosen.
    names : column of the names.

    Raises
    ------
    ColumnError
        A column is not there.
    InputError
        No name is left.
    """
    frame = _read(path, names)
    if frame is None:
        if rows:
            raise InputError(f"{path}: a list, of which no rows are chosen ({rows[0]})")
        listed = _read_list(path)
        one = pl.DataFrame({LABEL: listed}, schema={LABEL: pl.String})
        unknown = (pl.lit(None, pl.Float64).alias(name) for name in (SIGN, P))
        hit = pl.lit(value=True).alias(HIT)
        named = one.with_columns(pl.col(LABEL).alias(ASSAY), hit, *unknown)
        return Listing(named, is_table=False)
    labels = _name_labels(frame, names, path)
    frame = frame.with_columns(labels).with_row_index("row_of_file")
    tested = frame.filter(_was_tested(frame))
    hits = choose_rows(tested, rows, path=path)["row_of_file"] if tested.height else pl.Series([])
    table = tested.select(
        LABEL,
        _name_assays(tested),
        pl.col("row_of_file").is_in(hits.implode()).alias(HIT),
        _number(tested, c.ESTIMATE).sign().alias(SIGN),
        _minus_log(tested, path).alias(P),
    )
    untested = frame.height - table.height
    drop = Drop("names", "not tested: no p value, or a status that is not ok", untested)
    return _finish(table, path, drop, is_table=True)


def read_ranks(
    path: Path, *, rank: str | None, rows: Sequence[str] = (), names: str | None = None
) -> Listing:
    """Return the rows that are ranked, each with its rank and p value.

    Parameters
    ----------
    path : a table of results, the run folder of `associate`, or names and ranks in two columns
        without a header.
    rank : column of the ranks; None for ``statistic``.
    rows : rows that are ranked: those of one model.
    names : column of the names.

    Raises
    ------
    ColumnError
        There are no ranks, some are infinite, or the rows are of several models.
    """
    frame = _read(path, names)
    if frame is None:
        raise ColumnError(
            f"{path}: names without ranks: gsea needs a table with a column of them (--rank)"
        )
    frame = choose_rows(frame, rows, path=path)
    wanted = (RANK if RANK in frame.columns else c.STATISTIC) if rank is None else rank
    if wanted not in frame.columns:
        raise ColumnError(
            f"{path}: no column {wanted!r}{nearest(wanted, frame.columns)}, by which gsea ranks; "
            f"name another (--rank)"
        )
    if not frame[wanted].dtype.is_numeric():
        raise ColumnError(f"{path}: column {wanted!r} holds {frame[wanted].dtype}, not numbers")
    _refuse_models(frame, path)
    labelled = frame.with_columns(_name_labels(frame, names, path))
    table = labelled.select(
        LABEL,
        _name_assays(labelled),
        pl.col(wanted).cast(pl.Float64).fill_nan(None).alias(RANK),
        _minus_log(frame, path).alias(P),
    )
    if infinite := int(table[RANK].is_infinite().sum()):
        rows_of_it = f"{infinite} row{'s' if infinite > 1 else ''}"
        raise ColumnError(
            f"{path}: column {wanted!r} is infinite in {rows_of_it}; rank by a statistic, or by "
            "neg_log10_p, which does not underflow"
        )
    ranked = table.drop_nulls(RANK)
    drop = Drop("names", f"no number in column {wanted!r}", table.height - ranked.height)
    return _finish(ranked, path, drop, is_table=True)


def _finish(table: pl.DataFrame, path: Path, drop: Drop, *, is_table: bool) -> Listing:
    named = table.drop_nulls(LABEL)
    drops = (drop, Drop("names", "no name", table.height - named.height))
    if not named.height:
        why = "; ".join(f"{one.n} rows: {one.reason}" for one in drops if one.n)
        raise InputError(f"{path}: no name is left ({why})")
    return Listing(named, is_table, drops)


@reads
def _read(path: Path, names: str | None) -> pl.DataFrame | None:
    """Return a table, or None for a list."""
    if path.is_dir():
        return read_table(path / _MAIN)
    kind, compressed = inspect_file(path)
    if kind == "parquet":
        return read_table(path)
    head = read_head(path, compressed=compressed).decode("utf-8-sig", "replace").splitlines()
    first = [_take_quotes_off(cell) for cell in _DELIMITERS.split(head[0] if head else "")]
    if len(first) == 2 and _NUMBER.fullmatch(first[1]):
        return _read_pairs(path, compressed=compressed)
    known = {*_NAMES, names}
    return read_table(path) if len(first) > 1 or first[0] in known else None


def _read_pairs(path: Path, *, compressed: bool) -> pl.DataFrame:
    """Return names and ranks of a file without a header, as those that end in .rnk."""
    labels: list[str] = []
    ranks: list[float | None] = []
    content = read_whole(path, compressed=compressed, megabytes=_MOST_MEGABYTES)
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), start=1):
        cells = [_take_quotes_off(cell) for cell in _DELIMITERS.split(line)]
        if cells == [""]:
            continue
        if len(cells) != 2:
            found = f"{path}, line {number}: {len(cells)} columns"
            raise ColumnError(f"{found}, and a name and a rank are needed")
        labels.append(cells[0])
        ranks.append(float(cells[1]) if _NUMBER.fullmatch(cells[1]) else None)
    return pl.DataFrame({c.NAME: labels, RANK: ranks}, schema={c.NAME: pl.String, RANK: pl.Float64})


def _read_list(path: Path) -> list[str]:
    _, compressed = inspect_file(path)
    content = read_whole(path, compressed=compressed, megabytes=_MOST_MEGABYTES)
    lines = map(_take_quotes_off, content.decode("utf-8-sig", "replace").splitlines())
    names = [line for line in lines if line]
    if not names:
        raise InputError(f"{path}: names no gene or protein")
    return names


def _take_quotes_off(text: str) -> str:
    bare = text.strip()
    quoted = len(bare) > 1 and bare[0] == bare[-1] == '"'
    return bare[1:-1].strip() if quoted else bare


def _name_labels(frame: pl.DataFrame, names: str | None, path: Path) -> pl.Series:
    """Return the names of the rows: the gene, and where there is none the protein."""
    if names is not None and names not in frame.columns:
        raise ColumnError(f"{path}: no column {names!r}{nearest(names, frame.columns)}")
    there = [name for name in _NAMES if name in frame.columns] if names is None else [names]
    if not there:
        raise ColumnError(
            f"{path}: no column of names: gene or protein; name another (--name-column)"
        )
    texts = [pl.col(name).cast(pl.String).str.strip_chars().replace("", None) for name in there[:2]]
    return frame.select(pl.coalesce(texts).alias(LABEL)).to_series()


def _name_assays(frame: pl.DataFrame) -> pl.Expr:
    named = c.PROTEIN if c.PROTEIN in frame.columns else LABEL
    return pl.coalesce(pl.col(named).cast(pl.String), LABEL).alias(ASSAY)


def _was_tested(frame: pl.DataFrame) -> pl.Expr:
    tested = pl.lit(value=True)
    for name in (c.NEG_LOG10_P, c.P_VALUE):
        if name in frame.columns:
            tested = pl.col(name).is_not_null()
            if frame[name].dtype.is_float():
                tested = tested & pl.col(name).is_not_nan()  # as pandas writes what is missing
            break
    if c.STATUS in frame.columns:
        tested = tested & (pl.col(c.STATUS).cast(pl.String) == "ok").fill_null(value=True)
    return tested


def _number(frame: pl.DataFrame, name: str) -> pl.Expr:
    if name not in frame.columns or not frame[name].dtype.is_numeric():
        return pl.lit(None, pl.Float64)
    return pl.col(name).cast(pl.Float64)


def _minus_log(frame: pl.DataFrame, path: Path) -> pl.Series:
    stated = minus_log_p(frame, place=f"{path}: ")
    return pl.Series([None] * frame.height, dtype=pl.Float64) if stated is None else stated


def _refuse_models(frame: pl.DataFrame, path: Path) -> None:
    """Refuse rows of several models: a protein would be ranked by one of them at random."""
    shown = frame
    if c.TERM in frame.columns and c.PROTEIN in frame.columns:
        own = pl.col(c.TERM).str.strip_prefix(pl.col(c.PROTEIN)).alias(c.TERM)
        shown = frame.with_columns(own)
    for name in _MODEL:
        if name not in frame.columns:
            continue
        held = shown[name].cast(pl.String).unique().drop_nulls().sort().to_list()
        if len(held) > 1:
            some = ", ".join(value or c.PROTEIN for value in held[:_SHOWN])
            example = next(value for value in held if value)
            raise ColumnError(
                f"{path}: several values of {name!r} ({some}); choose rows of one (--where-rows "
                f"{name}={example})"
            )
