"""What is shipped is what is in the tree, and the lock is complete and names no address."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

import proteomr

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
HOMES = {"proteomr": "proteomr", "proteomr.schemas": "data/schemas", "proteomr_cli": "cli"}
PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)", re.MULTILINE)
# written in pieces, so that this file does not hold what it looks for
MERGE_MARKS = re.compile(r"^(<{7} |>{7} )", re.MULTILINE)
MACHINE_PATHS = re.compile("/" + "(work|root|farm|tmp)" + "/[a-z]")


def canonical(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def test_the_package_list_is_the_tree() -> None:
    packages = {
        ".".join((package, *init.parent.relative_to(ROOT / home).parts))
        for package, home in HOMES.items()
        for init in (ROOT / home).rglob("__init__.py")
    }
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(packages) == sorted(listed)
    assert PROJECT["tool"]["setuptools"]["package-dir"] == HOMES


def test_every_file_beside_the_code_is_shipped() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    missing = [
        str(file.relative_to(ROOT))
        for package, home in HOMES.items()
        for file in (ROOT / home).rglob("*")
        if file.is_file()
        and file.suffix != ".py"
        and file.parent.name != "__pycache__"
        and not any(
            fnmatch(file.relative_to(ROOT / home).as_posix(), pattern)
            for pattern in data.get(package, [])
        )
    ]
    assert missing == []


def test_every_package_that_is_imported_is_declared() -> None:
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    declared = {*project["dependencies"], *(one for name in extras for one in extras[name])}
    homes = importlib.metadata.packages_distributions()
    imported = {
        name
        for folder in ("proteomr", "cli")
        for file in (ROOT / folder).rglob("*.py")
        for name in list_imports(ast.parse(file.read_text(encoding="utf-8")))
    }
    foreign = imported - set(sys.stdlib_module_names) - {"proteomr", "proteomr_cli"}
    known = {canonical(requirement) for requirement in declared} | {"pandas"}  # of statsmodels
    lacking = {
        name
        for name in foreign
        if not {canonical(home) for home in homes.get(name, [name])} & known
    }
    assert {"numpy", "rich"} <= foreign
    assert lacking == set()


def list_imports(tree: ast.AST) -> set[str]:
    """Return the top-level packages that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {entry.name.partition(".")[0] for entry in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_version_stands_in_one_place() -> None:
    assert proteomr.__version__ == PROJECT["project"]["version"]
    assert importlib.metadata.version("proteomr") == PROJECT["project"]["version"]
    assert f"\n## [{proteomr.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_lock_names_no_address_and_no_path() -> None:
    assert "://" not in LOCK
    assert not re.search(r"--(index-url|extra-index-url|find-links|trusted-host)", LOCK)
    assert not re.search(r"(^|\s)(file:|\.{0,2}/)", LOCK)


def test_every_locked_version_has_digests_for_wheels() -> None:
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.strip())
    assert all(PINNED.match(entry) and "--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("extra", [None, "dev", "docs", "plot"])
def test_the_lock_holds_every_dependency(extra: str | None) -> None:
    project = PROJECT["project"]
    wanted = project["optional-dependencies"][extra] if extra else project["dependencies"]
    pinned = {match["name"] for match in PINNED.finditer(LOCK)}
    assert {canonical(requirement) for requirement in wanted} <= pinned


def test_no_text_of_the_repository_names_a_path_of_a_machine_or_holds_half_a_merge() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths, marks = [], []
    for name in filter(None, listed.stdout.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        text = content.decode("utf-8", "replace")
        paths += [name for _ in MACHINE_PATHS.finditer(text)]
        marks += [name for _ in MERGE_MARKS.finditer(text)]
    assert paths == []
    assert marks == []
