r"""Parametric survival models that are linear on a scale of survival: their exact maximum.

.. math:: g(S_i(t)) = s(\log t; \gamma) + x_i' \theta

with s a smooth function of log time, and g one of :mod:`proteomr.stats.survival_links` (Royston and
Parmar 2002, doi:10.1002/sim.1203). With s a line these are the Weibull, log-logistic and log-normal
models of accelerated failure times (:mod:`proteomr.stats.accelerated`). Someone who came under
observation at ``t0`` is there because of having survived to it: ``- log S(t0)``.

Without such late entries the log-likelihood is concave, and Newton's method with step halving comes
to its maximum from anywhere. Where it does not, scipy's trust-region method goes on. Every end is
judged anew by its score and information.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import find_doubt
from proteomr.stats.survival_links import Derivatives, Scale

__all__ = [
    "ParametricFit",
    "TimeColumns",
    "maximise_parametric",
    "score_rows",
    "square_rows",
    "take_rows",
]

# Newton's method takes some ten steps, from a bad start a few times that; 40 halvings are 1e-12.
_STEPS, _HALVINGS = 60, 40
_DECREMENT = 1e-22  # squared standard errors
_ROUNDING = 1e-12  # of a log-likelihood, as a share of it
# The least eigenvalue of an information in units of its diagonal that is not rounding.
_SINGULAR = 1e-13
_ROWS = 2048  # of some fifty columns, which stay in the cache
_NO_INFORMATION = "the information is not a number"
_NO_NUMBER = "the likelihood is not a number"


@dataclass(frozen=True, slots=True)
class TimeColumns:
    """What n people's times are in a model, each ``(n, q)`` for the q parameters of s.

    Attributes
    ----------
    at_exit : columns of s.
    slopes : their derivatives in log time.
    at_entry : columns of s at late entries, 0 elsewhere; None without any.
    late : ``(n,)``, who entered late; None without any.
    event : ``(n,)``, 1 or 0.
    log_exit : ``(n,)``, which the density in time takes off.
    offset, offset_entry : ``(n,)``, parts of s that are given; None for none.
    offset_slope : slope of the part that is given.
    """

    at_exit: F64
    slopes: F64
    event: F64
    log_exit: F64
    at_entry: F64 | None = None
    late: Bool | None = None
    offset: F64 | None = None
    offset_entry: F64 | None = None
    offset_slope: float = 0.0

    @property
    def q(self) -> int:
        """Number of parameters of s."""
        return int(self.at_exit.shape[1])


@dataclass(frozen=True, slots=True)
class ParametricFit:
    """Coefficients ``(q + p,)``, of s and of the columns, at the maximum of the likelihood.

    Attributes
    ----------
    covariance : ``(q + p, q + p)``, inverse of the observed information.
    log_likelihood : of the times themselves, as R's ``survreg`` has it.
    doubt : what speaks against the solution being the maximum; None where it has its certificate.
    steps : of Newton's method.
    """

    coefficients: F64
    covariance: F64
    log_likelihood: float
    doubt: str | None
    steps: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A point at which the likelihood was looked at.

    Attributes
    ----------
    value : the log-likelihood; minus infinity where s falls at the time of an event.
    eta, eta_entry, rise : ``(n,)``, ``(l,)``, ``(n,)``, linear predictors at exit and at late
        entries, and slopes of s.
    """

    theta: F64
    value: float
    eta: F64
    eta_entry: F64
    rise: F64


def take_rows(times: TimeColumns, rows: Bool | I64) -> TimeColumns:
    """Return the times of some rows.

    Examples
    --------
    >>> ones = np.ones((2, 1))
    >>> times = TimeColumns(ones, 0 * ones, np.ones(2), np.zeros(2))
    >>> take_rows(times, np.array([True, False])).event.tolist()
    [1.0]
    """

    def some(values: F64 | None) -> F64 | None:
        return None if values is None else values[rows]

    return TimeColumns(
        times.at_exit[rows],
        times.slopes[rows],
        times.event[rows],
        times.log_exit[rows],
        some(times.at_entry),
        None if times.late is None else times.late[rows],
        some(times.offset),
        some(times.offset_entry),
        times.offset_slope,
    )


