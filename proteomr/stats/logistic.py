"""One logistic regression at a time: the exact maximum, or its limit under separation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.linalg import find_independent, triangle_of
from proteomr.stats.separation import Separation, find_separation

__all__ = [
    "LimitFit",
    "LogisticFit",
    "certify_one",
    "fit_limit",
    "fit_logistic",
    "invert_root",
    "log_likelihood",
    "means_of",
]

# Beyond it a fitted probability is so close to 0 or 1 that separation is likely.
_EXTREME = 12.0
_DECREMENT = 1e-22  # squared standard errors: 1e-11 of one
# Scores at the end, squared, in units of their own variance: above what rounding leaves of a
# million rows, below what would move an estimate by 1e-8 errors at a relative pivot of 1e-7.
_SCORE = 1e-18
# Newton's method squares the error; along a separated direction the decrement falls by e a step.
_QUADRATIC = 0.1
_HALVINGS = 30  # down to 1e-9 of a step: what then still leads down has no maximum ahead
# Rounding of a log-likelihood, as a share of it.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A logistic fit of ``y (n,)`` on ``X (n, k)`` of full rank.

    Attributes
    ----------
    coefficients : ``(k,)``.
    covariance : ``(k, k)``, inverse of the Fisher information.
    log_likelihood : at the estimate; penalised for Firth's.
    converged : whether the fit has its certificate (:mod:`proteomr.stats.certificates`), and
        nothing separates it.
    iterations : Newton steps taken.
    separation : what was found when the fit ran to extreme probabilities; None where nothing called
        for a search.
    """

    coefficients: F64
    covariance: F64
    log_likelihood: float
    converged: bool
    iterations: int
    separation: Separation | None = None

    @property
    def se(self) -> F64:
        """Standard errors ``(k,)``."""
        return np.sqrt(np.diagonal(self.covariance))


def log_likelihood(eta: F64, y: F64, counts: F64 | float = 1.0) -> float:
    """Return the log-likelihood of linear predictors ``(n,)``, each row counted ``counts`` times.

    Examples
    --------
    >>> round(log_likelihood(np.zeros(2), np.array([0.0, 1.0])), 4)
    -1.3863
    """
    return float(np.sum(counts * (y * eta - np.logaddexp(0.0, eta))))


