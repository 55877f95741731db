from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from proteomr.runs import open_scratch
from proteomr.runs.scratch import sweep_scratch

KEPT = """
import sys, time
from proteomr.runs import open_scratch
with open_scratch() as folder:
    (folder / "matrix.parquet").write_bytes(b"individual data")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _start() -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", KEPT], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_leaves_is_removed_at_the_next_start() -> None:
    process, folder = _start()
    sweep_scratch()
    assert (folder / "matrix.parquet").exists(), "its process lives"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()  # type: ignore[union-attr]
    with open_scratch() as own:
        assert not folder.exists()
        assert own.exists()


def test_a_folder_of_this_process_is_left_alone() -> None:
    with open_scratch() as outer, open_scratch() as inner:
        sweep_scratch()
        assert outer.exists()
        assert inner.exists()
    assert not outer.exists()


def test_a_folder_that_lost_its_lock_is_removed_once_nobody_makes_it(own_folder: Path) -> None:
    folder = own_folder / "proteomr-scratch-torn"
    folder.mkdir()
    sweep_scratch()
    assert folder.exists()
    long_ago = folder.stat().st_mtime - 3600
    os.utime(folder, (long_ago, long_ago))
    sweep_scratch()
    assert not folder.exists()


def test_the_folders_of_others_are_left_alone(own_folder: Path, tmp_path: Path) -> None:
    foreign = own_folder / "other-scratch-1"
    foreign.mkdir()
    target = tmp_path / "target"
    target.mkdir()
    (own_folder / "proteomr-scratch-link").symlink_to(target)
    sweep_scratch()
    assert foreign.exists()
    assert target.exists()
