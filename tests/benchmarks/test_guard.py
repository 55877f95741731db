from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.competitors.numpy_loop import NumpyLoop
from benchmarks.competitors.proteomr_scan import ProteomrScan
from benchmarks.guard import GUARD, Guard, Kept, measure_ratio
from benchmarks.interfaces import Family, Fitted
from benchmarks.problems import QUICK, Problem
from benchmarks.records import read_records, write_records

from .conftest import TINY

FAMILY: Family = "linear"


@dataclass(frozen=True, slots=True)
class Slowed:
    """proteomr's scan, done several times over."""

    times: int
    family: Family = FAMILY
    name: str = "slowed"
    needs: str = "nothing"
    includes: str = "the scan, again and again"

    def available(self) -> bool:
        return True

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        found = [ProteomrScan(self.family).fit(problem, proteins) for _ in range(self.times)]
        return replace(found[0], cpu_seconds=sum(one.cpu_seconds for one in found))


@dataclass(slots=True)
class Scripted:
    """Takes the seconds that it is told, one after another."""

    seconds: list[float]
    family: Family = FAMILY
    name: str = "scripted"
    needs: str = "nothing"
    includes: str = "nothing"

    def available(self) -> bool:
        return True

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        spent = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        return Fitted(problem.raw, problem.raw, spent, 1)


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    path = tmp_path / "guard.csv"
    kept = Kept(FAMILY, 10.0, "2026-01-02", TINY.people, TINY.proteins, "a processor")
    write_records(path, [kept])
    return Guard(path, rounds=3, more_rounds=5)


def test_a_slowed_scan_fails_and_the_scan_itself_passes(tmp_path: Path, problem: Problem) -> None:
    path = tmp_path / "guard.csv"
    ratio = measure_ratio(problem, ProteomrScan(FAMILY), NumpyLoop(FAMILY), rounds=5)
    write_records(path, [Kept(FAMILY, ratio, "2026-01-02", TINY.people, TINY.proteins, "one")])
    guard = Guard(path, rounds=3, more_rounds=5)
    guard.watch(problem, TINY, FAMILY)
    assert not guard.failures
    guard.watch(problem, TINY, FAMILY, ours=Slowed(3))
    (sentence,) = guard.failures
    assert "a loss of" in sentence
    assert "more than 30%" in sentence
    assert "--keep-guard" in sentence


@pytest.mark.parametrize(("ours", "failures"), [(0.142, 0), (0.144, 1)])
def test_the_bound_is_seven_tenths(
    guard: Guard, problem: Problem, ours: float, failures: int
) -> None:
    guard.watch(problem, TINY, FAMILY, ours=Scripted([ours]), loop=Scripted([1.0]))
    assert len(guard.failures) == failures


def test_one_bad_look_is_looked_at_again(guard: Guard, problem: Problem) -> None:
    # four calls of a first look: one to warm, three rounds; then all is well
    ours = Scripted([1.0, 1.0, 1.0, 1.0, 0.1])
    sentence = guard.watch(problem, TINY, FAMILY, ours=ours, loop=Scripted([1.0]))
    assert not guard.failures
    assert sentence.startswith("the linear scan is 10.0 times as fast as numpy's loop; kept are")


def test_an_outlier_among_the_rounds_does_not_count(guard: Guard, problem: Problem) -> None:
    ours = Scripted([0.1, 0.1, 9.0, 0.1])
    guard.watch(problem, TINY, FAMILY, ours=ours, loop=Scripted([1.0]))
    assert len(guard.measured) == 1
    assert guard.measured[0].ratio == pytest.approx(10.0)


def test_another_size_than_the_kept_one_fails(guard: Guard, problem: Problem) -> None:
    size = replace(TINY, people=6_000)
    guard.watch(problem, size, FAMILY, ours=Scripted([0.1]), loop=Scripted([1.0]))
    (sentence,) = guard.failures
    assert "no ratio is kept for 6,000 x 32" in sentence


def test_a_renewed_guard_keeps_what_was_measured(guard: Guard, problem: Problem) -> None:
    renewed = Guard(guard.path, renew=True, rounds=1)
    renewed.watch(problem, TINY, FAMILY, ours=Scripted([0.5]), loop=Scripted([1.0]))
    renewed.keep()
    (kept,) = read_records(guard.path, Kept)
    assert (kept.family, kept.ratio, kept.people) == (FAMILY, 2.0, TINY.people)
    guard.watch(problem, TINY, FAMILY, ours=Scripted([0.5]), loop=Scripted([1.0]))
    assert not guard.failures


def test_a_guard_that_only_looks_writes_nothing(guard: Guard, problem: Problem) -> None:
    before = guard.path.read_bytes()
    guard.watch(problem, TINY, FAMILY, ours=Scripted([0.01]), loop=Scripted([1.0]))
    guard.keep()
    assert guard.path.read_bytes() == before


def test_the_kept_guard_has_both_families_at_the_reduced_size() -> None:
    kept = {one.family: one for one in read_records(GUARD, Kept)}
    assert set(kept) == {"logistic", "linear"}
    assert {(one.people, one.proteins) for one in kept.values()} == {(QUICK.people, QUICK.proteins)}
    assert all(one.ratio > 1.0 for one in kept.values())


def test_a_loss_of_speed_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, guard: Guard, **__: object) -> list[object]:
        guard.failures.append("the linear scan is slow")
        return []

    monkeypatch.setattr(run, "run", fail)
    assert run.main(["--quick"]) == 1
    assert "too slow: the linear scan is slow" in capsys.readouterr().err


def test_a_guard_is_kept_at_the_reduced_size_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--keep-guard"])
    assert "--keep-guard goes with --quick" in capsys.readouterr().err
