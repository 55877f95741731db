from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from proteomr.errors import FormatError, InputError
from proteomr.io.formats import open_source
from proteomr.io.somascan import SomaScan
from tests.io.somascan.adats import (
    FIRST_ROW,
    FIRST_VALUE,
    PREAMBLE,
    ROWS,
    SEQ_ID,
    encode,
    grid,
    read,
    with_cell,
)


def test_a_value_without_logarithm_is_named_by_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="zero or negative") as caught:
        read(with_cell(FIRST_ROW + 1, FIRST_VALUE + 2, "0"), folder=tmp_path, log2=True)
    assert (caught.value.line, caught.value.column) == (FIRST_ROW + 1, "2705-5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Jan-75", "is a date"),
        ("10-Aug", "is a date"),
        ("1900-10-28", "is a date"),
        ("2705-05", "is a date"),
        ("1E+05", "is a number"),
        ("10000.28", "is a number"),
        ("36526", "is a number"),
        ("CRBB2", "is no SeqId"),
        ("2597-8", "stands twice"),
        ("", "has no SeqId"),
    ],
)
def test_seq_ids_that_a_spreadsheet_changed_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(with_cell(SEQ_ID, FIRST_VALUE, text), folder=tmp_path)
    assert (caught.value.line, caught.value.column) == (SEQ_ID, "SeqId")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,234.5", "separators between the thousands"),
        ("1.234,5", "separators between the thousands"),
        ("1 234.5", "separators between the thousands"),
        ("476,5", "decimal comma"),
        ("Apr-76", "a date where a number"),
        ("high", "text where a number"),
        ("1_000", "text where a number"),
        ("٤٧٦", "text where a number"),
        ("inf", "infinite"),
        ("1e999", "infinite"),
    ],
)
def test_a_cell_that_is_no_number_is_named_by_line_and_column(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(with_cell(FIRST_ROW + 2, FIRST_VALUE + 1, text), folder=tmp_path)
    assert (caught.value.line, caught.value.column) == (FIRST_ROW + 2, "2597-8")


@pytest.mark.parametrize(
    ("field", "message"),
    [(0, "below the label SeqId is not empty"), (FIRST_VALUE, "the last value is empty")],
)
def test_a_single_row_that_lost_a_field_before_an_empty_one_is_refused(
    tmp_path: Path, field: int, message: str
) -> None:
    cells = grid([[*ROWS[0], ""]])
    assert read(cells, folder=tmp_path).n == 1
    del cells[-1][field]
    with pytest.raises(FormatError, match=message) as caught:
        read(cells, folder=tmp_path)
    assert caught.value.line == FIRST_ROW


def test_sample_names_in_scientific_notation_are_refused_without_being_shown(
    tmp_path: Path,
) -> None:
    with pytest.raises(FormatError, match="scientific notation") as caught:
        read(with_cell(FIRST_ROW, 2, "2.58E+11"), folder=tmp_path)
    assert (caught.value.line, caught.value.column) == (FIRST_ROW, "SampleId")
    assert "2.58" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encode(grid())[:-2], "cut off"),
        (encode(grid())[:-9], "cut off"),
        (encode(grid())[:-40], "cut off"),
        (encode(grid(rows=[])), "no samples below them"),
        (encode(PREAMBLE), "nothing stands below"),
        (encode(PREAMBLE[:-1]), r"no line \^TABLE_BEGIN"),
        (encode(grid()[len(PREAMBLE) :]), r"lines \^HEADER and \^TABLE_BEGIN are missing"),
        (gzip.compress(encode(grid()), mtime=0)[:-9], "gzip stream"),
        (encode(grid()).replace(b"Set B", b"Set \xe9"), "not UTF-8"),
    ],
)
def test_a_file_that_is_cut_off_or_lacks_a_section_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        read(content, folder=tmp_path)


def test_no_sample_among_the_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SampleType holds Calibrator, QC"):
        read(grid([ROWS[2], ROWS[4]]), folder=tmp_path)


def test_other_text_is_no_adat(tmp_path: Path) -> None:
    path = tmp_path / "rfu.csv"
    for text in ("SampleId,seq.10000.28\n1,5\n", "SeqId,Target\n1-2,x\n"):
        path.write_text(text)
        assert not SomaScan().matches(open_source(path))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b"\ts1\t", b"\ts\r1\t", "a line break inside a line"),
        (b"\ts1\t", b'\ts1"\t', "a quotation mark in the name of a sample"),
        (b"\ts1\t", b"\ts\x001\t", "holds a NUL byte"),
    ],
)
def test_what_would_become_part_of_a_name_is_refused(
    tmp_path: Path, before: bytes, after: bytes, message: str
) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(encode(grid()).replace(before, after), folder=tmp_path)
    assert caught.value.line == FIRST_ROW + 1
