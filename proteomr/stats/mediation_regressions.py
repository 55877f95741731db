"""The regressions of a mediation analysis, with the influence of each person on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.binary_regression import BinaryLink, fit_binary
from proteomr.stats.mediation_bases import Basis, root_rows
from proteomr.stats.weighted_products import sum_products
from proteomr.status import Status

__all__ = ["BinaryModel", "LinearModel", "OutcomeLink", "Regression", "Unfit", "fit_regression"]

OutcomeLink: TypeAlias = Literal["linear", "logit", "probit"]
_PIVOT = 1e-4  # of a basis in a sample, below which that has no estimate
# Below it residuals are rounding of the response: the model says it without error.
_EXACT = 1e-26


class Unfit(Exception):
    """A regression that has no estimate, and why."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True, eq=False)
class Regression(ABC):
    """A fit of a response on the columns of a basis ``X (n, k)``.

    Attributes
    ----------
    basis : of the columns, the covariates before the columns of interest.
    coefficients : ``(k,)``, 0 where a column is aliased.
    covariance : ``(k, k)``, by the model; 0 where a column is aliased.
    bread : ``(k, k)``, what turns the score of a row into its influence.
    score : ``(n,)``, of each row by its linear predictor.
    df : rows less columns kept.
    """

    basis: Basis
    coefficients: F64
    covariance: F64
    bread: F64
    score: F64
    df: int

    @property
    def design(self) -> F64:
        """The columns ``(n, k)``."""
        return self.basis.design

    def influence(self, columns: Sequence[int]) -> F64:
        """Return what each row adds to coefficients ``(n, len(columns))``; the sums are 0."""
        return self.follow(np.eye(self.coefficients.size)[:, list(columns)])

    def follow(self, directions: F64) -> F64:
        """Return what each row adds to sums of coefficients ``(n, d)``.

        Parameters
        ----------
        directions : ``(k, d)``, what each coefficient counts in each sum.
        """
        return np.asarray(self.score[:, None] * (self.design @ (self.bread @ directions)))

    @abstractmethod
    def refit(self, counts: F64) -> list[tuple[F64, float]]:
        """Return coefficients ``(k,)`` and residual variance of each sample, in which rows count
        ``counts (c, n)``.

        NaN where that sample has no estimate.
        """


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel(Regression):
    """Least squares: ``y = X b + e``.

    Attributes
    ----------
    y : the response; with weights this, the basis and the score are by their roots.
    variance : of the residuals, over n less the rank.
    weights : ``(n,)``; None for equal ones.
    """

    y: F64
    variance: float
    weights: F64 | None = None

    @property
    def variance_influence(self) -> F64:
        """What each row adds to the residual variance ``(n,)``."""
        squares = self.score * self.score
        if self.weights is None:
            return np.asarray((squares - squares.mean()) / self.df)
        total = float(self.weights.sum())
        apart = squares - self.weights * (float(squares.sum()) / total)
        return np.asarray(apart * (squares.size / (total * self.df)))

    def refit(self, counts: F64) -> list[tuple[F64, float]]:
        """Return coefficients and residual variance of samples; NaN where one has none."""
        # of residuals a sample leaves nearly all, so that nothing cancels
        beside = np.column_stack([self.basis.Q, self.score])
        return [self._refit(beside, one) for one in counts]

    def _refit(self, beside: F64, counts: F64) -> tuple[F64, float]:
        """Fit the residuals of all people again, which stand beside the basis."""
        products = sum_products(beside, counts)
        score, squares = products[:-1, -1], float(products[-1, -1])
        found = np.full(self.coefficients.size, np.nan)
        try:
            root = np.linalg.cholesky(products[:-1, :-1])
        except np.linalg.LinAlgError:
            return found, np.nan
        # the basis is orthonormal with all people: of a sample its pivots stay near 1
        if np.diagonal(root).min() < _PIVOT:
            return found, np.nan
        half = np.linalg.solve(root, score)
        found = self.coefficients.copy()
        found[self.basis.kept] += self.basis.back @ np.linalg.solve(root.T, half)
        people = float(counts.sum())
        total = people if self.weights is None else float(counts @ self.weights)
        df = people - self.basis.kept.size
        left = squares - float(half @ half)
        return found, left / df * (people / total) if df > 0 else np.nan


