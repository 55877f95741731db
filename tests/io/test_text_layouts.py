"""Blanks between cells, names of rows that R and pandas write, and the end of a text."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from proteomr.errors import FormatError, IdentifierError
from proteomr.io import open_proteins, read_cohort, read_measurements, read_table
from proteomr.io.sumstats import open_sumstats
from proteomr.runs.notes import collect_notes

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(content: str, name: str = "people.csv") -> Path:
        path = tmp_path / name
        path.write_text(content)
        return path

    return write


def _only(notes: Mapping[str, None]) -> str:
    assert len(notes) == 1, list(notes)
    return next(iter(notes))


@pytest.mark.parametrize(
    "content",
    [
        "FID IID age sex\n1 1001 50 F\n1 1002 NA M\n",
        "FID  IID   age sex\n  1 1001  50.0 F\n  1   1002 NA   M  \n",
        "#FID\tIID  age sex\n1 1001\t50 F\n1 1002 . M\n",
        '"FID" "IID" "age" "sex"\n1 1001 50 "F"\n1 1002 NA "M"\n',
        '"FID"  "IID" "age" "sex"\n1 1001 50 "F"\n1 1002 NA "M"\n',
    ],
)
def test_blanks_part_the_cells_where_no_other_delimiter_does(save: Save, content: str) -> None:
    frame = read_table(save(content))
    assert frame.select("IID", "age", "sex").rows() == [(1001, 50, "F"), (1002, None, "M")]
    assert frame.columns == ["FID", "IID", "age", "sex"]


@pytest.mark.parametrize("gap", [" ", "   "])
def test_a_quoted_blank_is_part_of_its_cell(save: Save, gap: str) -> None:
    lines = ('"ID" "town"', '1 "New York"', '2 "Ely"')
    frame = read_table(save("\n".join(line.replace(" ", gap, 1) for line in lines) + "\n"))
    assert frame["town"].to_list() == ["New York", "Ely"]


def test_a_row_with_another_number_of_blanks_is_named(save: Save) -> None:
    with pytest.raises(FormatError, match="line 3: 3 fields where the header has 4"):
        read_table(save("FID  IID age sex\n1 1001 50 F\n1 1002 M\n"))


def test_the_family_beside_the_person_is_no_protein(save: Save, tmp_path: Path) -> None:
    path = save("FID IID ADM GDF15\n7 1001 0.5 1.5\n7 1002 NA 2\n")
    opened = open_proteins(path, scratch=tmp_path)
    assert opened.proteins.names == ("ADM", "GDF15")
    assert opened.ids.to_list() == ["1001", "1002"]
    assert opened.excluded == ("FID",)


ROW_NAMES = [
    ('"","eid","ADM"\n"1",1001,0.5\n"2",1002,1.5\n', "numbers of the rows; it is passed over"),
    ("\teid\tADM\n0\t1001\t0.5\n1\t1002\t1.5\n", "numbers of the rows; it is passed over"),
    ('"eid" "ADM"\n"1" 1001 0.5\n"2" 1002 1.5\n', "numbers of the rows; it is passed over"),
    ('"","eid","ADM"\n"a",1001,0.5\n"b",1002,1.5\n', "names of rows; it is passed over"),
    ('"","ADM"\n"1001",0.5\n"1002",1.5\n', "it is taken as the identifier"),
    ("ADM\tGDF15\n1001\t0.5\t2\n1002\t1.5\t3\n", "it is taken as the identifier"),
]


@pytest.mark.parametrize(("content", "told"), ROW_NAMES)
def test_names_of_rows_are_no_protein_and_said(
    save: Save, tmp_path: Path, content: str, told: str
) -> None:
    with collect_notes() as notes:
        opened = open_proteins(save(content), scratch=tmp_path)
    assert opened.ids.to_list() == ["1001", "1002"]
    assert opened.proteins.names[0] == "ADM"
    assert "row_names" not in opened.proteins.names
    assert told in _only(notes)


def test_numbers_of_rows_are_never_the_identifier(save: Save, tmp_path: Path) -> None:
    with pytest.raises(IdentifierError, match="no identifier column"):
        open_proteins(save('"","ADM"\n"1",0.5\n"2",1.5\n'), scratch=tmp_path)


def test_a_named_identifier_comes_before_names_of_rows(save: Save, tmp_path: Path) -> None:
    path = save('"","person","ADM"\n"x",1001,0.5\n"y",1002,1.5\n')
    opened = open_proteins(path, scratch=tmp_path, id_column="person")
    assert opened.proteins.names == ("ADM",)
    assert opened.ids.to_list() == ["1001", "1002"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("eid,,age\n1,2,3\n", "column 2 has no name"),
        (",eid,age\na,2,3\na,3,4\n", "column 1 has no name"),
        (",eid,age\n,2,3\n,3,4\n", "column 1 has no name"),
        ("eid,age\n1,2,\n2,3,\n", "line 2: 3 fields where the header has 2"),
        ("eid,age\n1001,F,50\n1002,M,51\n", "line 2: 3 fields where the header has 2"),
    ],
)
def test_any_other_column_without_a_name_is_refused(save: Save, content: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_table(save(content))


def test_names_of_rows_are_passed_over_in_deliveries_and_summary_statistics(
    save: Save, tmp_path: Path
) -> None:
    header = '"","SampleID","OlinkID","UniProt","Assay","Panel","NPX"\n'
    olink = save(f'{header}"1","A1","OID20001","P05231","IL6","Panel",0.5\n', "npx.csv")
    assert read_measurements(olink, scratch=tmp_path).samples["sample_id"].to_list() == ["A1"]
    rows = '"1","rs1","A","G",0.1,0.02,0.01\n"2","rs2","A","G",0.1,0.02,0.01\n'
    for names in ('"","SNP","EA","OA","BETA","SE","P"\n', '"SNP","EA","OA","BETA","SE","P"\n'):
        study = open_sumstats(save(names + rows, "study.csv"))
        assert next(study.chunks()).frame["rsid"].to_list() == ["rs1", "rs2"]


CUT = "does not end with a line break"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_text_without_a_line_end_is_noted_once(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "olink.csv"
    path.write_bytes(pack(b"ID,ADM\n1,0.5\n2,1.5"))
    with collect_notes() as notes:
        open_proteins(path, scratch=tmp_path)
        read_table(path)
    assert CUT in _only(notes)


def test_summary_statistics_without_a_line_end_are_noted(save: Save) -> None:
    path = save("SNP  EA OA BETA SE P\nrs1 A G 0.1 0.02 6.3", "study.txt")
    with collect_notes() as notes:
        list(open_sumstats(path).chunks())
    assert any(CUT in note for note in notes)


def test_a_text_with_its_end_is_not(save: Save, tmp_path: Path) -> None:
    with collect_notes() as notes:
        open_proteins(save("ID,ADM\r\n1,0.5\r\n"), scratch=tmp_path)
    assert not notes


def test_a_file_that_is_cut_and_lacks_people_is_named_loudly(save: Save, tmp_path: Path) -> None:
    samples = save("ID,age\n1,50\n2,61\n3,44\n", "samples.csv")
    proteins = save("ID,ADM\n1,0.5\n2,1.0", "olink.csv")
    with collect_notes() as notes:
        cohort = read_cohort(samples, proteins, scratch=tmp_path)
    assert cohort.n == 2
    assert any(
        "olink.csv SEEMS CUT OFF: it lacks 1 of the people in the samples" in n for n in notes
    )


def test_a_last_line_shorter_than_the_header_is_refused(save: Save) -> None:
    with pytest.raises(FormatError, match="line 3: 1 fields where the header has 2"):
        read_table(save("ID,age\n1,50\n2"))


def test_codes_for_missing_values_among_proteins_are_said(save: Save, tmp_path: Path) -> None:
    rows = [
        f"{i},{0.01 * (i * 37 % 100):.2f},{-9 if i % 5 == 0 else i * 0.1:.1f}" for i in range(200)
    ]
    path = save("ID,ADM,GDF15\n" + "\n".join(rows) + "\n", "olink.csv")
    with collect_notes() as notes:
        read_cohort(save("ID\n" + "\n".join(map(str, range(200))) + "\n"), path, scratch=tmp_path)
    assert "the protein 'GDF15' has 40 times -9: leave the cell empty" in _only(notes)
