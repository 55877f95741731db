"""Errors of subdistribution hazards: what each person adds to the score, and what they add through
the estimated distribution of censoring.

The covariance is ``I^-1 (sum_clusters u u') I^-1`` with ``u_i = eta_i + psi_i``: ``eta_i`` the
score residual of a person over all time (Fine and Gray 1999, doi:10.1080/01621459.1999.10474144,
section 3), and ``psi_i = int q(u) / pi(u) dM_i(u)`` with M the martingale of censoring, pi its risk
set, and q(u) by how much the score falls with the chance to be observed from u on. Without psi the
weights are taken as known, as in R's ``survival::coxph`` on the rows of ``survival::finegray``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.censoring import Censoring, ProductLimit
from proteomr.stats.fine_gray import FineGrayPoint

__all__ = [
    "CensoringTerm",
    "ErrorSums",
    "leave_score_residuals",
    "sum_clusters",
    "sum_errors",
    "sum_stretches",
]

ErrorSums: TypeAlias = Literal["censoring", "known", "stretches"]
"""``censoring``: with what people do through the estimated censoring. ``known``: with the weights
taken as known. ``stretches``: likewise, each stretch of one weight counting for a person.
"""


def leave_score_residuals(point: FineGrayPoint, directions: F64) -> F64:
    """Return the weighted score residuals ``(n, q)`` along directions ``(p, q)``, the weights of
    the subdistribution taken as known; in the order of the risk.

    Efron's ties are those of ``survival::coxph``'s.
    """
    model, risk = point.model, point.model.risk
    at, out, mass = model.terms
    K = risk.times.size
    columns = model.X @ directions
    means = point.means(columns)
    q = columns.shape[1]
    hazard = np.zeros((K, q + 1))
    own = np.zeros((K, q + 1))
    hazard[:, 0], own[:, 0] = point.hazards
    mean = np.zeros((K, q))
    share = np.bincount(at, weights=mass, minlength=K)
    share[share == 0.0] = 1.0  # times without an event
    for a in range(q):
        rise = point.hazard * means[:, a]
        hazard[:, a + 1] = np.bincount(at, weights=rise, minlength=K)
        own[:, a + 1] = np.bincount(at, weights=(1.0 - out) * rise, minlength=K)
        mean[:, a] = np.bincount(at, weights=mass * means[:, a], minlength=K) / share
    seen = risk.sum_hazards(hazard, own)
    residuals = -point.relative[:, None] * (columns * seen[:, :1] - seen[:, 1:])
    events = risk.is_event
    residuals[events] += model.weights[events, None] * (columns[events] - mean[model.place])
    return np.asarray(residuals)


@dataclass(frozen=True, slots=True)
class CensoringTerm:
    """What people add to the score through the estimated censoring.

    Attributes
    ----------
    censoring : as it was estimated, on the rows of the fit.
    times : ``(n, 2)``, entry and exit, in the order of the risk.
    censored : ``(n,)``, in that order.
    strata : ``(n,)``, of censoring, in that order; coded as ``censoring`` has them.
    baseline : ``(n,)``, position of the stratum of the baseline hazard.
    """

    censoring: Censoring
    times: F64
    censored: Bool
    strata: I64
    baseline: I64

    def leave_residuals(self, point: FineGrayPoint, directions: F64) -> F64:
        """Return psi ``(n, q)`` along directions ``(p, q)``, in the order of the risk."""
        columns = point.model.X @ directions
        found = np.zeros(columns.shape)
        hazards = _hazards_of(point, columns)
        for c, stratum in enumerate(np.unique(self.strata).tolist()):
            rows = np.flatnonzero(self.strata == stratum)
            leaving = self.censoring.leaving[stratum]
            q = self._sum_later(point, columns, hazards, c, leaving.times)
            found[rows] += self._of_leaving(leaving, q, rows)
            if stratum in self.censoring.entering:
                entering = self.censoring.entering[stratum]
                q = self._sum_later(point, columns, hazards, c, entering.times)
                found[rows] -= self._of_entering(entering, q, rows)
        if self.censoring.weighted:
            found *= point.model.weights[:, None]
        return found

    def _sum_later(self, point: FineGrayPoint, columns: F64, hazards: F64, c: int, at: F64) -> F64:
        """Sum, over those of a stratum of censoring whose competing event is not after each of
        some times, what they add to minus the score after it ``(m, q)``.

        ``cmprsk::crr`` counts the competing events before these times and the score from them on.
        """
        risk = point.model.risk
        crr = self.censoring.ties == "crr"
        side: Literal["left", "right"] = "left" if crr else "right"
        found = np.zeros((at.size, columns.shape[1]))
        held = risk.share[c][:, None] * hazards
        for b in range(risk.starts.size - 1):
            inside = slice(risk.starts[b], risk.starts[b + 1])
            later = np.cumsum(held[inside][::-1], axis=0)[::-1]
            later = np.concatenate([later, np.zeros((1, held.shape[1]))])
            later = later[np.searchsorted(risk.times[inside], at, side=side)]
            rows = np.flatnonzero(risk.stays & (risk.censoring_stratum == c) & (self.baseline == b))
            raised = (point.relative[rows] / risk.own_share[rows])[:, None]
            mine = raised * np.column_stack([np.ones(rows.size), columns[rows]])
            so_far = np.concatenate([np.zeros((1, mine.shape[1])), np.cumsum(mine, axis=0)])
            so_far = so_far[np.searchsorted(self.times[rows, 1], at, side=side)]
            found += so_far[:, 1:] * later[:, :1] - so_far[:, :1] * later[:, 1:]
        return found

    def _of_leaving(self, limit: ProductLimit, q: F64, rows: I64) -> F64:
        """Integrate q over the martingale of each person's censoring ``(m, q)``."""
        entry, exit_ = self.times[rows, 0], self.times[rows, 1]
        censored = self.censored[rows]
        rise = q / limit.at_risk[:, None]
        total = np.concatenate(
            [np.zeros((1, q.shape[1])), np.cumsum(rise * limit.hazard[:, None], axis=0)]
        )
        until = np.searchsorted(limit.times, exit_, side="right")
        if self.censoring.ties == "events-first":
            until = np.where(censored, until, np.searchsorted(limit.times, exit_, side="left"))
        found = total[np.searchsorted(limit.times, entry, side="right")] - total[until]
        found[censored] += rise[until[censored] - 1]
        return np.asarray(found)

    def _of_entering(self, limit: ProductLimit, q: F64, rows: I64) -> F64:
        """Integrate q over the martingale, in reversed time, of each person's entry ``(m, q)``."""
        entry, exit_ = self.times[rows, 0], self.times[rows, 1]
        # Where all at risk enter at once the chance before is 0, and nobody is weighted by it.
        left = limit.at_risk * (1.0 - limit.hazard)
        rise = np.divide(q, left[:, None], out=np.zeros_like(q), where=left[:, None] > 0.0)
        total = np.concatenate(
            [np.zeros((1, q.shape[1])), np.cumsum(rise * limit.hazard[:, None], axis=0)]
        )
        first = np.searchsorted(limit.times, entry, side="left")
        found = total[first] - total[np.searchsorted(limit.times, exit_, side="left")]
        late = np.isfinite(entry)
        found[late] += rise[first[late]]
        return np.asarray(found)


