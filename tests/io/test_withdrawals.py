from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError, IdentifierError, NothingToDo, ProteomrError
from proteomr.io.people_lists import read_people_list
from proteomr.io.withdrawals import find_withdrawn
from proteomr.runs.notes import collect_notes

IDS = pl.Series([f"{1000001 + i}" for i in range(30)])
Save = Callable[[bytes], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(content: bytes) -> Path:
        path = tmp_path / "w12345.csv"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        b"1000002\n1000009\n",
        b"eid\r\n1000002\r\n1000009\r\n",
        b"Participants who have withdrawn\n1000002\n1000009\n",
        b'"eid"\n"1000002"\n"1000009"\n',
        b'"1000002"\n\n"1000009"',
        b"\xef\xbb\xbf1000002,2021-05-01\n1000009,2021-05-02\n\n",
        b"1000002,\n1000009,\n",
        b"1000002\r1000009\r",
        b"\xc2\xa01000002\xc2\xa0\n1000009\t\n",
        b"date;eid\n2021;1000002\n2022;1000009\n",
        b'"","x"\n"1",1000002\n"2",1000009\n',
        b'"","eid"\n"1",1000002\n"2",1000009\n',
        b'"x"\n"1" 1000002\n"2" 1000009\n',
        b"FID IID\n7 1000002\n8 1000009\n",
        b"#FID\tIID\n7\t1000002\n8\t1000009\n",
        b"1000002 1000002\n1000009   1000009\n",
        gzip.compress(b" 1000002 \n1000009\n1000009\n", mtime=0),
    ],
)
def test_a_list_is_read_in_the_forms_that_programs_write(save: Save, content: bytes) -> None:
    assert read_people_list(save(content)).ids.to_list() == ["1000002", "1000009"]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b'1000001\n"1000002\n1000003\n1000004\n', 2, "a quote opens"),
        (b'"1000001\n1000002\n1000003"\n', 1, "a quote opens"),
        (b'1000001\n1000002"\n1000003\n', 2, "a quote opens"),
        (b'1000001\n"1000002"x\n', 2, "a quote opens"),
        (b"1000001,1000002\n1000003,1000004\n", 1, "2 fields and no header"),
        (b"1000001;1000002;1000003\n", 1, "3 fields and no header"),
        (b"1000001\n1000002 1000003\n", 2, "2 fields and no header"),
        (b"1,1000001\n2,1000002\n", 1, "numbers of the rows"),
        (b"7 1000001\n8 1000002\n", 1, "2 fields and no header"),
        (b"1000001\nNA\n1000003\n", 2, "no identifier"),
        (b"1000001\n1000002\n1000003\ntotal\n", 4, "a word among identifiers"),
        (b"1000001\n100 0002\n", 2, "2 fields and no header"),
        ("1000001\n１000002\n".encode(), 2, "letters of another width"),
        ("1000001\n1000002\u200b\n".encode(), 2, "no identifier of a person"),
        (b"1000001\n1000\x002\n", 2, "NUL byte"),
        (b"1000001\n\xe9000002\n", 2, "no identifier of a person"),
        (b"eid,date\n1000001,2020\n,2021\n", 3, "no identifier"),
        (b"eid,date\n1000003,2020\n1000001,2020,x\n", 3, "3 fields where the header has 2"),
        (b"centre,date\nA,B\n1,2\n", 1, "2 columns and none"),
        (b"1000001\n1000002\n1000003\n10000", 4, "is cut off"),
        (b"1" * 9000, 1, "more than 4,096 characters"),
    ],
)
def test_a_line_that_is_no_identifier_is_refused_by_its_number(
    save: Save, content: bytes, line: int, message: str
) -> None:
    with pytest.raises(FormatError, match=message) as raised:
        read_people_list(save(content))
    assert f"line {line}:" in str(raised.value)
    assert "00002" not in str(raised.value)


