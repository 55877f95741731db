"""Digests that are begun ahead are those of the content when they are asked for."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from proteomr import digests
from proteomr.digests import begin_digests, sha256_of


@pytest.fixture(autouse=True)
def small_files_are_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(digests, "_LARGE", 1_000)
    monkeypatch.setattr(digests, "_PIECE", 700)
    yield
    digests._begun.clear()


def write(path: Path, *, size: int = 5_000, seed: int = 1) -> str:
    content = bytes((seed * 31 + i) % 251 for i in range(size))
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 699, 700, 701, 5_000])
def test_the_digest_is_that_of_hashlib_begun_ahead_or_not(tmp_path: Path, size: int) -> None:
    file = tmp_path / "proteins.parquet"
    wanted = write(file, size=size)
    assert sha256_of(file) == wanted
    thread = begin_digests([file])
    assert (thread is not None) == (size >= 1_000)
    assert sha256_of(file) == sha256_of(file) == wanted


def test_several_files_are_hashed_and_each_serves_once(tmp_path: Path) -> None:
    files = [tmp_path / name for name in "abc"]
    wanted = [write(file, seed=seed) for seed, file in enumerate(files)]
    thread = begin_digests([*files, tmp_path / "absent", tmp_path, Path("\0"), files[0]])
    assert thread is not None
    thread.join()
    assert len(digests._begun) == 3
    assert [sha256_of(file) for file in reversed(files)] == wanted[::-1]
    assert not digests._begun


def test_a_file_that_changes_is_hashed_anew(tmp_path: Path) -> None:
    file = tmp_path / "proteins.parquet"
    write(file)
    thread = begin_digests([file])
    assert thread is not None
    thread.join()
    wanted = write(file, seed=2)  # of the same size
    os.utime(file, ns=(1, 1))
    assert sha256_of(file) == wanted


def test_a_file_that_changes_while_it_is_hashed_is_hashed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, begun, go_on = tmp_path / "proteins.parquet", threading.Event(), threading.Event()
    write(file)
    before, hash_it = file.stat(), digests._hash

    def wait(path: Path) -> str:
        digest = hash_it(path)
        begun.set()
        assert go_on.wait(10)
        return digest

    monkeypatch.setattr(digests, "_hash", wait)
    thread = begin_digests([file])
    assert thread is not None
    assert begun.wait(10)
    wanted = write(file, seed=3)
    os.utime(file, ns=(7, 7))
    monkeypatch.setattr(digests, "_hash", hash_it)
    go_on.set()
    thread.join()
    # Asked for under the stamp of before, as by who looked at the file before it changed.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sha256_of(file) == wanted


def test_a_file_that_goes_away_is_absent_when_it_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "proteins.parquet"
    write(file)
    thread = begin_digests([file])
    assert thread is not None
    thread.join()
    file.unlink()
    with pytest.raises(FileNotFoundError):
        sha256_of(file)


def test_a_fault_of_the_thread_is_not_that_of_a_file_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "proteins.parquet"
    wanted, hash_it = write(file), digests._hash

    def fail(path: Path) -> str:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(digests, "_hash", fail)
    thread = begin_digests([file])
    assert thread is not None
    thread.join()
    monkeypatch.setattr(digests, "_hash", hash_it)
    assert sha256_of(file) == wanted
