"""Blocks of work give the same results whoever runs them, and stop when they must."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from proteomr.errors import ProteomrError, UsageError
from proteomr.execute import (
    Executor,
    Processes,
    Serial,
    Shard,
    Threads,
    available_threads,
    one_blas_thread,
    processors,
)
from proteomr.execute.stopping import Stoppable, Stopped

EXECUTORS: list[Executor] = [Serial(), Threads(1), Threads(2), Threads(7)]


def blas_threads() -> list[int]:
    return [
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    ]


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_every_executor_gives_each_block_its_result_once(executor: Executor) -> None:
    results = list(executor.map(lambda block: block * block, range(50)))
    assert sorted(results) == [(position, position**2) for position in range(50)]


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_no_blocks_give_no_results(executor: Executor) -> None:
    assert list(executor.map(abs, [])) == []


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_an_exception_of_one_block_propagates_and_the_rest_do_not_begin(executor: Executor) -> None:
    begun: list[int] = []

    def work(block: int) -> int:
        begun.append(block)
        if block == 3:
            raise ZeroDivisionError("block 3")
        time.sleep(0.002)
        return block

    with pytest.raises(ZeroDivisionError, match="block 3"):
        list(executor.map(work, range(1000)))
    assert len(begun) < 50


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_closing_the_iterator_stops_what_has_not_begun(executor: Executor) -> None:
    begun: list[int] = []

    def work(block: int) -> int:
        begun.append(block)
        time.sleep(0.002)
        return block

    with contextlib.closing(executor.map(work, range(1000))) as results:
        next(results)
    settled = len(begun)
    time.sleep(0.05)
    assert settled == len(begun) < 50


def square(block: int) -> int:
    return block * block


def threads_of_blas(block: int) -> tuple[int, ...]:
    np.ones((64, 64)) @ np.ones((64, 64))
    return tuple(blas_threads())


def fail_at_three(block: int) -> int:
    if block == 3:
        raise ZeroDivisionError("block 3")
    return block


def end_process(block: int) -> int:
    os._exit(7)


def test_processes_give_each_block_its_result_once() -> None:
    assert sorted(Processes(2).map(square, range(30))) == [(i, i * i) for i in range(30)]


@pytest.mark.usefixtures("several_blas_threads")
def test_processes_hold_blas_to_one_thread() -> None:
    (found,) = [threads for _, threads in Processes(1).map(threads_of_blas, [0])]
    assert found
    assert set(found) == {1}


def test_an_exception_in_a_process_propagates() -> None:
    with pytest.raises(ZeroDivisionError, match="block 3"):
        list(Processes(2).map(fail_at_three, range(100)))


def test_a_process_that_ends_is_an_error_in_words() -> None:
    with pytest.raises(ProteomrError, match=r"a worker process ended .* use fewer at once"):
        list(Processes(2).map(end_process, range(3)))


def test_fewer_processes_than_one_are_refused() -> None:
    with pytest.raises(UsageError, match="processes is 0"):
        Processes(0)


def test_an_interrupt_in_a_block_propagates_and_no_thread_stays() -> None:
    def work(block: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(Threads(2).map(work, range(100)))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("proteomr")]


def test_a_long_block_that_nobody_waits_for_stops_where_it_is() -> None:
    begun, swallowed = threading.Event(), threading.Event()

    def work(block: int) -> int:
        if block == 0:
            begun.wait(10)
            return block
        begun.set()
        for _ in range(10_000):  # some 100 s
            try:
                time.sleep(0.01)
            except Exception:  # noqa: BLE001 - what a block catches is none of the interrupt's
                swallowed.set()
        return block

    started = time.monotonic()
    with contextlib.closing(Threads(2).map(work, range(4))) as results:
        assert next(results) == (0, 0)
    assert time.monotonic() - started < 20  # 10 ms but for the load of the machine
    assert not swallowed.is_set()


def test_stopped_work_does_not_begin_again() -> None:
    work: Stoppable[int, int] = Stoppable(abs)
    work.stop()
    with pytest.raises(Stopped):
        work(-3)


def test_blocks_are_stopped_at_any_moment_without_a_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work(block: int) -> int:
        return sum(range(block % 7 * 200))

    for taken in range(60):
        with contextlib.closing(Threads(3).map(work, range(10_000))) as results:
            for _ in range(taken % 9 + 1):
                next(results)
    assert not caplog.records  # a thread that dies of it would be logged
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("proteomr")]
    assert sum(result for _, result in Threads(2).map(work, range(70))) == 10 * sum(
        work(block) for block in range(7)
    )


def sleep_long(block: int) -> int:
    time.sleep(60.0 * block)
    return block


def test_processes_that_nobody_waits_for_are_ended() -> None:
    started = time.monotonic()
    with contextlib.closing(Processes(2).map(sleep_long, range(3))) as results:
        assert next(results) == (0, 0)
    assert time.monotonic() - started < 40


def test_workers_really_run_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=10)
    assert len(list(Threads(2).map(lambda _: meeting.wait(), range(2)))) == 2


def test_workers_draw_from_a_lazy_iterable_only_as_threads_become_free() -> None:
    drawn: list[int] = []

    def blocks() -> Iterator[int]:
        for block in range(1000):
            drawn.append(block)
            yield block

    with contextlib.closing(Threads(2).map(abs, blocks())) as results:
        next(results)
        assert len(drawn) <= 6


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_every_blas_copy_is_held_to_one_thread_and_restored(executor: Executor) -> None:
    assert scipy.linalg.norm(np.ones(4)) == 2.0
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        during = dict(executor.map(lambda _: blas_threads(), range(4)))
        assert all(set(threads) == {1} for threads in during.values())
        assert len(during[0]) == len(before)
        assert blas_threads() == before


def test_blas_is_restored_after_an_exception() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(ZeroDivisionError), one_blas_thread():
            raise ZeroDivisionError
        assert blas_threads() == before


@pytest.mark.parametrize("threads", [0, -1])
def test_workers_need_at_least_one_thread(threads: int) -> None:
    with pytest.raises(UsageError, match="must be 1 or more"):
        Threads(threads)


@given(st.integers(1, 12), st.integers(0, 60))
def test_shards_share_the_blocks_without_gap_or_overlap(count: int, blocks: int) -> None:
    shares = [Shard(index, count).select(range(blocks)) for index in range(1, count + 1)]
    assert sorted(block for share in shares for block in share) == list(range(blocks))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("text", ["1/1", "2/4", " 3 / 3 "])
def test_a_shard_is_read_from_its_text(text: str) -> None:
    assert str(Shard.parse(text)) == text.replace(" ", "")


@pytest.mark.parametrize(
    "text", ["", "1", "0/4", "5/4", "1/0", "-1/4", "a/b", "1/4/2", "1.5/4", "²/4"]
)
def test_a_wrong_shard_is_refused_with_its_remedy(text: str) -> None:
    with pytest.raises(UsageError, match="1/"):
        Shard.parse(text)


@given(st.text())
def test_any_text_is_a_shard_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert Shard.parse(text).count >= 1


def test_the_schedulers_allotment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "17")
    assert available_threads() == 17


@pytest.mark.parametrize("allotted", ["0", "-2", "four", "1.5"])
def test_a_senseless_allotment_is_refused(monkeypatch: pytest.MonkeyPatch, allotted: str) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", allotted)
    with pytest.raises(UsageError, match="SLURM_CPUS_PER_TASK"):
        available_threads()


@pytest.mark.parametrize(
    ("files", "membership", "expected"),
    [
        ({"job/cpu.max": "150000 100000"}, "0::/job/step\n", 2),
        ({"cpu.max": "max 100000"}, "0::/\n", 8),
        ({"cpu.max": "50000 100000", "job/cpu.max": "400000 100000"}, "0::/job\n", 1),
        (
            {
                "cpu,cpuacct/a/cpu.cfs_quota_us": "300000",
                "cpu,cpuacct/a/cpu.cfs_period_us": "100000",
            },
            "4:cpu,cpuacct:/a\n0::/\n",
            3,
        ),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "4:cpu:/\n", 8),
    ],
)
def test_the_quota_of_the_control_group_bounds_the_affinity(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    files: dict[str, str],
    membership: str,
    expected: int,
) -> None:
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "membership").write_text(membership)
    monkeypatch.setattr(processors, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(processors, "_CGROUPS", tmp_path)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_threads() == expected
