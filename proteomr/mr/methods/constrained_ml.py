"""Maximum likelihood with a constrained number of invalid variants (cML)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.mr.methods.base import Estimate, MethodStatus, conclude, refuse
from proteomr.tables import Harmonised

__all__ = ["ConstrainedMaximumLikelihood"]

_NUMBERS_PER_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class ConstrainedMaximumLikelihood:
    r"""Slope with K invalid variants left free, averaged over K or at the best K.

    .. math::
        x_j \sim N(\mu_j, s_{xj}^2), \qquad y_j \sim N(\theta\mu_j + r_j, s_{yj}^2), \qquad
        \#\{j: r_j \ne 0\} \le K

    is maximised for each K from 0 to m - 2 by turns over r, :math:`\mu` and :math:`\theta`, started
    at zero and stopped when :math:`\theta` moves by less than 1e-7 or after 100 turns. With
    :math:`\mathrm{BIC}_K = -2\ell_K + K \log n`, the average weighs each K by
    :math:`\exp(-\mathrm{BIC}_K / 2)`, and its standard error is the weighted mean of
    :math:`\sqrt{s_K^2 + (\theta_K - \bar\theta)^2}`. A K whose information is not above zero takes
    no part. Normal p value. ``used`` are the variants held valid at the best K;
    ``details`` has ``invalid``, their complement's size.

    Source: Xue, Shen and Pan 2021, doi:10.1016/j.ajhg.2021.05.014.
    R: ``MendelianRandomization::mr_cML(DP = FALSE)`` 0.10.0.

    Assumptions: the valid variants are the largest group with the same ratio; no sample overlap.
    Limits: without perturbation of the data the choice of invalid variants is taken as certain, so
    that standard errors are too small where it is not; a single start may find a local maximum.

    Parameters
    ----------
    average : average over K; otherwise the K of least BIC.
    sample_size : n; the smallest of the data's known sample sizes if not given.
    turns : most turns for each K.

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
    min_variants: ClassVar[int] = 3
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False

    average: bool = True
    sample_size: float | None = None
    turns: int = 100

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        del random
        if data.m < self.min_variants:
            message = f"{self.min_variants} variants are needed, {data.m} given"
            return refuse(MethodStatus.too_few, message, nsnp=data.m)
        if not (data.x != 0.0).any():
            message = "no variant has an effect on the exposure"
            return refuse(MethodStatus.zero_effect, message, nsnp=data.m)
        n = self._sample_size(data)
        if not n > 1.0:
            message = "the sample size is needed for the criterion that chooses the valid variants"
            return refuse(MethodStatus.needs_sample_size, message, nsnp=data.m)
        theta, se, loss, free = _fit_all(data, self.turns)
        bic = 2.0 * loss + math.log(n) * np.arange(theta.size)
        usable = np.isfinite(se)
        if not usable.any():
            message = "no number of invalid variants leaves information on the slope"
            return refuse(MethodStatus.not_identified, message, nsnp=data.m)
        best = int(np.where(usable, bic, np.inf).argmin())
        slope, error = float(theta[best]), float(se[best])
        if self.average:
            weight = np.where(usable, np.exp(-0.5 * (bic - bic[best])), 0.0)
            weight /= weight.sum()
            slope = float(np.sum(weight * theta))
            spread = np.sqrt(np.where(usable, se, 0.0) ** 2 + (theta - slope) ** 2)
            error = float(np.sum(weight * spread))
        valid = np.flatnonzero(~free[best])
        details = {"invalid": float(data.m - valid.size)}
        used = tuple(valid.tolist())
        return conclude(slope, error, nsnp=data.m, details=details, used=used)

    def _sample_size(self, data: Harmonised) -> float:
        if self.sample_size is not None:
            return self.sample_size
        sizes = np.array([data.n_y, *([] if data.n_x is None else data.n_x)])
        known = sizes[np.isfinite(sizes)]
        return float(known.min()) if known.size else math.nan


def _fit_all(data: Harmonised, turns: int) -> tuple[F64, F64, F64, Bool]:
    """Slopes, standard errors, losses (K,) and free variants (K, m) for K from 0 to m - 2."""
    numbers: I64 = np.arange(data.m - 1, dtype=np.int64)
    size = max(1, _NUMBERS_PER_BLOCK // data.m)
    parts = [
        _fit_block(data, numbers[first : first + size], turns)
        for first in range(0, numbers.size, size)
    ]
    theta, se, loss, free = zip(*parts, strict=True)
    return np.concatenate(theta), np.concatenate(se), np.concatenate(loss), np.concatenate(free)


def _fit_block(data: Harmonised, numbers: I64, turns: int) -> tuple[F64, F64, F64, Bool]:
    x, wx, y, wy = data.x, data.sx**-2.0, data.beta_y, data.se_y**-2.0
    theta = np.zeros(numbers.size)
    mu, r = np.zeros((numbers.size, data.m)), np.zeros((numbers.size, data.m))
    moving = np.arange(numbers.size)
    for _ in range(turns):
        slope = theta[moving, None]
        residual = y - slope * mu[moving]
        r[moving] = np.where(_largest(residual**2 * wy, numbers[moving]), residual, 0.0)
        rest = y - r[moving]
        mu[moving] = (x * wx + slope * rest * wy) / (wx + slope**2 * wy)
        inner = mu[moving]
        new = np.sum(rest * inner * wy, axis=1) / np.sum(inner**2 * wy, axis=1)
        change = np.abs(new - theta[moving])
        theta[moving] = new
        moving = moving[change > 1e-7]
        if not moving.size:
            break
    free = r != 0.0
    mu = np.where(free, x, mu)
    fitted = theta[:, None] * mu
    r = np.where(free, y - fitted, 0.0)
    loss = 0.5 * np.sum((x - mu) ** 2 * wx + (y - fitted - r) ** 2 * wy, axis=1)
    return theta, _standard_errors(data, theta, mu, free), loss, free


def _largest(importance: F64, numbers: I64) -> Bool:
    """Mark the K largest of each row, the first of equals."""
    order = np.argsort(-importance, axis=1, kind="stable")
    out = np.zeros(importance.shape, dtype=bool)
    chosen = np.arange(importance.shape[1]) < numbers[:, None]
    np.put_along_axis(out, order, chosen, axis=1)
    return out


def _standard_errors(data: Harmonised, theta: F64, mu: F64, free: Bool) -> F64:
    """From the profile information of the slope over valid variants; NaN where not above zero."""
    wx, wy, slope = data.sx**-2.0, data.se_y**-2.0, theta[:, None]
    lost = (2.0 * slope * mu - data.beta_y) ** 2 * wy**2 / (wx + slope**2 * wy)
    information = np.sum(np.where(free, 0.0, mu**2 * wy - lost), axis=1)
    out = np.full(theta.size, np.nan)
    positive = information > 0.0
    out[positive] = information[positive] ** -0.5
    return out