def maximise_parametric(
    X: F64,
    times: TimeColumns,
    *,
    scale: Scale,
    start: F64,
    weights: F64 | None = None,
) -> ParametricFit:
    """Maximise the likelihood.

    Parameters
    ----------
    X : ``(n, p)``, without an intercept, of columns of about unit size.
    start : ``(q + p,)``, where s rises at the times of all events.
    weights : ``(n,)``, what each row's log-likelihood counts.

    Examples
    --------
    >>> from proteomr.stats.survival_links import HazardScale
    >>> t, ones = np.array([1.0, 2.0, 3.0, 4.0]), np.ones((4, 1))
    >>> times = TimeColumns(ones, 0 * ones, np.ones(4), np.log(t), offset=np.log(t),
    ...                     offset_slope=1.0)
    >>> fit = maximise_parametric(np.empty((4, 0)), times, scale=HazardScale(), start=np.zeros(1))
    >>> float(np.exp(fit.coefficients[0]).round(6)), fit.doubt
    (0.4, None)
    """
    w = np.ones(times.event.size) if weights is None else weights
    # Where all weights are small, so is every step in standard errors.
    unit = float(w.mean())
    climb = _Climb.on(X, times, scale, w / unit)
    covariance = np.full((start.size, start.size), np.nan)
    # A step that runs away leads to no number, and is taken back.
    with np.errstate(all="ignore"):
        found, doubt, steps = climb.climb(start)
        if doubt is not None and np.isfinite(found.value):
            found, doubt, steps = climb.search(start)
        if doubt is None:
            covariance = np.linalg.inv(climb.inform(found)[1]) / unit
    value = (found.value - climb.take_off()) * unit
    return ParametricFit(found.theta, covariance, value, doubt, steps)


def _take_numbers(derivatives: F64) -> F64:
    """Return derivatives that are numbers; the search has no way on from others."""
    if not np.all(np.isfinite(derivatives)):
        raise ArithmeticError(_NO_INFORMATION)
    return derivatives


def square_rows(V: F64, weights: F64) -> F64:
    """Return ``V' diag(weights) V`` by parts of the rows that stay in the cache.

    Examples
    --------
    >>> square_rows(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 0.5])).tolist()
    [[5.5, 8.0], [8.0, 12.0]]
    """
    out = np.zeros((V.shape[1], V.shape[1]))
    for start in range(0, V.shape[0], _ROWS):
        rows = V[start : start + _ROWS]
        out += rows.T @ (rows * weights[start : start + _ROWS, None])
    return out


def score_rows(
    X: F64, times: TimeColumns, theta: F64, *, scale: Scale, weights: F64 | None = None
) -> F64:
    """Return what each row adds to the score ``(n, q + p)``; they sum to 0 at the maximum.

    Examples
    --------
    >>> from proteomr.stats.survival_links import HazardScale
    >>> t, ones = np.array([1.0, 2.0, 3.0, 4.0]), np.ones((4, 1))
    >>> times = TimeColumns(ones, 0 * ones, np.ones(4), np.log(t), offset=np.log(t),
    ...                     offset_slope=1.0)
    >>> rows = score_rows(np.empty((4, 0)), times, np.log([0.4]), scale=HazardScale())
    >>> rows.ravel().round(6).tolist()
    [0.6, 0.2, -0.2, -0.6]
    """
    w = np.ones(times.event.size) if weights is None else weights
    climb = _Climb.on(X, times, scale, w)
    return climb.score(climb.look(theta))


