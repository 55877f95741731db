"""How often the person of the higher risk has the event first: Harrell's and Uno's concordance.

Pairs are of an event and somebody at risk beyond its time, in one stratum; pairs of equal risk
count half (Harrell, Lee and Mark 1996, doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>
3.0.CO;2-4). Errors are by the infinitesimal jackknife, as in R's ``survival::concordance`` (3.5).
Uno's concordance weighs each event by the inverse square of the chance of not being censored before
it, and counts events up to a time alone (Uno et al. 2011, doi:10.1002/sim.4154; ``timewt =
"n/G2"``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.linalg import change_units

__all__ = ["Concordance", "measure_concordance", "weigh_by_censoring"]


@dataclass(frozen=True, slots=True)
class Concordance:
    """A concordance.

    Attributes
    ----------
    estimate, se : NaN where there is no pair.
    concordant, discordant, tied : sums of weights of pairs; tied in risk.
    """

    estimate: float
    se: float
    concordant: float
    discordant: float
    tied: float


def measure_concordance(
    outcome: F64,
    score: F64,
    *,
    strata: I64 | None = None,
    weights: F64 | None = None,
    clusters: I64 | None = None,
    time_weights: F64 | None = None,
    until: float = np.inf,
) -> Concordance:
    """Measure the concordance of a score, higher for a higher risk, with the time of an event.

    Parameters
    ----------
    outcome : ``(n, 3)``, entry, exit and event (1).
    score : ``(n,)``.
    strata, weights : ``(n,)``.
    clusters : ``(n,)``, from 0 on, whose rows move together in the error; None for each row by
        itself.
    time_weights : ``(n,)``, what the pairs of each event count; None for 1.
    until : events after it form no pairs.

    Examples
    --------
    >>> rows = np.column_stack([np.full(3, -np.inf), [1.0, 2.0, 3.0], [1.0, 1.0, 0.0]])
    >>> measure_concordance(rows, np.array([3.0, 1.0, 2.0])).estimate.__round__(4)
    0.6667
    """
    n = score.size
    w = np.ones(n) if weights is None else weights / weights.mean()
    by = np.ones(n) if time_weights is None else time_weights
    group = np.zeros(n, dtype=np.int64) if strata is None else strata
    ranks = np.unique(score, return_inverse=True)[1].astype(np.int64)
    higher, same, lower = np.zeros(n), np.zeros(n), np.zeros(n)
    for stratum in np.unique(group):
        at = np.flatnonzero(group == stratum)
        given = outcome[at], ranks[at], w[at], by[at], until
        for total, part in zip((higher, same, lower), _sum_pairs(*given), strict=True):
            total[at] += part
    # Each pair stands at both of its people.
    concordant, tied, discordant = (0.5 * float(w @ part) for part in (higher, same, lower))
    pairs = concordant + tied + discordant
    if not pairs > 0.0:
        return Concordance(np.nan, np.nan, 0.0, 0.0, 0.0)
    estimate = (concordant + 0.5 * tied) / pairs
    moved = w * ((1.0 - estimate) * higher + (0.5 - estimate) * same - estimate * lower) / pairs
    if clusters is not None:
        moved = np.bincount(clusters, weights=moved)
    se = float(np.sqrt(np.sum(np.square(moved))))
    counts = np.array([concordant, discordant, tied])
    if weights is not None:  # their squares may be beyond the numbers there are
        counts = change_units(change_units(counts, by=weights.mean()), by=weights.mean())
    return Concordance(estimate, se, *counts.tolist())


def weigh_by_censoring(
    outcome: F64, weights: F64 | None = None, *, strata: I64 | None = None
) -> F64:
    """Return for each row the inverse square of the chance to be uncensored just before its exit.

    Kaplan-Meier's estimate for censoring in each stratum, events at a time leaving before
    censorings; 1 in a stratum of one event, as in R's ``concordance``.

    Examples
    --------
    >>> rows = np.column_stack([np.full(3, -np.inf), [1.0, 2.0, 3.0], [1.0, 0.0, 1.0]])
    >>> weigh_by_censoring(rows).tolist()
    [1.0, 1.0, 4.0]
    """
    w = np.ones(outcome.shape[0]) if weights is None else weights
    if strata is not None:
        out = np.empty(w.size)
        for stratum in np.unique(strata):
            at = np.flatnonzero(strata == stratum)
            out[at] = weigh_by_censoring(outcome[at], w[at])
        return out
    entry, exit_, event = outcome.T
    if np.count_nonzero(event) < 2:
        return np.ones(w.size)
    times, place = np.unique(exit_, return_inverse=True)
    left = np.bincount(place, weights=w, minlength=times.size)
    censored = np.bincount(place, weights=w * (event == 0.0), minlength=times.size)
    # Sums from the end: of those still there nothing is lost beside large weights that have left.
    later = np.concatenate([np.cumsum(left[::-1])[::-1][1:], [0.0]])
    late = np.searchsorted(times, entry, side="right")
    to_come = np.cumsum(np.bincount(late, weights=w, minlength=times.size + 1)[::-1])[::-1][1:]
    at_risk = later + censored - to_come
    kept = np.cumprod(1.0 - censored / np.where(censored > 0.0, at_risk, 1.0))
    before = np.concatenate([[1.0], kept[:-1]])
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / np.square(before[place]))


def _sum_pairs(outcome: F64, ranks: I64, w: F64, by: F64, until: float) -> tuple[F64, F64, F64]:
    """Return for each row the weights of those it forms concordant, tied, discordant pairs with."""
    entry, exit_, event = outcome.T
    died = (event == 1.0) & (exit_ <= until)
    n = exit_.size
    # At one time events come first, by risk, so that the pairs among them are known.
    order = np.lexsort((ranks, event != 1.0, exit_))
    whole = _count_later(order, died, np.ones(n, dtype=bool), ranks, w, by)
    ties = _pairs_among_ties(exit_, event, died, ranks, w, by)
    out = [a - b for a, b in zip(whole, ties, strict=True)]
    if np.any(np.isfinite(entry)):
        # Who enters at a time or later is not at risk there, though they leave after it.
        both = np.concatenate([exit_, entry])
        order = np.lexsort((np.repeat([0, 1], n), both))
        left = np.concatenate([died, np.zeros(n, dtype=bool)])
        right = np.concatenate([np.zeros(n, dtype=bool), np.isfinite(entry)])
        twice = np.tile(w, 2), np.tile(by, 2)
        late = _count_later(order, left, right, np.tile(ranks, 2), *twice)
        out = [a - (b[:n] + b[n:]) for a, b in zip(out, late, strict=True)]
    return out[0], out[1], out[2]


def _count_later(
    order: I64, left: Bool, right: Bool, ranks: I64, w: F64, by: F64
) -> tuple[F64, F64, F64]:
    """Return for each item the weights of the pairs of a left one and a right one after it.

    By halves of halves: the items of a first half with those of a second, at each size.

    Parameters
    ----------
    order : positions of the items, the first in time first.
    left, right : what an item may be in a pair.
    by : what the pairs of a left item count.
    """
    n = order.size
    out = [np.zeros(n) for _ in range(3)]
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    width = int(ranks.max(initial=0)) + 1
    size = 1
    while size < n:
        block, second = place // (2 * size), (place // size) % 2 == 1
        ours, theirs = np.flatnonzero(left & ~second), np.flatnonzero(right & second)
        key = block * width + ranks
        _add_pairs(out, ours, theirs, key, block * width, width, w, weigh=by)
        _add_pairs(out, theirs, ours, key, block * width, width, w * by, flip=True)
        size *= 2
    return out[0], out[1], out[2]


def _add_pairs(
    out: list[F64],
    ours: I64,
    theirs: I64,
    key: I64,
    first: I64,
    width: int,
    w: F64,
    *,
    weigh: F64 | None = None,
    flip: bool = False,
) -> None:
    """Add the weights of others by whether their rank is lower, equal or higher, or the reverse."""
    theirs = theirs[np.argsort(key[theirs], kind="stable")]
    keys = key[theirs]
    sums = np.concatenate([[0.0], np.cumsum(w[theirs])])
    bounds = (first[ours], key[ours], key[ours] + 1, first[ours] + width)
    at = [sums[np.searchsorted(keys, bound, side="left")] for bound in bounds]
    parts = [at[1] - at[0], at[2] - at[1], at[3] - at[2]]
    for total, part in zip(out, parts[::-1] if flip else parts, strict=True):
        total[ours] += part if weigh is None else weigh[ours] * part


def _pairs_among_ties(
    exit_: F64, event: F64, died: Bool, ranks: I64, w: F64, by: F64
) -> tuple[F64, F64, F64]:
    """Return the pairs of two events at one time, which `_count_later` has and are none."""
    n = exit_.size
    out = (np.zeros(n), np.zeros(n), np.zeros(n))
    rows = np.flatnonzero(event == 1.0)
    time = np.unique(exit_[rows], return_inverse=True)[1]
    several = np.bincount(time, minlength=1)[time] > 1
    rows = rows[several]
    rows = rows[np.lexsort((ranks[rows], exit_[rows]))]
    if not rows.size:
        return out
    starts = np.flatnonzero(np.diff(exit_[rows], prepend=-np.inf) != 0)
    for start, stop in zip(starts, [*starts[1:], rows.size], strict=True):
        at = rows[start:stop]
        if not died[at[0]]:
            continue
        pair = np.triu(np.ones((at.size, at.size)), 1)  # the first of a pair has the lower risk
        same = ranks[at][:, None] == ranks[at][None, :]
        for total, which in ((out[1], pair * same), (out[2], pair * ~same)):
            total[at] += by[at] * (which @ w[at]) + which.T @ (w[at] * by[at])
    return out
