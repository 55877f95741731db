"""Columns of the types that parquet knows: read as the numbers that they are, or named."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import proteomr
from proteomr.errors import FormatError

N = 60
IDS = [f"S{i}" for i in range(N)]
G = np.random.default_rng(4)
X = np.arange(N) % 2
AGE = np.round(G.normal(60.0, 8.0, N) * 8) / 8  # which every type holds exactly
VALUES = np.round(G.normal(size=N) * 64) / 64 + X


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table({"sample_id": pa.array(IDS), **columns}), path)
    return path


def scan(folder: Path, **columns: Any) -> list[Any]:
    samples = write(folder / "s.parquet", **{"x": pa.array(X), "age": pa.array(AGE), **columns})
    proteins = folder / "p.parquet"
    if not proteins.exists():
        write(proteins, ADM=pa.array(VALUES))
    asked: dict[str, Any] = {"family": "linear", "exposure": "x", "transform": "none"}
    table = proteomr.associate(samples, proteins, adjust={"m": "age"}, **asked).table()
    return [value for row in table.select("n", "estimate", "se").rows() for value in row]


DECIMALS = [Decimal(str(age)) for age in AGE]
AGES = {
    "half": pa.array(AGE.astype(np.float16)),
    "single": pa.array(AGE.astype(np.float32)),
    "decimal of 128 bits": pa.array(DECIMALS, pa.decimal128(20, 3)),
    "decimal of 256 bits": pa.array(DECIMALS, pa.decimal256(60, 3)),
    "dictionary": pa.array(AGE).dictionary_encode(),
}


@pytest.mark.parametrize("kind", AGES)
def test_a_covariate_of_any_type_of_number_is_those_numbers(kind: str, tmp_path: Path) -> None:
    whole = scan(tmp_path)
    assert whole[0] == N
    assert scan(tmp_path, age=AGES[kind]) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(
    "stored",
    [
        pa.array(VALUES.astype(np.float16)),
        pa.array(VALUES.astype(np.float32)),
        pa.array([Decimal(str(value)) for value in VALUES], pa.decimal128(30, 8)),
    ],
    ids=["half", "single", "decimal"],
)
def test_proteins_of_any_type_of_number_are_those_numbers(stored: pa.Array, tmp_path: Path) -> None:
    whole = scan(tmp_path)
    write(tmp_path / "p.parquet", ADM=stored)
    assert scan(tmp_path) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("of", ["samples", "proteins"])
def test_whole_numbers_of_128_bits_are_named(of: str, tmp_path: Path) -> None:
    wide = {"x": X, "age": AGE, "extra": pl.Series([1] * N, dtype=pl.Int128)}
    pl.DataFrame({"sample_id": IDS, **wide}).write_parquet(tmp_path / "wide.parquet")
    plain = write(tmp_path / "plain.parquet", x=pa.array(X), age=pa.array(AGE))
    files = (tmp_path / "wide.parquet", plain)
    samples, proteins = files if of == "samples" else files[::-1]
    with pytest.raises(FormatError, match=r"wide.parquet: has a column of a type that is not read"):
        proteomr.associate(samples, proteins, family="linear", exposure="x", adjust={"m": "age"})


WIDE = pa.array(DECIMALS, pa.decimal256(60, 3))
LONG = {"SampleID": IDS, "Assay": ["ADM"] * N, "OlinkID": ["OID1"] * N, "NPX": WIDE}
SUMSTATS = {
    "SNP": [f"rs{i}" for i in range(N)],
    "CHR": [1] * N,
    "BP": list(range(N)),
    "A1": ["A"] * N,
    "A2": ["G"] * N,
    "BETA": WIDE,
    "SE": [0.1] * N,
    "N": [1000] * N,
}


@pytest.mark.parametrize(
    ("read", "columns", "said"),
    [
        (proteomr.ingest, {"sample_id": IDS, "ADM": WIDE, "LEP": VALUES}, "column 'ADM'"),
        (proteomr.ingest, LONG, "column 'NPX'"),
        (proteomr.munge, SUMSTATS, "column 'BETA'"),
    ],
    ids=["wide", "long", "summary statistics"],
)
def test_decimals_of_256_bits_are_named_where_columns_are_read_one_by_one(
    read: Callable[[Path], Any], columns: dict[str, Any], said: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "w.parquet")
    with pytest.raises(FormatError, match=f"{said}: holds decimals of 256 bits"):
        read(tmp_path / "w.parquet")
