"""People with answers to every question of the model study, as fields."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from proteomr.tables import Fields

_CODES: Mapping[int, tuple[int, ...]] = {
    31: (0, 1),
    54: (11001, 11002, 11004),
    709: (1, 2, 3, -1, -3),
    1031: (1, 2, 3, 4, 5, 6, 7, -1, -3),
    2020: (0, 1, -1, -3),
    2110: (0, 1, 2, 3, 4, 5, -1, -3),
    21000: (1001, 2001, 3001, 4001, 5, 6, -1, -3),
    738: (1, 2, 3, 4, 5, -1, -3),
    20116: (0, 1, 2, -3),
    1558: (1, 2, 3, 4, 5, 6, -3),
    21003: tuple(range(40, 70)),
}
_LISTS: Mapping[int, tuple[int, ...]] = {
    6160: (-7, 1, 2, 3, 4, 5, -3),
    6138: (-7, 1, 2, 3, 4, 5, 6, -3),
}


def make_fields(columns: Mapping[str, Sequence[Any]]) -> Fields:
    """Return fields of people numbered from 1, one for each value."""
    n = len(next(iter(columns.values())))
    ids = [f"{number:05d}" for number in range(1, n + 1)]
    return Fields(pl.DataFrame({"eid": ids, **columns}, strict=False))


def make_study(people: int = 60, *, seed: int = 1, components: int = 20) -> Fields:
    """Return fields of people who answer the questions of exposures and covariates at random."""
    rng = random.Random(seed)
    columns: dict[str, Sequence[Any]] = {
        f"p{field}_i0": [_answer(rng, codes) for _ in range(people)]
        for field, codes in _CODES.items()
    }
    for field, codes in _LISTS.items():
        columns[f"p{field}_i0"] = [[rng.choice(codes)] for _ in range(people)]
    columns["p21001_i0"] = [rng.gauss(27.4, 4.8) for _ in range(people)]
    columns["p22009_i0"] = [[rng.gauss(0, 1) for _ in range(components)] for _ in range(people)]
    return make_fields(columns)


def _answer(rng: random.Random, codes: Sequence[int]) -> int | None:
    """Return an answer of mostly those with a meaning, now and then none."""
    silent = rng.random() < 0.05
    return rng.choice([code for code in codes if (code < 0) == silent] or [None])
