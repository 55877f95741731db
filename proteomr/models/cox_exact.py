"""One Cox regression at a time, with aliasing, infinite estimates and lost events resolved."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Block, Fit, FitBlock, JointTests, Problem, Refusal
from proteomr.models.carriers import remark_on_carriers
from proteomr.models.cells import describe_aliased
from proteomr.models.columns import ModelColumns, lay_out_model
from proteomr.models.cox_models import GLOBAL, CoxModel, clusters_of
from proteomr.models.cox_penalised import PenalisedCox, penalise
from proteomr.models.exact import INTERACTION, ONE_CLUSTER, has_one_cluster
from proteomr.models.family import FitOptions
from proteomr.models.logistic_mass import describe_apart
from proteomr.stats.cox import CoxFit, fit_cox
from proteomr.stats.cox_sandwich import robust_covariance
from proteomr.stats.cox_sums import HazardSums
from proteomr.stats.exact_ties import PartialSums, drop_settled, sum_partial
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units
from proteomr.stats.proportional_hazards import ZphTransform, score_changes, transform_times
from proteomr.status import Status

__all__ = ["CoxTables", "fit_cox_by_itself"]

_NOBODY = "nobody has the event on the rows of the fit"
_SETTLED = "all at risk have the event together: exact ties tell nothing of who does"
_ALONE = "is the same for all at risk at any event, or determined by the covariates there"


@dataclass(slots=True)
class CoxTables:
    """What the fits of a block give beside their estimates.

    Attributes
    ----------
    joint : tests by name.
    changes : rows of the tests of proportional hazards.
    """

    joint: dict[str, JointTests]
    changes: list[tuple[int, int, str, float, float, float]] = field(default_factory=list)

    def enter_changes(
        self, j: int, m: int, names: tuple[str, ...], statistic: F64, df: I64, minus_log: F64
    ) -> None:
        """Enter the tests of terms of one model of one protein, that of all the last."""
        rows = zip((*names, GLOBAL), statistic, df, minus_log, strict=True)
        self.changes += [(j, m, name, float(x), float(d), float(p)) for name, x, d, p in rows]


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A model that was fitted: its columns, by position among all, and the fit of these."""

    design: ModelColumns
    X: F64
    places: I64
    fit: CoxFit
    covariance: F64
    carriers: F64 | None
    sums: PartialSums
    penalised: PenalisedCox | None


def fit_cox_by_itself(
    problem: Problem,
    block: Block,
    j: int,
    model: CoxModel,
    options: FitOptions,
    *,
    fits: FitBlock,
    tables: CoxTables,
) -> None:
    """Fit one model to one protein, and enter what comes of it."""
    found = _fit(problem, block, j, model, options)
    for t, coefficient in enumerate(problem.coefficients):
        if coefficient.model == model.index:
            if isinstance(found, _Fitted):
                fits.enter(j, t, _tell(found, model, options, coefficient.term))
            else:
                fits.enter(j, t, found)
    if not isinstance(found, _Fitted) or not found.fit.converged:
        return
    if problem.terms > 1:
        products = range(found.design.term + 1, found.design.term + problem.terms)
        tables.joint[INTERACTION].enter(j, model.index, _test_jointly(found, products))
    if options.survival.zph is not None and isinstance(found.sums, HazardSums):
        rows = block.observed[j]
        _enter_changes(
            found, found.sums, model, options.survival.zph, model.outcome[rows], j, tables
        )


def _fit(
    problem: Problem, block: Block, j: int, model: CoxModel, options: FitOptions
) -> _Fitted | Refusal:
    """Fit one model to one protein; a refusal is one whatever the term."""
    rows = block.observed[j]
    design = lay_out_model(
        problem, block, j, model.index, block.values[j, rows][:, None], label="the protein"
    )
    risk = model.risk.take(rows)
    if not risk.size:
        return Refusal(Status.too_few, _NOBODY)
    if model.ties == "exact" and not drop_settled(risk).size:
        return Refusal(Status.too_few, _SETTLED)
    robust = options.errors == "robust"
    clusters = clusters_of(problem, rows) if robust else None
    if has_one_cluster(clusters):
        return Refusal(Status.too_few, ONE_CLUSTER)
    without = int(design.independent.size > 0 and design.independent[0] == 0)  # no intercept
    X, places = design.X[:, without:], design.independent[without:]
    weights = None if problem.weights is None else problem.weights[rows]
    fit = fit_cox(X, risk, weights=weights, ties=model.ties)
    counts = np.ones(X.shape[0]) if weights is None else weights
    sums = sum_partial(fit.risk, X[:, fit.basis] @ fit.limit, counts, ties=model.ties)
    covariance, carriers = fit.covariance, None
    if robust and fit.converged and model.ties != "exact":
        at = fit.basis
        whole, some = robust_covariance(
            fit.risk,
            X[:, at],
            fit.limit,
            fit.limit_covariance,
            weights=weights,
            ties=model.ties,
            clusters=clusters,
        )
        covariance, carriers = covariance.copy(), np.full(fit.aliased.size, np.nan)
        covariance[np.ix_(at, at)], carriers[at] = whole, some
        lost = np.setdiff1d(at, fit.used)
        covariance[lost] = covariance[:, lost] = np.nan
    penalised = None
    wanted = options.firth == "always" or (options.firth and _is_apart(design, places, fit))
    if wanted and model.ties != "exact":
        penalised = penalise(X[:, ~fit.aliased], risk, model.ties)
    return _Fitted(design, X, places, fit, covariance, carriers, sums, penalised)


