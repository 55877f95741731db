"""Compiled loops run wherever their machine code may be kept, and where it may not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LOOP = """
from proteomr.stats.compiling import compile_loop
@compile_loop(fastmath=set())
def double(x):
    return 2 * x
print(double(21), double(2.5))
"""


def run_loop(folder: Path, **environment: str) -> str:
    module = folder / "loop.py"
    module.write_text(LOOP)
    shown = subprocess.run(
        [sys.executable, str(module)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.strip()


def test_without_any_folder_for_machine_code_loops_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numba

    from proteomr.stats.compiling import compile_loop

    plain: Any = numba.njit

    def refuse(*given: object, **options: object) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'double': no locator available")
        return plain(*given, **options)

    monkeypatch.setattr(numba, "njit", refuse)
    assert compile_loop(fastmath=set())(lambda x: 2 * x)(21) == 42


def test_a_cache_that_cannot_be_written_or_is_damaged_changes_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    own = {"NUMBA_CACHE_DIR": str(cache)}
    assert run_loop(tmp_path, **own) == "42 5.0"
    kept = [file for file in cache.rglob("*") if file.is_file()]
    assert kept
    for file in kept:
        file.write_bytes(b"\x80\x04")
    assert run_loop(tmp_path, **own) == "42 5.0"


def test_a_home_that_does_not_exist_changes_nothing(tmp_path: Path) -> None:
    nowhere = {"HOME": "/nonexistent", "XDG_CACHE_HOME": "/proc/nonexistent", "NUMBA_CACHE_DIR": ""}
    assert run_loop(tmp_path, **nowhere) == "42 5.0"


def test_a_full_disk_under_the_cache_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
    (tmp_path / "loop.py").write_text(limit + LOOP)
    shown = subprocess.run(
        [sys.executable, str(tmp_path / "loop.py")],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, shown.stdout.strip()) == (0, "42 5.0"), shown.stderr
