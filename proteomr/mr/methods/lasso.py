"""Inverse-variance weighting of the variants that a lasso leaves without an effect of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.stats.outlier_path import fit_outlier_path
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["Lasso"]

_CHI2_95 = 3.841458820694124  # qchisq(0.95, 1)


@dataclass(frozen=True, slots=True)
class Lasso(Method):
    r"""Slope of the variants whose direct effects the lasso sets to zero.

    .. math:: \min_{\theta, \alpha} \tfrac12 \sum_j s_{yj}^{-2} (y_j - \theta x_j - \alpha_j)^2
        + \lambda \sum_j d_j |\alpha_j|

    along the penalties of :func:`proteomr.stats.outlier_path.fit_outlier_path`. From the smallest
    penalty up, the residual standard error :math:`\sigma_k` of the :math:`m_k` variants with
    :math:`\alpha_j = 0` is followed; the penalty is the last before one with
    :math:`\sigma_k > 1` whose rise exceeds :math:`3.84 / m_k`. The estimate is the
    inverse-variance weighted slope of the variants left, with the residual standard error kept at 1
    or more. Normal p value. ``used`` are these variants;
    ``details`` has ``penalty``.

    Source: Rees, Wood, Dudbridge and Burgess 2019, doi:10.1371/journal.pone.0222362.
    R: ``MendelianRandomization::mr_lasso`` 0.10.0.

    Assumptions: most variants are valid.
    Limits: the choice of variants is taken as certain, so that standard errors are too small.

    Examples
    --------
    >>> import polars as pl
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcde")}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3], [0.2], [0.1]]), se_x=np.full((5, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.11, 0.15, 0.9, 0.04]), se_y=np.full(5, 0.01),
    ... )
    >>> Lasso().estimate(pair, random=np.random.default_rng()).used
    (0, 1, 2, 4)
    """

    key: ClassVar[str] = "lasso"
    label: ClassVar[str] = "MR-Lasso"
    reference: ClassVar[str] = "10.1371/journal.pone.0222362"
    aliases: ClassVar[tuple[str, ...]] = ("mr_lasso",)
    min_variants: ClassVar[int] = 3

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope of the variants that the lasso leaves without a direct effect."""
        del random
        m = data.m
        x, y = _orient(data)
        x, y = x / data.se_y, y / data.se_y
        path = fit_outlier_path(x, y)
        if path is None:
            message = "the variants leave nothing for direct effects to explain"
            return refuse(Status.not_identified, message, nsnp=m)
        zero = path.coefficients == 0.0
        chosen = _choose(x, y, zero[::-1])
        if chosen is None:
            message = "no penalty leaves two variants without a direct effect"
            return refuse(Status.not_identified, message, nsnp=m)
        position = zero.shape[0] - 1 - chosen
        if not path.certified.all():
            message = "the lasso did not come to its optimum at every penalty"
            return refuse(Status.not_converged, message, nsnp=m)
        valid = np.flatnonzero(zero[position])
        slope, sigma, strength = _fit(x[valid], y[valid])
        error = max(1.0, sigma) / math.sqrt(strength)
        details = {"penalty": float(path.penalties[position]), "valid": float(valid.size)}
        return conclude(slope, error, nsnp=m, details=details, used=tuple(valid.tolist()))


def _orient(data: Harmonised) -> tuple[F64, F64]:
    """Effects per the allele that raises the exposure, which the scaling of the columns needs."""
    sign = np.where(data.x < 0.0, -1.0, 1.0)
    return sign * data.x, sign * data.beta_y


def _fit(x: F64, y: F64) -> tuple[float, float, float]:
    """Slope through the origin, residual standard error (NaN for one point), and sum of squares."""
    strength = float(x @ x)
    slope = float(x @ y) / strength if strength > 0.0 else math.nan
    residual = y - slope * x
    sigma = math.sqrt(float(residual @ residual) / (x.size - 1)) if x.size > 1 else math.nan
    return slope, sigma, strength


def _choose(x: F64, y: F64, zero: Bool) -> int | None:
    """Position of the penalty among those in rising order, given what each leaves (s, m)."""
    numbers = zero.sum(axis=1)
    enough = np.flatnonzero(numbers > 1)
    if not enough.size:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = (zero @ (x * y)) / (zero @ (x * x))
        squares = np.where(zero, (y - slopes[:, None] * x) ** 2, 0.0).sum(axis=1)
        sigma = np.where(numbers > 1, np.sqrt(squares / (numbers - 1)), np.nan)
        heterogeneous = (sigma[1:] > 1.0) & (np.diff(sigma) > _CHI2_95 / numbers[1:])
    stops = np.flatnonzero(heterogeneous)
    position = int(stops[0]) if stops.size else zero.shape[0] - 1
    return max(position, int(enough[0]))
