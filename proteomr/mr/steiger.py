"""Which way the effect runs: Steiger's test of the variance that variants explain in two traits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.tables import Harmonised

__all__ = ["SteigerTest", "filter_variants", "judge_direction", "sample_sizes"]


@dataclass(frozen=True, slots=True)
class SteigerTest:
    r"""Whether the variants explain more of the exposure than of the outcome.

    Parameters
    ----------
    r2_exposure, r2_outcome : variance explained, summed over the variants.
    exposure_first : whether the exposure's share is the larger one, as it must be where the
        exposure causes the outcome and acts for the variants.
    neg_log10_p, p_value : two-sided, of equal shares.
    sensitivity_ratio : volume of the measurement errors under which the direction stands over that
        under which it turns.

    Examples
    --------
    >>> r_x, r_y = np.array([0.1, 0.1]), np.array([0.01, 0.02])
    >>> judge_direction(r_x, r_y, n_x=1e4, n_y=1e4).exposure_first
    True
    """

    r2_exposure: float
    r2_outcome: float
    exposure_first: bool
    neg_log10_p: float
    p_value: float
    sensitivity_ratio: float


def judge_direction(
    r_x: F64,
    r_y: F64,
    *,
    n_x: float,
    n_y: float,
    reliability_x: float = 1.0,
    reliability_y: float = 1.0,
) -> SteigerTest:
    r"""Test the direction of an effect (Hemani et al. 2017, doi:10.1371/journal.pgen.1007081).

    .. math:: z = \frac{\operatorname{artanh} \rho_x - \operatorname{artanh} \rho_y}
                       {\sqrt{1 / (n_x - 3) + 1 / (n_y - 3)}},
              \qquad \rho^2 = \sum_j r_j^2 / \text{reliability}^2

    as ``mr_steiger`` of the R package TwoSampleMR. The variants are taken as independent.

    Parameters
    ----------
    r_x, r_y : (m,) correlations of the variants with exposure and outcome; signs do not matter.
    n_x, n_y : sample sizes, their means where they differ by variant.
    reliability_x, reliability_y : correlation of each trait as measured with the trait itself.

    Raises
    ------
    InputError
        No variant is left, a sample size is below four, or a reliability is outside (0, 1].

    Examples
    --------
    >>> direction = judge_direction(np.array([0.2]), np.array([0.05]), n_x=2000, n_y=2000)
    >>> round(direction.neg_log10_p, 2)
    5.85
    """
    if not len(r_x) or min(n_x, n_y) < 4 or not math.isfinite(n_x + n_y):
        raise InputError("Steiger's test needs a variant and sample sizes of four or more")
    if not (0 < reliability_x <= 1 and 0 < reliability_y <= 1):
        raise InputError("reliabilities are correlations above 0 and up to 1")
    plain_x, plain_y = (math.sqrt(float(np.sum(r * r))) for r in (r_x, r_y))
    x, y = plain_x / reliability_x, plain_y / reliability_y
    minus_log = _compare(np.array([x]), np.array([y]), n_x=n_x, n_y=n_y)
    return SteigerTest(
        r2_exposure=x * x,
        r2_outcome=y * y,
        exposure_first=x > y,
        neg_log10_p=float(minus_log[0]),
        p_value=float(p_from_neg_log10(minus_log)[0]),
        sensitivity_ratio=_weigh_errors(plain_x, plain_y),
    )


def filter_variants(r_x: F64, r_y: F64, *, n_x: F64, n_y: F64) -> pl.DataFrame:
    """Return for each variant by itself whether it speaks for exposure to outcome.

    Parameters
    ----------
    r_x, r_y, n_x, n_y : (m,).

    Returns
    -------
    frame : ``r2_exposure, r2_outcome, exposure_first, neg_log10_p, p_value``, m rows.

    Examples
    --------
    >>> n = np.array([1e4])
    >>> filter_variants(np.array([0.1]), np.array([0.2]), n_x=n, n_y=n)["exposure_first"].to_list()
    [False]
    """
    minus_log = _compare(np.abs(r_x), np.abs(r_y), n_x=n_x, n_y=n_y)
    return pl.DataFrame(
        {
            "r2_exposure": r_x * r_x,
            "r2_outcome": r_y * r_y,
            "exposure_first": np.abs(r_x) > np.abs(r_y),
            "neg_log10_p": minus_log,
            "p_value": p_from_neg_log10(minus_log),
        }
    )


def _compare(x: F64, y: F64, *, n_x: F64 | float, n_y: F64 | float) -> F64:
    spread = np.sqrt(1 / (np.asarray(n_x) - 3) + 1 / (np.asarray(n_y) - 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (np.arctanh(np.minimum(x, 1)) - np.arctanh(np.minimum(y, 1))) / spread
    return neg_log10_p_normal(z)


def _weigh_errors(x: float, y: float) -> float:
    """Return the ratio of the volumes over all reliabilities above the observed correlations."""
    a, b = max(x, y), min(x, y)
    if not 0 < b < a < 1:
        return math.nan
    stands = a * math.log(a) - b * math.log(b) + a * b * (math.log(b) - math.log(a))
    turns = -2 * b - b * math.log(a) - a * b * math.log(a) + 2 * a * b
    return abs(stands - turns) / turns


def sample_sizes(pair: Harmonised, name: str) -> F64:
    """Return the sample size of each variant, of shape (m,), or raise `InputError` if unknown.

    Parameters
    ----------
    pair : one exposure and one outcome, harmonised.
    name : the column of `pair.variants`: `n_exposure` or `n_outcome`.
    """
    if name not in pair.variants.columns or pair.variants[name].null_count():
        raise InputError(f"sample sizes are needed: {name} is not known of every variant")
    sizes: F64 = pair.variants[name].cast(pl.Float64).to_numpy()
    return sizes
