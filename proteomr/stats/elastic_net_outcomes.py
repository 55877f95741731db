"""Outcomes that an elastic net predicts, and how folds of their rows go down a path together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.each import Each, in_turn
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_linear import LinearDescent
from proteomr.stats.elastic_net_losses import BinomialLoss, BreslowLoss, Loss, SquaredLoss
from proteomr.stats.elastic_net_newton import NewtonDescent
from proteomr.stats.elastic_net_rows import Rows
from proteomr.stats.elastic_net_steps import Descent, Solution
from proteomr.stats.elastic_net_sums import (
    LinearSums,
    Standardised,
    find_unit,
    is_level,
    leave_out,
)
from proteomr.stats.elastic_net_wide import WideDescent

__all__ = ["Binary", "Continuous", "Outcome", "Start", "TimeToEvent", "Trial"]

# Of columns by columns, from which on they are taken in single precision: a quarter of a second in
# double precision, less than what an exact solution by the rows takes.
_MANY_PRODUCTS = 10_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """All rows, and those outside of each fold, at the head of a path.

    Attributes
    ----------
    whole : the descent on all rows.
    parts : those on the rows outside of each fold.
    miss : the mean error of a fold's part, by its place and its last solution, in the rows inside.
    unit : what an error of 1 stands for.
    each : how the parts go down and are measured, which must not depend on one another.
    """

    whole: Descent
    parts: Sequence[Descent]
    miss: Callable[[int, Solution], float]
    unit: float = 1.0
    each: Each = in_turn


Start: TypeAlias = Callable[[Penalty], Trial]
"""Gives a trial at a penalty, from what has been summed for all of them."""


class Outcome(Protocol):
    """What is predicted: a response of a kind, on rows."""

    @property
    def n(self) -> int:
        """Rows."""
        ...

    def begin(self, X: F64 | list[F64], folds: I64) -> Start:
        """Return what begins trials on rows (n, p) and their folds, which are in rising order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Continuous:
    """A number (n,), and weights of its rows; the error is the mean square.

    Parameters
    ----------
    each : how folds are summed, and go down their paths.
    """

    y: F64
    weights: F64 | None = None
    each: Each = in_turn

    @property
    def n(self) -> int:
        """Rows."""
        return self.y.size

    def begin(self, X: F64 | list[F64], folds: I64) -> Start:
        """Sum each fold once; the rows outside of it are all less these.

        Of more columns than rows nothing is summed that need not be.

        Examples
        --------
        >>> X, folds = np.asfortranarray(np.eye(4)), np.array([0, 0, 1, 1])
        >>> trial = Continuous(np.arange(4.0)).begin(X, folds)(Penalty())
        >>> round(trial.whole.find_largest(), 4), len(trial.parts)
        (0.866, 2)
        """
        own = _cut(folds, self.n)
        if not isinstance(X, list) and X.shape[1] > X.shape[0]:
            return self._begin_wide(X, folds)
        v = self.weights
        rows = Rows(
            X if isinstance(X, list) else [X[place] for place in own],
            [self.y[place] for place in own],
            None if v is None else [v[place] for place in own],
        )
        whole, parts, inside = self._sum(rows)
        behind = rows if whole.H.dtype == np.float32 else None

        def start(penalty: Penalty) -> Trial:
            together = LinearDescent(whole, penalty, exact=False, behind=behind)
            others = [LinearDescent(part, penalty, exact=False) for part in parts]

            def miss(k: int, found: Solution) -> float:
                return others[k].miss(found, whole=whole, inside=inside[k])

            return Trial(together, others, miss, whole.unit * whole.unit, self.each)

        return start

    def _sum(self, rows: Rows) -> tuple[Standardised, list[Standardised], list[LinearSums]]:
        """Return the least squares of all rows, those outside of each fold, and sums inside."""
        origin, unit = find_unit(self.y)
        folds, p = range(len(rows.blocks)), rows.blocks[0].shape[1]

        def add_up(k: int, *, single: bool) -> LinearSums:
            return rows.sum_fold(k, origin=origin, unit=unit, single=single)

        single = self.n * p * p >= _MANY_PRODUCTS
        sums = self.each(partial(add_up, single=single), folds)
        if single and not is_level(sums):
            single = False
            sums.clear()  # which makes room
            sums = self.each(partial(add_up, single=False), folds)
        inside = [one.without_squares() for one in sums]
        total, take_away = leave_out(sums)

        def leave(k: int) -> Standardised:
            return take_away(k).standardise(single=True)

        parts = self.each(leave, folds)
        return total.standardise(single=single), parts, inside

    def _begin_wide(self, X: F64, folds: I64) -> Start:
        """Give the rows of a fold no weight, one fold after another."""
        own = _cut(folds, self.n)
        _, unit = find_unit(self.y)
        v = _weigh(self.weights, self.n)
        losses = [SquaredLoss(self.y, v * (folds != k)) for k in range(len(own))]

        def start(penalty: Penalty) -> Trial:
            whole = WideDescent(X, SquaredLoss(self.y, v), penalty, exact=False)

            def fit(loss: SquaredLoss) -> WideDescent:
                return WideDescent(X, loss, penalty, exact=False)

            parts = self.each(fit, losses)

            def miss(k: int, found: Solution) -> float:
                del found  # what it predicts stands in the descent
                left = ((self.y - parts[k].predicted)[own[k]] / unit) ** 2
                return float(np.average(left, weights=v[own[k]]))

            return Trial(whole, parts, miss, unit * unit, self.each)

        return start


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """0 and 1 (n,), and weights of the rows; the error is the deviance."""

    y: F64
    weights: F64 | None = None
    each: Each = in_turn

    @property
    def n(self) -> int:
        """Rows."""
        return self.y.size

    def begin(self, X: F64 | list[F64], folds: I64) -> Start:
        """Give the rows of a fold no weight, one fold after another."""
        own = _cut(folds, self.n)

        def measure(eta: F64, k: int) -> float:
            y, inside = self.y[own[k]], eta[own[k]]
            lost = np.logaddexp(0.0, inside) - y * inside
            return float(2.0 * np.average(lost, weights=v[own[k]]))

        v = _weigh(self.weights, self.n)
        return _begin(
            X, folds, lambda counted: BinomialLoss(self.y, v * counted), measure, each=self.each
        )


