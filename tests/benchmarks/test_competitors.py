from __future__ import annotations

from pathlib import Path

import pytest

import benchmarks.competitors
from benchmarks.accuracy import judge
from benchmarks.competitors import COMPETITORS
from benchmarks.interfaces import PROTEOMR, Competitor, Family
from benchmarks.problems import Problem
from proteomr._typing import F64

Maxima = dict[Family, tuple[F64, F64]]


def label(competitor: Competitor) -> str:
    return f"{competitor.name}, {competitor.family}"


def test_every_file_of_the_folder_is_listed_once() -> None:
    folder = Path(benchmarks.competitors.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    listed = {type(competitor).__module__.rpartition(".")[2] for competitor in COMPETITORS}
    assert listed == files
    labels = [label(competitor) for competitor in COMPETITORS]
    assert len(set(labels)) == len(labels)


def test_every_family_has_proteomr_first() -> None:
    for family in ("logistic", "linear"):
        names = [competitor.name for competitor in COMPETITORS if competitor.family == family]
        assert names[0] == PROTEOMR


@pytest.mark.parametrize("competitor", COMPETITORS, ids=label)
def test_every_tool_on_the_machine_finds_the_maximum(
    competitor: Competitor, problem: Problem, maxima: Maxima
) -> None:
    if not competitor.available():
        pytest.skip(f"needs {competitor.needs}")
    fitted = competitor.fit(problem, [1])
    estimate, se = maxima[competitor.family]
    true = (estimate[[1]], se[[1]])
    found = (fitted.estimate, fitted.se)
    verdict = judge(competitor.name, competitor.family, found=found, true=true)
    assert verdict.passed, verdict
    assert fitted.cpu_seconds > 0.0
