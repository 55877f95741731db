"""A mixture of valid and invalid variants, by its profile likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate, Measure, refuse
from proteomr.mr.methods.confidence_parts import tabulate_parts
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_above_zero
from proteomr.mr.methods.units import Powers, scale_positive
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["ContaminationMixture"]

_NARROWINGS = 300  # of the step, tenfold each: through all the sizes that numbers have
_SPREAD = 1.5  # standard deviations of the ratios: the package's default
_CHI2_95 = 3.841458820694124  # qchisq(0.95, 1)
_BEYOND = 2.0  # standard errors beyond the outermost ratios: the package's default
_LAST = 1e-10  # of a step: as R's seq, which keeps an end that rounding puts just out of reach
_MOST_POINTS = 1_000_000  # seconds of work; ratios that far apart are not of one scale
_AT_AN_END = "the best point is an end of the grid: lowest and highest give a wider one"
_BLOCK = 1 << 20  # 8 MB at a time


@dataclass(frozen=True, slots=True)
class ContaminationMixture(Method):
    r"""The slope under which the likelihood of valid and invalid variants together is highest.

    For ratios :math:`r_j = y_j / x_j` with :math:`s_j = |s_{yj} / x_j|`, each variant takes the
    better of two densities,

    .. math:: \ell(\theta) = \sum_j \max\{\log N(r_j; \theta, s_j^2),
        \log N(r_j; 0, \psi^2 + s_j^2)\},

    and :math:`\hat\theta` is the best point of a grid. The confidence set holds the points with
    :math:`2\{\ell(\hat\theta) - \ell(\theta)\} < 3.84 \phi^2`, where :math:`\phi^2 \ge 1` is the
    heterogeneity of the variants held valid; it may fall into several parts, which ``intervals``
    and the table ``confidence_sets`` list while ``conf_low`` and ``conf_high`` are its ends.
    ``used`` are the variants held valid. There is no standard error. p is that of
    :math:`2\{\ell(\hat\theta) - \ell(0)\} \phi^2`.

    The estimate is of the grid, also where its best point is an end: a message says so. A set of
    one point, which the package prints, has no width: the step is divided by ten until it has one.

    Source: Burgess, Foley, Allara, Staley and Howson 2020, doi:10.1038/s41467-019-14156-4.
    R: ``MendelianRandomization::mr_conmix`` 0.10.0, whose statistic is multiplied by
    :math:`\phi^2` where the confidence set would have it divided; ``divide_by_heterogeneity`` does
    that, so that p and set agree.

    Assumptions: the valid variants are the largest group with the same ratio; the ratios of the
    others are normal around zero.
    Limits: the estimate is a grid point; the ends of the grid are taken as the package takes them,
    by the signs of the effects on the exposure, so that counting another allele can move it by
    less than a step.

    Parameters
    ----------
    psi : standard deviation of invalid ratios; 1.5 times that of all ratios if not given.
    lowest, highest : ends of the grid; two standard errors beyond the ratios if not given.
    step : spacing of the grid, in the units of the effect.
    narrow : divide the step by ten while the confidence set is one point; the message says so.
    divide_by_heterogeneity : take p of the statistic divided by the heterogeneity.

    Examples
    --------
    >>> import polars as pl
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abc")}),
    ...     beta_x=np.full((3, 1), 0.1), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.052, -0.1]), se_y=np.full(3, 0.005),
    ... )
    >>> ContaminationMixture().estimate(pair, random=np.random.default_rng()).used
    (0, 1)
    """

    key: ClassVar[str] = "conmix"
    label: ClassVar[str] = "Contamination mixture"
    reference: ClassVar[str] = "10.1038/s41467-019-14156-4"
    aliases: ClassVar[tuple[str, ...]] = ("mr_conmix",)
    min_variants: ClassVar[int] = 2
    every_effect: ClassVar[bool] = True
    measures: ClassVar[tuple[Measure, ...]] = ("limits",)
    contradiction: ClassVar[str] = (
        "heterogeneity widens the set but, as in the package, lowers p, and a set may have gaps "
        "(divide_by_heterogeneity makes p agree)"
    )
    powers: ClassVar[Powers] = {"psi": (1, -1)}
    tables: ClassVar[tuple[str, ...]] = ("confidence_sets",)

    psi: float | None = None
    lowest: float | None = None
    highest: float | None = None
    step: float = 0.01
    narrow: bool = True
    divide_by_heterogeneity: bool = False

    def __post_init__(self) -> None:
        check_above_zero("step", self.step)
        check_above_zero("psi", self.psi, hint="; none for 1.5 standard deviations of the ratios")
        ends = (self.lowest, self.highest)
        if any(end is not None and math.isnan(end) for end in ends):
            raise UsageError(f"a grid from {self.lowest} to {self.highest}: its ends are numbers")
        if self.lowest is not None and self.highest is not None and self.lowest > self.highest:
            raise UsageError(f"a grid from {self.lowest} to {self.highest}: lowest is the larger")

    def in_units(self, outcome: int, exposure: int) -> Self:
        """Return the method with its grid and its spread in the units of scaled effects."""
        power = exposure - outcome
        lowest, highest = (
            None if end is None else float(np.ldexp(end, power))
            for end in (self.lowest, self.highest)
        )
        psi = None if self.psi is None else scale_positive(self.psi, power)
        step = scale_positive(self.step, power)
        return replace(self, psi=psi, lowest=lowest, highest=highest, step=step)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the best point of the grid, and the points that the data do not exclude."""
        del random
        ratio, se = data.beta_y / data.x, np.abs(data.se_y / data.x)
        psi = _SPREAD * float(ratio.std(ddof=1)) if self.psi is None else self.psi
        for narrowed in range(_NARROWINGS if self.narrow else 1):
            theta = self._grid(data, self.step / 10.0**narrowed)
            if theta is None:
                message = f"the grid would have more than {_MOST_POINTS} points, or none"
                return refuse(Status.not_identified, message, nsnp=data.m)
            estimate = self._conclude(ratio, se, psi, theta)
            if estimate.conf_low < estimate.conf_high:
                return _note_narrowing(estimate, narrowed)
        message = "the confidence set is one point: the step of the grid is too wide"
        return refuse(Status.not_identified, message, nsnp=data.m)

    def _grid(self, data: Harmonised, step: float) -> F64 | None:
        below = (data.beta_y - _BEYOND * data.se_y) / data.x
        above = (data.beta_y + _BEYOND * data.se_y) / data.x
        lowest = float(below.min()) if self.lowest is None else self.lowest
        highest = float(above.max()) if self.highest is None else self.highest
        count = (highest - lowest) / step
        if not 0.0 <= count < _MOST_POINTS:
            return None
        points = np.arange(math.floor(count + _LAST) + 1, dtype=np.float64)
        return np.asarray(lowest + step * points)

    def _conclude(self, ratio: F64, se: F64, psi: float, theta: F64) -> Estimate:
        invalid = _log_normal(ratio, psi**2 + se**2)
        likelihood = _profile(ratio, se, invalid, theta)
        best = int(likelihood.argmax())
        valid = _log_normal(ratio - theta[best], se**2) > invalid
        phi2 = _heterogeneity(ratio, se, valid)
        top = float(likelihood[best])
        inside = np.flatnonzero(2.0 * (top - likelihood) < _CHI2_95 * phi2)
        at_zero = float(_profile(ratio, se, invalid, np.zeros(1))[0])
        factor = 1.0 / phi2 if self.divide_by_heterogeneity else phi2
        parts = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)
        intervals = tuple((float(theta[part[0]]), float(theta[part[-1]])) for part in parts)
        return Estimate(
            estimate=float(theta[best]),
            se=math.nan,
            neg_log10_p=float(neg_log10_p_chi2(2.0 * (top - at_zero) * factor, 1.0)),
            conf_low=float(theta[inside[0]]),
            conf_high=float(theta[inside[-1]]),
            nsnp=ratio.size,
            message=_AT_AN_END if best in {0, theta.size - 1} else None,
            details={"psi": psi, "phi": math.sqrt(phi2), "valid": float(valid.sum())},
            intervals=intervals,
            used=tuple(np.flatnonzero(valid).tolist()),
            further=(tabulate_parts(self.key, intervals),),
        )


