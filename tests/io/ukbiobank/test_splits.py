"""What several exports share: columns of one field, own columns, placeholders."""

from __future__ import annotations

from pathlib import Path

import pytest

from proteomr.errors import FormatError
from proteomr.io.ukbiobank import read_fields


def write(folder: Path, *lines: str, name: str = "answers.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_columns_of_an_array_may_stand_in_two_files(tmp_path: Path) -> None:
    whole = write(
        tmp_path,
        "eid,22009-0.1,22009-0.2,22009-0.3,22009-0.4,6160-0.0,6160-0.1",
        "1000001,0.5,1,2.5,4,-7,",
        "1000002,,,,,1,5",
        name="whole.csv",
    )
    one = write(
        tmp_path,
        "eid,22009-0.1,22009-0.3,6160-0.1",
        "1000002,,,5",
        "1000001,0.5,2.5,",
        name="one.csv",
    )
    two = write(
        tmp_path,
        "eid,f.22009.0.4,f.22009.0.2,f.6160.0.0",
        "1000001,4,1,-7",
        "1000002,,,1",
        name="two.csv",
    )
    expected = read_fields(whole, scratch=tmp_path)
    assert expected.get(22009).to_list() == [[0.5, 1.0, 2.5, 4.0], []]
    assert expected.get(6160).to_list() == [[-7], [1, 5]]
    for paths in ([one, two], [two, one]):
        fields = read_fields(paths, scratch=tmp_path)
        assert fields.frame.equals(expected.frame)
        assert fields.frame.schema == expected.frame.schema
        assert fields.notes == expected.notes


def test_components_lacking_in_all_files_are_refused(tmp_path: Path) -> None:
    one = write(tmp_path, "eid,p22009_a1", "1000001,0.5", name="one.csv")
    two = write(tmp_path, "eid,p22009_a3", "1000001,0.25", name="two.csv")
    with pytest.raises(FormatError, match="field 22009 has the numbers 1, 3; export all from 1"):
        read_fields([one, two], scratch=tmp_path)


@pytest.mark.parametrize("second", ["p6160_i0", "p6160_i0_a0"])
def test_a_joined_answer_or_the_same_column_in_two_files_is_refused(
    tmp_path: Path, second: str
) -> None:
    one = write(tmp_path, "eid,p6160_i0_a0", "1000001,1", name="one.csv")
    two = write(tmp_path, f"eid,{second}", "1000001,1", name="two.csv")
    with pytest.raises(FormatError, match=r"one\.csv as well, as 'p6160_i0_a0'; keep one"):
        read_fields([one, two], scratch=tmp_path)


def test_an_unknown_array_of_words_in_one_file_and_numbers_in_another_is_refused(
    tmp_path: Path,
) -> None:
    one = write(tmp_path, "eid,p99999_i0_a0", "1000001,1", name="one.csv")
    two = write(tmp_path, "eid,p99999_i0_a1", "1000001,yes", name="two.csv")
    with pytest.raises(FormatError, match="field 99999 holds Int64 and String"):
        read_fields([one, two], scratch=tmp_path)


def test_only_the_own_columns_asked_for_are_read_or_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p31,Batch,gdf15,score", "1000001,1,3,0.5,7")
    for others, kept in (([], []), (["score"], ["score"]), (["batch"], ["Batch"])):
        fields = read_fields(path, scratch=tmp_path, others=others)
        assert fields.frame.columns == ["eid", "p31_i0", *kept]
    both = read_fields(path, scratch=tmp_path)
    assert both.frame.columns == ["eid", "p31_i0", "Batch", "gdf15", "score"]


def test_a_placeholder_in_two_files_is_one_person(tmp_path: Path) -> None:
    one = write(tmp_path, "eid,p31", "1000001,1", "-1,", "-2,", name="one.csv")
    two = write(tmp_path, "eid,p34", "-2.0,", "1000001,1950", name="two.csv")
    assert read_fields([one, two], scratch=tmp_path).drops[0].n == 2
