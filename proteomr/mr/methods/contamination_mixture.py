"""A mixture of valid and invalid variants, by its profile likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Convention, Estimate, Measure, refuse
from proteomr.mr.methods.confidence_parts import tabulate_parts
from proteomr.mr.methods.grids import (
    AT_AN_END,
    END_IN_REGION,
    Grid,
    count_narrowings,
    find_touched,
    split_region,
)
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
_TOO_MANY = "the grid would have too many points, or none"
_COARSE = (
    "the step of the grid is wider than the errors of {count} ratios, so that a better slope may "
    "lie between its points: step gives a finer one"
)
_OPEN = "the confidence set is open: the data exclude no effect for being large"
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

    The grid holds the whole set: an end of it that is not given moves outwards until the set ends
    before. Far out every variant is held invalid; where that is no less likely than the set allows,
    no effect is excluded for being large, and the set has no ends: limits are missing, and
    ``intervals`` has infinite ones. A set of one point, which the package prints, has no width, and
    a step wider than the errors of most ratios may pass over the best slope: it is divided by ten
    until neither is so.

    Source: Burgess, Foley, Allara, Staley and Howson 2020, doi:10.1038/s41467-019-14156-4.
    R: ``MendelianRandomization::mr_conmix`` 0.10.0, whose statistic is multiplied by
    :math:`\phi^2` where the confidence set would have it divided; ``divide_by_heterogeneity`` does
    that, so that p and set agree. Its grid ends two standard errors beyond the ratios, taken by the
    signs of the effects on the exposure, and its sets end there too, at times its estimate.

    Assumptions: the valid variants are the largest group with the same ratio; the ratios of the
    others are normal around zero.
    Limits: the estimate is a grid point; where the grid begins goes by the signs of the effects on
    the exposure, as in the package, so that counting another allele can move it by less than a
    step.

    Parameters
    ----------
    psi : standard deviation of invalid ratios; 1.5 times that of all ratios if not given.
    lowest, highest : ends of the grid, beyond which no effect is looked for: a best point there is
        none. If not given, two standard errors beyond the ratios, and farther out where need be.
    step : spacing of the grid, in the units of the effect.
    convention : with ``mendelianrandomization`` the grid ends where the package ends it, whatever
        lies beyond, and its step is divided where a set is one point alone; the message says where
        that matters.
    narrow : divide the step by ten while it is too wide; the message says so.
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
    version: ClassVar[int] = 3
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
    convention: Convention = "twosamplemr"
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
        free = self.narrow and not self._as_package
        least = count_narrowings(self.step, se) if free else 0
        for narrowed in range(least, least + (_NARROWINGS if self.narrow else 1)):
            found = self._look(data, _Ratios(ratio, se, psi), self.step / 10.0**narrowed)
            if found is None:
                return refuse(Status.not_identified, _TOO_MANY, nsnp=data.m)
            if found.best in {0, found.theta.size - 1} and not self._as_package:
                return refuse(Status.not_identified, AT_AN_END, nsnp=data.m)
            estimate = self._conclude(found)
            if estimate.intervals[0][0] < estimate.intervals[-1][1]:
                return _note_step(estimate, narrowed, coarse=int((se < found.step).sum()))
        message = "the confidence set is one point: the step of the grid is too wide"
        return refuse(Status.not_identified, message, nsnp=data.m)

    @property
    def _as_package(self) -> bool:
        return self.convention == "mendelianrandomization"

    def _start(self, data: Harmonised, step: float) -> Grid:
        """Return the grid to begin with: the package's, and to where no ratio is left out."""
        errors = _BEYOND * data.se_y
        below, above = (data.beta_y - errors) / data.x, (data.beta_y + errors) / data.x
        lowest, highest = float(below.min()), float(above.max())
        if not self._as_package:
            least, largest = float(np.minimum(below, above).min()), float(above.max())
            lowest -= step * math.ceil((lowest - least) / step)
            highest = max(largest, float(below.max()))
        free = (self.lowest is None, self.highest is None)
        return Grid(
            lowest if self.lowest is None else self.lowest,
            highest if self.highest is None else self.highest,
            step,
            free=(False, False) if self._as_package else free,
        )

    def _look(self, data: Harmonised, ratios: _Ratios, step: float) -> _Surface | None:
        """Return the profile on a grid that holds the set; None where it has too many points."""
        grid: Grid | None = self._start(data, step)
        found: _Surface | None = None
        while grid is not None:
            theta = grid.lay()
            if theta is None:
                return None
            found = ratios.weigh(theta, free=grid.free)
            grid = None if found.is_open else grid.widen(find_touched(found.inside))
        return found

    def _conclude(self, found: _Surface) -> Estimate:
        at_zero = float(found.ratios.profile(np.zeros(1))[0])
        factor = 1.0 / found.phi2 if self.divide_by_heterogeneity else found.phi2
        valid, intervals = found.valid, found.list_parts()
        low, high = intervals[0][0], intervals[-1][1]
        notes = {
            AT_AN_END: found.best in {0, found.theta.size - 1},
            END_IN_REGION: any(found.cut),
            _OPEN: found.is_open,
        }
        return Estimate(
            estimate=float(found.theta[found.best]),
            se=math.nan,
            neg_log10_p=float(neg_log10_p_chi2(2.0 * (found.top - at_zero) * factor, 1.0)),
            conf_low=low if math.isfinite(low) else math.nan,
            conf_high=high if math.isfinite(high) else math.nan,
            nsnp=valid.size,
            message=next((note for note, applies in notes.items() if applies), None),
            details={
                "psi": found.ratios.psi,
                "phi": math.sqrt(found.phi2),
                "valid": float(valid.sum()),
            },
            intervals=intervals,
            used=tuple(np.flatnonzero(valid).tolist()),
            further=(tabulate_parts(self.key, intervals),),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Ratios:
    """Ratios (m,) with their errors, and the standard deviation of the invalid ones."""

    value: F64
    se: F64
    psi: float

    @property
    def invalid(self) -> F64:
        return _log_normal(self.value, self.psi**2 + self.se**2)

    def profile(self, theta: F64) -> F64:
        """Return the log likelihoods at the points of a grid."""
        out, invalid = np.empty(theta.size), self.invalid
        size = max(1, _BLOCK // self.value.size)
        for first in range(0, theta.size, size):
            block = theta[first : first + size, None]
            valid = _log_normal(self.value - block, self.se**2)
            out[first : first + size] = np.maximum(valid, invalid).sum(axis=1)
        return out

    def weigh(self, theta: F64, *, free: tuple[bool, bool]) -> _Surface:
        """Return the profile, its best point, and what the data do not exclude."""
        likelihood, invalid = self.profile(theta), self.invalid
        best = int(likelihood.argmax())
        valid = _log_normal(self.value - theta[best], self.se**2) > invalid
        phi2 = _heterogeneity(self.value, self.se, valid)
        top = float(likelihood[best])
        inside = np.asarray(2.0 * (top - likelihood) < _CHI2_95 * phi2)
        endless = 2.0 * (top - float(invalid.sum())) < _CHI2_95 * phi2
        open_ends = (endless and free[0], endless and free[1])
        return _Surface(self, theta, best, top, valid, phi2, inside, open_ends)


@dataclass(frozen=True, slots=True, eq=False)
class _Surface:
    """The profile of ratios on a grid: its best point, and the confidence set around it."""

    ratios: _Ratios
    theta: F64
    best: int
    top: float
    valid: Bool
    phi2: float
    inside: Bool
    open_ends: tuple[bool, bool]

    @property
    def step(self) -> float:
        """Distance of the points of the grid."""
        return float(self.theta[1] - self.theta[0]) if self.theta.size > 1 else math.inf

    @property
    def is_open(self) -> bool:
        return any(self.open_ends)

    @property
    def cut(self) -> tuple[bool, bool]:
        """Whether the set goes on beyond either end of the grid, and nobody looked there."""
        low, high = find_touched(self.inside)
        return low and not self.open_ends[0], high and not self.open_ends[1]

    def list_parts(self) -> tuple[tuple[float, float], ...]:
        """Return the parts of the set, infinite where they are open."""
        parts = list(split_region(self.theta, self.inside))
        if self.open_ends[0]:
            parts[0] = (-math.inf, parts[0][1])
        if self.open_ends[1]:
            parts[-1] = (parts[-1][0], math.inf)
        return tuple(parts)


def _note_step(estimate: Estimate, narrowed: int, *, coarse: int) -> Estimate:
    notes = [estimate.message]
    if narrowed:
        notes.append(f"the step of the grid was divided by {10**narrowed}, as it was too wide")
    if coarse:
        notes.append(_COARSE.format(count=coarse))
    return replace(estimate, message="; ".join(filter(None, notes)) or None)


def _log_normal(distance: F64, variance: F64) -> F64:
    out: F64 = -0.5 * distance**2 / variance - 0.5 * np.log(2.0 * math.pi * variance)
    return out


def _heterogeneity(ratio: F64, se: F64, valid: Bool) -> float:
    """Cochran's Q over its degrees of freedom among the valid variants, 1 or more."""
    if valid.sum() < 2:
        return 1.0
    w, r = se[valid] ** -2.0, ratio[valid]
    centre = np.sum(w * r) / np.sum(w)
    return max(1.0, float(np.sum(w * (r - centre) ** 2)) / (r.size - 1.0))
