"""One regression of competing risks at a time, with aliasing and infinite estimates resolved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Block, Fit, FitBlock, JointTests, Problem, Refusal
from proteomr.models.carriers import remark_on_carriers
from proteomr.models.cells import describe_aliased
from proteomr.models.columns import ModelColumns, lay_out_model
from proteomr.models.event_times import EVENT
from proteomr.models.exact import ONE_CLUSTER, has_one_cluster
from proteomr.models.family import FitOptions
from proteomr.models.fine_gray_models import CompetingModel, choose_errors
from proteomr.models.logistic_mass import describe_apart
from proteomr.models.whole import name_columns
from proteomr.stats.fine_gray_limits import FineGrayLimit, fit_fine_gray_limit
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units
from proteomr.status import Status

__all__ = ["NOBODY", "UNDEFINED", "fit_competing_by_itself"]

NOBODY = "nobody has the event on the rows of the fit"
UNDEFINED = (
    "all who were under observation when somebody entered had entered then, after others had had a "
    "competing event: their weight has no value; begin later, or without --entry"
)
_ALONE = "is the same for all at risk at any event, or determined by the covariates there"


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A model that was fitted: its columns, by position among all, and the fit of these."""

    design: ModelColumns
    places: I64
    fit: FineGrayLimit
    covariance: F64
    carriers: F64
    said: str


def fit_competing_by_itself(
    problem: Problem,
    block: Block,
    j: int,
    model: CompetingModel,
    options: FitOptions,
    *,
    fits: FitBlock,
    joint: JointTests,
) -> None:
    """Fit one model to one protein, and enter its terms and the test of its products."""
    found = _fit(problem, block, j, model, options)
    for t, coefficient in enumerate(problem.coefficients):
        if coefficient.model == model.index:
            told = _tell(found, coefficient.term) if isinstance(found, _Fitted) else found
            fits.enter(j, t, told)
    if isinstance(found, _Fitted) and not found.fit.doubt and problem.terms > 1:
        joint.enter(j, model.index, _test_products(found, problem.terms))


def _fit(
    problem: Problem, block: Block, j: int, model: CompetingModel, options: FitOptions
) -> _Fitted | Refusal:
    """Fit one model to one protein; a refusal is one whatever the term."""
    rows = block.observed[j]
    protein = block.values[j, rows][:, None]
    design = lay_out_model(problem, block, j, model.index, protein, label="the protein")
    clusters = None if problem.clusters is None else problem.clusters[rows]
    if not np.any(model.event[rows] == EVENT):
        return Refusal(Status.too_few, NOBODY)
    if has_one_cluster(clusters):
        return Refusal(Status.too_few, ONE_CLUSTER)
    risks = model.on(rows)
    if not risks.defined:
        return Refusal(Status.not_identified, UNDEFINED)
    without = int(design.independent.size > 0 and design.independent[0] == 0)  # no intercept
    places = design.independent[without:]
    weights = None if problem.weights is None else problem.weights[rows]
    fit = fit_fine_gray_limit(design.X[:, without:], risks, weights=weights, ties=model.ties)
    kind = choose_errors(options, clustered=clusters is not None)
    names = name_columns(problem, model.index, side="predictor")
    lost = tuple(names[place] for place in places[fit.aliased].tolist())
    parts = (
        describe_aliased((*design.aliased, *lost)),
        describe_apart(fit.apart),
        model.describe(rows),
    )
    errors = fit.estimate_errors(kind, clusters)
    return _Fitted(design, places, fit, *errors, "; ".join(filter(None, parts)))


def _tell(found: _Fitted, term: int) -> Fit | Refusal:
    """Return what came of a term: 0 the protein, i its product with column i."""
    column = found.design.term + term
    at = np.flatnonzero(found.places == column)
    if not at.size:
        return found.design.describe_dependence(term)
    i, fit = int(at[0]), found.fit
    what = "the protein" if term == 0 else "the term"
    if fit.aliased[i]:
        return Refusal(Status.collinear, f"{what} {_ALONE}")
    if fit.infinite[i]:
        return Refusal(Status.separated, f"the estimate of {what} is infinite: monotone likelihood")
    if fit.doubt:
        return Refusal(Status.not_converged, fit.doubt)
    numbers = np.array([fit.coefficients[i], np.sqrt(found.covariance[i, i])])
    estimate, se = change_units(numbers, per=float(found.design.scale[column])).tolist()
    few = remark_on_carriers(float(found.carriers[i]), "robust", np.inf)
    return Fit(estimate, se, np.inf, message="; ".join(filter(None, (found.said, few))))


def _test_products(found: _Fitted, terms: int) -> tuple[float, float, float] | None:
    """Test the products that have an estimate, jointly by Wald's statistic."""
    columns = range(found.design.term + 1, found.design.term + terms)
    at = np.flatnonzero(np.isin(found.places, columns) & np.isfinite(found.fit.coefficients))
    if not at.size:
        return None
    covariance = found.covariance[np.ix_(at, at)]
    estimate, se = found.fit.coefficients[at], np.sqrt(np.diagonal(covariance))
    tests = test_jointly(estimate[None], se[None], covariance[None], np.array([np.inf]))
    statistic, df, minus_log = (float(part[0]) for part in tests)
    return None if np.isnan(statistic) else (statistic, df, minus_log)
