"""The truth behind a simulated cohort, as a table, and the description of its assays."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from proteomr._typing import F64, I64
from proteomr.simulate.effects import Effects
from proteomr.simulate.measurement import Measurement
from proteomr.simulate.study import EXPOSURES
from proteomr.simulate.traits import MEDIATED, SCORE_WEIGHTS, paths_of

__all__ = ["Role", "tabulate_assays", "tabulate_truth"]

Role = Literal["planted", "weak", "confounded-only", "null"]


def tabulate_truth(
    effects: Effects, measurement: Measurement, /, *, proteins: int
) -> dict[str, list[str] | list[float | None] | F64 | I64]:
    """Return the columns of the truth, one row per protein and exposure.

    ``effect``: SD by which the rank-normalised protein moves with the exposure, given all
    covariates, with that exposure alone in the model; ``odds_ratio``: of the exposure per SD of the
    protein in the corresponding logistic model (to a good approximation); ``direction``: of both
    (``up``, ``down``, ``none``); ``effect_simple``: what is expected with the simple set alone;
    ``effect_joint``: with both exposures in the model; ``module``: whose hidden factor acts on the
    protein, from 1, 0 for none; ``role``: ``planted``, ``weak`` (too weak
    to be found by itself), ``confounded-only`` (life style makes it seem associated, the full set
    does not) or ``null``; ``basis``: whence the
    odds ratio; ``expected_z``: mean of the test statistic with the full set; ``power``: of a
    two-sided test at 0.05 / (2 x proteins); ``power_simple``: with the simple set;
    ``mortality_hazard_ratio``: of death per SD of the protein; ``disease_hazard_ratio``: of the
    disease among the living after five years; ``disease_early_ratio``: what that is multiplied
    with before; ``frailty_direct``, ``frailty_indirect``: effects of the exposure on frailty
    beside the protein and through it, in the model with all covariates, null where they are not
    known; ``score_weight``: of the protein in the score of the biomarker.

    Parameters
    ----------
    effects, measurement : of the cohort.
    proteins : how many of them the cohort's file holds.

    Examples
    --------
    >>> from proteomr.simulate.covariates import Covariates
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025
    >>> covariates = Covariates(SHEN2025, draw_people(SHEN2025, 500, seed=1))
    >>> effects = plant_effects(covariates, 50, seed=1)
    >>> truth = tabulate_truth(effects, draw_measurement(covariates, effects, seed=1), proteins=3)
    >>> truth["protein"][:2], truth["exposure"][:2], truth["direction"][:3]
    (['GDF15', 'GDF15'], ['isolation', 'loneliness'], ['up', 'up', 'down'])
    """
    rows = [(place, j) for place in range(proteins) for j in range(len(EXPOSURES))]
    expected_z = _expect_z(effects, measurement)[:proteins]
    limit = -float(ndtri(0.05 / (2 * proteins) / 2))
    simple_z = (effects.simple_z * np.sqrt(_count_observed(measurement))[:, None])[:proteins]
    power, power_simple = (ndtr(z - limit) + ndtr(-z - limit) for z in (expected_z, simple_z))
    named = measurement.covariates.study.named
    odds_ratio, names = effects.odds_ratio[:proteins], effects.names
    hazards = np.ones((proteins, 3))
    of_named = [(p.mortality, p.disease, p.early_disease) for p in named][:proteins]
    hazards[: len(of_named)] = of_named
    mortality, disease, early = np.repeat(hazards, len(EXPOSURES), axis=0).T
    return {
        "protein": [names[place] for place, _ in rows],
        "exposure": [EXPOSURES[j] for _, j in rows],
        "module": np.repeat(measurement.module[:proteins], len(EXPOSURES)),
        "role": [_role(effects, place, j) for place, j in rows],
        "direction": [_direction(odds_ratio[place, j]) for place, j in rows],
        "effect": effects.shift[:proteins].ravel(),
        "odds_ratio": odds_ratio.ravel(),
        "effect_simple": effects.simple_shift[:proteins].ravel(),
        "effect_joint": effects.joint_shift[:proteins].ravel(),
        "expected_z": expected_z.ravel(),
        "power": power.ravel(),
        "power_simple": power_simple.ravel(),
        "mortality_hazard_ratio": mortality,
        "disease_hazard_ratio": disease,
        "disease_early_ratio": early,
        **_tell_traits(effects, rows),
        "basis": [
            named[place].basis(EXPOSURES[j]) if place < len(named) else "chosen"
            for place, j in rows
        ],
    }


def _tell_traits(effects: Effects, rows: list[tuple[int, int]]) -> dict[str, list[float | None]]:
    """Return what isolation does to frailty, and what proteins are in the score of the biomarker.

    Effects through other proteins are not told (null): they go with the one that mediates.
    """
    direct, indirect = paths_of(effects)
    told = [effects.names[place] == MEDIATED and j == 0 for place, j in rows]
    return {
        "frailty_direct": [direct if each else None for each in told],
        "frailty_indirect": [indirect if each else None for each in told],
        "score_weight": [SCORE_WEIGHTS.get(effects.names[place], 0.0) for place, _ in rows],
    }


def tabulate_assays(
    effects: Effects, measurement: Measurement, /, *, proteins: int
) -> dict[str, list[str] | F64]:
    """Return the columns of the assay table; the allotment of panels is the simulation's own.

    Examples
    --------
    >>> from proteomr.simulate.covariates import Covariates
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025
    >>> covariates = Covariates(SHEN2025, draw_people(SHEN2025, 500, seed=1))
    >>> effects = plant_effects(covariates, 50, seed=1)
    >>> measurement = draw_measurement(covariates, effects, seed=1)
    >>> tabulate_assays(effects, measurement, proteins=2)["panel"]
    ['Cardiometabolic', 'Cardiometabolic_II']
    """
    names = list(effects.names[:proteins])
    panels = measurement.covariates.study.panels
    return {
        "protein": names,
        "gene": names,
        "uniprot": [""] * proteins,
        "panel": [panels[place] for place in effects.panel[:proteins]],
        "platform": ["simulated"] * proteins,
        "unit": ["NPX"] * proteins,
        "lod": measurement.lod[:proteins],
    }


def _expect_z(effects: Effects, measurement: Measurement) -> F64:
    unexplained = (1 - effects.explained)[:, None]
    observed = _count_observed(measurement)[:, None]
    z: F64 = effects.shift * np.sqrt(observed * effects.information / unexplained)
    return z


def _count_observed(measurement: Measurement) -> F64:
    """Return (p,) how many people are expected to have a value."""
    panel = measurement.panel_missing[measurement.panel]
    n = measurement.covariates.people.n
    observed: F64 = n * (1 - measurement.missing) * (1 - panel)
    return observed


def _role(effects: Effects, place: int, j: int) -> Role:
    if effects.planted[place, j]:
        return "planted"
    if effects.odds_ratio[place, j] != 1.0:
        return "weak"
    planted_elsewhere = bool(effects.planted[place].any())
    return "confounded-only" if effects.confounded[place] or planted_elsewhere else "null"


def _direction(odds_ratio: float) -> str:
    if odds_ratio == 1.0:
        return "none"
    return "up" if odds_ratio > 1.0 else "down"
