"""Agreement in sign of the variants' effects on exposure and outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from scipy import special

from proteomr.mr.methods.base import Estimate, Measure, refuse
from proteomr.mr.methods.method import Method
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["SignConcordance"]


@dataclass(frozen=True, slots=True)
class SignConcordance(Method):
    r"""Excess of variants whose two effects have the same sign, between -1 and 1.

    .. math:: \hat\theta = 2 (k / n - 1/2)

    with k of n variants concordant; variants with an effect of exactly zero are left out. The p
    value is that of the exact two-sided binomial test of k at one half. It is no estimate of the
    size of the effect, and has neither standard error nor limits.

    Source: the sign test, Arbuthnott 1710, doi:10.1098/rstl.1710.0011. R: ``TwoSampleMR::mr_sign``
    0.7.9.

    Assumptions: under no causal effect, either sign of the effect on the outcome is as likely.
    Limits: sizes and precisions of the effects are not used.

    Examples
    --------
    >>> import polars as pl
    >>> names = pl.DataFrame({"variant_id": list("abcdef")})
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=names,
    ...     beta_x=np.full((6, 1), 0.1), se_x=np.full((6, 1), 0.01),
    ...     beta_y=np.full(6, 0.2), se_y=np.full(6, 0.02),
    ... )
    >>> fit = SignConcordance().estimate(data, random=np.random.default_rng(1))
    >>> fit.estimate, round(10**-fit.neg_log10_p, 5)
    (1.0, 0.03125)
    """

    key: ClassVar[str] = "sign"
    label: ClassVar[str] = "Sign concordance test"
    reference: ClassVar[str] = "10.1098/rstl.1710.0011"
    aliases: ClassVar[tuple[str, ...]] = ("mr_sign",)
    min_variants: ClassVar[int] = 6
    measures: ClassVar[tuple[Measure, ...]] = ()
    pure: ClassVar[bool] = True

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the excess of agreeing signs; signs are the same in all units."""
        del random
        product = np.sign(data.x) * np.sign(data.beta_y)
        n = int(np.count_nonzero(product))
        if n < self.min_variants:
            text = f"needs {self.min_variants} variants with both effects, found {n}"
            return refuse(Status.too_few, text, nsnp=n)
        concordant = int(np.count_nonzero(product > 0))
        nan = math.nan
        minus_log = _neg_log10_p_half(concordant, n)
        return Estimate(2.0 * concordant / n - 1.0, nan, minus_log, nan, nan, n)


def _neg_log10_p_half(k: int, n: int) -> float:
    """-log10 of the two-sided binomial p value of k of n at one half, which does not underflow."""
    tail = np.arange(min(k, n - k) + 1.0)
    log_terms = special.gammaln(n + 1) - special.gammaln(tail + 1) - special.gammaln(n - tail + 1)
    log_p = math.log(2.0) + float(special.logsumexp(log_terms)) - n * math.log(2.0)
    return max(0.0, -log_p / math.log(10.0))
