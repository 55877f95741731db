"""Each ending of a command has its exit code, and what the user can act on is one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from proteomr_cli import main
from proteomr_cli.console import print_rows, report_error, say

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
        (errors.LowMemoryError("the system gave no more memory"), 71),
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
    assert capsys.readouterr().err == "error: a b\\x1b[31m\\x00 ä\n"


def test_a_lack_of_memory_is_one_line_with_a_remedy(end_with: Outcome) -> None:
    for fault in (MemoryError(), RuntimeError("can't start new thread")):
        code, shown = end_with(fault)
        assert code == 71
        assert shown.startswith("error: the system gave no more memory; use fewer --threads")
        assert shown.count("\n") == 1


def test_a_name_that_is_no_utf_8_is_refused_by_every_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as left:
        main.run(["schema", "--check", "stroke\udcff.parquet"])
    assert left.value.code == 2
    shown = capsys.readouterr().err
    assert shown == (
        "error: argument 3, 'stroke\\udcff.parquet', is not UTF-8; rename the file, or link to it "
        "by another name\n"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_the_caller_has_closed_change_nothing(closed: str) -> None:
    command = f"{sys.executable} -m proteomr schema {closed}"
    shown = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""


def test_the_cause_of_a_refused_file_is_shown_when_asked_and_holds_nothing_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = tmp_path / "a.chain"
    (tmp_path / "a.ma").write_text("SNP A1 A2 freq b se p N\nrs1 a g 0.2 0.1 0.02 5.7e-7 900\n")
    refused = ["gwas", "munge", str(tmp_path / "a.ma"), "-o", str(tmp_path / "m.parquet")]
    chain.write_text(f"chain 9 chr1 100 + 10 30 chr1 90 + 0 22 1\n{'1' * 5000} 0 2\n15\n\n")
    refused += ["--build", "GRCh37", "--to-build", "GRCh38", "--liftover", str(chain)]
    for told, more in ((False, []), (True, ["-v"])):
        with pytest.raises(SystemExit) as left:
            main.run([*refused, *more])
        shown = capsys.readouterr().err
        assert left.value.code == 3
        assert f"error: {chain}" in shown
        assert ("cause: ValueError" in shown) == told
        assert "1" * 50 not in shown


def test_printed_tables_show_names_in_their_printable_form_and_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows(["protein", "n"], [["\x1b[31mRED\nsecond", "1"], ["n" * 5000, "2"]], left=1)
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 3
    assert shown[1].startswith("\\x1b[31mRED\\nsecond")
    assert len(shown[2]) < 60
    say("a\x1b[1m\tb\nc")
    assert capsys.readouterr().out == "a\\x1b[1m\tb\nc\n"


def test_one_word_in_a_configuration_serves_where_several_may_stand(
    proteomr: Any, tmp_path: Path
) -> None:
    config = tmp_path / "a.toml"
    config.write_text('exposure = "bmi"\nproteins = "npx.csv"\n')
    arguments = ("associate", "a.csv", "--family", "linear", "-o", "x", "--config", config)
    ending = proteomr(*arguments, "--print-config")
    assert ending.code == 0
    assert 'exposure = ["bmi"]' in ending.out
    assert 'proteins = ["npx.csv"]' in ending.out


def test_a_list_in_a_configuration_serves_where_names_are_parted_by_commas(
    proteomr: Any, tmp_path: Path
) -> None:
    config = tmp_path / "a.toml"
    config.write_text('outcome = "death"\nproteins = "npx.csv"\ncurves = ["A", "B"]\n')
    arguments = ("survive", "a.csv", "-o", "x", "--config", config, "--print-config")
    assert 'curves = "A,B"' in proteomr(*arguments).out
    config.write_text('curves = ["A", "B,C"]\n')
    assert "curves: 'B,C' holds a comma" in proteomr(*arguments).err
