"""What every estimator of a causal effect takes and gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal, Protocol, TypeAlias

from numpy.random import Generator

from proteomr.stats.distributions import (
    neg_log10_p_normal,
    neg_log10_p_t,
    quantile_normal,
    quantile_t,
)
from proteomr.tables import Harmonised

__all__ = ["Convention", "Estimate", "Method", "MethodStatus", "conclude", "refuse"]

Convention: TypeAlias = Literal["twosamplemr", "mendelianrandomization"]
"""Whose defaults and tests a method follows where the field's two packages differ."""

_LEVEL = 0.95


class MethodStatus(StrEnum):
    """How an estimator ended."""

    ok = "ok"
    too_few = "too_few"
    zero_effect = "zero_effect"
    not_converged = "not_converged"
    not_identified = "not_identified"
    needs_sample_size = "needs_sample_size"
    needs_ld = "needs_ld"


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate of the causal effect of the exposure on the outcome, or why there is none.

    Parameters
    ----------
    estimate : in units of the outcome per unit of the exposure; NaN where there is none.
    se : standard error; NaN where the method gives none.
    neg_log10_p : two-sided, of no effect.
    conf_low, conf_high : 95 % limits.
    nsnp : variants used.
    status, message : `MethodStatus`, and what a user should know.
    details : what else the method estimates, by name, such as an intercept.
    intervals : further parts of a confidence set that is not one interval.
    used : positions of the variants used, where the method chooses; None for all.
    """

    estimate: float
    se: float
    neg_log10_p: float
    conf_low: float
    conf_high: float
    nsnp: int
    status: MethodStatus = MethodStatus.ok
    message: str | None = None
    details: Mapping[str, float] = field(default_factory=dict[str, float])
    intervals: tuple[tuple[float, float], ...] = ()
    used: tuple[int, ...] | None = None


class Method(Protocol):
    """An estimator: a frozen dataclass whose fields are its parameters."""

    key: ClassVar[str]
    label: ClassVar[str]
    reference: ClassVar[str]
    min_variants: ClassVar[int]
    needs_ld: ClassVar[bool]
    stochastic: ClassVar[bool]

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""


def conclude(
    estimate: float,
    se: float,
    *,
    nsnp: int,
    df: float | None = None,
    details: Mapping[str, float] | None = None,
    used: tuple[int, ...] | None = None,
) -> Estimate:
    """Return an estimate with its two-sided p value and 95 % limits.

    Parameters
    ----------
    estimate, se : of the effect.
    nsnp : variants used.
    df : degrees of freedom of Student's t; None for the normal distribution.
    details, used : see `Estimate`.

    Examples
    --------
    >>> found = conclude(0.5, 0.1, nsnp=10)
    >>> round(found.neg_log10_p, 3), round(found.conf_low, 3)
    (6.242, 0.304)
    """
    statistic = estimate / se if se > 0 else math.nan
    if df is None:
        minus_log, width = neg_log10_p_normal(statistic), quantile_normal(0.5 + _LEVEL / 2)
    else:
        minus_log, width = neg_log10_p_t(statistic, df), quantile_t(0.5 + _LEVEL / 2, df)
    half = float(width) * se
    return Estimate(
        estimate=float(estimate),
        se=float(se),
        neg_log10_p=float(minus_log),
        conf_low=float(estimate - half),
        conf_high=float(estimate + half),
        nsnp=nsnp,
        details=dict(details or {}),
        used=used,
    )


def refuse(status: MethodStatus, message: str, *, nsnp: int) -> Estimate:
    """Return an estimate that is none, with the reason.

    Examples
    --------
    >>> refuse(MethodStatus.too_few, "3 variants are needed", nsnp=2).status.value
    'too_few'
    """
    nan = math.nan
    return Estimate(nan, nan, nan, nan, nan, nsnp, status, message)
