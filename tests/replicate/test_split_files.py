"""Splits that a file tells, and what such a file may not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import proteomr
from proteomr.association import ModelSpec
from proteomr.errors import ProteomrError
from proteomr.replicate import GivenSplits
from proteomr.runs import Source
from tests.replicate.people import make_people, make_proteins

PEOPLE = make_people(120)
PROTEINS = make_proteins(PEOPLE, 3)
SPEC = ModelSpec("linear", ("iso",), {"few": "age"})
HALVES = [1, 2] * 60


def run(splits: Any, **more: Any) -> Any:
    scheme = GivenSplits(Source.of(splits, name="splits"))
    return proteomr.replicate(PEOPLE, PROTEINS, models=SPEC, scheme=scheme, threads=1, **more)


def of(**columns: Any) -> pl.DataFrame:
    return PEOPLE.select("ID").with_columns(pl.Series(k, v) for k, v in columns.items())


@pytest.mark.parametrize(
    "column",
    [HALVES, [1.0, 2.0] * 60, ["1", "2"] * 60, [" 1", "2 "] * 60],
    ids=["whole", "decimal", "text", "blanks"],
)
def test_halves_are_1_and_2_however_they_are_stored(column: list[Any]) -> None:
    assert run(of(s=column)).table().equals(run(of(s=HALVES)).table())


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "csv.gz"])
def test_a_file_of_any_format_tells_splits(ending: str, tmp_path: Path) -> None:
    frame, path = of(s1=HALVES, s2=HALVES[::-1]), tmp_path / f"splits.{ending}"
    if ending == "parquet":
        frame.write_parquet(path)
    else:
        separator = "\t" if ending == "tsv" else ","
        frame.write_csv(
            path, separator=separator, compression="gzip" if "gz" in ending else "uncompressed"
        )
    assert run(path).table()["split"].to_list() == ["s1", "s2"]


def test_who_has_no_value_or_no_row_is_left_out_and_counted(tmp_path: Path) -> None:
    column = [None if i < 10 else 1 + i % 2 for i in range(120)]
    results = run(of(s=column).head(100), out=tmp_path / "results")
    drops = pl.read_csv(tmp_path / "results" / "drops.tsv", separator="\t")
    assert drops.filter(reason="in no half of s")["n"].to_list() == [30]
    assert results.table().select(pl.col("n1") + pl.col("n2")).item() <= 90


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (of(s=[0, 1] * 60), r"60 rows of split 's' hold something else than 1 and 2 \(0\)"),
        (of(s=["first", "2"] * 60), "60 rows of split 's' hold something else than 1 and 2; an"),
        (of(s=[1.5, 2.0] * 60), "60 rows of split 's' hold something else than 1 and 2; an"),
        (of(s=[1] * 120), "split 's' has nobody in half 2"),
        (of(s=[None] * 120), "split 's' has nobody in half 1"),
        (PEOPLE.select("ID"), "a column of 1 and 2 for each split is needed"),
        (of(**{"lo:1": HALVES}), "'lo:1' and the like are of no target asked for"),
        (
            of(s=HALVES).with_columns(ID=pl.lit("x") + pl.col("ID")),
            "0 identifiers are shared",
        ),
        (of(s=HALVES).drop("ID"), "identifier"),
        (pl.concat([of(s=HALVES)] * 2), "duplicated identifiers"),
    ],
)
def test_what_tells_no_split_is_refused_in_one_line(splits: pl.DataFrame, message: str) -> None:
    with pytest.raises(ProteomrError, match=message) as refused:
        run(splits)
    assert "\n" not in str(refused.value)
    assert not any(name in str(refused.value) for name in PEOPLE["ID"])


def test_columns_of_exposures_that_are_not_asked_are_told() -> None:
    results = run(of(**{"iso:1": HALVES, "lo:1": HALVES, "lo:2": HALVES}))
    assert results.table()["split"].to_list() == ["iso:1"]
    assert any("2 columns are of other exposures (lo:1, lo:2)" in note for note in results.notes)
