"""The slope at which most residuals belong to a spike of known errors (MRMix)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.grids import AT_AN_END, Grid, Power, check_grid, count_narrowings
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_above_zero
from proteomr.mr.methods.units import Powers, scale_positive
from proteomr.stats.spike_mixtures import Spikes, fit_spikes, line_error, spike_error
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["MixtureSpike"]

_WIDER = 1.1  # times the typical variance of a valid residual: the least of an invalid one's
_TIED = 1e-7  # of shares: where they go to 1, steps shrink so slowly that more is left open
_NONE = 1e-6  # of the variants: a share that goes to zero, and tells no slope from another
_MOST_CELLS = 50_000_000  # residuals of all points of the grid: half a gigabyte
_REACH = 1.0  # of the grid to either side of zero
_WIDENINGS = 3  # twofold each: a share that rises as far out as that has no top
_NARROWINGS = 12  # of the step, tenfold each: beyond, rounding of the effects is wider
_BESIDE = 20  # steps to either side of the best slope of a step ten times as wide: two of its
_WIDTH = 3.919927969080108  # standard errors from one limit of 95 % to the other
_TOO_MANY = "the grid has too many points for the size of the effects"


@dataclass(frozen=True, slots=True)
class MixtureSpike(Method):
    r"""The slope under which the largest share of the variants has no more than its errors.

    For every slope of a grid, the residuals :math:`r_j = y_j - \theta x_j` are a mixture

    .. math:: \pi_0 N(0, s_{yj}^2 + \theta^2 s_{xj}^2) + (1 - \pi_0) N(0, \sigma^2),

    fitted by maximum likelihood with :math:`\sigma^2` at least 1.1 times
    :math:`\operatorname{med}(s_y)^2 + \theta^2\operatorname{med}(s_x)^2` and, unless that is more,
    at most ``largest_variance``. The estimate is the slope of the largest :math:`\pi_0`; its error
    is that of the equation :math:`d\pi_0/d\theta = 0` by the delta method. Where no variant is
    outside of the spike, which slopes side by side may share, it is the likeliest slope with all
    variants valid, with the error that its likelihood gives. Normal p value.
    ``details`` has ``pi0`` and ``sigma2``.

    Source: Qi and Chatterjee 2019, doi:10.1038/s41467-019-09432-2.
    R: ``MRMix::MRMix`` 0.1.0 with the grid from -1 to 1, which among slopes with no variant outside
    of the spike takes the lowest, and an end of the grid where the share still rises beyond; here
    the grid is made wider then, and where that does not help there is no estimate.

    Assumptions: the valid variants are the largest group with the same ratio; effects in units of
    standard deviations, for which ``variance`` and ``largest_variance`` are meant.
    Limits: the estimate is a point of the grid; with fewer than some fifty variants the search
    often ends far from the others' estimates; errors are too small where few variants are valid.

    Parameters
    ----------
    lowest, highest : of the grid, in units of the effect, beyond which no slope is looked for: a
        best point there is none. If not given, -1 and 1, and farther out where need be.
    step : of the grid. One wider than the errors of most ratios is divided by tens until it is not;
        one wider than the limits of the estimate is so around the estimate. The message says so.
    share, variance : start of the search for :math:`\pi_0` and :math:`\sigma^2`.
    largest_variance : of invalid residuals, in squares of the outcome's unit.
    unit : power of two by which effects were divided, once they were.

    Examples
    --------
    >>> import polars as pl
    >>> x = np.array([0.1, 0.12, 0.15, 0.2, 0.18, 0.11])
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcdef")}),
    ...     beta_x=x[:, None], se_x=np.full((6, 1), 0.005),
    ...     beta_y=0.5 * x + np.array([0.001, -0.002, 0.001, 0.09, 0.002, -0.08]),
    ...     se_y=np.full(6, 0.01),
    ... )
    >>> round(MixtureSpike().estimate(pair, random=np.random.default_rng()).estimate, 2)
    0.5
    """

    key: ClassVar[str] = "mrmix"
    label: ClassVar[str] = "MRMix"
    reference: ClassVar[str] = "10.1038/s41467-019-09432-2"
    aliases: ClassVar[tuple[str, ...]] = ("mr_mix",)
    min_variants: ClassVar[int] = 3
    version: ClassVar[int] = 3
    powers: ClassVar[Powers] = {"sigma2": (2, 0)}

    lowest: float | None = None
    highest: float | None = None
    step: float = 0.01
    share: float = 0.6
    variance: float = 1e-5
    largest_variance: float = 0.01
    unit: Power = field(default_factory=Power)

    def __post_init__(self) -> None:
        check_grid(self.lowest, self.highest, self.step)
        check_above_zero("variance", self.variance)
        check_above_zero("largest_variance", self.largest_variance)
        if not 0.0 < self.share < 1.0:
            raise UsageError(f"share is {self.share}: a share between 0 and 1 is needed")

    def in_units(self, outcome: int, exposure: int) -> Self:
        """Return the method with its grid and its variances in the units of scaled effects."""
        power = exposure - outcome
        lowest, highest = (
            None if end is None else float(np.ldexp(end, power))
            for end in (self.lowest, self.highest)
        )
        return replace(
            self,
            lowest=lowest,
            highest=highest,
            step=scale_positive(self.step, power),
            unit=Power(self.unit.exponent + power),
            variance=scale_positive(self.variance, -2 * outcome),
            largest_variance=scale_positive(self.largest_variance, -2 * outcome),
        )

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope of the grid with the largest share of variants in the spike."""
        del random
        with np.errstate(divide="ignore"):  # a variant without an effect tells no ratio
            narrowed = count_narrowings(self.step, data.se_y / np.abs(data.x))
        most = narrowed + _NARROWINGS
        grid = self._lay(self.step / 10.0**narrowed)
        found = self._fit_on(data, grid)
        while found.status is Status.ok and grid.step > _WIDTH * found.se and narrowed < most:
            grid, narrowed = self._lay(grid.step / 10.0, around=found.estimate), narrowed + 1
            found = self._fit_on(data, grid)
        return _note(found, narrowed)

    def _lay(self, step: float, *, around: float | None = None) -> Grid:
        """Return the grid of all slopes, or that of two wider steps on both sides of one."""
        if around is None:
            reach = float(np.ldexp(_REACH, self.unit.exponent))
            return Grid.around_zero(self.lowest, self.highest, step, reach=reach, moves=True)
        low, high = around - _BESIDE * step, around + _BESIDE * step
        least = -np.inf if self.lowest is None else self.lowest
        most = np.inf if self.highest is None else self.highest
        return Grid(max(low, least), min(high, most), step, (low > least, high < most))

    def _fit_on(self, data: Harmonised, grid: Grid) -> Estimate:
        """Return the best slope of a grid."""
        looked = self._look(data, grid)
        if looked is None:
            return refuse(Status.not_identified, _TOO_MANY, nsnp=data.m)
        theta, spikes, best = looked
        doubtful = spikes.rising & (spikes.share + spikes.remaining > spikes.share[best])
        doubtful[best] = True
        doubtful &= spikes.remaining > _TIED
        if doubtful.any():
            message = f"the mixtures at {np.count_nonzero(doubtful)} slopes did not settle"
            return refuse(Status.not_converged, message, nsnp=data.m)
        if spikes.share[best] < _NONE:
            message = "no slope leaves a variant within its errors"
            return refuse(Status.not_identified, message, nsnp=data.m)
        if best in {0, theta.size - 1}:
            return refuse(Status.not_identified, AT_AN_END, nsnp=data.m)
        return self._conclude(data, spikes, theta, best)

    def _look(self, data: Harmonised, first: Grid) -> tuple[F64, Spikes, int] | None:
        """Return slopes, their mixtures and the best; None where the slopes are too many."""
        grid: Grid | None = first
        found: tuple[F64, Spikes, int] | None = None
        for _ in range(_WIDENINGS + 1):
            if grid is None:
                break
            theta = grid.lay()
            if theta is None or theta.size * data.m > _MOST_CELLS:
                return None
            spikes = self._fit_all(data, theta)
            tied = np.flatnonzero(spikes.share >= spikes.share.max() - _TIED)
            best = int(tied[spikes.log_likelihood[tied].argmax()])
            found = theta, spikes, best
            grid = grid.widen((best == 0, best == theta.size - 1))
        return found

    def _fit_all(self, data: Harmonised, theta: F64) -> Spikes:
        slopes = theta[:, None]
        typical = np.median(data.se_y) ** 2 + (theta * np.median(data.sx)) ** 2
        return fit_spikes(
            data.beta_y - slopes * data.x,
            data.se_y**2 + (slopes * data.sx) ** 2,
            share=self.share,
            variance=self.variance,
            lowest=_WIDER * typical,
            highest=self.largest_variance,
        )

    def _conclude(self, data: Harmonised, spikes: Spikes, theta: F64, best: int) -> Estimate:
        share, variance = float(spikes.share[best]), float(spikes.variance[best])
        effects, slope = (data.x, data.beta_y, data.sx, data.se_y), float(theta[best])
        if share >= 1.0 - _TIED:
            se = line_error(*effects, slope=slope, variance=variance)
        else:
            se = spike_error(*effects, slope=slope, share=share, variance=variance)
        details = {"pi0": share, "sigma2": variance}
        return conclude(float(theta[best]), se, nsnp=data.m, details=details)


def _note(found: Estimate, narrowed: int) -> Estimate:
    """Add what a user should know of an estimate: of its grid, and of its share."""
    words = [found.message] if found.message else []
    if narrowed:
        words.append(f"the step of the grid was divided by {10**narrowed}, as it was too wide")
    if found.details.get("pi0", 0.0) >= 1.0 - _TIED:
        words.append("no variant is outside of the spike: the likeliest slope with all valid")
    return replace(found, message="; ".join(words) or None)
