"""Who may import whom, and that no room escapes the contracts."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = {entry["id"]: entry for entry in PROJECT["tool"]["importlinter"]["contracts"]}
WITHOUT_FLOOR = {"proteomr.__main__", "proteomr.schemas"}


def test_the_import_contracts_hold() -> None:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    checked = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_room_stands_on_a_floor() -> None:
    named = {
        room
        for floor in CONTRACTS["floors"]["layers"]
        for room in re.split(r"\s*\|\s*", floor)
        if room.startswith("proteomr.")
    }
    rooms = {
        f"proteomr.{entry.stem}"
        for entry in (ROOT / "proteomr").iterdir()
        if entry.name != "__init__.py"
        and (entry.suffix == ".py" or (entry / "__init__.py").is_file())
    }
    assert rooms - WITHOUT_FLOOR == named


def test_the_forbidden_imports_are_still_forbidden() -> None:
    assert {"polars", "pandas", "typer"} <= set(CONTRACTS["arrays-only"]["forbidden_modules"])
    assert {"typer", "rich", "click"} <= set(CONTRACTS["no-terminal"]["forbidden_modules"])
    assert not any("ignore_imports" in contract for contract in CONTRACTS.values())


def test_no_file_of_the_library_or_the_command_line_exceeds_400_lines() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for folder in ("proteomr", "cli")
        for file in (ROOT / folder).rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > 400
    }
    assert long == {}
