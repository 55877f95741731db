"""How many hits a scan of a simulated cohort may expect, and within which limits."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.special import ndtri

from proteomr._typing import F64
from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import Effects
from proteomr.simulate.measurement import Measurement
from proteomr.simulate.study import EXPOSURES, random_stream

__all__ = ["correlate_tests", "tabulate_expected_hits"]

_STREAM = 17
_DRAWS: Final = 2_000
_BATCH: Final = 250
_LEVELS: Final = (0.025, 0.975)


def tabulate_expected_hits(
    effects: Effects, measurement: Measurement, /, *, proteins: int
) -> dict[str, list[Any]]:
    """Return expected counts of hits with their 95 % limits, by exposure and adjustment set.

    Proteins share factors, and so do the errors of their tests: z statistics are drawn with the
    means of the truth and the correlations that proteins have given the set, and those beyond
    Bonferroni's limit are counted. The limits are far wider than those of independent tests.

    Parameters
    ----------
    effects, measurement : of the cohort.
    proteins : of its file.

    Examples
    --------
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025_COUNTS
    >>> covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 500, seed=1))
    >>> effects = plant_effects(covariates, 60, seed=1)
    >>> told = tabulate_expected_hits(
    ...     effects, draw_measurement(covariates, effects, seed=1), proteins=60)
    >>> told["adjustment"]
    ['simple', 'full', 'simple', 'full']
    """
    limit = -float(ndtri(0.05 / (2 * proteins) / 2))
    covariates = measurement.covariates
    gone = measurement.panel_missing[measurement.panel]
    observed = covariates.people.n * (1 - measurement.missing) * (1 - gone)
    unexplained = (1 - effects.explained)[:, None]
    means = {
        "simple": effects.simple_z * np.sqrt(observed)[:, None],
        "full": effects.shift * np.sqrt(observed[:, None] * effects.information / unexplained),
    }
    told: dict[str, list[Any]] = {
        name: [] for name in ("exposure", "adjustment", "expected", "expected_low", "expected_high")
    }
    for j, exposure in enumerate(EXPOSURES):
        for k, (adjustment, mean) in enumerate(means.items()):
            shared, own = correlate_tests(covariates, effects, measurement, adjustment, proteins)
            rng = random_stream(measurement.seed, _STREAM, j, k)
            counts = _count(mean[:proteins, j], shared, own, limit, rng)
            low, high = np.quantile(counts, _LEVELS)
            row = (exposure, adjustment, float(counts.mean()), float(low), float(high))
            for name, value in zip(told, row, strict=True):
                told[name].append(value)
    return told


def correlate_tests(
    covariates: Covariates,
    effects: Effects,
    measurement: Measurement,
    adjustment: str,
    proteins: int,
) -> tuple[F64, F64]:
    """Return (p, f) loadings of the tests' errors on common factors, and (p,) what is their own.

    Beside the hidden factors, the simple set leaves in proteins what the full set adds to it.
    """
    loadings = measurement.weights[:proteins, len(covariates.names) :].astype(np.float64)
    noise = measurement.noise_sd[:proteins].astype(np.float64)
    if adjustment == "simple":
        moments = covariates.moments()
        held, added = moments.places(covariates.simple), moments.places(covariates.further)
        covariance = moments.covariance()
        across = covariance[np.ix_(added, held)]
        within = np.linalg.pinv(covariance[np.ix_(held, held)], hermitian=True)
        beyond = covariance[np.ix_(added, added)] - across @ within @ across.T
        sizes, axes = np.linalg.eigh(beyond)
        root = axes * np.sqrt(np.maximum(sizes, 0.0))
        loadings = np.hstack([loadings, effects.weights[:proteins][:, added] @ root])
    size = np.sqrt((loadings**2).sum(axis=1) + noise**2)
    return loadings / size[:, None], noise / size


def _count(mean: F64, shared: F64, own: F64, limit: float, rng: np.random.Generator) -> F64:
    """Return how many statistics lie beyond a limit in each draw."""
    counts = []
    for _ in range(_DRAWS // _BATCH):
        z = mean + rng.standard_normal((_BATCH, shared.shape[1])) @ shared.T
        z += own * rng.standard_normal((_BATCH, mean.size))
        counts.append((np.abs(z) > limit).sum(axis=1))
    return np.concatenate(counts).astype(np.float64)
