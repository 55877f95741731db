from __future__ import annotations

import errno
import gzip
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proteomr.errors import FormatError, InputError, StorageError
from proteomr.io import text
from proteomr.io.sources import find_files
from proteomr.io.tables import TableFormat, read_table, write_table
from proteomr.provenance import Manifest
from proteomr.runs import Ledger

FORMATS: list[TableFormat] = ["parquet", "csv", "tsv"]
PLAIN = b"sample_id,age,sex,bmi\n1,50,F,21.5\n2,NA,M,30\n3,61,F,.\n"
FRAME = pl.DataFrame(
    {
        "sample_id": [1, 2, 3],
        "age": [50, None, 61],
        "sex": ["F", "M", "F"],
        "bmi": [21.5, 30.0, None],
    }
)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def write(content: bytes, name: str = "people.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


Save = Callable[..., Path]


def one_line(fault: BaseException) -> str:
    assert "\n" not in str(fault)
    return str(fault)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(b",", b";"),
        PLAIN.replace(b",", b"\t"),
        PLAIN.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.rstrip(b"\n"),
        PLAIN.replace(b"F", b'"F"').replace(b"age", b'"age"'),
        PLAIN.replace(b"NA", b'"NaN"').replace(b",.", b", N/A "),
        PLAIN.replace(b"50", b" 50 ").replace(b"\n2", b"\n\n2"),
        gzip.compress(PLAIN, mtime=0),
        gzip.compress(PLAIN[:30], mtime=0) + gzip.compress(PLAIN[30:], mtime=0),
    ],
)
def test_every_spelling_of_a_text_table_gives_one_frame(save: Save, content: bytes) -> None:
    assert read_table(save(content)).equals(FRAME)


@pytest.mark.parametrize("name", ["people.csv", "people.tsv.gz", "people.parquet", "people"])
def test_content_decides_and_not_the_name(save: Save, tmp_path: Path, name: str) -> None:
    assert read_table(save(PLAIN, name)).equals(FRAME)
    FRAME.write_parquet(tmp_path / name)
    assert read_table(tmp_path / name).equals(FRAME)
    save(gzip.compress((tmp_path / name).read_bytes()), name)
    assert read_table(tmp_path / name).equals(FRAME)


@pytest.mark.parametrize("word", ["", "NA", "NaN", "nan", "N/A", "null", "NULL", "None", "."])
def test_missing_spellings_are_missing_in_numbers_and_text(save: Save, word: str) -> None:
    frame = read_table(save(f"ID,age,sex\n1,{word},{word}\n2,5,F\n".encode()))
    assert frame.rows() == [(1, None, None), (2, 5, "F")]


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (["1", "-2"], pl.Int64),
        (["1", "2.0"], pl.Float64),
        (["1e3", "inf"], pl.Float64),
        (["0012", "34"], pl.String),
        (["99999999999999999999", "1"], pl.String),
        (["TRUE", "FALSE"], pl.String),
        (["NA", ""], pl.Float64),
        (["1", "one"], pl.String),
    ],
)
def test_columns_are_numbers_only_where_every_cell_is_one(
    save: Save, cells: list[str], dtype: pl.DataType
) -> None:
    rows = "".join(f"x,{cell}\n" for cell in cells)
    assert read_table(save(f"ID,value\n{rows}".encode()))["value"].dtype == dtype


def test_quotes_protect_delimiters_and_line_breaks(save: Save) -> None:
    content = b'ID;note\n1;"a;b"\n2;"two\nlines"\n3;"he said ""no"""\n'
    assert read_table(save(content))["note"].to_list() == ["a;b", "two\nlines", 'he said "no"']


