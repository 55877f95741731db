"""Two traits of known make: one whose way from isolation through a protein is known, and one that
a score of proteins says a known share of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.simulate.effects import Effects
from proteomr.simulate.measurement import Measurement, plan_chunks
from proteomr.simulate.study import random_stream

__all__ = ["MEDIATED", "MEDIATED_SHARE", "SCORED_SHARE", "SCORE_WEIGHTS", "draw_traits", "paths_of"]

MEDIATED = "GDF15"
"""The protein through which isolation acts on frailty."""
MEDIATED_SHARE = 0.3
"""Of the effect of isolation on frailty, the share that goes through that protein."""
SCORE_WEIGHTS: Mapping[str, float] = {
    "GDF15": 0.5,
    "CXCL14": -0.4,
    "PCSK9": 0.3,
    "ADM": 0.3,
    "ASGR1": -0.3,
    "FABP4": 0.2,
    "IL6": 0.2,
    "HAO1": -0.2,
}
"""Weights of the score, per SD of the latent protein, before it is scaled to its share."""
SCORED_SHARE = 0.25
"""Of the variance of the biomarker, the share that the score says: no score has a higher R2."""
_STREAM = 11
_PER_SD = 0.3  # SD of noise by which frailty moves with a SD of the protein
_COVARIATES: Mapping[str, float] = {"age": 0.02, "smoking": 0.3}  # on frailty


def paths_of(effects: Effects) -> tuple[float, float]:
    """Return the direct and the indirect effect of isolation on frailty, in SD of its noise.

    The indirect one is the shift of the protein with isolation, all covariates given, times what a
    SD of the protein does; the direct one is such that the share is the planted one.

    Parameters
    ----------
    effects : of the cohort.
    """
    indirect = _PER_SD * float(effects.shift[effects.names.index(MEDIATED), 0])
    return indirect * (1.0 - MEDIATED_SHARE) / MEDIATED_SHARE, indirect


def draw_traits(measurement: Measurement, effects: Effects, /) -> dict[str, NDArray[Any]]:
    """Return ``frailty``, its upper tenth as ``frail`` (0 or 1), and ``biomarker``.

    ``frailty = direct isolation + 0.3 x + 0.02 (age - 56.4) + 0.3 smoking + e``, x the latent value
    of GDF15 and e standard normal: with all covariates in both models, isolation has the direct and
    indirect effects of :func:`paths_of`, and 30 % of its effect is mediated. ``biomarker`` is a
    weighted sum of latent proteins and noise, of variance 1, a quarter of it of the sum.

    Parameters
    ----------
    measurement : of the cohort; its first block holds the proteins that act.
    effects : of the same cohort.

    Examples
    --------
    >>> from proteomr.simulate.covariates import Covariates
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025
    >>> covariates = Covariates(SHEN2025, draw_people(SHEN2025, 500, seed=1))
    >>> effects = plant_effects(covariates, 50, seed=1)
    >>> traits = draw_traits(draw_measurement(covariates, effects, seed=1), effects)
    >>> sorted(traits), int(traits["frail"].sum())
    (['biomarker', 'frail', 'frailty'], 50)
    """
    people = measurement.covariates.people
    columns = people.columns
    noise = random_stream(measurement.seed, _STREAM).standard_normal((2, people.n))
    through, score = _sum_proteins(measurement)
    direct, _ = paths_of(effects)
    frailty = direct * columns["isolation"] + _PER_SD * through + noise[0]
    frailty += _COVARIATES["age"] * (columns["age"] - 56.4)
    frailty += _COVARIATES["smoking"] * columns["smoking"]
    score = (score - score.mean()) / score.std()
    biomarker = np.sqrt(SCORED_SHARE) * score + np.sqrt(1.0 - SCORED_SHARE) * noise[1]
    frail = np.zeros(people.n, dtype=np.int64)
    frail[np.argsort(-frailty, kind="stable")[: people.n // 10]] = 1
    return {
        "frailty": np.round(frailty, 4),
        "frail": frail,
        "biomarker": np.round(biomarker, 4),
    }


def _sum_proteins(measurement: Measurement) -> tuple[F64, F64]:
    """Return the latent value of the mediating protein, and the score before scaling ``(n,)``."""
    names = [protein.name for protein in measurement.covariates.study.named]
    weights = np.zeros((2, len(names)))
    weights[0, names.index(MEDIATED)] = 1.0
    for name, weight in SCORE_WEIGHTS.items():
        weights[1, names.index(name)] = weight
    out = np.empty((2, measurement.covariates.people.n))
    for chunk in plan_chunks(out.shape[1], measurement.panel.size):
        x = measurement.latent(measurement.scores(chunk), chunk=chunk, block=0)
        out[:, chunk.start : chunk.stop] = weights @ x[: len(names)]
    return out[0], out[1]
