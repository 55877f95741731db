"""How many modules of a simulated cohort a scan of their eigenproteins may expect to find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from scipy.special import ndtri

from proteomr._typing import F64, Bool
from proteomr.simulate.effects import Effects
from proteomr.simulate.measurement import Measurement

__all__ = ["draw_found_modules"]


def draw_found_modules(
    effects: Effects,
    measurement: Measurement,
    streams: Sequence[Generator],
    /,
    *,
    proteins: int,
    draws: int,
) -> F64:
    """Return (2, draws) how many modules go with each exposure in samples of this many people.

    The eigenprotein of a module is the first principal component of its proteins, as the truth has
    their correlations; it moves by the mean of their shifts under its weights. Those count whose
    test with the full set passes Bonferroni's limit over modules and exposures. A network that
    finds other modules than there are finds other numbers.

    Parameters
    ----------
    effects, measurement : of the cohort.
    streams : a generator for each exposure.
    proteins : of the cohort's file.
    draws : how many samples.

    Examples
    --------
    >>> from proteomr.simulate.covariates import Covariates
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025_COUNTS, random_stream
    >>> covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 5000, seed=1))
    >>> effects = plant_effects(covariates, 400, seed=1)
    >>> measured = draw_measurement(covariates, effects, seed=1)
    >>> streams = [random_stream(1, j) for j in (0, 1)]
    >>> draw_found_modules(effects, measured, streams, proteins=400, draws=8).shape
    (2, 8)
    """
    module = np.where(np.arange(measurement.module.size) < proteins, measurement.module, 0)
    numbers = np.unique(module[module > 0])
    if not numbers.size:
        return np.zeros((len(streams), draws))
    among = measurement.covariates.moments().covariance()
    components = np.array([_find_component(measurement, among, module == one) for one in numbers])
    loadings = measurement.weights[:, len(measurement.covariates.names) :].astype(np.float64)
    shared, own = components @ loadings, components * measurement.noise_sd.astype(np.float64)
    left = shared @ shared.T + own @ own.T
    spread = np.sqrt(np.diag(left))
    root = np.linalg.cholesky(left / np.outer(spread, spread))
    moved = components @ effects.shift / spread[:, None]
    z = moved * np.sqrt(measurement.covariates.people.n * effects.information)
    limit = -float(ndtri(0.05 / z.size / 2))
    found = [
        (np.abs(z[:, j] + rng.standard_normal((draws, numbers.size)) @ root.T) > limit).sum(axis=1)
        for j, rng in enumerate(streams)
    ]
    return np.array(found, dtype=np.float64)


def _find_component(measurement: Measurement, among: F64, members: Bool) -> F64:
    """Return (p,) the first principal component of a module, its sum positive, 0 outside of it.

    ``among`` is the covariance of the covariates.
    """
    fixed = len(among)
    weights = measurement.weights[members].astype(np.float64)
    covariance = weights[:, :fixed] @ among @ weights[:, :fixed].T
    covariance += weights[:, fixed:] @ weights[:, fixed:].T
    covariance[np.diag_indices_from(covariance)] += measurement.noise_sd[members] ** 2
    component = np.zeros(members.size)
    component[members] = np.linalg.eigh(covariance)[1][:, -1]
    return component if component.sum() >= 0 else -component
