"""How long threads are busy with blocks of unequal size."""

from __future__ import annotations

import pytest

from proteomr.scan.cost import _count_waves


@pytest.mark.parametrize(
    ("sizes", "threads", "waves"),
    [
        ([72, 72, 72], 1, 3.0),
        ([72, 3] * 8, 1, 8 + 8 * 3 / 72),  # a panel of 75 proteins ends with a block of three
        ([72] * 4, 2, 2.0),
        ([72] * 5, 2, 3.0),  # the fifth leaves one thread without work
        ([72, 72, 36], 2, 1.5),
        ([10], 4, 1.0),
    ],
)
def test_blocks_in_turn_end_when_the_last_thread_does(
    sizes: list[int], threads: int, waves: float
) -> None:
    assert _count_waves(sizes, threads) == pytest.approx(waves, rel=1e-15)
