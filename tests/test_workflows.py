"""The workflows of the page: their commands are the command line's, and give what one run gives."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main
from proteomr_cli.main import app

import proteomr
from tests.pages import write_files

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8")
SHARDS = 4
RULE = re.compile(r"^rule (\w+):\n((?:    .*\n|\n)*)", re.MULTILINE)
SECTION = re.compile(r"^    (\w+):(.*\n(?:        .*\n)*)", re.MULTILINE)
PROCESS = re.compile(r'^process (\w+) \{.*?"""\n(.*?)"""', re.MULTILINE | re.DOTALL)
NAMED = {
    "samples": "cohort/samples.parquet",
    "proteins": "cohort/proteins.parquet",
    "exposure": "cohort/gwas/exposure.parquet",
    "outcomes": "cohort/gwas/outcomes.parquet",
    "shards": " ".join(f"shard-{i}" for i in range(1, SHARDS + 1)),
    "params.shards": str(SHARDS),
    "task.cpus": "2",
}


class Files(list[str]):
    """Files of a rule, as Snakemake writes them into a command."""

    def __format__(self, _: str) -> str:
        return " ".join(self)


@pytest.fixture
def folder(tmp_path: Path, beginner: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_files(PAGE, tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "proteomr").write_text(f"#!{sys.executable}\n{beginner}")
    (programs / "proteomr").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def list_rules() -> Iterator[tuple[str, list[str]]]:
    """Yield the rules of the Snakefile with the commands that they run, a shard each."""
    (text,) = re.findall(r"^```python Snakefile\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    known: dict[str, Any] = {}
    exec(text[: text.index("rule all")], known)  # noqa: S102 - the page's own constants
    for name, body in RULE.findall(text):
        sections = dict(SECTION.findall(body))
        if "shell" not in sections:
            continue
        scope = {**known, "touch": str, "expand": lambda path, **_: path}
        inputs = eval(f"[{sections.get('input', '')}]", scope)  # noqa: S307
        shell = eval(f"({sections['shell'].strip()})", scope)  # noqa: S307
        threads = sections.get("threads", "1").strip()
        shards = range(1, known["SHARDS"] + 1) if "{shard}" in sections["output"] else [None]
        yield (
            name,
            [
                shell.format(
                    **{key: known[key] for key in ("SHARDS", "SCAN")},
                    input=Files(inputs),
                    threads=threads,
                    wildcards=SimpleNamespace(shard=shard),
                )
                for shard in shards
            ],
        )


def list_processes() -> Iterator[tuple[str, list[str]]]:
    """Yield the processes of the Nextflow file with the scripts that they run."""
    (text,) = re.findall(r"^```groovy main.nf\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for name, script in PROCESS.findall(text):
        shards = range(1, SHARDS + 1) if "${shard}" in script else [0]
        yield name, [_fill(script, NAMED | {"shard": str(shard)}) for shard in shards]


def _fill(script: str, named: dict[str, str]) -> str:
    return re.sub(r"(?<!\\)\$\{([\w.]+)\}", lambda m: named[m[1]], script).replace("\\$", "$")


STEPS = {
    f"{kind} {name}": scripts
    for kind, found in (("rule", list_rules()), ("process", list_processes()))
    for name, scripts in found
}


def test_the_page_has_all_steps() -> None:
    assert [*STEPS] == [
        "rule people", "rule shard", "rule merge", "rule causes",
        "process SHARD", "process MERGE", "process CAUSES",
    ]  # fmt: skip
    assert len(STEPS["rule shard"]) == len(STEPS["process SHARD"]) == SHARDS


@pytest.mark.parametrize("step", STEPS)
def test_each_command_is_one_of_the_command_line(step: str) -> None:
    root: Any = typer.main.get_command(app)
    lines = [line for script in STEPS[step] for line in re.split(r"[;\n]", script)]
    commands = [words for line in lines if (words := shlex.split(line))[:1] == ["proteomr"]]
    assert len(commands) == len(STEPS[step])
    for words in commands:
        with root.make_context("proteomr", words[1:]) as context:
            name, command, rest = root.resolve_command(context, words[1:])
            assert command.make_context(name, rest, parent=context).args == []


def run(step: str) -> None:
    for script in STEPS[step]:
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True)


def test_the_steps_give_the_bytes_of_a_run_without_shards(folder: Path) -> None:
    run("rule people")
    proteomr.associate(
        "cohort/samples.parquet", "cohort/proteins.parquet", family="linear",
        exposure="isolation", adjust={"full": "age + sex"}, out="whole",
    )  # fmt: skip
    whole = (folder / "whole" / "associations.parquet").read_bytes()
    run("rule shard")
    (folder / "scan").mkdir()  # as Snakemake makes the folders of outputs
    run("rule merge")
    run("rule causes")
    assert (folder / "scan" / "associations.parquet").read_bytes() == whole
    estimates = (folder / "causes" / "estimates.parquet").read_bytes()
    shutil.rmtree(folder / "scan")
    shutil.rmtree(folder / "causes")
    for step in ("process SHARD", "process MERGE", "process CAUSES"):
        run(step)
    assert (folder / "scan" / "associations.parquet").read_bytes() == whole
    assert (folder / "causes" / "estimates.parquet").read_bytes() == estimates


@pytest.mark.skipif(shutil.which("snakemake") is None, reason="Snakemake is not installed")
def test_snakemake_runs_its_file(folder: Path) -> None:
    subprocess.run(["snakemake", "--cores", "2", "--quiet"], check=True)
    assert (folder / "causes" / "estimates.parquet").is_file()
