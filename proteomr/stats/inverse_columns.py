"""Columns of the inverse information of all fits of a block, by iterative refinement.

``H v = e`` is solved with the preconditioner of the block, in single precision as far as that goes
and to the end in double. The truncation error of ``e' H^-1 e`` is quadratic in what is left of e;
where v itself is wanted, for sandwich errors, it is refined until that is negligible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.stats.block_rows import Share
from proteomr.stats.quasi_newton import Preconditioner, StepMemory
from proteomr.stats.row_models import Layout, Rows
from proteomr.stats.row_sweeps import RowSweeps

__all__ = [
    "VARIANCE_REST",
    "AtMaximum",
    "BlockAtWork",
    "End",
    "InverseColumn",
    "InverseColumns",
    "combine",
]

_Single = NDArray[np.float32]

VARIANCE_REST = 2e-8
"""What may be missing of a variance, relative: half of it is missing of an error."""

# What is missing is measured by the preconditioner, which is believed in full where as many rows
# carry a fit, and never below a twentieth.
_MANY, _LEAST_BELIEF = 2000.0, 0.05
# Three passes settle what converges in few, seven an odds ratio of 7 a standard deviation.
_PASSES_SINGLE, _PASSES_DOUBLE = 8, 8
# What may be left of v itself, squared and relative to e' v, before the last step is taken: the
# step leaves less than a tenth of its root.
_SHARP = 1e-16
# The next squared step is taken to be smaller by the ratio of the last two; that may be small by
# chance, and counts for no more than a thousand. The least that a ratio is taken to.
_SHRINKING, _TINY = 1e-3, 1e-300


@dataclass(frozen=True, slots=True)
class BlockAtWork:
    """What all passes of a block share.

    Attributes
    ----------
    places : of the coefficients that are wanted.
    present : which fits have any row ``(R,)``; those that fill a tile have none.
    """

    double: Rows
    single: Rows
    layout: Layout
    places: I64
    present: Bool
    preconditioner: Preconditioner
    memory: StepMemory

    def direct(self, g: F64) -> F64:
        """Return the quasi-Newton direction for scores."""
        return self.memory.direct(self.preconditioner, g)


@dataclass(frozen=True, slots=True)
class End:
    """Where the passes end: score and step ``(R, L k + t + L s)``, decrements, the state ``(R, M,
    n)`` and the weights ``(R, L, n)``, and which fits are within their bound.

    The step is the last one, and is not taken yet.
    """

    score: F64
    step: F64
    decrement: F64
    state: F64
    weights: _Single
    settled: Bool
    passes: int


@dataclass(frozen=True, slots=True)
class AtMaximum:
    """A block at its maxima, for what starts from there; it lasts until the next block is fitted.

    Attributes
    ----------
    theta : ``(R, L k + t + L s)``, after the last step, whose information is approximate.
    state : ``(R, M, n)``, before that step.
    step, score : ``(R, L k + t + L s)``, the step, and the score before it.
    """

    block: BlockAtWork
    theta: F64
    state: F64
    step: F64
    score: F64


@dataclass(frozen=True, slots=True)
class InverseColumn:
    """Of each fit: ``e' H^-1 e``, ``e' H^-1 g``, v, and what was left of e in ``H v = e`` when it
    was last seen in double precision.

    Attributes
    ----------
    column : position of the coefficient that e is 1 at.
    variance, correction : ``(R,)``.
    v : ``(R, L k + t + L s)``.
    seen, rest : v then, and ``e - H v``.
    settled : ``(R,)``, whether the first two have.
    """

    column: int
    variance: F64
    correction: F64
    v: F64
    seen: F64
    rest: F64
    settled: Bool


class InverseColumns:
    """Solves for columns of the inverse information at the end of the passes of a block.

    Parameters
    ----------
    sweeps : passes over the rows.
    responses : fits of a protein, F.
    """

    def __init__(self, sweeps: RowSweeps, responses: int) -> None:
        self._sweeps = sweeps
        self._F = responses

    def solve(
        self, block: BlockAtWork, end: End, columns: Sequence[int], *, sharply: bool = False
    ) -> list[InverseColumn]:
        """Return the columns of the inverse information after the last step.

        Parameters
        ----------
        sharply : refine v itself, and not just ``e' v``.
        """
        found: list[InverseColumn] = []
        for column in columns:
            v = self._refine(block, end, column=column)
            solved = self._finish(block, end, v, column=column, first=not found)
            found.append(self._sharpen(block, end, solved) if sharply else solved)
        return found

    def _refine(self, block: BlockAtWork, end: End, *, column: int) -> F64:
        """Return ``H^-1 e`` to within single precision, with the curvature before the last step."""
        r = np.zeros_like(end.score)
        r[:, column] = 1.0
        v = block.direct(r)
        d = v
        moving, last = block.present.copy(), np.full(v.shape[0], np.inf)
        some = Share.whole(block.single, self._F)
        for _ in range(_PASSES_SINGLE):
            product = self._curve(some, d, end)
            block.memory.remember(d, product, trusted=moving)
            r -= product
            d = block.direct(r)
            v = v + np.where(moving[:, None], d, 0.0)
            rest = np.maximum(np.vecdot(r, d), _TINY)
            coming = rest * np.clip(rest / last, _SHRINKING, 1.0)
            moving &= coming > VARIANCE_REST / 2.0 * np.abs(v[:, column])
            if not np.any(moving):
                break
            last = rest
            if self._sweeps.model.reach == "row":
                some = some.narrow(moving)
        return v

    def _curve(self, some: Share, d: F64, end: End) -> F64:
        """Return ``H d`` in single precision, 0 for other fits than some."""
        weights, state, model = some.lend("weights", end.weights), end.state, self._sweeps.model
        # Else the weights are all of the curvature.
        if model.predictors > 1 or model.thresholds or model.reach == "cohort":
            state = some.lend("state", state)
        product = self._sweeps.curve(some.rows, some.take(d), state=state, weights=weights)
        return some.put(np.zeros_like(d), product)

    def _finish(
        self, block: BlockAtWork, end: End, v: F64, *, column: int, first: bool
    ) -> InverseColumn:
        """Return the variance of a coefficient from ``v``, close to ``H^-1 e``, in double
        precision.

        The first time the state takes the last step.
        """
        e = np.zeros_like(v)
        e[:, column] = 1.0
        variance, settled = v[:, column].copy(), ~block.present
        remainder, seen = e, v
        some = Share.whole(block.double, self._F)
        sweeps, state = self._sweeps, end.state
        # The preconditioner, which the rest is measured by, is poorer where few rows carry a fit.
        bound = VARIANCE_REST * np.clip(block.preconditioner.weight / _MANY, _LEAST_BELIEF, 1.0)
        for passes in range(_PASSES_DOUBLE):
            if first and passes == 0:
                product = sweeps.move_state(some.rows, end.step, v, state=state)
            else:
                lent = some.lend("state", state)
                product = some.put(
                    np.zeros_like(v), sweeps.curve_exactly(some.rows, some.take(v), state=lent)
                )
            r = e - product
            remainder = np.where(settled[:, None], remainder, r)
            seen = np.where(settled[:, None], seen, v)
            d = block.direct(r)
            rest = np.vecdot(r, d)
            variance = np.where(settled, variance, v[:, column] + np.vecdot(v, r) + rest)
            v = v + np.where(settled[:, None], 0.0, d)
            # What remains is smaller than the rest by the rate of the iteration.
            settled |= np.abs(rest) <= bound * np.abs(variance)
            if np.all(settled):
                break
            some = some.narrow(~settled)
        correction = np.vecdot(v, end.score)
        return InverseColumn(column, variance, correction, v, seen, remainder, settled)

    def _sharpen(self, block: BlockAtWork, end: End, solved: InverseColumn) -> InverseColumn:
        """Return the column with v refined, by the step from what was left of e in double.

        The steps are small, so that single precision gives them to six digits, and v to fifteen.
        """
        v, d = solved.v, block.direct(solved.rest)
        r = solved.rest
        moving = block.present.copy()
        some = Share.whole(block.single, self._F)
        for _ in range(_PASSES_SINGLE):
            product = self._curve(some, d, end)
            block.memory.remember(d, product, trusted=moving)
            r = r - product
            d = block.direct(r)
            v = v + np.where(moving[:, None], d, 0.0)
            moving &= ~(np.abs(np.vecdot(r, d)) <= _SHARP * np.abs(solved.variance))
            if not np.any(moving):
                break
            some = some.narrow(moving)
        settled = solved.settled & ~moving
        correction = np.vecdot(v, end.score)
        return replace(solved, correction=correction, v=v, settled=settled)


def combine(solved: Sequence[InverseColumn]) -> F64:
    """Return the inverse information of the columns solved for ``(R, P, P)``.

    Off the diagonal, ``e_a' H^-1 e_b = e_a' v_b + v_a' (e_b - H v_b)`` but for the product of what
    is left of both.
    """
    P, R = len(solved), solved[0].variance.size
    out = np.empty((R, P, P))
    for a, one in enumerate(solved):
        out[:, a, a] = one.variance
        for b, other in enumerate(solved[:a]):
            product = other.seen[:, one.column] + np.vecdot(one.v, other.rest)
            out[:, a, b] = out[:, b, a] = product
    return out