@dataclass(frozen=True, slots=True, eq=False)
class BinaryModel(Regression):
    """``P(y = 1) = F(X b)``, F logistic or normal; weights ``(n,)``, None for equal ones."""

    y: F64
    link: BinaryLink
    weights: F64 | None = None

    def refit(self, counts: F64) -> list[tuple[F64, float]]:
        """Return the coefficients of samples; NaN where one has none."""
        return [self._refit(one) for one in counts]

    def _refit(self, counts: F64) -> tuple[F64, float]:
        found = np.full(self.coefficients.size, np.nan)
        if np.unique(self.y[counts > 0.0]).size < 2:
            return found, np.nan
        kept = self.basis.kept
        start = self.coefficients[kept]
        counts = counts if self.weights is None else counts * self.weights
        fit = fit_binary(self.design[:, kept], self.y, link=self.link, weights=counts, start=start)
        if fit.converged:
            found = np.zeros(self.coefficients.size)
            found[kept] = fit.coefficients
        return found, np.nan


def fit_regression(
    basis: Basis,
    y: F64,
    *,
    link: OutcomeLink,
    needed: Sequence[int],
    what: Sequence[str],
    of: str,
    weights: F64 | None = None,
) -> LinearModel | BinaryModel:
    """Fit a response, and refuse where a column of interest has no coefficient.

    Parameters
    ----------
    basis : of the n rows, covariates before the columns of interest; of a line with weights that
        of rows times their roots.
    needed : positions of the columns of interest.
    what : what to call them.
    of : what to call the response.
    weights : ``(n,)``, above 0; None for equal ones.

    Raises
    ------
    Unfit
        Too few people, a response of one value, a column that others determine, separation, or no
        convergence.

    Examples
    --------
    >>> basis = Basis.of(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]))
    >>> fit = fit_regression(
    ...     basis, np.array([1.0, 3.0, 5.0, 8.0]), link="linear", needed=[1], what=["x"], of="y")
    >>> fit.coefficients.round(2).tolist(), fit.df
    ([0.8, 2.3], 2)
    """
    rank = basis.kept.size
    if basis.n <= rank:  # before what is determined: so few determine everything
        raise Unfit(
            Status.too_few, f"{basis.n} people for {rank} coefficients in the model of {of}"
        )
    for position, name in zip(needed, what, strict=True):
        if position not in basis.kept:
            raise Unfit(Status.collinear, f"covariates determine {name} in the model of {of}")
    if np.ptp(y) == 0.0:
        raise Unfit(Status.constant, f"{of} has one value on the rows of the fit")
    if link == "linear":
        return _fit_linear(basis, y, of, weights)
    return _fit_binary(basis, y, link, of, weights)


def _fit_linear(basis: Basis, y: F64, of: str, weights: F64 | None) -> LinearModel:
    y = root_rows(y, weights)
    coefficients, residuals = basis.fit(y)
    rss = float(residuals @ residuals)
    if rss <= _EXACT * float(y @ y):
        raise Unfit(Status.not_identified, f"the model says {of} without error")
    df = basis.n - basis.kept.size
    unit = 1.0 if weights is None else y.size / float(weights.sum())
    bread, variance = basis.unscaled, rss / df * unit
    covariance = bread * (rss / df)
    return LinearModel(basis, coefficients, covariance, bread, residuals, df, y, variance, weights)


def _fit_binary(
    basis: Basis, y: F64, link: BinaryLink, of: str, weights: F64 | None
) -> BinaryModel:
    kept, k = basis.kept, basis.k
    fit = fit_binary(basis.design[:, kept], y, link=link, weights=weights)
    if fit.separation is not None and fit.separation.kind != "none":
        raise Unfit(Status.separated, f"{fit.separation.kind} separation in the model of {of}")
    if not fit.converged:
        raise Unfit(Status.not_converged, f"the model of {of} did not converge")
    coefficients = np.zeros(k)
    coefficients[kept] = fit.coefficients
    covariance, bread = (_spread(inner, kept, k) for inner in (fit.covariance, fit.bread))
    df = basis.n - kept.size
    score = fit.score if weights is None else fit.score * weights
    return BinaryModel(basis, coefficients, covariance, bread, score, df, y, link, weights)


def _spread(inner: F64, kept: I64, k: int) -> F64:
    """Return a matrix of the columns kept as one of all, 0 elsewhere."""
    whole = np.zeros((k, k))
    whole[np.ix_(kept, kept)] = inner
    return whole
