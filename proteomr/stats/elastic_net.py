r"""Regression with an elastic-net penalty: what is asked, and what a path of penalties gives.

.. math:: \min_{b_0, b} \; -\ell(b_0, b) + \lambda \sum_j v_j
    \left( \alpha |b_j| + \tfrac{1 - \alpha}{2} b_j^2 \right)

with the mean log-likelihood of weights that sum to one, columns brought to a weighted mean of 0 and
a weighted standard deviation of 1 (by 1/n), and factors :math:`v_j` that sum to the number of
columns. Source: Zou and Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x; Friedman, Hastie and
Tibshirani 2010, doi:10.18637/jss.v033.i01; Simon et al. 2011, doi:10.18637/jss.v039.i05. The
conventions are those of the R package glmnet 4.1, so that coefficients at a penalty are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.loops import COMPILED_FROM, load_loops

__all__ = ["FLAT", "Moments", "Path", "Penalty", "find_largest", "list_sequence", "measure_columns"]

_LENGTH = 100  # glmnet's nlambda
_LEAST_ALPHA = 1e-3  # glmnet's: a ridge's sequence begins where a little lasso's does
FLAT = 1e-9  # relative to the largest absolute value: a standard deviation that is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Penalty:
    """What is penalised.

    Parameters
    ----------
    alpha : share of the lasso, 1; a ridge has 0.
    factors : (p,) by which a column's penalty is multiplied, 0 for one that is not penalised; None
        for equal ones.

    Raises
    ------
    ValueError
        Alpha is outside [0, 1], or a factor is negative or no number, or all are 0.
    """

    alpha: float = 1.0
    factors: F64 | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.alpha <= 1.0:
            raise ValueError(f"alpha is {self.alpha}, and must lie in [0, 1]")
        if self.factors is not None:
            given = np.asarray(self.factors)
            if not (np.isfinite(given).all() and (given >= 0.0).all() and (given > 0.0).any()):
                raise ValueError("penalty factors must be finite, not negative, and not all 0")

    def scale(self, p: int) -> F64:
        """Return the factors (p,), which sum to the number of columns.

        Examples
        --------
        >>> Penalty(factors=np.array([0.0, 1.0])).scale(2).tolist()
        [0.0, 2.0]
        """
        if self.factors is None:
            return np.ones(p)
        return np.asarray(self.factors * (p / self.factors.sum()), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Weighted means and standard deviations of columns (p,); 1 where a column is constant."""

    centre: F64
    scale: F64
    constant: Bool


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Coefficients at falling penalties.

    Parameters
    ----------
    penalties : (l,), falling.
    intercepts : (l,); 0 for Cox regression.
    coefficients : (l, p), in the units of the columns given; a constant column has 0.
    explained : (l,) part of the null deviance.
    certified : (l,) whether the solution meets the conditions of the optimum, each by the gradient
        in double precision.
    """

    penalties: F64
    intercepts: F64
    coefficients: F64
    explained: F64
    certified: Bool

    def predict(self, X: F64) -> F64:
        """Return the linear predictors (l, n) of rows.

        Examples
        --------
        >>> one = np.ones(1)
        >>> Path(one, one, np.array([[2.0]]), one, one > 0).predict(np.array([[3.0]])).tolist()
        [[7.0]]
        """
        return np.asarray(self.intercepts[:, None] + self.coefficients @ X.T)


def measure_columns(X: F64, weights: F64) -> Moments:
    """Return the weighted moments of columns.

    Parameters
    ----------
    X : (n, p).
    weights : (n,) that sum to one.

    Examples
    --------
    >>> found = measure_columns(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([0.5, 0.5]))
    >>> found.centre.tolist(), found.scale.tolist(), found.constant.tolist()
    ([2.0, 5.0], [1.0, 1.0], [False, True])
    """
    n, p = X.shape
    centre, scale, largest = np.empty(p), np.empty(p), np.empty(p)
    compiled = n >= COMPILED_FROM and X.flags.f_contiguous
    loops = load_loops("elastic_net", compiled=compiled)
    loops.measure_columns(X, weights, centre, scale, largest)
    constant: Bool = ~(scale > FLAT * largest)
    return Moments(centre, np.where(constant, 1.0, scale), constant)


def list_sequence(largest: float, *, n: int, p: int) -> F64:
    """Return glmnet's default sequence of 100 penalties.

    It falls to 1/10,000 of the largest where there are at least as many rows as columns, else to
    1/100.

    Examples
    --------
    >>> list_sequence(2.0, n=10, p=3)[[0, 99]].round(6).tolist()
    [2.0, 0.0002]
    """
    ratio = 1e-4 if n >= p else 1e-2
    return np.asarray(largest * ratio ** (np.arange(_LENGTH) / (_LENGTH - 1)))


def find_largest(pull: F64, factors: F64, alpha: float) -> float:
    """Return the least penalty at which no penalised column has a coefficient.

    Parameters
    ----------
    pull : (p,) products of columns with the residuals of the unpenalised fit.
    factors : (p,).
    alpha : share of the lasso.

    Examples
    --------
    >>> find_largest(np.array([0.5, -2.0]), np.ones(2), 0.5)
    4.0
    """
    penalised = factors > 0.0
    ratio = np.abs(pull[penalised]) / factors[penalised]
    return float(ratio.max(initial=0.0)) / max(alpha, _LEAST_ALPHA)
