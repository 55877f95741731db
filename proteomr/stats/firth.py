"""Firth's penalised logistic estimate, finite also under separation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.logistic import (
    LogisticFit,
    certify_one,
    invert_root,
    log_likelihood,
    means_of,
)

__all__ = ["accelerate_step", "compare_penalised", "fit_firth"]

# Steps and changes of the score that the quasi-Newton iteration remembers.
_MEMORY = 8
# The iteration is superlinear: what a last step of 1e-9 errors leaves is far smaller.
_DECREMENT = 1e-18
# Scores at the end, squared, in units of their own variance.
_SCORE = 1e-16
_HALVINGS = 40  # down to 1e-12 of a step: what then still leads down is rounding
# A step changes no coefficient by more.
_LARGEST_STEP = 5.0
# Rounding of a penalised log-likelihood, as a share of it.
_ROUNDING = 1e-13


def fit_firth(
    X: F64, y: F64, *, fixed: Mapping[int, float] | None = None, max_iterations: int = 500
) -> LogisticFit:
    """Maximise Firth's penalised likelihood ``l(b) + log|I(b)| / 2``, finite also under separation.

    Firth 1993, doi:10.1093/biomet/80.1.27; Heinze and Schemper 2002, doi:10.1002/sim.1047; mirrors
    R's ``logistf::logistf``. Standard errors are those of the inverse Fisher information at the
    estimate.

    Parameters
    ----------
    X : ``(n, k)``, full rank.
    y : ``(n,)``, 0 or 1.
    fixed : values of coefficients that are held, by position, for a profile.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> bool(np.isfinite(fit_firth(x, np.array([0.0, 0.0, 1.0, 1.0])).se).all())
    True
    """
    k = X.shape[1]
    b = np.zeros(k)
    free = np.ones(k, dtype=bool)
    for column, held in (fixed or {}).items():
        b[column], free[column] = held, False
    value, R, score = _firth_score(X, y, b)
    pairs: list[tuple[F64, F64]] = []
    decrement = np.nan
    iterations = 0
    while iterations < max_iterations and not decrement < _DECREMENT:
        iterations += 1
        step = np.zeros(k)
        step[free] = accelerate_step(score[free], (R.T @ R)[np.ix_(free, free)], pairs)
        step *= min(1.0, _LARGEST_STEP / max(float(np.abs(step).max()), 1e-300))
        decrement = float(score @ step)
        moved = _rise_penalised(X, y, b, step, value) if decrement >= 0.0 else None
        if moved is None:
            decrement = np.nan
            break
        step, value, R, new_score = moved
        change = score[free] - new_score[free]
        if step[free] @ change > 0:
            pairs.append((step[free], change))
        b, score = b + step, new_score
    covariance = invert_root(R)
    curvature = np.sum(R**2, axis=0)[free]
    converged = certify_one(
        score[free],
        curvature,
        decrement,
        covariance,
        bound=_DECREMENT,
        score_bound=_SCORE,
    )
    return LogisticFit(b, covariance, value, converged, iterations)


def compare_penalised(
    X: F64, y: F64, fit: LogisticFit, *, columns: Sequence[int]
) -> tuple[float, float, float] | None:
    """Test that coefficients are 0 by the ratio of penalised likelihoods; None without a null fit.

    Twice the drop where they are held at 0, chi-squared on as many degrees of freedom (Heinze and
    Schemper 2002): the test that agrees with the profile interval; mirrors ``logistf``.

    Parameters
    ----------
    X, y, fit : the data and their :func:`fit_firth`.

    Returns
    -------
    Statistic, degrees of freedom, minus log10 of p.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> y = np.array([0.0, 0.0, 1.0, 1.0])
    >>> [round(part, 3) for part in compare_penalised(x, y, fit_firth(x, y), columns=[1])]
    [2.202, 1.0, 0.861]
    """
    null = fit_firth(X, y, fixed=dict.fromkeys(columns, 0.0))
    if not null.converged:
        return None
    statistic = max(2.0 * (fit.log_likelihood - null.log_likelihood), 0.0)
    df = float(len(columns))
    return statistic, df, float(neg_log10_p_chi2(np.array([statistic]), np.array([df]))[0])


def _rise_penalised(
    X: F64, y: F64, b: F64, step: F64, value: float
) -> tuple[F64, float, F64, F64] | None:
    """Return the step that does not lower the penalised likelihood, and what is where it leads."""
    for halving in range(_HALVINGS):
        shorter = step * 0.5**halving
        new_value, R, score = _firth_score(X, y, b + shorter)
        if new_value >= value - _ROUNDING * abs(value):
            return shorter, new_value, R, score
    return None


def accelerate_step(score: F64, information: F64, pairs: list[tuple[F64, F64]]) -> F64:
    """Return the step of a limited-memory quasi-Newton method that starts from the information.

    The information leaves out the curvature of the penalty, which the last few steps and changes of
    the score supply (Nocedal 1980, doi:10.1090/S0025-5718-1980-0572855-7).

    Parameters
    ----------
    pairs : steps and changes of the score so far, the oldest of which are forgotten.

    Examples
    --------
    >>> accelerate_step(np.array([2.0]), np.array([[4.0]]), []).tolist()
    [0.5]
    """
    del pairs[:-_MEMORY]
    q, shares = score.copy(), []
    for step, change in reversed(pairs):
        share = float(step @ q) / float(step @ change)
        q -= share * change
        shares.append(share)
    direction = _solve(information, q)
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        direction += (share - float(change @ direction) / float(step @ change)) * step
    if score @ direction >= 0 and np.all(np.isfinite(direction)):
        return direction
    pairs.clear()
    return _solve(information, score)


def _solve(information: F64, score: F64) -> F64:
    """Return the step that an information gives a score; NaN where it is singular."""
    try:
        return np.asarray(np.linalg.solve(information, score), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.full(score.size, np.nan)


def _firth_score(X: F64, y: F64, b: F64) -> tuple[float, F64, F64]:
    """Return the penalised likelihood, the root of the information and the penalised score."""
    eta = X @ b
    mu = means_of(eta)
    Q, R = np.linalg.qr(X * np.sqrt(mu * (1.0 - mu))[:, None])
    diagonal = np.abs(np.diagonal(R))
    if diagonal.min() <= 0:
        return -np.inf, R, np.zeros(b.size)
    hat = np.einsum("ij,ij->i", Q, Q)
    value = log_likelihood(eta, y, np.ones(y.size)) + float(np.log(diagonal).sum())
    return value, R, X.T @ (y - mu + hat * (0.5 - mu))
