"""Maximum likelihood with a constrained number of invalid variants (cML)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.mr.methods.base import Estimate, MethodStatus, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.stats.line_likelihood import Points, fit_line, list_slopes
from proteomr.tables import Harmonised

__all__ = ["ConstrainedMaximumLikelihood"]

_CHI2_95 = 3.841458820694124  # qchisq(0.95, 1)
_TURNS = 200  # each turn lowers the loss, and there are few sets of variants near the best slope
_WEIGHTLESS = 80.0  # of a criterion: a weight of exp(-40) is beyond the last digit of an average


@dataclass(frozen=True, slots=True)
class ConstrainedMaximumLikelihood(Method):
    r"""Slope with K invalid variants left free, averaged over K or at the best K.

    .. math::
        x_j \sim N(\mu_j, s_{xj}^2), \qquad y_j \sim N(\theta\mu_j + r_j, s_{yj}^2), \qquad
        \#\{j: r_j \ne 0\} \le K

    is maximised for each K from 0 to m - 2: of many slopes, the variants' own ratios among them,
    that of the highest likelihood is followed to its optimum by turns over the set of invalid
    variants and :math:`\theta`, r and :math:`\mu` being at their most likely values. With
    :math:`\mathrm{BIC}_K = -2\ell_K + K \log n`, the average weighs each K by
    :math:`\exp(-\mathrm{BIC}_K / 2)`, and its standard error is the weighted mean of
    :math:`\sqrt{s_K^2 + (\theta_K - \bar\theta)^2}`. A K without a certified maximum, or whose
    variants do not exclude a vertical line at the 95 % level, takes no part. Normal p value.
    ``used`` are the variants held valid at the best K; ``details`` has ``invalid``, their
    complement's size.

    Source: Xue, Shen and Pan 2021, doi:10.1016/j.ajhg.2021.05.014.
    R: ``MendelianRandomization::mr_cML(DP = FALSE)`` 0.10.0, which starts at zero, changes one set
    of parameters at a time and ends after 100 turns: at times before the optimum, or at a lower
    one.

    Assumptions: the valid variants are the largest group with the same ratio; no sample overlap.
    Limits: without perturbation of the data the choice of invalid variants is taken as certain, so
    that standard errors are too small where it is not.

    Parameters
    ----------
    average : average over K; otherwise the K of least BIC.
    sample_size : n; the smallest of the data's known sample sizes if not given.

    Examples
    --------
    >>> import polars as pl
    >>> made = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcd")}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3], [0.2]]), se_x=np.full((4, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.1, 0.15, 0.9]), se_y=np.full(4, 0.01),
    ... )
    >>> method = ConstrainedMaximumLikelihood(sample_size=10_000)
    >>> method.estimate(made, random=np.random.default_rng()).used
    (0, 1, 2)
    """

    key: ClassVar[str] = "cml"
    label: ClassVar[str] = "Constrained maximum likelihood (cML)"
    reference: ClassVar[str] = "10.1016/j.ajhg.2021.05.014"
    aliases: ClassVar[tuple[str, ...]] = ("mr_cML",)
    min_variants: ClassVar[int] = 3
    needs_sample_size: ClassVar[bool] = True

    average: bool = True
    sample_size: float | None = None

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope averaged over the numbers of invalid variants, or at the best."""
        del random
        n = self._sample_size(data)
        if not n > 1.0:
            message = "the sample size is needed for the criterion that chooses the valid variants"
            return refuse(MethodStatus.needs_sample_size, message, nsnp=data.m)
        points = Points(data.x, data.sx, data.beta_y, data.se_y)
        fits = _fit_each(points, price=math.log(n))
        if not fits:
            message = "no number of invalid variants leaves a slope that is a certified maximum"
            return refuse(MethodStatus.not_identified, message, nsnp=data.m)
        theta = np.array([fit.slope for fit in fits])
        se = np.array([fit.se for fit in fits])
        bic = np.array([fit.criterion for fit in fits])
        best = int(bic.argmin())
        slope, error = float(theta[best]), float(se[best])
        if self.average:
            weight = np.exp(-0.5 * (bic - bic[best]))
            weight /= weight.sum()
            slope = float(np.sum(weight * theta))
            error = float(np.sum(weight * np.sqrt(se**2 + (theta - slope) ** 2)))
        valid = np.flatnonzero(fits[best].valid)
        details = {"invalid": float(data.m - valid.size)}
        used = tuple(valid.tolist())
        return conclude(slope, error, nsnp=data.m, details=details, used=used)

    def _sample_size(self, data: Harmonised) -> float:
        if self.sample_size is not None:
            return self.sample_size
        sizes = np.array([data.n_y, *([] if data.n_x is None else data.n_x)])
        known = sizes[np.isfinite(sizes)]
        return float(known.min()) if known.size else math.nan


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The best fit with K invalid variants: slope, its error, BIC, and the variants held valid."""

    slope: float
    se: float
    criterion: float
    valid: Bool


def _fit_each(points: Points, *, price: float) -> list[_Fit]:
    """Certified fits for K from 0 to m - 2, ended where the price alone excludes a larger K."""
    slopes = list_slopes(points)
    shares = np.sort(_contribute(points, slopes), axis=1)
    losses = np.cumsum(shares, axis=1)
    m = points.x.size
    starts = slopes[np.nanargmin(losses, axis=0)]
    fits: list[_Fit] = []
    least = math.inf
    for invalid in range(m - 1):
        if invalid * price > least + _WEIGHTLESS:
            break
        fit = _fit_one(points, float(starts[m - 1 - invalid]), invalid, price)
        if fit is not None:
            fits.append(fit)
            least = min(least, fit.criterion)
    return fits


def _fit_one(points: Points, start: float, invalid: int, price: float) -> _Fit | None:
    """From the best slope of the search, by turns the best variants and their best slope."""
    theta, valid = start, _keep(points, start, invalid)
    for _ in range(_TURNS):
        chosen = points.select(valid)
        line = fit_line(chosen, start=theta)
        theta, before = line.slope, valid
        valid = _keep(points, theta, invalid)
        vertical = float(np.sum((chosen.x / chosen.sx) ** 2))
        if line.doubt is not None or vertical - line.q < _CHI2_95:
            return None
        if (valid == before).all():
            criterion = line.q + invalid * price
            return _Fit(theta, math.sqrt(2.0 / line.curvature), criterion, valid)
    return None


def _contribute(points: Points, slopes: F64) -> F64:
    """Each variant's -2 log likelihood (s, m) at slopes, its own effect at its most likely."""
    t = slopes[:, None]
    variance = points.sy**2 + t**2 * points.sx**2
    return np.asarray((points.y - t * points.x) ** 2 / variance)


def _keep(points: Points, theta: float, invalid: int) -> Bool:
    """Mark all but the variants that fit a slope worst, the first of equals."""
    order = np.argsort(-_contribute(points, np.array([theta]))[0], kind="stable")
    kept = np.ones(order.size, dtype=np.bool_)
    kept[order[:invalid]] = False
    return kept
