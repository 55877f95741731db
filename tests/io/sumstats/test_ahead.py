from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from proteomr.io.sumstats.ahead import read_ahead


def numbers(count: int, *, fault: bool = False) -> Iterator[int]:
    yield from range(count)
    if fault:
        raise ValueError("the file is cut off")


def test_batches_come_in_order() -> None:
    assert list(read_ahead(numbers(100))) == list(range(100))


def test_a_fault_comes_after_the_batches_before_it() -> None:
    taken: list[int] = []
    with pytest.raises(ValueError, match="cut off"):
        taken.extend(read_ahead(numbers(3, fault=True)))
    ahead = read_ahead(numbers(3, fault=True))
    assert [next(ahead) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="cut off"):
        next(ahead)


def test_the_reading_stops_with_its_receiver() -> None:
    before = threading.active_count()
    ahead = read_ahead(numbers(10**9))
    assert next(ahead) == 0
    assert threading.active_count() == before + 1
    ahead.close()
    assert threading.active_count() == before
