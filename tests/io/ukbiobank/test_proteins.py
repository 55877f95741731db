from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import FormatError, IdentifierError
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.ukbiobank.protein_names import known_proteins, parse_protein
from proteomr.io.ukbiobank.proteins import ProteinValues, read_wide


def read(*files: Path, scratch: Path, instance: int = 0) -> ProteinValues:
    sources = [open_source(file) for file in files]
    return read_wide(sources, options=IngestOptions(instance=instance), scratch=scratch)


def matrix(values: ProteinValues) -> list[list[float]]:
    rows: list[list[float]] = values.proteins.read(slice(0, None)).tolist()
    return rows


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_names_are_those_of_the_platform(reference: Path) -> None:
    names = (reference / "study" / "ukb_rap_olink_field_names.txt").read_text().split()
    assert known_proteins() == {name.upper() for name in names if name != "eid"}


@pytest.mark.parametrize(
    ("column", "key", "instance"),
    [
        ("gdf15", "GDF15", None),
        ("HLA-DRA", "HLA_DRA", None),
        ("HLA.DRA", "HLA_DRA", None),
        ("olink_instance_0.hla_dra", "HLA_DRA", 0),
        ("olink_instance_3_gdf15", "GDF15", 3),
        ("olink_instance_0_0007.gdf15", "GDF15", 0),
        ("olink_instance_0.newgene", "NEWGENE", 0),
    ],
)
def test_a_protein_has_one_key_in_every_style(column: str, key: str, instance: int | None) -> None:
    found = parse_protein(column)
    assert found is not None
    assert (found.key, found.instance) == (key, instance)


@pytest.mark.parametrize("column", ["eid", "olink_instance_0.eid", "participant_eid", "age", "p31"])
def test_other_columns_are_no_proteins(column: str) -> None:
    assert parse_protein(column) is None


def test_files_are_joined_and_sorted_by_person_and_key(tmp_path: Path) -> None:
    one = write(tmp_path / "b.csv", "eid,nppb,gdf15\n1000003,3,30\n1000001,1,10\n")
    two = write(tmp_path / "a.csv", "eid,hla_dra\n1000002,200\n1000001,100\n")
    values = read(one, two, scratch=tmp_path)
    assert values.ids.to_list() == ["1000001", "1000002", "1000003"]
    assert values.proteins.names == ("GDF15", "HLA_DRA", "NPPB")
    np.testing.assert_array_equal(
        matrix(values), [[10, 100, 1], [np.nan, 200, np.nan], [30, np.nan, 3]]
    )
    np.testing.assert_array_equal(matrix(values), matrix(read(two, one, scratch=tmp_path)))


def test_negative_identifiers_and_people_without_a_value_are_counted_out(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "eid,gdf15,nppb\n-1,1,1\n-1,2,2\n1000002,,\n1000001,3,\n")
    values = read(file, scratch=tmp_path)
    assert values.ids.to_list() == ["1000001"]
    assert [(drop.reason.split()[0], drop.n) for drop in values.drops] == [
        ("negative", 2),
        ("no", 1),
    ]


def test_the_entity_chooses_the_instance(tmp_path: Path) -> None:
    text = "olink_instance_0.eid,olink_instance_0.gdf15,olink_instance_2.gdf15\n1000001,1,2\n"
    file = write(tmp_path / "a.csv", text)
    assert matrix(read(file, scratch=tmp_path, instance=2)) == [[2.0]]


def test_a_column_of_visits_chooses_the_instance(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "eid,ins_index,gdf15\n1000001,0,1\n1000001,2,2\n1000002,0,3\n")
    values = read(file, scratch=tmp_path, instance=0)
    assert matrix(values) == [[1.0], [3.0]]
    assert [drop.n for drop in values.drops] == [1]


def test_a_file_without_instances_is_taken_at_the_users_word(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "eid,gdf15\n1000001,1\n")
    assert read(file, scratch=tmp_path).notes == ()
    (note,) = read(file, scratch=tmp_path, instance=2).notes
    assert note == "a.csv: nothing in it tells the instance; taken as instance 2"


