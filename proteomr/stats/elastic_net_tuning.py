"""The penalty of an elastic net by cross-validation, all folds going down the path together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.elastic_net import Penalty, list_sequence
from proteomr.stats.elastic_net_linear import LinearDescent, LinearSums
from proteomr.stats.elastic_net_losses import BinomialLoss, BreslowLoss, Loss
from proteomr.stats.elastic_net_newton import NewtonDescent
from proteomr.stats.elastic_net_steps import Descent, Solution

__all__ = ["Binary", "Continuous", "Outcome", "Rule", "TimeToEvent", "Tuned", "tune_elastic_net"]

Rule: TypeAlias = Literal["min", "1se"]

# Penalties beyond that of the least error before the search ends: a second dip is not looked for.
_BEYOND = 10


class Outcome(Protocol):
    """What is predicted: a response of a kind, on rows."""

    @property
    def n(self) -> int:
        """Rows."""
        ...

    def begin(self, X: F64, folds: I64, penalty: Penalty) -> tuple[Descent, Sequence[Descent]]:
        """Return the descent on all rows, and for each fold that on the rows outside of it."""
        ...

    def error(self, eta: F64, fold: I64, inside: int) -> float:
        """Return the mean error of predictors from the rows outside of a fold, on those inside."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Continuous:
    """A number (n,); the error is the mean square."""

    y: F64

    @property
    def n(self) -> int:
        """Rows."""
        return self.y.size

    def begin(self, X: F64, folds: I64, penalty: Penalty) -> tuple[Descent, Sequence[Descent]]:
        """Sum each fold once; the rows outside of it are all less these.

        Rows of a fold stand together.
        """
        own = [slice(*np.searchsorted(folds, [k, k + 1])) for k in range(int(folds[-1]) + 1)]
        sums = [LinearSums.of(X[rows], self.y[rows]) for rows in own]
        whole = sums[0]
        for more in sums[1:]:
            whole = whole + more
        parts: list[Descent] = []
        while sums:  # each square of the columns makes room for that of a descent
            rest = whole - sums.pop(0)
            parts.append(LinearDescent(rest, penalty, exact=False))
        return LinearDescent(whole, penalty, exact=False), parts

    def error(self, eta: F64, fold: I64, inside: int) -> float:
        """Return the mean square of what the predictors miss."""
        rows = fold == inside
        return float(np.mean((self.y[rows] - eta[rows]) ** 2))


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """0 and 1 (n,); the error is the deviance."""

    y: F64

    @property
    def n(self) -> int:
        """Rows."""
        return self.y.size

    def begin(self, X: F64, folds: I64, penalty: Penalty) -> tuple[Descent, Sequence[Descent]]:
        """Give the rows of a fold no weight, one fold after another."""
        return _begin(X, folds, penalty, lambda weights: BinomialLoss(self.y, weights))

    def error(self, eta: F64, fold: I64, inside: int) -> float:
        """Return the mean deviance."""
        rows = fold == inside
        y, own = self.y[rows], eta[rows]
        return float(2.0 * np.mean(np.logaddexp(0.0, own) - y * own))


@dataclass(slots=True, eq=False)
class TimeToEvent:
    """Entry, exit and event (n,); the error is the partial deviance.

    That of a fold is of all rows less that of the rows outside, so that its people are compared
    with all others (van Houwelingen et al. 2006, doi:10.1002/sim.2353), as in glmnet.
    """

    exit: F64
    event: F64
    entry: F64 | None = None
    _known: dict[int, BreslowLoss] = field(init=False)

    def __post_init__(self) -> None:
        self._known = {}

    @property
    def n(self) -> int:
        """Rows."""
        return self.exit.size

    def begin(self, X: F64, folds: I64, penalty: Penalty) -> tuple[Descent, Sequence[Descent]]:
        """Give the rows of a fold no weight, one fold after another."""
        return _begin(X, folds, penalty, self.loss)

    def loss(self, weights: F64) -> BreslowLoss:
        """Return the likelihood of rows of some weights."""
        return BreslowLoss(self.exit, self.event, weights, self.entry)

    def error(self, eta: F64, fold: I64, inside: int) -> float:
        """Return the partial deviance of a fold for each of its events."""
        whole = self._measure(-1, np.ones(fold.size), eta)
        outside = self._measure(inside, (fold != inside).astype(np.float64), eta)
        return -2.0 * (whole - outside) / max(float(self.event[fold == inside].sum()), 1.0)

    def _measure(self, key: int, weights: F64, eta: F64) -> float:
        """Return the log partial likelihood of rows, each counting once."""
        if key not in self._known:
            self._known[key] = self.loss(weights)
        total = float(weights.sum())
        events = float(weights @ self.event)
        return total * self._known[key].slope(eta).value - events * float(np.log(total))


