"""Measure ``proteomr ingest`` on exports of UK Biobank's size: ``python -m benchmarks.ingest``.

The same made values stand in a set of wide csv files, as the research platform exports them, and in
a long file, as the showcase delivers it, its rows shuffled. Each is ingested by the command itself;
wall seconds, CPU seconds and peak memory are of that process. The peer reads the long file and
pivots it with polars, in a process of its own. All of the values that come out are compared.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.timing import ProcessCost, proteomr_command, run_process
from proteomr.provenance import utc_now

__all__ = ["FULL", "QUICK", "ExportSize", "compare_stores", "main", "write_exports"]

RESULTS = Path(__file__).parent / "results"
_FIRST_ID = 1_000_000
_CHUNK = 1 << 22
_PIVOT = """
import sys
import polars as pl
types = {"eid": pl.UInt32, "ins_index": pl.Int16, "protein_id": pl.UInt16, "result": pl.Float64}
rows = pl.read_csv(sys.argv[1], separator="\\t", schema_overrides=types)
wide = rows.filter(pl.col("ins_index") == 0).pivot("protein_id", index="eid", values="result")
wide.sort("eid").write_parquet(sys.argv[2])
"""


@dataclass(frozen=True, slots=True)
class ExportSize:
    """How large the made exports are.

    Parameters
    ----------
    label : in the results.
    people, proteins, files : of the wide set.
    rows : of the long file.
    slice_rows : of the long file that the peer pivots too.
    """

    label: str
    people: int
    proteins: int
    files: int
    rows: int
    slice_rows: int


FULL = ExportSize("full", 54_000, 2_923, 12, 100_000_000, 14_000_000)
QUICK = ExportSize("quick", 1_000, 600, 3, 500_000, 500_000)


def read_names(proteins: int) -> list[str]:
    """Return names of proteins as the research platform spells them."""
    import importlib.resources

    listed = importlib.resources.files("proteomr.schemas") / "ukbiobank" / "olink_names.txt"
    names = [name for name in listed.read_text("utf-8").split() if name != "eid"]
    return names[:proteins]


def write_exports(size: ExportSize, folder: Path, *, seed: int = 1) -> dict[str, Path]:
    """Write the wide set, the long file and its codes, and a slice of the long file."""
    names = read_names(size.proteins)
    rng = np.random.default_rng(seed)
    values = np.round(rng.standard_normal((size.people, size.proteins), dtype=np.float32), 4)
    ids = _FIRST_ID + 7 * rng.permutation(size.people)
    for part, columns in enumerate(np.array_split(np.arange(size.proteins), size.files)):
        frame = pl.DataFrame({names[j]: values[:, j] for j in columns})
        frame.insert_column(0, pl.Series("eid", ids)).write_csv(folder / f"olink_{part:02}.csv")
    with (folder / "coding143.tsv").open("w", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["coding", "meaning"])
        for code, name in enumerate(names):
            writer.writerow([code, f"{name.upper().replace('_', '-')};made for the benchmark"])
    cells = rng.permutation(size.people * size.proteins)[: size.rows]
    _write_long(folder / "olink_data.txt", cells, values, ids)
    _write_long(folder / "olink_slice.txt", cells[: size.slice_rows], values, ids)
    return {name: folder / name for name in ("olink_data.txt", "olink_slice.txt", "coding143.tsv")}


def _write_long(path: Path, cells: np.ndarray, values: np.ndarray, ids: np.ndarray) -> None:
    with path.open("wb") as file:
        for start in range(0, len(cells), _CHUNK):
            person, protein = np.divmod(cells[start : start + _CHUNK], values.shape[1])
            frame = pl.DataFrame(
                {
                    "eid": ids[person],
                    "ins_index": np.zeros(len(person), dtype=np.int8),
                    "protein_id": protein,
                    "result": values[person, protein],
                }
            )
            frame.write_csv(file, separator="\t", include_header=start == 0)


def compare_stores(left: Path, right: Path) -> int:
    """Return the number of cells that differ between the proteins of two stores, bit for bit."""
    one, other = (pl.read_parquet(path / "proteins.parquet") for path in (left, right))
    if one.columns != other.columns or not one["sample_id"].equals(other["sample_id"]):
        return one.height * one.width
    return sum(int(one[name].ne_missing(other[name]).sum()) for name in one.columns)


def _check_slice(store: Path, pivoted: Path) -> int:
    made = pl.read_parquet(store / "proteins.parquet")
    peer = pl.read_parquet(pivoted).with_columns(pl.col("eid").cast(pl.String)).sort("eid")
    if made["sample_id"].to_list() != peer["eid"].to_list():
        return made.height * made.width
    names = [name.upper() for name in read_names(made.width - 1)]
    return sum(int(made[name].ne_missing(peer[str(code)]).sum()) for code, name in enumerate(names))


def run(size: ExportSize, folder: Path) -> Iterator[dict[str, object]]:
    """Yield one record for each thing measured; ``wrong_cells`` counts differing values."""
    files = write_exports(size, folder)
    command = proteomr_command("ingest", "--overwrite")
    wide = run_process([*command, str(folder / "olink_*.csv"), "-o", str(folder / "wide")])
    yield _record("wide csv set", size, size.people * size.proteins, wide, wrong=0)
    pair = [str(files["olink_slice.txt"]), str(files["coding143.tsv"])]
    scatter = run_process([*command, *pair, "-o", str(folder / "slice")])
    pivoted = folder / "pivoted.parquet"
    peer = run_process([sys.executable, "-c", _PIVOT, pair[0], str(pivoted)])
    wrong = _check_slice(folder / "slice", pivoted)
    yield _record("long slice", size, size.slice_rows, scatter, wrong=wrong)
    yield _record("long slice, polars pivot", size, size.slice_rows, peer, wrong=0)
    pair[0] = str(files["olink_data.txt"])
    long = run_process([*command, *pair, "-o", str(folder / "long")])
    complete = size.rows >= size.people * size.proteins
    wrong = compare_stores(folder / "wide", folder / "long") if complete else 0
    yield _record("long file", size, size.rows, long, wrong=wrong)


def _record(
    what: str, size: ExportSize, cells: int, cost: ProcessCost, *, wrong: int
) -> dict[str, object]:
    return {
        "date": utc_now()[:10],
        "size": size.label,
        "what": what,
        "people": size.people,
        "proteins": size.proteins,
        "cells": cells,
        "wall_seconds": round(cost.wall_seconds, 2),
        "cpu_seconds": round(cost.cpu_seconds, 2),
        "peak_memory_mb": round(cost.peak_memory_bytes / 1e6),
        "wrong_cells": wrong,
    }


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="reduced size, a few seconds")
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="proteomr-bench-") as name:
        records = []
        for record in run(size, Path(name)):
            print(
                f"{record['what']:26}{record['wall_seconds']:9} s wall {record['cpu_seconds']:9} s "
                f"CPU {record['peak_memory_mb']:6} MB  {record['wrong_cells']} cells differ",
                flush=True,
            )
            records.append(record)
    if not options.quick:
        path = RESULTS / f"ingest-{records[0]['date']}.csv"
        pl.DataFrame(records).write_csv(path)
        print(path)
    return int(any(record["wrong_cells"] for record in records))


if __name__ == "__main__":
    raise SystemExit(main())
