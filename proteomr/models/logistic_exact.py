"""One logistic regression by itself: its limit under separation, Firth's estimate, errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.exact import ONE_CLUSTER, Regression, Solution, has_one_cluster
from proteomr.models.family import FitOptions
from proteomr.models.fits import Refusal
from proteomr.models.logistic_mass import describe_apart
from proteomr.stats.firth import compare_penalised, fit_firth
from proteomr.stats.linalg import orthonormalise
from proteomr.stats.logistic import LimitFit, fit_limit, means_of
from proteomr.stats.profile_intervals import profile_limits
from proteomr.stats.sandwich import LINEARISED, Sandwich, estimate_sandwich
from proteomr.status import Status

__all__ = ["solve_logistic"]

_FIRTH = "Firth's estimate, profile interval"
_FIRTH_UNSETTLED = "Firth's estimate did not settle"
_PROFILE_UNSETTLED = "the profile of Firth's estimate did not settle"


def solve_logistic(regression: Regression, options: FitOptions) -> Solution | Refusal:
    """Fit one regression by itself, with weights and robust errors."""
    column = int(regression.asked[0])
    # The coefficients from the column on are the same in any basis of those before it.
    basis = orthonormalise(regression.X[:, :column])
    regression = replace(regression, X=np.column_stack([basis, regression.X[:, column:]]))
    X = regression.X
    if options.firth == "always":
        return _penalise(regression, options)
    limit = fit_limit(X, regression.y, column=column, weights=regression.weights)
    fit, columns, rows = limit.fit, limit.columns, limit.rows
    message = describe_apart(limit.apart)
    if limit.separation != "none":
        said = "; ".join(filter(None, (message, f"{limit.separation} separation")))
        return _answer_separation(regression, options, said)
    if not fit.converged:
        return Refusal(Status.not_converged, "Newton's method did not settle")
    clusters = None if regression.clusters is None else regression.clusters[rows]
    if has_one_cluster(clusters):
        return Refusal(Status.too_few, ONE_CLUSTER)
    se, covariance, carriers = fit.se, fit.covariance, None
    df = np.full(X.shape[1], np.inf)
    if options.errors != "classical":
        robust = _estimate_robust(regression, limit, options)
        se, covariance = robust.se, robust.covariance
        carriers = _place(robust.carriers, columns, X.shape[1])
        if options.errors == "CR2":
            df = _place(robust.df, columns, X.shape[1])
    none = np.full(X.shape[1], np.nan)
    whole = np.full((none.size, none.size), np.nan)
    whole[np.ix_(columns, columns)] = covariance
    return Solution(
        _place(fit.coefficients, columns, none.size),
        _place(se, columns, none.size),
        df,
        none,
        none,
        # CR2 has degrees of freedom for single coefficients alone
        None if options.errors == "CR2" else whole,
        errors=options.errors,
        carriers=carriers,
        message=message,
    )


def _estimate_robust(regression: Regression, limit: LimitFit, options: FitOptions) -> Sandwich:
    """Return the robust errors of a fit."""
    rows = limit.rows
    X = regression.X[rows][:, limit.columns]
    eta = X @ limit.fit.coefficients
    mu, rest = means_of(eta), means_of(-eta)
    # (y - mu) / (mu (1 - mu)), without the cancellation of a probability near 0 or 1.
    residuals = np.where(regression.y[rows] == 1.0, 1.0 / mu, -1.0 / rest)
    return estimate_sandwich(
        X,
        residuals,
        regression.weights[rows] * mu * rest,
        kind=options.errors,
        clusters=None if regression.clusters is None else regression.clusters[rows],
        copies=None if regression.copies is None else regression.copies[rows],
        variances=mu * rest,
        people=round(regression.people) if options.errors == LINEARISED else None,
    )


def _answer_separation(
    regression: Regression, options: FitOptions, message: str
) -> Solution | Refusal:
    """Answer by Firth's estimate, where that is asked for."""
    if not options.firth:
        return Refusal(Status.separated, message)
    found = _penalise(regression, options)
    said = f"{message}; {found.message or _FIRTH}"
    return replace(found, status=Status.separated, message=said)


def _penalise(regression: Regression, options: FitOptions) -> Solution | Refusal:
    """Give Firth's estimate with its profile intervals and likelihood ratio tests."""
    X, y = regression.X, regression.y
    fit = fit_firth(X, y)
    if not fit.converged:
        return Refusal(Status.not_converged, _FIRTH_UNSETTLED)
    low, high, p = (np.full(X.shape[1], np.nan) for _ in range(3))
    for i in regression.asked.tolist():
        test = compare_penalised(X, y, fit, columns=[i])
        low[i], high[i] = profile_limits(X, y, fit, column=i, level=options.level, firth=True)
        if np.isnan(low[i]) or np.isnan(high[i]) or test is None:
            return Refusal(Status.not_converged, _PROFILE_UNSETTLED)
        p[i] = test[2]
    return Solution(
        fit.coefficients,
        fit.se,
        np.full(X.shape[1], np.inf),
        low,
        high,
        neg_log10_p=p,
        jointly=lambda at: compare_penalised(X, y, fit, columns=at),
    )


def _place(values: F64, columns: I64, size: int) -> F64:
    """Return values at their columns among all, NaN elsewhere."""
    out = np.full(size, np.nan)
    out[columns] = values
    return out
