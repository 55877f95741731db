"""Maximum likelihood over the true effects of the variants, which are nuisance parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.mr.methods.base import Convention, Estimate, MethodStatus, conclude, refuse
from proteomr.mr.methods.ivw import (
    Distribution,
    IvwModel,
    check_correlation,
    describe_heterogeneity,
)
from proteomr.tables import Harmonised

__all__ = ["MaximumLikelihood", "find_optimum"]

_ANGLES = 180
_RATIOS = 100
_ZOOMS = 3
_ZOOMED = 21
_STEPS = 100
_FLAT = 1e-9  # standard errors; the step after it is exact
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class MaximumLikelihood:
    r"""Estimate that maximises the likelihood of both effects of all variants.

    .. math:: \begin{pmatrix} x_j \\ y_j \end{pmatrix} \sim N\left(
        \begin{pmatrix} \xi_j \\ \theta \xi_j \end{pmatrix},
        \begin{pmatrix} s_x^2 & \psi s_x s_y \\ \psi s_x s_y & s_y^2 \end{pmatrix} \right)

    With the :math:`\xi_j` maximised out, :math:`\hat\theta` minimises

    .. math:: Q(\theta) = \sum_j \frac{(y_j - \theta x_j)^2}
        {s_{yj}^2 - 2 \theta \psi s_{xj} s_{yj} + \theta^2 s_{xj}^2}

    and :math:`s^2 = 2 / Q''(\hat\theta)`. The minimum is searched over all directions
    :math:`\arctan \theta` and then found by Newton's method. Normal p value.

    Source: Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758. R:
    ``TwoSampleMR::mr_two_sample_ml`` 0.7.9, ``MendelianRandomization::mr_maxlik`` 0.10.0. Both
    search over all m + 1 parameters with a simplex, which stops short of the optimum: with many
    variants by several percent of the estimate, and at times by more than a standard error.

    Assumptions: every variant is a valid instrument with the same effect.
    Limits: pleiotropy biases it as it does the inverse-variance weighted estimate; without an
    effect on the exposure Q may have no minimum.

    Parameters
    ----------
    convention : "mendelianrandomization" makes "default" mean random effects where there are
        four variants or more.
    model : "random" multiplies s by :math:`\max(1, \sqrt{Q / (m - 1)})`; "default" is "fixed" with
        TwoSampleMR's convention.
    psi : correlation of the two estimates of a variant, from overlapping samples.
    distribution : "t" takes p and limits from Student's t with m - 1 degrees of freedom.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02),
    ... )
    >>> found = MaximumLikelihood().estimate(data, random=np.random.default_rng(1))
    >>> round(found.estimate, 4)
    0.493
    """

    key: ClassVar[str] = "maxlik"
    label: ClassVar[str] = "Maximum likelihood"
    reference: ClassVar[str] = "10.1002/gepi.21758"
    min_variants: ClassVar[int] = 2
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False

    convention: Convention = "twosamplemr"
    model: IvwModel = "default"
    psi: float = 0.0
    distribution: Distribution = "normal"

    def __post_init__(self) -> None:
        check_correlation(self.psi)

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        del random
        if data.m < self.min_variants:
            text = f"needs {self.min_variants} variants, found {data.m}"
            return refuse(MethodStatus.too_few, text, nsnp=data.m)
        if not data.x.any():
            text = "no variant has an effect on the exposure"
            return refuse(MethodStatus.zero_effect, text, nsnp=data.m)
        found = find_optimum(data, psi=self.psi)
        if found is None:
            text = "the likelihood has no maximum at a finite effect"
            return refuse(MethodStatus.not_converged, text, nsnp=data.m)
        theta, q, curvature = found
        sigma = math.sqrt(q / (data.m - 1))
        random_model = self.model == "random" or (
            self.model == "default" and self.convention == "mendelianrandomization" and data.m >= 4
        )
        se = math.sqrt(2.0 / curvature) * (max(1.0, sigma) if random_model else 1.0)
        details = {"residual_se": sigma} | describe_heterogeneity(q, data.m - 1)
        df = float(data.m - 1) if self.distribution == "t" else None
        return conclude(theta, se, nsnp=data.m, df=df, details=details)


def find_optimum(
    data: Harmonised, *, psi: float = 0.0, start: float | None = None
) -> tuple[float, float, float] | None:
    """Return where Q is smallest, Q there, and its second derivative; None without a minimum.

    Parameters
    ----------
    psi : correlation of the two estimates of a variant.
    start : a value known to be near; without it all directions are searched.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b"]}),
    ...     beta_x=np.array([[0.1], [0.2]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.1]), se_y=np.full(2, 0.02),
    ... )
    >>> found = find_optimum(data)
    >>> found is not None and round(found[0], 6)
    0.5
    """
    theta = _search(data, psi) if start is None else start
    for _ in range(_STEPS):
        value, slope, curvature = _profile(data, psi, theta)
        if not curvature > 0:
            return None
        theta, settled = _descend(data, psi, theta, (value, -slope / curvature, slope))
        if settled:
            value, _, curvature = _profile(data, psi, theta)
            return (theta, value, curvature) if curvature > 0 else None
    return None


def _profile(data: Harmonised, psi: float, theta: float) -> tuple[float, float, float]:
    """Q and its first and second derivatives."""
    x, y, sx, sy = data.x, data.beta_y, data.sx, data.se_y
    r = y - theta * x
    v = sy**2 - 2.0 * theta * psi * sx * sy + theta**2 * sx**2
    v1 = 2.0 * (theta * sx**2 - psi * sx * sy)
    v2 = 2.0 * sx**2
    q1 = -2.0 * x * r / v - r**2 * v1 / v**2
    q2 = 2.0 * x**2 / v + 4.0 * x * r * v1 / v**2 + r**2 * (2.0 * v1**2 / v**3 - v2 / v**2)
    return float(np.sum(r**2 / v)), float(q1.sum()), float(q2.sum())


def _search(data: Harmonised, psi: float) -> float:
    """Near where Q is smallest, over all directions and the variants' own ratios."""
    unit = float(np.median(data.se_y) / np.median(data.sx))
    angles = (np.arange(_ANGLES) + 0.5) / _ANGLES * math.pi - math.pi / 2.0
    carriers = data.x != 0
    ratios = np.quantile(data.beta_y[carriers] / data.x[carriers], np.linspace(0.0, 1.0, _RATIOS))
    candidates = np.unique(np.concatenate([unit * np.tan(angles), ratios]))
    for _ in range(_ZOOMS):
        best = int(np.argmin(_evaluate(data, psi, candidates)))
        low, high = candidates[max(best - 1, 0)], candidates[min(best + 1, candidates.size - 1)]
        candidates = np.linspace(low, high, _ZOOMED)
    return float(candidates[int(np.argmin(_evaluate(data, psi, candidates)))])


def _evaluate(data: Harmonised, psi: float, theta: F64) -> F64:
    t, sx, sy = theta[:, None], data.sx, data.se_y
    variance = sy**2 - 2.0 * t * psi * sx * sy + t**2 * sx**2
    return np.asarray(((data.beta_y - t * data.x) ** 2 / variance).sum(axis=1))


def _descend(
    data: Harmonised, psi: float, theta: float, found: tuple[float, float, float]
) -> tuple[float, bool]:
    """Newton's step, halved until Q does not rise; and whether it was the last one needed."""
    value, step, slope = found
    if abs(step * slope) <= _FLAT**2:
        return theta + step, True
    for _ in range(60):
        if _profile(data, psi, theta + step)[0] <= value * (1.0 + _ROUNDING):
            return theta + step, False
        step /= 2.0
    return theta, True
