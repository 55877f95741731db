"""Odds, risk and hazard ratios in one measure, at a baseline risk that is named."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64

__all__ = ["RATIOS", "Ratio", "convert_ratio"]

Ratio: TypeAlias = Literal["OR", "RR", "HR"]
RATIOS: tuple[Ratio, ...] = ("OR", "RR", "HR")


def convert_ratio(
    estimate: F64, se: F64, *, measure: Ratio, to: Ratio, baseline_risk: float
) -> tuple[F64, F64]:
    r"""Convert logarithms of ratios, and their errors by the delta method.

    With the risk :math:`p_0` of the unexposed: :math:`RR = OR / (1 - p_0 + p_0 OR)` (Zhang and Yu
    1998, doi:10.1001/jama.280.19.1690) and, where hazards are proportional,
    :math:`RR = (1 - (1 - p_0)^{HR}) / p_0`; other pairs go through the risk ratio. NaN where a
    risk would be 1 or more.

    Parameters
    ----------
    estimate, se : logarithms of ratios and their standard errors.
    measure, to : what they are, and what they shall be.
    baseline_risk : above 0 and below 1.

    Examples
    --------
    >>> log, se = convert_ratio(np.log([2.0]), np.array([0.1]), measure="OR", to="RR",
    ...     baseline_risk=0.2)
    >>> np.exp(log).round(4).tolist(), se.round(4).tolist()
    ([1.6667], [0.0667])
    """
    if measure == to:
        return estimate, se
    log, slope = _to_risk(estimate, measure, baseline_risk)
    log, further = _from_risk(log, to, baseline_risk)
    return log, np.abs(se * slope * further)


def _to_risk(log: F64, measure: Ratio, p: float) -> tuple[F64, F64]:
    """Return the logarithm of the risk ratio, and its derivative by what was given."""
    ratio = np.exp(log)
    if measure == "OR":
        below = 1.0 - p + p * ratio
        return log - np.log(below), (1.0 - p) / below
    if measure == "HR":
        risk = -np.expm1(ratio * np.log1p(-p))
        return np.log(risk / p), -np.log1p(-p) * ratio * (1.0 - risk) / risk
    return log, np.ones_like(log)


def _from_risk(log: F64, to: Ratio, p: float) -> tuple[F64, F64]:
    """Return the logarithm of another ratio, and its derivative by that of the risk ratio."""
    if to == "RR":
        return log, np.ones_like(log)
    risk = p * np.exp(log)
    risk = np.where(risk < 1.0, risk, np.nan)
    if to == "OR":
        return log + np.log((1.0 - p) / (1.0 - risk)), 1.0 / (1.0 - risk)
    hazard = np.log1p(-risk) / np.log1p(-p)
    return np.log(hazard), -risk / ((1.0 - risk) * np.log1p(-risk))
