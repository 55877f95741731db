"""The cohort of tests/reference/make_phenome.R, made by whole numbers as there."""

from __future__ import annotations

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.tables import ArrayProteins, Cohort

__all__ = ["PROTEINS", "N", "make_outcomes", "make_people"]

N = 4_300
PROTEINS = tuple(f"P{j}" for j in range(1, 7))
_MODULUS = 67_108_859


def draw(column: int) -> F64:
    row = np.arange(1, N + 1, dtype=np.int64)
    x = (row * 7919 + column * 104729) % _MODULUS
    for _ in range(4):
        x = (x * x + row + 4271 * column) % _MODULUS
    return np.asarray(x / _MODULUS)


def bell(column: int) -> F64:
    return draw(column) + draw(column + 1000) + draw(column + 2000) - 1.5


def lack(x: F64, column: int, share: float) -> F64:
    return np.where(draw(column + 5000) < share, np.nan, x)


def make_people() -> Cohort:
    """Return people and proteins."""
    age = 40 + 30 * draw(1)
    samples = pl.DataFrame(
        {
            "eid": [f"{i:05d}" for i in range(1, N + 1)],
            "age": age,
            "sex": np.floor(2 * draw(2)),
            "site": np.floor(5 * draw(3)).astype(int),
        }
    )
    proteins = [lack(bell(10 + j) + 0.01 * age, 10 + j, 0.03 * j) for j in range(1, 7)]
    values = ArrayProteins(PROTEINS, np.column_stack(proteins))
    return Cohort(samples, "eid", values, pl.DataFrame({"protein": PROTEINS}))


def make_outcomes() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the outcomes of two files, the second with a covariate of its own."""
    age, sex = 40 + 30 * draw(1), np.floor(2 * draw(2))
    volume = lack(1400 + 100 * bell(4), 4, 0.05)
    ids = [f"{i:05d}" for i in range(1, N + 1)]
    body = pl.DataFrame(
        {
            "eid": ids,
            "grip": lack(30 + bell(31) + 0.3 * bell(11) - 0.05 * age, 31, 0.01),
            "memory": lack(np.exp(bell(32) + 0.2 * sex), 32, 0.12),
            "pulse": lack(np.floor(60 + 8 * bell(34)), 34, 0.3),
            "event": lack((bell(35) + 0.5 * bell(12) > 0.4).astype(float), 35, 0.08),
        }
    )
    hippocampus = lack(3 + bell(33) + 0.001 * np.nan_to_num(volume), 33, 0.65)
    brain = pl.DataFrame({"eid": ids, "volume": volume, "hippocampus": hippocampus})
    seen = brain.filter(~pl.col("hippocampus").is_nan())
    return body.fill_nan(None), seen.fill_nan(None).sample(fraction=1.0, shuffle=True, seed=1)
