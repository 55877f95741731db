"""The public names are pinned, lazy, and the same whatever is imported first."""

from __future__ import annotations

import subprocess
import sys

import pytest

import proteomr

NAMES = [
    "Associations",
    "Cohort",
    "ModelSpec",
    "__version__",
    "associate",
    "read_cohort",
    "simulate",
]


def run_python(code: str) -> str:
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.strip()


def test_the_public_names_are_these() -> None:
    assert sorted(proteomr.__all__) == NAMES
    assert set(NAMES) <= set(dir(proteomr))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_had_and_is_documented(name: str) -> None:
    value = getattr(proteomr, name)
    if name != "__version__":
        assert callable(value)
        assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'asociate'"):
        _ = proteomr.asociate


def test_importing_the_package_loads_none_of_its_rooms() -> None:
    code = "import sys, proteomr; print([m for m in sys.modules if m.startswith('proteomr.')])"
    assert run_python(code) == "[]"


@pytest.mark.parametrize(
    "first",
    ["import proteomr", "import proteomr.simulate", "from proteomr.simulate import simulate"],
)
def test_simulate_is_the_function_whatever_is_imported_first(first: str) -> None:
    code = f"{first}\nimport proteomr\nprint(type(proteomr.simulate).__name__)"
    assert run_python(code) == "function"
