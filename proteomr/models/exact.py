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
from proteomr.models.carriers import remark_on_carriers
from proteomr.models.cells import describe_aliased
from proteomr.models.columns import ModelColumns, absorb_rows, lay_out_model, take_out_of_response
from proteomr.models.family import FitOptions, Scans
from proteomr.models.responses import respond
from proteomr.models.targets import LINEAR, CodedRows, Role
from proteomr.models.weighting import tell_copies
from proteomr.stats.absorbing import AbsorbedEffects
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import (
    change_units,
)
from proteomr.stats.sandwich import ErrorKind
from proteomr.status import Status

__all__ = [
    "CONTRASTS",
    "INTERACTION",
    "ONE_BY_ONE",
    "ONE_CLUSTER",
    "OneByOne",
    "Regression",
    "Solution",
    "Solve",
    "fit_by_itself",
    "fit_one_by_one",
    "gather_joint_tests",
    "has_one_cluster",
    "is_beyond_mass_paths",
]

_SATURATED = "a person of leverage 1 has a part in the estimate: no HC2 or HC3 standard error"
INTERACTION = "interaction"
CONTRASTS = "contrasts"
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
    absorbed : effects that are out of X and y already; None without any.
    blocks : ``(n,)``, within which rows have this correlation; None without any.
    copies : ``(n,)``, how many people each row stands for; None for one.
    asked : positions of the columns of interest in X, the term itself first.
    """

    X: F64
    y: F64
    weights: F64
    clusters: I64 | None
    asked: I64
    copies: F64 | None = None
    absorbed: AbsorbedEffects | None = None
    blocks: I64 | None = None
    correlation: float = 0.0

    @property
    def people(self) -> float:
        """How many people the rows stand for."""
        return float(self.y.size) if self.copies is None else float(self.copies.sum())

    @property
    def taken(self) -> int:
        """Degrees of freedom that absorbed effects have taken."""
        return 0 if self.absorbed is None else self.absorbed.rank


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
    sigma : residual standard deviation, in units of the response over ``unit``.
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
    sigma: float = float("nan")
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
            ""
            if self.carriers is None
            else remark_on_carriers(self.carriers[column], self.errors, float(self.df[column]))
        )
        message = "; ".join(filter(None, (self.message, few)))
        df = float(self.df[column])
        p = float("nan") if self.neg_log10_p is None else float(self.neg_log10_p[column])
        return Fit(
            estimate,
            se,
            df,
            low=low,
            high=high,
            status=self.status,
            message=message,
            sigma=self.sigma * self.unit,
            neg_log10_p=p,
        )

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
    fits: FitBlock | None = None,
) -> FitBlock:
    """Fit every model to every protein of a block by itself.

    The terms of an interaction come from one fit.

    Parameters
    ----------
    solve : fits one regression.
    side_of_protein : whether the protein is the response or the predictor beside a target.
    fits : to be filled; None for new ones.
    """
    if fits is None:
        fits = FitBlock.empty(block.values.shape[0], len(problem.coefficients))
    fits.n[:] = block.counts[:, None]
    fits.n_case[:] = count_cases(problem, block)
    products = JointTests.empty(block.values.shape[0], len(problem.models))
    levels = JointTests.empty(block.values.shape[0], len(problem.models))
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
                levels=levels,
            )
    fits = tell_copies(problem, block, fits)
    return replace(fits, joint=gather_joint_tests(problem, products, levels))


def gather_joint_tests(
    problem: Problem, products: JointTests, levels: JointTests
) -> dict[str, JointTests]:
    """Return the joint tests that a problem has: of products, and of the contrasts of levels.

    The trend over levels is of the same exposure as their contrasts: the products are tested with
    these.
    """
    widths = [problem.targets[model.target].width for model in problem.models]
    tested = [problem.targets[model.target].tested for model in problem.models]
    joint = {}
    if problem.interaction is not None:
        trends = [problem.targets[m.target].contrasts == (LINEAR,) for m in problem.models]
        joint[INTERACTION] = products.only(
            [not trend and one for trend, one in zip(trends, tested, strict=True)]
        )
    if any(width > 1 for width in widths):
        joint[CONTRASTS] = levels.only(
            [width > 1 and one for width, one in zip(widths, tested, strict=True)]
        )
    return joint


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
    levels: JointTests | None = None,
) -> None:
    """Fit one model to one protein by itself, and enter its terms and the tests of its products
    and of the contrasts of levels.
    """
    target = problem.targets[problem.models[m].target]
    side = side_of_protein(target.role)
    model = _fit_model(problem, block, j, m, side=side, solve=solve)
    for t, coefficient in enumerate(problem.coefficients):
        if coefficient.model == m:
            fits.enter(j, t, model.coefficient(coefficient.contrast, coefficient.term))
    joint.enter(j, m, model.test(range(1, problem.terms)))
    if levels is not None and target.width > 1:
        levels.enter(j, m, model.test(range(1)))


@dataclass(frozen=True, slots=True)
class _ModelFit:
    """One fitted model of one protein, or why it is refused whatever the term.

    Attributes
    ----------
    coded : the columns of the term.
    terms : coefficients of each of them, its own and those of its products.
    """

    design: ModelColumns
    coded: CodedRows
    terms: int
    result: Solution | Refusal
    whatever_term: bool = False

    def coefficient(self, contrast: int, term: int) -> Fit | Refusal:
        """Return the fit of a contrast's term: 0 the main effect, i the product with column i."""
        if self.whatever_term and isinstance(self.result, Refusal):
            return self.result
        if contrast in self.coded.lacking:
            what = f"nobody has {self.coded.lacking[contrast]} on the rows of the fit"
            return Refusal(Status.too_few, what)
        column = self.coded.places[contrast] * self.terms + term
        position = self._position(column)
        if isinstance(self.result, Refusal) and position is not None:
            return self.result
        if position is None or isinstance(self.result, Refusal):
            return self.design.describe_dependence(term)
        if self.design.term + column in self.design.entangled:
            return self.design.describe_dependence(1)
        scale = float(self.design.scale[self.design.term + column])
        fit = self.result.coefficient(position, scale=scale)
        said = describe_aliased(self.design.aliased)
        return replace(fit, message="; ".join(filter(None, (said, fit.message)))) if said else fit

    def test(self, terms: range) -> tuple[float, float, float] | None:
        """Test some terms of all contrasts, as far as they have an estimate: statistic, degrees of
        freedom, -log10 p.
        """
        solution = self.result
        if isinstance(solution, Refusal) or solution.status is not Status.ok:
            return None
        width = self.coded.columns.shape[1] if self.coded.asked is None else self.coded.asked
        columns = [i * self.terms + term for i in range(width) for term in terms]
        positions = [self._position(column) for column in columns]
        at = [p for p in positions if p is not None and np.isfinite(solution.estimate[p])]
        return solution.test_jointly(at)

    def _position(self, column: int) -> int | None:
        """Return where a column of the term stands among the independent ones."""
        at = np.flatnonzero(self.design.independent == self.design.term + column)
        return int(at[0]) if at.size else None


