"""Each ending of a command has its exit code, and what the user can act on is one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import typer
from proteomr_cli import main
from proteomr_cli.console import report_error

from proteomr import errors

Outcome = Callable[[BaseException], tuple[int | str | None, str]]


@pytest.fixture
def end_with(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Outcome:
    """Run a command that raises, and return its exit code and what stands on stderr."""

    def run(fault: BaseException) -> tuple[int | str | None, str]:
        app = typer.Typer()

        @app.command()
        def fit() -> None:
            raise fault

        monkeypatch.setattr(main, "app", app)
        with pytest.raises(SystemExit) as left:
            main.run(["--"])
        return left.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (errors.UsageError("no family 'linera'"), 2),
        (errors.FormulaError("x"), 2),
        (errors.FormatError("no number", path="a.csv", line=3, column="GDF15"), 3),
        (errors.RunFolderError("in use"), 3),
        (errors.NothingToDo("no protein is left"), 5),
        (errors.StorageError("the disk is full"), 74),
    ],
)
def test_an_error_of_the_user_is_one_line_and_its_exit_code(
    end_with: Outcome, fault: errors.ProteomrError, code: int
) -> None:
    assert end_with(fault) == (code, f"error: {fault}\n")


def test_an_interrupt_leaves_with_130_and_says_what_is_kept(end_with: Outcome) -> None:
    fault = KeyboardInterrupt("3 of 9 blocks are kept; continue with --resume")
    assert end_with(fault) == (130, f"error: interrupted; {fault}\n")
    assert end_with(KeyboardInterrupt()) == (130, "error: interrupted\n")


def test_a_command_may_leave_with_a_code_of_its_own(end_with: Outcome) -> None:
    assert end_with(typer.Exit(4)) == (4, "")


def test_a_fault_of_proteomr_itself_keeps_its_traceback(end_with: Outcome) -> None:
    with pytest.raises(ZeroDivisionError):
        end_with(ZeroDivisionError())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shema"], "did you mean schema?"),
        (["doctor", "--oot", "x"], "--out"),
        (["schema", "a", "b"], "unexpected extra argument"),
        (["schema", "asociations"], "did you mean 'associations'"),
    ],
)
def test_a_mistake_in_the_command_line_is_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main.run(arguments)
    shown = capsys.readouterr()
    assert left.value.code == 2
    assert words in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"], ["doctor", "-h"]])
def test_help_goes_to_stdout_and_leaves_with_0(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main.run(arguments)
    assert left.value.code == 0
    assert "Usage: proteomr" in capsys.readouterr().out


def test_the_version_names_proteomr_and_its_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.run(["--version"])
    shown = capsys.readouterr().out
    assert "proteomr " in shown
    assert "numpy " in shown


def test_schema_lists_the_tables_and_prints_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.run(["schema"])
    assert "associations " in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main.run(["schema", "associations"])
    assert "neg_log10_p" in capsys.readouterr().out


def test_doctor_says_what_the_machine_offers(
    capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    with pytest.raises(SystemExit) as left:
        main.run(["doctor", "--out", f"{tmp_path}/not/yet"])
    shown = capsys.readouterr().out
    assert left.value.code == 0
    for label in ("numpy", "processors", "BLAS", "free disk space", "least squares"):
        assert f"\n{label} " in shown
    assert "WRONG" not in shown


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    command = f"{sys.executable} -m proteomr schema associations | true"
    shown = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert shown.stderr == ""


def test_python_m_proteomr_is_the_command_line() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "proteomr", "shema"], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 2
    assert shown.stderr.startswith("error: ")


def test_an_error_stays_one_line_whatever_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    report_error("a\nb\x1b[31m\x00 ä")
    assert capsys.readouterr().err == "error: a b?[31m? ä\n"
