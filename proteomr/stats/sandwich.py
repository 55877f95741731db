"""Sandwich covariance of regression coefficients: robust to unequal variances and to clusters.

With bread ``M = (X'WX)^-1`` and per-row scores ``X_i u_i``, the covariance is ``M (sum of squared
scores) M``:

- ``HC0`` ``u_i = w_i e_i`` (White 1980, doi:10.2307/1912934); ``HC1`` times ``n/(n - p)``; ``HC2``
  and ``HC3`` with
  ``e_i / sqrt(1 - h_i)`` and ``e_i / (1 - h_i)`` (MacKinnon and White 1985,
  doi:10.1016/0304-4076(85)90158-7; Long and Ervin 2000, doi:10.1080/00031305.2000.10474549).
  Mirrors R's ``sandwich::vcovHC``.
- ``linearised`` is ``HC0`` times ``n/(n - 1)``: Taylor's linearisation of a sample drawn with
  replacement (Binder 1983, doi:10.2307/1402588). Mirrors ``survey::svyglm`` of a design without
  clusters and strata; with clusters that is ``CR1``.
- ``CR0`` sums the scores within clusters (Liang and Zeger 1986, doi:10.1093/biomet/73.1.13), with
  ``G - 1`` degrees of freedom; ``CR1`` times ``G/(G - 1)``; ``CR2`` with
  residuals adjusted by ``(I - H_gg)^-1/2`` (Bell and McCaffrey 2002) and Satterthwaite degrees of
  freedom (Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004). Mirrors R's
  ``clubSandwich::vcovCR``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.absorbing import AbsorbedEffects

__all__ = ["CLUSTERED", "LINEARISED", "ROBUST", "ErrorKind", "Sandwich", "estimate_sandwich"]

ErrorKind: TypeAlias = Literal[
    "classical", "HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "CR2", "linearised", "robust"
]
ROBUST: tuple[ErrorKind, ...] = ("HC0", "HC1", "HC2", "HC3")
LINEARISED: ErrorKind = "linearised"
# Below it a residual over ``1 - h`` has fewer than eight digits.
_SATURATED = 1e-8
# Eigenvalues of what clusters leave of their own rows that are 0, as clubSandwich's.
_SINGULAR = 1e-10
# A row that a column of its own isolates moves other coefficients by rounding alone.
_TOUCHED = 1e-6
CLUSTERED: tuple[ErrorKind, ...] = ("CR0", "CR1", "CR2")


@dataclass(frozen=True, slots=True)
class Sandwich:
    """Robust standard errors.

    Attributes
    ----------
    se : ``(p,)``; NaN under HC2 and HC3 where a row of leverage 1 has a part in the coefficient:
        its residual is 0 whatever its error was, and says nothing of it. R's ``sandwich`` gives NaN
        for all coefficients then.
    df : ``(p,)``, degrees of freedom.
    covariance : ``(p, p)``, NaN in the rows and columns of such coefficients.
    carriers : ``(p,)``, the effective number of rows, or clusters, that carry each coefficient:
        ``1 / sum q_i^2`` with ``q_i`` the share of row or cluster i in its classical variance. For
        a 0/1 column about the size of its smaller arm.
    """

    se: F64
    df: F64
    covariance: F64
    carriers: F64


def estimate_sandwich(
    X: F64,
    residuals: F64,
    weights: F64,
    *,
    kind: ErrorKind,
    clusters: I64 | None = None,
    copies: F64 | None = None,
    people: int | None = None,
    absorbed: AbsorbedEffects | None = None,
    variances: F64 | None = None,
) -> Sandwich:
    """Estimate robust standard errors of a fit.

    Parameters
    ----------
    X : ``(n, p)``, full rank.
    residuals : ``(n,)``, such that ``X' (w e) = 0`` at the estimate: response residuals over the
        working weight.
    weights : ``(n,)``, working weights: 1 for least squares, ``mu (1 - mu)`` for logistic.
    kind : one of :data:`ROBUST` or :data:`CLUSTERED`.
    clusters : ``(n,)`` cluster of each row, for the clustered kinds.
    copies : ``(n,)``, how many rows each stands for, which its weight counts too; None for one.
    absorbed : effects that are out of the columns, and count among the coefficients.
    variances : ``(n,)``, of the response in the model that CR2 takes for true; None for equal ones.
    people : rows of the sample, where some that inform nothing are left out; None for n.

    Examples
    --------
    >>> X = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 3.0]])
    >>> e = np.array([1.0, -1.0, -1.0, 1.0])
    >>> estimate_sandwich(X, e, np.ones(4), kind="HC0").se.round(4).tolist()
    [0.8367, 0.4472]
    """
    if kind not in get_args(ErrorKind) or kind in {"classical", "robust"}:
        raise ValueError(f"{kind!r} is not a robust kind of standard error")
    root = np.sqrt(weights)
    Q, R = np.linalg.qr(X * root[:, None])
    inverse = np.linalg.inv(R)
    bread = inverse @ inverse.T
    scores = root * residuals
    # How far each row, of unit error, moves each coefficient, in its standard errors.
    influence = inverse @ Q.T / np.sqrt(np.diagonal(bread))[:, None]
    if kind in ROBUST or kind == LINEARISED:
        each = np.ones(scores.size) if copies is None else np.sqrt(copies)
        n = float(each @ each) if people is None else float(people)
        return _heteroscedastic(
            Q, scores, inverse, influence, each, n, kind=kind, absorbed=absorbed
        )
    if clusters is None:
        raise ValueError(f"{kind} needs clusters")
    return _clustered(
        Q, scores, inverse, influence, kind=kind, variances=variances, clusters=clusters
    )


def _heteroscedastic(
    Q: F64,
    scores: F64,
    inverse: F64,
    influence: F64,
    each: F64,
    n: float,
    *,
    kind: ErrorKind,
    absorbed: AbsorbedEffects | None,
) -> Sandwich:
    """Sum the squared scores of n rows; ``each`` is the root of how many a row stands for."""
    p = Q.shape[1] + (0 if absorbed is None else absorbed.rank)
    scale = {"HC1": n / (n - p), LINEARISED: n / (n - 1.0)}.get(kind, 1.0)
    power = {"HC2": 0.5, "HC3": 1.0}.get(kind, 0.0)
    leverage = np.einsum("ij,ij->i", Q, Q)
    if absorbed is not None and power > 0.0:
        leverage = leverage + absorbed.leverages()
    free = 1.0 - leverage / each**2
    saturated = (free < _SATURATED) & (power > 0.0)
    adjusted = np.where(saturated, 0.0, scores / np.where(saturated, 1.0, free) ** power)
    half = inverse @ (Q * (adjusted / each)[:, None]).T
    touched = np.abs(influence[:, saturated]).max(axis=1, initial=0.0) > _TOUCHED
    half[touched] = np.nan
    carriers = 1.0 / np.sum((influence**2 / each) ** 2, axis=1)
    return _summarise(half, scale, np.full(inverse.shape[0], n - p), carriers)


def _clustered(
    Q: F64,
    scores: F64,
    inverse: F64,
    influence: F64,
    *,
    kind: ErrorKind,
    variances: F64 | None,
    clusters: I64,
) -> Sandwich:
    order = np.argsort(clusters, kind="stable")
    labels, starts = np.unique(clusters[order], return_index=True)
    parts = np.split(order, starts[1:])
    G, p = labels.size, inverse.shape[0]
    if G < 2:
        raise ValueError("clustered standard errors need at least two clusters")
    shares = np.add.reduceat(influence[:, order] ** 2, starts, axis=1)
    carriers = 1.0 / np.sum(shares**2, axis=1)
    if kind == "CR2":
        alike = np.ones(scores.size) if variances is None else variances
        half, df = _bell_mccaffrey(Q, scores, inverse, alike / alike.max(), parts)
        return _summarise(half, 1.0, df, carriers)
    meat = np.array([Q[rows].T @ scores[rows] for rows in parts])
    scale = G / (G - 1) if kind == "CR1" else 1.0
    return _summarise(inverse @ meat.T, scale, np.full(p, float(G - 1)), carriers)


def _summarise(half: F64, scale: float, df: F64, carriers: F64) -> Sandwich:
    """Return the errors of a covariance ``scale half half'``."""
    covariance = scale * (half @ half.T)
    return Sandwich(np.sqrt(scale * np.sum(half**2, axis=1)), df, covariance, carriers)


