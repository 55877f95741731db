"""People whom R makes by the same formulas: ``tests/association/data/make_tests.R``."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from scipy.special import expit, ndtri

from proteomr._typing import F64

__all__ = ["make_people"]


def draw(n: int, k: int) -> F64:
    """Return numbers between 0 and 1 that look random."""
    # one by one: a vectorised sine differs in its last digit, which the factor brings forward
    x = np.array([math.sin(i * 12.9898 + k * 78.233) * 43758.5453 for i in range(1, n + 1)])
    return np.asarray(x - np.floor(x))


def make_people(n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return samples and proteins."""
    z = {k: ndtri(draw(n, k)) for k in (1, 4, 9, 11, 12)}
    age, sex = 56 + 8 * z[1], (draw(n, 2) < 0.5) * 1.0
    P = {"P1": z[11] + 0.2 * sex, "P2": z[12], "P3": (draw(n, 13) < 0.4) * 1.0}
    iso = (draw(n, 5) < expit(-1.6 + 0.3 * P["P1"] + 0.02 * (age - 56) + 0.2 * sex)) * 1.0
    lo = (draw(n, 6) < expit(-1 + 0.5 * iso - 0.3 * P["P2"])) * 1.0
    eta = -2 + 0.4 * iso + 0.5 * lo + 0.5 * iso * lo
    eta += 0.25 * P["P1"] + 0.4 * P["P3"] * (1 + lo) + 0.02 * (age - 56)
    samples = {
        "age": age,
        "sex": sex,
        "site": np.floor(4 * draw(n, 3)).astype(int),
        "bmi": 27 + 4 * z[4],
        "iso": iso,
        "lo": lo,
        "y": (draw(n, 7) < expit(eta)) * 1.0,
        "rare": (draw(n, 8) < 20 / n * np.exp(0.8 * P["P1"])) * 1.0,
        "level": 0.3 * P["P1"] + 0.2 * P["P1"] ** 2 + 0.02 * age + z[9],
    }
    P["P1"] = np.where(draw(n, 21) < 0.1, np.nan, P["P1"])
    P["P2"] = np.where(draw(n, 22) < 0.2, np.nan, P["P2"])
    ids = {"ID": [f"{i:05d}" for i in range(n)]}
    return pl.DataFrame({**ids, **samples}), pl.DataFrame({**ids, **P}).fill_nan(None)
