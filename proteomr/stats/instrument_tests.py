"""What instruments are worth: their strength, the need of them, and whether they agree.

All with classical errors but the effective F and Hansen's J, on the triangles of
:mod:`proteomr.stats.instrumental`. The first three are those of ``AER::ivreg``'s summary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.anderson_rubin import compute_anderson_rubin
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.instrumental import Estimates, Triangles, invert_moments

__all__ = ["InstrumentTest", "assess_instruments"]

# A residual of this share of its variable is rounding: nothing can be divided by it, or tested.
_ROUNDING = 1e-11


@dataclass(frozen=True, slots=True)
class InstrumentTest:
    """A test of b regressions: all ``(b,)``, NaN where a regression has none.

    Attributes
    ----------
    df2 : of the denominator; NaN where the reference is chi-squared.
    """

    statistic: F64
    df1: F64
    df2: F64
    neg_log10_p: F64


def assess_instruments(
    triangles: Triangles,
    estimates: Estimates,
    *,
    trace: F64,
    moments: F64 | None = None,
) -> dict[str, InstrumentTest]:
    """Return the tests by name.

    ``weak_instruments``: F of the instruments in the first stage. ``wu_hausman``: F of the first
    stage's residuals in the response's equation (Hausman 1978, doi:10.2307/1913827). ``sargan``: n
    times the share of the residuals that the instruments explain (Sargan 1958,
    doi:10.2307/1907619). ``effective_f``: F over its mean under errors of any variances (Montiel
    Olea and Pflueger 2013, doi:10.1080/00401706.2013.806694). ``sanderson_windmeijer``: with one
    endogenous variable the first-stage F itself (2016, doi:10.1016/j.jeconom.2015.06.004).
    ``anderson_rubin``: F of the instruments in the reduced form, that the effect is 0.
    ``hansen_j``: the moments at the efficient estimate, chi-squared.

    Parameters
    ----------
    trace : ``(b,)``, of the robust covariance of the first stage's coefficients of the orthonormal
        instruments.
    moments : ``(b, q, q)``, robust covariance of the instruments' moments; None for no J.

    Examples
    --------
    >>> from proteomr.stats.instrumental import estimate_two_stage
    >>> one = Triangles.of(np.array([[[2.0, 3.0, 6.0], [0.0, 1.0, 5.0], [0.0, 0.0, 6.0]]]),
    ...     n=np.array([10]), k=np.array([1]))
    >>> found = assess_instruments(one, estimate_two_stage(one), trace=np.array([0.125]))
    >>> {name: test.statistic.round(3).tolist() for name, test in found.items()}["effective_f"]
    [72.0]
    """
    q, b = float(triangles.q), triangles.c.size
    response = np.sqrt(np.sum(triangles.b**2, axis=1) + triangles.d**2 + triangles.e**2)
    left = ~(np.sqrt(estimates.rss) <= _ROUNDING * response)
    whole = np.sqrt(triangles.predicted + triangles.c**2)
    c2 = np.where(triangles.c > _ROUNDING * whole, triangles.c**2, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = (triangles.predicted / q) / (c2 / triangles.first_df)
        effective = np.where(np.isnan(c2), np.nan, triangles.predicted / trace)
    first = np.where(triangles.first_df > 0, first, np.nan)
    strength = _refer_to_f(first, q, triangles.first_df)
    found = {
        "weak_instruments": strength,
        "wu_hausman": _test_need(triangles, defined=left & ~np.isnan(c2)),
        "sargan": _test_agreement(triangles, estimates, defined=left),
        "effective_f": InstrumentTest(effective, np.full(b, q), *(np.full((2, b), np.nan))),
        "sanderson_windmeijer": strength,
        "anderson_rubin": _refer_to_f(compute_anderson_rubin(triangles), q, triangles.first_df),
    }
    if moments is not None:
        found["hansen_j"] = _test_moments(triangles, moments, defined=left)
    return found


def _refer_to_f(statistic: F64, df1: F64 | float, df2: F64) -> InstrumentTest:
    numerator = np.broadcast_to(np.asarray(df1, dtype=np.float64), statistic.shape)
    return InstrumentTest(statistic, numerator, df2, neg_log10_p_f(statistic, numerator, df2))


def _refer_to_chi2(statistic: F64, df: float) -> InstrumentTest:
    none = np.full(statistic.shape, np.nan)
    if df == 0.0:
        return InstrumentTest(none, np.zeros_like(none), none, none)
    p = np.where(np.isnan(statistic), np.nan, neg_log10_p_chi2(statistic, df))
    return InstrumentTest(statistic, np.full(statistic.shape, df), none, p)


def _test_need(triangles: Triangles, *, defined: Bool) -> InstrumentTest:
    """Return F of the first stage's residuals beside the endogenous variable itself."""
    length = np.sqrt(triangles.predicted)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = triangles.a / length[:, None]
        along = np.sum(unit * triangles.b, axis=1)
        across = triangles.b - unit * along[:, None]
        rest = np.sum(across**2, axis=1) + triangles.e**2
        # the response and the endogenous variable in the plane of the two
        gained = (along * triangles.c - triangles.d * length) ** 2
        gained /= triangles.predicted + triangles.c**2
        df2 = triangles.df - 1.0
        statistic = gained / (rest / df2)
    sound = defined & (df2 > 0) & np.isfinite(statistic)
    return _refer_to_f(np.where(sound, statistic, np.nan), 1.0, df2)


def _test_agreement(triangles: Triangles, estimates: Estimates, *, defined: Bool) -> InstrumentTest:
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.sum(estimates.along**2, axis=1) / estimates.rss
    share = np.where(defined, share, np.nan)
    return _refer_to_chi2(np.asarray(triangles.n * share), triangles.q - 1.0)


def _test_moments(triangles: Triangles, moments: F64, *, defined: Bool) -> InstrumentTest:
    inverse = invert_moments(moments)
    towards = np.matmul(inverse, triangles.a[:, :, None])[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = np.sum(towards * triangles.b, axis=1) / np.sum(towards * triangles.a, axis=1)
    rest = triangles.b - triangles.a * beta[:, None]
    found = np.where(defined, np.einsum("bi,bij,bj->b", rest, inverse, rest), np.nan)
    return _refer_to_chi2(found, triangles.q - 1.0)
