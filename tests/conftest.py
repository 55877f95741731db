"""Fixtures of all tests, and the rule that nothing is skipped silently where CI is set."""

from __future__ import annotations

import gc
import json
import os
import tempfile
import tomllib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from threadpoolctl import threadpool_limits

from proteomr.execute import one_blas_thread
from tests.warm import open_door

os.environ.pop("COLUMNS", None)  # which tests side by side are given, and a terminal's width is not

# A machine that is shared takes its time: what an example may take is no property of the program.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")

_SPECIAL = {"NaN": float("nan"), "Inf": float("inf"), "-Inf": float("-inf")}


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name compressed content by what it is: its bytes hold the time at which it was made."""
    del config
    compressed = isinstance(val, bytes) and val.startswith(b"\x1f\x8b")
    return f"{argname}-gzip" if compressed else None


def pytest_sessionstart() -> None:
    """Look for no garbage among what is collected: a quarter of the time that collecting takes."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage from now on, and not among 24,000 tests that stay."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Search no examples in the modules of tests: they have none, and it doubles their collecting.

    That they have none is tested beside what is skipped.
    """
    del file_path, parent
    return [one for one in (yield) if type(one) is pytest.Module]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that is skipped in CI for a reason that no waiver names."""
    del item, call
    report = yield
    _refuse_silence(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a module that is skipped in CI for a reason that no waiver names."""
    del collector
    report = yield
    _refuse_silence(report)
    return report


def _refuse_silence(report: Any) -> None:
    if not report.skipped or not os.environ.get("CI") or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not any(reason.startswith(waived) for waived in _waived_reasons()):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, and tests/waivers.toml has no reason like {reason!r}"


def _waived_reasons() -> list[str]:
    waivers = tomllib.loads(Path(__file__).with_name("waivers.toml").read_text("utf-8"))["waiver"]
    named = os.environ.get("PROTEOMR_WAIVE", "").split(",")
    return [entry["reason"] for entry in waivers if entry.get("name", "") in ("", *named)]


@pytest.fixture(scope="session", autouse=True)
def _files_stay_in_memory() -> Generator[None]:
    """Wait for no disk: no test cuts the power, and waiting was two thirds of the ledgers' tests.

    What waits, and what happens where it fails, is tested by what stands in for ``os.fsync`` there.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread() -> Generator[None]:
    """Hold the BLAS to one thread, as each run of the program does.

    Tests run beside each other on every processor: threads of the BLAS wait for one another there
    by turning in circles, up to a third of the time of a kernel's tests.
    """
    with one_blas_thread():
        yield


@pytest.fixture
def several_blas_threads(_one_blas_thread: None) -> Generator[None]:
    """Give the BLAS two threads, as a session of Python has before the program holds them to one.

    For tests of what must not hang on them.
    """
    with threadpool_limits(limits=2, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def beginner() -> Generator[str]:
    """Return a program in Python that begins a command as `tests.warm` does."""
    with tempfile.TemporaryDirectory() as folder, open_door(Path(folder)) as program:
        yield program


@pytest.fixture
def stages_begin_warm(beginner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stages of studies begin as copies of a process that has read the program."""
    monkeypatch.setattr("proteomr_cli.stages._START", beginner)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of the reference data, which is kept outside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "reference"
    folder = Path(os.environ.get("PROTEOMR_REFERENCE", beside))
    if not folder.is_dir():
        pytest.skip("no reference data: set PROTEOMR_REFERENCE to their folder")
    return folder


@pytest.fixture(scope="session")
def expected(reference: Path) -> Callable[[str], dict[str, Any]]:
    """Return a reader of the values of a case of the association reference, by its id."""

    def read(case: str) -> dict[str, Any]:
        path = reference / "association" / "expected" / f"{case}.json"
        values: dict[str, Any] = _with_special_numbers(
            json.loads(path.read_text("utf-8"))["values"]
        )
        return values

    return read


def _with_special_numbers(value: Any) -> Any:
    """Turn the strings that stand for NaN and the infinities into numbers, at any depth."""
    if isinstance(value, dict):
        return {key: _with_special_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_special_numbers(item) for item in value]
    return _SPECIAL.get(value, value) if isinstance(value, str) else value