def test_a_file_of_another_instance_is_said_to_be_passed_over(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", "eid,olink_instance_0.gdf15\n1000001,1\n")
    two = write(tmp_path / "b.csv", "eid,ins_index,nppb\n1000001,2,1\n")
    values = read(one, two, scratch=tmp_path, instance=0)
    assert values.proteins.names == ("GDF15",)
    assert values.notes == ("b.csv: nobody of the instance; passed over",)


def test_an_absent_instance_says_which_there_are(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "eid,ins_index,gdf15\n1000001,0,1\n1000001,2,2\n")
    with pytest.raises(FormatError, match=r"no measurement of instance 3.*of instance 0, 2"):
        read(file, scratch=tmp_path, instance=3)
    file = write(tmp_path / "b.csv", "eid,olink_instance_0.gdf15\n1000001,1\n")
    with pytest.raises(FormatError, match=r"no measurement of instance 3.*of instance 0"):
        read(file, scratch=tmp_path, instance=3)


def test_a_duplicated_person_is_refused_without_a_name(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "eid,gdf15\n1000001,1\n1000001,2\n")
    with pytest.raises(IdentifierError, match="1 duplicated identifiers") as fault:
        read(file, scratch=tmp_path)
    assert "1000001" not in str(fault.value)


def test_a_protein_in_two_spellings_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "eid,hla_dra,HLA-DRA\n1000001,1,1\n")
    with pytest.raises(FormatError, match=r"'HLA-DRA': the protein stands in column 'hla_dra'"):
        read(file, scratch=tmp_path)
    other = write(tmp_path / "b.csv", "eid,hla_dra\n1000001,1\n")
    third = write(tmp_path / "c.csv", "eid,HLA-DRA\n1000001,1\n")
    with pytest.raises(FormatError, match=r"stands in .*b\.csv as well"):
        read(other, third, scratch=tmp_path)


def test_a_renamed_column_is_passed_over_with_the_nearest_name(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "eid,gdf15,hla_drax,p31\n1000001,1,1,0\n")
    (note,) = read(file, scratch=tmp_path).notes
    assert note.startswith("a.csv: 1 columns are no protein")
    assert "'hla_drax' (did you mean 'hla_dra'" in note


def test_a_decimal_comma_is_located(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "eid;gdf15\n1000001;1.5\n1000002;1,5\n")
    with pytest.raises(FormatError, match=r"line 3, column 'gdf15': decimal comma"):
        read(file, scratch=tmp_path)


def test_text_gives_doubles_and_single_precision_stays(tmp_path: Path) -> None:
    frame = pl.DataFrame({"eid": [1000001], "gdf15": [0.1], "nppb": [0.2]})
    single = frame.with_columns(pl.selectors.float().cast(pl.Float32))
    frame.write_csv(tmp_path / "a.csv")
    single.write_parquet(tmp_path / "b.parquet")
    frame.write_parquet(tmp_path / "c.parquet")
    kinds = [
        read(tmp_path / name, scratch=tmp_path).precision
        for name in ("a.csv", "b.parquet", "c.parquet")
    ]
    assert kinds == ["float64", "float32", "float64"]


def test_text_in_a_parquet_protein_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"eid": [1000001], "gdf15": ["x"]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(FormatError, match=r"column 'gdf15': holds large_string"):
        read(tmp_path / "a.parquet", scratch=tmp_path)


def test_chosen_people_and_proteins_are_read_in_the_order_asked(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "eid,gdf15,nppb\n1000001,1,2\n1000002,3,4\n")
    chosen = read(file, scratch=tmp_path).proteins.select_columns(["NPPB", "GDF15"])
    block = chosen.select_rows(np.array([1, -1], dtype=np.int64)).read(slice(0, 2))
    np.testing.assert_array_equal(block, [[4, 3], [np.nan, np.nan]])
    assert block.flags.f_contiguous


def test_a_person_in_two_rows_of_a_wide_table_is_refused_whatever_replicates_says(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "a.csv", "eid,gdf15\n1000001,1\n1000001,2\n1000002,3\n")
    options = IngestOptions(replicates="first")
    with pytest.raises(IdentifierError, match=r"1 duplicated .*--replicates is for the long file"):
        read_wide([open_source(file)], options=options, scratch=tmp_path)


def test_an_infinite_value_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "olink.csv"
    path.write_text("eid,gdf15,adm\n1000001,1.5,2.5\n1000002,-Inf,0.5\n")
    with pytest.raises(FormatError, match=r"line 3, column 'gdf15': an infinite value"):
        read_wide([open_source(path)], options=IngestOptions(), scratch=tmp_path)
