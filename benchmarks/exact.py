"""A fit by orthogonal factorisation, slow and obvious, with every kind of standard error.

What proteomr's fits are held against where R is not on the machine, and beside it where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from benchmarks.interfaces import Family
from proteomr._typing import F64, I64

__all__ = ["ExactFit", "fit_exactly"]

_STEPS = 60
_NEAR = 1e-26  # squared length of the whitened score: a step of 1e-13 standard errors


@dataclass(frozen=True, slots=True, eq=False)
class ExactFit:
    """The maximum of a model, and what its covariances need.

    Attributes
    ----------
    beta : (k,).
    X : (n, k).
    R : (k, k), upper triangular factor of the rows of X times the root of their working weights.
    scores : (n,), a person's contribution to the score is this times the row of X.
    leverage : (n,).
    scale : variance of the response for a working weight of 1; 1 for logistic.
    """

    beta: F64
    X: F64
    R: NDArray[np.floating[Any]]
    scores: F64
    leverage: F64
    scale: float

    def covariance(self, errors: str = "classical", *, cluster: I64 | None = None) -> F64:
        """Return the covariance of beta: classical, HC0 to HC3, or CR0 and CR1 with clusters."""
        n, k = self.X.shape
        root = scipy.linalg.solve_triangular(self.R, np.eye(k))
        bread = root @ root.T
        if errors == "classical":
            return self.scale * bread
        parts = self.X * self.scores[:, None]
        if errors.startswith("HC"):
            power = {"HC2": 0.5, "HC3": 1.0}.get(errors, 0.0)
            parts = parts / (1.0 - self.leverage[:, None]) ** power
            factor = n / (n - k) if errors == "HC1" else 1.0
        else:
            if cluster is None:
                raise ValueError(f"{errors} needs clusters")
            names, place = np.unique(cluster, return_inverse=True)
            sums = np.zeros((names.size, k))
            np.add.at(sums, place, parts)
            parts = sums
            factor = names.size / (names.size - 1) if errors == "CR1" else 1.0
        sandwich: F64 = factor * bread @ (parts.T @ parts) @ bread
        return sandwich


def fit_exactly(family: Family, X: F64, y: F64, *, weights: F64 | None = None) -> ExactFit:
    """Return the weighted maximum-likelihood or least-squares fit.

    Raises
    ------
    ArithmeticError
        Newton's method does not end.

    Examples
    --------
    >>> X = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 3.0]])
    >>> fit_exactly("linear", X, np.array([1.0, 3.0, 5.0, 7.0])).beta.round(9).tolist()
    [1.0, 2.0]
    """
    w = np.ones(len(y)) if weights is None else weights
    solve = _maximise if family == "logistic" else _project
    return solve(X, y, w)


def _maximise(X: F64, y: F64, w: F64) -> ExactFit:
    beta = np.zeros(X.shape[1])
    for _ in range(_STEPS):
        mu = 1.0 / (1.0 + np.exp(-(X @ beta)))
        root = np.sqrt(w * mu * (1.0 - mu))
        Q, R = scipy.linalg.qr(X * root[:, None], mode="economic")
        whitened = Q.T @ (w * (y - mu) / root)
        if whitened @ whitened < _NEAR:
            return ExactFit(beta, X, R, w * (y - mu), np.square(Q).sum(axis=1), 1.0)
        beta = beta + scipy.linalg.solve_triangular(R, whitened)
    raise ArithmeticError(f"Newton's method has not found the maximum in {_STEPS} steps")


def _project(X: F64, y: F64, w: F64) -> ExactFit:
    n, k = X.shape
    root = np.sqrt(w)
    Q, R = scipy.linalg.qr(X * root[:, None], mode="economic")
    beta = scipy.linalg.solve_triangular(R, Q.T @ (root * y))
    residual = y - X @ beta
    scale = float(residual @ (w * residual)) / (n - k)
    return ExactFit(beta, X, R, w * residual, np.square(Q).sum(axis=1), scale)
