"""Names that a spreadsheet changed, and genes restored from their accessions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError
from proteomr.io import read_measurements
from proteomr.io.spreadsheets import is_damaged, is_damaged_gene, restore_genes
from proteomr.tables import Measurements

Read = Callable[..., Measurements]


@pytest.mark.parametrize(
    "name", ["1-Mar", "2-Sep", "Mar-01", "1-Dec-21", "2021-03-01", "1/3/2021", "44256", "43525.0"]
)
def test_dates_in_any_spelling_are_restored(name: str) -> None:
    found = restore_genes(pl.Series([name]), pl.Series(["Q8TCQ1"]))
    assert is_damaged_gene(name)
    assert (found.names.to_list(), found.restored, found.lost) == (["MARCHF1"], 1, 0)


@pytest.mark.parametrize("name", ["IL6", "SEPTIN2", "MARCHF1", "12345", "1433", "CD8A", "HLA-DRA"])
def test_names_of_genes_are_left_alone(name: str) -> None:
    assert not is_damaged_gene(name)
    assert restore_genes(pl.Series([name]), pl.Series(["P05231"])).names.to_list() == [name]


def test_one_date_of_two_genes_is_told_apart_by_accession() -> None:
    found = restore_genes(pl.Series(["1-Mar", "1-Mar"]), pl.Series(["Q8TCQ1", "Q5VT66"]))
    assert found.names.to_list() == ["MARCHF1", "MTARC1"]


@pytest.mark.parametrize(
    ("name", "uniprot", "gene"),
    [("MAR1", "P05231", "IL6"), ("DEC1", "Q9P2X7", "DEC1"), ("OCT4", "Q01860", "OCT4")],
)
def test_a_name_that_may_be_a_date_is_replaced_where_the_gene_never_had_it(
    name: str, uniprot: str, gene: str
) -> None:
    assert restore_genes(pl.Series([name]), pl.Series([uniprot])).names.to_list() == [gene]


@pytest.mark.parametrize("uniprot", [None, "", "unknown"])
def test_a_date_without_an_accession_is_left_empty_and_counted(uniprot: str | None) -> None:
    found = restore_genes(pl.Series(["1-Mar"]), pl.Series([uniprot], dtype=pl.String))
    assert (found.names.to_list(), found.restored, found.lost) == ([None], 0, 1)
    assert "left empty" in found.notes[0]


def test_numbers_of_samples_are_no_dates() -> None:
    assert not is_damaged("44256")


def test_olink_restores_the_gene_and_keeps_the_spelling(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "npx.csv"
    path.write_text(
        "SampleID;OlinkID;UniProt;Assay;Panel;NPX\nA;O1;Q8TCQ1;1-Mar;P;1\nA;O2;P05231;IL6;P;2\n"
    )
    made = read(path)
    assert made.assays.select("gene", "assay").rows() == [("MARCHF1", "1-Mar"), ("IL6", "IL6")]
    assert any("1 names of genes that a spreadsheet turned" in note for note in made.notes)


def test_olink_without_ids_restores_the_key_or_refuses(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "npx.csv"
    path.write_text("SampleID;UniProt;Assay;Panel;NPX\nA;Q8TCQ1;1-Mar;P;1\nA;Q5VT66;1-Mar;P;2\n")
    made = read(path)
    assert made.proteins.names == ("MARCHF1", "MTARC1")
    assert made.proteins.read(slice(2)).tolist() == [[1.0, 2.0]]
    path.write_text("SampleID;UniProt;Assay;Panel;NPX\nA;;1-Mar;P;1\n")
    with pytest.raises(FormatError, match="look rewritten by a spreadsheet"):
        read(path)


def test_entrez_numbers_among_the_names_of_genes_are_no_days() -> None:
    nothing = pl.Series([None] * 3, dtype=pl.String)
    made = restore_genes(pl.Series(["3569", "51176", "IL6"]), nothing)
    assert (made.names.to_list(), made.lost) == (["3569", "51176", "IL6"], 0)
    made = restore_genes(pl.Series(["44256", "IL1B", "IL6"]), nothing)
    assert (made.names.to_list(), made.lost) == ([None, "IL1B", "IL6"], 1)


def test_a_matrix_of_protein_groups_restores_its_genes(tmp_path: Path) -> None:
    path = tmp_path / "report.pg_matrix.tsv"
    head = "Protein.Group\tProtein.Names\tGenes\tFirst.Protein.Description\tA.raw\tB.raw\n"
    rows = "Q8TCQ1\tMARH1\t1-Mar\t\t1000\t2000\nP05231\tIL6\tIL6\t\t1500\t900\n"
    path.write_text(head + rows)
    measured = read_measurements(path, scratch=tmp_path)
    assert dict(measured.assays.select("uniprot", "gene").iter_rows()) == {
        "Q8TCQ1": "MARCHF1",
        "P05231": "IL6",
    }
    assert any("restored" in note for note in measured.notes)
