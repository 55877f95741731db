"""Fits one by one: interactions, weights, robust and clustered standard errors, for any family.

A family brings ``solve``, the fit of one regression; what is the same for all stands here: the
rows and columns of each protein's models, their rank, and the bookkeeping. Slower than the mass
paths by two orders of magnitude for large samples, since every fit has its own factorisation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import (
    Block,
    Coefficient,
    Fit,
    FitBlock,
    JointTests,
    Problem,
    Refusal,
    count_cases,
    refuse_unfit,
)
from proteomr.models.family import FitOptions, Scans
from proteomr.models.targets import Role
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.linalg import find_independent
from proteomr.status import Status

__all__ = [
    "INTERACTION",
    "ONE_BY_ONE",
    "ONE_CLUSTER",
    "OneByOne",
    "Regression",
    "Solution",
    "Solve",
    "fit_one_by_one",
    "has_one_cluster",
    "is_beyond_mass_paths",
]

# The share of its length below which a column counts as made of those before it: R's lm has 1e-7
# for columns as they are, while these are scaled and refined, so that seven digits more are sound.
_ALIASED = 1e-9
# Spreads from zero: a thousand costs an information matrix six of its sixteen digits, which leaves
# what is asked of a fit.
_FAR = 1e3
# A column whose spread is within a few thousand roundings of its size is constant.
_FLAT = 1e-12
INTERACTION = "interaction"
ONE_CLUSTER = "one cluster on the rows of the fit"
ONE_BY_ONE = "one fit at a time, with its own factorisation"


@dataclass(frozen=True, slots=True)
class Regression:
    """One model of one protein on its n rows, of full rank.

    Attributes
    ----------
    X : ``(n, p)``, columns of about unit size, the intercept first.
    y : ``(n,)``.
    weights : ``(n,)``.
    clusters : ``(n,)`` or None.
    asked : positions of the columns of interest in X, the term itself first.
    """

    X: F64
    y: F64
    weights: F64
    clusters: I64 | None
    asked: I64


@dataclass(frozen=True, slots=True)
class Solution:
    """A fitted regression, in the order and units of the columns of X ``(p,)``; NaN for none.

    Attributes
    ----------
    df : degrees of freedom; infinite where the reference distribution is normal.
    low, high : limits where they are not Wald's.
    covariance : ``(p, p)``; None where no joint test can stand on it.
    """

    estimate: F64
    se: F64
    df: F64
    low: F64
    high: F64
    covariance: F64 | None = None
    status: Status = Status.ok
    message: str = ""

    def coefficient(self, column: int, *, scale: float) -> Fit | Refusal:
        """Return the fit of one coefficient, in the units of its column before scaling."""
        if np.isnan(self.estimate[column]):
            what = "the term has no finite estimate: separated by the covariates"
            return Refusal(Status.separated, what)
        return Fit(
            float(self.estimate[column] / scale),
            float(self.se[column] / scale),
            float(self.df[column]),
            low=float(self.low[column] / scale),
            high=float(self.high[column] / scale),
            status=self.status,
            message=self.message,
        )


Solve: TypeAlias = Callable[[Regression], Solution | Refusal]


@dataclass(frozen=True, slots=True)
class OneByOne:
    """The state of a problem whose models are fitted by themselves: nothing is shared."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class _Columns:
    """The independent columns of one model's design.

    Attributes
    ----------
    X : ``(n, p)``, scaled.
    scale : ``(all,)`` of the columns before the dependent ones were left out.
    independent : positions of the p columns among all.
    term : position of the term of interest among all; its products follow it.
    label : what the term of interest is.
    """

    X: F64
    scale: F64
    independent: I64
    term: int
    label: str

    def describe_dependence(self, term: int) -> Refusal:
        """Return why a term, or the product of it, has no coefficient."""
        if term == 0:
            what = f"{self.label} is a linear combination of the covariates"
        else:
            what = "the term is a linear combination of the others"
        return Refusal(Status.collinear, f"{what} on the rows of the fit")


def is_beyond_mass_paths(problem: Problem, options: FitOptions) -> bool:
    """Whether a problem asks for what the mass paths leave out."""
    return (
        problem.interaction is not None
        or problem.weights is not None
        or options.errors != "classical"
    )


def fit_one_by_one(
    problem: Problem, block: Block, *, solve: Solve, side_of_protein: Callable[[Role], Scans]
) -> FitBlock:
    """Fit every model to every protein of a block by itself.

    The terms of an interaction come from one fit.

    Parameters
    ----------
    solve : fits one regression.
    side_of_protein : whether the protein is the response or the predictor beside a target.
    """
    coefficients = problem.coefficients
    fits = FitBlock.empty(block.values.shape[0], len(coefficients))
    fits.n[:] = block.observed.sum(axis=1)[:, None]
    fits.n_case[:] = count_cases(problem, block)
    products = JointTests.empty(block.values.shape[0], len(problem.models))
    remaining = refuse_unfit(block, fits)[:, 0]
    columns: dict[int, list[tuple[int, Coefficient]]] = {}
    for t, coefficient in enumerate(coefficients):
        columns.setdefault(coefficient.model, []).append((t, coefficient))
    for j in np.flatnonzero(remaining).tolist():
        for m, members in columns.items():
            side = side_of_protein(problem.targets[problem.models[m].target].role)
            model = _fit_model(problem, block, j, m, side=side, solve=solve)
            for t, coefficient in members:
                fits.enter(j, t, model.coefficient(coefficient.term))
            products.enter(j, m, model.test_products(problem.terms - 1))
    if problem.interaction is None:
        return fits
    return replace(fits, joint={INTERACTION: products})


