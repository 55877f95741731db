"""Traits that were taken for one: parted by a column, or by the files."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import InputError
from proteomr.gwas.munging import Munged, MungeOptions, munge_files
from proteomr.gwas.policy import VariantPolicy
from proteomr.io.sumstats import ReadOptions

ROWS = [
    "IL6 rs1 1 100 A G 0.3 0.2 0.01",
    "IL6 rs2 2 100 A G 0.3 0.2 0.01",
    "CRP rs2 2 100 G A 0.7 0.3 0.01",
    "CRP rs3 3 300 A G 0.3 0.3 0.01",
]


def write(folder: Path, name: str, rows: list[str] = ROWS, file: str = "given.txt") -> Path:
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([f"{name} rsid chr pos ea oa eaf beta se", *rows]) + "\n")
    return path


def traits_of(munged: Munged) -> list[str]:
    return munged.collect().frame["trait"].to_list()


@pytest.mark.parametrize(
    "name",
    ["gene", "Gene_Name", "HGNC", "hgnc_symbol", "Assay", "UniProt", "probe", "gene.id", "SeqId"],
)
def test_a_column_named_as_traits_parts_them_with_a_note(name: str, tmp_path: Path) -> None:
    munged = munge_files(write(tmp_path, name))
    assert traits_of(munged) == ["IL6", "IL6", "CRP", "CRP"]
    note = f"given.txt: {name!r} parts the rows of a variant; it is taken for the trait"
    assert note in munged.report.notes
    assert munged.report.rows_read == len(ROWS)


@pytest.mark.parametrize(
    "name", ["protein", "Protein_ID", "OlinkID", "exposure", "Outcome", "phenotype", "Pheno"]
)
def test_a_column_that_can_be_nothing_else_is_the_trait_at_once(name: str, tmp_path: Path) -> None:
    munged = munge_files(write(tmp_path, name, [ROWS[0], ROWS[3]]))
    assert traits_of(munged) == ["IL6", "CRP"]
    assert f"given.txt: column {name!r} is taken for the trait" in munged.report.notes


@pytest.mark.parametrize("name", ["tissue", "lipid", "cohort", "id"])
def test_a_column_of_another_name_is_named_with_its_remedy(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, name)
    with pytest.raises(InputError, match=rf"column '{name}' parts them: .*--map trait={name}\b"):
        munge_files(path)
    read = ReadOptions(columns={"trait": name})
    assert len({*traits_of(munge_files(path, options=MungeOptions(read=read)))}) == 2


def test_numbers_that_are_names_part_traits(tmp_path: Path) -> None:
    rows = [row.replace("IL6", "17").replace("CRP", "23") for row in ROWS]
    assert traits_of(munge_files(write(tmp_path, "gene_id", rows))) == ["17", "17", "23", "23"]
    for name in ("id", "code"):
        with pytest.raises(InputError, match=f"--map trait={name}"):
            munge_files(write(tmp_path, name, rows))


def test_numbers_that_measure_part_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "studies", [r.replace("IL6", "17").replace("CRP", "23") for r in ROWS])
    assert munge_files(path).report.dropped["repeated_differently"] == 2


def test_two_proteins_of_one_variant_are_two_traits(tmp_path: Path) -> None:
    path = write(tmp_path, "gene", ROWS[1:3])
    assert traits_of(munge_files(path)) == ["IL6", "CRP"]


def test_several_alleles_at_one_place_do_not_hide_the_traits(tmp_path: Path) -> None:
    path = write(tmp_path, "gene", [*ROWS, "IL6 rs2 2 100 A T 0.1 0.4 0.01"])
    assert traits_of(munge_files(path)).count("IL6") == 3


def test_the_gene_near_a_variant_is_no_trait(tmp_path: Path) -> None:
    rows = [ROWS[0], ROWS[1], ROWS[1].replace("0.2 0.01", "0.4 0.01"), ROWS[3]]
    munged = munge_files(write(tmp_path, "gene", rows))
    assert munged.report.dropped == {"repeated_differently": 2}
    assert {*traits_of(munged)} == {"given"}


def test_two_columns_that_name_traits_are_not_chosen_between(tmp_path: Path) -> None:
    path = write(tmp_path, "outcome exposure", [f"CHD {row}" for row in ROWS])
    assert traits_of(munge_files(path)) == ["IL6", "IL6", "CRP", "CRP"]  # the one that parts


def test_a_trait_goes_before_what_else_may_name_one(tmp_path: Path) -> None:
    path = write(tmp_path, "protein trait", ["ACOX1 SBP" + row[3:] for row in ROWS[:2]])
    assert traits_of(munge_files(path)) == ["SBP", "SBP"]


def test_files_with_other_effects_under_one_name_are_two_studies(tmp_path: Path) -> None:
    rows = [row.split(" ", 1)[1] for row in ROWS[:2]]
    first = write(tmp_path, "", rows, "a/o.txt")
    second = write(tmp_path, "", [row.replace("0.2 0", "-0.2 0") for row in rows], "b/o.txt")
    with pytest.raises(InputError) as caught:
        munge_files([first, second])
    assert f"{first} and {second} give 2 variants different effects" in str(caught.value)
    every = MungeOptions(policy=VariantPolicy(duplicates="all"))
    assert munge_files([first, second], options=every).report.rows_kept == 4


def test_parts_of_one_study_follow_each_other(tmp_path: Path) -> None:
    rows = [row.split(" ", 1)[1] for row in ROWS[:2]]
    paths = [write(tmp_path, "", [row], f"{i}/o.txt") for i, row in enumerate(rows)]
    assert munge_files(paths).report.rows_kept == 2


def test_proteins_of_a_real_file_are_traits(reference: Path) -> None:
    path = reference / "pqtl" / "cistrans_exposure_regenie_8proteins.csv.gz"
    frame = munge_files(path).collect().frame
    assert frame["trait"].n_unique() == 8
    assert isinstance(frame, pl.DataFrame)
