"""Multivariable median: the regression on all exposures that outlying variants sway least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.mr.methods.base import Estimate
from proteomr.mr.multivariable.absolute_deviations import fit_absolute_deviations
from proteomr.mr.multivariable.base import MultivariableMethod, conclude_each, refuse_each
from proteomr.stats.parametric_bootstrap import check_draws
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["MultivariableMedian"]

_NUMBERS_PER_BLOCK = 1 << 19  # 4 MB of drawn effects at a time


@dataclass(frozen=True, slots=True)
class MultivariableMedian(MultivariableMethod):
    r"""Effects that minimise the weighted sum of absolute distances of the variants.

    .. math:: \hat\theta = \arg\min_\theta \sum_j s_{yj}^{-2}
        \Big\lvert y_j - \sum_k \theta_k x_{jk} \Big\rvert

    The standard error is the standard deviation of the estimates from B sets of effects drawn from
    their sampling distributions, the weights staying those of the data. Normal p value.

    Source: Grant and Burgess 2021, doi:10.1002/sim.9156. R:
    ``MendelianRandomization::mr_mvmedian`` 0.10.0.

    Assumptions: valid instruments hold more than half of the weight. Variants are independent.
    Limits: less precise than a regression by squares where all variants are valid.

    Parameters
    ----------
    draws : B; 1,000 in the package, with seeds of its own.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3", "r4"]}),
    ...     beta_x=np.array([[0.1, 0.0], [0.0, 0.2], [0.1, 0.1], [0.3, 0.1]]),
    ...     se_x=np.full((4, 2), 0.01),
    ...     beta_y=np.array([0.05, 0.02, 0.50, 0.16]), se_y=np.full(4, 0.01),
    ... )
    >>> fits = MultivariableMedian(draws=10).estimate(data, random=np.random.default_rng(1))
    >>> [round(fit.estimate, 4) for fit in fits]
    [0.5, 0.1]
    """

    key: ClassVar[str] = "mv_median"
    label: ClassVar[str] = "Multivariable median"
    aliases: ClassVar[tuple[str, ...]] = ("mr_mvmedian",)
    reference: ClassVar[str] = "10.1002/sim.9156"
    min_variants: ClassVar[int] = 2
    stochastic: ClassVar[bool] = True

    draws: int = 1000

    def __post_init__(self) -> None:
        check_draws(self.draws)

    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, in order."""
        weights = data.se_y**-2
        weights = weights / weights.mean()
        medians, settled = fit_absolute_deviations(
            data.beta_x[None], data.beta_y[None], weights=weights
        )
        fits = [
            fit_absolute_deviations(x, y, weights=weights)
            for x, y in _draw(data, draws=self.draws, random=random)
        ]
        if not (settled.all() and all(done.all() for _, done in fits)):
            text = "the search for the least absolute deviations did not end"
            return refuse_each(data, status=Status.not_converged, message=text)
        drawn = np.concatenate([coefficients for coefficients, _ in fits])
        return conclude_each(medians[0], drawn.std(axis=0, ddof=1), nsnp=data.m)


def _draw(data: Harmonised, *, draws: int, random: Generator) -> Iterator[tuple[F64, F64]]:
    """Blocks of effects drawn anew; the draws do not depend on the size of the blocks."""
    m, e = data.beta_x.shape
    centre = np.column_stack([data.beta_x, data.beta_y])
    spread = np.column_stack([data.se_x, data.se_y])
    size = max(1, _NUMBERS_PER_BLOCK // (m * (e + 1)))
    for start in range(0, draws, size):
        shape = (min(size, draws - start), m, e + 1)
        drawn = centre + spread * random.standard_normal(shape)
        yield drawn[..., :e], drawn[..., e]