def test_names_with_spaces_dots_and_letters_of_any_script_are_kept(save: Save) -> None:
    content = 'ID,"BMI (kg/m2)",Wert-α.1\n1,2,3\n'.encode()
    assert read_table(save(content)).columns == ["ID", "BMI (kg/m2)", "Wert-α.1"]


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        (b"", "people.csv:", "the file is empty"),
        (b"\n\n", "people.csv:", "blank lines only"),
        (b"1" * 200_000, "people.csv:", "a cell of more than 131,072 characters"),
        (b"ID,age\n", "people.csv:", "a header and no rows"),
        (b"ID,age,age\n1,2,3\n", "people.csv, line 1, column 'age':", "the name stands twice"),
        (b"ID,,age\n1,2,3\n", "people.csv, line 1:", "column 2 has no name"),
        (b"1,50\n2,61\n", "people.csv, line 1:", "add a header line"),
        (b"ID,age\n1,2\n3\n", "people.csv, line 3:", "1 fields where the header has 2"),
        (b"ID,age\n\n1,2\n3,4,5\n", "people.csv, line 4:", "3 fields where the header has 2"),
        (b"ID,age\nr1,1,2\n", "people.csv, line 2:", "row names without a header?"),
        (b"ID\n1,2\n", "people.csv, line 2:", "check the delimiter"),
        (b'ID,t\n1,"a\nb"\n2,"x\n3,y\n', "people.csv, line 4:", "a quote opens"),
        (b'ID,t\n1,a\n2,"x\n3,y\n', "people.csv, line 3:", "a quote opens"),
        (b'ID,t\n1,"x\n2,y\n3,"z\n', "people.csv, line 2:", "a quote opens"),
        (b"ID|age\n1|50\n", "people.csv, line 1:", "one column only, with '|' inside"),
        (b"ID age\n1 50\n2 61 F\n", "people.csv, line 3:", "3 fields where the header has 2"),
        (b'"ID,age"\n"1,50"\n', "people.csv, line 1:", "one column only, with commas inside"),
        ("ID,age\n1,50\n".encode("utf-16"), "people.csv:", "is UTF-16 text; save it as UTF-8"),
        ("ID,age\n1,50\n".encode("utf-16-le"), "people.csv, line 1:", "holds a NUL byte"),
        (b"ID,sex\n1,F\n2,\xe9\n", "people.csv, line 3:", "is not UTF-8 text"),
        (b"ID;bmi\n1;30\n2;3,5\n", "people.csv, line 3, column 'bmi':", "decimal comma"),
        (b"ID\tbmi\n1\t3,5\n2\t.\n", "people.csv, line 2, column 'bmi':", "decimal comma"),
        (b"PK\x03\x04rest", "people.csv:", "is an Excel workbook or a zip archive"),
        (b"PAR1 and no more", "people.csv:", "the parquet file is cut off"),
        (b"PAR1" + b"x" * 40 + b"\x08\0\0\0PAR1", "people.csv:", "the parquet file is damaged"),
        (
            gzip.compress(PLAIN, mtime=0)[:-9],
            "people.csv:",
            "the gzip stream is cut off or damaged",
        ),
        (
            gzip.compress(PLAIN, mtime=0) + b"tail",
            "people.csv:",
            "the gzip stream is cut off or damaged",
        ),
    ],
)
def test_a_broken_file_is_one_line_with_its_place(
    save: Save, content: bytes, where: str, message: str
) -> None:
    with pytest.raises(FormatError) as raised:
        read_table(save(content))
    assert where in one_line(raised.value)
    assert message in str(raised.value)


