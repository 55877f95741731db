"""Estimates of many pairs in columns, as methods give them that are written for blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.mr.methods.base import ROUNDED, Estimate, Measure, certify, infer
from proteomr.mr.methods.units import Powers
from proteomr.status import Status

__all__ = ["EstimateBlock", "conclude_block"]


@dataclass(frozen=True, slots=True, eq=False)
class EstimateBlock:
    """Estimates of k pairs of as many variants.

    Parameters
    ----------
    estimate, se, neg_log10_p, conf_low, conf_high : (k,).
    nsnp : variants used by each.
    details : what else is estimated, by name, (k,) each; one or more.
    tests : details of the pairs that `tested` marks alone, by name, (k,) each.
    tested : (k,).
    notes : what a user should know, by position of the pair.
    refusals : why there is no estimate, by position of the pair.
    df : (k,) degrees of freedom of Student's t, of which the p values are; None where they are not.
    """

    estimate: F64
    se: F64
    neg_log10_p: F64
    conf_low: F64
    conf_high: F64
    nsnp: int
    details: Mapping[str, F64]
    tests: Mapping[str, F64]
    tested: Bool
    notes: Mapping[int, str] = field(default_factory=dict[int, str])
    refusals: Mapping[int, Estimate] = field(default_factory=dict[int, Estimate])
    df: F64 | None = None

    def restore_units(self, *, outcome: I64, exposure: I64, powers: Powers) -> EstimateBlock:
        """Return estimates of scaled effects in the units of the effects themselves.

        Parameters
        ----------
        outcome, exposure : (k,) the powers of two by which the effects were divided.
        powers : of the details that have a unit.
        """
        unit = outcome - exposure
        with np.errstate(over="ignore", under="ignore"):
            return replace(
                self,
                estimate=np.ldexp(self.estimate, unit),
                se=np.ldexp(self.se, unit),
                conf_low=np.ldexp(self.conf_low, unit),
                conf_high=np.ldexp(self.conf_high, unit),
                details={
                    name: np.ldexp(values, powers[name][0] * outcome + powers[name][1] * exposure)
                    if name in powers
                    else values
                    for name, values in self.details.items()
                },
            )

    def list_certified(self, *, measures: tuple[Measure, ...]) -> list[Estimate]:
        """Return the estimates one by one, each certified as `certify` does.

        Parameters
        ----------
        measures : what the method gives beside estimate and p value.
        """
        estimates = self.list_estimates()
        for place in np.flatnonzero(~self._find_sound(measures)).tolist():
            estimates[place] = certify(estimates[place], measures=measures)
        return estimates

    def _find_sound(self, measures: tuple[Measure, ...]) -> Bool:
        """Whether `certify` would find nothing in a pair's numbers; it says what it is."""
        sound = np.isfinite(self.estimate) & np.isfinite(self.neg_log10_p) & (self.neg_log10_p >= 0)
        if "se" in measures:
            sound &= np.isfinite(self.se) & (self.se > ROUNDED * np.abs(self.estimate))
        if "limits" in measures:
            with np.errstate(over="ignore", invalid="ignore"):
                sound &= np.isfinite(self.conf_high - self.conf_low)
            sound &= self.conf_low < self.conf_high
            sound &= (self.conf_low <= self.estimate) & (self.estimate <= self.conf_high)
        return np.asarray(sound)

    def _list_df(self) -> list[float | None]:
        """Degrees of freedom of each pair; None where its p value is of the normal distribution."""
        if self.df is None:
            return [None] * self.estimate.size
        return [float(df) if np.isfinite(df) else None for df in self.df]

    def list_estimates(self) -> list[Estimate]:
        """Return the estimates and refusals one by one."""
        columns = dict(self.details) | dict(self.tests)
        numbers = (self.estimate, self.se, self.neg_log10_p, self.conf_low, self.conf_high)
        rows = zip(*(column.tolist() for column in numbers), strict=True)
        names, untested = tuple(columns), frozenset(self.tests)
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        ok, nsnp, df = Status.ok, self.nsnp, self._list_df()
        shown = (dict(zip(names, more, strict=True)) for more in values)
        estimates = [
            Estimate(value, se, p, low, high, nsnp, ok, None, details, (), None, freedom)
            for (value, se, p, low, high), details, freedom in zip(rows, shown, df, strict=True)
        ]
        for place in np.flatnonzero(~self.tested).tolist():
            details = estimates[place].details
            tested_details = {
                name: value for name, value in details.items() if name not in untested
            }
            estimates[place] = replace(estimates[place], details=tested_details)
        for place, note in self.notes.items():
            estimates[place] = replace(estimates[place], message=note)
        for place, refusal in self.refusals.items():
            estimates[place] = refusal
        return estimates


def conclude_block(
    estimate: F64,
    se: F64,
    *,
    nsnp: int,
    df: F64 | None = None,
    details: Mapping[str, F64],
    tests: Mapping[str, F64],
    tested: Bool,
) -> EstimateBlock:
    """Return estimates of pairs of as many variants with their p values and limits.

    Parameters
    ----------
    estimate, se : (k,).
    nsnp : variants used by each.
    df : (k,) degrees of freedom of Student's t; None for the normal distribution.
    details, tests, tested : as in `EstimateBlock`.

    Examples
    --------
    >>> both = conclude_block(
    ...     np.array([0.5, 0.1]), np.array([0.1, 0.1]), nsnp=10,
    ...     details={"scale": np.ones(2)}, tests={}, tested=np.zeros(2, dtype=bool),
    ... )
    >>> both.conf_low.round(3).tolist()
    [0.304, -0.096]
    """
    minus_log, low, high = infer(estimate, se, df=df)
    return EstimateBlock(estimate, se, minus_log, low, high, nsnp, details, tests, tested, df=df)