@dataclass(frozen=True, slots=True)
class _Stretches:
    """The stretches of constant weight that hold event times, of a stratum of each kind.

    Attributes
    ----------
    rows : ``(m,)``, who stays at risk after a competing event.
    raised : ``(m,)``, their relative hazards over their own chance to be observed.
    first : ``(m,)``, the first stretch after the one that their event lies in.
    hazard, mean : ``(P,)`` and ``(P, q)``, sums of the weighted hazards, and of these times means.
    """

    rows: I64
    raised: F64
    first: I64
    hazard: F64
    mean: F64

    def take_out(self, columns: F64) -> F64:
        """Return what the stretches have of the residuals ``(m, q)``."""
        held = np.column_stack([self.hazard, self.mean])
        later = np.concatenate([np.cumsum(held[::-1], axis=0)[::-1], np.zeros((1, held.shape[1]))])
        mine = later[self.first]
        return np.asarray(-self.raised[:, None] * (columns[self.rows] * mine[:, :1] - mine[:, 1:]))

    def sum_squares(self, columns: F64) -> F64:
        """Return the sum of the outer products of each stretch of each person ``(q, q)``."""
        x, square = columns[self.rows], self.raised**2
        held = np.column_stack([self.hazard**2, self.hazard[:, None] * self.mean])
        later = np.concatenate([np.cumsum(held[::-1], axis=0)[::-1], np.zeros((1, held.shape[1]))])
        mine = later[self.first]
        P = self.hazard.size
        entered = np.bincount(self.first, weights=square, minlength=P + 1)[:P]
        own = (x * (square * mine[:, 0])[:, None]).T @ x
        crossed = (x * square[:, None]).T @ mine[:, 1:]
        means = (self.mean * np.cumsum(entered)[:, None]).T @ self.mean
        return np.asarray(own - crossed - crossed.T + means)


