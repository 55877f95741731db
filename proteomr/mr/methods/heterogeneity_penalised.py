"""The average over all sets of variants that may be valid, heterogeneous ones weighted down."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Convention, Estimate, Measure, refuse
from proteomr.mr.methods.grids import (
    AT_AN_END,
    END_IN_REGION,
    Grid,
    Power,
    check_grid,
    find_touched,
    split_region,
)
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.units import scale_positive
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.subset_mixtures import SubsetMixture, mix_subsets
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["HeterogeneityPenalised"]

_CHI2_95 = 3.841458820694124  # qchisq(0.95, 1)
_NARROWINGS = 12  # of the step, tenfold each: beyond, rounding of the effects is wider
_REACH = 1.0  # of the grid to either side of zero, as the package has it
_TOO_MANY = "the grid has too many points for the size of the effects"


@dataclass(frozen=True, slots=True)
class HeterogeneityPenalised(Method):
    r"""The effect that is likeliest when every set of two or more variants may be the valid one.

    With ratios :math:`r_j = y_j / x_j` of error :math:`s_j = |s_{yj} / x_j|`, a set S of k variants
    has the inverse-variance weighted mean :math:`\hat\theta_S` with error :math:`s_S`, and the
    weight

    .. math:: w_S = p^k (1 - p)^{m - k} \prod_{j \in S} s_j^{-1} \exp(-Q_S / 2)

    in which Cochran's Q penalises sets that disagree. The likelihood of an effect is

    .. math:: L(\theta) = \sum_S w_S \, N\big(\theta; \hat\theta_S,
        s_S^2 \max\{1, Q_S / (k - 1)\}\big),

    the estimate is the best point of a grid, and the confidence region holds the points with
    :math:`2\{\log L(\hat\theta) - \log L(\theta)\} < 3.84`; it may have several parts, which
    ``intervals`` lists, while ``conf_low`` and ``conf_high`` are its ends. There is no standard
    error; p is that of :math:`2\{\log L(\hat\theta) - \log L(0)\}`.

    Source: Burgess, Zuber, Gkatzionis and Foley 2018, doi:10.1093/ije/dyy080.
    R: ``MendelianRandomization::mr_hetpen`` 0.10.0, which looks from -1 to 1 and takes an end of
    that for the estimate, or for a limit, where the likelihood still rises beyond. Here the grid is
    made wider until it holds the whole region. A region of one point has no width: the step is
    divided by ten until it has one, and the message says so.

    Assumptions: the valid variants are the largest group with the same ratio.
    Limits: the number of sets doubles with each variant, so that 20 are the most. Weights depend on
    the unit of the effect, through :math:`s_j^{-1}` beside p: with small effects large sets count
    more. The estimate is the best within the grid, as far as that was looked at.

    Parameters
    ----------
    prior : probability of a variant being valid.
    lowest, highest : ends of the grid, in units of the effect, beyond which no effect is looked
        for: a best point there is none. If not given, -1 and 1, and farther out where need be.
    step : spacing of the grid.
    convention : with ``mendelianrandomization`` the grid ends at -1 and 1, whatever lies beyond;
        the message says where that matters.
    unit : power of two by which effects were divided, once they were.

    Examples
    --------
    >>> import polars as pl
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abc")}),
    ...     beta_x=np.full((3, 1), 0.1), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.052, -0.1]), se_y=np.full(3, 0.005),
    ... )
    >>> found = HeterogeneityPenalised().estimate(pair, random=np.random.default_rng())
    >>> round(found.estimate, 3)
    0.51
    """

    key: ClassVar[str] = "hetpen"
    label: ClassVar[str] = "Heterogeneity-penalised"
    reference: ClassVar[str] = "10.1093/ije/dyy080"
    aliases: ClassVar[tuple[str, ...]] = ("mr_hetpen", "Heterogeneity-penalized")
    min_variants: ClassVar[int] = 2
    max_variants: ClassVar[int | None] = 20
    every_effect: ClassVar[bool] = True
    measures: ClassVar[tuple[Measure, ...]] = ("limits",)
    contradiction: ClassVar[str] = "the confidence region has gaps"

    prior: float = 0.5
    lowest: float | None = None
    highest: float | None = None
    step: float = 0.001
    convention: Convention = "twosamplemr"
    unit: Power = field(default_factory=Power)

    def __post_init__(self) -> None:
        if not 0.0 < self.prior < 1.0:
            raise UsageError(f"prior is {self.prior}: a probability between 0 and 1 is needed")
        check_grid(self.lowest, self.highest, self.step)

    def in_units(self, outcome: int, exposure: int) -> Self:
        """Return the method with its grid in the units of scaled effects."""
        power = exposure - outcome
        lowest, highest = (
            None if end is None else float(np.ldexp(end, power))
            for end in (self.lowest, self.highest)
        )
        step = scale_positive(self.step, power)
        unit = Power(self.unit.exponent + power)
        return replace(self, lowest=lowest, highest=highest, step=step, unit=unit)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the best point of the grid, and the points that the data do not exclude."""
        del random
        # The densities of ratios in their own unit: 2 to the power of it times those of scaled ones
        log_odds = math.log(self.prior / (1.0 - self.prior)) + self.unit.exponent * math.log(2.0)
        ratio, se = data.beta_y / data.x, np.abs(data.se_y / data.x)
        mixture = mix_subsets(ratio, se, log_odds=log_odds)
        found = self._look(mixture, self._start())
        if found is None:
            return refuse(Status.not_identified, _TOO_MANY, nsnp=data.m)
        points, best, inside = found
        touched = find_touched(inside)
        end = AT_AN_END if best in {0, points.size - 1} else END_IN_REGION if any(touched) else None
        if end == AT_AN_END and self.convention != "mendelianrandomization":
            return refuse(Status.not_identified, end, nsnp=data.m)
        ends, step = (float(points[0]), float(points[-1])), self.step
        for narrowed in range(_NARROWINGS):
            if np.count_nonzero(inside) > 1:
                fit = _conclude(data, mixture, points, inside, best=best)
                return replace(fit, message=_note(narrowed, end))
            step /= 10.0
            points = points[best] + step * np.arange(-10.0, 11.0)
            points = points[(points >= ends[0]) & (points <= ends[1])]
            best, inside = _find_region(mixture, points)
        message = "the confidence region is one point: the effects leave it no width"
        return refuse(Status.not_identified, message, nsnp=data.m)

    def _start(self) -> Grid:
        """Return the grid to begin with."""
        reach = float(np.ldexp(_REACH, self.unit.exponent))
        moving = self.convention != "mendelianrandomization"
        return Grid.around_zero(self.lowest, self.highest, self.step, reach=reach, moves=moving)

    def _look(self, mixture: SubsetMixture, grid: Grid) -> tuple[F64, int, Bool] | None:
        """Return points, the best and the region around it; None where they are too many."""
        wider: Grid | None = grid
        found: tuple[F64, int, Bool] | None = None
        while wider is not None:
            points = wider.lay()
            if points is None:
                return None
            found = points, *_find_region(mixture, points)
            wider = wider.widen(find_touched(found[2]))
        return found


def _find_region(mixture: SubsetMixture, points: F64) -> tuple[int, Bool]:
    """Return the best of the points, and which of them the data do not exclude."""
    density = mixture.search(points, within=_CHI2_95 / 2)
    best = int(density.argmax())
    return best, np.asarray(2 * (density[best] - density) < _CHI2_95)


def _conclude(
    data: Harmonised, mixture: SubsetMixture, points: F64, inside: Bool, *, best: int
) -> Estimate:
    parts = split_region(points, inside)
    at = mixture.log_density(np.array([points[best], 0.0]))
    statistic = max(0.0, 2.0 * float(at[0] - at[1]))
    return Estimate(
        estimate=float(points[best]),
        se=math.nan,
        neg_log10_p=float(neg_log10_p_chi2(statistic, 1)),
        conf_low=parts[0][0],
        conf_high=parts[-1][1],
        nsnp=data.m,
        intervals=parts,
    )


def _note(narrowed: int, end: str | None) -> str | None:
    step = f"the step of the grid was divided by {10**narrowed}" if narrowed else None
    return "; ".join(filter(None, [end, step])) or None
