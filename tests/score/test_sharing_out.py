"""How many folds are under way at once, and that nothing but time and memory hangs on it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from proteomr_cli.jobs import Tracked
from proteomr_cli.progress import Silence

from proteomr.execute import Executor, Processes, Serial, Threads
from proteomr.score import score, sharing_out
from proteomr.score.fitting import FoldWork, Laid, Unit
from tests.score.people import FEW, make, options


@pytest.fixture
def laid(monkeypatch: pytest.MonkeyPatch) -> Laid:
    """Return what folds are learnt from."""
    seen: list[Laid] = []
    learn = FoldWork.__call__

    def note(self: FoldWork, unit: Unit) -> dict[str, pl.DataFrame]:
        seen.append(self.laid)
        return learn(self, unit)

    with monkeypatch.context() as patch:
        patch.setattr(FoldWork, "__call__", note)
        score(*make(), outcome="bmi", options=FEW, threads=1)
    return seen[0]


def track(inner: Executor) -> Tracked:
    return Tracked(inner, Silence(), doing="", unit="")


@pytest.mark.parametrize(
    ("executor", "most", "expected"),
    [
        (Serial(), 4e9, [(4, 4)]),
        (Threads(1), 4e9, [(4, 4)]),
        (Processes(3), 4e9, [(4, 4)]),
        (Threads(2), 4e9, [(4, 2)]),
        (Threads(3), 4e9, [(3, 3), (1, 1)]),
        (Threads(8), 4e9, [(4, 4)]),
        (Threads(3), 0.0, [(4, 1)]),
        (Threads(8), 0.0, [(4, 1)]),
    ],
    ids=str,
)
def test_as_many_folds_are_under_way_as_fit_and_at_least_one(
    laid: Laid,
    monkeypatch: pytest.MonkeyPatch,
    executor: Executor,
    most: float,
    expected: list[tuple[int, int]],
) -> None:
    monkeypatch.setattr(sharing_out, "_MOST", most)
    for own in (executor, track(executor)):  # as a call in Python has it, and as a command
        shares = sharing_out.share_out(laid, laid.units, own, held=1e8)
        assert [(len(one.units), one.beside) for one in shares] == expected
        assert [unit for one in shares for unit in one.units] == list(laid.units)


def test_two_folds_are_under_way_where_three_are_too_many(
    laid: Laid, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = sharing_out.measure_fold(laid, 12, threads=1)
    monkeypatch.setattr(sharing_out, "_HOLES", 0.0)
    monkeypatch.setattr(sharing_out, "_MOST", 1e8 + 2.5 * fold)
    assert sharing_out.count_beside(laid, laid.units, 3, held=1e8) == 2
    assert sharing_out.count_beside(laid, laid.units, 3, held=1e8 + fold) == 1


@pytest.mark.parametrize("outcome", ["bmi", "diabetes", "death"])
@pytest.mark.parametrize("threads", [2, 5])
def test_how_many_folds_are_under_way_changes_no_digit_and_is_kept_to(
    monkeypatch: pytest.MonkeyPatch, outcome: str, threads: int
) -> None:
    samples, proteins = make(4)
    first = score(samples, proteins, outcome=outcome, options=options(outcome), threads=1)
    learn, lock = FoldWork.__call__, threading.Lock()
    now: list[int] = []
    most: list[int] = []

    def count(self: FoldWork, unit: Unit) -> dict[str, pl.DataFrame]:
        with lock:
            now.append(unit.index)
            most.append(len(now))
        found = learn(self, unit)
        with lock:
            now.remove(unit.index)
        return found

    monkeypatch.setattr(FoldWork, "__call__", count)
    for beside in range(1, threads):
        monkeypatch.setattr(sharing_out, "count_beside", lambda *_, k=beside, **__: k)
        most.clear()
        again = score(samples, proteins, outcome=outcome, options=options(outcome), threads=threads)
        assert max(most) <= min(beside, 4)
        for name in first.names:
            assert first.table(name).equals(again.table(name)), (name, beside)


_COMMAND = """
import os, signal, sys
from proteomr.score import sharing_out
from proteomr.score.fitting import FoldWork
from proteomr_cli.main import run
sharing_out._MOST = 0.0
learn, seen, last = FoldWork.__call__, [], int(sys.argv[1])
def stop(self, unit):
    seen.append(unit)
    if len(seen) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(self, unit)