def test_faults_beyond_the_first_block_are_located(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "_BLOCK_BYTES", 1 << 12)
    rows = b"".join(b"%d,%d,F,1.5\n" % (i, i % 90) for i in range(9_000))
    header = b"sample_id,age,sex,bmi\n"
    with pytest.raises(FormatError, match=r"line 9002: 2 fields"):
        read_table(save(header + rows + b"7,5\n"))
    with pytest.raises(FormatError, match=r"line 9002: is not UTF-8"):
        read_table(save(header + rows + b"7,5,\xff,1\n"))
    with pytest.raises(FormatError, match=r"line 9002, column 'sex': holds a NUL byte"):
        read_table(save(header + rows + b"7,5,\x00,1\n"))
    cut = gzip.compress(header + rows, compresslevel=1)
    with pytest.raises(FormatError, match="gzip stream is cut off"):
        read_table(save(cut[: len(cut) // 2]))


def test_a_missing_file_names_its_neighbours(save: Save, tmp_path: Path) -> None:
    save(PLAIN, "samples.csv")
    with pytest.raises(InputError, match=r"no such file \(did you mean 'samples.csv'\?\)"):
        read_table(tmp_path / "sample.csv")
    with pytest.raises(InputError, match=r"the folder .* does not exist either"):
        read_table(tmp_path / "nowhere" / "sample.csv")


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


def test_a_file_without_permission_says_so(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(PLAIN)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"people.csv: may not be read \(permission denied\)"):
        read_table(path)


def test_parquet_with_a_repeated_name_is_refused(tmp_path: Path) -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["age", "age"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(FormatError, match="column 'age': the name stands twice"):
        read_table(tmp_path / "t.parquet")


def test_nan_in_parquet_is_missing(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1.0, float("nan")]}).write_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["x"].null_count() == 1


def test_truncating_parquet_anywhere_gives_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    FRAME.write_parquet(path)
    whole = path.read_bytes()
    for size in range(4, len(whole), 37):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError):
            read_table(path)


def test_globs_expand_in_order_and_once(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c[1].csv"):
        (tmp_path / name).touch()
    names = [path.name for path in find_files([str(tmp_path / "[ab].csv"), tmp_path / "a.csv"])]
    assert names == ["a.csv", "b.csv"]
    assert find_files(tmp_path / "c[1].csv") == (tmp_path / "c[1].csv",)
    with pytest.raises(InputError, match="no file matches"):
        find_files(str(tmp_path / "z*.csv"))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    edits=st.lists(
        st.tuples(
            st.integers(0, 10_000),
            st.sampled_from([0, 1, 2, 5]),
            st.binary(max_size=3)
            | st.sampled_from(
                [b'"', b"\x00", b"\r", b";", b"\t", b",", b"\xff\xfe", b'""', b"1e9"]
            ),
        ),
        min_size=1,
        max_size=4,
    ),
    pack=st.sampled_from([bytes, gzip.compress]),
)
def test_damaged_text_gives_a_frame_or_one_line(
    tmp_path: Path, edits: list[tuple[int, int, bytes]], pack: Callable[[bytes], bytes]
) -> None:
    content = pack(PLAIN)
    for position, removed, added in edits:
        at = position % (len(content) + 1)
        content = content[:at] + added + content[at + removed :]
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    try:
        frame = read_table(path)
    except InputError as fault:
        one_line(fault)
    else:
        assert frame.height
        assert len(set(frame.columns)) == frame.width


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**62), 2**62),
            st.floats(allow_nan=False) | st.none(),
            st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1).map(
                lambda text: f"t{text}"
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(FORMATS),
)
def test_what_is_written_is_read_again(
    rows: list[tuple[int, float | None, str]], kind: TableFormat
) -> None:
    kinds = {"ID": pl.Int64, "value": pl.Float64, "note": pl.String}
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        write_table(frame, path, format=kind)
        first = path.read_bytes()
        write_table(frame, path, format=kind)
        assert path.read_bytes() == first
        again = read_table(path)
    assert again["ID"].to_list() == frame["ID"].to_list()
    assert again["note"].to_list() == frame["note"].to_list()
    assert again["value"].cast(pl.Float64).to_list() == frame["value"].to_list()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES])
def test_a_disk_that_refuses_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "result.csv"
    path.write_bytes(b"old")

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=r"result.csv: .+; .+"):
        write_table(FRAME, path, format="csv")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.csv"]


def test_written_numbers_are_the_shortest_that_round_trip(tmp_path: Path) -> None:
    values = [0.1, 1e-300, 1 / 3, 12345678.9, np.nextafter(1, 2)]
    write_table(pl.DataFrame({"x": values, "y": [None] * 5}), tmp_path / "t.csv", format="csv")
    assert read_table(tmp_path / "t.csv")["x"].to_list() == values


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'<?xml version="1.0"?>\n<plate><well>A1</well></plate>\n', "is XML, no table; export"),
        (b"\xef\xbb\xbf\n <plate/>\n", "is XML"),
        (b"<!DOCTYPE html>\n<html>sign in</html>\n", "is a web page"),
        (b"<HTML>\n", "is a web page"),
    ],
)
def test_what_is_marked_up_is_no_table(content: bytes, words: str, tmp_path: Path) -> None:
    place = tmp_path / "plate.csv"
    place.write_bytes(content)
    with pytest.raises(FormatError, match=words):
        read_table(place)


def test_a_table_of_a_finished_run_is_held_against_its_digest(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "run", request={"seed": 1}, main="hits") as ledger:
        ledger.write_table("hits", pl.DataFrame({"protein": ["ADM"], "n": [170]}))
        ledger.finish(Manifest(command="x"))
    place = tmp_path / "run" / "hits.parquet"
    assert read_table(place).height == 1
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    with pytest.raises(InputError, match=r"hits\.parquet: was altered since it was written"):
        read_table(place)
    moved = tmp_path / "hits.parquet"
    pl.DataFrame({"protein": ["ADM"], "n": [171]}).write_parquet(moved)
    assert read_table(moved)["n"].item() == 171


def test_a_pattern_in_a_folder_whose_name_looks_like_one_is_expanded(tmp_path: Path) -> None:
    odd, decoy = tmp_path / "d [2024]" / "x", tmp_path / "d 2" / "x"
    for folder in (odd, decoy):
        folder.mkdir(parents=True)
        (folder / "a1.csv").touch()
    assert find_files(odd / "a?.csv") == (odd / "a1.csv",)
    assert find_files(tmp_path / "d*" / "x" / "a[0-9].csv") == (decoy / "a1.csv", odd / "a1.csv")
    (odd / "a?.csv").touch()
    assert find_files(odd / "a?.csv") == (odd / "a?.csv",)
