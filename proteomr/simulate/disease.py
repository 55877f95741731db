"""A disease that death competes with: hazards from age, smoking, exposures and proteins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.simulate.follow_up import solve_baseline
from proteomr.simulate.measurement import Measurement, plan_chunks
from proteomr.simulate.study import random_stream

__all__ = ["DISEASE_HAZARD_RATIOS", "EARLY_YEARS", "draw_disease"]

DISEASE_HAZARD_RATIOS: Mapping[str, float] = {
    "smoking": 1.40,
    "isolation": 1.20,
    "loneliness": 1.10,
}
EARLY_YEARS = 5.0
"""Years in which proteins of an early effect act: their hazards are not proportional."""
_STREAM = 9
_PER_YEAR = 0.06
_SHARE = 0.08  # of the people, if nobody died
_DAYS = 365.25


def draw_disease(
    measurement: Measurement, follow_up: Mapping[str, NDArray[Any]], /
) -> dict[str, NDArray[Any]]:
    """Return ``disease`` (1 it came, 2 the person died before it, 0 neither) and ``disease_years``.

    The hazard of the disease among the living is ``h(t) = h0 exp(0.06 (age - 56.4 + t) + log HR'
    z)``, where z are smoking, exposures and the latent values of proteins; those of an early effect
    act for five years. It is drawn apart from death, so that it is the cause-specific one, whatever
    the cumulative incidence is. Times are whole days.

    Parameters
    ----------
    measurement : of the cohort; its first block holds every protein that acts on the disease.
    follow_up : of the same people, by :func:`proteomr.simulate.follow_up.draw_follow_up`.

    Examples
    --------
    >>> from proteomr.simulate.covariates import Covariates
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.follow_up import draw_follow_up
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025
    >>> covariates = Covariates(SHEN2025, draw_people(SHEN2025, 2000, seed=1))
    >>> measurement = draw_measurement(covariates, plant_effects(covariates, 50, seed=1), seed=1)
    >>> disease = draw_disease(measurement, draw_follow_up(measurement))
    >>> np.unique(disease["disease"]).tolist(), 100 < int((disease["disease"] == 1).sum()) < 200
    ([0, 1, 2], True)
    """
    people = measurement.covariates.people
    always, early = (np.exp(part) for part in _log_risks(measurement))
    grown = np.expm1(_PER_YEAR * EARLY_YEARS) / _PER_YEAR
    whole = np.expm1(_PER_YEAR * people.censored_at_years) / _PER_YEAR
    exposure = always * (early * grown + whole - grown)
    h0 = solve_baseline(exposure, events=people.n * _SHARE)
    unit = random_stream(measurement.seed, _STREAM).standard_exponential(people.n)
    needed = unit / (h0 * always)
    by_then = early * grown
    needed = np.where(needed < by_then, needed / early, needed - by_then + grown)
    came_at = np.log1p(_PER_YEAR * needed) / _PER_YEAR
    came_at = np.round(np.maximum(np.ceil(came_at * _DAYS), 1.0) / _DAYS, 6)
    end = follow_up["follow_up_years"]
    came = came_at < end
    return {
        "disease": np.where(came, 1, 2 * follow_up["death"]).astype(np.int64),
        "disease_years": np.where(came, came_at, end),
    }


def _log_risks(measurement: Measurement) -> tuple[F64, F64]:
    """Return the logarithms of what multiplies the hazard: always, and in the early years."""
    columns = measurement.covariates.people.columns
    always: F64 = _PER_YEAR * (columns["age"] - 56.4)
    early = np.zeros(always.size)
    for name, ratio in DISEASE_HAZARD_RATIOS.items():
        always += np.log(ratio) * columns[name]
    named = measurement.covariates.study.named
    slopes = np.log([[protein.disease, protein.early_disease] for protein in named])
    for chunk in plan_chunks(always.size, measurement.panel.size):
        x = measurement.latent(measurement.scores(chunk), chunk=chunk, block=0)
        moved = slopes.T @ x[: len(named)]
        always[chunk.start : chunk.stop] += moved[0]
        early[chunk.start : chunk.stop] += moved[1]
    return always, early
