"""Cohorts with planted modules."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from tests.stats.networks import plant

SIZES = (24, 16, 12)
LOOSE = 18


@cache
def make(seed: int = 1, n: int = 120) -> pl.DataFrame:
    """Return a row per person: three modules, and proteins of none."""
    x, _ = plant(SIZES, n=n, loose=LOOSE, weight=1.3, spread=0.4, seed=seed)
    names = [f"P{j:02d}" for j in range(len(x))]
    ids = [f"S{i:03d}" for i in range(n)]
    return pl.DataFrame({"ID": ids, **dict(zip(names, x, strict=True))})


def truth() -> np.ndarray:
    """Return the module of each protein."""
    return plant(SIZES, n=5, loose=LOOSE)[1]
