"""Likelihoods that an elastic net is fitted to by Newton's method: binomial, Cox's with Breslow.

A likelihood is a mean over rows whose weights sum to one, a function of their linear predictors.
Minus its second derivatives along columns x are ``x^T W x - N^T N``, with a diagonal W and the few
rows N that the columns are condensed to: by the intercept, or by the means of risk sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from proteomr._typing import F64, I64

__all__ = ["BinomialLoss", "BreslowLoss", "Curvature", "Loss", "Slope", "SquaredLoss"]


@dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """A log-likelihood and its derivatives by the linear predictors (n,)."""

    value: float
    score: F64


class Curvature(Protocol):
    """Minus the second derivatives at some linear predictors."""

    @property
    def weights(self) -> F64:
        """The diagonal (n,)."""
        ...

    def condense(self, X: F64) -> F64:
        """Return the rows (k, a) that columns (n, a) are condensed to."""
        ...


class Loss(Protocol):
    """A likelihood of linear predictors.

    Attributes
    ----------
    weights : (n,) that sum to one.
    null, best : log-likelihoods of no column and of a perfect fit.
    has_intercept : whether one is fitted.
    """

    weights: F64
    null: float
    best: float
    has_intercept: bool

    def intercept(self) -> float:
        """Return the predictor of everybody without a column."""
        ...

    def slope(self, eta: F64) -> Slope:
        """Return the log-likelihood and its derivatives."""
        ...

    def curve(self, eta: F64) -> Curvature:
        """Return minus the second derivatives."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Centred:
    """Weights, and their mean of columns, which the intercept takes out."""

    weights: F64

    def condense(self, X: F64) -> F64:
        total = float(self.weights.sum())
        return np.asarray((self.weights @ X) / np.sqrt(total))[None, :]


@dataclass(slots=True, eq=False)
class BinomialLoss:
    """The likelihood of 0 and 1 given logits.

    Parameters
    ----------
    y : (n,) 0 or 1.
    given : (n,) weights, of any sum.

    Raises
    ------
    ValueError
        All rows with a weight have one value.
    """

    y: F64
    given: F64
    weights: F64 = field(init=False)
    null: float = field(init=False)
    best: float = 0.0
    has_intercept: bool = True

    def __post_init__(self) -> None:
        self.weights = self.given / self.given.sum()
        share = float(self.weights @ self.y)
        if not 0.0 < share < 1.0:
            raise ValueError("an outcome of one level has no logistic regression")
        self.null = share * np.log(share) + (1.0 - share) * np.log1p(-share)

    def intercept(self) -> float:
        """Return the logit of the share of cases."""
        share = float(self.weights @ self.y)
        return float(np.log(share) - np.log1p(-share))

    def slope(self, eta: F64) -> Slope:
        """Return the log-likelihood and its derivatives.

        Examples
        --------
        >>> found = BinomialLoss(np.array([0.0, 1.0]), np.ones(2)).slope(np.zeros(2))
        >>> round(found.value, 4), found.score.tolist()
        (-0.6931, [-0.25, 0.25])
        """
        value = float(self.weights @ (self.y * eta - np.logaddexp(0.0, eta)))
        return Slope(value, self.weights * (self.y - expit(eta)))

    def curve(self, eta: F64) -> Curvature:
        """Return the variances of the outcomes."""
        chance = expit(eta)
        return _Centred(self.weights * chance * (1.0 - chance))


@dataclass(slots=True, eq=False)
class SquaredLoss:
    """Half the mean square error of a number, brought to a mean of 0 and a variance of 1.

    Parameters
    ----------
    y : (n,).
    given : (n,) weights, of any sum.
    """

    y: F64
    given: F64
    weights: F64 = field(init=False)
    middle: float = field(init=False)
    spread: float = field(init=False)
    null: float = -0.5
    best: float = 0.0
    has_intercept: bool = True
    _near: F64 = field(init=False)

    def __post_init__(self) -> None:
        self.weights = self.given / self.given.sum()
        origin = float(self.y[0])
        self.middle = origin + float(self.weights @ (self.y - origin))
        spread = float(np.sqrt(self.weights @ (self.y - self.middle) ** 2))
        self.spread = spread if spread > 0.0 else 1.0
        self._near = (self.y - self.middle) / self.spread

    def intercept(self) -> float:
        """Return 0, the mean."""
        return 0.0

    def slope(self, eta: F64) -> Slope:
        """Return minus half the mean square, and its derivatives.

        Examples
        --------
        >>> found = SquaredLoss(np.array([0.0, 2.0]), np.ones(2)).slope(np.zeros(2))
        >>> found.value, found.score.tolist()
        (-0.5, [-0.5, 0.5])
        """
        left = self._near - eta
        return Slope(-0.5 * float(self.weights @ left**2), self.weights * left)

    def curve(self, eta: F64) -> Curvature:
        """Return the weights."""
        del eta  # of a quadratic it is the same everywhere
        return _Centred(self.weights)


