from __future__ import annotations

from pathlib import Path

import pytest

from proteomr.errors import ColumnError, FormatError, InputError
from proteomr.io import read_cohort
from proteomr.tables import Cohort

SAMPLES = "ID,iso,age\n1,0,50\n2,1,61\n3,0,44\n"
PROTEINS = "ID,ADM,GDF15,plate,well_number\n1,0.1,0.2,1,11\n2,1.1,1.2,1,12\n3,2.1,2.2,2,13\n"


def read(folder: Path, samples: str, proteins: str, *apart: str) -> Cohort:
    for name, content in (("samples.csv", samples), ("proteins.csv", proteins)):
        (folder / name).write_text(content)
    return read_cohort(
        folder / "samples.csv", folder / "proteins.csv", scratch=folder, sample_columns=apart
    )


def test_numbers_that_sound_like_facts_are_told(tmp_path: Path) -> None:
    cohort = read(tmp_path, SAMPLES, PROTEINS)
    assert cohort.proteins.names == ("ADM", "GDF15", "plate", "well_number")
    (note,) = cohort.notes
    assert "plate, well_number; name those that are no protein with --sample-column" in note


def test_columns_that_the_user_names_are_no_proteins(tmp_path: Path) -> None:
    cohort = read(tmp_path, SAMPLES, PROTEINS, "plate", "well_number")
    assert cohort.proteins.names == ("ADM", "GDF15")
    assert cohort.notes == ()
    assert cohort.drops_table.row(-1)[1:] == (
        "columns of the protein files that are no proteins",
        2,
    )
    with pytest.raises(ColumnError, match=r"no column 'plat' \(did you mean 'plate'"):
        read(tmp_path, SAMPLES, PROTEINS, "plat")


def test_a_protein_with_the_name_of_a_covariate_is_named(tmp_path: Path) -> None:
    cohort = read(tmp_path, SAMPLES, PROTEINS.replace("GDF15", "age"), "plate", "well_number")
    assert cohort.proteins.names == ("ADM",)
    assert cohort.notes == (
        "left out of the proteins, for the samples have columns of these names: age",
    )


def test_fields_of_participants_among_proteins_are_left_out(tmp_path: Path) -> None:
    proteins = PROTEINS.replace("plate", "p54_i0").replace("well_number", "p31")
    cohort = read(tmp_path, SAMPLES, proteins)
    assert cohort.proteins.names == ("ADM", "GDF15")
    assert cohort.notes == ("left out of the proteins, as fields of UK Biobank: p54_i0, p31",)


def test_a_short_name_is_a_field_beside_the_identifier_of_uk_biobank(tmp_path: Path) -> None:
    proteins = "ID,ADM,p31\n1,0.5,1\n2,1.5,0\n"
    assert read(tmp_path, SAMPLES, proteins).proteins.names == ("ADM", "p31")
    samples, proteins = (text.replace("ID,", "eid,") for text in (SAMPLES, proteins))
    cohort = read(tmp_path, samples, proteins)
    assert cohort.proteins.names == ("ADM",)
    assert cohort.notes == ("left out of the proteins, as fields of UK Biobank: p31",)


@pytest.mark.parametrize(
    ("samples", "proteins", "message"),
    [
        (PROTEINS, SAMPLES.replace("iso", "isolation"), "holds ADM, GDF15"),
        (PROTEINS, "ID,age,sex\n1,50,F\n2,60,M\n", "age, sex sound like facts"),
        (PROTEINS, "ID,bmi\n1,50\n2,60\n", "bmi sound like facts"),
        ("ID,iso\n1,0\n2,1\n", "ID,PC1,PC2\n1,0,1\n2,1,1\n", "PC1, PC2 sound like facts"),
        ("ID,iso,ADM,IL6\n1,0,1,2\n2,1,1,2\n", "ID,trait\n1,0\n2,1\n", "no name is one's"),
        (SAMPLES, "eid,31-0.0,21003-0.0\n1,0,50\n2,1,60\n", "fields of UK Biobank"),
        (SAMPLES, "f_eid,f_31_0_0,f_21003_0_0\n1,0,50\n2,1,60\n", "no protein table beside it"),
    ],
)
def test_files_in_the_wrong_order_are_asked_about(
    tmp_path: Path, samples: str, proteins: str, message: str
) -> None:
    with pytest.raises(InputError, match="are the two files in the right order") as caught:
        read(tmp_path, samples, proteins)
    assert message in str(caught.value)


