"""A file is the old one or the new one, whatever happens in between."""

from __future__ import annotations

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from proteomr.errors import InputError, StorageError
from proteomr.files import create_file, is_aside, read_errors, replace_file, storage_errors

FULL = Path("/dev/full")


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def write_new(file: BinaryIO) -> None:
    file.write(b"new")


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "hits.parquet"
    target.write_bytes(b"old")
    replace_file(target, write_new)
    assert target.read_bytes() == b"new"
    assert names_in(tmp_path) == ["hits.parquet"]


def test_a_new_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    replace_file(tmp_path / "hits.parquet", write_new)
    assert stat.S_IMODE((tmp_path / "hits.parquet").stat().st_mode) == 0o600


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), ValueError("half way")])
def test_a_fault_while_writing_leaves_the_old_file(tmp_path: Path, fault: BaseException) -> None:
    target = tmp_path / "hits.parquet"
    target.write_bytes(b"old")

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        raise fault

    with pytest.raises(type(fault)):
        replace_file(target, write)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["hits.parquet"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk is full; free"),
        (errno.EDQUOT, "quota is used up; free"),
        (errno.EROFS, "read-only; choose"),
        (errno.EACCES, "permission denied; choose"),
        (errno.EIO, "fault; check the disk"),
    ],
)
def test_a_refusal_of_the_disk_is_one_line_with_the_path_and_a_remedy(
    tmp_path: Path, code: int, words: str
) -> None:
    target = tmp_path / "hits.parquet"

    def write(file: BinaryIO) -> None:
        raise OSError(code, os.strerror(code))

    with pytest.raises(StorageError, match=words) as caught:
        replace_file(target, write)
    assert str(caught.value).startswith(str(target))
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == []


def test_a_disk_that_is_really_full_is_reported_as_full() -> None:
    if not FULL.exists():
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(StorageError, match="the disk is full"),
        storage_errors("x"),
        FULL.open("wb", buffering=0) as full,
    ):
        full.write(b"x")


def test_an_unknown_fault_is_not_dressed_up() -> None:
    with pytest.raises(OSError, match="odd") as caught, storage_errors("x"):
        raise OSError(errno.EDOM, "odd")
    assert not isinstance(caught.value, StorageError)


def test_a_link_in_place_of_the_file_is_refused_and_its_target_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    (tmp_path / "hits.parquet").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="symbolic link"):
        replace_file(tmp_path / "hits.parquet", write_new)
    assert elsewhere.read_bytes() == b"precious"


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hits.parquet").mkdir()
    with pytest.raises(StorageError, match="folder stands in its place"):
        replace_file(tmp_path / "hits.parquet", write_new)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="folder does not exist"):
        replace_file(tmp_path / "absent" / "hits.parquet", write_new)


def test_of_many_that_create_a_file_at_once_exactly_one_does(tmp_path: Path) -> None:
    target = tmp_path / "claim"
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda index: create_file(target, f"{index}".encode()), range(40)))
    assert sum(told) == 1
    assert target.read_bytes() == f"{told.index(True)}".encode()
    assert names_in(tmp_path) == ["claim"]


def test_creating_does_not_follow_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "claim").symlink_to(tmp_path / "elsewhere")
    assert not create_file(tmp_path / "claim", b"x")
    assert not (tmp_path / "elsewhere").exists()


def test_what_a_killed_run_was_writing_is_told_by_its_name(tmp_path: Path) -> None:
    seen: list[str] = []
    replace_file(tmp_path / "hits", lambda _: seen.extend(names_in(tmp_path)))
    assert [is_aside(name) for name in seen] == [True]
    assert not is_aside("hits")


def test_a_link_to_nothing_is_told_with_what_it_names(tmp_path: Path) -> None:
    link = tmp_path / "npx.csv"
    link.symlink_to("moved.csv")
    told = r"npx\.csv: is a link to moved\.csv, which is not there"
    with pytest.raises(InputError, match=told), read_errors(link):
        link.open()
