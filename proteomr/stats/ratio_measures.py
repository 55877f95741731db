"""Odds, risk and hazard ratios in one measure, at a baseline risk that is named."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64

__all__ = ["RATIOS", "Ratio", "convert_ratio", "name_ratio"]

Ratio: TypeAlias = Literal["OR", "RR", "HR"]
RATIOS: tuple[Ratio, ...] = ("OR", "RR", "HR")


_WORDS: dict[Ratio, tuple[str, ...]] = {
    "OR": ("or", "oddsratio"),
    "RR": ("rr", "riskratio", "relativerisk"),
    "HR": ("hr", "hazardratio"),
}
_SPELT = {
    f"{log}{word}": ratio
    for ratio, words in _WORDS.items()
    for word in words
    for log in ("", "log", "ln")
}


def name_ratio(text: str) -> str:
    """Return OR, RR or HR for a ratio in any usual spelling, and anything else as it stands.

    Examples
    --------
    >>> [name_ratio(text) for text in ("or", "Hazard ratio", "log(RR)", "SMD ")]
    ['OR', 'HR', 'RR', 'SMD']
    """
    letters = "".join(letter for letter in text.lower() if letter.isalpha())
    return _SPELT.get(letters, text.strip())


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
    p, surely = baseline_risk, np.log1p(-baseline_risk)  # the logarithm of being spared
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio, spared = _change_risk(estimate, measure, p)
        left = np.exp(surely + spared)
        risk = p * np.exp(ratio)
        if measure == "OR":
            of_risk, of_spared = left, -risk
        elif measure == "RR":
            of_risk, of_spared = np.ones_like(risk), -risk / left
        else:
            of_spared = surely + spared
            of_risk = -left / risk * of_spared
        if to == "RR":
            found, slope = ratio, of_risk
        elif to == "OR":
            found, slope = ratio - spared, of_risk - of_spared
        else:
            found, slope = np.log1p(spared / surely), of_spared / (surely + spared)
        sound = np.isfinite(found) & np.isfinite(slope)
        return np.where(sound, found, np.nan), np.where(sound, np.abs(slope) * se, np.nan)


def _change_risk(log: F64, measure: Ratio, p: float) -> tuple[F64, F64]:
    """Return by how much the logarithms of the risk and of its complement change.

    Of differences from no change, so that small ratios and risks near 0 and 1 keep their digits.
    """
    grown = np.expm1(log)
    if measure == "OR":
        spared = -np.log1p(p * grown)
        return log + spared, spared
    if measure == "RR":
        return log, np.log1p(-p / (1.0 - p) * grown)
    surely = np.log1p(-p)
    return np.log(np.expm1(surely * np.exp(log)) / np.expm1(surely)), surely * grown
