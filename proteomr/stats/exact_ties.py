"""The exact partial likelihood of tied events: which of those at risk had them, given how many.

With d events among the m at risk at one time, each of odds ``exp(eta_i)`` (Cox 1972, section 6,
doi:10.1111/j.2517-6161.1972.tb00899.x: discrete time), the set D of those who had them has the
probability ``exp(sum over D of eta) / sum over all sets of d``. R's ``coxph(ties = "exact")`` sums
over the sets by the recursion of Gail, Lubin and Rubinstein (1981, doi:10.1093/biomet/68.3.703), of
m d steps. Here the sum is an integral: for any a, those sets are m independent trials of chances
``p_i = expit(a + eta_i)`` given that d succeed, and ::

    P(N = d) = 1/M  sum over k < M of  z^-d prod_j (1 + p_j (z - 1)),  z = exp(2 pi i k / M)

which is exact for M > m, and to the tail of N beyond ``d + M`` else. With a such that d are
expected, the integrand is a peak at 0 whose height is the result: nothing cancels, and some twenty
nodes carry it however many people there are. Sums over sets of one event are Breslow's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.stats.cox_sums import HazardSums, Ties, sum_hazards, sum_sets
from proteomr.stats.risk_sets import RiskSets

__all__ = [
    "AnyTies",
    "ExactSums",
    "PartialSums",
    "Subsets",
    "count_terms",
    "drop_settled",
    "sum_exactly",
    "sum_partial",
]

AnyTies: TypeAlias = Literal["efron", "breslow", "exact"]

# Of the integrand's share that is left out, as a power of e: squares of a sum over as many people
# as there may be do not lift it to the last digit.
_BEYOND = 60.0
# Numbers that one pass holds at once, of 16 bytes each.
_HELD = 1 << 20
_CLOSE = 1e-3  # of d, at which a stops: any a gives the same sums, and a near one no cancellation
_STEPS = 200  # a bracket of the widest odds there are is halved to _CLOSE in some 30


def _find_tilt(eta: F64, d: int) -> float:
    """Return a number that makes about d expected, added to the log odds."""
    middle = math.log(d / (eta.size - d))
    low, high = middle - float(eta.max()), middle - float(eta.min())
    a = middle - float(np.median(eta))
    for _ in range(_STEPS):
        p = _chances(a + eta)[0]
        excess = float(p.sum()) - d
        if abs(excess) <= _CLOSE * min(d, eta.size - d) or high - low <= _CLOSE:
            break
        low, high = (low, a) if excess > 0.0 else (a, high)
        slope = float(p @ (1.0 - p))
        newton = a - excess / slope if slope > 0.0 else math.inf
        a = newton if low < newton < high else 0.5 * (low + high)
    return a


def _chances(logits: F64) -> tuple[F64, F64]:
    """Return chances and their complements, each to full relative accuracy."""
    small = np.exp(-np.abs(logits))
    near, far = 1.0 / (1.0 + small), small / (1.0 + small)
    return np.where(logits > 0.0, near, far), np.where(logits > 0.0, far, near)


@dataclass(frozen=True)
class Subsets:
    """The sets of d among m, each as likely as the product of the odds of its members.

    Attributes
    ----------
    p, rest : ``(m,)``, chances of independent trials, and 1 less them.
    turns : ``(K,)``, nodes on the unit circle.
    weights : ``(K,)``, what each node counts, real.
    d : members of a set, from 1 to m - 1.
    """

    p: F64
    rest: F64
    turns: NDArray[np.complex128]
    weights: F64
    d: int

    @classmethod
    def of(cls, eta: F64, d: int) -> Subsets:
        """Return the sets for log odds ``(m,)``.

        Examples
        --------
        >>> sets = Subsets.of(np.log([1.0, 2.0, 3.0]), 2)
        >>> sets.inclusion.round(12).tolist()  # the sets have the odds 2, 3 and 6
        [0.454545454545, 0.727272727273, 0.818181818182]
        """
        p, rest = _chances(_find_tilt(eta, d) + eta)
        spread = float(p @ rest)
        third = _BEYOND / 3.0
        reach = third + math.sqrt(third * third + 2.0 * _BEYOND * spread)  # Bernstein's inequality
        size = min(eta.size + 1, math.ceil(reach) + 1)
        angles = 2.0 * math.pi * np.arange(size // 2 + 1) / size
        # |prod (1 + p (z - 1))| <= exp(-spread (1 - cos t)).
        angles = angles[spread * (1.0 - np.cos(angles)) <= _BEYOND]
        alone = (angles == 0.0) | (np.abs(angles - math.pi) < 1e-9)
        weights = np.where(alone, 1.0, 2.0) / size  # of a node and its conjugate
        return cls(p, rest, np.exp(1j * angles), weights, d)

    @property
    def _chunks(self) -> list[slice]:
        step = max(1, _HELD // self.p.size)
        return [slice(at, at + step) for at in range(0, self.turns.size, step)]

    def _divide(self, nodes: slice) -> NDArray[np.complex128]:
        """Return ``1 + p (z - 1)`` at some nodes ``(k, m)``."""
        return np.asarray(self.rest + self.turns[nodes, None] * self.p)

    @cached_property
    def _heights(self) -> NDArray[np.complex128]:
        """What each node adds to P(N = d) ``(K,)``."""
        products = np.concatenate([np.prod(self._divide(part), axis=1) for part in self._chunks])
        return np.asarray(self.weights * products * self.turns ** (-self.d))

    @cached_property
    def chance(self) -> float:
        """P(N = d)."""
        return float(self._heights.real.sum())

    @cached_property
    def inclusion(self) -> F64:
        """The chance of each to be in the set ``(m,)``."""
        total = np.zeros(self.p.size)
        for part in self._chunks:
            heights = self._heights[part] * self.turns[part]
            total += (heights @ (1.0 / self._divide(part))).real
        return self.p * total / self.chance

    def covariance(self, X: F64) -> F64:
        """Return the covariance ``(q, q)`` of the sums of columns ``(m, q)`` over the set."""
        X = X - self.inclusion @ X / self.d  # which takes d times a number off every sum
        q = X.shape[1]
        pairs, own = np.zeros((q, q)), np.zeros(self.p.size)
        for part in self._chunks:
            inverse = 1.0 / self._divide(part)
            turns, heights = self.turns[part], self._heights[part]
            sums = turns[:, None] * ((inverse * self.p) @ X)
            pairs += ((heights[:, None] * sums).T @ sums).real
            own += ((heights * turns) @ (inverse * inverse)).real
        whole = pairs + X.T @ (X * (self.p * self.rest * own)[:, None])
        return 0.5 * (whole + whole.T) / self.chance

    def log_chance(self, members: Bool) -> float:
        """Return the log probability of one set ``(m,)``."""
        with np.errstate(divide="ignore"):
            logs = np.log(np.where(members, self.p, self.rest))
        return float(logs.sum()) - math.log(self.chance)


@dataclass(frozen=True)
class ExactSums:
    """The exact partial likelihood at some linear predictors, as :class:`HazardSums` is of others.

    Attributes
    ----------
    risk : the risk sets.
    single : of the times of one event; of no time where there is none.
    rows : those at risk at each time of several.
    sets : their sets, in that order.
    """

    risk: RiskSets
    single: HazardSums
    rows: tuple[I64, ...]
    members: tuple[Bool, ...]
    sets: tuple[Subsets, ...]

    @cached_property
    def log_likelihood(self) -> float:
        """The partial log-likelihood; minus infinity where a set has vanished from view."""
        tied = sum(
            each.log_chance(dead) if each.chance > 0.0 else -math.inf
            for each, dead in zip(self.sets, self.members, strict=True)
        )
        value = self.single.log_likelihood + tied
        return value if math.isfinite(value) else -math.inf

    @cached_property
    def residuals(self) -> F64:
        """Derivatives by the predictors ``(n,)``."""
        out = self.single.residuals.copy()
        for rows, dead, each in zip(self.rows, self.members, self.sets, strict=True):
            out[rows] += dead - each.inclusion
        return out

    def information(self, X: F64) -> F64:
        """Return minus the second derivatives by the coefficients of X ``(p, p)``."""
        out = self.single.information(X)
        for rows, each in zip(self.rows, self.sets, strict=True):
            out = out + each.covariance(X[rows])
        return out


PartialSums: TypeAlias = HazardSums | ExactSums


def _at_risk(risk: RiskSets) -> I64:
    """Return how many are at risk at each event time ``(G,)``."""
    people = sum_sets(risk, np.ones((risk.low.size, 1)))[:, 0]
    return np.asarray(np.rint(people), dtype=np.int64)


def drop_settled(risk: RiskSets) -> RiskSets:
    """Return the risk sets but those of which all have the event: there is one set of them.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 1.0], [-np.inf, 2.0, 1.0]])
    >>> drop_settled(lay_out_risk_sets(rows)).times.tolist()
    [1.0]
    """
    if not risk.size:
        return risk
    open_times = _at_risk(risk) > risk.deaths
    return risk if bool(np.all(open_times)) else risk.at_times(open_times)


def count_terms(risk: RiskSets) -> tuple[int, int]:
    """Return how many numbers one pass over the tied times makes, and at how many times.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 1.0, 1.0], [-np.inf, 2.0, 0.0]])
    >>> count_terms(lay_out_risk_sets(rows))
    (12, 1)
    """
    if not risk.size:
        return 0, 0
    tied = risk.deaths > 1
    people = _at_risk(risk)[tied]
    return int(np.sum(people * np.minimum(people + 1, _NODES))), int(tied.sum())


# Nodes of a time with many events: Gauss's bell falls by exp(-60) within these, in steps of M.
_NODES = 45


def sum_exactly(risk: RiskSets, eta: F64) -> ExactSums:
    """Return the exact partial likelihood of events at linear predictors ``(n,)``.

    Parameters
    ----------
    risk : without times at which all have the event (:func:`drop_settled`).

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 1.0, 1.0], [-np.inf, 2.0, 0.0]])
    >>> round(float(np.exp(sum_exactly(lay_out_risk_sets(rows), np.zeros(3)).log_likelihood)), 12)
    0.333333333333
    """
    tied = risk.deaths > 1
    single = sum_hazards(risk.at_times(~tied), eta, np.ones(eta.size))
    rows, members, sets = [], [], []
    for g in np.flatnonzero(tied).tolist():
        here = np.flatnonzero((risk.low <= g) & (risk.high > g))
        dead = risk.died[here] & (risk.high[here] == g + 1)
        rows.append(here)
        members.append(dead)
        sets.append(Subsets.of(eta[here], int(dead.sum())))
    return ExactSums(risk, single, tuple(rows), tuple(members), tuple(sets))


def sum_partial(risk: RiskSets, eta: F64, counts: F64, *, ties: AnyTies) -> PartialSums:
    """Return the sums of a partial likelihood, whatever its ties.

    Parameters
    ----------
    counts : ``(n,)``, weights; those of exact ties are 1.
    """
    if ties == "exact":
        return sum_exactly(risk, eta)
    approximate: Ties = ties
    return sum_hazards(risk, eta, counts, ties=approximate)
