"""When people are censored, and when they come under observation late: product-limit estimates of
both, which the weights of subdistribution hazards are made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["CENSORING_TIES", "Censoring", "CensoringTies", "ProductLimit", "estimate_censoring"]

CensoringTies: TypeAlias = Literal["events-first", "crr"]
CENSORING_TIES: tuple[CensoringTies, ...] = ("events-first", "crr")
"""Whether those with an event at the time of a censoring could still have been censored then.

``events-first``: no, an event comes before a censoring of the same time, as everywhere else in
survival analysis (R's ``survival::finegray``). ``crr``: yes, as in ``cmprsk::crr``.
"""


@dataclass(frozen=True, slots=True)
class ProductLimit:
    """A product-limit estimate: at each of m times a share of those at risk has its event.

    Attributes
    ----------
    times : ``(m,)``, ascending.
    hazard : ``(m,)``, the share.
    at_risk : ``(m,)``, how many (or the sum of their weights) are at risk.
    """

    times: F64
    hazard: F64
    at_risk: F64

    def before(self, t: F64) -> F64:
        """Return the product of ``1 - hazard`` over all times before t, of the shape of t."""
        kept = np.concatenate([[1.0], np.cumprod(1.0 - self.hazard)])
        return np.asarray(kept[np.searchsorted(self.times, t, side="left")])

    def since(self, t: F64) -> F64:
        """Return the product of ``1 - hazard`` over all times from t on, of the shape of t."""
        kept = np.concatenate([np.cumprod((1.0 - self.hazard)[::-1])[::-1], [1.0]])
        return np.asarray(kept[np.searchsorted(self.times, t, side="left")])


@dataclass(frozen=True, slots=True)
class Censoring:
    """The censoring of people by stratum, and their late entry.

    Attributes
    ----------
    ties : whether events come before censorings of the same time.
    leaving : product limit of being censored, by stratum.
    entering : product limit, in reversed time, of coming under observation; none where all entered
        before anybody left.
    last : of each stratum, the last time that anybody was followed to.
    weighted : whether people count as their weights say.
    """

    ties: CensoringTies
    leaving: Mapping[int, ProductLimit]
    last: Mapping[int, float]
    entering: Mapping[int, ProductLimit] = field(default_factory=dict)
    weighted: bool = False

    def share(self, t: F64, stratum: int) -> F64:
        """Return ``G(t-) H(t-)``: the chance to be observed still, times that to be observed
        already, just before t; 0 beyond the last time that anybody of the stratum was followed to.
        """
        found = self.leaving[stratum].before(t)
        if stratum in self.entering:
            found = found * self.entering[stratum].since(t)
        return np.asarray(np.where(t > self.last[stratum], 0.0, found))

    def count_steps(self, t: F64, stratum: int) -> I64:
        """Return how many times before t the chance to be observed changes at, of the shape of t.

        Examples
        --------
        >>> times = np.array([[-np.inf, 1.0], [-np.inf, 2.0], [-np.inf, 3.0]])
        >>> censoring = estimate_censoring(times, np.array([0, 1, 0]))
        >>> censoring.count_steps(np.array([1.0, 2.0, 3.0, 4.0]), 0).tolist()
        [0, 1, 1, 2]
        """
        steps = self.leaving[stratum].times
        if stratum in self.entering:
            steps = np.union1d(steps, self.entering[stratum].times)
        return np.searchsorted(steps, t, side="left").astype(np.int64)


def estimate_censoring(
    times: F64,
    event: I64,
    *,
    strata: I64 | None = None,
    weights: F64 | None = None,
    ties: CensoringTies = "events-first",
) -> Censoring:
    """Estimate the distributions of censoring and of late entry.

    ``G(t-) = prod_{u < t} (1 - c(u) / r(u))`` with c(u) the people censored at u and r(u) those at
    risk of it; ``H(t-) = prod_{a >= t} (1 - e(a) / q(a))`` with e(a) the people who enter at a and
    q(a) those who have entered by then and not left (Geskus 2011,
    doi:10.1111/j.1541-0420.2010.01420.x).

    Parameters
    ----------
    times : ``(n, 2)``, entry (minus infinity where there is none) and exit.
    event : ``(n,)``, 0 where censored.
    strata : ``(n,)``, within which censoring is alike; None for one.
    weights : ``(n,)``, what people count for; None for one each.
    ties : of events and censorings.

    Examples
    --------
    >>> times = np.array([[-np.inf, 1.0], [-np.inf, 2.0], [-np.inf, 2.0], [-np.inf, 3.0]])
    >>> event = np.array([0, 0, 1, 1])
    >>> estimate_censoring(times, event).share(np.array([1.0, 2.0, 3.0]), 0).tolist()
    [1.0, 0.75, 0.375]
    >>> estimate_censoring(times, event, ties="crr").share(np.array([3.0]), 0).round(4).tolist()
    [0.5]
    """
    codes = np.zeros(event.size, dtype=np.int64) if strata is None else strata
    counts = np.ones(event.size) if weights is None else weights
    # R's finegray asks this of the whole: one entry at the first exit is not yet a late one.
    late = bool(np.any(times[:, 0] > np.min(times[:, 1], initial=np.inf)))
    leaving, entering, last = {}, {}, {}
    for stratum in np.unique(codes).tolist():
        rows = codes == stratum
        part, what = times[rows], event[rows] == 0
        leaving[stratum] = _limit_leaving(part, what, counts[rows], first=ties == "events-first")
        last[stratum] = float(part[:, 1].max())
        if late:
            entering[stratum] = _limit_entering(part, counts[rows])
    return Censoring(ties, leaving, last, entering, weighted=weights is not None)


def _limit_leaving(times: F64, censored: Bool, counts: F64, *, first: bool) -> ProductLimit:
    """Return the product limit of censoring; events are over before it where they come first."""
    entry, exit_ = times[:, 0], times[:, 1]
    at = np.unique(exit_[censored])
    risk = _count_from(exit_, counts, at) - _count_from(entry, counts, at)
    if first:
        over = ~censored
        risk = risk - _count_equal(exit_[over], counts[over], at)
    return ProductLimit(at, _count_equal(exit_[censored], counts[censored], at) / risk, risk)


def _limit_entering(times: F64, counts: F64) -> ProductLimit:
    """Return the product limit of entry in reversed time."""
    entry, exit_ = times[:, 0], times[:, 1]
    there = np.isfinite(entry)
    at = np.unique(entry[there])
    after = np.nextafter(at, np.inf)
    risk = _count_from(exit_, counts, after) - _count_from(entry, counts, after)
    return ProductLimit(at, _count_equal(entry[there], counts[there], at) / risk, risk)


def _count_from(times: F64, counts: F64, at: F64) -> F64:
    """Sum the counts of the times that are not before each of some times."""
    order = np.argsort(times, kind="stable")
    tail = np.concatenate([np.cumsum(counts[order][::-1])[::-1], [0.0]])
    return np.asarray(tail[np.searchsorted(times[order], at, side="left")])


def _count_equal(times: F64, counts: F64, at: F64) -> F64:
    """Sum the counts of the times that are each of some ascending times."""
    place = np.searchsorted(at, times)
    found = place < at.size
    found[found] = at[place[found]] == times[found]
    return np.bincount(place[found], weights=counts[found], minlength=at.size).astype(np.float64)
