from __future__ import annotations

import gzip
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proteomr._typing import F64, I64
from proteomr.errors import FormatError, IdentifierError, InputError
from proteomr.io import blocks, conversion, text
from proteomr.io.proteins import open_proteins
from proteomr.tables import Proteins

NAN, INF = float("nan"), float("inf")
TEXT = 'ID,ADM,"GDF-15",a.b\n3,1.5,NA,1\n1,inf,-2,2\n2,,-Inf,3\n'
VALUES = np.array([[1.5, NAN, 1], [INF, -2, 2], [NAN, -INF, 3]])


def everything(proteins: Proteins) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return proteins.read(slice(0, len(proteins.names)))


def save(folder: Path, content: str | bytes, name: str = "olink.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("olink.csv", TEXT.encode()),
        ("olink.tsv", TEXT.replace(",", "\t").encode()),
        ("olink.csv", TEXT.replace(",", ";").encode("utf-8-sig")),
        ("olink.csv.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("olink.csv", TEXT.replace("inf", '"""Inf"""').replace("NA", ' """NaN""" ').encode()),
        ("olink.csv", TEXT.replace("inf", "Infinity").replace("NA", "N/A").encode()),
    ],
)
def test_text_gives_the_numbers_that_stand_in_it(tmp_path: Path, name: str, content: bytes) -> None:
    opened = open_proteins(save(tmp_path, content, name), scratch=tmp_path)
    assert opened.ids.to_list() == ["3", "1", "2"]
    assert opened.proteins.names == ("ADM", "GDF-15", "a.b")
    np.testing.assert_array_equal(everything(opened.proteins), VALUES)


@pytest.mark.parametrize("dtype", [pa.float32(), pa.float64(), pa.int16(), pa.decimal128(10, 2)])
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_parquet_of_any_numeric_type_and_row_group_is_read(
    tmp_path: Path, dtype: pa.DataType, rows: int, pack: type[bytes]
) -> None:
    columns = {
        "eid": pa.array([11, 12, 13]),
        "a": pa.array([1.0, None, 3.0]).cast(dtype),
        "a.b": pa.array([4.0, 5.0, 6.0]).cast(dtype),
        "none": pa.nulls(3),
    }
    pq.write_table(pa.table(columns), tmp_path / "p", row_group_size=rows)
    path = save(tmp_path, pack((tmp_path / "p").read_bytes()), "p.parquet")
    opened = open_proteins(path, scratch=tmp_path)
    expected = np.array([[1, 4, NAN], [NAN, 5, NAN], [3, 6, NAN]])
    np.testing.assert_array_equal(everything(opened.proteins), expected)


def test_text_of_many_blocks_is_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "_BLOCK_BYTES", 1 << 12)
    monkeypatch.setattr(conversion, "_GROUP_BYTES", 1 << 13)
    values = np.round(np.random.default_rng(0).normal(size=(3_000, 3)), 3)
    frame = pl.DataFrame(values, schema=["A", "B", "C"])
    frame.insert_column(0, pl.Series("ID", range(3_000))).write_csv(tmp_path / "olink.csv")
    proteins = open_proteins(tmp_path / "olink.csv", scratch=tmp_path).proteins
    np.testing.assert_array_equal(everything(proteins), values)
    stored = next(tmp_path.glob("matrix-*.parquet"))
    assert pq.ParquetFile(stored).num_row_groups > 5


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.integers(-1, 29), max_size=40),
    columns=st.permutations(range(7)),
    start=st.integers(0, 7),
    stop=st.integers(0, 9),
)
def test_any_block_of_any_selection_is_that_of_the_whole_matrix(
    tmp_path: Path, rows: list[int], columns: list[int], start: int, stop: int
) -> None:
    generator = np.random.default_rng(3)
    whole = generator.normal(size=(30, 7)).astype(np.float32).astype(np.float64)
    whole[generator.random((30, 7)) < 0.3] = np.nan
    names = [f"P{j}" for j in range(7)]
    first, second = tmp_path / "one.parquet", tmp_path / "two.parquet"
    if not second.exists():
        ids = pl.Series("ID", range(30))
        frame = pl.DataFrame(whole.astype(np.float32), schema=names, nan_to_null=True)
        frame.select(ids, *names[:4]).write_parquet(first, row_group_size=8)
        frame.select(ids, *names[4:]).sample(fraction=1, shuffle=True, seed=1).write_parquet(second)
    chosen = [names[j] for j in columns]
    proteins = open_proteins([first, second], scratch=tmp_path).proteins
    selected = proteins.select_columns(chosen).select_rows(np.array(rows, dtype=np.int64))
    block = selected.read(slice(start, stop))
    padded = np.vstack([whole, np.full(7, np.nan)])
    np.testing.assert_array_equal(block, padded[rows][:, columns][:, start:stop])
    assert block.flags.f_contiguous


def test_files_are_joined_on_the_identifier_whatever_their_row_order(tmp_path: Path) -> None:
    save(tmp_path, "eid,A\n1,10\n2,20\n3,30\n", "olink_1.csv")
    frame = pl.DataFrame({"eid": ["4", "3", "2"], "B": [400, 300, 200]})
    frame.write_parquet(tmp_path / "olink_2.parquet")
    opened = open_proteins(str(tmp_path / "olink_*"), scratch=tmp_path)
    assert opened.ids.to_list() == ["1", "2", "3", "4"]
    expected = [[10, NAN], [20, 200], [30, 300], [NAN, 400]]
    np.testing.assert_array_equal(everything(opened.proteins), expected)


def test_excluded_columns_may_hold_anything(tmp_path: Path) -> None:
    path = save(tmp_path, "ID,sex,ADM,site\n1,F,0.5,x\n")
    opened = open_proteins(path, scratch=tmp_path, exclude=["site", "sex", "age"])
    assert opened.proteins.names == ("ADM",)
    assert opened.excluded == ("sex", "site")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ID,A\n1,2\n2,F\n", "olink.csv, line 3, column 'A': text where a number is needed"),
        ("ID,A\n1,2\n2,<LOD\n", "line 3, column 'A': '<LOD' is no number; leave the cell empty"),
        ("ID;A\n1;0\n2;3,5\n", "line 3, column 'A': decimal comma"),
        ('ID,A\n1,"3,5"\n', "line 2, column 'A': decimal comma"),
        ("ID,A,B\n1,2,x\n2,y,3\n", "line 2, column 'B'"),
        ("ID,A\n1,2,3\n", "olink.csv, line 2: 3 fields where the header has 2"),
        ("ID,A\n", "a header and no rows"),
        ("ID\n1\n", "no protein columns besides the identifier"),
        ("ID,A,A\n1,2,3\n", "line 1, column 'A': the name stands twice"),
        (b"ID,A\n1,2\x00\n", "line 2: holds a NUL byte"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-6], "the gzip stream is cut off or damaged"),
    ],
)
def test_a_broken_matrix_is_one_line_with_its_place(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(FormatError) as raised:
        open_proteins(save(tmp_path, content), scratch=tmp_path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "scratch" not in str(raised.value)


def test_a_cell_that_could_be_an_identifier_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as raised:
        open_proteins(save(tmp_path, "ID,A\n1,CV21\n"), scratch=tmp_path)
    assert "CV21" not in str(raised.value)


def test_a_fault_blocks_below_the_header_is_located(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "_BLOCK_BYTES", 1 << 12)
    rows = "".join(f"{i},0.123456789012345,-1.123456789012345\n" for i in range(2_000))
    with pytest.raises(FormatError, match="line 2002, column 'B': text where"):
        open_proteins(save(tmp_path, f"ID,A,B\n{rows}x,1,seven\n"), scratch=tmp_path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ID": [1], "A": ["x"]}, "column 'A': holds .*string.* where numbers are needed"),
        ({"ID": [1], "A": [True]}, "column 'A': holds bool"),
        ({"ID": [1]}, "no protein columns"),
        ({"ID": pl.Series([], dtype=pl.Int64), "A": pl.Series([], dtype=pl.Float64)}, "no rows"),
    ],
)
def test_parquet_that_is_no_matrix_is_refused(
    tmp_path: Path, columns: dict[str, Sequence[object]], message: str
) -> None:
    pl.DataFrame(columns).write_parquet(tmp_path / "p.parquet")
    with pytest.raises(FormatError, match=message):
        open_proteins(tmp_path / "p.parquet", scratch=tmp_path)


def test_a_protein_in_two_files_is_refused(tmp_path: Path) -> None:
    paths = [save(tmp_path, "ID,A\n1,2\n", f"{name}.csv") for name in ("one", "two")]
    with pytest.raises(FormatError, match=r"two.csv, column 'A': .* stands in .*one.csv as well"):
        open_proteins(paths, scratch=tmp_path)


def test_files_of_other_people_are_refused(tmp_path: Path) -> None:
    paths = [save(tmp_path, f"ID,{name}\n{3 * name},2\n", f"{name}.csv") for name in "AB"]
    with pytest.raises(IdentifierError, match="no identifier is shared"):
        open_proteins(paths, scratch=tmp_path)


def test_duplicated_identifiers_are_counted_with_their_file(tmp_path: Path) -> None:
    with pytest.raises(IdentifierError, match=r"olink.csv: column 'ID': 1 duplicated"):
        open_proteins(save(tmp_path, "ID,A\n7,1\n7,2\n"), scratch=tmp_path)


def test_damage_inside_a_parquet_file_is_met_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    values = np.random.default_rng(0).normal(size=5_000)
    pl.DataFrame({"ID": range(5_000), "A": values}).write_parquet(path)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    proteins = open_proteins(path, scratch=tmp_path).proteins
    whole[middle : middle + 2_000] = bytes(2_000)
    path.write_bytes(whole)
    with pytest.raises(FormatError, match=r"p.parquet: the parquet file is damaged"):
        proteins.read(slice(0, 1))


def test_no_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no protein file is named"):
        open_proteins([], scratch=tmp_path)


def test_threads_read_what_one_thread_reads(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(2_000, 24))
    frame = pl.DataFrame(values, schema=[f"P{j}" for j in range(24)])
    frame.insert_column(0, pl.Series("ID", range(2_000))).write_parquet(tmp_path / "p.parquet")
    proteins = open_proteins(tmp_path / "p.parquet", scratch=tmp_path).proteins
    start = threading.Barrier(4)

    def read(block: int) -> bool:
        if block < 4:
            start.wait(timeout=20)
        columns = slice(3 * (block % 8), 3 * (block % 8) + 3)
        return np.array_equal(proteins.read(columns), values[:, columns])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(40)))


def test_a_block_holds_its_own_columns_in_memory_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, people, width = tmp_path / "p.parquet", 20_000, 200
    numbers = np.random.default_rng(0).random((width, people), dtype=np.float32)
    columns = {f"P{j}": pa.array(values) for j, values in enumerate(numbers)}
    table = pa.table({"ID": pa.array(np.arange(people)), **columns})
    pq.write_table(table, path, row_group_size=5_000, compression="none", use_dictionary=False)
    del columns, table
    proteins = open_proteins(path, scratch=tmp_path).proteins
    before, held = pa.total_allocated_bytes(), list[int]()
    take = blocks._take_rows

    def watch(column: pa.ChunkedArray, rows: I64, target: F64) -> None:
        held.append(pa.total_allocated_bytes() - before)
        take(column, rows, target)

    monkeypatch.setattr(blocks, "_take_rows", watch)
    for start in range(0, width, 20):
        proteins.read(slice(start, start + 20))
    assert people * width * 4 == 16_000_000
    assert people * 20 * 4 <= max(held) < 5_000_000
