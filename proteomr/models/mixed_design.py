"""The columns of a mixed model in a basis that loses no digits, and the way back from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Problem
from proteomr.stats.linalg import condition_columns, find_independent, scale_columns, triangle_of

__all__ = ["ALIASED", "Design", "lay_out", "list_terms", "place_terms"]

# The share of its length below which a column counts as made of those before it, as in the exact
# path of least squares: columns are scaled and orthogonalised twice.
ALIASED = 1e-9


@dataclass(frozen=True, slots=True)
class Design:
    """A model's independent columns: an orthogonal basis of covariates, then the terms asked for.

    Attributes
    ----------
    covariates : ``(n, k)``, orthogonal columns of length ``sqrt(n)`` that span the covariates.
    terms : ``(n, t)``, the independent terms less their projection on these, in units of their own.
    kept : ``(t,)``, which of the terms of interest these are.
    units : ``(t,)``, what a term was divided by, beside ``powers (t,)``, by powers of two.
    log_volume : the log determinant of the way from the basis to the columns as they are given.
    aliased : names of the covariates that those before them determine.
    shares : ``(t,)``, the part of each term's length that the covariates leave.
    """

    covariates: F64
    terms: F64
    kept: I64
    units: F64
    powers: F64
    log_volume: float
    aliased: tuple[str, ...]
    shares: F64

    @property
    def rank(self) -> int:
        """Number of independent columns."""
        return int(self.covariates.shape[1] + self.terms.shape[1])


def list_terms(problem: Problem, x: F64, rows: I64) -> tuple[F64, F64]:
    """Return the terms ``(n, t)`` of a target and what they were divided by ``(t,)``.

    The main effects ``x (n, q)`` come first, then the products of each in turn, as in R.

    Parameters
    ----------
    rows : of the problem that these are.
    """
    x, x_scale = condition_columns(x)
    if problem.interaction is None:
        return x, x_scale
    by, by_scale = scale_columns(problem.interaction[rows])
    products = [x[:, [c]] * by for c in range(x.shape[1])]
    scales = [x_scale[c] * by_scale for c in range(x.shape[1])]
    return np.column_stack([x, *products]), np.concatenate([x_scale, *scales])


def place_terms(columns: Sequence[int], width: int, terms: int) -> I64:
    """Return where the coefficients of a model stand among its terms, -1 for those of none.

    A problem has coefficients by contrasts, and in each the main effect before its products.

    Parameters
    ----------
    columns : of the target's ``width`` columns, that of each contrast; -1 for none.
    terms : coefficients of each contrast.

    Examples
    --------
    >>> place_terms((0, -1), 1, 3).tolist()
    [0, 1, 2, -1, -1, -1]
    """
    mains = np.array(columns, dtype=np.int64)[:, None]
    rest = width + mains * (terms - 1) + np.arange(terms - 1)
    places = np.column_stack([mains, rest])
    return np.where(mains < 0, -1, places).ravel()


def lay_out(
    C: F64, terms: F64, names: tuple[str, ...], *, root: F64, scales: F64, powers: F64
) -> Design:
    """Return the design of covariates ``(n, k)``, the intercept first, and terms ``(n, t)``.

    Parameters
    ----------
    root : ``(n,)``, what the rows of the design are multiplied by.
    scales : ``(k,)``, what the covariates were divided by before.
    powers : ``(t,)``, the same of the terms.
    """
    k, n = C.shape[1], C.shape[0]
    X, further = condition_columns(np.column_stack([C, terms]))
    X = X * root[:, None]
    scales = scales * further[:k]
    powers = powers * further[k:]
    independent = find_independent(X, tolerance=ALIASED)
    covariates, kept = independent[independent < k], independent[independent >= k] - k
    empty = ~np.any(C, axis=0)
    apart = set(range(k)).difference(covariates.tolist(), np.flatnonzero(empty).tolist())
    basis, log_volume = _orthogonalise(X[:, covariates])
    E = X[:, k + kept]
    lengths = np.sqrt(np.mean(E**2, axis=0))
    for _ in range(2):
        E = E - basis @ (basis.T @ E / n)
    units = np.sqrt(np.mean(E**2, axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        volume = log_volume + float(np.sum(np.log(units)))
        volume += float(np.sum(np.log(scales[covariates]))) + float(np.sum(np.log(powers[kept])))
        E = E / units
    return Design(
        basis,
        E,
        kept,
        units,
        powers[kept],
        volume,
        tuple(names[column] for column in sorted(apart)),
        units / lengths,
    )


def _orthogonalise(X: F64) -> tuple[F64, float]:
    """Return the basis of independent columns, and the log volume of these over its own."""
    n = X.shape[0]
    lengths = np.sqrt(np.mean(X**2, axis=0))
    Q, R = np.linalg.qr(X / lengths)
    # once more: the columns may be nearly dependent
    again = triangle_of(Q)
    Q = np.linalg.qr(Q)[0]
    diagonals = np.abs(np.diagonal(R) * np.diagonal(again)) / np.sqrt(n)
    volume = float(np.sum(np.log(diagonals)) + np.sum(np.log(lengths)))
    return np.ascontiguousarray(Q * np.sqrt(n)), volume
