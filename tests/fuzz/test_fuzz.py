"""A thousand damaged files through the doors of readers; and the fuzzer finds what it is for."""

from __future__ import annotations

import dataclasses
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from proteomr.errors import FormatError
from tests.architecture.test_border import modules, uses_border
from tests.fuzz import running
from tests.fuzz.mutations import BYTES, TEXT, mutate
from tests.fuzz.running import run_case, run_cases
from tests.fuzz.seed import IDS, Seed
from tests.fuzz.seeds import seeds

CASES, BATCHES = 1000, 8
ROOT = Path(__file__).parents[2]
NOT_FUZZED = {
    "proteomr/border.py": "the border itself",
    "proteomr/io/ingest.py": "called for every platform, its own reading is that of the list",
    "proteomr/io/wide_or_long/annotated.py": "needs anndata, an extra that tests do without",
    "proteomr/runs/results.py": "reads what the same run has written",
}


@pytest.mark.filterwarnings("ignore")  # of the damaged files' own; a case turns them into errors
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_damaged_file_is_read_or_refused_in_one_line(batch: int) -> None:
    report = run_cases(11, range(batch, CASES, BATCHES))
    assert report.failures == []
    assert report.endings["refused"] > CASES // BATCHES // 4
    assert report.endings["same"] + report.endings["other"] > CASES // BATCHES // 8


def test_every_undamaged_file_is_read_to_the_same_content_each_time() -> None:
    assert len({seed.name for seed in seeds()}) == len(seeds())
    for seed in seeds():
        assert running._take(seed, {}) == running._undamaged(seed.name), seed.name


def test_every_module_behind_the_border_is_reached_by_a_seed(tmp_path: Path) -> None:
    called: set[str] = set()

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code.co_filename)

    sys.setprofile(watch)
    try:
        for seed in seeds():
            running._take(seed, {})
    finally:
        sys.setprofile(None)
    behind = {name for name, tree in modules() if uses_border(tree) and name[:3] == "pro"}
    reached = {name for name in behind if any(file.endswith(f"/{name}") for file in called)}
    assert sorted(behind - reached - NOT_FUZZED.keys()) == []


def test_a_case_is_the_same_whenever_it_is_run() -> None:
    assert [run_case(3, number) for number in range(40)] == [
        run_case(3, number) for number in range(40)
    ]


def through(
    monkeypatch: pytest.MonkeyPatch, door: Callable[[Path], object], *, seconds: float = 5.0
) -> running.Case:
    """Run a case of a reader that is made for it."""
    seed = Seed("own", {"a": b"x,y\n1,2\n"}, ("a",), door, frozenset(map(str, IDS)))
    monkeypatch.setattr(running, "seeds", lambda: (seed,))
    monkeypatch.setattr(running, "_undamaged", lambda _: "")
    return run_case(1, 0, seconds=seconds)


def raise_(fault: BaseException) -> object:
    raise fault


class Panic(BaseException):
    """As Rust raises it."""


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (KeyError("x"), "KeyError"),
        (Panic("x"), "Panic"),
        (RecursionError(), "RecursionError"),
        (FormatError(f"person {IDS[3]} is unknown"), "names a person"),
    ],
)
def test_what_no_reader_may_raise_is_a_failure(
    fault: BaseException, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = through(monkeypatch, lambda _: raise_(fault))
    assert case.ending == "failed"
    assert words in case.text


def test_an_endless_reader_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(_: Path) -> object:
        while True:
            pass

    assert "takes more than" in through(monkeypatch, hang, seconds=0.2).text


def test_another_content_is_told_from_the_same_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    case = through(monkeypatch, lambda folder: (folder / "a").read_bytes())
    assert case.ending == "other"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "mutation", list(dict.fromkeys((*TEXT, *BYTES))), ids=lambda one: one.__name__
)
def test_every_damage_changes_a_table(mutation: Callable[[bytes, random.Random], bytes]) -> None:
    content = b"id,a,b\n1,2.5,x y\n2,3.5,z\n3,4.5,w\n"
    changed = {mutation(content, random.Random(seed)) for seed in range(20)}
    assert changed - {content}


def test_damage_within_an_archive_keeps_it_an_archive() -> None:
    seed = next(seed for seed in seeds() if seed.name == "ld npz")
    kinds = [mutate(seed.files["m.npz"], random.Random(place))[1] for place in range(30)]
    assert kinds.count("in_zip") > 10


def test_a_report_adds_up() -> None:
    report = run_cases(5, range(30))
    assert sum(report.endings.values()) == 30 == sum(report.by_seed.values())
    assert dataclasses.is_dataclass(report)
