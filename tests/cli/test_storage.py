"""A disk that is full, the scratch folder, and the threads of polars."""

from __future__ import annotations

import errno
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("writes", [1, 4, 11, 13, 15])
def test_a_full_disk_is_one_line_and_leaves_no_table(
    associate: Any, study: Any, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    plain, calls = os.fsync, [0]

    def refuse(handle: int) -> None:
        calls[0] += 1
        if calls[0] > writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        plain(handle)

    monkeypatch.setattr("proteomr.files.os.fsync", refuse)
    ending = associate()
    assert ending.code == 74
    assert "the disk is full; free some space" in ending.message
    assert not (study.folder / "out" / "associations.parquet").exists()
    # What was begun and holds no work yet is taken back; work that is done stays for --resume.
    if 4 <= writes <= 11:
        assert not (study.folder / "out").exists()
    monkeypatch.undo()
    assert associate("--resume").code == 0
    assert (study.folder / "out" / "associations.parquet").exists()


def test_a_full_scratch_disk_is_one_line(
    associate: Any, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("proteomr.runs.scratch.tempfile.mkdtemp", refuse)
    ending = associate()
    assert ending.code == 74
    assert ending.message.startswith(f"{tempfile.gettempdir()}: the disk is full")


def test_output_to_a_full_disk_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w") as full:
        shown = subprocess.run(
            [sys.executable, "-m", "proteomr", "schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert shown.returncode == 74
    assert shown.stderr.startswith("error: standard output: the disk is full")
    assert shown.stderr.count("\n") == 1


def test_converted_text_stays_in_tmpdir_and_goes(
    associate: Any, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = study.folder / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    used: list[str] = []
    real = tempfile.mkstemp

    def watch(*arguments: Any, **options: Any) -> tuple[int, str]:
        made = real(*arguments, **options)
        used.append(made[1])
        return made

    monkeypatch.setattr("proteomr.io.conversion.tempfile.mkstemp", watch)
    study.write("proteins.csv", study.proteins)
    assert associate(proteins="proteins.csv").code == 0
    assert used
    assert all(Path(name).is_relative_to(scratch) for name in used)
    assert files(scratch) == []


@pytest.mark.parametrize(("asked", "pool"), [("", "system"), ("mimalloc", "mimalloc")])
def test_libraries_are_set_up_as_asked_for(asked: str, pool: str) -> None:
    code = (
        "import os; from proteomr_cli.resources import hold_threads; hold_threads(3);"
        "import polars, pyarrow; print(os.environ['POLARS_MAX_THREADS'],"
        "polars.thread_pool_size(), pyarrow.default_memory_pool().backend_name)"
    )
    ours = {"POLARS_MAX_THREADS", "ARROW_DEFAULT_MEMORY_POOL"}
    environment = {key: value for key, value in os.environ.items() if key not in ours}
    if asked:
        environment["ARROW_DEFAULT_MEMORY_POOL"] = asked
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert shown.stdout.split() == ["3", "3", pool]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other heaps are shared anyway")
@pytest.mark.parametrize(("asked", "heaps"), [("", 1), ("2", 2)])
def test_threads_share_one_heap_unless_asked_otherwise(asked: str, heaps: int) -> None:
    code = (
        "import ctypes, threading; from proteomr_cli.heaps import share_heap; share_heap();"
        "libc = ctypes.CDLL(None); libc.fdopen.restype = ctypes.c_void_p;"
        "one = threading.Thread(target=libc.malloc, args=(5_000,)); one.start(); one.join();"
        "out = ctypes.c_void_p(libc.fdopen(1, b'w')); libc.malloc_info(0, out); libc.fflush(out)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MALLOC_ARENA_MAX"}
    if asked:
        environment["MALLOC_ARENA_MAX"] = asked
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert shown.stdout.count("<heap nr=") == heaps


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other heaps have their own rules")
@pytest.mark.parametrize(("asked", "given_back"), [("", True), ("33554432", False)])
def test_large_arrays_are_given_back_unless_asked_otherwise(
    asked: str, *, given_back: bool
) -> None:
    code = (
        "import ctypes, numpy as np; from proteomr_cli.heaps import give_back; give_back();"
        "held = [np.ones(2_000_000) for _ in range(2)]; del held[0];"  # 16 MB, below another
        "libc = ctypes.CDLL(None); libc.fdopen.restype = ctypes.c_void_p;"
        "out = ctypes.c_void_p(libc.fdopen(1, b'w')); libc.malloc_info(0, out); libc.fflush(out)"
    )
    name = "MALLOC_MMAP_THRESHOLD_"
    environment = {key: value for key, value in os.environ.items() if key != name}
    if asked:
        environment[name] = asked
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    told = re.findall(r'<system type="current" size="(\d+)"/>', shown.stdout)
    assert (max(map(int, told)) < 16_000_000) == given_back


def test_a_broken_link_in_place_of_the_folder_is_named_so(associate: Any, study: Any) -> None:
    link = study.folder / "link"
    link.symlink_to(study.folder / "nowhere" / "deeper")
    ending = associate("-o", link)
    assert ending.code == 74
    assert "a broken link stands in its place" in ending.message
    assert link.is_symlink()
