"""Commands that begin as copies: their streams, folder, environment, code and end are their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

UNTIL_KILLED = "simulate --people 2000000 --proteins 2 -q -o big"


def run(
    program: str, words: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    typed = [sys.executable, "-c", program, *words.split()]
    asked = os.environ | environment
    return subprocess.run(typed, cwd=folder, env=asked, capture_output=True, text=True, check=False)


def test_streams_and_codes_are_those_of_the_command(beginner: str, tmp_path: Path) -> None:
    done = run(beginner, "schema associations", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "neg_log10_p" in done.stdout
    wrong = run(beginner, "shema", tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: no command 'shema'")


def test_folder_and_environment_are_those_of_whoever_asks(beginner: str, tmp_path: Path) -> None:
    words = "simulate --people 100 --proteins 2 -q -o cohort"
    assert run(beginner, words, tmp_path).returncode == 0
    assert (tmp_path / "cohort" / "samples.parquet").is_file()
    narrow, wide = (
        run(beginner, "associate --help", tmp_path, COLUMNS=columns).stdout
        for columns in ("60", "120")
    )
    assert narrow.count("\n") > wide.count("\n") > 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_whoever_asks_is_told_to_end_and_the_command_ends(
    beginner: str, tmp_path: Path, number: int, code: int
) -> None:
    typed = [sys.executable, "-c", beginner, *UNTIL_KILLED.split()]
    with subprocess.Popen(typed, cwd=tmp_path, stderr=subprocess.DEVNULL) as asked:
        while not list(tmp_path.iterdir()):
            time.sleep(0.01)
        asked.send_signal(number)
        assert asked.wait(60) == code
    for _ in range(500):
        if not list_commands(tmp_path):
            return
        time.sleep(0.01)
    pytest.fail("the command goes on")


def list_commands(folder: Path) -> list[Path]:
    """Return the processes that work in a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if place.readlink() == folder:
                found.append(place)
        except OSError:  # it has ended since
            continue
    return found
