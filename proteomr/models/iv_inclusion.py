"""Two-stage residual inclusion of one protein and an outcome of two levels."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.models.base import Refusal
from proteomr.models.iv_exact import Exact, Solved
from proteomr.models.logistic_mass import describe_apart
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.instrument_tests import InstrumentTest
from proteomr.stats.instrumental_fit import fit_instrumental, scale_variance
from proteomr.stats.residual_inclusion import Inclusion, fit_inclusion
from proteomr.stats.sandwich import ErrorKind
from proteomr.status import Status

__all__ = ["APPROXIMATE", "fit_by_inclusion"]

APPROXIMATE = "two-stage residual inclusion: an approximate log odds ratio"
# A residual of this share of its variable is rounding, as in the linear family.
_ROUNDING = 1e-11
_OF_FIRST = ("weak_instruments", "effective_f", "sanderson_windmeijer")


def fit_by_inclusion(exact: Exact, *, errors: ErrorKind) -> tuple[Solved, str] | Refusal:
    """Fit the outcome on the protein and its first-stage residuals; with what is to be said.

    Errors are those of the stacked estimating equations, whatever is asked for: classical and HC0
    are they, HC1 times ``n / (n - k - 2)``, CR0 and CR1 summed within clusters. z on no degrees of
    freedom.
    """
    equation, triangles = exact.equation, exact.triangles
    c, q = float(triangles.c[0]), exact.used.size
    if c <= _ROUNDING * float(np.sqrt(triangles.predicted[0] + c**2)):
        what = "the instruments predict the protein perfectly: there are no residuals to include"
        return Refusal(Status.not_identified, what)
    weights = equation.weights
    root = np.ones(equation.n) if weights is None else np.sqrt(weights)
    unit = c / np.sqrt(equation.n)
    residuals = exact.columns[:, q] * c / root / unit
    C = equation.covariates[:, exact.kept]
    found = fit_inclusion(
        np.column_stack([C, equation.endogenous, residuals]),
        np.column_stack([np.linalg.qr(exact.covariates)[0], exact.columns[:, :q]]),
        residuals,
        equation.response,
        weights=weights,
        clusters=equation.clusters,
    )
    said = describe_apart(found.limit.apart)
    if not found.converged:
        return _say_why(found, said)
    return _solve(exact, found, errors), "; ".join(filter(None, (APPROXIMATE, said)))


def _say_why(found: Inclusion, said: str) -> Refusal:
    kind = found.limit.separation
    if kind != "none":
        return Refusal(Status.separated, "; ".join(filter(None, (said, f"{kind} separation"))))
    return Refusal(Status.not_converged, "Newton's method did not settle")


def _solve(exact: Exact, found: Inclusion, errors: ErrorKind) -> Solved:
    equation, triangles, k = exact.equation, exact.triangles, exact.kept.size
    G = None
    if equation.clusters is not None:
        G = np.array([float(np.unique(equation.clusters).size)])
    first = fit_instrumental(triangles, exact.walk, estimator="2sls", errors=errors, clusters=G)
    if errors == "HC1":
        scale = equation.n / (equation.n - k - 2.0)
    else:
        scale = float(scale_variance(triangles, errors, G)[0][0])
    columns = found.limit.columns
    covariance = np.full((k + 2, k + 2), np.nan)
    covariance[np.ix_(columns, columns)] = scale * found.covariance
    coefficients = np.full(k + 2, np.nan)
    coefficients[columns] = found.limit.fit.coefficients
    carriers = float(found.carriers[np.flatnonzero(columns == k)[0]])
    tests = {name: first.tests[name] for name in _OF_FIRST}
    need = coefficients[-1] ** 2 / covariance[-1, -1]
    return Solved(
        beta=float(coefficients[k]),
        se=float(np.sqrt(covariance[k, k])),
        df=np.inf,
        carriers=carriers,
        tests={**tests, "wu_hausman": _refer(np.array([need]))},
        certified=True,
        perfect=False,
        coefficients=coefficients[:-1],
        covariance=covariance[:-1, :-1],
    )


def _refer(statistic: F64) -> InstrumentTest:
    """Return Wald's test of the residuals' coefficient, chi-squared with one degree."""
    one, none = np.ones(1), np.full(1, np.nan)
    return InstrumentTest(statistic, one, none, neg_log10_p_chi2(statistic, 1.0))