def means_of(eta: F64) -> F64:
    """Return the probabilities of linear predictors.

    Examples
    --------
    >>> means_of(np.array([0.0, -1e9])).round(4).tolist()
    [0.5, 0.0]
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(eta, -700.0, 700.0))))


def fit_logistic(
    X: F64,
    y: F64,
    *,
    offset: F64 | None = None,
    weights: F64 | None = None,
    max_iterations: int = 60,
) -> LogisticFit:
    """Maximise the likelihood of ``logit P(y = 1) = X b`` by Newton's method with step halving.

    Mirrors R's ``glm(family = binomial)`` at ``epsilon = 1e-14``. Iterates until the squared Newton
    decrement is below 1e-22; where columns are so alike that rounding keeps it above, once more in
    an orthonormal basis of them. Where fitted probabilities come close to 0 or 1, or the iteration
    does not settle, separation is searched for and returned with the fit.

    Parameters
    ----------
    X : ``(n, k)``, full rank, with its intercept.
    y : ``(n,)``, 0 or 1.
    offset : ``(n,)``, a part of the linear predictor that is given.
    weights : ``(n,)``, above 0: what each row's log-likelihood counts.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> fit_logistic(x, np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])).coefficients.round(4).tolist()
    [-1.2646, 0.3613]
    """
    # Where all weights are small, so is every step in standard errors.
    unit = 1.0 if weights is None else float(weights.mean())
    counts = np.ones(y.size) if weights is None else weights / unit
    fit = _maximise(X, y, offset, counts, max_iterations)
    if not fit.converged and (fit.separation is None or fit.separation.kind == "none"):
        fit = _maximise_in_basis(X, y, offset, counts, max_iterations)
    covariance, value = fit.covariance / unit, fit.log_likelihood * unit
    return replace(fit, covariance=covariance, log_likelihood=value)


def _maximise_in_basis(
    X: F64, y: F64, offset: F64 | None, counts: F64, max_iterations: int
) -> LogisticFit:
    """Maximise over ``X = Q R`` by the coefficients of Q, which no likeness of columns disturbs."""
    Q, R = np.linalg.qr(X)
    unit = np.sqrt(y.size)  # columns of Q of about unit size, like those of X
    fit = _maximise(Q * unit, y, offset, counts, max_iterations)
    try:
        inverse = np.linalg.inv(R) * unit
    except np.linalg.LinAlgError:
        return replace(fit, converged=False)
    covariance = inverse @ fit.covariance @ inverse.T
    return replace(fit, coefficients=inverse @ fit.coefficients, covariance=covariance)


def _maximise(X: F64, y: F64, offset: F64 | None, counts: F64, max_iterations: int) -> LogisticFit:
    start = np.zeros(y.size) if offset is None else offset
    climb = _climb(X, y, start, counts, max_iterations)
    mu = means_of(climb.eta)
    covariance = _inverse_information(X, mu, counts)
    converged = _certify(X, y, climb, mu, covariance, counts)
    separation = None
    extreme = not np.all(np.abs(climb.eta) <= _EXTREME)
    if offset is None and (not converged or extreme):
        try:
            separation = find_separation(X, y)
        except ArithmeticError:
            converged = False
        else:
            converged = converged and climb.quadratic and separation.kind == "none"
    return LogisticFit(
        climb.coefficients, covariance, climb.value, converged, climb.iterations, separation
    )


@dataclass(frozen=True, slots=True)
class _Climb:
    """Where Newton's method ended: NaN for the decrement where it did not settle.

    ``quadratic`` says whether the last decrement was far below the one before.
    """

    coefficients: F64
    eta: F64
    value: float
    decrement: float
    quadratic: bool
    iterations: int


def _climb(X: F64, y: F64, offset: F64, counts: F64, max_iterations: int) -> _Climb:
    """Climb the likelihood by Newton's steps, each halved until it does not lead down."""
    b, eta = np.zeros(X.shape[1]), offset
    value, last = log_likelihood(eta, y, counts), np.inf
    for iteration in range(1, max_iterations + 1):
        step, decrement = _newton_step(X, means_of(eta), y, counts)
        if not 0.0 <= decrement < np.inf:
            break
        rise = _rise(X @ step, y, eta, value, counts)
        if rise is None:
            break
        size, eta, value = rise
        b = b + size * step
        if decrement < _DECREMENT:
            return _Climb(b, eta, value, decrement, decrement <= _QUADRATIC * last, iteration)
        last = decrement
    return _Climb(b, eta, value, np.nan, quadratic=False, iterations=iteration)


def _rise(
    direction: F64, y: F64, eta: F64, value: float, counts: F64
) -> tuple[float, F64, float] | None:
    """Return the size of a step that does not lower the likelihood and where it leads."""
    for halving in range(_HALVINGS):
        size = 0.5**halving
        new = eta + size * direction
        new_value = log_likelihood(new, y, counts)
        if new_value >= value - _ROUNDING * abs(value):
            return size, new, new_value
    return None


def _certify(X: F64, y: F64, climb: _Climb, mu: F64, covariance: F64, counts: F64) -> bool:
    score = X.T @ (counts * (y - mu))
    curvature = np.einsum("ij,ij,i->j", X, X, counts * mu * (1.0 - mu))
    return certify_one(
        score, curvature, climb.decrement, covariance, bound=_DECREMENT, score_bound=_SCORE
    )


def certify_one(
    score: F64,
    curvature: F64,
    decrement: float,
    covariance: F64,
    *,
    bound: float,
    score_bound: float,
) -> bool:
    """Say whether one fit has its certificate, with a variance above 0 for every coefficient.

    Parameters
    ----------
    score, curvature : ``(k,)``, at the end, and the diagonal of the information there.
    decrement : of the last step; NaN where the iteration did not settle.
    covariance : ``(k, k)``.
    bound, score_bound : as of :func:`proteomr.stats.certificates.certify`.

    Examples
    --------
    >>> one, none = np.eye(1), np.zeros(1)
    >>> certify_one(none, none + 1, 1e-30, one, bound=1e-22, score_bound=1e-18)
    True
    >>> certify_one(none, none + 1, -1.0, one, bound=1e-22, score_bound=1e-18)
    False
    """
    variances = np.diagonal(covariance)
    certified = certify(
        decrement=np.array([decrement]),
        scores=scale_scores(score[None, :], curvature[None, :]),
        estimate=variances.sum(keepdims=True),
        se=variances.min(keepdims=True, initial=1.0),
        bound=bound,
        score_bound=score_bound,
    )
    return bool(certified[0])


