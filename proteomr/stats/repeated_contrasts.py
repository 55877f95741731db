"""One contrast of many signed genes of each person: means, random intercepts, compound symmetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.group_sums import turn_groups
from proteomr.stats.least_squares import LeastSquares, solve_least_squares
from proteomr.stats.random_structure import Structure
from proteomr.stats.reml_inference import Satterthwaite
from proteomr.stats.reml_search import minimise
from proteomr.status import Status

__all__ = [
    "ContrastFit",
    "Covariance",
    "find_complete",
    "fit_intercepts",
    "fit_means",
    "fit_symmetric",
]

Covariance: TypeAlias = Literal["random", "symmetric"]


@dataclass(frozen=True, slots=True)
class ContrastFit:
    """Coefficients of people's columns.

    Attributes
    ----------
    beta : ``(p,)``; NaN where aliased.
    covariance : ``(p, p)`` of them.
    df : of Student's t: one number, or one of each coefficient.
    status : code of :class:`proteomr.status.Status`.
    correlation : of two genes of a person, given the columns; NaN where the model has none.
    people_differ : standard deviation of people's weighted means, given the columns, over that of
        the model; NaN where the model takes it from them.
    """

    beta: F64
    covariance: F64
    df: F64
    status: int
    correlation: float = np.nan
    people_differ: float = np.nan


def fit_means(Y: F64, X: F64) -> ContrastFit:
    r"""Regress people's means on their columns: :math:`\bar y_i = x_i' \beta + e_i`.

    Parameters
    ----------
    Y : ``(n, G)`` signed genes; NaN where missing: the mean is over those that are there.
    X : ``(n, p)`` columns, the intercept among them.

    Examples
    --------
    >>> X = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 3.0]])
    >>> fit_means(np.array([[0.0], [1.0], [1.0], [2.0]]), X).beta.round(6).tolist()
    [0.1, 0.6]
    """
    there = np.isfinite(Y)
    mean = np.where(there, Y, 0.0).sum(axis=1) / there.sum(axis=1)
    fit = solve_least_squares(X, mean)
    if fit.df <= 0:
        return _refuse(X, Status.too_few)
    df = np.full(X.shape[1], float(fit.df))
    return _certify(X, fit, fit.unscaled * (fit.rss / fit.df), df)


def fit_symmetric(Y: F64, X: F64, *, covariance: Covariance, ml: bool = False) -> ContrastFit:
    r"""Fit all genes of complete people: :math:`y_{ig} = \alpha_g + x_i' \beta + u_i + e_{ig}`.

    With a mean of each gene, people's columns see the mean of the genes alone, and sums of squares
    between and within people give both variances in closed form. ``random``: the variance of u is
    zero or more, by REML, Satterthwaite's degrees of freedom, as ``lmerTest::lmer``. ``symmetric``:
    the correlation within a person may be negative, and t has N - P degrees of freedom, as
    ``nlme::gls(correlation = corCompSymm(form = ~ 1 | person))``.

    Parameters
    ----------
    Y : ``(n, G)`` without missing values.
    X : ``(n, p)`` columns, the intercept among them.
    ml : maximum likelihood, of ``symmetric``.

    Examples
    --------
    >>> X = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 3.0]])
    >>> Y = np.array([[0.0, 0.2], [1.0, 1.1], [1.0, 0.8], [2.0, 2.4]])
    >>> one, other = fit_symmetric(Y, X, covariance="random"), fit_means(Y, X)
    >>> bool(np.allclose(one.beta, other.beta)), one.df.tolist()
    (True, [2.0, 2.0])
    """
    n, G = Y.shape
    mean = Y.mean(axis=1)
    fit = solve_least_squares(X, mean)
    rank = fit.kept.size
    if fit.df <= 0:
        return _refuse(X, Status.too_few)
    left = Y - mean[:, None]
    left -= left.mean(axis=0)
    squares, free = float((left**2).sum()), (n if ml else n - 1) * (G - 1)
    within = squares / free if free else 0.0
    between = G * fit.rss / (n if ml else fit.df)
    total = n * G - (G + rank - 1)
    df = float(fit.df if covariance == "random" else total)
    if covariance == "random" and between < within:
        between = within = (G * fit.rss + squares) / (fit.df + free)
        df = float(total)
    scale = between / G * (n * G / total if ml else 1.0)
    spread = within * (G - 1) + between
    correlation = (between - within) / spread if G > 1 and spread > 0.0 else np.nan
    V = fit.unscaled * scale
    return _certify(X, fit, V, np.full(X.shape[1], df), correlation)


def fit_intercepts(Y: F64, X: F64) -> ContrastFit:
    """Fit the same with a random intercept where genes are missing of some people, by REML.

    Parameters
    ----------
    Y : ``(n, G)``; NaN where missing.
    X : ``(n, p)`` columns, the intercept first.

    Examples
    --------
    >>> X = np.column_stack([np.ones(5), [0.0, 1.0, 2.0, 3.0, 5.0]])
    >>> Y = np.array([[0.0, 0.4], [1.0, 0.7], [1.3, 1.6], [2.0, 2.9], [3.1, np.nan]])
    >>> fit_intercepts(Y, X).status
    0
    """
    there = np.isfinite(Y)
    person, gene = (np.asarray(at, np.int64) for at in np.nonzero(there))
    genes = (gene[:, None] == np.arange(Y.shape[1])).astype(np.float64)
    whole = np.column_stack([genes, X[person, 1:]])
    y = Y[person, gene]
    plain = solve_least_squares(whole, y)
    kept = plain.kept
    if y.size <= kept.size or np.unique(person).size < 3:
        return _refuse(X, Status.too_few)
    D = np.column_stack([whole[:, kept], y])
    starts = np.flatnonzero(np.diff(person, prepend=-1)).astype(np.int64)
    sums = turn_groups(D, np.ones((y.size, 1)), starts).sum_all()
    found = minimise(sums, Structure(((1, 1),)))
    if not found.certified[0]:
        return _refuse(X, Status.not_converged)
    free = np.array([float(y.size - kept.size)])
    inference = Satterthwaite.of(found, free)
    covariance = inference.covariance[0]
    beta = found.criterion.coefficients[0]
    G, p = Y.shape[1], X.shape[1]
    out, V, df = np.full(p, np.nan), np.full((p, p), np.nan), np.full(p, np.nan)
    place = [(at, j - G + 1) for at, j in enumerate(kept.tolist()) if j >= G]
    inner = np.array([at for at, _ in place], dtype=np.int64)
    outer = np.array([j for _, j in place], dtype=np.int64)
    out[outer] = beta[inner]
    V[np.ix_(outer, outer)] = covariance[np.ix_(inner, inner)]
    for at, j in place:
        contrast = np.zeros(kept.size)
        contrast[at] = 1.0
        df[j] = float(inference.degrees(contrast)[0])
    share = float(found.theta[0, 0] ** 2)
    return ContrastFit(out, V, df, int(Status.ok), share / (1.0 + share))


def _certify(
    X: F64, fit: LeastSquares, V: F64, df: F64, correlation: float = np.nan
) -> ContrastFit:
    """Return a fit whose residuals are orthogonal to the columns, or its refusal."""
    kept = fit.kept
    size = np.linalg.norm(X[:, kept], axis=0) * max(float(np.linalg.norm(fit.residuals)), 1e-300)
    # the correlation of residuals and columns, which rounding alone makes differ from 0
    if (np.abs(X[:, kept].T @ fit.residuals) > 1e-7 * size).any():
        return _refuse(X, Status.not_converged)
    diagonal = np.diag(V)[kept]
    if not np.isfinite(diagonal).all() or (diagonal <= 0.0).any():
        return _refuse(X, Status.constant)
    return ContrastFit(fit.coefficients, V, df, int(Status.ok), correlation)


def _refuse(X: F64, status: Status) -> ContrastFit:
    p = X.shape[1]
    return ContrastFit(np.full(p, np.nan), np.full((p, p), np.nan), np.full(p, np.nan), int(status))


def find_complete(Y: F64) -> I64:
    """Return people who have all genes.

    Examples
    --------
    >>> find_complete(np.array([[1.0, np.nan], [1.0, 2.0]])).tolist()
    [1]
    """
    return np.flatnonzero(np.isfinite(Y).all(axis=1)).astype(np.int64)
