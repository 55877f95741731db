"""Tables of proteins and variants follow the umask; rows of people are their owner's alone."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.jobs import CASES, Case, write_inputs

# The names of files that hold rows of people, by command; the rest is about proteins or variants.
PEOPLE = {
    "ingest": {"*"},
    "qc": {"*"},
    "simulate": {"*"},
    "phenotype": {"cohort.parquet"},
    "score": {"scores.parquet"},
    "ctra": {"ctra_scores.parquet"},
    "network": {"eigenproteins.parquet"},
}
SMALL = {
    "simulate": "--people 100 --proteins 2",
    "phenotype": "people.csv --definition sexes.toml",
    "associate": "samples.csv proteins.csv --family linear --exposure iso --transform none",
    "replicate": "samples.csv proteins.csv --family linear --exposure iso --splits 2",
}
SEXES = """name = "sexes"
title = "sex"
reference = "none"
[rule.sex]
title = "sex"
role = "covariate"
kind = "recode"
field = 31
levels = { 1 = [1], 0 = [0] }
evidence = "told"
certainty = "high"
"""


@pytest.fixture(params=[0o002, 0o022, 0o077], ids=oct)
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
def test_what_holds_no_people_follows_the_umask_and_what_does_is_private(
    proteomr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int, case: Case
) -> None:
    write_inputs(tmp_path)
    (tmp_path / "sexes.toml").write_text(SEXES)
    monkeypatch.chdir(tmp_path)
    before = {*tmp_path.rglob("*")}
    asked = shlex.split(SMALL.get(case.command, case.plain.shell))
    ending = proteomr(*case.command.split(), *asked, "--allow-failures", "-q", "-o", case.out)
    assert ending.code == 0, ending.err
    held = PEOPLE.get(case.command, set())
    made = {path for path in tmp_path.rglob("*") if path not in before}
    assert made
    for path in made:
        private = bool(held & {"*", path.name})
        if path.is_dir():
            assert mode(path) == (0o700 if held else 0o777 & ~mask)
        else:
            assert mode(path) == (0o600 if private else 0o666 & ~mask), path.name


def test_figures_follow_the_umask(tmp_path: Path, mask: int) -> None:
    pytest.importorskip("matplotlib")
    import polars as pl
    from matplotlib.figure import Figure

    from proteomr.plot.drawing import Drawing, save_drawing

    drawing = Drawing("forest", "x", "y", (Figure(),), pl.DataFrame({"x": [1]}))
    written = save_drawing(drawing, tmp_path / "plot", formats=("svg",))
    assert {mode(path) for path in written} == {0o666 & ~mask}
