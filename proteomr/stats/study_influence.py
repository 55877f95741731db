"""What each study does to a pooled effect: fits without it, and measures of influence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.between_studies import Tau2
from proteomr.stats.pooling import Hartung, Pooled, pool_effects
from proteomr.stats.study_effects import StudyEffects, weigh_studies

__all__ = ["StudyInfluence", "measure_influence"]

_CELLS = 2_000_000  # numbers of a chunk of fits: 16 MB, a few dozen of which are under way


@dataclass(frozen=True, slots=True)
class StudyInfluence:
    """Fits without one study each, and what that changes: ``(r,)`` for r pairs of unit and study.

    Attributes
    ----------
    unit, study : which.
    weight : percent that the study has in the mean.
    hat : leverage.
    rstudent : the study's distance from the fit without it, over its error.
    dffits : change of the fitted effect, over its error.
    cook : change of the estimate squared, over its variance.
    covariance_ratio : variance without the study over that with it.
    dfbetas : change of the estimate, over its error at the variance without the study.
    tau2, q : without the study.
    estimate, se, df : of the mean without the study.
    neg_log10_p : of it.
    status : of the fit without the study.
    """

    unit: I64
    study: I64
    weight: F64
    hat: F64
    rstudent: F64
    dffits: F64
    cook: F64
    covariance_ratio: F64
    dfbetas: F64
    tau2: F64
    q: F64
    estimate: F64
    se: F64
    df: F64
    neg_log10_p: F64
    status: I64


def measure_influence(
    y: F64,
    v: F64,
    *,
    method: Tau2,
    hartung: Hartung = "none",
    correlation: F64 | None = None,
) -> StudyInfluence:
    r"""Fit the mean without each study in turn, the variance between studies estimated anew.

    Viechtbauer and Cheung 2010 (doi:10.1002/jrsm.11): studentised deleted residuals
    :math:`(y_i - \hat\mu_{(i)}) / \sqrt{v_i + \tau^2_{(i)} + s^2_{(i)}}` (Knapp and
    Hartung's factor, where it is used, multiplies all three), DFFITS, Cook's distance
    :math:`(\hat\mu - \hat\mu_{(i)})^2 / s^2`, COVRATIO, hat values, DFBETAS.
    R: ``metafor::influence`` and ``leave1out``.

    Parameters
    ----------
    y, v : ``(m, k)`` effects and variances; NaN where absent. Units of one study have no rows.
    method, hartung, correlation : of the fits, as in :func:`proteomr.stats.pooling.pool_effects`.

    Examples
    --------
    >>> found = measure_influence(np.array([[0.0, 1.0, 5.0]]), np.ones((1, 3)), method="FE")
    >>> found.estimate.round(6).tolist(), found.rstudent.round(3).tolist()
    ([3.0, 2.5, 0.5], [-2.449, -1.225, 3.674])
    """
    whole = StudyEffects.of(y, v, correlation=correlation)
    full = pool_effects(whole, method=method, hartung=hartung)
    there = np.isfinite(y) & np.isfinite(v)
    unit, study = (np.asarray(found, np.int64) for found in np.nonzero(there))
    several = there.sum(axis=1)[unit] > 1
    unit, study = unit[several], study[several]
    parts = []
    for some in _cut(unit.size, y.shape[1]):
        units, studies = unit[some], study[some]
        left = y[units].copy()
        left[np.arange(units.size), studies] = np.nan
        effects = StudyEffects.of(left, v[units], correlation=correlation)
        without = pool_effects(effects, method=method, hartung=hartung)
        held = _Held(y[units, studies], v[units, studies], units, studies)
        parts.append(_compare(held, whole, full, effects, without))
    if not parts:
        empty = np.empty(0)
        none = np.empty(0, dtype=np.int64)
        return StudyInfluence(none, none, *(empty,) * 13, none)
    names = [entry.name for entry in fields(StudyInfluence)]
    return StudyInfluence(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


@dataclass(frozen=True, slots=True)
class _Held:
    """The study that is left out of each fit."""

    y: F64
    v: F64
    unit: I64
    study: I64


def _cut(n: int, k: int) -> Iterator[slice]:
    step = max(1, _CELLS // (k * k))
    return (slice(at, min(at + step, n)) for at in range(0, n, step))


def _compare(
    held: _Held, whole: StudyEffects, full: Pooled, effects: StudyEffects, without: Pooled
) -> StudyInfluence:
    beta, variance = without.beta[:, 0], without.covariance[:, 0, 0]
    all_beta = full.beta[held.unit, 0]
    all_variance = full.covariance[held.unit, 0, 0]
    hat = full.leverage[held.unit, held.study]
    # the error that the mean of all studies would have at the variance without the one
    same = weigh_studies(
        whole.take(held.unit), np.nan_to_num(without.tau2) / whole.scale[held.unit] ** 2
    )
    shared = same.inverse[:, 0, 0] / whole.R[held.unit, 0, 0] ** 2 * whole.scale[held.unit] ** 2
    change = all_beta - beta
    total = held.v + without.tau2
    with np.errstate(divide="ignore", invalid="ignore"):
        return StudyInfluence(
            held.unit,
            held.study,
            100.0 * full.weights[held.unit, held.study],
            hat,
            (held.y - beta) / np.sqrt(without.factor * total + variance),
            change / np.sqrt(without.factor * hat * total),
            change**2 / all_variance,
            variance / all_variance,
            change / np.sqrt(without.factor * shared),
            without.tau2,
            np.where(effects.count > 1, weigh_studies(effects, np.zeros(beta.shape)).q, 0.0),
            beta,
            np.sqrt(variance),
            without.df,
            without.neg_log10_p[:, 0],
            without.status,
        )