@dataclass(frozen=True, slots=True)
class _ModelFit:
    """One fitted model of one protein, or why it is refused whatever the term."""

    design: _Columns
    result: Solution | Refusal
    whatever_term: bool = False

    def coefficient(self, term: int) -> Fit | Refusal:
        """Return the fit of a term: 0 the main effect, i the product with column i."""
        position = self._position(term)
        if isinstance(self.result, Refusal) and (self.whatever_term or position is not None):
            return self.result
        if position is None or isinstance(self.result, Refusal):
            return self.design.describe_dependence(term)
        scale = float(self.design.scale[self.design.term + term])
        return self.result.coefficient(position, scale=scale)

    def test_products(self, products: int) -> tuple[float, float, float] | None:
        """Test all products that have an estimate: statistic, degrees of freedom, -log10 p.

        Wald's F on the residual degrees of freedom, or chi-squared where the reference is normal.
        """
        solution = self.result
        if isinstance(solution, Refusal) or solution.status is not Status.ok:
            return None
        positions = [self._position(term) for term in range(1, products + 1)]
        at = [p for p in positions if p is not None and np.isfinite(solution.estimate[p])]
        if not at:
            return None
        q, df = len(at), float(solution.df[at[0]])
        estimate = solution.estimate[at]
        if q == 1:
            wald = float((estimate[0] / solution.se[at[0]]) ** 2)
        elif solution.covariance is None:
            return None
        else:
            covariance = solution.covariance[np.ix_(at, at)]
            wald = float(estimate @ np.linalg.solve(covariance, estimate))
        statistic = wald / q if np.isfinite(df) else wald
        return statistic, float(q), float(neg_log10_p_f(wald / q, q, df))

    def _position(self, term: int) -> int | None:
        """Return where a term stands among the independent columns."""
        at = np.flatnonzero(self.design.independent == self.design.term + term)
        return int(at[0]) if at.size else None


def _fit_model(
    problem: Problem, block: Block, j: int, m: int, *, side: Scans, solve: Solve
) -> _ModelFit:
    """Fit one model to one protein."""
    rows = block.observed[j]
    target = problem.targets[problem.models[m].target]
    protein, values = block.values[j, rows], target.values[rows]
    x, y = (values, protein) if side == "response" else (protein, values)
    label = target.name if side == "response" else "the protein"
    design = _lay_out(problem, block, j, m, x, label=label)
    weights = problem.weights[rows] if problem.weights is not None else np.ones(y.size)
    clusters = problem.clusters[rows] if problem.clusters is not None else None
    refusal = None
    if np.all(values == values[0]):
        message = f"{target.name} has one value on the rows of the fit"
        refusal = Refusal(Status.constant, message)
    elif y.size <= design.independent.size:
        message = f"{y.size} people for {design.scale.size} coefficients"
        refusal = Refusal(Status.too_few, message)
    elif has_one_cluster(clusters):
        refusal = Refusal(Status.too_few, ONE_CLUSTER)
    if refusal is not None:
        return _ModelFit(design, refusal, whatever_term=True)
    asked = np.flatnonzero(design.independent >= design.term)
    if asked.size == 0:
        return _ModelFit(design, design.describe_dependence(0))
    return _ModelFit(design, solve(Regression(design.X, y, weights, clusters, asked)))


def _lay_out(problem: Problem, block: Block, j: int, m: int, x: F64, *, label: str) -> _Columns:
    """Put the columns of one model together: covariates, own ones, the term, its products."""
    rows = block.observed[j]
    C = problem.covariates[rows][:, problem.adjustments[problem.models[m].adjustment].columns]
    by = problem.interaction
    products = np.empty((x.size, 0)) if by is None else x[:, None] * by[rows]
    X, scale = _scale(np.column_stack([C, block.own[j][:, rows].T, x, products]))
    independent = find_independent(X, tolerance=_ALIASED)
    term = X.shape[1] - 1 - products.shape[1]
    return _Columns(X[:, independent], scale, independent, term, label)


def has_one_cluster(clusters: I64 | None) -> bool:
    """Whether rows that are clustered are all of one cluster."""
    return clusters is not None and np.unique(clusters).size == 1


def _scale(X: F64) -> tuple[F64, F64]:
    """Scale the columns to unit root mean square, by powers of two, which round nothing.

    A column far from zero for its spread is centred first: beside an intercept its coefficient is
    the same, and the information matrix keeps its digits.
    """
    centre = X.mean(axis=0)
    spread = X.std(axis=0)
    far = (np.abs(centre) > _FAR * spread) & (spread > _FLAT * np.abs(centre))
    far[0] = False
    X = X - np.where(far, centre, 0.0) if np.any(far) else X
    size = np.sqrt(np.mean(X**2, axis=0))
    scale = np.exp2(np.round(np.log2(np.where(size > 0, size, 1.0))))
    return X / scale, scale