@dataclass(frozen=True, slots=True)
class _Climb:
    """The likelihood of one model, and ways to its maximum.

    Attributes
    ----------
    V : ``(n, q + p)``, columns at exit.
    late, V_late : ``(l,)``, ``(l, q + p)``, rows that entered late, and their columns then.
    """

    times: TimeColumns
    scale: Scale
    w: F64
    V: F64
    late: I64
    V_late: F64

    @classmethod
    def on(cls, X: F64, times: TimeColumns, scale: Scale, w: F64) -> _Climb:
        """Lay out the columns of a model."""
        V = np.column_stack([times.at_exit, X])
        late, V_late = np.empty(0, dtype=np.int64), V[:0]
        if times.at_entry is not None and times.late is not None:
            late = np.flatnonzero(times.late)
            V_late = np.column_stack([times.at_entry[late], X[late]])
        return cls(times, scale, w, V, late, V_late)

    def take_off(self) -> float:
        """Return the log times of events, which the density in time is divided by."""
        return float(np.sum(self.w * self.times.event * self.times.log_exit))

    def look(self, theta: F64) -> _Place:
        """Look at the likelihood at a point."""
        t, q = self.times, self.times.q
        eta = self.V @ theta + (0.0 if t.offset is None else t.offset)
        rise = t.slopes @ theta[:q] + t.offset_slope
        entry = self.V_late @ theta
        entry = entry + (0.0 if t.offset_entry is None else t.offset_entry[self.late])
        events = t.event > 0.0
        if not np.all(rise[events] > 0.0):
            return _Place(theta, -np.inf, eta, entry, rise)
        died, lived = self._parts(eta)
        value = np.sum(self.w * np.where(events, died.value, lived.value))
        value += np.sum(self.w[events] * np.log(rise[events]))
        value -= np.sum(self.w[self.late] * self.scale.survive(entry).value)
        finite = bool(np.isfinite(value))
        return _Place(theta, float(value) if finite else -np.inf, eta, entry, rise)

    def _parts(self, eta: F64) -> tuple[Derivatives, Derivatives]:
        return self.scale.fail(eta), self.scale.survive(eta)

    def score(self, place: _Place) -> F64:
        """Return what each row adds to the score ``(n, q + p)``."""
        t, events = self.times, self.times.event > 0.0
        died, lived = self._parts(place.eta)
        slope = self.w * np.where(events, died.slope, lived.slope)
        rows = self.V * slope[:, None]
        share = np.where(events, self.w / np.where(events, place.rise, 1.0), 0.0)
        rows[:, : t.q] += t.slopes * share[:, None]
        slope = self.w[self.late] * self.scale.survive(place.eta_entry).slope
        rows[self.late] -= self.V_late * slope[:, None]
        return rows

    def inform(self, place: _Place) -> tuple[F64, F64]:
        """Return the score ``(q + p,)`` and the observed information."""
        t, q, events = self.times, self.times.q, self.times.event > 0.0
        died, lived = self._parts(place.eta)
        slope = self.w * np.where(events, died.slope, lived.slope)
        bend = -self.w * np.where(events, died.curvature, lived.curvature)
        share = np.where(events, 1.0 / np.where(events, place.rise, 1.0), 0.0)
        score, information = self.V.T @ slope, square_rows(self.V, bend)
        score[:q] += t.slopes.T @ (self.w * share)
        information[:q, :q] += t.slopes.T @ (t.slopes * (self.w * share * share)[:, None])
        entered, w = self.scale.survive(place.eta_entry), self.w[self.late]
        score -= self.V_late.T @ (w * entered.slope)
        information += square_rows(self.V_late, w * entered.curvature)
        return score, information

    def climb(self, start: F64) -> tuple[_Place, str | None, int]:
        """Take Newton's steps, each halved until it does not lead down."""
        place = self.look(start)
        if not np.isfinite(place.value):
            return place, _NO_NUMBER, 0
        for step in range(1, _STEPS + 1):
            score, information = self.inform(place)
            try:
                move = cho_solve(cho_factor(information), score)
            except (np.linalg.LinAlgError, ValueError):
                return place, "the information is not above zero", step
            decrement = float(score @ move)
            ahead = self._advance(place, move)
            if ahead is None:
                return place, self._judge(place), step
            place = ahead
            if decrement < _DECREMENT:
                return place, self._judge(place), step
        return place, self._judge(place), _STEPS

    def _advance(self, place: _Place, move: F64) -> _Place | None:
        for halving in range(_HALVINGS):
            ahead = self.look(place.theta + 0.5**halving * move)
            if ahead.value >= place.value - _ROUNDING * abs(place.value):
                return ahead
        return None

    def _judge(self, place: _Place) -> str | None:
        """Say what speaks against a place being the maximum."""
        if not np.isfinite(place.value):
            return _NO_NUMBER
        score, information = self.inform(place)
        if not (np.all(np.isfinite(information)) and np.all(np.isfinite(score))):
            return _NO_INFORMATION
        # Columns of any size: what is above zero is so in units of its own diagonal.
        root = np.sqrt(np.maximum(np.diagonal(information), np.finfo(np.float64).tiny))
        values, vectors = np.linalg.eigh(information / np.outer(root, root))
        turned = vectors.T @ (score / root)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = float(np.sqrt(np.sum(turned**2 / values)))
        return find_doubt(distance=distance, curvature=float(values.min()) - _SINGULAR)

    def search(self, start: F64) -> tuple[_Place, str | None, int]:
        """Go by scipy's trust-region method, and polish its end by Newton's steps.

        It ends where it began, with a doubt, if it comes to where the derivatives are no numbers.
        """
        from scipy.optimize import minimize

        size = max(abs(self.look(start).value), 1.0)

        def value(theta: F64) -> float:
            return -self.look(theta).value / size

        def slope(theta: F64) -> F64:
            return _take_numbers(-self.inform(self.look(theta))[0] / size)

        def bend(theta: F64) -> F64:
            return _take_numbers(self.inform(self.look(theta))[1] / size)

        try:
            found = minimize(
                value,
                start,
                jac=slope,
                hess=bend,
                method="trust-exact",
                options={"gtol": 1e-10, "maxiter": 500},
            )
        except (ArithmeticError, np.linalg.LinAlgError):
            return self.look(start), _NO_INFORMATION, 0
        return self.climb(np.asarray(found.x, dtype=np.float64))
