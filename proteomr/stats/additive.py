"""Interaction of two exposures on the additive scale, from a logistic model of their product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.distributions import quantile_normal

__all__ = ["AdditiveMeasure", "measure_additive"]

_NONE = 5 * (np.nan,)  # estimate, error, limits, p value


@dataclass(frozen=True, slots=True)
class AdditiveMeasure:
    """One measure: its estimate with error and limits, and the z of no interaction.

    The error of S is that of its logarithm.
    """

    name: str
    estimate: float
    se: float
    statistic: float
    low: float
    high: float


def measure_additive(effects: F64, covariance: F64, *, level: float) -> tuple[AdditiveMeasure, ...]:
    """Measure the interaction by RERI, AP and S, with errors by the delta method.

    With ``OR10, OR01, OR11`` the odds ratios of one exposure, of the other and of both against
    neither: the relative excess risk due to interaction ``RERI = OR11 - OR10 - OR01 + 1``, the
    attributable proportion ``AP = RERI / OR11``, and the synergy index ``S = (OR11 - 1) / (OR10 +
    OR01 - 2)``, whose interval is that of its logarithm; S is NaN where it has no logarithm
    (Rothman 1986; Hosmer and Lemeshow 1992, doi:10.1097/00001648-199209000-00012).

    Parameters
    ----------
    effects, covariance : ``(3,)``, ``(3, 3)``, of the two exposures and of their product, as log
        odds ratios.
    level : coverage.

    Examples
    --------
    >>> effects = np.log([2.0, 3.0, 1.5])
    >>> [round(each.estimate, 4) for each in measure_additive(effects, np.eye(3), level=0.95)]
    [5.0, 0.5556, 2.6667]
    """
    with np.errstate(all="ignore"):  # odds beyond the numbers there are have no measure
        return _measure(effects, covariance, level)


def _measure(effects: F64, covariance: F64, level: float) -> tuple[AdditiveMeasure, ...]:
    one, other = np.exp(effects[:2])
    both = np.exp(effects.sum())
    width = float(quantile_normal(np.array([0.5 + level / 2.0]))[0])
    excess = both - one - other + 1.0
    of_excess = np.array([both - one, both - other, both])
    of_share = of_excess / both - excess / both
    out: list[tuple[str, tuple[float, ...]]] = []
    for name, estimate, gradient in (("reri", excess, of_excess), ("ap", excess / both, of_share)):
        se = np.sqrt(gradient @ covariance @ gradient)
        limits = estimate - width * se, estimate + width * se
        out.append((name, (estimate, se, estimate / se, *limits)))
    out.append(("s", _measure_synergy(one, other, both, covariance, width)))
    return tuple(
        AdditiveMeasure(name, *(map(float, numbers if np.all(np.isfinite(numbers)) else _NONE)))
        for name, numbers in out
    )


def _measure_synergy(
    one: float, other: float, both: float, covariance: F64, width: float
) -> tuple[float, ...]:
    """Return estimate, error, statistic and limits of S."""
    if not (both > 1.0 and one + other > 2.0):
        return _NONE
    log = np.log(both - 1.0) - np.log(one + other - 2.0)
    gradient = both / (both - 1.0) - np.array([one, other, 0.0]) / (one + other - 2.0)
    se = np.sqrt(gradient @ covariance @ gradient)
    low, high = np.exp(log - width * se), np.exp(log + width * se)
    return float(np.exp(log)), float(se), float(log / se), float(low), float(high)