@dataclass(frozen=True, slots=True, eq=False)
class _RiskSets:
    """Relative hazards times cumulative hazards, and the means of columns in risk sets."""

    weights: F64
    hazards: F64
    size: F64
    count: F64
    loss: BreslowLoss

    def condense(self, X: F64) -> F64:
        sums = self.loss.sum_at_risk(self.hazards[:, None] * X)
        return np.asarray(sums * (np.sqrt(self.count) / self.size)[:, None])


@dataclass(slots=True, eq=False)
class BreslowLoss:
    """Cox's partial likelihood with Breslow's ties, of people at risk from entry to exit.

    Parameters
    ----------
    exit : (n,) times.
    event : (n,) 1 for an event, else 0.
    given : (n,) weights, of any sum.
    entry : (n,) times, -inf where a person is at risk from the start; None for all.

    Raises
    ------
    ValueError
        No row with a weight has an event.
    """

    exit: F64
    event: F64
    given: F64
    entry: F64 | None = None
    weights: F64 = field(init=False)
    null: float = field(init=False)
    best: float = field(init=False)
    has_intercept: bool = False
    _times: F64 = field(init=False)
    _last: I64 = field(init=False)
    _first: I64 | None = field(init=False)
    _count: F64 = field(init=False)
    _places: csr_array = field(init=False)

    def __post_init__(self) -> None:
        self.weights = self.given / self.given.sum()
        own = (self.event > 0.0) & (self.weights > 0.0)
        if not own.any():
            raise ValueError("an outcome without events has no Cox regression")
        times = self._times = np.unique(self.exit[own])
        self._last = np.searchsorted(times, self.exit, side="right").astype(np.int64)
        self._first = None
        if self.entry is not None and np.isfinite(self.entry).any():
            self._first = np.searchsorted(times, self.entry, side="right")
        at = np.searchsorted(times, self.exit[own])
        self._count = np.asarray(
            np.bincount(at, self.weights[own], minlength=times.size), dtype=np.float64
        )
        self._places = self._place(times.size)
        self.best = -float(self._count @ np.log(self._count))
        self.null = self.slope(np.zeros(self.exit.size)).value

    def _place(self, size: int) -> csr_array:
        """Return the matrix (size + 1, n) that sums rows by the event times they reach."""
        n = self.exit.size
        ones, rows = np.ones(n), np.arange(n)
        places = csr_array((ones, (self._last, rows)), shape=(size + 1, n))
        if self._first is None:
            return places
        return csr_array(places - csr_array((ones, (self._first, rows)), shape=(size + 1, n)))

    def sum_at_risk(self, X: F64) -> F64:
        """Return the sums (k, a) of columns (n, a) over those at risk at each event time."""
        by_reach = self._places @ X
        return np.asarray(by_reach[::-1].cumsum(axis=0)[::-1][1:])

    def intercept(self) -> float:
        """Return 0: the baseline hazard has what an intercept would."""
        return 0.0

    def _hazards(self, eta: F64) -> tuple[F64, F64, F64, float]:
        """Return relative hazards, sums at risk, cumulative hazards of rows, and the shift."""
        top = float(eta[self.weights > 0.0].max())
        relative = self.weights * np.exp(np.minimum(eta - top, 0.0))
        size = self.sum_at_risk(relative[:, None])[:, 0]
        cumulative = np.concatenate([[0.0], np.cumsum(self._count / size)])
        own = cumulative[self._last]
        if self._first is not None:
            own = own - cumulative[self._first]
        return relative, size, own, top

    def slope(self, eta: F64) -> Slope:
        """Return the log partial likelihood and its derivatives.

        Examples
        --------
        >>> loss = BreslowLoss(np.array([1.0, 2.0]), np.array([1.0, 0.0]), np.ones(2))
        >>> loss.slope(np.zeros(2)).score.tolist()
        [0.25, -0.25]
        """
        relative, size, own, top = self._hazards(eta)
        died = self.weights * (self.event > 0.0)
        value = float(died @ eta - self._count @ (np.log(size) + top))
        return Slope(value, died - relative * own)

    def find_hazard(self, eta: F64, time: float) -> float:
        """Return the cumulative hazard by a time of someone whose predictor is 0 (Breslow).

        Examples
        --------
        >>> loss = BreslowLoss(np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.ones(2))
        >>> loss.find_hazard(np.zeros(2), 1.5)
        0.5
        """
        _, size, _, top = self._hazards(eta)
        counted = self._times <= time
        return float(np.sum(self._count[counted] / size[counted])) * float(np.exp(-top))

    def curve(self, eta: F64) -> Curvature:
        """Return relative hazards times cumulative hazards, and the risk sets."""
        relative, size, own, _ = self._hazards(eta)
        return _RiskSets(relative * own, relative, size, self._count, self)
