"""A run that is stopped keeps what it has done, and goes on to the bytes of an undisturbed one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

# A shell that starts the tests in the background has them ignore SIGINT, and all that they start.
SLOWLY = """
import signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup ignores, and a run then too
from proteomr.scan import Scan
fit, done = Scan.__call__, threading.Event()
def wait(self, block):
    began = time.monotonic()
    while done.is_set() and time.monotonic() < began + {seconds}:
        time.sleep(0.01)
    done.set()
    return fit(self, block)
Scan.__call__ = wait
from proteomr_cli.main import run
run()
"""


def start(
    study: Any, *arguments: object, seconds: float, command: str = "associate"
) -> subprocess.Popen[str]:
    """Start a run whose second block takes long, and wait until its first is stored."""
    out = study.folder / "out"
    files = (study.folder / "samples.csv", study.folder / "proteins.parquet")
    models = ("--family", "linear", "--exposure", "lonely", "--threads", "1")
    typed = (command, *files, *models, *arguments, "-o", out)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY.format(seconds=seconds), *map(str, typed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not list(out.glob("parts/part-*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)  # on a busy machine the block is counted a moment after it is stored
    return process


def table(folder: Path) -> bytes:
    return (folder / "associations.parquet").read_bytes()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_says_what_is_kept_and_resumes_to_the_same_bytes(
    associate: Any, wide: Any, how: signal.Signals
) -> None:
    process = start(wide, seconds=120)
    process.send_signal(how)
    out, err = process.communicate(timeout=30)  # the block under way is not awaited
    assert process.returncode == 130
    assert out == ""
    assert err.startswith("error: interrupted; ")
    assert "of 3 blocks are kept; the same command with --resume goes on" in err
    assert err.count("\n") == 1
    assert not (wide.folder / "out" / "associations.parquet").exists()
    assert "interrupted" in (wide.folder / "out" / "log.txt").read_text()
    unasked = associate()
    assert unasked.code == 3
    assert "continue it with --resume" in unasked.message
    assert associate("--resume").code == 0
    associate("-o", wide.folder / "whole")
    assert table(wide.folder / "out") == table(wide.folder / "whole")


def test_a_killed_run_resumes_to_the_same_bytes(associate: Any, wide: Any) -> None:
    process = start(wide, seconds=30)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    assert not (wide.folder / "out" / "associations.parquet").exists()
    ending = associate("--resume")
    assert ending.code == 0
    assert "took over the lock of a run that ended without removing it" in ending.err
    associate("-o", wide.folder / "whole")
    assert table(wide.folder / "out") == table(wide.folder / "whole")


def test_a_killed_replication_resumes_to_the_same_bytes(
    proteomr: Any, study: Any, wider: Any
) -> None:
    asked = ("--splits", "3", "--keep-fits")
    process = start(wider, *asked, seconds=30, command="replicate")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    files = (study.folder / "samples.csv", study.folder / "proteins.parquet")
    typed = ("replicate", *files, "--family", "linear", "--exposure", "lonely", *asked, "-o")
    assert proteomr(*typed, study.folder / "out", "--resume").code == 0
    assert proteomr(*typed, study.folder / "whole").code == 0
    for name in ("replication.parquet", "replication_fits.parquet", "summary.tsv"):
        resumed, whole = ((study.folder / out / name).read_bytes() for out in ("out", "whole"))
        assert resumed == whole


def test_a_run_in_progress_is_not_disturbed(associate: Any, wide: Any) -> None:
    process = start(wide, seconds=2)
    ending = associate("--resume")
    process.kill()
    process.communicate(timeout=30)
    assert ending.code == 3
    assert "in use by another run" in ending.message
