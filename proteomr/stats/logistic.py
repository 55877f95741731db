"""One logistic regression at a time: the exact maximum, or Firth's penalised estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.linalg import find_independent
from proteomr.stats.separation import Separation, find_separation

__all__ = [
    "LimitFit",
    "LogisticFit",
    "fit_firth",
    "fit_limit",
    "fit_logistic",
    "profile_limits",
]

_EXTREME = 12.0
_MEMORY = 8


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A logistic fit of ``y (n,)`` on ``X (n, k)`` of full rank.

    Attributes
    ----------
    coefficients : ``(k,)``.
    covariance : ``(k, k)``, inverse of the Fisher information.
    log_likelihood : at the estimate; penalised for Firth's.
    converged : whether the remaining error is negligible.
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


def _log_likelihood(eta: F64, y: F64, counts: F64 | float = 1.0) -> float:
    return float(np.sum(counts * (y * eta - np.logaddexp(0.0, eta))))


def _means(eta: F64) -> F64:
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
    decrement is below 1e-22. Where fitted probabilities come close to 0 or 1, or the iteration does
    not settle, separation is searched for and returned with the fit.

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
    b = np.zeros(X.shape[1])
    eta = X @ b if offset is None else X @ b + offset
    counts = np.ones(y.size) if weights is None else weights
    value = _log_likelihood(eta, y, counts)
    converged = False
    iterations = 0
    while iterations < max_iterations:
        iterations += 1
        mu = _means(eta)
        step, decrement = _newton_step(X, mu, y, counts)
        if not np.isfinite(decrement):
            break
        size, new_eta, new_value = 1.0, eta + X @ step, 0.0
        for _ in range(30):
            new_value = _log_likelihood(new_eta, y, counts)
            if new_value >= value - 1e-12 * abs(value):
                break
            size *= 0.5
            new_eta = eta + size * (X @ step)
        b, eta, value = b + size * step, new_eta, new_value
        if decrement < 1e-22:
            converged = True
            break
    mu = _means(eta)
    separation = None
    if offset is None and (not converged or np.abs(eta).max() > _EXTREME):
        separation = find_separation(X, y)
        converged = converged and separation.kind == "none"
    return LogisticFit(
        b, _inverse_information(X, mu, counts), value, converged, iterations, separation
    )


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
    >>> found = fit_limit(x, np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]), column=2)
    >>> found.apart, round(float(found.fit.coefficients[-1]), 4)
    (1, 0.3613)
    """
    fit = fit_logistic(X, y, weights=weights)
    whole = LimitFit(fit, np.ones(y.size, dtype=bool), np.arange(X.shape[1]), 0)
    if fit.separation is None or fit.separation.kind != "quasi":
        return whole
    rows = fit.separation.overlapping
    columns = find_independent(X[rows], tolerance=tolerance)
    if column not in columns or np.ptp(y[rows]) == 0:
        return whole
    counts = None if weights is None else weights[rows]
    limit = fit_logistic(X[rows][:, columns], y[rows], weights=counts)
    return LimitFit(limit, rows, columns, int(np.sum(~rows)))