def _fit_model(
    problem: Problem, block: Block, j: int, m: int, *, side: Scans, solve: Solve
) -> _ModelFit:
    """Fit one model to one protein."""
    rows = block.observed[j]
    target = problem.targets[problem.models[m].target]
    protein, coded = block.values[j, rows], target.code_rows(rows)
    varies, terms = coded.varies, problem.terms
    responded: F64 | Refusal = protein
    label = target.name
    if side == "predictor":
        responded, label = respond(target, rows), "the protein"
        coded = CodedRows(protein[:, None], (0,), {})
    y = protein if isinstance(responded, Refusal) else responded
    design = lay_out_model(problem, block, j, m, coded.columns, label=label)
    weights = problem.weights[rows] if problem.weights is not None else np.ones(y.size)
    clusters = problem.clusters[rows] if problem.clusters is not None else None
    copies = weights if problem.weight_kind == "frequency" else None
    absorbed = absorb_rows(problem, rows)
    taken = 0 if absorbed is None else absorbed.rank
    refusal = None
    if not varies:
        message = f"{target.name} has one value on the rows of the fit"
        refusal = Refusal(Status.constant, message)
    elif y.size <= design.independent.size + taken:
        message = f"{y.size} people for {design.scale.size + taken} coefficients"
        refusal = Refusal(Status.too_few, message)
    elif has_one_cluster(clusters):
        refusal = Refusal(Status.too_few, ONE_CLUSTER)
    elif isinstance(responded, Refusal):
        refusal = responded
    if refusal is not None:
        return _ModelFit(design, coded, terms, refusal, whatever_term=True)
    asked = np.flatnonzero(design.independent >= design.term)
    if asked.size == 0:
        return _ModelFit(design, coded, terms, design.describe_dependence(0))
    left = take_out_of_response(
        problem, absorbed, y, target.name if side == "predictor" else "the protein"
    )
    if isinstance(left, Refusal):
        return _ModelFit(design, coded, terms, left, whatever_term=True)
    blocks = None if problem.blocks is None else problem.blocks[rows]
    correlation = 0.0 if problem.correlations is None else float(problem.correlations[m])
    regression = Regression(
        design.X, left, weights, clusters, asked, copies, absorbed, blocks, correlation
    )
    return _ModelFit(design, coded, terms, solve(regression))


def has_one_cluster(clusters: I64 | None) -> bool:
    """Whether rows that are clustered are all of one cluster."""
    return clusters is not None and np.unique(clusters).size == 1
