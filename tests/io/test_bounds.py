"""Small files that say or hold too much are refused soon, in little memory, in one line."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from proteomr.errors import FormatError
from proteomr.io import people_lists, read_measurements, read_table
from proteomr.io.bounds import check_arrays, read_whole, refuse_far_cells
from proteomr.io.genetics.chains import read_chain
from proteomr.io.genetics.ld_matrices import read_ld_matrix
from proteomr.io.people_lists import read_people_list
from proteomr.io.sumstats import open_sumstats
from tests.fuzz.seeds import seeds

MEGABYTE = 1 << 20


def peak_of(call: Callable[[], object]) -> int:
    """Return the megabytes that Python held at most while a call was refused."""
    tracemalloc.start()
    try:
        with pytest.raises(FormatError) as refused:
            call()
        assert len(str(refused.value)) < 600
        return tracemalloc.get_traced_memory()[1] // MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "read", [read_people_list, read_table, open_sumstats, read_ld_matrix, read_chain]
)
def test_a_gzip_bomb_of_one_line_is_refused_by_every_reader_of_text(
    read: Callable[[Path], object], tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb.txt.gz"
    with gzip.open(bomb, "wb", 1) as file:
        for _ in range(200):
            file.write(b"1" * MEGABYTE)
    assert bomb.stat().st_size < 2 * MEGABYTE
    assert peak_of(lambda: read(bomb)) < 200


@pytest.mark.parametrize("megabytes", [1, 3])
def test_what_is_small_by_its_nature_is_read_up_to_its_bound(
    megabytes: int, tmp_path: Path
) -> None:
    for compressed, name in ((True, "list.gz"), (False, "list")):
        content = b"rs1\n" * (megabytes * MEGABYTE // 4)
        place = tmp_path / name
        place.write_bytes(gzip.compress(content, 1) if compressed else content)
        assert read_whole(place, compressed=compressed, megabytes=megabytes) == content
        place.write_bytes(gzip.compress(content + b"x", 1) if compressed else content + b"x")
        with pytest.raises(FormatError, match=f"more than {megabytes} MB"):
            read_whole(place, compressed=compressed, megabytes=megabytes)


def test_a_list_of_lines_beyond_all_people_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert people_lists._MOST_LINES == 5_000_000
    monkeypatch.setattr(people_lists, "_MOST_LINES", 50_000)  # which takes seconds less to reach
    bomb = tmp_path / "bomb.gz"
    with gzip.open(bomb, "wb", 1) as file:
        file.write(b"1000001\n" * MEGABYTE)
    with pytest.raises(FormatError, match="more than 50,000 lines"):
        read_people_list(bomb)


def npz(folder: Path, *, shape: str) -> Path:
    """Return an archive whose matrix says in its head that it has another shape."""
    head = io.BytesIO()
    np.save(head, np.eye(3))
    content = head.getvalue().replace(
        b"(3, 3), }" + b" " * (len(shape) - 6), shape.encode() + b", }"
    )
    with zipfile.ZipFile(folder / "m.npz", "w") as archive:
        archive.writestr("r.npy", content)
    return folder / "m.npz"


def test_a_matrix_that_says_to_be_larger_than_it_is_is_refused(tmp_path: Path) -> None:
    place = npz(tmp_path, shape="(100000, 100000)")
    said = "array 'r' says that it has 100,000 x 100,000 numbers, and holds fewer"
    with pytest.raises(FormatError, match=said):
        read_ld_matrix(place)
    np.savez(tmp_path / "sound.npz", r=np.eye(2), variant_id=np.array(["a", "b"]))
    check_arrays(tmp_path / "sound.npz")


def workbook(folder: Path, cells: str) -> Path:
    """Return the fuzzer's workbook of Olink with further cells at the end of its sheet."""
    seed = next(seed for seed in seeds() if seed.name == "olink workbook")
    with zipfile.ZipFile(io.BytesIO(seed.files["given"])) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace(b"</sheetData>", f"{cells}</sheetData>".encode())
    with zipfile.ZipFile(folder / "npx.xlsx", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return folder / "npx.xlsx"


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1048576"><c r="AA1048576"/></row>',
        '<row><c s="1" r="XFD90000"><v>1</v></c></row>',
        '<x:row r="1048576"><x:c/></x:row><row r="20"><c r="ZZ20"><v>1</v></c></row>',
    ],
)
def test_a_workbook_with_a_stray_cell_far_out_names_it(cells: str, tmp_path: Path) -> None:
    place = workbook(tmp_path, cells)
    with pytest.raises(FormatError, match=r"a sheet reaches to column [A-Z]+ and row [0-9,]+"):
        read_measurements(place, scratch=tmp_path)


def test_a_cell_beside_the_table_is_not_far(tmp_path: Path) -> None:
    refuse_far_cells(workbook(tmp_path, '<row r="40"><c r="AB40"><v>1</v></c></row>'))
