"""The regressions of a mediation analysis, with the influence of each person on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.binary_regression import BinaryLink, fit_binary
from proteomr.stats.linalg import find_independent, solve_least_squares
from proteomr.status import Status

__all__ = ["BinaryModel", "LinearModel", "OutcomeLink", "Regression", "Unfit", "fit_regression"]

OutcomeLink: TypeAlias = Literal["linear", "logit", "probit"]
_ALIASED = 1e-7  # share of a column's length: the rule of R's lm
# Below it residuals are rounding of the response: the model says it without error.
_EXACT = 1e-26


class Unfit(Exception):
    """A regression that has no estimate, and why."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True, eq=False)
class Regression(ABC):
    """A fit of a response on ``X (n, k)``.

    Attributes
    ----------
    X : columns, the covariates before the columns of interest.
    kept : positions of those that others before them do not determine.
    coefficients : ``(k,)``, 0 where a column is aliased.
    covariance : ``(k, k)``, by the model; 0 where a column is aliased.
    bread : ``(k, k)``, what turns the score of a row into its influence.
    score : ``(n,)``, of each row by its linear predictor.
    df : rows less columns kept.
    """

    X: F64
    kept: I64
    coefficients: F64
    covariance: F64
    bread: F64
    score: F64
    df: int

    def influence(self, columns: Sequence[int]) -> F64:
        """Return what each row adds to coefficients ``(n, len(columns))``; the sums are 0."""
        return np.asarray(self.score[:, None] * (self.X @ self.bread[:, list(columns)]))

    @abstractmethod
    def refit(self, counts: F64) -> tuple[F64, float]:
        """Return coefficients ``(k,)`` and residual variance where rows count ``counts (n,)``.

        NaN where that sample has no estimate.
        """


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel(Regression):
    """Least squares: ``y = X b + e``.

    Attributes
    ----------
    variance : of the residuals, over n less the rank.
    """

    y: F64
    basis: F64
    back: F64
    variance: float

    @property
    def variance_influence(self) -> F64:
        """What each row adds to the residual variance ``(n,)``."""
        squares = self.score * self.score
        return np.asarray((squares - squares.mean()) / self.df)

    def refit(self, counts: F64) -> tuple[F64, float]:
        """Return coefficients and residual variance of a sample; NaN where it has none."""
        weighted = self.basis * counts[:, None]
        found = np.full(self.X.shape[1], np.nan)
        try:
            root = np.linalg.cholesky(weighted.T @ self.basis)
        except np.linalg.LinAlgError:
            return found, np.nan
        # the basis is orthonormal with all people: of a sample its pivots stay near 1
        if np.diagonal(root).min() < np.sqrt(_ALIASED):
            return found, np.nan
        inner = np.linalg.solve(root.T, np.linalg.solve(root, weighted.T @ self.y))
        found = np.zeros(self.X.shape[1])
        found[self.kept] = self.back @ inner
        left = self.y - self.basis @ inner
        df = float(counts.sum()) - self.kept.size
        return found, float(counts @ (left * left)) / df if df > 0 else np.nan


@dataclass(frozen=True, slots=True, eq=False)
class BinaryModel(Regression):
    """``P(y = 1) = F(X b)``, F logistic or normal."""

    y: F64
    link: BinaryLink

    def refit(self, counts: F64) -> tuple[F64, float]:
        """Return the coefficients of a sample; NaN where it has none."""
        found = np.full(self.X.shape[1], np.nan)
        among = counts > 0.0
        if np.unique(self.y[among]).size < 2:
            return found, np.nan
        columns = self.X[:, self.kept]
        fit = fit_binary(
            columns,
            self.y,
            link=self.link,
            weights=counts,
            start=self.coefficients[self.kept],
        )
        if fit.converged:
            found = np.zeros(self.X.shape[1])
            found[self.kept] = fit.coefficients
        return found, np.nan


def fit_regression(
    X: F64, y: F64, *, link: OutcomeLink, needed: Sequence[int], what: Sequence[str], of: str
) -> LinearModel | BinaryModel:
    """Fit a response, and refuse where a column of interest has no coefficient.

    Parameters
    ----------
    X : ``(n, k)``, covariates before the columns of interest, of a size whose squares are numbers.
    needed : positions of the columns of interest.
    what : what to call them.
    of : what to call the response.

    Raises
    ------
    Unfit
        Too few people, a response of one value, a column that others determine, separation, or no
        convergence.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    >>> fit = fit_regression(
    ...     X, np.array([1.0, 3.0, 5.0, 8.0]), link="linear", needed=[1], what=["x"], of="y")
    >>> fit.coefficients.round(2).tolist(), fit.df
    ([0.8, 2.3], 2)
    """
    kept = find_independent(X, tolerance=_ALIASED)
    for position, name in zip(needed, what, strict=True):
        if position not in kept:
            raise Unfit(
                Status.collinear, f"{name} is determined by covariates in the model of {of}"
            )
    if X.shape[0] <= kept.size:
        raise Unfit(
            Status.too_few, f"{X.shape[0]} people for {kept.size} coefficients in the model of {of}"
        )
    if np.ptp(y) == 0.0:
        raise Unfit(Status.constant, f"{of} has one value on the rows of the fit")
    return _fit_linear(X, y, kept, of) if link == "linear" else _fit_binary(X, y, kept, link, of)


def _fit_linear(X: F64, y: F64, kept: I64, of: str) -> LinearModel:
    columns = X[:, kept]
    fit = solve_least_squares(columns, y)
    if fit.kept.size < kept.size:
        raise Unfit(Status.collinear, f"columns in the model of {of} determine one another")
    if fit.rss <= _EXACT * float(y @ y):
        raise Unfit(Status.not_identified, f"the model says {of} without error")
    norms = np.exp2(np.round(np.log2(np.linalg.norm(columns, axis=0))))
    basis, R = np.linalg.qr(columns / norms)
    variance = fit.rss / fit.df
    k = X.shape[1]
    bread = _spread(fit.unscaled, kept, k)
    coefficients = np.zeros(k)
    coefficients[kept] = fit.coefficients
    return LinearModel(
        X,
        kept,
        coefficients,
        bread * variance,
        bread,
        fit.residuals,
        fit.df,
        y,
        basis,
        np.linalg.inv(R) / norms[:, None],
        variance,
    )


def _fit_binary(X: F64, y: F64, kept: I64, link: BinaryLink, of: str) -> BinaryModel:
    fit = fit_binary(X[:, kept], y, link=link)
    if fit.separation is not None and fit.separation.kind != "none":
        raise Unfit(Status.separated, f"{fit.separation.kind} separation in the model of {of}")
    if not fit.converged:
        raise Unfit(Status.not_converged, f"the model of {of} did not converge")
    k = X.shape[1]
    coefficients = np.zeros(k)
    coefficients[kept] = fit.coefficients
    return BinaryModel(
        X,
        kept,
        coefficients,
        _spread(fit.covariance, kept, k),
        _spread(fit.bread, kept, k),
        fit.score,
        X.shape[0] - kept.size,
        y,
        link,
    )


def _spread(inner: F64, kept: I64, k: int) -> F64:
    """Return a matrix of the columns kept as one of all, 0 elsewhere."""
    whole = np.zeros((k, k))
    whole[np.ix_(kept, kept)] = inner
    return whole
