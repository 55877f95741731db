"""Medians of the variants' ratios, which allow up to half of the evidence to be invalid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.mr.methods.base import Convention, Estimate, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_above_zero
from proteomr.stats.parametric_bootstrap import check_draws, draw_effects
from proteomr.stats.weighted_lines import penalise_weights
from proteomr.stats.weighted_median import weighted_median
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["PenalisedWeightedMedian", "SimpleMedian", "WeightedMedian"]


@dataclass(frozen=True, slots=True)
class SimpleMedian(Method):
    r"""Median of the variants' ratios :math:`y_j / x_j`.

    The standard error is the standard deviation of the medians of B sets of effects drawn from
    their sampling distributions. Normal p value.

    Source: Bowden et al. 2016, doi:10.1002/gepi.21965. R: ``TwoSampleMR::mr_simple_median`` 0.7.9.

    Assumptions: more than half of the variants are valid instruments.
    Limits: less precise than `WeightedMedian`; a weak variant counts as much as a strong one.

    Parameters
    ----------
    draws : B.
    """

    key: ClassVar[str] = "simple_median"
    label: ClassVar[str] = "Simple median"
    reference: ClassVar[str] = "10.1002/gepi.21965"
    aliases: ClassVar[tuple[str, ...]] = ("mr_simple_median",)
    min_variants: ClassVar[int] = 3
    stochastic: ClassVar[bool] = True

    draws: int = 1000

    def __post_init__(self) -> None:
        check_draws(self.draws)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the median of the ratios, and its spread over the draws."""
        weights = np.full(data.m, 1.0 / data.m)
        return _conclude(data, weights, draws=self.draws, random=random)


@dataclass(frozen=True, slots=True)
class WeightedMedian(Method):
    r"""Median of the variants' ratios, each weighted by the inverse of its variance.

    .. math:: \operatorname{var}(y_j/x_j) = s_{yj}^2/x_j^2 + y_j^2 s_{xj}^2/x_j^4

    The standard error as in `SimpleMedian`, the weights staying those of the data. Normal p value.

    Source: Bowden et al. 2016, doi:10.1002/gepi.21965. R: ``TwoSampleMR::mr_weighted_median``
    0.7.9, ``MendelianRandomization::mr_median`` 0.10.0.

    Assumptions: valid instruments hold more than half of the weight.
    Limits: biased where invalid variants do; the cut between the middle ratios makes it less
    precise than an inverse-variance weighted mean.

    Parameters
    ----------
    convention : "mendelianrandomization" leaves the second term of the variance out.
    draws : B.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02),
    ... )
    >>> fit = WeightedMedian().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4)
    0.4882
    """

    key: ClassVar[str] = "weighted_median"
    label: ClassVar[str] = "Weighted median"
    reference: ClassVar[str] = "10.1002/gepi.21965"
    aliases: ClassVar[tuple[str, ...]] = ("mr_weighted_median", "mr_median")
    min_variants: ClassVar[int] = 3
    stochastic: ClassVar[bool] = True

    convention: Convention = "twosamplemr"
    draws: int = 1000

    def __post_init__(self) -> None:
        check_draws(self.draws)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the median of the ratios, and its spread over the draws."""
        weights = _weigh(data, self.convention)
        return _conclude(data, weights, draws=self.draws, random=random)


@dataclass(frozen=True, slots=True)
class PenalisedWeightedMedian(Method):
    r"""Weighted median with the weights of heterogeneous variants lowered.

    .. math:: w_j^* = w_j \min(1, f p_j), \qquad
        p_j = \Pr\big(\chi^2_1 > w_j (y_j/x_j - \hat\theta)^2\big)

    with the weights and estimate of `WeightedMedian`. The standard error as there, with the weights
    :math:`w^*` of the data. Normal p value.

    Source: Bowden et al. 2016, doi:10.1002/gepi.21965. R:
    ``TwoSampleMR::mr_penalised_weighted_median`` 0.7.9, ``MendelianRandomization::mr_median``
    0.10.0 with ``weighting = "penalized"``.

    Assumptions: those of `WeightedMedian`.
    Limits: the standard error takes no account of the choice of the weights.

    Parameters
    ----------
    convention : see `WeightedMedian`; it decides p as well, as each package does.
    draws : B.
    factor : f.
    """

    key: ClassVar[str] = "penalised_weighted_median"
    label: ClassVar[str] = "Penalised weighted median"
    reference: ClassVar[str] = "10.1002/gepi.21965"
    aliases: ClassVar[tuple[str, ...]] = (
        "mr_penalised_weighted_median",
        "Penalized weighted median",
    )
    min_variants: ClassVar[int] = 3
    every_effect: ClassVar[bool] = True
    stochastic: ClassVar[bool] = True

    convention: Convention = "twosamplemr"
    draws: int = 1000
    factor: float = 20.0

    def __post_init__(self) -> None:
        check_draws(self.draws)
        check_above_zero("factor", self.factor)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the median of ratios with lowered weights, and its spread over the draws."""
        weights = _weigh(data, self.convention)
        ratios = _divide(data)
        centre = weighted_median(ratios, weights=weights)
        deviations = weights * (ratios - centre) ** 2
        lowered = penalise_weights(weights, deviations=deviations, factor=self.factor)
        if not lowered.sum() > 0:
            text = "every variant is too far from the weighted median to keep a weight"
            return refuse(Status.not_identified, text, nsnp=data.m)
        return _conclude(data, lowered, draws=self.draws, random=random)


def _divide(data: Harmonised) -> F64:
    """Ratios; infinite without an effect on the exposure, and zero without any effect at all."""
    return np.divide(data.beta_y, data.x, out=np.zeros(data.m), where=data.beta_y != 0)


def _weigh(data: Harmonised, convention: Convention) -> F64:
    variance = data.se_y**2
    if convention == "twosamplemr":
        variance = variance + (data.beta_y * data.sx / data.x) ** 2
        return np.where(data.x == 0, 0.0, data.x**2 / variance)
    return np.asarray(data.x**2 / variance)


def _conclude(data: Harmonised, weights: F64, *, draws: int, random: Generator) -> Estimate:
    estimate = float(weighted_median(_divide(data), weights=weights))
    if not math.isfinite(estimate):
        text = "too few variants with an effect on the exposure for a median ratio"
        return refuse(Status.zero_effect, text, nsnp=data.m)
    exposure, outcome = (data.x, data.sx), (data.beta_y, data.se_y)
    drawn = np.concatenate(
        [
            weighted_median(y / x, weights=weights)
            for x, y in draw_effects(exposure, outcome, draws=draws, random=random)
        ]
    )
    return conclude(estimate, float(drawn.std(ddof=1)), nsnp=data.m)
