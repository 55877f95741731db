"""A study run again and again: what stands, what is run anew, and what a fault leaves alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.errors import RunFolderError, UsageError
from proteomr.runs.lock import acquire_lock
from proteomr.study import StageCall, StageEnd, StudyResults, parse_study, plan_study, run_study
from proteomr.study.calls import StageCost
from tests.study.toy_runner import ToyRunner

STAGES: dict[str, dict[str, Any]] = {
    "clean": {"command": "qc", "samples": "people.parquet"},
    "scan": {"samples": {"from": "clean"}, "shift": 1.0},
    "few": {
        "command": "toy",
        "samples": {"from": "scan", "table": "hits"},
        "only-proteins": {"from": "scan", "where": "group == full and value > 2", "union": ["P9"]},
    },
    "apart": {"command": "toy", "samples": "people.parquet", "shift": 5.0},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_people(tmp_path)
    return tmp_path


def write_people(folder: Path, values: tuple[float, ...] = (1.0, 2.0, 3.0)) -> None:
    names = [f"P{i}" for i in range(len(values))]
    frame = pl.DataFrame({"protein": names, "group": ["full", "simple", "full"], "value": values})
    frame.write_parquet(folder / "people.parquet")


def run(folder: Path, stages: dict[str, Any] | None = None, **asked: Any) -> StudyResults:
    study = parse_study({"stages": STAGES if stages is None else stages}, folder=folder)
    return run_study(study, folder / "out", runner=asked.pop("runner"), **asked)


def changed(**stages: dict[str, Any]) -> dict[str, Any]:
    return {name: entry | stages.get(name, {}) for name, entry in STAGES.items()}


def test_a_study_that_stands_runs_nothing(folder: Path) -> None:
    first, second = ToyRunner(), ToyRunner()
    one = run(folder, runner=first)
    other = run(folder, runner=second)
    assert first.ran == ["clean", "scan", "few", "apart"]
    assert second.ran == []
    assert one.stages.equals(other.stages)
    assert one.choices.equals(other.choices)
    assert other.stages["state"].to_list() == ["done"] * 4


def test_what_was_chosen_and_why_is_written_down(folder: Path) -> None:
    choices = run(folder, runner=ToyRunner()).choices
    assert choices["value"].to_list() == ["P2", "P9"]
    rule = "protein of scan where group == full and value > 2; and P9"
    assert choices["rule"].unique().to_list() == [rule]
    assert pl.read_parquet(folder / "out" / "choices.parquet").equals(choices)
    assert pl.read_parquet(folder / "out" / "few" / "hits.parquet")["protein"].to_list() == ["P2"]


def test_a_change_runs_what_depends_on_it_and_nothing_else(folder: Path) -> None:
    run(folder, runner=ToyRunner())
    runner = ToyRunner()
    run(folder, changed(scan={"shift": 2.0}), runner=runner)
    assert runner.ran == ["scan", "few"]


def test_a_change_that_alters_no_result_ends_there(folder: Path) -> None:
    run(folder, runner=ToyRunner())
    runner = ToyRunner()
    # the same rows chosen by other words: what reads them reads the same bytes
    other = {"from": "scan", "where": "value > 3.5", "union": ["P9"]}
    run(folder, changed(few={"only-proteins": other}), runner=runner)
    assert runner.ran == []


def test_another_input_of_the_same_name_runs_all_that_reads_it(folder: Path) -> None:
    run(folder, runner=ToyRunner())
    write_people(folder, (1.0, 2.0, 4.0))
    runner = ToyRunner()
    run(folder, runner=runner)
    assert sorted(runner.ran) == ["apart", "clean", "few", "scan"]


def test_results_that_were_altered_or_lost_are_made_again(folder: Path) -> None:
    run(folder, runner=ToyRunner())
    (folder / "out" / "few" / "hits.parquet").unlink()
    runner = ToyRunner()
    run(folder, runner=runner)
    assert runner.ran == ["few"]


def test_a_stage_that_fails_leaves_those_that_do_not_need_it(folder: Path) -> None:
    results = run(folder, runner=ToyRunner(fails={"scan"}))
    assert results.stages["state"].to_list() == ["done", "failed", "blocked", "done"]
    assert results.stages["message"].to_list()[1:3] == [
        "it was told to fail",
        "needs scan, which failed",
    ]
    assert results.failed == ("scan", "few")
    runner = ToyRunner()
    assert run(folder, runner=runner).failed == ()
    assert runner.ran == ["scan", "few"]


def test_an_empty_choice_is_a_status(folder: Path) -> None:
    none = {"from": "scan", "where": "value > 99"}
    results = run(folder, changed(few={"only-proteins": none}), runner=ToyRunner())
    row = results.stages.row(by_predicate=pl.col("stage") == "few", named=True)
    assert row["state"] == "empty"
    assert row["message"] == "nothing is chosen: protein of scan where value > 99"
    assert results.choices.row(0, named=True)["value"] is None
    assert results.failed == ()


def test_a_command_with_nothing_to_do_is_empty_and_so_is_what_needs_it(folder: Path) -> None:
    stages = changed(few={"only-proteins": ["P7"]})
    stages["last"] = {"command": "toy", "samples": {"from": "few"}}
    results = run(folder, stages, runner=ToyRunner())
    assert results.stages["state"].to_list()[2:] == ["empty", "done", "empty"]
    assert results.failed == ()


def test_one_stage_alone_runs_on_what_stands(folder: Path) -> None:
    run(folder, runner=ToyRunner())
    runner = ToyRunner()
    results = run(folder, changed(scan={"shift": 3.0}), runner=runner, only=["scan"])
    assert runner.ran == ["scan"]
    assert results.stages["state"].to_list() == ["left", "done", "left", "left"]
    again = ToyRunner()
    run(folder, changed(scan={"shift": 3.0}), runner=again, start=["scan"])
    assert again.ran == ["few"]


def test_one_stage_alone_does_not_run_without_what_it_needs(folder: Path) -> None:
    results = run(folder, runner=ToyRunner(), only=["scan"])
    assert results.reports[1].message == "needs clean, which has no results"
    assert results.failed == ("scan",)


def test_stages_that_need_nothing_of_one_another_run_together_and_share_threads(
    folder: Path,
) -> None:
    runner = ToyRunner(meet=threading.Barrier(2))  # neither ends before both have begun
    stages = dict.fromkeys(("one", "two"), STAGES["apart"])
    assert run(folder, stages, runner=runner, threads=5).failed == ()
    assert sorted(runner.shares.values()) == [2, 3]


def test_a_plan_says_what_would_run_and_writes_nothing(folder: Path) -> None:
    study = parse_study({"stages": STAGES}, folder=folder)
    before = [what for _, what, _ in plan_study(study, folder / "out", runner=ToyRunner())]
    assert before == ["runs", "after clean", "after scan", "runs"]
    assert not (folder / "out").exists()
    run(folder, runner=ToyRunner())
    study = parse_study({"stages": changed(scan={"shift": 2.0})}, folder=folder)
    after = [what for _, what, _ in plan_study(study, folder / "out", runner=ToyRunner())]
    assert after == ["stands", "runs", "after scan", "stands"]


def test_an_interrupt_stops_what_is_under_way(folder: Path) -> None:
    class Interrupted(ToyRunner):
        def run(self, call: Any, *, threads: int, overwrite: bool) -> Any:
            raise KeyboardInterrupt

    runner = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run(folder, runner=runner)
    assert runner.stopped
    assert not (folder / "out" / ".study.lock").exists()


def test_an_interrupt_does_not_wait_for_what_is_under_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("proteomr.study.running.wait_for_any", interrupt)
    runner = ToyRunner(long=threading.Event())  # its stages end when they are stopped, or fail
    with pytest.raises(KeyboardInterrupt):
        run(folder, runner=runner)
    assert runner.stopped


def test_two_runs_of_one_study_do_not_meet(folder: Path) -> None:
    (folder / "out").mkdir()
    lock = acquire_lock(folder / "out" / ".study.lock")
    with pytest.raises(RunFolderError, match="in use by another run"):
        run(folder, runner=ToyRunner())
    lock.release()


@pytest.mark.parametrize(
    ("taken", "message"),
    [
        ({"from": "scan", "table": "hit"}, r"no table 'hit' \(did you mean 'hits'\?\): hits"),
        ({"from": "scan", "column": "gen"}, "no column 'gen' in hits.parquet of stage 'scan'"),
        ({"from": "scan", "where": "valu > 2"}, "no column 'valu' in the columns of hits.parquet"),
        ({"from": "scan", "where": "value >"}, "found the end where"),
    ],
)
def test_what_cannot_be_taken_fails_that_stage_alone(
    taken: dict[str, Any], message: str, folder: Path
) -> None:
    import re

    key = "samples" if "table" in taken else "only-proteins"
    results = run(folder, changed(few={key: taken}), runner=ToyRunner())
    assert results.stages["state"].to_list() == ["done", "done", "failed", "done"]
    assert re.search(message, results.reports[2].message)


def test_asked_stages_have_to_be_there(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no stage 'scam' \(did you mean 'scan'\?\)"):
        run(folder, runner=ToyRunner(), only=["scam"])
    with pytest.raises(UsageError, match="--only runs stages alone"):
        run(folder, runner=ToyRunner(), only=["scan"], start=["few"])


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from proteomr.study import parse_study, run_study
from proteomr.study.calls import StageCost
from tests.study.test_running import STAGES
from tests.study.toy_runner import ToyRunner

class Dying(ToyRunner):
    def run(self, call, *, threads, overwrite):
        if call.stage.name == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGKILL)
        end = super().run(call, threads=threads, overwrite=overwrite)
        return replace(end, cost=StageCost(float(len(call.stage.name)), 0.5, 1_000))

folder = Path(sys.argv[1])
run_study(parse_study({"stages": STAGES}, folder=folder), folder / "out", runner=Dying())
"""