@dataclass(frozen=True, slots=True)
class LimitFit:
    """A fit, or the limit of one that separation by other columns sends to infinity.

    Attributes
    ----------
    fit : on the rows and columns below; its separation is ``none`` where the column of interest has
        a finite estimate.
    rows : ``(n,)``, the rows that carry the limit.
    columns : positions of the columns that are estimated on them.
    apart : number of rows that other columns separate.
    """

    fit: LogisticFit
    rows: Bool
    columns: I64
    apart: int

    @property
    def separation(self) -> str:
        """Kind of separation that the column of interest has a part in."""
        return self.fit.separation.kind if self.fit.separation is not None else "none"


def fit_limit(
    X: F64, y: F64, *, column: int, weights: F64 | None = None, tolerance: float = 1e-7
) -> LimitFit:
    """Maximise the likelihood, or take the limit for a column where others separate rows.

    The limit is the maximum over the rows that nothing separates (Geyer 2009,
    doi:10.1214/08-EJS349), provided that the column is not a combination of the others there.

    Parameters
    ----------
    X, y, weights : as for :func:`fit_logistic`.
    column : position of the column of interest.
    tolerance : of aliasing on the rows left.

    Examples
    --------
    >>> group = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    >>> x = np.column_stack([np.ones(7), group, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]])
    >>> limit = fit_limit(x, np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]), column=2)
    >>> limit.apart, round(float(limit.fit.coefficients[-1]), 4)
    (1, 0.3613)
    """
    fit = fit_logistic(X, y, weights=weights)
    whole = LimitFit(fit, np.ones(y.size, dtype=bool), np.arange(X.shape[1]), 0)
    if fit.separation is None or fit.separation.kind != "quasi":
        return whole
    rows = fit.separation.overlapping
    # A column that lies in the separated rows alone is rounding on the others.
    lost = np.linalg.norm(X[rows], axis=0) <= tolerance * np.linalg.norm(X, axis=0)
    columns = find_independent(np.where(lost, 0.0, X[rows]), tolerance=tolerance)
    if column not in columns or np.ptp(y[rows]) == 0:
        return whole
    counts = None if weights is None else weights[rows]
    limit = fit_logistic(X[rows][:, columns], y[rows], weights=counts)
    return LimitFit(limit, rows, columns, int(np.sum(~rows)))


def _newton_step(X: F64, mu: F64, y: F64, counts: F64) -> tuple[F64, float]:
    """Return Newton's step and its decrement; NaN for both where the information is singular."""
    w = counts * mu * (1.0 - mu)
    score = X.T @ (counts * (y - mu))
    try:
        step = np.asarray(np.linalg.solve(X.T @ (X * w[:, None]), score), dtype=np.float64)
        decrement = float(score @ step)
        if 0.0 <= decrement < np.inf:
            return step, decrement
        # Rounding has made the information indefinite: its root has twice the digits.
        R = triangle_of(X * np.sqrt(w)[:, None])
        half = np.linalg.solve(R.T, score)
        return np.asarray(np.linalg.solve(R, half), dtype=np.float64), float(half @ half)
    except np.linalg.LinAlgError:
        return np.full(X.shape[1], np.nan), np.nan


def _inverse_information(X: F64, mu: F64, counts: F64) -> F64:
    return invert_root(triangle_of(X * np.sqrt(counts * mu * (1.0 - mu))[:, None]))


def invert_root(R: F64) -> F64:
    """Return ``(R'R)^-1 (k, k)`` of a root of the information; NaN where it is singular.

    Examples
    --------
    >>> invert_root(np.array([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.25, 0.0], [0.0, 0.0625]]
    """
    try:
        inverse = np.linalg.inv(R)
    except np.linalg.LinAlgError:
        return np.full(R.shape, np.nan)
    return np.asarray(inverse @ inverse.T)
