"""The people, proteins and specifications that the tests of modified scans share."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.association import ModelSpec
from proteomr.models import IvOptions, MixedOptions, find_family, list_families
from proteomr.tables import ArrayProteins, Cohort

N, PROTEINS = 260, 3
FAMILIES = [family.name for family in list_families() if family.supports.interaction]
CLUSTERED_FAMILIES = [
    one.name for one in list_families() if {"CR0", "CR1"} <= set(one.supports.errors)
]
CLUSTERS = 12


def make_samples() -> pl.DataFrame:
    g = np.random.default_rng(8)
    return pl.DataFrame(
        {
            "id": [f"{i:04d}" for i in range(N)],
            "iso": (g.random(N) < 0.4).astype(float),
            "lo": (g.random(N) < 0.5).astype(float),
            "age": g.normal(56, 8, N),
            "sex": g.integers(0, 2, N),
            "edu": g.integers(1, 4, N),
            "site": g.choice(["a", "b", "c"], N),
            "weight": g.uniform(0.4, 2.5, N),
            "family": g.integers(0, CLUSTERS, N),
            "distance": g.normal(size=N),
        }
    )


def make_values(samples: pl.DataFrame) -> F64:
    g = np.random.default_rng(9)
    pull = samples["iso"].to_numpy() * (0.3 + 0.4 * samples["sex"].to_numpy())
    values = g.normal(size=(N, PROTEINS)) * (1 + 0.5 * samples["sex"].to_numpy())[:, None]
    values = values + pull[:, None] + 0.4 * g.normal(size=(CLUSTERS, 1))[samples["family"]]
    values[g.random((N, PROTEINS)) < 0.05] = np.nan
    return np.asarray(values)


def make_cohort(samples: pl.DataFrame | None = None, values: F64 | None = None) -> Cohort:
    samples = make_samples() if samples is None else samples
    values = make_values(samples) if values is None else values
    names = tuple(f"P{i}" for i in range(values.shape[1]))
    return Cohort(samples, "id", ArrayProteins(names, values), pl.DataFrame({"protein": names}))


def spec_of(family: Any, **more: Any) -> ModelSpec:
    adjust = more.pop("adjust", {"one": "age + C(site)"})
    exposures = more.pop("exposures", ("iso",))
    if find_family(family).supports.instruments:
        more.setdefault("iv", IvOptions(("distance", "edu")))
    if find_family(family).supports.random_effects:
        more.setdefault("mixed", MixedOptions(("1|family",)))
    return ModelSpec(family, exposures, adjust, transform=more.pop("transform", "none"), **more)