def sum_errors(
    point: FineGrayPoint,
    directions: F64,
    term: CensoringTerm,
    *,
    kind: ErrorSums,
    clusters: I64 | None = None,
) -> tuple[F64, F64]:
    """Return the sum of outer products ``(q, q)`` that a covariance along directions is, and the
    effective number of people or clusters behind each ``(q,)``.

    Parameters
    ----------
    directions : ``(p, q)``, columns of the inverse information, or combinations of them.
    clusters : ``(n,)``, in the order of the risk; None where every row is by itself.
    """
    residuals = leave_score_residuals(point, directions)
    squares = np.zeros((directions.shape[1],) * 2)
    if kind == "stretches":
        residuals, squares = sum_stretches(point, residuals, directions, term)
    if kind == "censoring":
        residuals = residuals + term.leave_residuals(point, directions)
    sums = sum_clusters(residuals, clusters)
    second = np.square(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        carriers = np.square(second.sum(axis=0)) / np.square(second).sum(axis=0)
    return squares + sums.T @ sums, carriers


def sum_stretches(
    point: FineGrayPoint, residuals: F64, directions: F64, term: CensoringTerm
) -> tuple[F64, F64]:
    """Take out of the residuals what people add after their competing event, once their weight
    falls, and return what is left ``(n, q)``; and the sum of outer products ``(q, q)`` of what was
    taken out, of each stretch of time with one weight by itself.

    As if the stretches were of different people: that is what ``survival::coxph`` makes of the rows
    of ``survival::finegray`` where it is not told which are of one person.

    Parameters
    ----------
    residuals : ``(n, q)``, of :func:`leave_score_residuals` along the directions ``(p, q)``.
    """
    columns = point.model.X @ directions
    left, total = residuals.copy(), np.zeros((columns.shape[1],) * 2)
    for stretches in _find_stretches(point, columns, term):
        left[stretches.rows] -= stretches.take_out(columns)
        total += stretches.sum_squares(columns)
    return left, total


def _find_stretches(
    point: FineGrayPoint, columns: F64, term: CensoringTerm
) -> Iterator[_Stretches]:
    """Give the stretches of each stratum of baseline hazard and of censoring."""
    risk = point.model.risk
    hazards = _hazards_of(point, columns)
    for c, stratum in enumerate(np.unique(term.strata).tolist()):
        for b in range(risk.starts.size - 1):
            inside = slice(risk.starts[b], risk.starts[b + 1])
            of = risk.stays & (risk.censoring_stratum == c) & (term.baseline == b)
            rows = np.flatnonzero(of)
            if rows.size == 0:
                continue
            step = term.censoring.count_steps(risk.times[inside], stratum)
            heads = np.flatnonzero(np.diff(step, prepend=-1))
            held = risk.share[c, inside][:, None] * hazards[inside]
            sums = np.add.reduceat(held, heads, axis=0)
            own = term.censoring.count_steps(term.times[rows, 1], stratum)
            first = np.searchsorted(step[heads], own, side="right")
            raised = point.relative[rows] / risk.own_share[rows]
            yield _Stretches(rows, raised, first, sums[:, 0], sums[:, 1:])


def _hazards_of(point: FineGrayPoint, columns: F64) -> F64:
    """Return the baseline hazard of each event time, and its products with means ``(K, 1 + q)``."""
    at, K = point.model.terms[0], point.model.risk.times.size
    rise = point.hazard[:, None] * np.column_stack([np.ones(at.size), point.means(columns)])
    return np.column_stack([np.bincount(at, weights=part, minlength=K) for part in rise.T])


def sum_clusters(residuals: F64, clusters: I64 | None) -> F64:
    """Return the sums of residuals ``(n, q)`` of each cluster; of each row where there are none.

    Examples
    --------
    >>> sum_clusters(np.array([[1.0], [2.0], [4.0]]), np.array([5, 5, 8])).tolist()
    [[3.0], [4.0]]
    """
    if clusters is None:
        return residuals
    _, place = np.unique(clusters, return_inverse=True)
    sums = np.zeros((int(place.max()) + 1, residuals.shape[1]))
    np.add.at(sums, place, residuals)
    return sums
