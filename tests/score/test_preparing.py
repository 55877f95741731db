"""Proteins of training people are the same whoever makes them ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from proteomr.score.preparing import prepare_columns
from proteomr.stats.each import in_turn
from proteomr.tables import ArrayProteins

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def backwards(work: Callable[[_Item], _Result], items: Iterable[_Item], /) -> list[_Result]:
    return in_turn(work, reversed(list(items)))[::-1]


def test_blocks_of_columns_may_be_made_ready_in_any_order() -> None:
    g = np.random.RandomState(5)
    values = g.randn(30, 150)
    values[g.rand(30, 150) < 0.1] = np.nan
    proteins = ArrayProteins(tuple(f"P{j}" for j in range(150)), values)
    chosen = tuple(range(0, 150, 1)), tuple(range(149, 0, -2))
    for columns in chosen:
        found = []
        for each in (in_turn, backwards):
            ready = prepare_columns(
                proteins,
                columns=columns,
                rows=np.arange(4, 28),
                transform="rint",
                cuts=[9],
                each=each,
            )
            found.append((np.concatenate(ready.pieces), [rule.centre for rule in ready.rules]))
        (plain, rules), (turned, other) = found
        np.testing.assert_array_equal(plain, turned)
        assert rules == other
        assert [round(float(c), 12) for c in plain.mean(axis=0)] == [0.0] * len(columns)