def _is_apart(design: ModelColumns, places: I64, fit: CoxFit) -> bool:
    """Whether a coefficient of the protein, or of its products, is infinite."""
    return bool(np.any(fit.infinite & (places >= design.term)))


def _tell(found: _Fitted, model: CoxModel, options: FitOptions, term: int) -> Fit | Refusal:
    """Return what came of a term: 0 the protein, i its product with column i."""
    column = found.design.term + term
    at = np.flatnonzero(found.places == column)
    if not at.size:
        return found.design.describe_dependence(term)
    i, fit = int(at[0]), found.fit
    what = "the protein" if term == 0 else "the term"
    if fit.aliased[i]:
        return Refusal(Status.collinear, f"{what} {_ALONE}")
    apart = f"the estimate of {what} is infinite: monotone likelihood" if fit.infinite[i] else ""
    if found.penalised is not None and (apart or options.firth == "always"):
        column_of = int(np.count_nonzero(~fit.aliased[:i]))
        scale = float(found.design.scale[column])
        said = "; ".join(filter(None, (_describe_lost(found, model), apart)))
        return found.penalised.tell(column_of, scale, options, said if apart else "")
    if apart:
        return Refusal(Status.separated, apart)
    if not fit.converged:
        return Refusal(Status.not_converged, fit.doubt)
    numbers = np.array([fit.coefficients[i], np.sqrt(found.covariance[i, i])])
    estimate, se = change_units(numbers, per=float(found.design.scale[column])).tolist()
    return Fit(estimate, se, np.inf, message=_describe(found, model, options, i))


def _describe(found: _Fitted, model: CoxModel, options: FitOptions, i: int) -> str:
    """Say what is to be said of a fit."""
    few = ""
    if found.carriers is not None:
        few = remark_on_carriers(float(found.carriers[i]), options.errors, np.inf)
    apart = describe_apart(found.fit.apart)
    return "; ".join(filter(None, (_describe_lost(found, model), apart, model.said, few)))


def _describe_lost(found: _Fitted, model: CoxModel) -> str:
    """Say which covariates the others determine."""
    lost = [model.names[k] for k in found.places[found.fit.aliased].tolist()]
    return describe_aliased((*found.design.aliased, *lost))


def _test_jointly(found: _Fitted, columns: range) -> tuple[float, float, float] | None:
    """Test the coefficients of columns that have an estimate, jointly by Wald's statistic."""
    at = np.flatnonzero(np.isin(found.places, columns) & np.isfinite(found.fit.coefficients))
    if not at.size:
        return None
    covariance = found.covariance[np.ix_(at, at)]
    estimate, se = found.fit.coefficients[at], np.sqrt(np.diagonal(covariance))
    tests = test_jointly(estimate[None], se[None], covariance[None], np.array([np.inf]))
    statistic, df, minus_log = (float(part[0]) for part in tests)
    return None if np.isnan(statistic) else (statistic, df, minus_log)


def _enter_changes(
    found: _Fitted,
    sums: HazardSums,
    model: CoxModel,
    transform: ZphTransform,
    outcome: F64,
    j: int,
    tables: CoxTables,
) -> None:
    """Enter the tests of proportional hazards of the columns at the limit, where there is one."""
    at = found.fit.basis
    if not at.size:
        return
    terms = model.terms_among(found.places[at])
    gtime = transform_times(outcome, found.fit.risk, transform)
    tests = score_changes(sums, found.X[:, at], gtime, [columns for _, columns in terms])
    none = (np.nan, np.nan, np.nan)
    statistic, df, minus_log = np.array([test or none for test in tests]).T
    sizes = np.array([*(columns.size for _, columns in terms), at.size])
    df = np.where(np.isnan(df), sizes, df)
    tables.enter_changes(j, model.index, tuple(name for name, _ in terms), statistic, df, minus_log)
