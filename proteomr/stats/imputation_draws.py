"""Draws of missing values given other columns: of matched people for numbers, of levels else.

Each draw is proper in Rubin's sense: the coefficients of the model are themselves drawn, from their
posterior under a flat prior (numbers) or its normal approximation (levels).
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.stats.least_squares import solve_least_squares
from proteomr.stats.linalg import find_independent
from proteomr.stats.multinomial import choice_probabilities, fit_multinomial

__all__ = ["draw_levels", "draw_matches"]

_DONORS = 5  # as mice takes
_ALIASED = 1e-7  # as find_independent and R's lm have it
# Where the rows of the prior stand, in standard deviations of a column (White et al. 2010).
_REACH = 0.5


def draw_matches(y: F64, X: F64, Z: F64, *, random: Generator) -> I64:
    """Return for each row of Z a row of X whose y stands for its own: predictive mean matching.

    ``y = X b + e`` gives the estimate b and a draw b* from its posterior; a donor is drawn from
    the five rows whose ``X b`` are nearest to ``Z b*`` (type 1 matching: van Buuren &
    Groothuis-Oudshoorn 2011, doi:10.18637/jss.v045.i03; ``mice::mice.impute.pmm``). Among rows of
    equal ``X b`` each is as likely. Columns that follow from those before them are left out, where
    mice keeps them by a ridge of 1e-5.

    Parameters
    ----------
    y : ``(r,)``, known.
    X : ``(r, p)`` with its intercept, r above p.
    Z : ``(s, p)``, of the rows without a value.
    random : for the draws.

    Examples
    --------
    >>> X = np.column_stack([np.ones(40), np.arange(40.0)])
    >>> found = draw_matches(X[:, 1] ** 2, X, X[[3]], random=np.random.default_rng(1))
    >>> bool(found[0] < 12)
    True
    """
    fit = solve_least_squares(X, y, tolerance=_ALIASED)
    kept = fit.kept
    b, root = fit.coefficients[kept], np.linalg.cholesky(fit.unscaled[np.ix_(kept, kept)])
    sigma = np.sqrt(fit.rss / random.chisquare(fit.df))
    drawn = b + sigma * (root @ random.standard_normal(kept.size))
    return _choose_donors(X[:, kept] @ b, Z[:, kept] @ drawn, random)


def _choose_donors(known: F64, wanted: F64, random: Generator) -> I64:
    """Return for each wanted value the position of one of the known values nearest to it."""
    order = np.argsort(known, kind="stable")
    ranked = known[order]
    donors = min(_DONORS, ranked.size)
    window = np.searchsorted(ranked, wanted)[:, None] + np.arange(-donors, donors)
    inside = (window >= 0) & (window < ranked.size)
    near = np.abs(ranked[np.where(inside, window, 0)] - wanted[:, None])
    nearest = np.argsort(np.where(inside, near, np.inf), axis=1, kind="stable")
    rank = random.integers(donors, size=wanted.size)
    each = np.arange(wanted.size)
    chosen = ranked[window[each, nearest[each, rank]]]
    # Of those with the same prediction the window holds a few, and always the same ones.
    first, end = (np.searchsorted(ranked, chosen, side=side) for side in ("left", "right"))
    return np.asarray(order[first + random.integers(end - first)], dtype=np.int64)


def draw_levels(
    levels: I64, X: F64, Z: F64, *, random: Generator, start: F64 | None = None
) -> tuple[I64, F64]:
    """Return a level for each row of Z, and the coefficients ``(K - 1, p)`` of the fit.

    ``log P(level l) / P(level 0) = x b_l``: logistic regression for two levels, polytomous for
    more, as ``mice.impute.logreg`` and ``mice.impute.polyreg`` have it. For each column and level
    two rows stand half a standard deviation to both sides of the mean, p rows in all by their
    weights, so that levels that the columns tell apart have finite estimates (White, Daniel &
    Royston 2010, doi:10.1016/j.csda.2010.04.005). The coefficients are drawn about the maximum with
    the inverse information, also those of more than two levels, which mice takes as they are.

    Parameters
    ----------
    levels : ``(r,)``, 0 to K - 1, each of them there.
    X : ``(r, p)``, its intercept first.
    Z : ``(s, p)``, of the rows without a value.
    random : for the draws.
    start : ``(K - 1, p)``, where the fit begins.

    Raises
    ------
    ArithmeticError
        The fit has no certificate.

    Examples
    --------
    >>> X = np.column_stack([np.ones(40), np.arange(40.0)])
    >>> apart = (X[:, 1] > 19.5).astype(np.int64)
    >>> draw_levels(apart, X, X[[0, 39]], random=np.random.default_rng(1))[0].tolist()
    [0, 1]
    """
    K, kept = int(levels.max()) + 1, find_independent(X)
    columns = X[:, kept]
    rows, of, weights = _add_prior(columns, levels, K)
    begin = None if start is None else start[:, kept]
    fit = fit_multinomial(rows, of, K, weights=weights, start=begin)
    if not fit.converged and begin is not None:
        fit = fit_multinomial(rows, of, K, weights=weights)
    if not fit.converged:
        raise ArithmeticError("no maximum")
    size = fit.coefficients.size
    root = np.linalg.cholesky(fit.covariance.reshape(size, size))
    drawn = fit.coefficients.ravel() + root @ random.standard_normal(size)
    eta = drawn.reshape(fit.coefficients.shape) @ Z[:, kept].T
    chances = np.cumsum(choice_probabilities(eta, np.ones((K, Z.shape[0]))), axis=0)
    found = np.sum(random.random(Z.shape[0]) > chances[:-1], axis=0)
    coefficients = np.zeros((K - 1, X.shape[1]))
    coefficients[:, kept] = fit.coefficients
    return np.asarray(found, dtype=np.int64), coefficients


def _add_prior(X: F64, levels: I64, K: int) -> tuple[F64, I64, F64]:
    """Return columns, levels and weights with those of the prior after them."""
    predictors = X.shape[1] - 1
    if predictors == 0:
        return X, levels, np.ones(levels.size)
    mean, spread = X.mean(axis=0), X.std(axis=0, ddof=1)
    added = np.tile(mean, (predictors, K, 2, 1))
    for column in range(1, predictors + 1):
        added[column - 1, :, :, column] += _REACH * spread[column] * np.array([-1.0, 1.0])
    rows = added.reshape(-1, X.shape[1])
    weight = X.shape[1] / rows.shape[0]
    return (
        np.concatenate([X, rows]),
        np.concatenate([levels, np.tile(np.repeat(np.arange(K), 2), predictors)]),
        np.concatenate([np.ones(levels.size), np.full(rows.shape[0], weight)]),
    )
