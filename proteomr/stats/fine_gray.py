"""One regression of subdistribution hazards at a time.

``lambda*(t | x) = lambda*_0(t) exp(x b)``, with ``1 - exp(-int lambda*)`` the cumulative incidence
of an event that others compete with (Fine and Gray 1999, doi:10.1080/01621459.1999.10474144). The
score is that of Cox's regression with the risk sets of :mod:`proteomr.stats.subdistribution`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.certificates import find_doubt
from proteomr.stats.subdistribution import SubdistributionRisk

__all__ = ["FineGrayFit", "FineGrayModel", "Ties", "fit_fine_gray"]

Ties: TypeAlias = Literal["efron", "breslow"]
_DECREMENT = 1e-22  # squared standard errors
# A maximum is reached in some ten steps; along an infinite estimate a step adds about 1 to it. So
# many halvings leave 1e-9 of a step.
_ITERATIONS, _HALVINGS = 40, 30
_ROUNDING = 1e-13  # of a log-likelihood, as a share of it


@dataclass(frozen=True)
class FineGrayModel:
    """The partial likelihood of one regression.

    Attributes
    ----------
    risk : who is at risk when.
    X : ``(n, p)``, without an intercept, in the order of the risk.
    weights : ``(n,)``, in that order.
    ties : of events at one time.
    """

    risk: SubdistributionRisk
    X: F64
    weights: F64
    ties: Ties

    @cached_property
    def place(self) -> I64:
        """Event time of each event ``(d,)``, in the order of the rows."""
        risk = self.risk
        return np.asarray(risk.high[risk.is_event] - 1)

    @cached_property
    def terms(self) -> tuple[I64, F64, F64]:
        """Logarithms in the likelihood ``(e,)``: event time, part of the events that is out of the
        risk set, and what it counts.
        """
        K = self.risk.times.size
        count = np.bincount(self.place, minlength=K)
        total = np.bincount(self.place, weights=self.weights[self.risk.is_event], minlength=K)
        if self.ties == "breslow":
            once: I64 = np.flatnonzero(count)
            return once, np.zeros(once.size), np.asarray(total[once], dtype=np.float64)
        at: I64 = np.repeat(np.arange(K), count)
        begun = np.cumsum(count) - count
        out = (np.arange(at.size) - begun[at]) / count[at]
        return at, out, total[at] / count[at]

    def sum_events(self, values: F64) -> F64:
        """Sum ``(d, q)`` over the events of each time ``(K, q)``."""
        sums = np.zeros((self.risk.times.size, values.shape[1]))
        heads = np.flatnonzero(np.diff(self.place, prepend=-1))
        sums[self.place[heads]] = np.add.reduceat(values, heads, axis=0)
        return sums

    def at(self, coefficients: F64) -> FineGrayPoint:
        """Return the likelihood at some coefficients."""
        eta = self.X @ coefficients
        eta -= eta.max(initial=-np.inf)
        return self.judge(eta, coefficients)

    def judge(self, eta: F64, coefficients: F64) -> FineGrayPoint:
        """Return the likelihood at some linear predictors ``(n,)``."""
        relative = self.weights * np.exp(eta)
        S0 = self.risk.sum_at_risk(relative[:, None])[:, 0]
        D0 = self.sum_events(relative[self.risk.is_event, None])[:, 0]
        at, out, mass = self.terms
        left = S0[at] - out * D0[at]
        events = float(self.weights[self.risk.is_event] @ eta[self.risk.is_event])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            value = events - float(mass @ np.log(left))
            hazard = mass / left
        # risk sets that vanish from view beside the largest hazard say nothing of the likelihood
        value = value if np.all(np.isfinite(hazard)) else -math.inf
        return FineGrayPoint(self, coefficients, relative, left, hazard, value)


@dataclass(frozen=True)
class FineGrayPoint:
    """The likelihood at some coefficients.

    Attributes
    ----------
    relative : ``(n,)``, weight times relative hazard, up to a factor.
    left : ``(e,)``, the sum of them at risk of each term.
    hazard : ``(e,)``, the term's part of the baseline hazard.
    log_likelihood : of the weighted rows.
    """

    model: FineGrayModel
    coefficients: F64
    relative: F64
    left: F64
    hazard: F64
    log_likelihood: float

    @cached_property
    def hazards(self) -> tuple[F64, F64]:
        """Baseline hazard of each event time ``(K,)``: for those at risk, and for its events."""
        at, out, _ = self.model.terms
        K = self.model.risk.times.size
        whole = np.bincount(at, weights=self.hazard, minlength=K)
        own = np.bincount(at, weights=(1.0 - out) * self.hazard, minlength=K)
        return whole.astype(np.float64), own.astype(np.float64)

    @cached_property
    def seen(self) -> F64:
        """Hazard that each row has lived through, times its relative hazard ``(n,)``."""
        whole, own = self.hazards
        return np.asarray(
            self.relative * self.model.risk.sum_hazards(whole[:, None], own[:, None])[:, 0]
        )

    @cached_property
    def score(self) -> F64:
        """Derivatives of the log-likelihood ``(p,)``."""
        model = self.model
        return np.asarray((model.weights * model.risk.is_event - self.seen) @ model.X)

    def means(self, columns: F64) -> F64:
        """Return the mean of columns ``(n, q)`` over those at risk of each term ``(e, q)``."""
        at, out, _ = self.model.terms
        events = self.model.risk.is_event
        weighted = np.column_stack([self.relative, self.relative[:, None] * columns])
        S1 = self.model.risk.sum_at_risk(weighted)[:, 1:]
        found = S1[at]
        if np.any(out > 0.0):
            found = found - out[:, None] * self.model.sum_events(weighted[events, 1:])[at]
        return np.asarray(found / self.left[:, None])

    @cached_property
    def information(self) -> F64:
        """Minus the second derivatives of the log-likelihood ``(p, p)``."""
        model = self.model
        means = self.means(model.X) * np.sqrt(model.terms[2])[:, None]
        scaled = model.X * np.sqrt(self.seen)[:, None]
        return np.asarray(scaled.T @ scaled - means.T @ means)


@dataclass(frozen=True, slots=True)
class FineGrayFit:
    """A fitted regression of subdistribution hazards.

    Attributes
    ----------
    point : the likelihood at the estimate.
    inverse : ``(p, p)``, of the information.
    doubt : what speaks against it being the maximum; empty for nothing.
    iterations : Newton steps taken.
    """

    point: FineGrayPoint
    inverse: F64
    doubt: str
    iterations: int


def fit_fine_gray(model: FineGrayModel, start: F64 | None = None) -> FineGrayFit:
    """Maximise the partial likelihood by Newton's method with step halving.

    Mirrors R's ``cmprsk::crr`` (Breslow's ties) and ``survival::coxph`` on the rows of
    ``survival::finegray``, at full convergence. Columns should be about of unit size.

    Examples
    --------
    >>> from proteomr.stats.censoring import estimate_censoring
    >>> from proteomr.stats.subdistribution import lay_out_risk
    >>> times = np.column_stack([np.full(6, -np.inf), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> event = np.array([1, 2, 0, 1, 1, 0])
    >>> risk = lay_out_risk(times, event, code=1, censoring=estimate_censoring(times, event))
    >>> x = np.array([[1.0], [0.0], [0.5], [0.2], [0.9], [0.1]])
    >>> model = FineGrayModel(risk, x, np.ones(6), "efron")
    >>> fit_fine_gray(model).point.coefficients.round(4).tolist()
    [2.1423]
    """
    p = model.X.shape[1]
    point = model.at(np.zeros(p) if start is None else start)
    step, decrement, iterations = np.zeros(p), np.inf, 0
    while iterations < _ITERATIONS:
        found = _solve(point.information, point.score)
        if found is None:
            break
        step, previous = found, decrement
        decrement = float(step @ point.score)
        if not decrement >= 0.0 or (decrement < 1e-16 and decrement > 0.1 * previous):
            break
        further = _walk(point, step)
        if further is None:
            break
        point, iterations = further, iterations + 1
        if decrement < _DECREMENT:
            break
    return _judge(point, iterations)


def _solve(information: F64, score: F64) -> F64 | None:
    """Return the Newton step; None where the information is not above zero."""
    with np.errstate(all="ignore"):
        try:
            root = np.linalg.cholesky(information)
        except np.linalg.LinAlgError:
            return None
        step = np.linalg.solve(root.T, np.linalg.solve(root, score))
    return step if np.all(np.isfinite(step)) else None


def _invert(information: F64) -> F64 | None:
    """Return the inverse; None where no number is left of it, as along an infinite estimate."""
    with np.errstate(all="ignore"):
        try:
            inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
    return inverse if np.all(np.isfinite(inverse)) else None


def _walk(point: FineGrayPoint, step: F64) -> FineGrayPoint | None:
    """Go along a step as far as the likelihood does not fall; None where it falls at once."""
    slack = _ROUNDING * (1.0 + abs(point.log_likelihood))
    for halving in range(_HALVINGS):
        further = point.model.at(point.coefficients + 0.5**halving * step)
        if further.log_likelihood >= point.log_likelihood - slack:
            return further
    return None


def _judge(point: FineGrayPoint, iterations: int) -> FineGrayFit:
    """Ask for the certificate of the last point."""
    information = point.information
    step, inverse = _solve(information, point.score), _invert(information)
    if step is None or inverse is None:
        nothing = np.full(information.shape, np.nan)
        return FineGrayFit(point, nothing, "the information is not above zero", iterations)
    unit = np.sqrt(np.diagonal(information))
    curvature = float(np.linalg.eigvalsh(information / unit / unit[:, None]).min(initial=1.0))
    decrement = float(step @ point.score)
    distance = math.sqrt(decrement) if decrement >= 0.0 else math.nan
    doubt = find_doubt(distance=distance, curvature=curvature, value=-2.0 * point.log_likelihood)
    return FineGrayFit(point, inverse, doubt or "", iterations)
