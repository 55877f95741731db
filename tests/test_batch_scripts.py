"""The scripts of the page on batch jobs, run by schedulers that stand in for those of a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import proteomr
from tests.pages import write_files

ROOT = Path(__file__).parents[1]

# Takes an array's tasks one after another, kills the second once its folder is begun, and starts
# it again, as a cluster does that needs its machine for others.
SBATCH = """
import os, pathlib, re, subprocess, sys, time
script = pathlib.Path(sys.argv[-1]).read_text()
if dependency := [word for word in sys.argv if word.startswith("--dependency=")]:
    assert dependency == ["--dependency=afterok:71"], dependency
asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=(.*)$", script, re.M))
tasks = int(asked.get("array", "1-1").partition("-")[2])
for task in range(1, tasks + 1):
    more = {"SLURM_CPUS_PER_TASK": asked.get("cpus-per-task", "1")}
    if "array" in asked:
        more |= {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": str(tasks)}
    command, env = ["bash", sys.argv[-1]], os.environ | more
    if task == 2 and "#SBATCH --requeue" in script:
        job = subprocess.Popen(command, env=env, start_new_session=True, stdout=sys.stderr)
        begun = pathlib.Path("shards/2/parts/request.json")
        while job.poll() is None and not begun.exists():
            time.sleep(0.005)
        os.killpg(job.pid, 9)
        assert job.wait() == -9
    subprocess.run(command, env=env, check=True, stdout=sys.stderr)
print(71)
"""
# Runs a command in an empty folder with its inputs, and brings back what the command made.
DX = """
import pathlib, shutil, subprocess, sys, tempfile
words = sys.argv[1:]
assert words[:2] == ["run", "swiss-army-knife"]
given = [word[2:].split("=", 1) for word in words if word.startswith("-i")]
(command,) = [value for name, value in given if name == "cmd"]
home = pathlib.Path(words[words.index("--destination") + 1])
home.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory() as folder:
    inputs = [value for name, value in given if name == "in"]
    for file in inputs:
        shutil.copy(file, folder)
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)
    for made in pathlib.Path(folder).iterdir():
        if made.name not in inputs:
            assert made.is_file(), made
            shutil.copy(made, home)
"""


@pytest.fixture
def cluster(tmp_path: Path, beginner: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a cohort, the page's scripts, and the stand-ins on the path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"sbatch": SBATCH, "dx": DX}.items():
        (programs / f"{name}.py").write_text(text)
        (programs / name).write_text(
            f'#!/bin/sh\nexec {sys.executable} {programs / name}.py "$@"\n'
        )
    (programs / "proteomr").write_text(f"#!{sys.executable}\n{beginner}")
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    proteomr.simulate(people=400, proteins=40, out="cohort")
    write_files((ROOT / "docs" / "batch-jobs.md").read_text(encoding="utf-8"), tmp_path)
    return tmp_path


def run(script: str) -> str:
    ended = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def scan_at_once(*inputs: str) -> bytes:
    proteomr.associate(
        *inputs, family="linear", exposure="isolation", adjust={"full": "age + sex"}, out="whole"
    )
    return Path("whole/associations.parquet").read_bytes()


def test_an_array_with_a_task_that_is_killed_has_the_bytes_of_one_run(cluster: Path) -> None:
    del cluster
    run("submit.sh")
    assert len(list(Path("shards").iterdir())) == 4
    assert Path("scan/associations.parquet").read_bytes() == scan_at_once("cohort")


def test_jobs_that_bring_back_archives_have_the_bytes_of_one_run(cluster: Path) -> None:
    for name in ("samples", "proteins"):
        pl.read_parquet(cluster / "cohort" / f"{name}.parquet").write_parquet(f"{name}.parquet")
    run("rap.sh")
    run("rap-merge.sh")
    expected = scan_at_once("samples.parquet", "proteins.parquet")
    assert Path("scan/associations.parquet").read_bytes() == expected