def _bell_mccaffrey(
    Q: F64, scores: F64, inverse: F64, variances: F64, parts: list[I64]
) -> tuple[F64, F64]:
    """Return a root of the covariance ``(p, clusters)`` and the degrees of freedom ``(p,)``.

    With ``d`` the variances ``(n,)`` of the responses, whose inverses are the weights, residuals
    are adjusted by ``d^1/2 (d (I - H) d)^-1/2 d^1/2`` where rows are divided by the roots of the
    variances, as clubSandwich does for ``glm``.
    """
    p, G = inverse.shape[0], len(parts)
    half = np.empty((p, G))
    squares = np.empty((p, G))
    crosses = np.empty((p, G, p))
    for g, rows in enumerate(parts):
        B, d = Q[rows], variances[rows]
        free = d[:, None] * (np.eye(rows.size) - B @ B.T) * d
        values, vectors = np.linalg.eigh(free)
        least = _SINGULAR * float(d.max()) ** 2
        powers = np.where(values > least, 1.0 / np.sqrt(np.maximum(values, least)), 0.0)
        adjusted = d[:, None] * ((vectors * powers) @ (vectors.T @ B))
        half[:, g] = inverse @ (adjusted.T @ scores[rows])
        directions = adjusted @ inverse.T
        squares[:, g] = np.sum(directions**2, axis=0)
        crosses[:, g, :] = (B.T @ directions).T
    df = np.empty(p)
    for j in range(p):
        P = np.diag(squares[j]) - crosses[j] @ crosses[j].T
        df[j] = np.trace(P) ** 2 / np.sum(P**2)
    return half, df
