from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr._typing import Bool
from proteomr.gwas import sinks
from proteomr.gwas.sinks import MemorySink, ParquetSink
from proteomr.runs.encoding import read_stamp
from proteomr.tables import load_schema


def draw(n: int, *, seed: int, alleles: int = 4, build: str | None = None) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    pool = ["A", "C", "G", "T", *("ACGT" * (k // 4 + 1) + "A" * k for k in range(alleles - 4))]
    empty = load_schema("sumstats").empty()
    told = pl.DataFrame(
        {
            "variant_id": [f"rs{i}" if i % 7 else None for i in range(n)],
            "chromosome": [("1", "X", None)[3 * i // n] for i in range(n)],
            "position_bp": rng.integers(1, 10**8, n),
            "build": [build] * n,
            "effect_allele": [pool[i] for i in rng.integers(0, len(pool), n)],
            "beta": [None if i % 5 == 0 else x for i, x in enumerate(rng.normal(size=n))],
            "n": rng.integers(1, 9, n).astype(float),
            "trait": ["height"] * n,
        },
        schema_overrides={"build": pl.String},
    )
    absent = [
        pl.lit(None, kind).alias(name)
        for name, kind in empty.schema.items()
        if name not in told.columns
    ]
    return told.with_columns(absent).select(empty.columns)


def write(
    path: Path, frames: list[pl.DataFrame], keep: Bool | None, fill: dict[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    memory = MemorySink()
    with ParquetSink.open(path, stamp={"schema": "sumstats/1"}) as sink:
        for frame in frames:
            memory.add(frame)
            sink.add(frame)
        written = sink.finish(keep, fill).collect()
        rows = sum(frame.height for frame in frames)
        names = [sink.find_name(row) for row in range(0, rows, 17)]
    return written, memory.finish(keep, fill).collect(), names


@pytest.mark.parametrize("rows_aside", [1, 50, 10_000])
@pytest.mark.parametrize("alleles", [4, 20, 400])
@pytest.mark.parametrize("builds", [(None, None), ("GRCh37", None), ("GRCh37", "GRCh38")])
def test_rows_that_stood_aside_are_those_of_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows_aside: int,
    alleles: int,
    builds: tuple[str | None, str | None],
) -> None:
    monkeypatch.setattr(sinks, "_ROWS", rows_aside)
    frames = [draw(90 + i, seed=i, alleles=alleles, build=builds[i % 2]) for i in range(4)]
    keep = np.random.default_rng(9).random(sum(frame.height for frame in frames)) < 0.7
    for chosen, fill in ((None, {}), (keep, {}), (keep, {"build": "GRCh38"})):
        written, held, names = write(tmp_path / "x.parquet", frames, chosen, fill)
        assert written.schema == held.schema
        assert written.equals(held)
        assert names == [str(name) for name in pl.concat(frames)["variant_id"].gather_every(17)]
    assert read_stamp(tmp_path / "x.parquet")["schema"] == "sumstats/1"
    assert not list(tmp_path.glob(".munge-*"))


def test_a_table_without_rows_has_all_its_columns(tmp_path: Path) -> None:
    written, held, _ = write(tmp_path / "x.parquet", [], None, {"build": "GRCh37"})
    assert written.schema == held.schema
    assert not written.height


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    frames = [draw(200, seed=3, alleles=50)]
    for name in ("a.parquet", "b.parquet"):
        write(tmp_path / name, frames, None, {})
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
