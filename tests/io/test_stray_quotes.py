"""A stray quotation mark never takes lines with it, in whatever reader and column it stands."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from proteomr.errors import FormatError
from proteomr.io import open_proteins, read_measurements, read_table
from proteomr.io.sumstats import open_sumstats
from proteomr.io.text import find_layout, stream_text
from proteomr.io.ukbiobank import read_fields

N = 400
Read = Callable[[Path, Path], int]


def _people(path: Path, scratch: Path) -> int:
    del scratch
    return read_table(path).height


def _proteins(path: Path, scratch: Path) -> int:
    return open_proteins(path, scratch=scratch, exclude=["note"]).ids.len()


def _platform(path: Path, scratch: Path) -> int:
    return read_measurements(path, scratch=scratch).n


def _participants(path: Path, scratch: Path) -> int:
    return read_fields(path, scratch=scratch, wanted=[709]).n


def _study(path: Path, scratch: Path) -> int:
    del scratch
    return sum(chunk.frame.height for chunk in open_sumstats(path).chunks())


HEADERS: dict[str, tuple[Read, list[str], Callable[[int], list[str]]]] = {
    "people": (_people, ["eid", "age", "note"], lambda i: [f"{1000001 + i}", "50", "x"]),
    "proteins": (_proteins, ["eid", "ADM", "note"], lambda i: [f"{1000001 + i}", "0.5", "x"]),
    "table": (_platform, ["sample_id", "ADM", "note"], lambda i: [f"A{i}", "0.5", "x"]),
    "olink": (
        _platform,
        ["SampleID", "OlinkID", "UniProt", "Assay", "Panel", "PlateID", "NPX", "QC_Warning"],
        lambda i: [f"A{i}", "OID20001", "P05231", "IL6", "Panel", "PL1", "0.5", "PASS"],
    ),
    "participants": (
        _participants,
        ["f.eid", "f.709.0.0", "f.20400.0.0"],
        lambda i: [f"{1000001 + i}", "2", "x"],
    ),
    "study": (
        _study,
        ["SNP", "EA", "OA", "BETA", "SE", "P", "NOTE"],
        lambda i: [f"rs{i + 1}", "A", "G", "0.1", "0.02", "0.01", "x"],
    ),
}


def _write(path: Path, kind: str, delimiter: str, marks: dict[int, Callable[[str], str]]) -> Read:
    read, header, make = HEADERS[kind]
    rows = [header] + [make(i) for i in range(N)]
    for row, change in marks.items():
        column = -1 if kind != "olink" else 5
        rows[row][column] = change(rows[row][column])
    path.write_text("\n".join(delimiter.join(row) for row in rows) + "\n")
    return read


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize(
    "marks",
    [
        {100: lambda cell: f'"{cell}'},
        {100: lambda cell: f'"{cell}', 300: lambda cell: f'{cell}"'},
        {100: lambda cell: f'"{cell}', 101: lambda cell: f'{cell}"'},
        {100: lambda cell: f'"{cell}', 102: lambda cell: f'"{cell}'},
        {N: lambda cell: f'"{cell}'},
    ],
    ids=["open", "pair", "neighbours", "two open", "last line"],
)
def test_it_is_refused_with_the_line_on_which_it_opens(
    tmp_path: Path, kind: str, delimiter: str, marks: dict[int, Callable[[str], str]]
) -> None:
    path = tmp_path / "given.csv"
    read = _write(path, kind, delimiter, marks)
    with pytest.raises(FormatError, match="a quote opens") as raised:
        read(path, tmp_path)
    assert f", line {min(marks) + 1}:" in str(raised.value)


@pytest.mark.parametrize("kind", HEADERS)
def test_marks_within_cells_and_whole_quoted_cells_are_text(tmp_path: Path, kind: str) -> None:
    marks = {
        1: lambda _: "5'10\"",
        2: lambda _: 'ruler of 12" length',
        3: lambda _: '"said ""no"""',
        4: lambda _: '""',
        5: lambda _: '"x\ty"',
        6: lambda _: '"x" y',
    }
    path = tmp_path / "given.csv"
    assert _write(path, kind, "\t", marks)(path, tmp_path) in (N, 1)


@pytest.mark.parametrize("kind", HEADERS)
def test_every_cell_may_be_quoted(tmp_path: Path, kind: str) -> None:
    read, header, make = HEADERS[kind]
    rows = [header] + [make(i) for i in range(N)]
    text = "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in rows) + "\r\n"
    path = tmp_path / "given.csv.gz"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    assert read(path, tmp_path) == N


