"""Multivariable Egger regression: an intercept for the variants' average direct effect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Convention, Estimate, conclude
from proteomr.mr.methods.units import Powers
from proteomr.mr.multivariable.base import (
    INTERCEPT_POWERS,
    MultivariableMethod,
    conclude_each,
    describe_fit,
    fit_weighted,
    orient_by_exposure,
    refuse_each,
)
from proteomr.mr.multivariable.ivw import MultivariableDistribution
from proteomr.stats.distributions import neg_log10_p_t
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["MultivariableEgger"]


@dataclass(frozen=True, slots=True)
class MultivariableEgger(MultivariableMethod):
    r"""Weighted regression on the effects on all exposures, with an intercept.

    Every variant is first oriented so that its effect on one exposure is not negative; then

    .. math:: y_j = \alpha + \sum_k \theta_k x_{jk} + \varepsilon_j, \qquad
        \operatorname{var} \varepsilon_j = \sigma^2 s_{yj}^2

    with standard errors at :math:`\max(1, \hat\sigma)`. The intercept is among the details.

    Source: Rees, Wood and Burgess 2017, doi:10.1002/sim.7492. R:
    ``MendelianRandomization::mr_mvegger`` 0.10.0.

    Assumptions: direct effects on the outcome are independent of those on the exposures (InSIDE);
    they need not average zero.
    Limits: the estimates depend on the exposure that orients the variants; low power.

    Parameters
    ----------
    orient_by : name of the exposure that orients the variants; None for the first.
    convention : a variant without effect on that exposure keeps its allele; with
        "mendelianrandomization" it enters as the point (0, 0).
    distribution : "t" takes p and limits from Student's t with the residual degrees of freedom,
        m - e - 1; with "mendelianrandomization" p has m - e, the limits do not, as in the package.

    Raises
    ------
    UsageError
        From `estimate`: no exposure has the name of `orient_by`.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3", "r4"]}),
    ...     beta_x=np.array([[0.1, 0.0], [0.0, 0.2], [0.1, 0.1], [0.3, 0.1]]),
    ...     se_x=np.full((4, 2), 0.01),
    ...     beta_y=np.array([0.06, 0.03, 0.07, 0.17]), se_y=np.full(4, 0.01),
    ... )
    >>> fits = MultivariableEgger().estimate(data, random=np.random.default_rng(1))
    >>> [round(fit.estimate, 4) for fit in fits], round(fits[0].details["intercept"], 4)
    ([0.5, 0.1], 0.01)
    """

    key: ClassVar[str] = "mv_egger"
    label: ClassVar[str] = "Multivariable MR Egger"
    aliases: ClassVar[tuple[str, ...]] = ("mr_mvegger",)
    reference: ClassVar[str] = "10.1002/sim.7492"
    powers: ClassVar[Powers] = INTERCEPT_POWERS
    min_variants: ClassVar[int] = 3
    contradiction: ClassVar[str] = "the package's p counts a degree of freedom more than its limits"

    orient_by: str | None = None
    convention: Convention = "twosamplemr"
    distribution: MultivariableDistribution = "normal"

    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, in order."""
        del random
        x, y = orient_by_exposure(data, name=self.orient_by, convention=self.convention)
        fit = fit_weighted(np.column_stack([x, np.ones(data.m)]), y, weights=data.se_y**-2)
        if fit is None:
            text = "the intercept is a combination of the effects on the exposures"
            return refuse_each(data, status=Status.not_identified, message=text)
        e = len(data.exposures)
        se = fit.unit_se * max(1.0, fit.sigma)
        df = float(fit.df) if self.distribution == "t" else None
        whole = self._test(
            conclude(float(fit.coefficients[e]), float(se[e]), nsnp=data.m, df=df), df=fit.df
        )
        details = describe_fit(fit.q, fit.df) | {
            "intercept": whole.estimate,
            "intercept_se": whole.se,
            "intercept_neg_log10_p": whole.neg_log10_p,
            "intercept_conf_low": whole.conf_low,
            "intercept_conf_high": whole.conf_high,
        }
        estimates = conclude_each(fit.coefficients[:e], se[:e], nsnp=data.m, df=df, details=details)
        return tuple(self._test(estimate, df=fit.df) for estimate in estimates)

    def _test(self, estimate: Estimate, *, df: int) -> Estimate:
        """Give the package's p value, whose t forgets the intercept, where it is asked for."""
        if self.distribution != "t" or self.convention != "mendelianrandomization":
            return estimate
        minus_log = neg_log10_p_t(estimate.estimate / estimate.se, df + 1)
        return replace(estimate, neg_log10_p=float(minus_log))
