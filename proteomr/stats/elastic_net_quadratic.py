"""The minimum of a quadratic with an elastic-net penalty, from that of a neighbouring one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg.lapack import dposv

from proteomr._typing import F64, I64, Bool
from proteomr.stats.loops import load_loops

__all__ = ["Quadratic", "meets_optimum"]

_PASSES = 2_000  # of coordinate descent between looks at the other columns
_ROUNDS = 12  # each with a tolerance a thousandth of the one before, or with more columns
_CROSSINGS = 6  # of zero on the way to one exact solution, before the next descent
_SLACK = 1e-10  # of the largest gradient: what conditions may be missed by
_SPARE = 3  # times as many columns in a block as are wanted
_SOON = 0.65  # of a penalty: pulls that may count at one of the next four
_COMPILED_CELLS = 64  # of a matrix: a path goes through it thousands of times


@dataclass(slots=True, eq=False)
class Quadratic:
    r"""A quadratic and the coefficients at its penalised minimum, as they stand.

    .. math:: \tfrac{1}{2} b^T H b - c^T b + \sum_j l_{1j} |b_j| + \tfrac{1}{2} l_{2j} b_j^2

    Parameters
    ----------
    H : (p, p), symmetric, in rows.
    c : (p,).
    b : (p,), changed.
    """

    H: F64
    c: F64
    b: F64
    q: F64 = field(init=False)
    _inside: I64 = field(init=False)
    _block: F64 = field(init=False)

    def __post_init__(self) -> None:
        self._inside = np.empty(0, dtype=np.int64)
        self._block = np.empty((0, 0))
        self.refresh()

    def refresh(self) -> None:
        """Compute ``q = c - H b`` anew, so that no rounding is carried along."""
        active = np.flatnonzero(self.b)
        self.q = self.c.copy()
        loops = load_loops("elastic_net", compiled=active.size * self.q.size >= _COMPILED_CELLS)
        loops.add_columns(self.H.T, active, -self.b[active], self.q)

    def settle(
        self, l1: F64, l2: F64, *, screened: Bool, tolerance: float, exact: bool = True
    ) -> bool:
        """Bring the coefficients to the minimum; return whether all conditions of it hold.

        Columns outside of those that are screened, a coefficient or no penalty come in where they
        break a condition. An exact minimum is that of the quadratic given the signs, by its own
        equations; else it is one to the tolerance of the descent.

        Parameters
        ----------
        l1, l2 : (p,) penalties.
        screened : (p,) columns that may come in.
        tolerance : of the fall of the quadratic by a step; where the minimum is not to be exact,
            conditions may be missed by three of its roots: neighbours' last steps add up.
        exact : whether the equations are solved.

        Examples
        --------
        >>> one = Quadratic(np.eye(2), np.array([2.0, 0.5]), np.zeros(2))
        >>> one.settle(np.ones(2), np.zeros(2), screened=np.ones(2, dtype=bool), tolerance=1e-9)
        True
        >>> one.b.tolist()
        [1.0, 0.0]
        """
        inside = screened | (self.b != 0.0) | (l1 == 0.0)
        slack = _SLACK if exact else max(_SLACK, 3.0 * float(np.sqrt(tolerance)))
        for _ in range(_ROUNDS):
            chosen = self._choose(inside, l1)
            inside[chosen] = True
            self._go(chosen, l1, l2, tolerance, exact=exact)
            outside = ~inside & (np.abs(self.q) > l1 * (1.0 + slack))
            if not outside.any():
                if meets_optimum(self.q, self.b, l1, l2, slack=slack, scale=self.scale):
                    return True
                tolerance *= 1e-2
            inside |= outside
        return False

    def _choose(self, wanted: Bool, l1: F64) -> I64:
        """Return columns to go over: those wanted, and some that are about to be.

        A block of the matrix that has all of them is kept; it serves for a few penalties, unless it
        is far too large.
        """
        held = np.zeros(wanted.size, dtype=np.bool_)
        held[self._inside] = True
        few = self._inside.size <= _SPARE * np.count_nonzero(wanted)
        if few and not (wanted & ~held).any():
            return self._inside
        return np.flatnonzero(wanted | (np.abs(self.q) > _SOON * l1))

    @property
    def scale(self) -> float:
        """The largest gradient at the origin."""
        return float(np.abs(self.c).max(initial=0.0))

    def _go(self, inside: I64, l1: F64, l2: F64, tolerance: float, *, exact: bool) -> None:
        """Minimise over some columns, the coefficients of all others being 0."""
        block = self._take(inside)
        b, q = self.b[inside], self.q[inside]
        c = q + block @ b
        loops = load_loops("elastic_net", compiled=block.size >= _COMPILED_CELLS)
        loops.descend(block, q, b, l1[inside], l2[inside], tolerance, _PASSES)
        if exact:
            solve_signed(block, c, b, l1[inside], l2[inside])
        self.b[inside] = b
        self.refresh()

    def _take(self, inside: I64) -> F64:
        if inside is not self._inside:
            whole = inside.size == self.c.size
            self._block = self.H if whole else self.H[np.ix_(inside, inside)]
            self._inside = inside
        return self._block


def solve_signed(H: F64, c: F64, b: F64, l1: F64, l2: F64) -> bool:
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
        block = np.asfortranarray(H[np.ix_(active, active)])
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