def test_a_mark_in_the_header_is_found_there(tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    path.write_text('eid,"age\n1,50\n2,"51\n')
    with pytest.raises(FormatError, match=r"line 1: a quote opens"):
        read_table(path)


@pytest.mark.parametrize("content", ['id\n"a\nb\n', 'id\n"a\nb"\nc\n', 'id\n"a\n\nb"\n'])
def test_in_one_column_a_cell_never_spans_lines(tmp_path: Path, content: str) -> None:
    path = tmp_path / "given.csv"
    path.write_text(content)
    with pytest.raises(FormatError, match=r"line 2: a quote opens"):
        read_table(path)


def test_beyond_the_first_megabytes_it_is_found_as_well(tmp_path: Path) -> None:
    rows = [f"{1000001 + i},0.5,{'x' * 60}" for i in range(12_000)]
    rows[11_000] = rows[11_000].replace(",x", ',"x')
    path = tmp_path / "given.csv"
    path.write_text("eid,ADM,note\n" + "\n".join(rows) + "\n")
    layout = find_layout(path, compressed=False)
    with pytest.raises(FormatError, match="line 11002: a quote opens"):
        list(stream_text(layout, types={"eid": pa.string()}))


def test_a_fault_that_it_causes_elsewhere_is_told_as_what_it_is(tmp_path: Path) -> None:
    """The lost cell makes a number of text; the line to look at is that of the mark."""
    rows = [f"{1000001 + i},0.5,{'x' * 60},1" for i in range(12_000)]
    rows[11_000] = f'{1000001 + 11_000},"0.5,x,1'
    rows[11_500] = f'{1000001 + 11_500},0.5",x,1'
    path = tmp_path / "given.csv"
    path.write_text("eid,ADM,note,IL6\n" + "\n".join(rows) + "\n")
    with pytest.raises(FormatError, match="line 11002: a quote opens"):
        open_proteins(path, scratch=tmp_path, exclude=["note"])


def test_a_text_with_a_line_break_passes_where_its_lines_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    path.write_text('id,"BMI\n(kg/m2)",note\n1,25,"moved\n\naway, 2019"\n2,30,"x"\n')
    frame = read_table(path)
    assert frame.columns == ["id", "BMI\n(kg/m2)", "note"]
    assert frame["note"].to_list() == ["moved\n\naway, 2019", "x"]


def test_a_text_whose_line_could_be_a_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    path.write_text('id,age,note\n1,25,"moved\nto Leeds, then York, 2019"\n')
    with pytest.raises(FormatError, match=r"line 2: .* the line break inside the cell"):
        read_table(path)


def test_in_a_member_of_an_archive_it_is_found(tmp_path: Path) -> None:
    header = "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ INFO N TEST BETA SE CHISQ LOG10P EXTRA"
    row = "1 {} 1:{}:A:G:imp:v1 A G 0.3 1 900 ADD 0.1 0.02 25 5 {}"
    lines = [row.format(i, i, '"x' if i == 3 else "x") for i in range(1, 9)]
    member = tmp_path / "discovery_chr1_A.gz"
    member.write_bytes(gzip.compress("\n".join([header, *lines, ""]).encode(), mtime=0))
    path = tmp_path / "A.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(member, arcname=member.name)
    with pytest.raises(FormatError, match=r"member 'discovery_chr1_A.gz', line 4: a quote"):
        _study(path, tmp_path)


def test_no_mark_anywhere_in_a_file_takes_a_row(tmp_path: Path) -> None:
    """One or two marks at every place of small tables: all rows, or a refusal."""
    content = 'id,b,c\nA1,"q",3\nA2,x y,4\n"A3",5\'1,6\n'
    path = tmp_path / "given.csv"
    for first in range(len(content)):
        for second in (None, first + 1, first + 7, first + 13):
            text = content[:first] + '"' + content[first:]
            if second is not None:
                text = text[:second] + '"' + text[second:]
            path.write_text(text)
            try:
                height = read_table(path).height
            except FormatError:
                continue
            assert height == 3, text


def test_where_no_mark_is_a_stray_one_the_rows_are_those_of_the_csv_module(tmp_path: Path) -> None:
    letters = 'a,"\n'
    path = tmp_path / "given.csv"
    for code in range(0, 4**7, 37):
        body = "".join(letters[code // 4**place % 4] for place in range(7))
        path.write_text(f"x,y\n{body}\n")
        try:
            layout = find_layout(path, compressed=False)
            batches = stream_text(layout, types=dict.fromkeys(layout.names, pa.string()))
            rows = sum(batch.num_rows for batch in batches)
        except FormatError:
            continue
        expected = sum(bool(row) for row in csv.reader(io.StringIO(f"{body}\n", newline="")))
        assert rows == expected, body