FoldWork.__call__ = stop
sys.argv = ["proteomr", *sys.argv[2:]]
run()
"""


def command(*arguments: str, dies_at: int = 0) -> int:
    """Run a command whose folds are worked on one at a time; it is killed at the start of one."""
    asked = [sys.executable, "-c", _COMMAND, str(dies_at), *arguments]
    return subprocess.run(asked, check=False).returncode


def test_a_run_that_is_killed_between_pieces_goes_on_to_the_same_digits(
    tmp_path: Path,
) -> None:
    samples, proteins = make()
    samples.write_csv(tmp_path / "samples.csv")
    proteins.write_parquet(tmp_path / "proteins.parquet")
    files = [str(tmp_path / name) for name in ("samples.csv", "proteins.parquet")]
    asked = ["score", *files, "--outcome", "bmi", "--folds", "3", "--inner-folds", "3", "-q"]
    killed = [*asked, "--threads", "2", "-o", str(tmp_path / "run")]
    assert command(*killed, dies_at=3) == -signal.SIGKILL
    assert not (tmp_path / "run" / "weights.parquet").exists()
    assert command(*killed, "--resume") == 0
    assert command(*asked, "--threads", "1", "-o", str(tmp_path / "whole")) == 0
    for name in ("weights", "scores", "tuning", "score_performance"):
        pair = [pl.read_parquet(tmp_path / run / f"{name}.parquet") for run in ("run", "whole")]
        assert pair[0].equals(pair[1]), name


_MEASURED = """
import json, sys
from proteomr.runs import call_job
from proteomr.runs.timing import peak_memory
from proteomr.score import ScoreOptions, sharing_out
from proteomr.score.calling import make_score_request
from proteomr.score.job import ScoreJob
sharing_out._MOST = float(sys.argv[1])
request = make_score_request(
    *sys.argv[2:4], outcome=sys.argv[4], options=ScoreOptions(folds=2, inner_folds=3)
)
told = ScoreJob(request).plan(threads=2).memory_bytes
before = peak_memory()
call_job(ScoreJob(request), out=None, threads=2)
print(json.dumps([before, told, peak_memory()]))
"""


@pytest.mark.parametrize("most", [4e9, 0.0])
@pytest.mark.parametrize("outcome", ["bmi", "frail"])
def test_the_memory_that_a_plan_tells_is_above_what_a_run_takes(
    tmp_path: Path, outcome: str, most: float
) -> None:
    random = np.random.default_rng(1)
    n, p = 6_000, 900  # too many for a plan to learn a fold
    X = random.normal(size=(n, p)) + random.normal(size=(n, 3)) @ random.normal(size=(3, p)) * 0.4
    y = X[:, :20] @ random.normal(size=20) * 0.2 + random.normal(size=n)
    ids = pl.Series("ID", [f"{i:05d}" for i in range(n)])
    files = [str(tmp_path / name) for name in ("samples.parquet", "proteins.parquet")]
    pl.DataFrame({"ID": ids, "bmi": y, "frail": (y > 1.0).astype(int)}).write_parquet(files[0])
    pl.DataFrame({"ID": ids, **{f"P{j}": X[:, j] for j in range(p)}}).write_parquet(files[1])
    asked = [sys.executable, "-c", _MEASURED, str(most), *files, outcome]
    found = subprocess.run(asked, check=True, capture_output=True, text=True)
    before, told, peak = json.loads(found.stdout.splitlines()[-1])

    assert before < peak < told
    # and not by as much as one likes, beside what is allowed for heaps
    assert told - before - sharing_out._HOLES < 4.0 * (peak - before)
