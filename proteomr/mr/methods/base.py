"""What every estimator of a causal effect takes and gives, and what every estimate must show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64
from proteomr.stats.distributions import (
    neg_log10_p_normal,
    neg_log10_p_t,
    quantile_normal,
    quantile_t,
)
from proteomr.status import Status

__all__ = [
    "ROUNDED",
    "Cell",
    "Convention",
    "Estimate",
    "FurtherRows",
    "Measure",
    "certify",
    "conclude",
    "infer",
    "note_contradiction",
    "refuse",
]

Convention: TypeAlias = Literal["twosamplemr", "mendelianrandomization"]
"""Whose defaults and tests a method follows where the field's two packages differ."""

Measure: TypeAlias = Literal["se", "limits"]
"""What a method gives beside its estimate and p value."""

ROUNDED = 64.0 * math.ulp(1.0)
"""Standard error, relative to the estimate, that rounding of effects alone leaves of a scatter."""

_ZERO_ERROR = (
    "the standard error is zero: the variants agree to the last digit, or a number underflowed"
)
_LEVEL = 0.95  # of every interval: the one that both packages print
_WIDTH = float(quantile_normal(0.5 + _LEVEL / 2))  # half width of the limits, in standard errors
_MINUS_LOG_LEVEL = -math.log10(1 - _LEVEL)  # p of an interval that ends at zero
_ROUNDING = 1e-9  # of -log10 p: an end of the interval that is zero to the last digits


Cell: TypeAlias = float | int | str | bool | None
"""What a further table holds in a cell."""


@dataclass(frozen=True, slots=True)
class FurtherRows:
    """Rows of a further table that a method gives beside its estimate.

    Parameters
    ----------
    table : name of the table, which the method declares.
    columns : cells of the rows by column, all of one length.
    variants : positions of the variants that the rows are about; None where they are about none.
    powers : of the columns that have a unit, see `proteomr.mr.methods.units.Powers`.
    """

    table: str
    columns: Mapping[str, Sequence[Cell]]
    variants: tuple[int, ...] | None = None
    powers: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


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
    status, message : `Status`, and what a user should know.
    details : what else the method estimates, by name, such as an intercept.
    intervals : parts of a confidence set that is not one interval; the ends of an open one are
        infinite, and its limit is NaN.
    used : positions of the variants used, where the method chooses; None for all.
    df : degrees of freedom of Student's t, of which the p value is; None where it is not.
    further : rows of the further tables that the method declares.
    """

    estimate: float
    se: float
    neg_log10_p: float
    conf_low: float
    conf_high: float
    nsnp: int
    status: Status = Status.ok
    message: str | None = None
    details: Mapping[str, float] = field(default_factory=dict[str, float])
    intervals: tuple[tuple[float, float], ...] = ()
    used: tuple[int, ...] | None = None
    df: float | None = None
    further: tuple[FurtherRows, ...] = ()


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
    >>> effect = conclude(0.5, 0.1, nsnp=10)
    >>> round(effect.neg_log10_p, 3), round(effect.conf_low, 3)
    (6.242, 0.304)
    """
    minus_log, low, high = infer(
        np.array(estimate), np.array(se), df=None if df is None else np.array(df)
    )
    return Estimate(
        estimate=float(estimate),
        se=float(se),
        neg_log10_p=float(minus_log),
        conf_low=float(low),
        conf_high=float(high),
        nsnp=nsnp,
        details=dict(details or {}),
        used=used,
        df=df if df is not None and np.isfinite(df) else None,
    )


def infer(estimate: F64, se: F64, *, df: F64 | None = None) -> tuple[F64, F64, F64]:
    """Return two-sided -log10 p values of no effect, and the 95 % limits.

    Parameters
    ----------
    estimate, se : of the effects, of any shape; p is NaN where the error is not above zero.
    df : degrees of freedom of Student's t, infinite for the normal distribution, as is None.

    Examples
    --------
    >>> minus_log, low, high = infer(np.array([0.5]), np.array([0.1]))
    >>> minus_log.round(3).tolist(), low.round(3).tolist()
    ([6.242], [0.304])
    """
    statistic = np.full(estimate.shape, np.nan)
    np.divide(estimate, se, out=statistic, where=se > 0)
    width: float | F64 = _WIDTH
    if df is None:
        minus_log = neg_log10_p_normal(statistic)
    else:
        minus_log, width = neg_log10_p_t(statistic, df), quantile_t(0.5 + _LEVEL / 2, df)
    half = width * se
    return minus_log, np.asarray(estimate - half), np.asarray(estimate + half)


