"""One multinomial regression at a time: the exact maximum, or its limit under separation.

``log P(y = l) / P(y = 0) = x b_l`` for the levels l from 1 on. A level that some combination of the
columns rules out for some rows sends coefficients to infinity and leaves the others a limit, that
of the likelihood in which these rows choose among the levels left to them (Geyer 2009,
doi:10.1214/08-EJS349); :mod:`proteomr.stats.choices` finds which.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.choices import find_choices, find_informed
from proteomr.stats.linalg import cholesky_pivots

__all__ = [
    "MultinomialFit",
    "MultinomialLimit",
    "choice_probabilities",
    "fit_multinomial",
    "fit_multinomial_limit",
    "log_likelihood",
    "score_multinomial",
]

# Beyond it a fitted probability is so close to 0 or 1 that separation is likely.
_EXTREME = 12.0
# Squared standard errors, 1e-11 of one; scores at the end, squared, in units of their variance.
_DECREMENT, _SCORE = 1e-22, 1e-18
# Newton's method squares the error; along a separated direction the decrement falls by e a step.
_QUADRATIC = 0.1
# A maximum takes some ten steps; halving goes down to 1e-9 of one: what then leads down has none.
_STEPS, _HALVINGS = 80, 30
_ROUNDING = 1e-12  # of a log-likelihood, as a share of it
# Relative pivots of an information in double precision: nine of sixteen digits stay, squared.
_PIVOT = 1e-14
# What of a coefficient may lie in directions without information, as a share of its length.
_INVOLVED = 1e-6


@dataclass(frozen=True, slots=True)
class MultinomialFit:
    """A multinomial fit of K levels on ``X (n, p)``.

    Attributes
    ----------
    coefficients : ``(K - 1, p)``.
    covariance : ``(K - 1, p, K - 1, p)``, the inverse information.
    lost : ``((K - 1) p, z)``, orthonormal directions along which the likelihood does not change.
    log_likelihood : at the estimate.
    converged : whether the fit has its certificate (:mod:`proteomr.stats.certificates`).
    quadratic : whether the last decrement was far below the one before.
    extreme : the largest linear predictor in absolute value among the levels allowed.
    """

    coefficients: F64
    covariance: F64
    lost: F64
    log_likelihood: float
    converged: bool = False
    quadratic: bool = False
    extreme: float = 0.0


@dataclass(frozen=True, slots=True)
class MultinomialLimit:
    """A fit, or its limit where columns rule levels out for rows.

    Attributes
    ----------
    fit : on the choices left.
    apart : number of rows that have lost a choice.
    complete : whether no row has any left.
    allowed : ``(K, n)``, 1 for the choices left; None for all.
    known : False where the search for separation failed.
    """

    fit: MultinomialFit
    apart: int = 0
    complete: bool = False
    allowed: F64 | None = None
    known: bool = True

    @property
    def settled(self) -> bool:
        """Whether the fit has its certificate, and separation is known."""
        return self.known and self.fit.converged

    def is_finite(self, weights: F64) -> bool:
        """Whether a combination of coefficients ``(K - 1, p)`` has a finite estimate.

        It has where nothing of it lies in the directions without information.
        """
        flat = weights.ravel()
        along = np.linalg.norm(flat @ self.fit.lost)
        return bool(along <= _INVOLVED * np.linalg.norm(flat))


def choice_probabilities(eta: F64, allowed: F64) -> F64:
    """Return the probabilities ``(K, n)`` of the levels for linear predictors ``(K - 1, n)``.

    Examples
    --------
    >>> choice_probabilities(np.zeros((2, 1)), np.array([[1.0], [1.0], [0.0]])).ravel().tolist()
    [0.5, 0.5, 0.0]
    """
    whole = np.concatenate([np.zeros((1, eta.shape[1])), eta])
    top = np.where(allowed > 0.0, whole, -np.inf).max(axis=0)
    powers: F64 = np.exp(np.minimum(whole - top, 0.0)) * allowed
    powers /= powers.sum(axis=0)
    return powers


def log_likelihood(eta: F64, levels: I64, allowed: F64, counts: F64) -> float:
    """Return the log-likelihood of linear predictors ``(K - 1, n)``.

    Examples
    --------
    >>> one = np.ones((2, 1))
    >>> round(log_likelihood(np.zeros((1, 1)), np.array([1]), one, one[0]), 4)
    -0.6931
    """
    whole = np.concatenate([np.zeros((1, eta.shape[1])), eta])
    open_to = np.where(allowed > 0.0, whole, -np.inf)
    top = open_to.max(axis=0)
    with np.errstate(invalid="ignore"):
        total = top + np.log(np.exp(open_to - top).sum(axis=0))
        chosen = np.take_along_axis(whole, levels[None], axis=0)[0]
        value = float(counts @ (chosen - total))
    return value if np.isfinite(value) else -np.inf


def fit_multinomial(
    X: F64,
    levels: I64,
    K: int,
    *,
    weights: F64 | None = None,
    allowed: F64 | None = None,
    start: F64 | None = None,
) -> MultinomialFit:
    """Maximise the likelihood by Newton's method with step halving.

    R's ``nnet::multinom`` at full convergence.

    Parameters
    ----------
    X : ``(n, p)``, full rank, with its intercept.
    levels : ``(n,)``, 0 to K - 1, each of them there.
    weights : ``(n,)``, above 0: what each row's log-likelihood counts.
    allowed : ``(K, n)``, 1 for the levels that a row may have; all of them without.
    start : ``(K - 1, p)``, where to begin; 0 without.

    Examples
    --------
    >>> X = np.column_stack([np.ones(6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> fit_multinomial(X, np.array([0, 1, 0, 1, 0, 1]), 2).coefficients.round(4).tolist()
    [[-1.2646, 0.3613]]
    """
    # Where all weights are small, so is every step in standard errors.
    unit = 1.0 if weights is None else float(weights.mean())
    counts = np.ones(levels.size) if weights is None else weights / unit
    problem = _Problem.of(X, levels, K, counts, allowed)
    b = np.zeros((K - 1, X.shape[1])) if start is None else start.copy()
    eta = b @ X.T
    value, last, decrement, quadratic = problem.value(eta), np.inf, np.nan, False
    for _ in range(_STEPS):
        mu = choice_probabilities(eta, problem.allowed)
        score = problem.score(mu)
        step, decrement = _solve(problem, mu, score)
        if not 0.0 <= decrement < np.inf:
            decrement = np.nan
            break
        rise = problem.rise(step.reshape(b.shape) @ X.T, eta, value)
        if rise is None:
            decrement = np.nan
            break
        size, eta, value = rise
        b = b + size * step.reshape(b.shape)
        if decrement < _DECREMENT:
            quadratic = decrement <= _QUADRATIC * last
            break
        last = decrement
    else:
        decrement = np.nan
    return _close(problem, b, eta, value * unit, decrement, unit, quadratic=quadratic)


def fit_multinomial_limit(
    X: F64, levels: I64, K: int, *, weights: F64 | None = None, start: F64 | None = None
) -> MultinomialLimit:
    """Maximise the likelihood, or take its limit where columns rule levels out for rows.

    Parameters
    ----------
    X, levels, K, weights, start : as for :func:`fit_multinomial`.

    Examples
    --------
    >>> x = np.column_stack([np.ones(7), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 9.0]])
    >>> limit = fit_multinomial_limit(x, np.array([0, 1, 0, 1, 0, 1, 2]), 3)
    >>> [limit.is_finite(np.eye(4)[i]) for i in (1, 3)], limit.fit.coefficients[0].round(4).tolist()
    ([True, False], [-1.2646, 0.3613])
    """
    fit = fit_multinomial(X, levels, K, weights=weights, start=start)
    if fit.converged and fit.extreme <= _EXTREME:
        return MultinomialLimit(fit)
    try:
        allowed = find_choices(X, levels, K)
    except ArithmeticError:
        return MultinomialLimit(fit, known=False)
    if np.all(allowed > 0.0):
        return MultinomialLimit(fit)
    apart = int(np.count_nonzero(np.any(allowed == 0.0, axis=0)))
    limit = fit_multinomial(X, levels, K, weights=weights, allowed=allowed)
    complete = bool(np.all(allowed.sum(axis=0) == 1.0))
    return MultinomialLimit(limit, apart, complete, allowed)


def score_multinomial(
    X: F64, levels: I64, K: int, null: MultinomialLimit, *, weights: F64 | None = None
) -> float:
    """Return Rao's score statistic of columns that a fit leaves out.

    Parameters
    ----------
    X : ``(n, p)``, the columns of the fit first.
    null : the fit on them; where it is a limit, the test is that of the choices left.

    Examples
    --------
    >>> X = np.column_stack([np.ones(6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> levels = np.array([0, 1, 0, 1, 0, 1])
    >>> round(score_multinomial(X, levels, 2, fit_multinomial_limit(X[:, :1], levels, 2)), 4)
    0.5143
    """
    counts = np.ones(levels.size) if weights is None else weights
    problem = _Problem.of(X, levels, K, counts, null.allowed)
    b = np.zeros((K - 1, X.shape[1]))
    b[:, : null.fit.coefficients.shape[1]] = null.fit.coefficients
    mu = choice_probabilities(b @ X.T, problem.allowed)
    score, information = problem.turn(problem.score(mu), problem.information(mu))
    if not np.all(np.isfinite(information)):
        return np.nan
    if not cholesky_pivots(information[None])[1][0] > _PIVOT:
        return np.nan
    return float(score @ np.linalg.solve(information, score))


@dataclass(frozen=True, slots=True)
class _Problem:
    """The data of one fit.

    Attributes
    ----------
    informed : orthonormal basis of the directions that the choices tell of; None for all.
    lost : of the others.
    """

    X: F64
    levels: I64
    K: int
    counts: F64
    allowed: F64
    informed: F64 | None
    lost: F64

    @classmethod
    def of(cls, X: F64, levels: I64, K: int, counts: F64, allowed: F64 | None) -> _Problem:
        none = np.zeros(((K - 1) * X.shape[1], 0))
        if allowed is None or np.all(allowed > 0.0):
            return cls(X, levels, K, counts, np.ones((K, levels.size)), None, none)
        lengths = np.linalg.norm(X, axis=0)
        scale = np.tile(np.where(lengths > 0.0, lengths, 1.0), K - 1)[:, None]
        informed, lost = find_informed(X / scale[: X.shape[1], 0], allowed)
        # Directions of scaled columns are those of the columns divided by their lengths.
        lost = np.linalg.qr(lost / scale)[0] if lost.size else lost
        return cls(X, levels, K, counts, allowed, informed / scale, lost)

    def turn(self, score: F64, information: F64) -> tuple[F64, F64]:
        """Return both in the directions that the choices tell of."""
        V = self.informed
        return (score, information) if V is None else (V.T @ score, V.T @ information @ V)

    def back(self, step: F64) -> F64:
        """Return what a step in these directions, or the inverse ``(r, r)``, is of coefficients."""
        V = self.informed
        if V is None:
            return step
        return np.asarray(V @ step if step.ndim == 1 else V @ step @ V.T)

    def value(self, eta: F64) -> float:
        return log_likelihood(eta, self.levels, self.allowed, self.counts)

    def score(self, mu: F64) -> F64:
        hits = self.levels == np.arange(1, self.K)[:, None]
        return np.asarray(((self.counts * (hits - mu[1:])) @ self.X).ravel())

    def information(self, mu: F64) -> F64:
        X, p = self.X, self.X.shape[1]
        out = np.empty((self.K - 1, p, self.K - 1, p))
        for a, b in combinations_with_replacement(range(self.K - 1), 2):
            w = self.counts * mu[a + 1]
            w = w * (1.0 - mu[a + 1]) if a == b else -w * mu[b + 1]
            out[a, :, b] = out[b, :, a] = (X * w[:, None]).T @ X
        return out.reshape((self.K - 1) * p, -1)

    def rise(self, direction: F64, eta: F64, value: float) -> tuple[float, F64, float] | None:
        """Return the size of a step that does not lower the likelihood and where it leads."""
        for halving in range(_HALVINGS):
            size = 0.5**halving
            new = eta + size * direction
            new_value = self.value(new)
            if new_value >= value - _ROUNDING * abs(value):
                return size, new, new_value
        return None


def _solve(problem: _Problem, mu: F64, score: F64) -> tuple[F64, float]:
    """Return Newton's step and its decrement; NaN for both where the information is singular."""
    score, information = problem.turn(score, problem.information(mu))
    try:
        step = np.asarray(np.linalg.solve(information, score), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.full(problem.lost.shape[0], np.nan), np.nan
    return problem.back(step), float(score @ step)


def _close(
    problem: _Problem,
    b: F64,
    eta: F64,
    value: float,
    decrement: float,
    unit: float,
    *,
    quadratic: bool,
) -> MultinomialFit:
    """Return the fit with its covariance, and whether it has its certificate."""
    mu = choice_probabilities(eta, problem.allowed)
    score, information = problem.turn(problem.score(mu), problem.information(mu))
    shape = (*b.shape, *b.shape)
    none = MultinomialFit(b, np.full(shape, np.nan), problem.lost, value)
    if not np.all(np.isfinite(information)):
        return none
    if not cholesky_pivots(information[None])[1][0] > _PIVOT:
        return none
    inverse = np.asarray(np.linalg.inv(information))
    variances = np.diagonal(inverse)
    certified = certify(
        decrement=np.array([decrement]),
        scores=scale_scores(score[None], np.diagonal(information)[None]),
        estimate=variances.sum(keepdims=True),
        se=variances.min(keepdims=True, initial=1.0),
        bound=_DECREMENT,
        score_bound=_SCORE,
    )
    extreme = float(np.max(np.abs(eta) * (problem.allowed[1:] > 0.0), initial=0.0))
    covariance = problem.back(inverse).reshape(shape) / unit
    converged = bool(certified[0])
    return MultinomialFit(b, covariance, problem.lost, value, converged, quadratic, extreme)
