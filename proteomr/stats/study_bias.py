"""Small studies that say more than large ones: regression and rank tests, trim and fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.between_studies import Tau2
from proteomr.stats.pooling import Hartung, pool_effects
from proteomr.stats.study_effects import StudyEffects

__all__ = ["Asymmetry", "Filled", "rank_asymmetry", "regress_on_errors", "trim_and_fill"]

Side: TypeAlias = Literal["left", "right"]

_EXACT = 50  # studies from which the normal distribution is taken, as in R
_TIED = 1e-12  # of the largest distance: digits that a mean of effects may lose
_MOST_ROUNDS = 100  # the count of missing studies settles in two or three, or goes round


@dataclass(frozen=True, slots=True)
class Asymmetry:
    """A test for asymmetry of funnels, ``(m,)`` each.

    Attributes
    ----------
    estimate, se : slope on the standard error, of regressions; Kendall's tau, without an error.
    statistic, df : slope over its error; df infinite for the normal.
    neg_log10_p : of the test.
    limit, limit_se : effect that a study without error would have.
    k : studies.
    status : codes of :class:`proteomr.status.Status`.
    """

    estimate: F64
    se: F64
    statistic: F64
    df: F64
    neg_log10_p: F64
    limit: F64
    limit_se: F64
    k: I64
    status: I64


def regress_on_errors(
    y: F64,
    v: F64,
    *,
    method: Tau2 | Literal["dispersion"],
    hartung: Hartung = "none",
    correlation: F64 | None = None,
) -> Asymmetry:
    r"""Test whether effects depend on their standard errors.

    With a method of :data:`~proteomr.stats.between_studies.ESTIMATORS` a meta-regression on the
    standard error; with ``dispersion`` Egger's weighted line, whose errors are multiplied by the
    root of :math:`Q / (k - 2)` (Egger et al. 1997, doi:10.1136/bmj.315.7109.629; Sterne and Egger
    2005). R: ``metafor::regtest(model = "rma" | "lm")``.

    Parameters
    ----------
    y, v : ``(m, k)`` effects and variances; NaN where absent.
    correlation : ``(k, k)`` of the errors of the studies.

    Examples
    --------
    >>> y, v = np.array([[0.1, 0.2, 0.4, 0.9]]), np.array([[0.01, 0.02, 0.05, 0.2]])
    >>> regress_on_errors(y, v, method="dispersion").estimate.round(3).tolist()
    [2.34]
    """
    columns = np.stack([np.ones_like(v), np.sqrt(v)], axis=2)
    effects = StudyEffects.of(y, v, columns, correlation=correlation)
    egger = method == "dispersion"
    used: Tau2 = "FE" if method == "dispersion" else method
    fit = pool_effects(effects, method=used, hartung="plain" if egger else hartung)
    return Asymmetry(
        fit.beta[:, 1],
        fit.se[:, 1],
        fit.statistic[:, 1],
        fit.df,
        fit.neg_log10_p[:, 1],
        fit.beta[:, 0],
        fit.se[:, 0],
        fit.k,
        fit.status,
    )


def rank_asymmetry(y: F64, v: F64) -> tuple[F64, F64]:
    """Return Kendall's tau of deviates with variances, and its p value, ``(m,)`` each.

    Begg and Mazumdar 1994 (doi:10.2307/2533446); exact up to 49 studies without ties, as
    ``metafor::ranktest``. NaN below three studies.

    Parameters
    ----------
    y, v : ``(m, k)`` effects and variances; NaN where absent.

    Examples
    --------
    >>> y, v = np.array([[0.1, 0.2, 0.4, 0.9]]), np.array([[0.01, 0.02, 0.05, 0.2]])
    >>> [value.round(4).tolist() for value in rank_asymmetry(y, v)]
    [[1.0], [0.0833]]
    """
    there = np.isfinite(y) & np.isfinite(v)
    weight = np.where(there, 1.0 / np.where(there, v, 1.0), 0.0)
    total = weight.sum(axis=1, keepdims=True)
    mean = (weight * np.where(there, y, 0.0)).sum(axis=1, keepdims=True) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        deviate = np.where(there, (y - mean) / np.sqrt(v - 1.0 / total), np.nan)
    order = np.sign(deviate[:, :, None] - deviate[:, None, :])
    order *= np.sign(v[:, :, None] - v[:, None, :])
    upper = np.triu_indices(y.shape[1], 1)
    pairs = order[:, upper[0], upper[1]]
    known, tied = np.isfinite(pairs).sum(axis=1), (pairs == 0.0).any(axis=1)
    balance = np.where(np.isfinite(pairs), pairs, 0.0).sum(axis=1)
    k = there.sum(axis=1)
    tau, p = np.full(k.shape, np.nan), np.full(k.shape, np.nan)
    exact = (k >= 3) & (k < _EXACT) & ~tied
    tau[exact] = balance[exact] / known[exact]
    for size in np.unique(k[exact]).tolist():
        some = exact & (k == size)
        discordant = np.round((known[some] - balance[some]) / 2.0).astype(np.int64)
        p[some] = _count_inversions(size)[np.minimum(discordant, known[some] - discordant)]
    rest = np.flatnonzero((k >= 3) & ~exact)
    if rest.size:
        from scipy import stats  # slow to load, which few runs need
    for unit in rest:
        found = stats.kendalltau(
            deviate[unit, there[unit]], v[unit, there[unit]], method="asymptotic"
        )
        tau[unit], p[unit] = found.statistic, found.pvalue
    return tau, p


def _count_inversions(n: int) -> F64:
    """Return the two-sided p value of each number of inversions of n things in random order."""
    share = np.ones(1)
    for size in range(2, n + 1):
        share = np.convolve(share, np.full(size, 1.0 / size))
    return np.asarray(np.minimum(1.0, 2.0 * np.cumsum(share)))


@dataclass(frozen=True, slots=True)
class Filled:
    """Funnels with the studies that they lack, ``(m,)`` each.

    Attributes
    ----------
    missing, missing_se : how many studies, and the error of that number before it is rounded.
    left : whether they are missing on the left; else on the right.
    estimate, se, statistic, df, neg_log10_p : of the mean with them.
    tau2 : between studies, with them.
    status : of that mean.
    """

    missing: I64
    missing_se: F64
    left: Bool
    estimate: F64
    se: F64
    statistic: F64
    df: F64
    neg_log10_p: F64
    tau2: F64
    status: I64


def trim_and_fill(
    y: F64, v: F64, *, method: Tau2, hartung: Hartung = "none", side: Side | None = None
) -> Filled:
    r"""Fill funnels ``(m, k)`` until they are symmetric (Duval and Tweedie 2000).

    By the estimator :math:`L_0 = (4 S - k (k + 1)) / (2 k - 1)`, S the rank sum of the distances
    from the trimmed mean on the fuller side; the most extreme studies of it are mirrored at that
    mean (doi:10.1111/j.0006-341X.2000.00455.x). R: ``metafor::trimfill(estimator = "L0")``.

    Parameters
    ----------
    y, v : effects and variances; NaN where absent. Each unit has three studies or more.
    side : where studies are missing; None for that from which Egger's line points away.

    Examples
    --------
    >>> y, v = np.array([[0.1, 0.2, 0.4, 0.9]]), np.array([[0.01, 0.02, 0.05, 0.2]])
    >>> found = trim_and_fill(y, v, method="FE")
    >>> found.missing.tolist(), found.left.tolist()
    ([2], [True])
    """
    left = _find_left(y, v, method, side)
    sign = np.where(left, 1.0, -1.0)[:, None]
    order = np.argsort(sign * y, axis=1, kind="stable")  # absent ones last
    values, errors = np.take_along_axis(sign * y, order, 1), np.take_along_axis(v, order, 1)
    k = np.isfinite(values).sum(axis=1)
    place = np.arange(y.shape[1])
    missing, seen = np.zeros(k.shape, np.int64), np.full(k.shape, -1, np.int64)
    centre, found = np.zeros(k.shape), np.zeros(k.shape)
    for _ in range(_MOST_ROUNDS):
        open_units = np.flatnonzero(missing != seen)
        if not open_units.size:
            break
        seen[open_units] = missing[open_units]
        kept = place < (k - missing)[open_units, None]
        some = np.where(kept, values[open_units], np.nan)
        trimmed = pool_effects(StudyEffects.of(some, errors[open_units]), method=method)
        centre[open_units] = trimmed.beta[:, 0]
        n = k[open_units]
        found[open_units] = _count_missing(values[open_units] - trimmed.beta, n)
        rounded = np.round(np.nan_to_num(found[open_units])).astype(np.int64)
        missing[open_units] = np.clip(rounded, 0, n - 1)
    added = (place >= (k - missing)[:, None]) & (place < k[:, None])
    mirrored = np.where(added, 2.0 * centre[:, None] - values, np.nan)
    filled = np.concatenate([values, mirrored], axis=1)
    effects = StudyEffects.of(sign * filled, np.concatenate([errors, errors], axis=1))
    fit = pool_effects(effects, method=method, hartung=hartung)
    return Filled(
        missing,
        _error_of_missing(found, k),
        left,
        fit.beta[:, 0],
        fit.se[:, 0],
        fit.statistic[:, 0],
        fit.df,
        fit.neg_log10_p[:, 0],
        fit.tau2,
        fit.status,
    )


def _count_missing(away: F64, k: I64) -> F64:
    """Return L0 of ``(m,)``, from the distances to the trimmed means, effects in rising order.

    Of equal distances that above the mean has the higher rank, as in metafor; distances are equal
    where they differ by rounding, as those of two studies to their middle do.
    """
    reach = np.abs(np.nan_to_num(away))
    unit = _TIED * reach.max(axis=1, keepdims=True)
    steps = np.round(np.abs(away) / np.where(unit > 0.0, unit, 1.0))
    order = np.argsort(steps, axis=1, kind="stable")  # absent ones last
    ranks = np.empty(away.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, away.shape[1] + 1.0)[None, :], axis=1)
    ranked = np.where((away > 0.0) & (steps > 0.0), ranks, 0.0).sum(axis=1)
    found = (4.0 * ranked - k * (k + 1)) / (2.0 * k - 1.0)
    return np.where(np.isfinite(away).any(axis=1), found, np.nan)


def _error_of_missing(n: F64, k: I64) -> F64:
    """Return the error of the number of missing studies, before it is rounded (their eq. 12).

    NaN where their variance is not above 0, as of three studies none of which is missing.
    """
    cubic = 10.0 * n**3 + 27.0 * n**2 + 17.0 * n - 18.0 * k * n**2 - 18.0 * k * n + 6.0 * k**2 * n
    variance = (k * (k + 1) * (2 * k + 1) + cubic) / 24.0
    return np.asarray(4.0 * np.sqrt(np.where(variance > 0.0, variance, np.nan)) / (2.0 * k - 1.0))


def _find_left(y: F64, v: F64, method: Tau2, side: Side | None) -> Bool:
    if side is not None:
        return np.full(y.shape[0], side == "left")
    slope = regress_on_errors(y, v, method=method).estimate
    return ~(slope < 0.0)
