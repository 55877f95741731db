"""`[execution]` of a study: stages as jobs of SLURM, by a scheduler that stands in, or by Dask."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from proteomr_cli.jobs import GOES_ON
from proteomr_cli.stages import _find_message

from tests.cli.test_run import STUDY

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("stages_begin_warm")
STAGES = ("people", "associate", "hits", "survive")

# Takes the tasks of an array one after another and leaves with the highest of their codes, as
# `sbatch --wait` does; what it was asked is kept beside it.
SBATCH = """
import os, pathlib, subprocess, sys
words = sys.argv[1:]
asked = dict(word[2:].partition("=")[::2] for word in words[:-1])
assert "wait" in asked
with pathlib.Path(__file__).with_name("asked.txt").open("a") as kept:
    kept.write(" ".join(words) + "\\n")
first, _, last = asked.get("array", "0-0").partition("-")
codes = []
for task in range(int(first), int(last) + 1):
    env = os.environ | ({"SLURM_ARRAY_TASK_ID": str(task)} if "array" in asked else {})
    with open(asked["output"].replace("%a", str(task)), "w") as log:
        codes.append(
            subprocess.run(["bash", words[-1]], env=env, stdout=log, stderr=log).returncode
        )
sys.exit(max(codes))
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sbatch.py").write_text(SBATCH)
    (programs / "sbatch").write_text(
        f'#!/bin/sh\nexec {sys.executable} {programs}/sbatch.py "$@"\n'
    )
    (programs / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def write(folder: Path, execution: str, study: str = STUDY) -> Path:
    (folder / "study.toml").write_text(f"{study}\n[execution]\n{execution}\n")
    return folder / "study.toml"


def asked_of(cluster: Path) -> list[str]:
    return (cluster / "bin" / "asked.txt").read_text().splitlines()


def test_stages_are_arrays_and_their_results_have_the_bytes_of_one_machine(
    cluster: Path, proteomr: Any
) -> None:
    study = write(cluster, 'executor = "slurm"\nshards = 3\nsbatch = ["--mem=4G"]\nthreads = 2')
    told = proteomr("run", study, "-o", cluster / "out")
    assert told.code == 0, told.out
    arrays = [next((w for w in line.split() if "--array" in w), "") for line in asked_of(cluster)]
    assert sorted(arrays) == ["", "", "--array=1-3", "--array=1-3"]
    assert all("--mem=4G" in line and "--cpus-per-task=" in line for line in asked_of(cluster))
    here = write(cluster, 'executor = "local"')
    assert proteomr("run", here, "-o", cluster / "alone").code == 0
    for table in ("associate/associations.parquet", "survive/associations.parquet", "hits.parquet"):
        assert (cluster / "out" / table).read_bytes() == (cluster / "alone" / table).read_bytes()
    again = proteomr("run", study, "-o", cluster / "out")
    assert [line.split()[1] for line in again.out.splitlines()[:4]] == ["stands"] * 4


HALVES = """
[stages.people]
command = "simulate"
people = 300
proteins = 60

[stages.halves]
command = "replicate"
samples = { from = "people" }
family = "linear"
exposure = ["isolation"]
splits = 4
figures = true
figure-format = "png"
"""


def test_shards_of_halves_are_joined_and_their_merge_draws(cluster: Path, proteomr: Any) -> None:
    study = write(cluster, 'executor = "slurm"\nshards = 2', HALVES)
    told = proteomr("run", study, "-o", cluster / "out")
    assert told.code == 0, told.out
    assert any("--array=1-2" in line for line in asked_of(cluster))
    here = write(cluster, 'executor = "local"', HALVES)
    assert proteomr("run", here, "-o", cluster / "alone").code == 0
    for name in ("replication.parquet", "figures/replication-replication.png"):
        whole, joined = (cluster / place / "halves" / name for place in ("alone", "out"))
        assert whole.read_bytes() == joined.read_bytes()


AGAIN = "run the study again: it goes on with what is kept"


@pytest.mark.parametrize(
    ("told", "code", "message"),
    [
        (f"error: interrupted; 3 blocks are kept; {GOES_ON}", 130,
         f"interrupted; 3 blocks are kept; {AGAIN}"),
        ("error: interrupted", 130, f"interrupted; {AGAIN}"),
        ("", -9, f"ended by SIGKILL, as where memory runs out; {AGAIN}"),
        ("", -15, f"ended by SIGTERM; {AGAIN}"),
        ("error: no column 'x'", 3, "no column 'x'"),
        ("a fault\n", 1, "ended with code 1: a fault"),
        ("a note\n", 0, ""),
    ],
)  # fmt: skip
def test_what_ended_a_stage_says_what_to_do_with_the_study(
    told: str, code: int, message: str
) -> None:
    assert _find_message(told, code) == message
    assert "--resume" not in message


def test_a_change_replaces_what_the_shards_left(cluster: Path, proteomr: Any) -> None:
    execution = 'executor = "slurm"\nshards = 2'
    run = ("run", write(cluster, execution), "-o", cluster / "out")
    assert proteomr(*run).code == 0
    write(cluster, execution, STUDY.replace("age + sex", "age"))
    assert proteomr(*run).code == 0
    arrays = [word for line in asked_of(cluster) for word in line.split() if "--array" in word]
    assert arrays == ["--array=1-2"] * 2 + ["--array=1-1", "--array=2-2"] * 2


def test_a_job_that_fails_is_told_by_its_last_error(cluster: Path, proteomr: Any) -> None:
    study = STUDY.replace("people = 600", "people = 600\nseed = 3").replace(
        'outcome = ["disease"]', 'outcome = ["disease"]\ntime = "disease_years"'
    )
    write(cluster, 'executor = "slurm"\nshards = 2', study)
    (cluster / "bin" / "sbatch.py").write_text(
        SBATCH.replace(
            "sys.exit(max(codes))", "print('error: no partition x', file=sys.stderr); sys.exit(1)"
        )
    )
    told = proteomr("run", cluster / "study.toml", "-o", cluster / "out")
    assert told.code == 4
    assert "no partition x" in told.out


def test_without_a_scheduler_the_remedy_is_named(
    tmp_path: Path, proteomr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = proteomr("run", write(tmp_path, 'executor = "slurm"'), "-o", tmp_path / "out")
    assert told.code == 2
    assert told.message.startswith("no sbatch on this machine: submit from a login node of SLURM")


def test_dask_works_through_the_blocks_of_stages_that_have_some(
    tmp_path: Path, proteomr: Any
) -> None:
    pytest.importorskip("distributed", reason="Dask, an extra, is not installed")
    scan = STUDY.partition("[stages.survive]")[0]  # and its hits, which come in no blocks
    study = write(tmp_path, 'executor = "dask"\nthreads = 2', scan)
    assert proteomr("run", study, "-o", tmp_path / "out").code == 0
    manifest = (tmp_path / "out" / "associate" / "manifest.json").read_text()
    assert '"dask"' in manifest
    alone = write(tmp_path, 'executor = "local"', scan)
    assert "stands" in proteomr("run", alone, "-o", tmp_path / "out").out


@pytest.mark.parametrize(
    ("execution", "message"),
    [
        ('executor = "slrm"', "executor 'slrm' (did you mean 'slurm'?): local, dask or slurm"),
        ("thread = 2", "has no key 'thread' (did you mean 'threads'?)"),
        ("threads = 0", "threads is a number from 1 to 10000, not 0"),
        ("threads = true", "threads is a number from 1 to 10000, not True"),
        ("shards = 2", "shards is of executor = \"slurm\", and 'local' is chosen"),
        ('executor = "slurm"\nsbatch = "--mem=4G"', "sbatch is a list of options"),
        ('executor = "slurm"\nscheduler = "tcp://a"', 'scheduler is of executor = "dask"'),
        ('executor = "dask"\nscheduler = 3', "scheduler is an address"),
    ],
)
def test_mistakes_of_the_execution_are_one_line(
    execution: str, message: str, tmp_path: Path, proteomr: Any
) -> None:
    told = proteomr("run", write(tmp_path, execution), "-o", tmp_path / "out")
    assert told.code == 2
    assert message in told.message