def test_a_kill_loses_no_cost_of_a_stage_that_had_ended(folder: Path) -> None:
    """In a process of its own, which nothing warns: it takes two seconds to begin it twice."""
    for stage, ended in (("few", ["clean", "scan"]), ("", ["clean", "scan", "few", "apart"])):
        typed = [sys.executable, "-c", KILLED, str(folder), stage]
        code = subprocess.run(typed, cwd=Path(__file__).parents[2], check=False).returncode
        assert code == (-signal.SIGKILL if stage else 0)
        costs = pl.read_parquet(folder / "out" / "costs.parquet")
        assert costs["stage"].to_list() == ended
        assert costs["seconds"].to_list() == [float(len(name)) for name in ended]
        assert pl.read_csv(folder / "out" / "costs.tsv", separator="\t").height == len(ended)


def test_costs_of_a_stage_that_the_study_no_longer_has_are_dropped(folder: Path) -> None:
    class Measured(ToyRunner):
        def run(self, call: StageCall, *, threads: int, overwrite: bool) -> StageEnd:
            end = ToyRunner.run(self, call, threads=threads, overwrite=overwrite)
            return replace(end, cost=StageCost(1.0, 0.5, 1_000))

    run(folder, runner=Measured())
    run(folder, {n: one for n, one in STAGES.items() if n != "apart"}, runner=Measured())
    costs = pl.read_parquet(folder / "out" / "costs.parquet")
    assert costs["stage"].to_list() == ["clean", "scan", "few"]