def _newton_step(X: F64, mu: F64, y: F64, counts: F64) -> tuple[F64, float]:
    w = counts * mu * (1.0 - mu)
    score = X.T @ (counts * (y - mu))
    try:
        step = np.asarray(np.linalg.solve(X.T @ (X * w[:, None]), score), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.zeros(X.shape[1]), np.nan
    return step, float(score @ step)


def _inverse_information(X: F64, mu: F64, counts: F64) -> F64:
    R = np.linalg.qr(X * np.sqrt(counts * mu * (1.0 - mu))[:, None], mode="r")
    try:
        inverse = np.linalg.inv(R)
    except np.linalg.LinAlgError:
        return np.full((X.shape[1], X.shape[1]), np.nan)
    return np.asarray(inverse @ inverse.T)


def fit_firth(
    X: F64, y: F64, *, fixed: tuple[int, float] | None = None, max_iterations: int = 500
) -> LogisticFit:
    """Maximise Firth's penalised likelihood ``l(b) + log|I(b)| / 2``, finite also under separation.

    Firth 1993, doi:10.1093/biomet/80.1.27; Heinze and Schemper 2002, doi:10.1002/sim.1047; mirrors
    R's ``logistf::logistf``. Standard errors are those of the inverse Fisher information at the
    estimate.

    Parameters
    ----------
    X : ``(n, k)``, full rank.
    y : ``(n,)``, 0 or 1.
    fixed : position and value of a coefficient held fixed, for a profile.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> bool(np.isfinite(fit_firth(x, np.array([0.0, 0.0, 1.0, 1.0])).se).all())
    True
    """
    k = X.shape[1]
    b = np.zeros(k)
    free = np.ones(k, dtype=bool)
    if fixed is not None:
        b[fixed[0]] = fixed[1]
        free[fixed[0]] = False
    value, R, score = _firth_score(X, y, b)
    pairs: list[tuple[F64, F64]] = []
    converged = False
    iterations = 0
    while iterations < max_iterations and not converged:
        iterations += 1
        step = np.zeros(k)
        step[free] = _accelerate(score[free], (R.T @ R)[np.ix_(free, free)], pairs)
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        converged = bool(score @ step < 1e-18)
        for _ in range(40):
            new_value, new_R, new_score = _firth_score(X, y, b + step)
            if new_value >= value - 1e-13 * abs(value):
                break
            step *= 0.5
        change = score[free] - new_score[free]
        if step[free] @ change > 0:
            pairs.append((step[free], change))
        b, value, R, score = b + step, new_value, new_R, new_score
    inverse = np.linalg.inv(R)
    return LogisticFit(b, inverse @ inverse.T, value, converged, iterations)


def _accelerate(score: F64, information: F64, pairs: list[tuple[F64, F64]]) -> F64:
    """Return the step of a limited-memory quasi-Newton method that starts from the information.

    The information leaves out the curvature of the penalty, which the last few steps and changes of
    the score supply (Nocedal 1980, doi:10.1090/S0025-5718-1980-0572855-7).
    """
    del pairs[:-_MEMORY]
    q, shares = score.copy(), []
    for step, change in reversed(pairs):
        share = float(step @ q) / float(step @ change)
        q -= share * change
        shares.append(share)
    direction = np.asarray(np.linalg.solve(information, q), dtype=np.float64)
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        direction += (share - float(change @ direction) / float(step @ change)) * step
    if score @ direction >= 0 and np.all(np.isfinite(direction)):
        return direction
    pairs.clear()
    return np.asarray(np.linalg.solve(information, score), dtype=np.float64)


def _firth_score(X: F64, y: F64, b: F64) -> tuple[float, F64, F64]:
    """Return the penalised likelihood, the root of the information and the penalised score."""
    eta = X @ b
    mu = _means(eta)
    Q, R = np.linalg.qr(X * np.sqrt(mu * (1.0 - mu))[:, None])
    diagonal = np.abs(np.diagonal(R))
    if diagonal.min() <= 0:
        return -np.inf, R, np.zeros(b.size)
    hat = np.einsum("ij,ij->i", Q, Q)
    value = _log_likelihood(eta, y, np.ones(y.size)) + float(np.log(diagonal).sum())
    return value, R, X.T @ (y - mu + hat * (0.5 - mu))


def profile_limits(
    X: F64, y: F64, fit: LogisticFit, *, column: int, level: float = 0.95, firth: bool = False
) -> tuple[float, float]:
    """Return the profile-likelihood interval of a coefficient, infinite on a side without limit.

    The values at which twice the log-likelihood, penalised for Firth's (Heinze and Schemper 2002),
    maximised over the other coefficients, is the chi-square quantile below its maximum; mirrors R's
    ``confint.glm`` and ``logistf``.

    Parameters
    ----------
    X, y, fit : the data and their :func:`fit_logistic`, or :func:`fit_firth` with ``firth``.
    column : position of the coefficient.
    level : coverage.

    Raises
    ------
    ValueError
        The fit has not converged.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> y = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    >>> low, high = profile_limits(x, y, fit_logistic(x, y), column=1)
    >>> low < 0.3613 < high
    True
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri

    if not fit.converged:
        raise ValueError("a fit that has not converged has no profile")
    half_drop = float(chdtri(1, 1.0 - level)) / 2.0
    estimate, se = float(fit.coefficients[column]), float(fit.se[column])
    others = np.delete(np.arange(X.shape[1]), column)

    def drop(value: float) -> float:
        if firth:
            held = fit_firth(X, y, fixed=(column, value))
        else:
            held = fit_logistic(X[:, others], y, offset=X[:, column] * value)
        return fit.log_likelihood - held.log_likelihood - half_drop

    limits = []
    for sign in (-1.0, 1.0):
        far = 2.0 * se
        while drop(estimate + sign * far) < 0 and far < 1e3 * se:
            far *= 1.6
        if drop(estimate + sign * far) < 0:
            limits.append(sign * np.inf)
        else:
            limits.append(float(brentq(drop, estimate, estimate + sign * far, xtol=1e-12)))
    return limits[0], limits[1]
