"""Long work shows what it is doing, how far it has come and the time left, on a terminal alone."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from proteomr_cli import jobs, main
from proteomr_cli.progress import watch

from proteomr.runs.progress import follow, watched_by


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in place of stderr; in the test itself, for pytest has its own before."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return shown


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_work_is_silent_and_lazy_where_stderr_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    drawn: list[int] = []

    def blocks() -> Iterator[int]:
        for block in range(3):
            drawn.append(block)
            yield block

    with watch(show=True) as watcher, watched_by(watcher):
        followed = follow(blocks(), doing="fitting", total=3)
        assert next(followed) == 0
        assert drawn == [0]
        assert list(followed) == [1, 2]
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_the_work_its_count_its_rate_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = open_terminal(monkeypatch)
    with watch(show=True) as watcher, watched_by(watcher):
        for item in follow(range(40), doing="fitting", total=40):
            if item in {20, 39}:
                watcher._progress.refresh()
    shown = plain(terminal.getvalue())
    assert "fitting" in shown
    assert re.search(r"20/40 blocks [\d.]+/s", shown)
    assert "left 0:00:0" in shown


def test_work_of_unknown_length_shows_its_count_and_no_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = open_terminal(monkeypatch)
    with watch(show=True) as watcher, watched_by(watcher):
        for item in follow(iter("abc"), doing="reading x.tsv", unit="pieces"):
            if item == "c":
                watcher._progress.refresh()
    shown = plain(terminal.getvalue())
    assert re.search(r"reading x.tsv .* 2 pieces", shown)
    assert "left" not in shown


@pytest.mark.parametrize("flags", [["--no-progress"], ["-q"]])
def test_no_bar_is_drawn_where_none_is_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: list[str]
) -> None:
    terminal = open_terminal(monkeypatch)
    size = ["--people", "100", "--proteins", "2"]
    with pytest.raises(SystemExit):
        main.run(["simulate", *size, *flags, "-o", str(tmp_path / "s")])
    assert "simulating" not in plain(terminal.getvalue())


def test_no_colour_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    with watch(show=True) as watcher, watched_by(watcher):
        assert list(follow(range(5), doing="fitting", total=5)) == list(range(5))
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.getvalue()) is None


def watched(command: list[Any], proteomr: Any, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Run a command, and return what it told its watcher that it was doing."""
    told: set[str] = set()

    class Ear:
        def follow(self, items: Any, *, doing: str, **_: Any) -> Any:
            told.add(doing.partition(" ")[0])
            return iter(items)

    monkeypatch.setattr(jobs, "watch", lambda **_: contextlib.nullcontext(Ear()))
    assert proteomr(*command).code == 0
    return told


def test_every_long_command_tells_how_far_it_has_come(
    proteomr: Any, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study.folder)
    head = "SNP chr pos effect_allele other_allele eaf beta se pval samplesize\n"
    Path("a.txt").write_text(head + "rs1 1 10 A G 0.3 0.1 0.01 1e-23 900\n")
    cases: dict[str, set[str]] = {
        "simulate --people 100 --proteins 2 -o cohort": {"simulating"},
        "ingest proteins.parquet -o store": {"storing"},
        "qc store -o clean": {"measuring", "storing"},
        "gwas munge a.txt -o b.parquet": {"reading"},
        "mr a.txt a.txt -o causes": {"estimating"},
        "associate samples.csv proteins.parquet --family linear --exposure lonely -o r": {
            "fitting"
        },
    }
    for command, doing in cases.items():
        assert doing <= watched(command.split(), proteomr, monkeypatch), command
