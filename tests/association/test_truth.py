"""Under a known model the scan recovers the truth, with intervals that cover as they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from proteomr._typing import F64
from proteomr.association import ModelSpec, scan_cohort
from proteomr.tables import ArrayProteins, Cohort

EFFECT = 0.25


def draw(family: str, *, n: int, proteins: int, effect: float, seed: int) -> pl.DataFrame:
    """Scan proteins that share one effect beside a confounder, each with its own values missing."""
    g = np.random.default_rng(seed)
    age = g.normal(size=n)
    samples: dict[str, Any] = {"id": [f"{i:05d}" for i in range(n)], "age": age}
    if family == "linear":
        iso = (g.random(n) < 1 / (1 + np.exp(0.7 - 0.8 * age))).astype(float)
        values = effect * iso[:, None] + 0.5 * age[:, None] + g.normal(size=(n, proteins))
        return scan_one(family, {**samples, "iso": iso}, values, g)
    frames = []
    values = g.normal(size=(n, proteins)) + 0.5 * age[:, None]
    for j in range(proteins):  # the outcome differs from protein to protein
        eta = -1.0 + effect * values[:, j] + 0.4 * age
        iso = (g.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
        frames.append(scan_one(family, {**samples, "iso": iso}, values[:, [j]], g))
    return pl.concat(frames)


def scan_one(
    family: Any, samples: dict[str, Any], values: F64, g: np.random.Generator
) -> pl.DataFrame:
    values = np.where(g.random(values.shape) < 0.1, np.nan, values)
    names = tuple(f"P{i:04d}" for i in range(values.shape[1]))
    cohort = Cohort(
        pl.DataFrame(samples), "id", ArrayProteins(names, values), pl.DataFrame({"protein": names})
    )
    spec = ModelSpec(family, ("iso",), {"a": "age"}, transform="none")
    return scan_cohort(cohort, spec).frame


@pytest.mark.parametrize(("family", "proteins"), [("linear", 1000), ("logistic", 160)])
def test_intervals_of_95_percent_cover_the_truth_95_times_in_a_hundred(
    family: str, proteins: int
) -> None:
    found = draw(family, n=400, proteins=proteins, effect=EFFECT, seed=21)
    covered = int(((found["conf_low"] < EFFECT) & (found["conf_high"] > EFFECT)).sum())
    low, high = stats.binom.interval(0.999, proteins, 0.95)
    assert low <= covered <= high
    error = found["estimate"].to_numpy().mean() - EFFECT
    assert abs(error) < 4 * found["se"].to_numpy().mean() / np.sqrt(proteins) + 0.005


@pytest.mark.parametrize(("family", "proteins"), [("linear", 1000), ("logistic", 160)])
def test_statistics_without_an_effect_are_standard_normal(family: str, proteins: int) -> None:
    found = draw(family, n=400, proteins=proteins, effect=0.0, seed=22)
    z = found["statistic"].to_numpy()
    if family == "linear":
        z = np.asarray(stats.norm.ppf(stats.t.cdf(z, found["df"].to_numpy())))
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * proteins)
    assert stats.kstest(found["p_value"].to_numpy(), "uniform").pvalue > 1e-3