def test_covariates_that_are_proteins_raise_a_doubt_alone(tmp_path: Path) -> None:
    samples = "ID,iso,age,CRP,CD4,IL6\n1,0,50,1,2,3\n2,1,60,1,2,4\n"
    for proteins in ("ID,prot1,prot2\n1,0,1\n2,1,1\n", "ID,prot1,batch2\n1,0,1\n2,1,1\n"):
        cohort = read(tmp_path, samples, proteins)
        assert len(cohort.proteins.names) == 2
        assert any("are the two files in the right order?" in note for note in cohort.notes)


def test_proteins_of_unknown_names_are_proteins(tmp_path: Path) -> None:
    cohort = read(tmp_path, "ID,iso,CRP,age\n1,0,1,2\n2,1,1,2\n", "ID,prot1,prot2\n1,0,1\n2,1,1\n")
    assert cohort.proteins.names == ("prot1", "prot2")
    assert cohort.notes == ()


def test_one_column_that_sounds_like_a_fact_is_taken_as_asked_and_told(tmp_path: Path) -> None:
    cohort = read(tmp_path, "ID,iso\n1,0\n2,1\n", "ID,age\n1,50\n2,60\n")
    assert cohort.proteins.names == ("age",)
    assert "though the names sound like facts about samples: age" in cohort.notes[0]


def test_a_column_of_words_says_how_to_set_it_apart(tmp_path: Path) -> None:
    proteins = "ID,ADM,kit\n1,0.5,x\n2,1.5,y\n"
    with pytest.raises(FormatError, match="with --sample-column if it is no protein"):
        read(tmp_path, SAMPLES, proteins)
    assert read(tmp_path, SAMPLES, proteins, "kit").proteins.names == ("ADM",)


def test_codes_are_no_proteins_and_what_may_be_either_is_asked(tmp_path: Path) -> None:
    codes = "ID,ADM,ward\n1,0.5,0012\n2,1.5,0100\n3,2.5,0012\n"
    cohort = read(tmp_path, SAMPLES, codes)
    assert cohort.proteins.names == ("ADM",)
    assert cohort.notes == ("left out of the proteins, as codes with zeros in front: ward",)
    counts = "ID,ADM,count\n1,0.5,12\n2,1.5,007\n3,2.5,1200\n"
    with pytest.raises(FormatError, match="zeros in front: name the column with --sample-column"):
        read(tmp_path, SAMPLES, counts)
    assert read(tmp_path, SAMPLES, counts, "count").proteins.names == ("ADM",)


def test_one_number_with_zeros_in_front_leaves_a_protein(tmp_path: Path) -> None:
    cohort = read(tmp_path, SAMPLES, "ID,ADM\n1,0.5\n2,00012\n3,2.5\n")
    assert cohort.proteins.read(slice(0, 1)).T.tolist() == [[0.5, 12.0, 2.5]]


@pytest.mark.parametrize("key", ["gene", "ID"])
def test_proteins_in_rows_are_sent_to_ingest(tmp_path: Path, key: str) -> None:
    turned = f"{key},1,2,3\nIL6,1,2,3\nADM,2,3,4\n".replace(",1,2,3\nIL6", ",S1,S2,S3\nIL6")
    with pytest.raises(InputError, match=r"proteins stand in rows.*`proteomr ingest` turns"):
        read(tmp_path, SAMPLES, turned)


@pytest.mark.parametrize("key", ["ID", "eid"])
def test_proteins_that_are_numbered_are_proteins(tmp_path: Path, key: str) -> None:
    proteins = f"{key},p1,p2,p31,p100\n1,0.5,1,2,3\n2,1.5,0,1,2\n"
    cohort = read(tmp_path, SAMPLES.replace("ID,", f"{key},"), proteins)
    assert cohort.proteins.names == ("p1", "p2", "p31", "p100")
    assert cohort.notes == ()
