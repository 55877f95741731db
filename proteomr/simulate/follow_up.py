"""Deaths during the follow-up: hazards from age, sex, smoking, exposures and proteins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.simulate.measurement import Measurement, plan_chunks
from proteomr.simulate.study import random_stream

__all__ = ["DIRECT_HAZARD_RATIOS", "draw_follow_up", "solve_baseline"]

DIRECT_HAZARD_RATIOS: Mapping[str, float] = {
    "sex": 1.50,
    "smoking": 1.90,
    "isolation": 1.25,
    "loneliness": 1.05,
}
_STREAM = 7
_PER_YEAR = 0.09
_DAYS = 365.25


def draw_follow_up(
    measurement: Measurement, /, *, log_risk: F64 | None = None
) -> dict[str, NDArray[Any]]:
    """Return ``follow_up_years`` and ``death`` (1 died, 0 censored at the end of follow-up).

    The hazard is Gompertz, ``h(t) = h0 exp(0.09 (age - 56.4 + t) + log HR' z)``, where z are sex,
    smoking, the exposures (direct effects) and the latent values of the proteins that act on
    mortality; h0 is such that the expected number of deaths is the study's, scaled to the people.
    Times are whole days, so that some are tied.

    Parameters
    ----------
    measurement : of the cohort; its first block holds every protein that acts on mortality.
    log_risk : (n,) log hazard ratio of each person at recruitment, in the place of the one above.

    Examples
    --------
    >>> from proteomr.simulate.covariates import Covariates
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025
    >>> covariates = Covariates(SHEN2025, draw_people(SHEN2025, 2000, seed=1))
    >>> effects = plant_effects(covariates, 50, seed=1)
    >>> follow_up = draw_follow_up(draw_measurement(covariates, effects, seed=1))
    >>> 150 < int(follow_up["death"].sum()) < 260
    True
    """
    study, people = measurement.covariates.study, measurement.covariates.people
    risk = np.exp(_log_risk(measurement) if log_risk is None else log_risk)
    growth = np.expm1(_PER_YEAR * people.censored_at_years) / _PER_YEAR
    h0 = solve_baseline(risk * growth, events=people.n * study.deaths / study.people)
    unit = random_stream(measurement.seed, _STREAM).standard_exponential(people.n)
    died_at = np.log1p(_PER_YEAR * unit / (h0 * risk)) / _PER_YEAR
    years = np.minimum(died_at, people.censored_at_years)
    return {
        "follow_up_years": np.round(np.maximum(np.ceil(years * _DAYS), 1.0) / _DAYS, 6),
        "death": (died_at < people.censored_at_years).astype(np.int64),
    }


def _log_risk(measurement: Measurement) -> F64:
    columns = measurement.covariates.people.columns
    risk: F64 = _PER_YEAR * (columns["age"] - 56.4)
    for name, ratio in DIRECT_HAZARD_RATIOS.items():
        risk += np.log(ratio) * columns[name]
    named = measurement.covariates.study.named
    slopes = np.log([protein.mortality for protein in named])
    for chunk in plan_chunks(risk.size, measurement.panel.size):
        x = measurement.latent(measurement.scores(chunk), chunk=chunk, block=0)
        risk[chunk.start : chunk.stop] += slopes @ x[: len(named)]
    return risk


def solve_baseline(exposure: F64, *, events: float) -> float:
    """Return h0 with sum(1 - exp(-h0 exposure)) equal to the events, by bisection of its log.

    Examples
    --------
    >>> round(solve_baseline(np.ones(10), events=5.0), 4)
    0.6931
    """
    low, high = -60.0, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        expected = -np.expm1(-np.exp(middle) * exposure).sum()
        low, high = (middle, high) if expected < events else (low, middle)
    return float(np.exp((low + high) / 2))
