"""What a dry run says is near what the run takes, in processor time and in memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.timing import run_process

# A quarter is what is promised on a quiet machine. Processor time itself differs by a third where
# others share the caches, and a run as short as this is half start-up: the nearest of three counts.
NEAR = 1.6
ROUNDS = 3


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forecast") / "cohort"
    command = ["simulate", "--people", "3000", "--proteins", "300", "-q", "-o", str(folder)]
    subprocess.run([sys.executable, "-m", "proteomr", *command], check=True, capture_output=True)
    return folder


def name_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "proteomr", *arguments]


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_a_dry_run_is_near_what_the_run_takes(cohort: Path, tmp_path: Path, family: str) -> None:
    asked = ["associate", str(cohort), "--family", family, "--exposure", "isolation"]
    asked += ["--adjust", "full=age + sex + C(site) + PC1..PC20", "--threads", "2"]
    ratios = []
    for turn in range(ROUNDS):
        dry = name_command(*asked, "--dry-run", "-o", str(tmp_path / "dry"))
        said = subprocess.run(dry, check=True, capture_output=True, text=True).stdout
        # measured from a small process: Linux counts what the one that starts a command had held
        spent = run_process(name_command(*asked, "-o", str(tmp_path / f"run{turn}")))
        megabytes = spent.peak_memory_bytes / 1e6
        time = re.search(r"^time .*, ([\d.]+) s of processors$", said, re.MULTILINE)
        memory = re.search(r"^memory +about ([\d,]+) MB", said, re.MULTILINE)
        assert time is not None
        assert memory is not None
        assert 1 / 1.3 < float(memory[1].replace(",", "")) / megabytes < 1.3
        assert not (tmp_path / "dry").exists()
        ratios.append(float(time[1]) / spent.cpu_seconds)
        if 1 / NEAR < ratios[-1] < NEAR:
            return
    raise AssertionError(ratios)