def test_a_quoted_identifier_may_hold_a_blank(save: Save) -> None:
    assert read_people_list(save(b'"P 12"\n"P 13"\n')).ids.to_list() == ["P 12", "P 13"]


@pytest.mark.parametrize("content", [b"\n \n", b"eid\n", b"eid,date\n", b"withdrawn\n", b"a b\n"])
def test_a_list_without_entries_is_refused(save: Save, content: bytes) -> None:
    with pytest.raises(FormatError, match="holds no identifier"):
        read_people_list(save(content))


def test_a_list_may_be_a_table_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "w.parquet"
    pl.DataFrame({"eid": [1000002, 1000009], "year": [2020, 2021]}).write_parquet(path)
    assert read_people_list(path).ids.to_list() == ["1000002", "1000009"]


def test_a_list_without_a_line_end_is_noted(save: Save) -> None:
    with collect_notes() as notes:
        read_people_list(save(b"1000002\n1000009"))
    assert list(notes) == [
        "w12345.csv does not end with a line break: if it was cut off, its last value is wrong"
    ]


@pytest.mark.parametrize(
    ("entry", "difference"),
    [
        ("01000002", "zeros in front"),
        ("1000002.0", "decimals"),
        ("1.000002E6", "decimals"),
        ("+1000002", "a sign or a mark|decimals"),
        ("UKB1000002", "a prefix"),
        ("1000002_2_0", "a suffix"),
        ("1000002.", "decimals|a sign or a mark"),
        ("1.00E+06", "rounded off"),
    ],
)
def test_one_entry_in_another_spelling_is_refused_by_its_line(
    save: Save, entry: str, difference: str
) -> None:
    path = save(f"1000005\n{entry}\n1000007\n".encode())
    with pytest.raises(IdentifierError, match=difference) as raised:
        find_withdrawn(IDS, path)
    assert "line 2:" in str(raised.value)
    assert "1000002" not in str(raised.value)


def test_an_entry_of_another_letter_case_is_refused(save: Save) -> None:
    with pytest.raises(IdentifierError, match="lower case"):
        find_withdrawn(pl.Series(["S01a", "S02b"]), save(b"s01A\n"))


@pytest.mark.parametrize("entry", ["1999999", "-3", "B12", "S3_10", "2024-17"])
def test_an_unknown_entry_that_is_nobody_respelt_passes(save: Save, entry: str) -> None:
    withdrawal = find_withdrawn(IDS, save(f"1000005\n{entry}\n".encode()))
    assert dict(withdrawal.counts) == {"listed": 2, "found": 1, "unknown": 1}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"1000002\n1000002\n", "1 listed, 1 found among the 30 samples and left out, 0 unknown"),
        (b"1000002\n1999999\n", "1 unknown, 1 of them of the form of the identifiers there"),
        (b"X9\nX8\n", "0 found among the 30 samples and left out, 2 unknown, none of the form"),
    ],
)
def test_the_counts_are_told_whatever_they_are(save: Save, content: bytes, told: str) -> None:
    with collect_notes() as notes:
        find_withdrawn(IDS, save(content))
    assert any(told in note for note in notes)


def test_nobody_left_is_nothing_to_do(save: Save) -> None:
    with pytest.raises(NothingToDo, match="all 30 people in the samples"):
        find_withdrawn(IDS, save("\n".join(IDS.to_list()).encode() + b"\n"))


def test_no_mutation_of_a_list_lets_a_person_stay_without_a_word(save: Save) -> None:
    """Any one character put into a list, anywhere: refused, counted as unknown, or no change."""
    content = "1000002\n1000009\n1000021\n"
    for place in range(len(content)):
        for mark in "\"',; \t.0-#x\n":
            changed = content[:place] + mark + content[place:]
            try:
                withdrawal = find_withdrawn(IDS, save(changed.encode()))
            except ProteomrError:
                continue
            gone = withdrawal.removed == 3
            assert gone or withdrawal.counts["unknown"] > 0, changed
