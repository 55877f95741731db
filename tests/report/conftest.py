"""Runs of a small cohort, and their report."""

from __future__ import annotations

from pathlib import Path

import pytest
from proteomr_cli import main

from proteomr.report import Report, make_report


def command(*words: object) -> None:
    with pytest.raises(SystemExit) as left:
        main.run([str(word) for word in words])
    assert left.value.code == 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of a few runs on one simulated cohort."""
    folder = tmp_path_factory.mktemp("report")
    cohort, made = folder / "cohort", folder / "runs"
    made.mkdir()
    quiet = ("--quiet", "--allow-failures", "--no-progress")
    command("simulate", "--people", 500, "--proteins", 10, *quiet, "-o", cohort)
    command(
        "associate", cohort, "--family", "linear", "--exposure", "isolation", "--adjust",
        "full=age + sex", *quiet, "-o", made / "associate",
    )  # fmt: skip
    command(
        "survive", cohort, "--outcome", "disease", "--event-code", 1, "--curves", "GDF15",
        *quiet, "-o", made / "curves",
    )  # fmt: skip
    command(
        "replicate", cohort, "--family", "linear", "--exposure", "isolation", "--splits", 3,
        *quiet, "-o", made / "halves",
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def report(runs: Path) -> Report:
    return make_report(runs, title="A study")
