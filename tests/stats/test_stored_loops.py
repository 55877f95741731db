"""Both forms of the loop that takes numbers with a bit beside each, against one another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.stats.loops import load_loops


@pytest.mark.parametrize("first", [0, 3, 8, 13])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_both_forms_take_the_numbers_whose_bit_is_set(
    first: int, kind: type[np.float32 | np.float64]
) -> None:
    g = np.random.default_rng(first)
    numbers: Any = g.normal(size=61).astype(kind)
    numbers[7] = np.nan
    there = g.random(61) < 0.6
    padded = np.concatenate([g.random(first) < 0.5, there, g.random(2) < 0.5])
    bits = np.packbits(padded, bitorder="little")
    rows = np.array([60, -1, *g.integers(0, 61, 200), -1, 0])
    for given in (bits, np.empty(0, dtype=np.uint8)):
        kept = there if given.size else np.ones(61, dtype=bool)
        expected = np.where((rows >= 0) & kept[rows], numbers[rows].astype(np.float64), np.nan)
        for compiled in (False, True):
            target = np.zeros(rows.size)
            load_loops("stored", compiled=compiled).take_numbers(
                numbers, given, first, rows, target
            )
            np.testing.assert_array_equal(target, expected)
