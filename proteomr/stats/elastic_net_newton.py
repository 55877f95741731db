"""Elastic-net paths of likelihoods: Newton's steps on a kept curvature, each a penalised quadratic.

The curvature of the columns that may come in is computed once and kept for as long as steps shrink
quickly with it; new columns are added to it. What counts is the gradient, which every step and
every certificate takes from the rows themselves in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.elastic_net import Penalty, find_largest, measure_columns
from proteomr.stats.elastic_net_losses import Curvature, Loss, Slope
from proteomr.stats.elastic_net_quadratic import Quadratic, meets_optimum
from proteomr.stats.elastic_net_steps import Solution
from proteomr.stats.loops import COMPILED_FROM, load_loops

__all__ = ["NewtonDescent"]

_TURNS = 200  # of steps and of columns that come in, at one penalty
_HALVINGS = 30  # of a step that goes uphill
_EXACT, _ROUGH = 1e-17, 1e-8  # of a step's squared length in the curvature: the last one
_STALE = 0.04  # of a squared length to the one before: above, the curvature is computed anew
_SLACK = {True: 1e-8, False: 1e-3}  # of the largest gradient: what a certificate allows
_FAR = 30.0  # standard deviations between a mean and 0: columns are then centred first
_SIGNS = 1e-6  # of a descent that finds the signs, which the equations then solve for
_GAIN = 1e-5  # glmnet's fdev: the gain in explained deviance that ends a path
_CELLS = 4_000_000  # of standardised columns at a time


@dataclass(slots=True, eq=False)
class NewtonDescent:
    """A likelihood at falling penalties, each solution from the one before.

    Parameters
    ----------
    X : (n, p), each column in one piece; best near a mean of 0 and a variance of 1, when they
        are not copied.
    loss : the likelihood of the rows.
    penalty : what is penalised.
    exact : whether solutions are exact, or of the accuracy that choosing a penalty needs.
    """

    X: F64
    loss: Loss
    penalty: Penalty
    exact: bool = True
    constant: Bool = field(init=False)
    eta: F64 = field(init=False)
    _columns: _Columns = field(init=False)
    _factors: F64 = field(init=False)
    _b: F64 = field(init=False)
    _intercept: float = field(init=False)
    _slope: Slope = field(init=False)
    _pull: F64 = field(init=False)  # products of all columns with the scores of a slope
    _pulled: Slope = field(init=False)  # that one
    _kept: _Kept = field(init=False)
    _last: float = field(init=False)
    _largest: float = field(init=False)

    def __post_init__(self) -> None:
        n, p = self.X.shape
        self._columns = _Columns.of(self.X, self.loss.weights)
        self.constant = self._columns.constant
        self._factors = self.penalty.scale(p)
        self._b, self._intercept = np.zeros(p), self.loss.intercept()
        self.eta = np.full(n, self._intercept)
        self._slope = self.loss.slope(self.eta)
        self._pull = self._columns.project(np.arange(p), self._slope.score)
        self._pulled = self._slope
        self._kept = _Kept(self._columns, self.loss.curve(self.eta))
        self._last = np.inf
        self._largest = float(np.abs(self._pull).max(initial=0.0))

    @property
    def rows(self) -> int:
        """Rows with a weight."""
        return int((self.loss.weights > 0.0).sum())

    @property
    def columns(self) -> int:
        """Columns."""
        return self._factors.size

    def find_largest(self) -> float:
        """Fit what is not penalised; return the penalty at which all else is zero."""
        free = self._factors == 0.0
        if free.any():
            self._minimise(np.where(free, 0.0, np.inf), np.zeros(free.size), free)
        # the first penalty is then screened by the strong rule, too, and not all columns come in
        self._last = find_largest(self._pull, self._factors, self.penalty.alpha)
        return self._last

    def advance(self, penalty: float) -> Solution:
        """Return the solution at a penalty, at most that before."""
        one = self.penalty.alpha
        l1, l2 = penalty * one * self._factors, penalty * (1.0 - one) * self._factors
        likely = one * (2.0 * penalty - min(self._last, 2.0 * penalty)) * self._factors
        certified = self._minimise(l1, l2, np.abs(self._pull) >= likely)
        self._last = penalty
        b, intercept = self._columns.restore(self._b)
        loss = self.loss
        # of people of whom none is left to tell from another nothing can be explained
        room = loss.best - loss.null
        explained = (self._slope.value - loss.null) / room if room > 0.0 else 0.0
        constant = self._intercept - intercept if loss.has_intercept else 0.0
        return Solution(constant, b, explained, certified)

    def ends(self, explained: list[float]) -> bool:
        """Whether the next penalty would explain too little more, as glmnet judges it."""
        return explained[-1] - explained[-2] < _GAIN

    def _minimise(self, l1: F64, l2: F64, likely: Bool) -> bool:
        """Go to the minimum; return whether its conditions hold."""
        kept, before = self._kept, np.inf
        kept.admit((likely | (self._b != 0.0) | (l1 == 0.0)) & ~self.constant)
        enough = (_EXACT if self.exact else _ROUGH) * (self.loss.best - self.loss.null)
        for _ in range(_TURNS):
            inside = kept.inside
            step, size = self._propose(l1[inside], l2[inside])
            if not self._move(step, l1, l2):
                if kept.fresh:
                    return self._look(l1, l2)
                size = np.inf
            kept.fresh = False
            if size <= enough:
                if self._look(l1, l2, admit=True):
                    return True
                before = np.inf
            elif size > _STALE * before or np.isinf(size):
                kept.renew(self.loss.curve(self.eta))
                before = np.inf
            else:
                before = size
        return False

    def _look(self, l1: F64, l2: F64, *, admit: bool = False) -> bool:
        """Take the gradient of all columns; return whether the conditions of the minimum hold."""
        everything = np.arange(self.columns)
        if self._pulled is not self._slope:
            self._pull = self._columns.project(everything, self._slope.score)
            self._pulled = self._slope
        slack = _SLACK[self.exact]
        scale = max(self._largest, 1e-300)
        if meets_optimum(self._pull, self._b, l1, l2, slack=slack, scale=scale):
            return True
        if admit:
            self._kept.admit((np.abs(self._pull) > l1) & ~self.constant)
        return False

    def _propose(self, l1: F64, l2: F64) -> tuple[F64, float]:
        """Return the step of the coefficients inside, and its squared length in the curvature."""
        kept = self._kept
        inside = kept.inside
        known = self._pulled is self._slope
        pull = self._pull[inside]
        if not known:
            pull = self._columns.project(inside, self._slope.score)
        # what the intercept is about to take up is no pull of the columns
        pull -= kept.lean * self._shift
        b = self._b[inside]
        quadratic = Quadratic(kept.H, kept.H @ b + pull, b.copy())
        quadratic.settle(l1, l2, tolerance=_SIGNS)
        step = quadratic.b - b
        return step, float(step @ kept.H @ step) + self._shift**2 * kept.total

    @property
    def _shift(self) -> float:
        """The step of the intercept, were the columns to stay."""
        if not self.loss.has_intercept:
            return 0.0
        return float(self._slope.score.sum()) / self._kept.total

    def _move(self, step: F64, l1: F64, l2: F64) -> bool:
        """Take a step, or a part of it; return whether one goes downhill."""
        inside = self._kept.inside
        shift = 0.0
        if self.loss.has_intercept:
            shift = self._shift - float(self._kept.lean @ step) / self._kept.total
        along = np.full(self.eta.size, shift)
        changed = np.flatnonzero(step)
        self._columns.add(inside[changed], step[changed], along)
        cost = _cost(self._slope, self._b, l1, l2)
        share = 1.0
        for _ in range(_HALVINGS):
            b = self._b.copy()
            b[inside] += share * step
            slope = self.loss.slope(self.eta + share * along)
            rounding = 1e-14 * (abs(cost) + 1.0)
            if _cost(slope, b, l1, l2) <= cost + rounding:
                self.eta = self.eta + share * along
                self._b, self._slope = b, slope
                self._intercept += share * shift
                return True
            share /= 2.0
        return False


def _cost(slope: Slope, b: F64, l1: F64, l2: F64) -> float:
    active = np.flatnonzero(b)
    own = np.abs(b[active])
    return -slope.value + float(l1[active] @ own + 0.5 * l2[active] @ own**2)


@dataclass(slots=True, eq=False)
class _Columns:
    """Columns as if they were standardised."""

    X: F64
    centre: F64
    scale: F64
    constant: Bool
    origin: F64 | float = 0.0  # taken from the columns given, before what stands here
    unit: F64 | float = 1.0

    @classmethod
    def of(cls, X: F64, weights: F64) -> _Columns:
        found = measure_columns(X, weights)
        far = np.abs(found.centre) > _FAR * found.scale
        wide = (found.scale > 1e6) | (found.scale < 1e-6)
        if not ((far | wide) & ~found.constant).any():
            return cls(np.asfortranarray(X), found.centre, found.scale, found.constant)
        near = np.asfortranarray((X - found.centre) / found.scale)
        again = measure_columns(near, weights)
        scale = np.where(found.constant, 1.0, again.scale)
        return cls(near, again.centre, scale, found.constant, found.centre, found.scale)

    def project(self, columns: I64, r: F64) -> F64:
        """Return the products of columns with a vector; 0 for a constant one."""
        out = np.empty(columns.size)
        self._loops.project_columns(self.X, columns, r, out)
        out = (out - self.centre[columns] * r.sum()) / self.scale[columns]
        return np.where(self.constant[columns], 0.0, out)

    def add(self, columns: I64, b: F64, out: F64) -> None:
        """Add columns times coefficients to a vector."""
        own = b / self.scale[columns]
        self._loops.add_columns(self.X, columns, own, out)
        out -= float(own @ self.centre[columns])

    def take(self, rows: slice, columns: I64, size: F64) -> F64:
        """Return some standardised columns (m, a) of some rows, each row times a size (m,)."""
        out = np.empty((rows.stop - rows.start, columns.size), order="F")
        centre, scale = self.centre[columns], self.scale[columns]
        self._loops.take_columns(self.X, columns, rows.start, centre, scale, size, out)
        return out

    def restore(self, b: F64) -> tuple[F64, float]:
        """Return coefficients of the columns given, and what they take from the intercept."""
        inner = b / self.scale
        given = inner / self.unit
        return given, float(inner @ self.centre + given @ (np.zeros_like(b) + self.origin))

    @property
    def _loops(self) -> ModuleType:
        return load_loops("elastic_net", compiled=self.X.shape[0] >= COMPILED_FROM)


@dataclass(slots=True, eq=False)
class _Kept:
    """The curvature of the columns that may come in, at the predictors where it was computed."""

    columns: _Columns
    curvature: Curvature
    inside: I64 = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    H: F64 = field(default_factory=lambda: np.empty((0, 0)))
    lean: F64 = field(default_factory=lambda: np.empty(0))
    fresh: bool = True
    _few: F64 = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def total(self) -> float:
        """The sum of the curvature's weights."""
        return float(self.curvature.weights.sum())

    def admit(self, wanted: Bool) -> None:
        """Let columns in that are not."""
        known = np.zeros(wanted.size, dtype=np.bool_)
        known[self.inside] = True
        new = np.flatnonzero(wanted & ~known)
        if not new.size:
            return
        a = self.inside.size
        everything = np.concatenate([self.inside, new])
        cross, lean, few = self._measure(everything, new)
        H = np.empty((everything.size, everything.size))
        H[:a, :a] = self.H
        self._few = few if not a else np.concatenate([self._few, few], axis=1)
        cross -= self._few.T @ few
        H[:, a:] = cross
        H[a:, :a] = cross[:a].T
        self.H, self.inside, self.lean = H, everything, np.concatenate([self.lean, lean])

    def renew(self, curvature: Curvature) -> None:
        """Compute everything at other predictors."""
        wanted = np.zeros(self.columns.centre.size, dtype=np.bool_)
        wanted[self.inside] = True
        self.curvature, self.fresh = curvature, True
        self.inside, self.H = np.empty(0, dtype=np.int64), np.empty((0, 0))
        self.lean, self._few = np.empty(0), np.empty((0, 0))
        self.admit(wanted)

    def _measure(self, everything: I64, new: I64) -> tuple[F64, F64, F64]:
        """Return ``X^T W X_new``, ``1^T W X_new`` and the condensed rows of new columns."""
        n = self.columns.X.shape[0]
        cross = np.zeros((everything.size, new.size))
        lean = np.zeros(new.size)
        step = max(1, min(n, _CELLS // max(everything.size, 1)))
        for start in range(0, n, step):
            rows = slice(start, min(start + step, n))
            root = np.sqrt(self.curvature.weights[rows])
            own = self.columns.take(rows, new, root)
            same = new.size == everything.size
            cross += (own if same else self.columns.take(rows, everything, root)).T @ own
            lean += root @ own
        wide, ones = max(1, _CELLS // max(n, 1)), np.ones(n)
        pieces = [
            self.curvature.condense(self.columns.take(slice(0, n), new[at : at + wide], ones))
            for at in range(0, new.size, wide)
        ]
        return cross, lean, np.concatenate(pieces, axis=1)
