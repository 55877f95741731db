"""The people, proteins and specifications that the tests of scans share."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.association import ModelSpec
from proteomr.models import IvOptions, find_family
from proteomr.tables import ArrayProteins, Cohort


def make_samples(n: int, *, seed: int = 0) -> pl.DataFrame:
    g = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"{i:06d}" for i in range(n)],
            "iso": (np.arange(n) % 3 == 0).astype(float),
            "lo": (g.random(n) < 0.3).astype(float),
            "age": g.normal(56, 8, n),
            "sex": g.integers(0, 2, n),
            "site": g.integers(0, 4, n).astype(str),
            # strong for one exposure, weak for the other
            "assigned": (np.arange(n) % 3 == 0) + g.normal(0, 0.5, n),
            "distance": g.normal(size=n),
        }
    )


def make_values(n: int, proteins: int, *, seed: int = 1) -> F64:
    g = np.random.default_rng(seed)
    values = np.asarray(g.normal(10, 1, (n, proteins)))
    values[g.random((n, proteins)) < 0.1] = np.nan
    return values


def make_cohort(samples: pl.DataFrame, values: F64) -> Cohort:
    names = tuple(f"P{i:02d}" for i in range(values.shape[1]))
    return Cohort(samples, "id", ArrayProteins(names, values), pl.DataFrame({"protein": names}))


def spec_of(family: Any, **more: Any) -> ModelSpec:
    adjust = more.pop("adjust", {"none": "1", "full": "age + C(site)"})
    if find_family(family).supports.instruments:
        more.setdefault("iv", IvOptions(("assigned", "distance")))
    return ModelSpec(family, more.pop("exposures", ("iso", "lo")), adjust, **more)
