"""One model of times at a time: aliased columns, infinite estimates, tables of coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.models.base import Block, Fit, FitBlock, JointTests, Problem, Refusal
from proteomr.models.carriers import remark_on_carriers
from proteomr.models.cells import describe_aliased
from proteomr.models.columns import ModelColumns, lay_out_model
from proteomr.models.exact import ONE_CLUSTER, has_one_cluster
from proteomr.models.extras import Found
from proteomr.models.family import FitOptions
from proteomr.models.logistic_mass import describe_apart
from proteomr.models.timed_rows import TimedRows, TimedSolution, TimedSolver, cluster_rows
from proteomr.models.whole import WholeFit, lay_out_whole, turn_back
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units
from proteomr.status import Status

__all__ = ["NOBODY", "TimedTables", "describe_timed", "fit_timed", "list_all", "test_products"]

NOBODY = "nobody has the event on the rows of the fit"
_ALONE = "is the same for all at risk together, or determined by the covariates there"


@dataclass(slots=True)
class TimedTables:
    """What the fits of a block give beside their estimates: tests of products, coefficients."""

    products: JointTests
    found: Found = field(default_factory=lambda: Found({}))


def fit_timed(
    problem: Problem,
    block: Block,
    j: int,
    m: int,
    *,
    solver: TimedSolver,
    options: FitOptions,
    fits: FitBlock,
    tables: TimedTables,
) -> None:
    """Fit one model to one protein, and enter its terms and the test of its products."""
    rows = block.observed[j]
    x = block.values[j, rows][:, None]
    design = lay_out_model(problem, block, j, m, x, label="the protein")
    without = int(design.independent.size > 0 and design.independent[0] == 0)
    found = _solve(problem, block, j, m, design.X[:, without:], solver, options)
    places = design.independent[without:]
    for t, coefficient in enumerate(problem.coefficients):
        if coefficient.model == m:
            told: Fit | Refusal
            if isinstance(found, Refusal):
                told = found
            else:
                told = _tell(found, design, places.tolist(), coefficient.term, options)
            fits.enter(j, t, told)
    if problem.terms > 1 and isinstance(found, TimedSolution) and found.doubt is None:
        a = len(found.parameters)
        products = np.flatnonzero(places > design.term)
        known = products[np.isfinite(found.coefficients[a + products])]
        at = a + known
        test = test_products(found.coefficients[at], found.covariance[np.ix_(at, at)])
        tables.products.enter(j, m, test)


def _solve(
    problem: Problem,
    block: Block,
    j: int,
    m: int,
    Z: F64,
    solver: TimedSolver,
    options: FitOptions,
) -> TimedSolution | Refusal:
    """Fit columns on the rows of a protein; a refusal is one whatever the term."""
    rows = block.observed[j]
    outcome = problem.targets[problem.models[m].target].values[rows]
    robust = options.errors == "robust"
    clusters = cluster_rows(problem, rows) if robust else None
    if not outcome[:, 2].any():
        return Refusal(Status.too_few, NOBODY)
    if Z.shape[0] <= Z.shape[1] + 1:
        message = f"{Z.shape[0]} people for {Z.shape[1] + 1} coefficients"
        return Refusal(Status.too_few, message)
    if has_one_cluster(clusters):
        return Refusal(Status.too_few, ONE_CLUSTER)
    weights = None if problem.weights is None else problem.weights[rows]
    baseline = None if problem.baseline is None else problem.baseline[rows]
    return solver.solve(TimedRows(Z, outcome, weights, clusters, baseline), robust=robust)


def _tell(
    found: TimedSolution,
    design: ModelColumns,
    places: Sequence[int],
    term: int,
    options: FitOptions,
) -> Fit | Refusal:
    """Return what came of a term: 0 the protein, i its product with column i."""
    column = design.term + term
    if column not in places:
        return design.describe_dependence(term)
    i, a = places.index(column), len(found.parameters)
    what = "the protein" if term == 0 else "the term"
    if found.infinite[i]:
        return Refusal(Status.separated, f"the estimate of {what} is infinite: monotone likelihood")
    if np.isnan(found.coefficients[a + i]):
        return Refusal(Status.collinear, f"{what} {_ALONE}")
    if found.doubt is not None:
        return Refusal(Status.not_converged, found.doubt)
    with np.errstate(invalid="ignore"):
        numbers = np.array([found.coefficients[a + i], np.sqrt(found.covariance[a + i, a + i])])
    estimate, se = change_units(numbers, per=float(design.scale[column])).tolist()
    carriers = None if found.carriers is None else float(found.carriers[i])
    return Fit(
        estimate,
        se,
        np.inf,
        message=describe_timed(design.aliased, found.apart, carriers, options),
    )


def describe_timed(
    aliased: tuple[str, ...], apart: int, carriers: float | None, options: FitOptions
) -> str:
    """Say what is to be said of a fit."""
    few = "" if carriers is None else remark_on_carriers(carriers, options.errors, np.inf)
    return "; ".join(filter(None, (describe_aliased(aliased), describe_apart(apart), few)))


def test_products(estimate: F64, covariance: F64) -> tuple[float, float, float] | None:
    """Test coefficients ``(t,)`` jointly by Wald's statistic; None without any."""
    if not estimate.size:
        return None
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.diagonal(covariance))
    tests = test_jointly(estimate[None], se[None], covariance[None], np.array([np.inf]))
    statistic, df, minus_log = (float(part[0]) for part in tests)
    return None if np.isnan(statistic) else (statistic, df, minus_log)


