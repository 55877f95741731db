"""Tests of proportional hazards of all fits of a block, where these have ended.

As :mod:`proteomr.stats.proportional_hazards`, for fits that share their covariates: the three
information matrices of each fit are products of its rows' cumulative hazards, weighted by powers of
time, with the products of all pairs of covariates, which are formed once for a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.column_squares import square_columns
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.proportional_hazards import SINGULAR, ZphTransform
from proteomr.stats.risk_sets import RiskSets
from proteomr.stats.row_models import Rows
from proteomr.stats.timed_columns import TimedColumns, order_columns
from proteomr.stats.workspace import workspace

__all__ = ["ChangeTests", "CoxChanges", "TimeScale", "standardise_scores"]

# What may have been summed in single precision, whose squares of some hundred times are off by some
# 2e-7, as a share of what is left of a column's information: statistics stand to 1e-9.
_SINGLE = 4e-3


@dataclass(frozen=True)
class TimeScale:
    """A function of time at the event times, for whichever of the people are observed.

    Parameters
    ----------
    outcome : ``(n, 3)``, of all people: those whom a limit takes out of the risk sets still count
        in ranks and in the Kaplan-Meier estimate, as for ``cox.zph``.
    risk : the risk sets.
    transform : as of :func:`proteomr.stats.proportional_hazards.transform_times`.
    rows : which of the people the risk sets are of; None for all.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 1.0, 1.0]])
    >>> scale = TimeScale(rows, lay_out_risk_sets(rows), "km")
    >>> scale.of_rows(np.ones(4)).round(4).tolist()
    [-0.2917, -0.0417, 0.3333]
    """

    outcome: F64
    risk: RiskSets
    transform: ZphTransform
    rows: I64 | None = None
    _dead: I64 = field(init=False, repr=False)
    _times: F64 = field(init=False, repr=False)
    _exit: I64 = field(init=False, repr=False)
    _entry: I64 = field(init=False, repr=False)
    _place: I64 = field(init=False, repr=False)
    _left: F64 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        entry, exit_, _ = self.outcome.T
        times, place = np.unique(exit_, return_inverse=True)
        dead = self.risk.bins.dead
        found = {
            "_dead": dead if self.rows is None else self.rows[dead],
            "_times": times,
            "_exit": place,
            "_entry": np.searchsorted(times, entry, side="right"),
            "_place": np.searchsorted(times, self.risk.times),
            "_left": np.bincount(place, minlength=times.size).astype(np.float64),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def of_rows(self, observed: F64) -> F64:
        """Return the centred function at each event time ``(G,)``.

        Parameters
        ----------
        observed : ``(n,)``, 1 or 0.
        """
        G, size = self.risk.size, self._times.size
        died = observed[self._dead]
        deaths = np.bincount(self.risk.high[self.risk.bins.dead] - 1, died, G)
        if self.transform == "identity":
            values = self.risk.times
        elif self.transform == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log(self.risk.times)
        else:
            absent = self._exit[observed == 0.0]  # of whom there are fewer
            left = self._left - np.bincount(absent, minlength=size)
            below = np.cumsum(left) - left
            if self.transform == "rank":
                ranks = below + 0.5 * (left + 1.0)
            else:
                at_risk = self._count_entered(observed) - below
                events = np.bincount(self._exit[self._dead], weights=died, minlength=size)
                kept = 1.0 - events / np.where(events > 0.0, at_risk, 1.0)
                ranks = 1.0 - np.concatenate([[1.0], np.cumprod(kept)[:-1]])
            values = ranks[self._place]
        total = deaths.sum()
        return np.asarray(values - (deaths @ values) / total if total > 0.0 else values)

    def _count_entered(self, observed: F64) -> F64 | float:
        """Return how many have come under observation before each time."""
        if not self._entry.any():
            return float(observed.sum())
        size = self._times.size
        come = np.bincount(self._entry, weights=observed, minlength=size + 1)[:size]
        return np.asarray(np.cumsum(come))


@dataclass(frozen=True, slots=True)
class ChangeTests:
    """Tests of terms of fits ``(B, T)``, that of all together the last; NaN for none."""

    statistic: F64
    df: I64
    neg_log10_p: F64


@dataclass(frozen=True)
class CoxChanges:
    """The tests of one model.

    Parameters
    ----------
    design : the covariates, centred as in the fits.
    risk : the risk sets.
    scale : the function of time.
    loops : compiled or plain loops of Cox regression.
    efron : how ties are counted.
    """

    design: ChunkedDesign
    risk: RiskSets
    scale: TimeScale
    loops: ModuleType
    efron: bool

    @cached_property
    def _columns(self) -> TimedColumns:
        return order_columns(self.design, self.risk)

    def test(
        self,
        rows: Rows,
        hazards: F64,
        *,
        observed: Bool,
        terms: Sequence[I64],
        turn: F64,
        unit: float = 1.0,
    ) -> ChangeTests:
        """Test the terms of the first fits.

        Parameters
        ----------
        hazards : ``(B, n)``, at the maxima.
        observed : ``(B, people)``, of these fits: who has the protein, of all people of the scale.
        terms : columns of each term among covariates and borders ``(k + s)``.
        turn : ``(B, k + s, k + s)`` or ``(1, ...)``, makes the columns that terms are of: those of
            the fits times this.
        unit : what weights of rows were divided by.
        """
        wanted = observed.shape[0]
        blocks, score = self._measure(rows, hazards, observed)
        turned = turn.transpose(0, 2, 1)
        own, cross, changes = (turned @ block @ turn for block in blocks)
        score = np.matmul(score[:, None, :], turn)[:, 0]
        tests = [*terms, np.arange(score.shape[1])]
        statistic = np.full((wanted, len(tests)), np.nan)
        sound = cholesky_pivots(own)[1] > SINGULAR
        taken = np.linalg.solve(np.where(sound[:, None, None], own, np.eye(own.shape[1])), cross)
        left = changes - cross.transpose(0, 2, 1) @ taken
        # Of a column that no risk set has two values of, rounding is left, of any sign.
        scale = np.sqrt(np.maximum(np.einsum("bii->bi", changes), 0.0))
        for t, columns in enumerate(tests):
            statistic[:, t] = unit * standardise_scores(score, left, scale, columns)
        statistic[~sound] = np.nan
        df = np.array([columns.size for columns in tests], dtype=np.int64)
        dfs = np.broadcast_to(df.astype(np.float64), statistic.shape)
        return ChangeTests(statistic, df, neg_log10_p_chi2(statistic, dfs))

    def _measure(
        self, rows: Rows, hazards: F64, observed: Bool
    ) -> tuple[tuple[F64, F64, F64], F64]:
        """Return the information of b, of b and theta, and of theta, and the scores of theta."""
        wanted = observed.shape[0]
        shape = rows.borders.shape[0], 3, self.design.n
        weights = workspace.take("weights of changes", shape, np.float64)
        weights[wanted:] = 0.0
        gtime = np.array([self.scale.of_rows(there.astype(np.float64)) for there in observed])
        of_fits = rows.borders[:wanted], rows.mask[:wanted], hazards[:wanted], gtime
        means, score, single = self._sum(*of_fits, weights[:wanted], single=True)
        multiply = self.loops.multiply_pairs
        squares = square_columns(self.design, rows.borders, weights, multiply=multiply)[:, :wanted]
        blocks = squares - means
        left = np.einsum("qbii->qbi", blocks)[::2]
        again = np.flatnonzero(np.any(single[::2] > _SINGLE * left, axis=(0, 2)))
        if again.size:
            room = np.empty((again.size, *shape[1:]))
            borders, mask, state, times = (part[again] for part in of_fits)
            exact = self._sum(borders, mask, state, times, room, single=False)[0]
            blocks[:, again] = squares[:, again] - exact
        return (blocks[0], blocks[1], blocks[2]), score

    def _sum(
        self, borders: F64, mask: F64, hazards: F64, gtime: F64, weights: F64, *, single: bool
    ) -> tuple[F64, F64, F64]:
        """Return sums over risk sets, of which squares may be in single precision."""
        sums: tuple[F64, F64, F64] = self.loops.sum_changes(
            self._columns,
            borders,
            mask,
            self.risk,
            hazards,
            gtime,
            weights,
            efron=self.efron,
            single=single,
        )
        return sums


def standardise_scores(score: F64, left: F64, scale: F64, columns: I64) -> F64:
    """Return ``u' V^-1 u`` of some columns ``(B,)``; NaN where V has lost its digits.

    Parameters
    ----------
    score, left : ``(B, p)``, ``(B, p, p)``, of all columns.
    scale : ``(B, p)``, roots of their information before anything was taken out.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> standardise_scores(2.0 * one, one[None], one, np.array([0])).tolist()
    [4.0]
    """
    V = left[:, columns[:, None], columns]
    with np.errstate(divide="ignore", invalid="ignore"):  # one time alone: nothing can change
        u = score[:, columns] / scale[:, columns]
        V = V / (scale[:, columns, None] * scale[:, None, columns])
    sound: Bool = np.all(np.isfinite(V), axis=(1, 2)) & np.all(np.isfinite(u), axis=1)
    V = np.where(sound[:, None, None], V, np.eye(columns.size))
    u = np.where(sound[:, None], u, 0.0)
    L, pivots = cholesky_pivots(V)
    root = np.linalg.inv(L)
    # The sum of the inverse eigenvalues bounds the smallest; where it does not settle it, they do.
    plain = (pivots > 0.0) & (SINGULAR * np.sum(np.square(root), axis=(1, 2)) < 1.0)
    statistic = np.sum(np.square(np.matmul(root, u[:, :, None])), axis=(1, 2))
    for b in np.flatnonzero(sound & ~plain):
        values, vectors = np.linalg.eigh(V[b])
        sound[b] = values.min() > SINGULAR
        if sound[b]:
            statistic[b] = np.sum(np.square(u[b] @ vectors) / values)
    return np.where(sound, statistic, np.nan)
