"""What holds for every command that writes: any path is a path, and a disk that refuses is told."""

from __future__ import annotations

import errno
import resource
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.architecture.jobs import CASES, Case, write_inputs

SMALL = {
    "phenotype": "people.csv --only sex",
    "replicate": "samples.csv proteins.csv --family linear --exposure iso --splits 2 "
    "--allow-failures",
    "simulate": "--people 100 --proteins 3 --export ukb --summary-statistics",
}
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


def words_of(case: Case, folder: Path, out: Path) -> list[str]:
    """Return a command with its inputs by their absolute paths."""
    words = shlex.split(SMALL.get(case.command, case.plain.shell))
    named = [str(folder / word) if (folder / word).exists() else word for word in words]
    return [*case.command.split(), *named, "-o", str(out), "--no-progress"]


def tables_in(folder: Path) -> dict[str, pl.DataFrame]:
    return {
        str(file.relative_to(folder)): pl.read_parquet(file, glob=False)
        for file in sorted(folder.rglob("*.parquet"))
    }


@each_case
def test_names_with_the_letters_of_patterns_are_names(
    case: Case, inputs: Path, tmp_path: Path, proteomr: Any
) -> None:
    odd, decoy = tmp_path / "a [1] *?", tmp_path / "a 1 xx"
    shutil.copytree(inputs, odd)
    shutil.copytree(inputs, decoy)
    (tmp_path / "plain").mkdir()
    written = odd / "results [2] ?*"
    written.mkdir()
    (decoy / "results 2 xx").mkdir()
    plain = proteomr(*words_of(case, inputs, tmp_path / "plain" / case.out))
    for _ in range(2):  # the second finds a finished run, and reads its tables
        ended = proteomr(*words_of(case, odd, written / case.out), "--resume")
        assert (ended.code, plain.code) == (0, 0), ended.err
        assert str(written / case.out) in ended.out
    made, expected = tables_in(written), tables_in(tmp_path / "plain")
    assert made.keys() == expected.keys()
    assert made
    for name, table in expected.items():
        assert made[name].equals(table), name
    assert list((decoy / "results 2 xx").iterdir()) == []


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as a disk quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@each_case
@pytest.mark.parametrize("size", [0, 200, 1500])
def test_a_disk_that_takes_no_more_is_one_line_and_code_74(
    case: Case, size: int, inputs: Path, tmp_path: Path, proteomr: Any
) -> None:
    out = tmp_path / case.out
    with largest_file(size):
        ended = proteomr(*words_of(case, inputs, out))
    assert ended.code == 74, ended.err
    assert ended.err.startswith("error: ")
    assert "larger than allowed here; raise the limit (ulimit -f)" in ended.err
    assert ended.err.count("\n") == 1
    assert proteomr(*words_of(case, inputs, out), "--resume").code == 0


@each_case
@pytest.mark.parametrize("letters", [236, 300])
def test_a_name_that_is_too_long_is_one_line_and_code_74(
    case: Case, letters: int, inputs: Path, tmp_path: Path, proteomr: Any
) -> None:
    out = tmp_path / ("n" * letters + Path(case.out).suffix)
    ended = proteomr(*words_of(case, inputs, out))
    if ended.code == 0:
        assert out.exists()
        return
    assert ended.code == 74, ended.err[-300:]
    assert "the name is too long; choose a shorter name" in ended.err
    assert ended.err.count("\n") == 1
    assert [file.name[:9] for file in tmp_path.iterdir()] == []


@each_case
@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_a_folder_that_may_not_be_written_is_one_line_and_code_74(
    case: Case,
    number: int,
    inputs: Path,
    tmp_path: Path,
    proteomr: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import os

    locked = tmp_path / "locked"
    locked.mkdir()
    for name in ("open", "mkdir"):
        real = getattr(os, name)

        def refuse(path: Any, *rest: Any, real: Any = real, **named: Any) -> Any:
            inside = str(path).startswith(f"{locked}/")
            flags = rest[0] if rest and isinstance(rest[0], int) else os.O_CREAT
            if inside and flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
                raise OSError(number, os.strerror(number), str(path))
            return real(path, *rest, **named)

        monkeypatch.setattr(os, name, refuse)
    ended = proteomr(*words_of(case, inputs, locked / case.out))
    assert ended.code == 74, ended.err[-300:]
    assert ended.err.count("\n") == 1
    assert list(locked.iterdir()) == []