def refuse(status: Status, message: str, *, nsnp: int) -> Estimate:
    """Return an estimate that is none, with the reason.

    Examples
    --------
    >>> refuse(Status.too_few, "3 variants are needed", nsnp=2).status.name
    'too_few'
    """
    nan = math.nan
    return Estimate(nan, nan, nan, nan, nan, nsnp, status, message)


def certify(
    found: Estimate, *, measures: tuple[Measure, ...] = ("se", "limits"), points: bool = True
) -> Estimate:
    """Return the estimate where its numbers can be believed as numbers, else a refusal.

    The last step of every estimator, whatever its path: estimate and p value are finite, a standard
    error is finite and above what rounding leaves where there is none (64 units in the last place
    of the estimate), limits are finite, but for those that ``intervals`` show to be open, and the
    estimate lies between them. That an iteration ended at its optimum is for
    `proteomr.stats.certificates` to show before.

    Parameters
    ----------
    found : what the estimator came to.
    measures : what it gives beside estimate and p value.
    points : whether it gives an estimate.

    Examples
    --------
    >>> certify(conclude(0.5, 0.0, nsnp=2)).message
    'the standard error is zero: the variants agree to the last digit, or a number underflowed'
    """
    if found.status != Status.ok:
        return found
    flaw = _find_flaw(found, measures, points=points)
    return found if flaw is None else refuse(Status.not_identified, flaw, nsnp=found.nsnp)


def note_contradiction(found: Estimate, reason: str) -> Estimate:
    """Return an estimate whose message says so where its limits and its p value disagree on zero.

    Limits of 95 % hold zero where p is above 0.05, but for methods that take the two from different
    distributions.

    Parameters
    ----------
    found : what has a certificate.
    reason : why the two may disagree.

    Examples
    --------
    >>> odd = Estimate(0.5, 0.1, 0.9, 0.3, 0.7, 10)
    >>> note_contradiction(odd, "they count different things").message
    'limits exclude zero although p is above 0.05: they count different things'
    """
    away = found.neg_log10_p - _MINUS_LOG_LEVEL
    if found.status != Status.ok or not math.isfinite(found.conf_low + found.conf_high):
        return found
    excluded = not found.conf_low <= 0.0 <= found.conf_high
    if excluded == (away > 0) or abs(away) < _ROUNDING:
        return found
    text = "exclude zero although p is above" if excluded else "hold zero although p is below"
    notes = [found.message, f"limits {text} 0.05: {reason}"]
    return replace(found, message="; ".join(filter(None, notes)))


def _find_flaw(estimate: Estimate, measures: tuple[Measure, ...], *, points: bool) -> str | None:
    limited, (low, high, known) = "limits" in measures, _find_ends(estimate)
    se = estimate.se if "se" in measures else 1.0
    flaws = (
        (points and not math.isfinite(estimate.estimate), "the estimate is not a finite number"),
        (not (math.isfinite(se) and se >= 0), "the standard error is not a finite number"),
        (se == 0 or ("se" in measures and se <= ROUNDED * abs(estimate.estimate)), _ZERO_ERROR),
        (
            not (math.isfinite(estimate.neg_log10_p) and estimate.neg_log10_p >= 0),
            "p is not a number",
        ),
        (limited and not known, "the limits are not finite numbers"),
        (limited and low == high, "the interval is narrower than its numbers resolve"),
        (limited and not low <= estimate.estimate <= high, "the estimate lies outside its limits"),
    )
    return next((text for broken, text in flaws if broken), None)


def _find_ends(estimate: Estimate) -> tuple[float, float, bool]:
    """Return both limits, infinite where the set is open, and whether all others are finite."""
    low, high = estimate.conf_low, estimate.conf_high
    parts = estimate.intervals
    open_low = bool(parts) and parts[0][0] == -math.inf and math.isnan(low)
    open_high = bool(parts) and parts[-1][1] == math.inf and math.isnan(high)
    known = (open_low or math.isfinite(low)) and (open_high or math.isfinite(high))
    return -math.inf if open_low else low, math.inf if open_high else high, known
