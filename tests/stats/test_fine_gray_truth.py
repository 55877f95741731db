"""Intervals of subdistribution hazard ratios cover what is planted as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.stats.censoring import estimate_censoring
from proteomr.stats.fine_gray_limits import CompetingRisks, fit_fine_gray_limit

PLANTED, REPLICATES, PEOPLE, SHARE = 0.5, 250, 250, 0.35


def draw(g: np.random.Generator) -> tuple[F64, F64, I64]:
    """Draw from ``P(T <= t, event 1) = 1 - (1 - p (1 - exp(-t)))^exp(b x)``, as Fine and Gray did.

    The other event comes at an exponential time whose rate depends on x too.
    """
    x = g.normal(size=PEOPLE)
    ratio = np.exp(PLANTED * x)
    never = (1.0 - SHARE) ** ratio
    u = g.random(PEOPLE)
    first = u < 1.0 - never
    inside = np.where(first, (1.0 - (1.0 - u) ** (1.0 / ratio)) / SHARE, 0.0)
    when = np.where(first, -np.log1p(-inside), g.exponential(np.exp(0.6 * x)))
    end = g.uniform(0.3, 3.0, PEOPLE)
    event = np.where(end < when, 0, np.where(first, 1, 2))
    return x[:, None], np.minimum(when, end), event


@pytest.fixture(scope="module")
def fits() -> dict[str, F64]:
    found: dict[str, list[float]] = {"estimate": [], "censoring": [], "known": []}
    for replicate in range(REPLICATES):
        x, exit_, event = draw(np.random.default_rng([17, replicate]))
        times = np.column_stack([np.full(PEOPLE, -np.inf), exit_])
        risks = CompetingRisks(times, event, estimate_censoring(times, event))
        fit = fit_fine_gray_limit(x, risks)
        found["estimate"].append(float(fit.coefficients[0]))
        found["censoring"].append(float(np.sqrt(fit.covariance("censoring")[0, 0])))
        found["known"].append(float(np.sqrt(fit.covariance("known")[0, 0])))
    return {name: np.array(values) for name, values in found.items()}


def test_estimates_are_around_what_is_planted(fits: dict[str, F64]) -> None:
    off = fits["estimate"] - PLANTED
    assert abs(off.mean()) < 3.5 * off.std() / np.sqrt(REPLICATES)


@pytest.mark.parametrize("kind", ["censoring", "known"])
def test_intervals_cover_it(kind: str, fits: dict[str, F64]) -> None:
    covered = np.mean(np.abs(fits["estimate"] - PLANTED) < 1.96 * fits[kind])
    assert covered == pytest.approx(0.95, abs=3.5 * np.sqrt(0.95 * 0.05 / REPLICATES))
    assert fits[kind].mean() == pytest.approx(fits["estimate"].std(), rel=0.12)
