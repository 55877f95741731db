"""The minimum of a quadratic with an elastic-net penalty, from that of a neighbouring one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from proteomr._typing import F64, Bool
from proteomr.stats.loops import load_loops

__all__ = ["SLACK", "Quadratic", "meets_optimum"]

_PASSES = 2_000  # of coordinate descent before its tolerance is made smaller
_ROUNDS = 12  # each with a tolerance a hundredth of the one before
_TURNS = 4  # of signs that change all at once: two or three are usual
_PATIENCE = 2  # rounds before signs change one by one
_CROSSINGS = 6  # of zero on the way to one exact solution, before the next descent
_LEAP = 3  # passes between two leaps: more of them are more work than they save
_LEAPS = 4_000  # tens are usual
SLACK = 1e-10  # of the largest gradient: what conditions may be missed by
_COMPILED_CELLS = 64  # of a matrix: a path goes through it thousands of times


@dataclass(slots=True, eq=False)
class Quadratic:
    r"""A quadratic and the coefficients at its penalised minimum, as they stand.

    .. math:: \tfrac{1}{2} b^T H b - c^T b + \sum_j l_{1j} |b_j| + \tfrac{1}{2} l_{2j} b_j^2

    Its gradient is kept for all columns, so that a look at those without a coefficient costs
    nothing, and the matrix is read where a coefficient changes, a row for each.

    Parameters
    ----------
    H : (p, p), symmetric, in rows.
    c : (p,).
    b : (p,), changed.
    """

    H: NDArray[np.floating]
    c: F64
    b: F64
    q: F64 = field(init=False)
    _own: F64 = field(init=False)

    def __post_init__(self) -> None:
        self._own = np.diagonal(self.H).astype(np.float64)
        self.refresh()

    def refresh(self) -> None:
        """Compute ``q = c - H b`` anew, so that no rounding is carried along."""
        active = np.flatnonzero(self.b)
        self.q = self.c.copy()
        loops = load_loops("elastic_net", compiled=active.size * self.q.size >= _COMPILED_CELLS)
        loops.add_columns(self.H.T, active, -self.b[active], self.q)

    def settle(self, l1: F64, l2: F64, *, tolerance: float, exact: bool = True) -> bool:
        """Bring the coefficients to the minimum; return whether all conditions of it hold.

        An exact minimum is that of the quadratic given the signs, by its own equations; else it is
        one to the tolerance of the descent.

        Parameters
        ----------
        l1, l2 : (p,) penalties; one that is infinite keeps a column out.
        tolerance : of the fall of the quadratic by a step; where the minimum is not to be exact,
            conditions may be missed by three of its roots: neighbours' last steps add up.
        exact : whether the equations are solved.

        Examples
        --------
        >>> one = Quadratic(np.eye(2), np.array([2.0, 0.5]), np.zeros(2))
        >>> one.settle(np.ones(2), np.zeros(2), tolerance=1e-9)
        True
        >>> one.b.tolist()
        [1.0, 0.0]
        """
        if not exact:
            return self._come_near(l1, l2, tolerance)
        for taken in range(_ROUNDS):
            self._descend(l1, l2, tolerance, _PASSES)
            if self._solve(l1, l2, SLACK):
                return True
            if taken >= _PATIENCE:
                solve_signed(self.H, self.c, self.b, l1, l2)
                self.refresh()
            if meets_optimum(self.q, self.b, l1, l2, slack=SLACK, scale=self.scale):
                return True
            tolerance *= 1e-2
        return False

    def _descend(self, l1: F64, l2: F64, tolerance: float, passes: int) -> None:
        loops = load_loops("elastic_net", compiled=self.H.size >= _COMPILED_CELLS)
        loops.descend(self.H, self._own, self.q, self.b, l1, l2, tolerance, passes)

    def _come_near(self, l1: F64, l2: F64, tolerance: float) -> bool:
        """Descend to the tolerance, and on until the conditions hold to what it allows.

        Where thousands of coefficients creep in step, each by less than the tolerance, their sum is
        missed: three passes, and a leap to where they lead, then follow one another.
        """
        slack = max(SLACK, 3.0 * float(np.sqrt(tolerance)))
        self._descend(l1, l2, tolerance, _PASSES)
        for _ in range(_LEAPS):
            if meets_optimum(self.q, self.b, l1, l2, slack=slack, scale=self.scale):
                return True
            if not self._leap(l1, l2):
                return False
        return False

    def _leap(self, l1: F64, l2: F64) -> bool:
        """Make some passes, and go on to where they lead if that is lower; whether anything moved.

        Anderson's extrapolation, of coordinate descent by Bertrand and Massias (2021,
        https://proceedings.mlr.press/v130/bertrand21a.html): the mean of the passes' ends under
        weights, of sum 1, that make the mean of their steps small. Gradients have the same mean, so
        that the leap costs no look at the matrix.
        """
        ends, gradients = [self.b.copy()], list[F64]()
        for _ in range(_LEAP):
            self._descend(l1, l2, 0.0, 1)
            ends.append(self.b.copy())
            gradients.append(self.q.copy())
        steps = np.diff(np.array(ends), axis=0)
        square = steps @ steps.T
        size = float(square.trace())
        if size == 0.0:
            return False
        square[np.diag_indices(_LEAP)] += 1e-10 * size  # three steps may be on one line
        weights: F64 = np.linalg.solve(square, np.ones(_LEAP)).astype(np.float64)
        weights /= weights.sum()
        here = self._cost(l1, l2)
        self.b[:] = weights @ np.array(ends[1:])
        self.q = np.asarray(weights @ np.array(gradients), dtype=np.float64)
        if not self._cost(l1, l2) < here:
            self.b[:], self.q = ends[-1], gradients[-1]
        return True

    def _solve(self, l1: F64, l2: F64, slack: float) -> bool:
        """Go to the minimum by its equations, all signs changing at once; return whether it is.

        The signs are those of a step of coordinate descent, as in a primal-dual active set
        (Hintermueller, Ito and Kunisch 2002, doi:10.1137/S1052623401383558): where they stay, the
        conditions hold. They may go round in circles, near the minimum mostly: where that is no
        better than what was there before, coefficients are left as they were.
        """
        before = self.b.copy(), self.q.copy()
        start = self._cost(l1, l2)
        for _ in range(_TURNS):
            goal = self.q + self._own * self.b
            sign = np.where((np.abs(goal) > l1) & (self._own > 0.0), np.sign(goal), 0.0)
            active = np.flatnonzero(sign)
            if not active.size:
                break
            block = self.H[np.ix_(active, active)].astype(np.float64, copy=False).T  # in columns
            block[np.diag_indices(active.size)] += l2[active]
            pull = self.c[active] - l1[active] * sign[active]
            _, b, fault = dposv(block, pull, 1, 1)
            if fault:
                break
            self.b[:] = 0.0
            self.b[active] = b
            self.refresh()
            if meets_optimum(self.q, self.b, l1, l2, slack=slack, scale=self.scale):
                return True
        if not self._cost(l1, l2) < start:
            self.b[:], self.q = before
        return False

    def _cost(self, l1: F64, l2: F64) -> float:
        active = np.flatnonzero(self.b)
        b = self.b[active]
        own = l1[active] @ np.abs(b) + 0.5 * (l2[active] @ b**2)
        return float(own - 0.5 * (b @ (self.c[active] + self.q[active])))

    @property
    def scale(self) -> float:
        """The largest gradient at the origin."""
        return float(np.abs(self.c).max(initial=0.0))


def solve_signed(H: NDArray[np.floating], c: F64, b: F64, l1: F64, l2: F64) -> bool:
    """Go to the solution of the equations of the minimum, given the signs at hand.

    A coefficient whose sign would change stops at zero and leaves, a few times at the most.

    Parameters
    ----------
    H : (a, a).
    c : (a,).
    b : (a,), changed, downhill.
    l1, l2 : (a,) penalties.

    Returns
    -------
    Whether the solution was reached.

    Examples
    --------
    >>> b = np.array([0.9, 0.0])
    >>> solve_signed(np.eye(2), np.array([2.0, 0.5]), b, np.ones(2), np.zeros(2)), b.tolist()
    (True, [1.0, 0.0])
    """
    now, sign = b.copy(), np.sign(b)
    free = l1 == 0.0
    inside = (b != 0.0) | free
    reached = False
    for _ in range(_CROSSINGS):
        active = np.flatnonzero(inside)
        if not active.size:
            reached = True
            break
        block = np.asfortranarray(H[np.ix_(active, active)], dtype=np.float64)
        block[np.diag_indices(active.size)] += l2[active]
        _, goal, fault = dposv(block, c[active] - l1[active] * sign[active], 1, 1)
        if fault:
            return False
        crossed: Bool = (goal * sign[active] < 0.0) & ~free[active]
        if not crossed.any():
            now[active], reached = goal, True
            break
        held = now[active]
        share = held[crossed] / (held[crossed] - goal[crossed])
        first = active[np.flatnonzero(crossed)[int(share.argmin())]]
        now[active] = held + share.min() * (goal - held)
        now[first], inside[first] = 0.0, False
    b[:] = now
    return reached


def meets_optimum(q: F64, b: F64, l1: F64, l2: F64, *, slack: float, scale: float) -> bool:
    """Whether the conditions of the minimum (Karush, Kuhn, Tucker) hold.

    Parameters
    ----------
    q : (p,) minus the gradient of the smooth part without its ridge.
    b : (p,) coefficients.
    l1, l2 : (p,) penalties.
    slack : relative, what they may be missed by.
    scale : the gradient that it is relative to.

    Examples
    --------
    >>> one = np.ones(1)
    >>> meets_optimum(2.0 * one, one, 1.5 * one, 0.5 * one, slack=1e-9, scale=1.0)
    True
    >>> meets_optimum(2.0 * one, 0.0 * one, 1.5 * one, 0.5 * one, slack=1e-9, scale=1.0)
    False
    """
    pushed = np.abs(q - l2 * b - np.copysign(np.where(b == 0.0, 0.0, l1), b))
    wrong = np.where(b == 0.0, np.abs(q) - l1, pushed)
    return bool((wrong <= slack * (l1 + scale)).all() and np.isfinite(b).all())
