"""The tables of all blocks joined, and written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.colocalisation.opening import Places
from proteomr.files import storage_errors
from proteomr.runs import Ledger, Outcome, read_packed, unpack_tables
from proteomr.runs.encoding import write_pieces
from proteomr.status import Status
from proteomr.tables import load_schema

__all__ = ["BLOCK", "collect_tables", "describe_outcome", "read_long", "write_long"]

BLOCK: Final = "block"
"""Name of the part that a block is stored as."""

_LONG: Final = ("coloc_snps", "coloc_cluster_snps")  # a row for each variant


def collect_tables(
    ledger: Ledger, count: int, names: Sequence[str], *, folder: Path
) -> tuple[dict[str, pl.DataFrame], dict[str, list[Path]]]:
    """Return the tables of all blocks joined, in the order of the blocks; long ones in pieces.

    Parameters
    ----------
    ledger : that keeps the blocks.
    count : of blocks.
    names : of the tables.
    folder : for the pieces.

    Returns
    -------
    tables : by name.
    pieces : parquet files whose rows follow each other, by name of the table.
    """
    long = [name for name in names if name in _LONG]
    held = {name: [load_schema(name).empty()] for name in names if name not in _LONG}
    pieces: dict[str, list[Path]] = {name: [] for name in long}
    for name in long:
        pieces[name].append(
            _write_piece(load_schema(name).empty(), name, folder / f"{name}.parquet")
        )
    for index in range(count):
        part = ledger.parts.load(index)
        if part is None:
            ledger.parts.load_all(count)  # raises, and counts those that are lost
            continue
        tables = unpack_tables(part[BLOCK])
        for name, frames in held.items():
            frames.append(tables[name])
        for name in long:
            if tables[name].height:
                path = folder / f"{name}-{index}.parquet"
                whole = read_packed(part[BLOCK], name)
                pieces[name].append(_write_piece(tables[name], name, path, whole))
    joined = {name: pl.concat(frames, how="diagonal_relaxed") for name, frames in held.items()}
    if "coloc" in joined:
        joined["coloc"] = _mark_best(joined["coloc"])
    if "credible_sets" in joined:
        joined["credible_sets"] = joined["credible_sets"].unique(
            ["trait", "region", "set", "snp"], keep="first", maintain_order=True
        )
    return joined, pieces


def write_long(ledger: Ledger, name: str, files: Sequence[Path]) -> None:
    """Write a table that stands in pieces, of which memory need not hold all.

    Parameters
    ----------
    ledger : of the run.
    name : of the table.
    files : its pieces, see `collect_tables`.
    """
    for format in ledger.formats:
        write = partial(write_pieces, files, format=format, stamp=ledger.stamp(name))
        ledger.write_file(f"{name}.{format}", write)


def read_long(files: Sequence[Path]) -> pl.DataFrame:
    """Return a table that stands in pieces."""
    return pl.read_parquet(list(files), glob=False)


def _write_piece(rows: pl.DataFrame, name: str, path: Path, whole: bytes | None = None) -> Path:
    """Write rows as the schema has them; as they are encoded already where that is so."""
    valid = load_schema(name).validate(rows)
    with storage_errors(path):
        if whole is not None and valid.schema == rows.schema:
            path.write_bytes(whole)
        else:
            valid.write_parquet(path, compression="lz4")
    return path


def describe_outcome(main: pl.DataFrame, ledger: Ledger, *, places: Places) -> Outcome:
    """Count what was left out, and return what a run says of itself.

    Parameters
    ----------
    main : rows with a status each.
    ledger : of the run.
    places : traits and regions.
    """
    ledger.count_drops(places.drops)
    doubtful = int((main["status"] == Status.mismatched.name).sum())
    failed = int((main["status"] != Status.ok.name).sum()) - doubtful
    notes = places.notes
    if doubtful:
        text = f"{doubtful:,} of {main.height:,} rows are mismatched: effects contradict the LD"
        notes = (*notes, f"{text}; see message")
    return Outcome(units=main.height, failed=failed, notes=notes)


def _mark_best(rows: pl.DataFrame) -> pl.DataFrame:
    """Mark the row of each pair of traits with the largest pp_h4, the first of equals."""
    pair = ["trait1", "trait2"]
    numbered = rows.with_row_index("_row")
    top = (
        numbered.filter(pl.col("pp_h4").is_not_null())
        .sort("pp_h4", "_row", descending=[True, False])
        .unique(pair, keep="first", maintain_order=True)["_row"]
    )
    return numbered.with_columns(best=pl.col("_row").is_in(top.implode())).drop("_row")
