"""Generalised method of moments with principal components of correlated variants (PC-GMM)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.correlated import CorrelatedMethod, correlate
from proteomr.mr.methods.heterogeneity import describe_heterogeneity
from proteomr.mr.methods.sample_sizes import find_sizes
from proteomr.mr.methods.units import Powers
from proteomr.stats.bracketing import halve_to_root
from proteomr.stats.combined_effects import JointEffects, join_effects
from proteomr.stats.correlated_effects import diagonalise
from proteomr.stats.line_likelihood import LineFit, Points, fit_line
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["ComponentGmm"]


@dataclass(frozen=True, slots=True)
class ComponentGmm(CorrelatedMethod):
    r"""Effect that leaves the components' residual effects least, by their own covariances.

    The variants, oriented so that :math:`x_j \ge 0`, are replaced by the principal components of

    .. math:: \Phi_{jk} = \frac{x_j x_k}{s_{yj} s_{yk}} \rho_{jk}

    (of its columns, centred) that explain ``variance`` of it, r of m. With g and
    :math:`\Sigma` the effects of the components and their covariances
    (`proteomr.stats.combined_effects`), the continuously updated estimate minimises

    .. math:: Q(\theta) = (g_y - \theta g_x)^T (\Sigma_y + \theta^2 \Sigma_x +
        \tfrac{\kappa}{n_y} I)^{-1} (g_y - \theta g_x), \quad
        s^{-2} = g_x^T (\Sigma_y + \hat\theta^2 \Sigma_x + \tfrac{\kappa}{n_y} I)^{-1} g_x

    over all directions, as `MaximumLikelihood`. The overdispersion :math:`\kappa` makes Q its
    expectation r - 1 at the estimate without it, and is zero where Q is less, or unless robust.
    Normal p value. ``details`` has the number of components, their F statistic, and kappa / n.

    Source: Patel, Gill, Shungin, Mantzoros, Knudsen, Bowden and Burgess 2024,
    doi:10.1002/gepi.22551. R: ``MendelianRandomization::mr_pcgmm`` 0.10.0, which takes the signs of
    the effects as they stand, so that its estimate depends on which alleles are counted; ours is
    that of effects on the exposure of zero or more.

    Assumptions: variants act through the exposure alone, or with further effects of mean zero on
    the components, of equal variance (robust); the samples do not overlap.
    Limits: with weak components it is biased, and covers less than it says: see ``clr``.

    Parameters
    ----------
    robust : allow for overdispersion; Q is then no test.
    variance : share of the variance that the components explain.
    components : their number; None for as many as ``variance`` needs.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.1, 0.15]), se_y=np.full(3, 0.02), n_x=np.array([1e4]), n_y=1e4,
    ...     ld=np.array([[1.0, 0.5, 0.2], [0.5, 1.0, 0.5], [0.2, 0.5, 1.0]]),
    ... )
    >>> fit = ComponentGmm().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4), fit.details["components"]
    (0.5001, 2.0)
    """

    key: ClassVar[str] = "pcgmm"
    label: ClassVar[str] = "Principal components GMM"
    reference: ClassVar[str] = "10.1002/gepi.22551"
    aliases: ClassVar[tuple[str, ...]] = ("mr_pcgmm", "pc_gmm")
    min_variants: ClassVar[int] = 2
    needs_sample_size: ClassVar[bool] = True
    powers: ClassVar[Powers] = {"overdispersion": (2, 0)}

    robust: bool = True
    variance: float = 0.99
    components: int | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.variance < 1.0:
            raise UsageError(f"variance is {self.variance}: a share between 0 and 1 is needed")
        if self.components is not None and self.components < 1:
            raise UsageError(f"components is {self.components}: 1 or more are needed")

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the effect of least Q, with or without overdispersion."""
        del random
        n_x, n_y = find_sizes(data)
        if not (n_x > data.m and n_y > data.m):
            text = "needs the sample sizes of both studies, above the number of variants"
            return refuse(Status.needs_sample_size, text, nsnp=data.m)
        sign = np.where(data.x < 0, -1.0, 1.0)
        x, y = np.abs(data.x), sign * data.beta_y
        r = correlate(data) * np.outer(sign, sign)
        weights = x / data.se_y
        chosen = _find_components(np.outer(weights, weights) * r, self.variance, self.components)
        of_x = join_effects(x, data.sx, n=n_x, correlations=r, combinations=chosen)
        of_y = join_effects(y, data.se_y, n=n_y, correlations=r, combinations=chosen)
        if of_x is None or of_y is None:
            text = "the variants explain more variance than there is: errors, sizes or LD are wrong"
            return refuse(Status.not_identified, text, nsnp=data.m)
        return self._conclude(data.m, of_x, of_y)

    def _conclude(self, m: int, of_x: JointEffects, of_y: JointEffects) -> Estimate:
        df = of_x.effects.size - 1
        line, excess = _minimise(of_x, of_y, 0.0), 0.0
        if self.robust and df and line.doubt is None and line.q > df:
            excess = _disperse(of_x, of_y, line.slope, df)
            line = _minimise(of_x, of_y, excess)
        if line.doubt is not None:
            text = f"Q has no minimum at a finite effect: {line.doubt}"
            return refuse(Status.not_converged, text, nsnp=m)
        covariance = _cover(of_x, of_y, line.slope, excess)
        se = float(of_x.effects @ np.linalg.solve(covariance, of_x.effects)) ** -0.5
        strength = float(of_x.effects @ np.linalg.solve(of_x.covariance, of_x.effects)) / (df + 1)
        details = {"components": df + 1.0, "f": strength, "q": line.q, "q_df": float(df)}
        if self.robust:
            details["overdispersion"] = excess
        else:
            details |= describe_heterogeneity(line.q, df)
        return conclude(line.slope, se, nsnp=m, details=details)


def _find_components(phi: F64, variance: float, count: int | None) -> F64:
    """Return the principal components of the columns of a matrix that explain a share, (m, r)."""
    centred = phi - phi.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    values, vectors = values[::-1], vectors[:, ::-1]
    shares = np.cumsum(values) / values.sum()
    enough = int(np.argmax(shares > variance)) + 1 if (shares > variance).any() else shares.size
    return np.asarray(vectors[:, : min(enough if count is None else count, phi.shape[0])])


def _minimise(of_x: JointEffects, of_y: JointEffects, excess: float) -> LineFit:
    """Return the effect of least Q, over all directions."""
    both = diagonalise(
        of_x.effects,
        of_y.effects,
        covariance_x=of_x.covariance,
        covariance_y=_cover(of_x, of_y, 0.0, excess),
    )
    return fit_line(Points(both.x, np.sqrt(both.spread), both.y, np.ones(both.y.size)))


def _cover(of_x: JointEffects, of_y: JointEffects, slope: float, excess: float) -> F64:
    """Return the covariance of the residual effects."""
    whole = of_y.covariance + slope**2 * of_x.covariance
    return np.asarray(whole + excess * np.eye(whole.shape[0]))


def _disperse(of_x: JointEffects, of_y: JointEffects, slope: float, df: int) -> float:
    """Return the excess variance at which Q is its degrees of freedom, at a slope."""
    values, vectors = np.linalg.eigh(_cover(of_x, of_y, slope, 0.0))
    squares = (vectors.T @ (of_y.effects - slope * of_x.effects)) ** 2
    top = np.array([math.fsum(squares) / df])
    excess = halve_to_root(
        lambda kappa: np.array([np.sum(squares / (values + kappa[0])) - df]), np.zeros(1), top
    )
    return float(excess[0])