def _note_narrowing(estimate: Estimate, narrowed: int) -> Estimate:
    if not narrowed:
        return estimate
    note = f"the step of the grid was divided by {10**narrowed}, as its set was one point"
    notes = [note] if estimate.message is None else [estimate.message, note]
    return replace(estimate, message="; ".join(notes))


def _log_normal(distance: F64, variance: F64) -> F64:
    out: F64 = -0.5 * distance**2 / variance - 0.5 * np.log(2.0 * math.pi * variance)
    return out


def _profile(ratio: F64, se: F64, invalid: F64, theta: F64) -> F64:
    """Log likelihoods at the points of the grid."""
    out = np.empty(theta.size)
    size = max(1, _BLOCK // ratio.size)
    for first in range(0, theta.size, size):
        block = theta[first : first + size, None]
        out[first : first + size] = np.maximum(_log_normal(ratio - block, se**2), invalid).sum(
            axis=1
        )
    return out


def _heterogeneity(ratio: F64, se: F64, valid: Bool) -> float:
    """Cochran's Q over its degrees of freedom among the valid variants, 1 or more."""
    if valid.sum() < 2:
        return 1.0
    w, r = se[valid] ** -2.0, ratio[valid]
    centre = np.sum(w * r) / np.sum(w)
    return max(1.0, float(np.sum(w * (r - centre) ** 2)) / (r.size - 1.0))
