"""What every multivariable estimator takes and gives, and the regression that several share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.errors import UsageError, nearest
from proteomr.mr.methods.base import (
    Convention,
    Estimate,
    certify,
    conclude,
    note_contradiction,
    refuse,
)
from proteomr.mr.methods.method import Declared, attempt
from proteomr.mr.methods.units import Powers, find_exponents, restore_units, vanishes
from proteomr.mr.methods.variant_order import order_variants, place_back
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.least_squares import solve_least_squares
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = [
    "INTERCEPT_POWERS",
    "MultivariableMethod",
    "WeightedFit",
    "check_size",
    "conclude_each",
    "correlate_estimates",
    "describe_fit",
    "fit_weighted",
    "orient_by_exposure",
    "refuse_each",
]

INTERCEPT_POWERS: Powers = dict.fromkeys(
    ("intercept", "intercept_se", "intercept_conf_low", "intercept_conf_high"), (1, 0)
)
"""Units of an intercept among the details: those of the outcome."""

_ALIASED = 1e-7  # the pivot, relative to a column's length, that R's lm takes for zero
_COLLINEAR = "effects on one exposure are a combination of those on the others"


class MultivariableMethod(Declared):
    """An estimator of the direct effects of several exposures.

    The frame is that of `proteomr.mr.methods.method.Method`: `estimate` refuses what the
    declaration excludes, brings effects to the size of one, and lets no estimate out without its
    certificate.
    """

    __slots__ = ()

    @abstractmethod
    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, of effects that have been checked, or refusals."""

    def estimate(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, in order; never raises for what the data are like."""
        exposures = find_exponents(data.beta_x.T, data.se_x.T)
        outcome = int(find_exponents(data.beta_y, data.se_y)) if data.m else 0
        order = order_variants(data)
        scaled = _scale(data.select(order), exposures, outcome)
        if scaled is None:
            text = "effects or standard errors differ by more orders of magnitude than numbers hold"
            return refuse_each(data, status=Status.not_identified, message=text)
        refusal = check_size(scaled, fewest=self.fewest)
        if refusal is not None:
            return refusal
        count = len(data.exposures)
        fitted = attempt(lambda: list(self.fit(scaled, random=random)), count=count, m=data.m)
        units = (
            restore_units(fit, outcome=outcome, exposure=int(unit), powers=self.powers)
            for fit, unit in zip(fitted, exposures, strict=True)
        )
        certified = (place_back(certify(fit), order) for fit in units)
        if not self.contradiction:
            return tuple(certified)
        return tuple(note_contradiction(each, self.contradiction) for each in certified)


def _scale(data: Harmonised, exposures: I64, outcome: int) -> Harmonised | None:
    """Return effects divided by powers of two, one per exposure; None where numbers are lost."""
    arrays = (data.beta_x, data.se_x, data.beta_y, data.se_y)
    powers = (exposures, exposures, outcome, outcome)
    scaled = [np.ldexp(a, -np.asarray(e)) for a, e in zip(arrays, powers, strict=True)]
    if any(vanishes(a.ravel(), b.ravel()) for a, b in zip(arrays, scaled, strict=True)):
        return None
    return replace(data, beta_x=scaled[0], se_x=scaled[1], beta_y=scaled[2], se_y=scaled[3])


@dataclass(frozen=True, slots=True, eq=False)
class WeightedFit:
    """A weighted least-squares regression.

    Parameters
    ----------
    coefficients : (k,).
    unit_se : (k,) standard errors at a residual variance of one.
    q : weighted sum of squared residuals.
    df : residual degrees of freedom.
    residuals : (m,), not weighted.
    """

    coefficients: F64
    unit_se: F64
    q: float
    df: int
    residuals: F64

    @property
    def sigma(self) -> float:
        """Residual standard error; NaN without a degree of freedom."""
        return math.sqrt(self.q / self.df) if self.df > 0 else math.nan


def fit_weighted(X: F64, y: F64, *, weights: F64) -> WeightedFit | None:
    r"""Weighted least squares of y on the columns of X, or None where these are collinear.

    R: ``lm(y ~ X - 1, weights = w)``.

    Parameters
    ----------
    X : (m, k).
    y, weights : (m,).

    Examples
    --------
    >>> fit = fit_weighted(np.eye(3)[:, :2], np.array([1.0, 2.0, 0.5]), weights=np.full(3, 4.0))
    >>> fit is not None and (fit.coefficients.tolist(), fit.q, fit.df)
    ([1.0, 2.0], 1.0, 1)
    """
    if y.size < X.shape[1]:
        return None
    root = np.sqrt(weights)
    solution = solve_least_squares(X * root[:, None], y * root, tolerance=_ALIASED)
    if solution.kept.size < X.shape[1]:
        return None
    unit_se = np.sqrt(np.diagonal(solution.unscaled))
    residuals = np.asarray(y - X @ solution.coefficients)
    return WeightedFit(solution.coefficients, unit_se, solution.rss, solution.df, residuals)


def check_size(data: Harmonised, /, *, fewest: int) -> tuple[Estimate, ...] | None:
    """Return refusals where there are too few variants, or the exposures are collinear.

    Parameters
    ----------
    fewest : variants that one exposure needs.
    """
    e = len(data.exposures)
    needed = fewest + e - 1
    if data.m < needed:
        text = f"needs {needed} variants for {e} exposures, found {data.m}"
        return refuse_each(data, status=Status.too_few, message=text)
    if fit_weighted(data.beta_x, data.beta_y, weights=data.se_y**-2) is None:
        return refuse_each(data, status=Status.not_identified, message=_COLLINEAR)
    return None


def refuse_each(data: Harmonised, /, *, status: Status, message: str) -> tuple[Estimate, ...]:
    """Return the same refusal for every exposure."""
    return tuple(refuse(status, message, nsnp=data.m) for _ in data.exposures)


def conclude_each(
    estimates: F64,
    se: F64,
    *,
    nsnp: int,
    df: float | None = None,
    details: Mapping[str, float] | None = None,
    used: tuple[int, ...] | None = None,
) -> tuple[Estimate, ...]:
    """Return an estimate per exposure with its p value and limits; the details are shared.

    Parameters
    ----------
    estimates, se : (e,).
    nsnp, df, details, used : as in `proteomr.mr.methods.base.conclude`.

    Examples
    --------
    >>> fits = conclude_each(np.array([0.5, 0.1]), np.array([0.1, 0.1]), nsnp=10)
    >>> [round(fit.conf_low, 3) for fit in fits]
    [0.304, -0.096]
    """
    return tuple(
        conclude(float(b), float(s), nsnp=nsnp, df=df, details=details, used=used)
        for b, s in zip(estimates, se, strict=True)
    )


def describe_fit(q: float, df: int) -> dict[str, float]:
    """Return the residual standard error and Cochran's Q with its -log10 p and I2, by name.

    Examples
    --------
    >>> described = describe_fit(8.0, 2)
    >>> described["residual_se"], described["i2"]
    (2.0, 0.75)
    """
    tested = df > 0
    return {
        "residual_se": math.sqrt(q / df) if tested else math.nan,
        "q": q,
        "q_df": float(df),
        "q_neg_log10_p": float(neg_log10_p_chi2(q, df)) if tested else math.nan,
        "i2": max(0.0, (q - df) / q) if tested and q > 0 else math.nan,
    }


def orient_by_exposure(
    data: Harmonised, /, *, name: str | None, convention: Convention = "twosamplemr"
) -> tuple[F64, F64]:
    """Effects on exposures and outcome, per the allele that raises one exposure.

    Parameters
    ----------
    name : of the exposure; None for the first.
    convention : a variant without effect on that exposure keeps its allele; with
        "mendelianrandomization" all its effects become zero.

    Raises
    ------
    UsageError
        No exposure has that name.
    """
    if name is not None and name not in data.exposures:
        raise UsageError(f"no exposure is named {name!r}{nearest(name, data.exposures)}")
    column = 0 if name is None else data.exposures.index(name)
    sign = np.sign(data.beta_x[:, column])
    if convention == "twosamplemr":
        sign[sign == 0] = 1.0
    return data.beta_x * sign[:, None], data.beta_y * sign


def correlate_estimates(correlations: F64 | None, *, size: int) -> F64:
    """Return the correlations of a variant's estimates across traits; none where None is given.

    Parameters
    ----------
    correlations : (size, size), as phenotypes correlate in people who are in both samples.
    size : number of traits.

    Raises
    ------
    UsageError
        Not a correlation matrix of that size.

    Examples
    --------
    >>> correlate_estimates(None, size=2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if correlations is None:
        return np.eye(size)
    matrix = np.asarray(correlations, dtype=np.float64)
    if matrix.shape != (size, size):
        raise UsageError(f"correlations of shape {matrix.shape} do not fit {size} traits")
    ones = np.allclose(np.diagonal(matrix), 1.0) and np.allclose(matrix, matrix.T)
    if not ones or np.linalg.eigvalsh(matrix)[0] < -1e-8:
        raise UsageError(
            "correlations of traits are symmetric, with ones on the diagonal and no negative "
            "eigenvalue"
        )
    return matrix
