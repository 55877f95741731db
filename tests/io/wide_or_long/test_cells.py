from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.wide_or_long import PlainTable
from proteomr.io.wide_or_long.cells import judge_cells
from proteomr.tables import Measurements

DECIMALS = [f"{place / 7:.3f}" for place in range(1, 40)]
COUNTS = [str(place * place) for place in range(3, 40)]


def read(folder: Path, cells: list[str], *, name: str = "IL6", apart: bool = False) -> Measurements:
    rows = "".join(f"S{i},{cell},{i}.5\n" for i, cell in enumerate(cells))
    file = folder / "wide.csv"
    file.write_text(f"ID,{name},ADM\n{rows}")
    options = IngestOptions(sample_columns=(name,) if apart else ())
    return PlainTable().read((open_source(file),), options=options, scratch=folder)


@pytest.mark.parametrize("cell", ["00012", "0000000000", "007", "1e5", "-012", "0", "1E+05", "12."])
def test_one_odd_number_among_decimals_leaves_an_assay(tmp_path: Path, cell: str) -> None:
    made = read(tmp_path, [*DECIMALS[:5], cell, *DECIMALS[5:]])
    assert made.proteins.names == ("ADM", "IL6")
    column = dict(
        zip(made.samples["sample_id"], made.proteins.read(slice(1, 2))[:, 0], strict=True)
    )
    assert column["S5"] == float(cell)


def test_numbers_with_zeros_in_front_are_told(tmp_path: Path) -> None:
    made = read(tmp_path, [*DECIMALS, "00012"])
    assert "1 values have zeros in front and are read as numbers, in IL6" in made.notes


@pytest.mark.parametrize(
    "cells",
    [
        [*COUNTS, "007"],
        [*COUNTS, "0000000000"],
        [str(place) for place in range(100, 140)] + ["007"],
        ["00012", "00013"] * 20,
        [*DECIMALS[:5], *["00012"] * 20],
    ],
    ids=["counts", "zeros", "counts of one width", "codes in a protein", "few decimals"],
)
def test_what_may_be_codes_or_counts_is_for_the_user_to_say(
    tmp_path: Path, cells: list[str]
) -> None:
    with pytest.raises(FormatError, match="zeros in front: name the column with --sample-column"):
        read(tmp_path, cells)
    made = read(tmp_path, cells, apart=True)
    assert made.proteins.names == ("ADM",)
    assert made.samples["IL6"].null_count() == 0


def test_the_doubtful_cell_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, [*COUNTS[:4], "007", *COUNTS[4:]])
    assert (caught.value.line, caught.value.column) == (6, "IL6")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([*DECIMALS, "2020-01-02"], "text where a number is needed"),
        ([*DECIMALS, "high"], "text where a number is needed"),
        (["high"] * 90 + DECIMALS[:5], "text where a number is needed"),
        (["<LOD"] * 90 + DECIMALS[:5], "'<LOD' is no number"),
        (["n.d."] * 9, r"'n\.d\.' is no number"),
        ([*DECIMALS, "TRUE"], "'TRUE' is no number"),
    ],
)
def test_a_word_in_an_assay_is_a_fault_with_its_line(
    tmp_path: Path, cells: list[str], message: str
) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(tmp_path, cells)
    assert caught.value.column == "IL6"
    assert caught.value.line is not None


@pytest.mark.parametrize(
    ("name", "cells", "content"),
    [
        ("centre", ["01", "02", "10", "22"], "codes"),
        ("centre", ["0012", "0100", "1100"], "codes"),
        ("protein7", ["07", "12", "34", "56", "78", "90"], "doubtful"),
        ("batch", ["1", "2", "x"], "words"),
        ("age", ["50", "61", "90+"], "words"),
        ("protein7", [None, "NA", "."], "numbers"),
        ("protein7", ["a", "b", "1"] * 3 + ["c"] * 9, "words"),
        ("protein7", ["1", "2", "3"], "numbers"),
    ],
)
def test_a_column_is_judged_by_all_its_cells(
    name: str, cells: list[str | None], content: str
) -> None:
    assert judge_cells(pl.Series(name, cells, dtype=pl.String)).content == content


def test_numbers_that_parquet_holds_as_text_do_not_move_among_the_samples(tmp_path: Path) -> None:
    file = tmp_path / "wide.parquet"
    frame = pl.DataFrame(
        {"ID": ["a", "b", "c"], "ADM": [1.5, 2.5, 3.5], "IL6": ["0.5", "<LOD", "1.5"]}
    )
    frame.write_parquet(file)
    with pytest.raises(FormatError, match="is stored as text, and most of its values are numbers"):
        PlainTable().read((open_source(file),), options=IngestOptions(), scratch=tmp_path)
    apart = IngestOptions(sample_columns=("IL6",))
    made = PlainTable().read((open_source(file),), options=apart, scratch=tmp_path)
    assert made.proteins.names == ("ADM",)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (['"1,234.5"', '"987.25"', '"12,345.0"'], "commas between thousands"),
        (['"1,234,567"', '"1,000,000"', "12"], "commas between thousands"),
        (['"0,5"', '"1,25"', "3"], "decimal comma"),
    ],
)
def test_commas_in_quoted_numbers_make_no_fact_of_an_assay(
    tmp_path: Path, cells: list[str], message: str
) -> None:
    with pytest.raises(FormatError, match=rf"line 2, column 'IL6': {message}"):
        read(tmp_path, cells)


def test_quoted_lists_beside_the_assays_go_with_the_samples(tmp_path: Path) -> None:
    made = read(tmp_path, [*['"1,3"'] * 6, "5"], name="activities")
    assert made.samples["activities"].to_list() == [*["1,3"] * 6, "5"]