def list_all(
    problem: Problem,
    block: Block,
    j: int,
    m: int,
    *,
    solver: TimedSolver,
    options: FitOptions,
    tables: TimedTables,
) -> None:
    """Enter every coefficient of one model of one protein, in the units of the data."""
    model = lay_out_whole(problem, block, j, m, side="predictor")
    without = int(model.independent.size > 0 and model.independent[0] == 0)
    found = _solve(problem, block, j, m, model.X[:, without:], solver, options)
    if isinstance(found, Refusal) or found.doubt is not None:
        return
    a, q = len(found.parameters), len(model.names)
    at = model.independent[without:]
    shift, scale = model.units[:, at]
    # Parameters, then the columns but the intercept.
    back = np.full((a + q - 1, a + at.size), np.nan)
    back[:a] = 0.0
    back[:a, :a] = np.eye(a)
    back[a - 1 + at] = 0.0
    back[a - 1 + at, a:] = turn_back(shift, scale, intercept=False)
    known = np.isfinite(found.coefficients)
    with np.errstate(all="ignore"):
        back[: found.intercepts, a:] = np.where(known[a:], -shift / scale, 0.0)
    fit = _spread(back, found, known)
    names = (*found.parameters, *model.names[1:])
    order = [i for i, name in enumerate(names) if i >= a or name not in found.last]
    order += [i for i, name in enumerate(names[:a]) if name in found.last]
    told = tuple(names[i] for i in order)
    tables.found.coefficients.append((j, m, told, _reorder(fit, order), None))


def _spread(back: F64, found: TimedSolution, known: Bool) -> WholeFit:
    """Return a fit in the units of the data, NaN for what has no estimate."""
    lost = np.isnan(back).all(axis=1)
    lost |= (np.where(np.isnan(back), 0.0, back) != 0.0)[:, ~known].any(axis=1)
    turned = back[:, known]
    turned[lost] = np.nan
    return WholeFit.of(
        turned,
        found.coefficients[known],
        found.covariance[np.ix_(known, known)],
        by=1.0,
        shift=0.0,
        df=np.full(back.shape[0], np.inf),
    )


def _reorder(fit: WholeFit, order: list[int]) -> WholeFit:
    at = np.array(order, dtype=np.int64)
    return WholeFit(fit.estimate[at], fit.se[at], fit.correlation[np.ix_(at, at)], fit.df[at])
