"""One instrumental-variable fit by itself: a Householder QR of its own rows, refined if needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Refusal
from proteomr.models.exact import ONE_CLUSTER, has_one_cluster
from proteomr.models.iv_equation import Equation, root_of
from proteomr.models.iv_options import IvEstimator
from proteomr.models.linear_exact import COMBINATION
from proteomr.stats.efficient_moments import estimate_by_moments, sum_moments
from proteomr.stats.instrument_tests import InstrumentTest
from proteomr.stats.instrumental import Estimates, Triangles
from proteomr.stats.instrumental_fit import Chunk, fit_instrumental, scale_variance
from proteomr.stats.least_squares import take_out
from proteomr.stats.linalg import find_independent
from proteomr.stats.sandwich import ErrorKind
from proteomr.status import Status

__all__ = [
    "NO_INSTRUMENT",
    "Exact",
    "Solved",
    "fit_equation",
    "list_coefficients",
    "reduce_equation",
]

# The share of its length below which a column counts as made of those before it, as in the linear
# family: columns are conditioned and orthogonalised twice.
_ALIASED = 1e-9
# Residuals of this share of a variable are rounding, as in the linear family.
_PERFECT = 1e-11
NO_INSTRUMENT = "no instrument varies beside the covariates on the rows of the fit"


@dataclass(frozen=True, slots=True)
class Exact:
    """A regression laid out: what is kept of its columns, and what they leave of one another.

    Attributes
    ----------
    kept, used : positions of the independent covariates and instruments.
    triangles : of one regression.
    columns : ``(n, q + 2)``, orthonormal: instruments, endogenous variable, response, less the
        covariates and, each, those before it.
    covariates : ``(n, k)``, rows times the roots of their weights.
    on_covariates : ``(k, 2)``, least-squares coefficients of endogenous variable and response.
    """

    equation: Equation
    kept: I64
    used: I64
    triangles: Triangles
    columns: F64
    covariates: F64
    on_covariates: F64

    def walk(self) -> Iterator[Chunk]:
        """Go over the rows, all at once."""
        Q = self.columns.T[None]
        rest = Q[:, -1] * self.triangles.e[:, None]
        yield Chunk(Q[:, :-2], Q[:, -2], rest, self.equation.clusters)

    def aliased(self) -> tuple[list[str], list[str]]:
        """Return the names of covariates and instruments that those before them determine."""
        equation = self.equation
        empty = set(np.flatnonzero(~np.any(equation.covariates, axis=0)).tolist())
        kept, used = set(self.kept.tolist()), set(self.used.tolist())
        return (
            [name for i, name in enumerate(equation.names) if i not in kept and i not in empty],
            [name for i, name in enumerate(equation.instrument_names) if i not in used],
        )


def reduce_equation(equation: Equation) -> Exact | Refusal:
    """Take what the covariates explain out of all columns, or say why there is no fit."""
    root, p = root_of(equation), equation.covariates.shape[1]
    whole = np.column_stack([equation.covariates, equation.instruments]) * root[:, None]
    independent = find_independent(whole, tolerance=_ALIASED)
    kept, used = independent[independent < p], independent[independent >= p] - p
    refusal = _refuse_flat(equation) or _refuse_few(equation, kept.size, used.size)
    if refusal is not None:
        return refusal
    C = whole[:, kept]
    both = np.column_stack([equation.endogenous, equation.response]) * root[:, None]
    coefficients, left = take_out(C, np.column_stack([whole[:, p + used], both]))
    lengths = np.linalg.norm(_centre(both, root), axis=0)
    for at, label in enumerate(equation.labels):
        if np.linalg.norm(left[:, at - 2]) < _PERFECT * lengths[at]:
            return Refusal(Status.collinear, COMBINATION.format(label))
    Q, R = np.linalg.qr(left)
    signs = np.where(np.diagonal(R) < 0.0, -1.0, 1.0)
    Q, R = Q * signs, R * signs[:, None]
    triangles = Triangles.of(R[None], n=np.array([equation.n]), k=np.array([kept.size]))
    if triangles.predicted[0] <= (_PERFECT * lengths[0]) ** 2:
        what = f"the instruments say nothing of {equation.labels[0]} on the rows of the fit"
        return Refusal(Status.not_identified, what)
    return Exact(equation, kept, used, triangles, Q, C, coefficients[:, -2:])


def _refuse_few(equation: Equation, k: int, q: int) -> Refusal | None:
    """Refuse fewer people than the fit has coefficients, and covariates that leave no instrument.

    Parameters
    ----------
    k, q : independent covariates, and instruments beside them.
    """
    if equation.n <= k + 1:
        coefficients = equation.covariates.shape[1] + 1
        return Refusal(Status.too_few, f"{equation.n} people for {coefficients} coefficients")
    if q == 0:
        return Refusal(Status.not_identified, NO_INSTRUMENT)
    if equation.n <= k + q:
        what = f"{k} covariates, the intercept among them, and {q} instruments"
        return Refusal(Status.too_few, f"{equation.n} people for {what}")
    return None


def _refuse_flat(equation: Equation) -> Refusal | None:
    both = zip(equation.labels, (equation.endogenous, equation.response), strict=True)
    for label, values in both:
        if np.all(values == values[0]):
            return Refusal(Status.constant, f"{label} has one value on the rows of the fit")
    if has_one_cluster(equation.clusters):
        return Refusal(Status.too_few, ONE_CLUSTER)
    return None


def _centre(columns: F64, root: F64) -> F64:
    return columns - root[:, None] * (root @ columns / (root @ root))


@dataclass(frozen=True, slots=True)
class Solved:
    """A fit of one regression by itself, in conditioned units.

    Attributes
    ----------
    beta, se, df : of the endogenous variable.
    carriers : effective number of people, or clusters, behind a robust error; else infinite.
    tests : of the instruments.
    certified : whether the rows bear the estimate out.
    perfect : whether the residuals are rounding.
    coefficients, covariance : ``(k + 1,)``, ``(k + 1, k + 1)``, of the covariates kept and the
        endogenous variable; empty unless they were asked for.
    """

    beta: float
    se: float
    df: float
    carriers: float
    tests: dict[str, InstrumentTest]
    certified: bool
    perfect: bool
    coefficients: F64
    covariance: F64


def fit_equation(
    exact: Exact, *, estimator: IvEstimator, errors: ErrorKind, covariates: bool = False
) -> Solved | Refusal:
    """Estimate, test and certify one regression.

    Parameters
    ----------
    covariates : give the coefficients of the covariates too.
    """
    triangles, equation = exact.triangles, exact.equation
    G = None
    if equation.clusters is not None:
        G = np.array([float(np.unique(equation.clusters).size)])
    moments = estimator == "gmm"
    fit = fit_instrumental(
        triangles,
        exact.walk,
        estimator="liml" if estimator == "liml" else "2sls",
        errors="HC0" if moments and errors == "classical" else errors,
        clusters=G,
    )
    found = Solved(
        float(fit.estimates.beta[0]),
        float(fit.se[0]),
        float(fit.df[0]),
        float(fit.carriers[0]),
        fit.tests,
        bool(fit.certified[0]),
        bool(fit.estimates.rss[0] <= _PERFECT**2 * _length_of(triangles)),
        np.empty(0),
        np.empty((0, 0)),
    )
    if np.isnan(found.beta):
        what = (
            "instruments and endogenous variable leave nothing of the response: liml has no ratio"
        )
        return Refusal(Status.not_identified, what)
    if not moments and not covariates:
        return found
    scale = float(scale_variance(triangles, errors, G)[0][0])
    basis, triangle = np.linalg.qr(exact.covariates)
    residuals = _residuals_of(exact, fit.estimates)
    if moments:
        return _fit_by_moments(exact, found, basis, triangle, residuals, scale)
    along = basis.T @ (equation.endogenous * root_of(equation))
    information = float(fit.estimates.information[0])
    turned = np.append(-along, 1.0)  # what the endogenous variable's estimate moves others by
    if errors == "classical":
        inverse = np.diag(np.append(np.ones(along.size), 0.0))
        inverse += np.outer(turned, turned) / information
        covariance = inverse * float(fit.estimates.rss[0]) / found.df
    else:
        fitted = exact.columns[:, :-2] @ triangles.a[0]
        influence = np.outer(fitted, turned) / information
        influence[:, :-1] += basis
        covariance = scale * sum_moments(influence, residuals, equation.clusters)
    coefficients = exact.on_covariates @ np.array([-found.beta, 1.0])
    return replace(
        found,
        coefficients=np.append(coefficients, found.beta),
        covariance=_turn_back(triangle, covariance),
    )


def _length_of(triangles: Triangles) -> float:
    """Return the sum of squares of what the covariates leave of the response."""
    return float(np.sum(triangles.b**2) + triangles.d[0] ** 2 + triangles.e[0] ** 2)


def _fit_by_moments(
    exact: Exact, found: Solved, basis: F64, triangle: F64, first: F64, scale: float
) -> Solved | Refusal:
    """Return two-step efficient GMM, from two-stage least squares."""
    equation, root = exact.equation, root_of(exact.equation)
    fit = estimate_by_moments(
        basis,
        exact.columns[:, :-2],
        endogenous=equation.endogenous * root,
        response=equation.response * root,
        first=first,
        clusters=equation.clusters,
    )
    if fit is None:
        what = "the moments of covariates and instruments have a singular covariance"
        return Refusal(Status.not_identified, f"{what} on the rows of the fit")
    covariance = scale * fit.covariance
    return replace(
        found,
        beta=float(fit.estimate[-1]),
        se=float(np.sqrt(covariance[-1, -1])),
        coefficients=np.append(np.linalg.solve(triangle, fit.estimate[:-1]), fit.estimate[-1]),
        covariance=_turn_back(triangle, covariance),
    )


def _residuals_of(exact: Exact, estimates: Estimates) -> F64:
    """Return the residuals of an estimate, rows times the roots of their weights."""
    parts = [*estimates.along[0], estimates.beyond[0, 0], exact.triangles.e[0]]
    return np.asarray(exact.columns @ np.array(parts))


def _turn_back(triangle: F64, covariance: F64) -> F64:
    """Return the covariance of the coefficients of covariates, of those of their basis."""
    k = triangle.shape[0]
    turn = np.eye(k + 1)
    turn[:k, :k] = np.linalg.inv(triangle)
    return np.asarray(turn @ covariance @ turn.T)


def list_coefficients(exact: Exact, solved: Solved, term: str) -> list[tuple[str, float, float]]:
    """Return name, estimate and standard error of every coefficient, as columns were measured.

    Parameters
    ----------
    term : name of the endogenous variable.
    """
    equation = exact.equation
    scales = np.append(equation.scales[exact.kept], equation.units[0])
    shifts = np.append(equation.covariate_shifts[exact.kept], equation.shifts[0])
    by = equation.units[1]
    turn = np.diag(1.0 / scales)
    turn[0, 1:] -= (shifts / scales)[1:]
    with np.errstate(over="ignore", invalid="ignore"):
        estimate = turn @ solved.coefficients * by
        estimate[0] += equation.shifts[1]
        se = np.sqrt(np.einsum("ij,jk,ik->i", turn, solved.covariance, turn)) * by
    names = [*(equation.names[i] for i in exact.kept), term]
    return list(zip(names, estimate.tolist(), se.tolist(), strict=True))
