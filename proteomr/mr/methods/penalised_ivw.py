"""Debiased inverse-variance weighting whose denominator is kept away from zero."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate, refuse
from proteomr.mr.methods.confidence_parts import tabulate_parts
from proteomr.mr.methods.debiased_ivw import conclude_debiased
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_not_negative
from proteomr.mr.methods.units import Powers
from proteomr.stats.line_likelihood import Points
from proteomr.stats.parametric_bootstrap import check_draws
from proteomr.stats.penalised_ratio import (
    draw_statistics,
    measure_ratio,
    rank_for_level,
    solve_fieller,
)
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["PenalisedIvw", "PivwInterval"]

PivwInterval: TypeAlias = Literal["normal", "fieller"]
"""Of what p and limits are: the normal law, or Fieller's statistic with draws of it."""


@dataclass(frozen=True, slots=True)
class PenalisedIvw(Method):
    r"""Debiased slope with a logarithmic penalty on a small denominator.

    With :math:`w_j = s_{yj}^{-2}`, :math:`\mu_1 = \sum w_j x_j y_j`,
    :math:`\mu_2 = \sum w_j (x_j^2 - s_{xj}^2)`, their covariance
    :math:`v_{12} = 2 \sum w_j^2 x_j y_j s_{xj}^2` and the variance of the latter
    :math:`v_2 = \sum w_j^2 \{4 (x_j^2 - s_{xj}^2) s_{xj}^2 + 2 s_{xj}^4\}`:

    .. math::
        \mu_2^* = \frac{\mu_2}{2} + \operatorname{sign}(\mu_2)
            \sqrt{\frac{\mu_2^2}{4} + \lambda v_2}, \qquad
        \mu_1^* = \mu_1 + \frac{v_{12}}{v_2} (\mu_2^* - \mu_2), \qquad
        \hat\beta = \mu_1^* / \mu_2^*

    The standard error and :math:`\tau^2` are those of `DebiasedIvw` with this denominator.
    Normal p value. ``details`` has ``tau2`` and ``condition``.

    With ``interval="fieller"`` p and limits are Fieller's: the set holds the slopes whose
    :math:`(\mu_1^* - \beta\mu_2^*)^2 / (v_1^* - 2\beta v_{12}^* + \beta^2 v_2^*)` is not among
    the largest 5 % of draws of that statistic (see
    :func:`proteomr.stats.penalised_ratio.draw_statistics`), and p is (c + 1) / (B + 1), with c the
    draws that are not below the statistic of no effect, so that the set holds zero just where p is
    above 0.05. An unbounded set is the status ``not_identified``; its parts, as all of them, stand
    in the table ``confidence_sets``.

    Source: Xu, Wang, Fung and Liu 2023, doi:10.1111/biom.13732.
    R: ``MendelianRandomization::mr_pivw(Boot.Fieller = FALSE)`` 0.10.0; with ``"fieller"`` its
    ``Boot.Fieller = TRUE``, whose p is c / B and whose set ends one rank earlier.

    Assumptions: pleiotropy, if any, balanced; no sample overlap; variants chosen in other data.
    Limits: normal limits are symmetric, and too short where the denominator is hardly known;
    Fieller's are never below p of 1 / (B + 1).

    Parameters
    ----------
    over_dispersion : allow for balanced pleiotropy.
    penalty : lambda; 0 gives the debiased estimate.
    interval : of what p and limits are.
    draws : B, of the statistic.

    Examples
    --------
    >>> import polars as pl
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b"]}),
    ...     beta_x=np.array([[0.1], [0.2]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.1]), se_y=np.full(2, 0.01),
    ... )
    >>> round(PenalisedIvw().estimate(pair, random=np.random.default_rng()).estimate, 4)
    0.5
    """

    key: ClassVar[str] = "pivw"
    label: ClassVar[str] = "Penalised inverse variance weighted"
    reference: ClassVar[str] = "10.1111/biom.13732"
    aliases: ClassVar[tuple[str, ...]] = ("mr_pivw",)
    min_variants: ClassVar[int] = 1
    powers: ClassVar[Powers] = {"tau2": (2, 0)}

    over_dispersion: bool = True
    penalty: float = 1.0
    interval: PivwInterval = "normal"
    draws: int = 1000

    def __post_init__(self) -> None:
        check_not_negative("penalty", self.penalty)
        check_draws(self.draws)
        if self.interval == "fieller" and rank_for_level(self.draws) > self.draws:
            raise UsageError(f"{self.draws} draws bound no 95 % set: give 19 or more")

    @property
    def drawing(self) -> bool:
        """Whether random numbers are drawn: for Fieller's set alone."""
        return self.interval == "fieller"

    @property
    def further_tables(self) -> tuple[str, ...]:
        """Names of the further tables: that of the sets, where there are sets."""
        return ("confidence_sets",) if self.interval == "fieller" else ()

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the debiased slope."""
        points = Points(data.x, data.sx, data.beta_y, data.se_y)
        moments = measure_ratio(points, penalty=self.penalty)
        strength = float(moments.mu2)
        if not (math.isfinite(float(moments.mu1)) and strength):
            message = "the effects on the exposure are all noise"
            return refuse(Status.not_identified, message, nsnp=data.m)
        slope = float(moments.mu1) / strength
        found = conclude_debiased(data, slope, strength, over_dispersion=self.over_dispersion)
        if self.interval == "normal":
            return found
        return self._bound(found, points, random)

    def _bound(self, found: Estimate, points: Points, random: Generator) -> Estimate:
        """Return the estimate with p and limits of Fieller's statistic."""
        slope, tau2 = found.estimate, found.details["tau2"]
        moments = measure_ratio(points, penalty=self.penalty, tau2=tau2)
        draws = draw_statistics(
            points,
            slope,
            penalty=self.penalty,
            tau2=tau2,
            draws=self.draws,
            random=random,
        )
        if draws is None or not math.isfinite(float(moments.measure(slope))):
            message = "Fieller's statistic has no variance above zero"
            return refuse(Status.not_identified, message, nsnp=found.nsnp)
        bound = float(draws[rank_for_level(self.draws) - 1])
        parts = solve_fieller(moments, bound)
        rows = (tabulate_parts("fieller", parts),)
        if len(parts) != 1 or not all(map(math.isfinite, parts[0])):
            message = "Fieller's set is unbounded, see confidence_sets: the variants are too weak"
            refusal = refuse(Status.not_identified, message, nsnp=found.nsnp)
            return replace(refusal, further=rows)
        at_zero = float(moments.measure(0.0))
        beyond = 0 if math.isnan(at_zero) else int(np.count_nonzero(draws >= at_zero))
        return replace(
            found,
            neg_log10_p=-math.log10((beyond + 1) / (self.draws + 1)) + 0.0,
            conf_low=parts[0][0],
            conf_high=parts[0][1],
            further=rows,
        )
