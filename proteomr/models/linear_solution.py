"""One linear regression by itself, whatever is asked of it: the path that can do all."""

from __future__ import annotations

import numpy as np

from proteomr.models.exact import Regression, Solution
from proteomr.models.fits import Refusal
from proteomr.models.linear_exact import COMBINATION, explains_all
from proteomr.stats.block_correlation import Blocks, take_correlation_out
from proteomr.stats.least_squares import solve_least_squares
from proteomr.stats.linalg import condition_columns
from proteomr.stats.sandwich import ErrorKind, estimate_sandwich
from proteomr.status import Status

__all__ = ["solve_regression"]


def solve_regression(regression: Regression, *, errors: ErrorKind) -> Solution | Refusal:
    """Fit one regression by least squares, with weights, correlated blocks and robust errors."""
    X, weights = regression.X, regression.weights
    root = np.sqrt(weights)
    y, unit = condition_columns(regression.y[:, None])
    rows = np.column_stack([X, y[:, 0], np.ones(y.size)]) * root[:, None]
    if regression.blocks is not None:
        blocks = Blocks(regression.blocks)
        rows = take_correlation_out(rows, blocks, regression.correlation)
    fit = solve_least_squares(rows[:, :-2], rows[:, -2])
    if explains_all(fit, rows[:, -2], rows[:, -1], asked=regression.asked):
        return Refusal(Status.collinear, COMBINATION.format("the response"))
    none = np.full(X.shape[1], np.nan)
    by = float(unit[0])
    if errors == "classical":
        free = regression.people - X.shape[1] - regression.taken
        df = np.full(X.shape[1], free)
        covariance = fit.unscaled * (fit.rss / free)
        sigma = float(np.sqrt(fit.rss / free))
        return Solution(
            fit.coefficients,
            np.sqrt(np.diagonal(covariance)),
            df,
            none,
            none,
            covariance,
            unit=by,
            sigma=sigma,
        )
    robust = estimate_sandwich(
        X,
        fit.residuals / root,
        weights,
        kind=errors,
        clusters=regression.clusters,
        copies=regression.copies,
        absorbed=regression.absorbed,
    )
    # CR2 has degrees of freedom for single coefficients alone
    joint = None if errors == "CR2" else robust.covariance
    return Solution(
        fit.coefficients,
        robust.se,
        robust.df,
        none,
        none,
        joint,
        unit=by,
        errors=errors,
        carriers=robust.carriers,
    )
