"""Compiled loops run wherever their machine code may be kept, and where it may not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LOOP = """
from proteomr.stats.compiling import compile_loop
@compile_loop(fastmath=set())
def double(x):
    return 2 * x
print(double(21), double(2.5))
"""


def run_loop(folder: Path, **environment: str) -> str:
    module = folder / "loop.py"
    module.write_text(LOOP)
    shown = subprocess.run(
        [sys.executable, str(module)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.strip()


def test_without_any_folder_for_machine_code_loops_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numba

    from proteomr.stats.compiling import compile_loop

    plain: Any = numba.njit

    def refuse(*given: object, **options: object) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'double': no locator available")
        return plain(*given, **options)

    monkeypatch.setattr(numba, "njit", refuse)
    assert compile_loop(fastmath=set())(lambda x: 2 * x)(21) == 42


def test_a_cache_that_cannot_be_written_or_is_damaged_changes_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    own = {"NUMBA_CACHE_DIR": str(cache)}
    assert run_loop(tmp_path, **own) == "42 5.0"
    kept = [file for file in cache.rglob("*") if file.is_file()]
    assert kept
    for file in kept:
        file.write_bytes(b"\x80\x04")
    assert run_loop(tmp_path, **own) == "42 5.0"


def test_a_home_that_does_not_exist_changes_nothing(tmp_path: Path) -> None:
    nowhere = {"HOME": "/nonexistent", "XDG_CACHE_HOME": "/proc/nonexistent", "NUMBA_CACHE_DIR": ""}
    assert run_loop(tmp_path, **nowhere) == "42 5.0"


def test_a_full_disk_under_the_cache_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
    (tmp_path / "loop.py").write_text(limit + LOOP)
    shown = subprocess.run(
        [sys.executable, str(tmp_path / "loop.py")],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, shown.stdout.strip()) == (0, "42 5.0"), shown.stderr


def list_arrays(function: ast.FunctionDef) -> set[str]:
    """Return the names that a function gives to arrays it makes or cuts out."""
    found = set()
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        for target, value in pair_up(node):
            makes = isinstance(value, ast.Call) and ast.unparse(value.func).startswith(
                ("np.empty", "np.zeros", "np.full")
            )
            if isinstance(target, ast.Name) and (makes or is_slice(value)):
                found.add(target.id)
    return found


def pair_up(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """Return each target of an assignment with what it is given."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs += zip(target.elts, node.value.elts, strict=True)
        else:
            pairs.append((target, node.value))
    return pairs


def is_slice(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and any(
        isinstance(part, ast.Slice) for part in ast.walk(node.slice)
    )


def list_copies(text: str) -> list[str]:
    """Return the assignments of arrays to parts of others, in the functions that are compiled."""
    found = []
    for function in ast.walk(ast.parse(text)):
        if not (isinstance(function, ast.FunctionDef) and function.decorator_list):
            continue
        arrays = list_arrays(function)
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign):
                continue
            for target, value in pair_up(node):
                array = is_slice(value) or ast.unparse(value) in arrays
                held = is_slice(target) and isinstance(value, ast.Name | ast.Attribute)
                constant = isinstance(value, ast.Name) and value.id.isupper()
                if isinstance(target, ast.Subscript) and (array or (held and not constant)):
                    found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    "line",
    ["x[:] = y", "x[0, a:b] = x[1, a:b]", "x[i] = made", "x[:2], x[2:] = y, y", "x[:] = y.z"],
)
def test_a_copy_of_an_array_is_found(line: str) -> None:
    loop = f"@_compile\ndef run(x, y, a, b, i):\n    made = np.empty(3)\n    {line}\n"
    assert list_copies(loop)


@pytest.mark.parametrize("line", ["x[:] = 0.0", "x[:] = _NONE", "x[i] = y[i]", "made[i] = i"])
def test_numbers_that_fill_an_array_are_no_copy(line: str) -> None:
    assert list_copies(f"@_compile\ndef run(x, y, i):\n    made = np.empty(3)\n    {line}\n") == []


LOOPS = sorted((Path(__file__).parents[2] / "proteomr" / "stats").glob("compiled_*_loops.py"))


def test_there_are_loops() -> None:
    assert len(LOOPS) > 20


@pytest.mark.parametrize("file", LOOPS, ids=lambda file: file.stem)
def test_loops_copy_element_by_element(file: Path) -> None:
    # numba compiles three seconds long how to print the shapes of arrays that do not fit
    assert list_copies(file.read_text("utf-8")) == []
