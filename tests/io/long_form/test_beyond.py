"""Values beyond the limits of quantification, in every form in which Olink writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError
from proteomr.io.long_form.beyond import find_range
from proteomr.tables import Measurements

Read = Callable[..., Measurements]
Rows = list[list[str | float]]
WriteWorkbook = Callable[[Path, Sequence[Sequence[str | float]]], Path]

_LONG = "SampleID,OlinkID,Assay,Panel,PlateID,Quantified_value,Unit\n"
_ABOVE = ["> ULOQ", ">ULOQ", "> uloq", "≥ULOQ", "&gt; ULOQ", "above ULOQ", "ULOQ", "> LOQ", "ALQ"]
_BELOW = ["< LLOQ", "<LLOQ", "<lloq", "below LLOQ", "LLOQ", "<LOQ", "BLQ", "BLOQ", "BQL", "< LQL"]


@pytest.mark.parametrize("word", _ABOVE)
def test_words_for_above_the_range_are_known(word: str) -> None:
    assert find_range(word) == "above_uloq"


@pytest.mark.parametrize("word", _BELOW)
def test_words_for_below_the_range_are_known(word: str) -> None:
    assert find_range(word) == "below_lloq"


@pytest.mark.parametrize("word", ["high", "", "NA", "5", "ULOQ?", "S-LLOQ-1", "x > ULOQ", "<", ">"])
def test_other_text_is_no_such_word(word: str) -> None:
    assert find_range(word) is None


def _long(cells: Sequence[str]) -> list[list[str | float]]:
    rows: list[list[str | float]] = [[*_LONG.strip().split(",")]]
    for i, cell in enumerate(cells):
        rows.append([f"S{i}", "OID1", "IL6", "T48", "P1", cell, "pg/mL"])
    return rows


def _wide(cells: Sequence[str]) -> list[list[str | float]]:
    samples: Rows = [[f"S{i}", cell, "P1", "Pass"] for i, cell in enumerate(cells)]
    return [
        ["Project", "NPX Signature 1.8", "", ""],
        ["Quantified data", "", "", ""],
        ["Panel", "T48", "T48", "T48"],
        ["Assay", "IL6", "Plate ID", "QC Warning"],
        ["Uniprot ID", "P05231", "", ""],
        ["OlinkID", "OID1", "", ""],
        ["Unit", "pg/mL", "", ""],
        ["", "", "", ""],
        *samples,
        ["", "", "", ""],
        ["ULOQ", "100", "", ""],
    ]


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        *(("text", _long), ("workbook", _long), ("parquet", _long)),
        *(("text", _wide), ("workbook", _wide)),
    ],
)
def test_values_beyond_the_range_are_missing_and_flagged_one_by_one(
    form: str,
    rows: Callable[[Sequence[str]], Rows],
    tmp_path: Path,
    read: Read,
    write_workbook: WriteWorkbook,
) -> None:
    table = rows(["1.5", "> ULOQ", "<LLOQ", "NA", "2"])
    path = tmp_path / "quant"
    if form == "text":
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in table), "utf-8")
    elif form == "workbook":
        write_workbook(path, table)
    else:
        names = [str(name) for name in table[0]]
        pl.DataFrame(table[1:], schema=names, orient="row").write_parquet(path)
    made = read(path)
    assert [*map(str, made.proteins.read(slice(1)).ravel())] == ["1.5", "nan", "nan", "nan", "2.0"]
    assert made.flags.select("sample_id", "protein", "plate", "flag", "value").rows() == [
        ("S1", "OID1", "P1", "above_uloq", "> ULOQ"),
        ("S2", "OID1", "P1", "below_lloq", "<LLOQ"),
    ]
    said = "1 value is above the upper limit of quantification: missing, with the flag above_uloq"
    assert said in made.notes


@pytest.mark.parametrize("rows", [_long, _wide])
def test_any_other_text_is_refused_with_its_line(
    rows: Callable[[Sequence[str]], list[list[str | float]]], tmp_path: Path, read: Read
) -> None:
    table = rows(["1.5", "> ULOQ", "high"])
    path = tmp_path / "quant.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in table), encoding="utf-8")
    with pytest.raises(FormatError, match="text where a number is needed") as caught:
        read(path)
    assert caught.value.line == next(i for i, row in enumerate(table, 1) if "high" in row)


def test_npx_may_have_such_words_too(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "npx.csv"
    path.write_text(
        "SampleID;OlinkID;Assay;Panel;NPX;LOD\nA;O1;IL6;P;1.5;0.5\nB;O1;IL6;P;< LOD;0.5\n", "utf-8"
    )
    made = read(path)
    assert made.flags.select("sample_id", "flag").rows() == [("B", "below_lod")]
    assert made.limits.rows() == [("O1", None, 0.5)]
