"""Which proteins are fitted: by name, from a list, from rows of a table of results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, FormatError, InputError, NothingToDo, UsageError
from proteomr.io import ProteinChoice, choose_proteins
from proteomr.io.protein_choice import read_protein_list
from proteomr.runs.notes import collect_notes
from proteomr.tables import ArrayProteins, Cohort

NAMES = ("ADM", "HLA-A,B", "IL6", "OID00007", "REN")
RESULTS = pl.DataFrame(
    {
        "protein": ["REN", "ADM", "IL6", "ADM"],
        "adjustment": ["full", "full", "full", "simple"],
        "q_bh": [0.01, 0.04, None, 0.001],
        "n": [10, 20, 20, 20],
    }
)


def make_cohort() -> Cohort:
    values = np.arange(10.0).reshape(2, 5)
    genes = ["ADM", None, "IL6", "GDF15", "REN"]
    assays = pl.DataFrame({"protein": NAMES, "gene": genes})
    people = pl.DataFrame({"id": ["1", "2"]})
    return Cohort(people, "id", ArrayProteins(NAMES, values), assays)


def test_proteins_keep_the_order_of_the_file_and_what_is_named_twice_is_told() -> None:
    with collect_notes() as notes:
        cohort = choose_proteins(
            make_cohort(), ProteinChoice(("REN", "ADM", "REN")), scratch=Path()
        )
    assert cohort.proteins.names == ("ADM", "REN")
    assert cohort.assays["protein"].to_list() == ["ADM", "REN"]
    assert cohort.proteins.read(slice(0, 2)).tolist() == [[0.0, 4.0], [5.0, 9.0]]
    assert list(notes) == ["proteins: 3 named, 1 of them repeated; 2 of 5 are fitted"]
    assert cohort.drops[-1].n == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("adm",), r"no protein 'adm' \(did you mean 'ADM'\?\); 5 are there, such as 'ADM'"),
        (("GDF15",), "no protein 'GDF15': it is the gene of 'OID00007'"),
        (("X", "Y", "ADM"), "no protein 'X', nor 1 others of those named"),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ColumnError, match=message):
        choose_proteins(make_cohort(), ProteinChoice(names), scratch=Path())


@pytest.mark.parametrize("text", ["ADM\nHLA-A,B\n", '"ADM"\r\n\r\n"HLA-A,B"', "HLA-A,B\nADM\n"])
def test_a_list_is_a_name_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "names.txt"
    path.write_text(text)
    assert sorted(read_protein_list(path, known=NAMES)) == ["ADM", "HLA-A,B"]


@pytest.mark.parametrize("name", ["hits.parquet", "hits.csv", "hits.tsv", "one.csv"])
def test_a_table_is_read_by_its_column(tmp_path: Path, name: str) -> None:
    frame = RESULTS.select("protein") if name == "one.csv" else RESULTS
    if name.endswith("parquet"):
        frame.write_parquet(tmp_path / name)
    else:
        frame.write_csv(tmp_path / name, separator="\t" if name.endswith("tsv") else ",")
    assert read_protein_list(tmp_path / name) == ("REN", "ADM", "IL6", "ADM")


@pytest.mark.parametrize(
    ("rows", "proteins"),
    [
        (["adjustment=full"], ("REN", "ADM", "IL6")),
        (["adjustment = full", "n=20"], ("ADM", "IL6")),
        (["q_bh < 0.05"], ("REN", "ADM", "ADM")),
        (["adjustment=full", "q_bh < 0.05"], ("REN", "ADM")),
        (["adjustment in ('simple')"], ("ADM",)),
    ],
)
def test_rows_of_a_table_are_chosen(
    tmp_path: Path, rows: list[str], proteins: tuple[str, ...]
) -> None:
    RESULTS.write_csv(tmp_path / "hits.csv")
    assert read_protein_list(tmp_path / "hits.csv", rows=rows) == proteins


@pytest.mark.parametrize(
    ("text", "rows", "fault", "message"),
    [
        ("protein,q\nADM,1\n", ["qq=1"], ColumnError, "no column 'qq' in the columns of hits.csv"),
        ("protein,q\nADM,1\n", ["q=2"], NothingToDo, "no row is left where q=2"),
        ("protein,q\nADM,1\n", ["q=x"], UsageError, "holds numbers, and is compared with text"),
        ("assay,q\nADM,1\n", [], ColumnError, "no column 'protein'"),
        ("ADM\nREN\n", ["q=1"], FormatError, "a list, of which no rows are chosen"),
        ("\n\n", [], InputError, "names no protein"),
    ],
)
def test_a_table_that_cannot_serve_is_one_line(
    tmp_path: Path, text: str, rows: list[str], fault: type[Exception], message: str
) -> None:
    (tmp_path / "hits.csv").write_text(text)
    with pytest.raises(fault, match=message):
        read_protein_list(tmp_path / "hits.csv", rows=rows, known=NAMES)


def test_rows_are_chosen_of_a_table_alone() -> None:
    with pytest.raises(UsageError, match="name the table"):
        ProteinChoice(("ADM",), None, ("q=1",))