def _begin(
    X: F64, folds: I64, penalty: Penalty, loss: Callable[[F64], Loss]
) -> tuple[Descent, Sequence[Descent]]:
    whole = NewtonDescent(X, loss(np.ones(folds.size)), penalty, exact=False)
    count = int(folds[-1]) + 1
    weights = [(folds != k).astype(np.float64) for k in range(count)]
    return whole, [NewtonDescent(X, loss(w), penalty, exact=False) for w in weights]


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """A penalty that was chosen, and the coefficients at it.

    Parameters
    ----------
    alpha : share of the lasso.
    penalties : (l,) that were tried.
    errors, se : (l,) mean error over the folds, and its standard error.
    chosen : place of the one that was chosen.
    solution : of all rows at that penalty, certified or not.
    held_out : (n,) the predictors of each row from the rows outside of its fold, at that penalty.
    """

    alpha: float
    penalties: F64
    errors: F64
    se: F64
    chosen: int
    solution: Solution
    held_out: F64


def tune_elastic_net(
    X: F64,
    outcome: Outcome,
    *,
    folds: I64,
    penalty: Penalty | None = None,
    rule: Rule = "min",
) -> Tuned:
    """Choose the penalty by cross-validation, and fit all rows at it.

    The penalties are those of all rows, glmnet's sequence. Each fold's rows are predicted from the
    others at each of them, until ten further penalties have brought no lesser error. That of the
    least mean error is chosen; by ``1se`` the largest whose error is within its standard error.
    The columns are standardised within the rows that are fitted.

    Parameters
    ----------
    X : (n, p), each column in one piece; best near a mean of 0 and a variance of 1.
    outcome : of the rows.
    folds : (n,) 0 to k - 1, in rising order.
    penalty : what is penalised; None for a lasso on all.
    rule : of choice.

    Raises
    ------
    ValueError
        Folds are not in order, or fewer than two, or one lacks rows.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> X = np.asfortranarray(random.normal(size=(60, 4)))
    >>> folds = np.repeat(np.arange(3), 20)
    >>> found = tune_elastic_net(X, Continuous(X[:, 0] * 2.0), folds=folds)
    >>> found.solution.coefficients.round(2).tolist()
    [2.0, 0.0, 0.0, 0.0]
    """
    count = _check_folds(folds, outcome.n)
    asked = Penalty() if penalty is None else penalty
    whole, parts = outcome.begin(X, folds, asked)
    penalties = list_sequence(whole.find_largest(), n=whole.rows, p=X.shape[1])
    for part in parts:
        part.find_largest()
    errors, predicted = np.empty((0, count)), list[F64]()
    for size in penalties.tolist():
        held = np.empty(outcome.n)
        row = np.empty(count)
        for k, part in enumerate(parts):
            found = part.advance(size)
            eta = _predict(X, found)
            held[folds == k] = eta[folds == k]
            row[k] = outcome.error(eta, folds, k)
        errors = np.vstack([errors, row])
        predicted.append(held)
        if len(errors) - 1 - int(errors.mean(axis=1).argmin()) >= _BEYOND:
            break
    mean = errors.mean(axis=1)
    se = errors.std(axis=1, ddof=1) / np.sqrt(count)
    best = int(mean.argmin())
    chosen = best if rule == "min" else int(np.flatnonzero(mean <= mean[best] + se[best])[0])
    for size in penalties[:chosen].tolist():
        whole.advance(size)
    whole.exact = True
    solution = whole.advance(float(penalties[chosen]))
    tried = penalties[: len(errors)]
    return Tuned(asked.alpha, tried, mean, se, chosen, solution, predicted[chosen])


def _predict(X: F64, solution: Solution) -> F64:
    from proteomr.stats.loops import COMPILED_FROM, load_loops

    eta = np.full(X.shape[0], solution.intercept)
    active = np.flatnonzero(solution.coefficients)
    loops = load_loops("elastic_net", compiled=X.shape[0] >= COMPILED_FROM)
    loops.add_columns(X, active, solution.coefficients[active], eta)
    return eta


def _check_folds(folds: I64, n: int) -> int:
    if folds.size != n or not (np.diff(folds) >= 0).all() or not n or folds[0] != 0:
        raise ValueError("folds must be in rising order from 0, one for each row")
    count = int(folds[-1]) + 1
    if count < 2 or np.unique(folds).size != count:
        raise ValueError(f"{np.unique(folds).size} folds with rows of {count}: two are needed")
    return count
