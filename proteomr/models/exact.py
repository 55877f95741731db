"""Fits one by one, for any family: interactions, weights, robust and clustered standard errors,
where a family's mass path leaves them out or its numbers would not be sound.

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
    Fit,
    FitBlock,
    JointTests,
    Problem,
    Refusal,
    count_cases,
    refuse_unfit,
)
from proteomr.models.cells import describe_aliased
from proteomr.models.family import FitOptions, Scans
from proteomr.models.responses import respond
from proteomr.models.targets import Role
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import (
    change_units,
    condition_columns,
    find_independent,
    scale_columns,
)
from proteomr.stats.sandwich import CLUSTERED, ErrorKind
from proteomr.status import Status

__all__ = [
    "INTERACTION",
    "ONE_BY_ONE",
    "ONE_CLUSTER",
    "OneByOne",
    "Regression",
    "Solution",
    "Solve",
    "fit_by_itself",
    "fit_one_by_one",
    "has_one_cluster",
    "is_beyond_mass_paths",
    "remark_on_carriers",
]

# The share of its length below which a column counts as made of those before it: R's lm has 1e-7
# for columns as they are, while these are scaled and refined, so that seven digits more are sound.
_ALIASED = 1e-9
# With fewer than five people, or clusters, behind an estimate its robust error has hardly a degree
# of freedom. CR2 corrects the error and its degrees of freedom for that, but not for a single one.
_CARRIERS, _CARRIERS_CR2 = 4.5, 1.5
_SATURATED = "a person of leverage 1 has a part in the estimate: no HC2 or HC3 standard error"
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
    unit : what the response was divided by.
    errors : kind of the standard errors.
    carriers : the effective number of people or clusters behind each robust error (those of
        :class:`proteomr.stats.sandwich.Sandwich`); None for other errors.
    neg_log10_p : where the tests are not those of estimate over se.
    jointly : tests of several coefficients where they are not Wald's.
    """

    estimate: F64
    se: F64
    df: F64
    low: F64
    high: F64
    covariance: F64 | None = None
    unit: float = 1.0
    errors: ErrorKind = "classical"
    carriers: F64 | None = None
    status: Status = Status.ok
    message: str = ""
    neg_log10_p: F64 | None = None
    jointly: Callable[[list[int]], tuple[float, float, float] | None] | None = None

    def coefficient(self, column: int, *, scale: float) -> Fit | Refusal:
        """Return the fit of one coefficient, in the units of the response and of its column."""
        if np.isnan(self.estimate[column]):
            what = "the term has no finite estimate: separated by the covariates"
            return Refusal(Status.separated, what)
        if np.isnan(self.se[column]) and self.errors in {"HC2", "HC3"}:
            return Refusal(Status.too_few, _SATURATED)
        numbers = np.array([part[column] for part in (self.estimate, self.se, self.low, self.high)])
        estimate, se, low, high = change_units(numbers, by=self.unit, per=scale).tolist()
        few = (
            "" if self.carriers is None else remark_on_carriers(self.carriers[column], self.errors)
        )
        message = "; ".join(filter(None, (self.message, few)))
        df = float(self.df[column])
        p = float("nan") if self.neg_log10_p is None else float(self.neg_log10_p[column])
        return Fit(estimate, se, df, low, high, self.status, message, p)

    def test_jointly(self, at: list[int]) -> tuple[float, float, float] | None:
        """Return statistic, degrees of freedom and -log10 p of a test that coefficients are 0.

        None where the errors give no test.
        """
        if not at:
            return None
        if self.jointly is not None:
            return self.jointly(at)
        covariance = None if self.covariance is None else self.covariance[np.ix_(at, at)][None]
        found = test_jointly(
            self.estimate[None, at], self.se[None, at], covariance, self.df[at[:1]]
        )
        statistic, df, p = (float(part[0]) for part in found)
        return None if np.isnan(statistic) else (statistic, df, p)


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
    X : ``(n, p)``, conditioned.
    scale : ``(all,)``, what the columns before the dependent ones were left out were divided by.
    independent : positions of the p columns among all.
    term : position of the term of interest among all; its products follow it.
    label : what the term of interest is.
    aliased : names of the covariates that those before them determine; a level that nobody has is
        none.
    """

    X: F64
    scale: F64
    independent: I64
    term: int
    label: str
    aliased: tuple[str, ...]

    def describe_dependence(self, term: int) -> Refusal:
        """Return why a term, or the product of it, has no coefficient."""
        if term == 0:
            what = f"{self.label} is a linear combination of the covariates"
        else:
            what = "the term is a linear combination of the others"
        return Refusal(Status.collinear, f"{what} on the rows of the fit")


def remark_on_carriers(carriers: float, kind: ErrorKind) -> str:
    """Say how few people or clusters carry an estimate, where a robust error needs more.

    Examples
    --------
    >>> remark_on_carriers(2.0, "HC3")
    'rests on about 2.0 people: too few for its robust standard error'
    """
    if not carriers < (_CARRIERS_CR2 if kind == "CR2" else _CARRIERS):
        return ""
    what = "clusters" if kind in CLUSTERED else "people"
    return f"rests on about {carriers:.1f} {what}: too few for its robust standard error"


def is_beyond_mass_paths(problem: Problem, options: FitOptions) -> bool:
    """Whether a problem asks for what the mass paths leave out."""
    return (
        problem.interaction is not None
        or problem.weights is not None
        or options.errors != "classical"
    )


def fit_one_by_one(
    problem: Problem,
    block: Block,
    *,
    solve: Solve,
    side_of_protein: Callable[[Role], Scans],
) -> FitBlock:
    """Fit every model to every protein of a block by itself.

    The terms of an interaction come from one fit.

    Parameters
    ----------
    solve : fits one regression.
    side_of_protein : whether the protein is the response or the predictor beside a target.
    """
    fits = FitBlock.empty(block.values.shape[0], len(problem.coefficients))
    fits.n[:] = block.counts[:, None]
    fits.n_case[:] = count_cases(problem, block)
    products = JointTests.empty(block.values.shape[0], len(problem.models))
    remaining = refuse_unfit(block, fits)[:, 0]
    for j in np.flatnonzero(remaining).tolist():
        for m in range(len(problem.models)):
            fit_by_itself(
                problem,
                block,
                j,
                m,
                solve=solve,
                side_of_protein=side_of_protein,
                fits=fits,
                joint=products,
            )
    if problem.interaction is None:
        return fits
    return replace(fits, joint={INTERACTION: products})


def fit_by_itself(
    problem: Problem,
    block: Block,
    j: int,
    m: int,
    *,
    solve: Solve,
    side_of_protein: Callable[[Role], Scans],
    fits: FitBlock,
    joint: JointTests,
) -> None:
    """Fit one model to one protein by itself, and enter its terms and the test of its products."""
    side = side_of_protein(problem.targets[problem.models[m].target].role)
    model = _fit_model(problem, block, j, m, side=side, solve=solve)
    for t, coefficient in enumerate(problem.coefficients):
        if coefficient.model == m:
            fits.enter(j, t, model.coefficient(coefficient.term))
    joint.enter(j, m, model.test_products(problem.terms - 1))


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
        fit = self.result.coefficient(position, scale=scale)
        said = describe_aliased(self.design.aliased)
        return replace(fit, message="; ".join(filter(None, (said, fit.message)))) if said else fit

    def test_products(self, products: int) -> tuple[float, float, float] | None:
        """Test all products that have an estimate: statistic, degrees of freedom, -log10 p."""
        solution = self.result
        if isinstance(solution, Refusal) or solution.status is not Status.ok:
            return None
        positions = [self._position(term) for term in range(1, products + 1)]
        at = [p for p in positions if p is not None and np.isfinite(solution.estimate[p])]
        return solution.test_jointly(at)

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
    responded = values if side == "response" else respond(target, rows)
    y = values if isinstance(responded, Refusal) else responded
    x, y = (values, protein) if side == "response" else (protein, y)
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
    elif isinstance(responded, Refusal):
        refusal = responded
    if refusal is not None:
        return _ModelFit(design, refusal, whatever_term=True)
    asked = np.flatnonzero(design.independent >= design.term)
    if asked.size == 0:
        return _ModelFit(design, design.describe_dependence(0))
    return _ModelFit(design, solve(Regression(design.X, y, weights, clusters, asked)))


def _lay_out(problem: Problem, block: Block, j: int, m: int, x: F64, *, label: str) -> _Columns:
    """Put the columns of one model together: covariates, own ones, the term, its products."""
    rows = block.observed[j]
    adjustment = problem.models[m].adjustment
    C = problem.covariates[rows][:, problem.adjustments[adjustment].columns]
    term = C.shape[1] + block.own.shape[1]
    # A shift of the term changes only effects that are in every set. One of what it is multiplied
    # with would change its main effect, which is the one where that is 0.
    x, x_scale = condition_columns(x[:, None])
    by, by_scale = scale_columns(
        np.empty((x.size, 0)) if problem.interaction is None else problem.interaction[rows]
    )
    X, scale = condition_columns(np.column_stack([C, block.own[j][:, rows].T, x, x * by]))
    with np.errstate(over="ignore", under="ignore"):
        scale[term:] *= x_scale * np.concatenate([[1.0], by_scale])
    independent = find_independent(X, tolerance=_ALIASED)
    names = (*problem.names_of(adjustment), *problem.own_names)
    empty = ~np.any(C, axis=0)
    apart = set(range(term)).difference(independent.tolist(), np.flatnonzero(empty).tolist())
    aliased = tuple(names[column] for column in sorted(apart))
    return _Columns(X[:, independent], scale, independent, term, label, aliased)


def has_one_cluster(clusters: I64 | None) -> bool:
    """Whether rows that are clustered are all of one cluster."""
    return clusters is not None and np.unique(clusters).size == 1
