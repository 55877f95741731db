"""No test is skipped silently: where CI is set, a reason without a waiver fails."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SKIPPING = """
import pytest
def test_waived():
    pytest.skip("root may write everywhere")
def test_silent():
    pytest.skip("it is Saturday")
def test_reference(reference):
    pass
"""
AT_COLLECTION = "import pytest\npytest.importorskip('no_such_module')\n"


def run_tests(folder: Path, **environment: str) -> str:
    shutil.copy(CONFTEST, folder)
    shutil.copy(CONFTEST.with_name("waivers.toml"), folder)
    (folder / "test_skipping.py").write_text(SKIPPING)
    (folder / "test_collected.py").write_text(AT_COLLECTION)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--continue-on-collection-errors", str(folder)]
    elsewhere = {"PATH": "/usr/bin:/bin", "PROTEOMR_REFERENCE": str(folder / "nowhere")}
    found = subprocess.run(
        command, capture_output=True, text=True, check=False, env=elsewhere | environment
    )
    return found.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("environment", "ending"),
    [
        ({}, "4 skipped"),
        ({"CI": "true"}, "1 failed, 1 skipped, 2 errors"),
        ({"CI": "true", "PROTEOMR_WAIVE": "reference-data"}, "1 failed, 2 skipped, 1 error"),
    ],
)
def test_a_skip_without_a_waiver_fails_in_ci(
    tmp_path: Path, environment: dict[str, str], ending: str
) -> None:
    assert ending in run_tests(tmp_path, **environment)


def test_no_module_of_tests_holds_an_example_which_nobody_would_run() -> None:
    modules = CONFTEST.parent.rglob("*.py")
    example = re.compile(r"^ *>>> ", re.MULTILINE)
    assert [str(file) for file in modules if example.search(file.read_text("utf-8"))] == []