@dataclass(slots=True, eq=False)
class TimeToEvent:
    """Entry, exit and event (n,), and weights of the rows; the error is the partial deviance.

    That of a fold is of all rows less that of the rows outside, so that its people are compared
    with all others (van Houwelingen et al. 2006, doi:10.1002/sim.2353), as in glmnet.
    """

    exit: F64
    event: F64
    entry: F64 | None = None
    weights: F64 | None = None
    each: Each = in_turn
    _known: dict[int, BreslowLoss] = field(init=False)

    def __post_init__(self) -> None:
        self._known = {}

    @property
    def n(self) -> int:
        """Rows."""
        return self.exit.size

    def begin(self, X: F64 | list[F64], folds: I64) -> Start:
        """Give the rows of a fold no weight, one fold after another."""
        _cut(folds, self.n)

        def measure(eta: F64, k: int) -> float:
            return self.find_deviance(eta, folds, k)

        return _begin(X, folds, self.loss, measure, each=self.each)

    def loss(self, counted: F64) -> BreslowLoss:
        """Return the likelihood of rows that count so often, beside their weights."""
        v = _weigh(self.weights, self.n)
        return BreslowLoss(self.exit, self.event, v * counted, self.entry)

    def find_deviance(self, eta: F64, fold: I64, inside: int) -> float:
        """Return the partial deviance of a fold for each of its events.

        Parameters
        ----------
        eta : (n,) predictors of all rows.
        fold : (n,).
        inside : the fold.

        Examples
        --------
        >>> two = TimeToEvent(np.arange(1.0, 5.0), np.ones(4))
        >>> round(two.find_deviance(np.zeros(4), np.array([0, 0, 1, 1]), 0), 4)
        2.4849
        """
        whole = self._measure(-1, np.ones(fold.size), eta)
        outside = self._measure(inside, (fold != inside).astype(np.float64), eta)
        v = _weigh(self.weights, self.n)
        own = float((v * self.event)[fold == inside].sum())
        return -2.0 * (whole - outside) / max(own, float(v.min()))

    def _measure(self, key: int, counted: F64, eta: F64) -> float:
        """Return the log partial likelihood of rows, each counting as often as its weight says."""
        if key not in self._known:
            self._known[key] = self.loss(counted)
        v = _weigh(self.weights, self.n) * counted
        total = float(v.sum())
        events = float(v @ self.event)
        return total * self._known[key].slope(eta).value - events * float(np.log(total))


def _begin(
    X: F64 | list[F64],
    folds: I64,
    loss: Callable[[F64], Loss],
    measure: Callable[[F64, int], float],
    *,
    each: Each,
) -> Start:
    if isinstance(X, list):
        raise TypeError("rows in pieces serve sums alone: one matrix is needed")
    matrix = X
    count = int(folds[-1]) + 1
    losses = [loss((folds != k).astype(np.float64)) for k in range(count)]

    def start(penalty: Penalty) -> Trial:
        whole = NewtonDescent(matrix, loss(np.ones(folds.size)), penalty, exact=False)

        def fit(own: Loss) -> NewtonDescent:
            return NewtonDescent(matrix, own, penalty, exact=False)

        parts = each(fit, losses)

        def miss(k: int, found: Solution) -> float:
            del found  # its predictors stand in the descent
            return measure(parts[k].eta, k)

        return Trial(whole, parts, miss, each=each)

    return start


def _weigh(weights: F64 | None, n: int) -> F64:
    """Return weights (n,) whose mean is 1."""
    return np.ones(n) if weights is None else weights / weights.mean()


def _cut(folds: I64, n: int) -> list[slice]:
    """Return the rows of each fold."""
    if folds.size != n or not (np.diff(folds) >= 0).all() or not n or folds[0] != 0:
        raise ValueError("folds must be in rising order from 0, one for each row")
    count = int(folds[-1]) + 1
    if count < 2 or np.unique(folds).size != count:
        raise ValueError(f"{np.unique(folds).size} folds with rows of {count}: two are needed")
    return [slice(*np.searchsorted(folds, [k, k + 1]).tolist()) for k in range(count)]
