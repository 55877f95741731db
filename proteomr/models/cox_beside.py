"""What stands beside the estimates of Cox models: concordances, and hazard ratios by period."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, Problem
from proteomr.models.cox_models import clusters_of
from proteomr.models.details import Details
from proteomr.models.event_times import EVENT
from proteomr.models.family import FitOptions
from proteomr.models.fits import FitBlock
from proteomr.models.whole import WholeModel, lay_out_whole
from proteomr.models.whole_cox import WholeCox
from proteomr.stats.concordance import Concordance, measure_concordance, weigh_by_censoring
from proteomr.stats.cox import fit_cox
from proteomr.stats.cox_sandwich import robust_covariance
from proteomr.stats.distributions import (
    neg_log10_p_chi2,
    neg_log10_p_normal,
    p_from_neg_log10,
    quantile_normal,
)
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units
from proteomr.stats.risk_sets import lay_out_risk_sets
from proteomr.status import Status

__all__ = ["CONCORDANCE", "PERIODS", "CoxConcordance", "CoxPeriods"]

CONCORDANCE, PERIODS = "concordance", "periods"
_NOBODY = "nobody has the event in the period"


@dataclass(frozen=True, slots=True)
class CoxConcordance:
    """Adds the concordance of every model that has an estimate.

    Parameters
    ----------
    problem : with times that are tied.
    solver : of whole models.
    options : with the time up to which Uno's concordance counts.
    """

    problem: Problem
    solver: WholeCox
    options: FitOptions

    def add(self, block: Block, fits: FitBlock) -> FitBlock:
        """Return the fits with a table of concordances."""
        rows: list[tuple[int, int, dict[str, object]]] = []
        for j, m in np.argwhere(_find_fitted(self.problem, fits)).tolist():
            model = lay_out_whole(self.problem, block, j, m, side="predictor")
            score = self.solver.rank_hazards(model.X, model)
            if score is not None:
                rows += [(j, m, row) for row in self._measure(model, score)]
        return replace(fits, details={**fits.details, CONCORDANCE: _table(rows, _CONCORDANCE)})

    def _measure(self, model: WholeModel, score: F64) -> list[dict[str, object]]:
        baseline, tau = self.problem.baseline, self.options.survival.tau
        strata = None if baseline is None else baseline[model.rows]
        weights = None if self.problem.weights is None else model.weights
        clusters = clusters_of(self.problem, model.rows) if self.solver.robust else None
        outcome = np.column_stack([model.y[:, :2], model.y[:, 2] == EVENT])
        measure = partial(
            measure_concordance, outcome, score, strata=strata, weights=weights, clusters=clusters
        )
        out = [_tell("harrell", measure(), np.nan)]
        if tau is not None:
            by = weigh_by_censoring(outcome, weights, strata=strata)
            uno = measure(time_weights=by, until=tau)
            out.append(_tell("uno", uno, tau))
        return out


@dataclass(frozen=True, slots=True)
class CoxPeriods:
    """Adds the protein's hazard ratio in each period of follow-up, and the test that all are one.

    Follow-up is split at the ends of periods, and the protein has a coefficient in each; covariates
    keep one for all of it.

    Parameters
    ----------
    problem : with times that are tied.
    solver : of whole models.
    options : with the times at which the ratio may change.
    """

    problem: Problem
    solver: WholeCox
    options: FitOptions

    def add(self, block: Block, fits: FitBlock) -> FitBlock:
        """Return the fits with a table of periods."""
        rows: list[tuple[int, int, dict[str, object]]] = []
        for j, m in np.argwhere(_find_fitted(self.problem, fits)).tolist():
            model = lay_out_whole(self.problem, block, j, m, side="predictor")
            rows += [(j, m, row) for row in self._fit(model)]
        return replace(fits, details={**fits.details, PERIODS: _table(rows, _PERIODS)})

    def _fit(self, model: WholeModel) -> list[dict[str, object]]:
        """Fit one model, split at the ends of periods."""
        ends = (-np.inf, *self.options.survival.periods, np.inf)
        spans = list(pairwise(ends))
        x = model.X[:, -1]
        pieces = [_cut(model.y, low, high) for low, high in spans]
        rows = np.concatenate([at for at, _ in pieces])
        outcome = np.concatenate([part for _, part in pieces])
        span = np.repeat(np.arange(len(spans)), [at.size for at, _ in pieces])
        by_span = x[rows, None] * (span[:, None] == np.arange(len(spans)))
        X = np.column_stack([model.X[rows][:, 1:-1], by_span])
        baseline = self.problem.baseline
        strata = None if baseline is None else baseline[model.rows][rows]
        risk = lay_out_risk_sets(outcome, strata, event=int(EVENT))
        fit = fit_cox(X, risk, weights=model.weights[rows], ties=self.solver.ties)
        covariance = fit.covariance
        at = fit.basis
        if self.solver.robust and self.solver.ties != "exact" and fit.converged and at.size:
            given = clusters_of(self.problem, model.rows)
            part, _ = robust_covariance(
                fit.risk,
                X[:, at],
                fit.limit,
                fit.limit_covariance,
                weights=model.weights[rows],
                ties=self.solver.ties,
                clusters=rows if given is None else given[rows],
            )
            covariance = covariance.copy()
            covariance[np.ix_(at, at)] = part
        first = X.shape[1] - len(spans)
        events = np.bincount(span[outcome[:, 2] == EVENT], minlength=len(spans))
        found = _Periods(
            spans,
            events,
            fit.coefficients[first:],
            covariance[first:, first:],
            float(model.units[1, -1]),
            _judge(fit.aliased[first:], fit.infinite[first:], events, converged=fit.converged),
            self.options.level,
        )
        return found.rows()


@dataclass(frozen=True, slots=True)
class _Periods:
    """The coefficients of the protein in each period."""

    spans: list[tuple[float, float]]
    events: I64
    estimate: F64
    covariance: F64
    scale: float
    status: list[tuple[Status, str]]
    level: float

    def rows(self) -> list[dict[str, object]]:
        """Return the rows of the table."""
        with np.errstate(invalid="ignore"):
            errors = np.sqrt(np.diagonal(self.covariance))
        values = change_units(np.array([self.estimate, errors]), per=self.scale)
        known = np.array([status is Status.ok for status, _ in self.status])
        estimate, se = np.where(known, values, np.nan)
        minus_log = np.full(se.size, np.nan)
        minus_log[known] = neg_log10_p_normal(estimate[known] / se[known])
        p = p_from_neg_log10(minus_log)
        half = float(quantile_normal(0.5 + self.level / 2.0)) * se
        with np.errstate(over="ignore"):  # a protein in tiny units: its ratio per unit is infinite
            ratio = np.exp(estimate)
        test = self._test_equal(np.flatnonzero(known))
        out: list[dict[str, object]] = []
        for i, (low, high) in enumerate(self.spans):
            status, message = self.status[i]
            out.append(
                {
                    "period": i + 1,
                    "from": low if np.isfinite(low) else np.nan,
                    "to": high if np.isfinite(high) else np.nan,
                    "n_case": int(self.events[i]),
                    "estimate": float(estimate[i]),
                    "se": float(se[i]),
                    "statistic": float(estimate[i] / se[i]),
                    "neg_log10_p": float(minus_log[i]),
                    "p_value": float(p[i]),
                    "conf_low": float(estimate[i] - half[i]),
                    "conf_high": float(estimate[i] + half[i]),
                    "ratio": float(ratio[i]),
                    "status": status.name,
                    "message": message or None,
                    "equal_statistic": test[0],
                    "equal_df": test[1],
                    "equal_p_value": test[2],
                }
            )
        return out

    def _test_equal(self, known: I64) -> tuple[float, float, float]:
        """Test that the estimates are one, by Wald's statistic of their differences."""
        if known.size < 2:
            return np.nan, np.nan, np.nan
        differ = np.eye(known.size)[1:] - np.eye(known.size)[:1]
        estimate = differ @ self.estimate[known]
        V = differ @ self.covariance[np.ix_(known, known)] @ differ.T
        se = np.sqrt(np.diagonal(V))
        statistic, df, _ = test_jointly(estimate[None], se[None], V[None], np.array([np.inf]))
        minus_log = neg_log10_p_chi2(statistic, df)
        return float(statistic[0]), float(df[0]), float(p_from_neg_log10(minus_log)[0])


def _judge(
    aliased: Bool, infinite: Bool, events: I64, *, converged: bool
) -> list[tuple[Status, str]]:
    """Return status and message of each period."""
    out = []
    for i in range(events.size):
        if not events[i]:
            out.append((Status.too_few, _NOBODY))
        elif infinite[i]:
            out.append((Status.separated, "the estimate is infinite: monotone likelihood"))
        elif aliased[i]:
            out.append((Status.collinear, "the protein is the same for all at risk in the period"))
        elif not converged:
            out.append((Status.not_converged, "Newton's method did not settle"))
        else:
            out.append((Status.ok, ""))
    return out


def _cut(outcome: F64, low: float, high: float) -> tuple[I64, F64]:
    """Return the rows that are under observation between two times, and their follow-up there."""
    entry, exit_ = np.maximum(outcome[:, 0], low), np.minimum(outcome[:, 1], high)
    at = np.flatnonzero(entry < exit_)
    event = np.where(outcome[at, 1] <= high, outcome[at, 2], 0.0)
    return at, np.column_stack([entry[at], exit_[at], event])


def _find_fitted(problem: Problem, fits: FitBlock) -> Bool:
    """Return which models ``(b, m)`` have an estimate of the protein."""
    first = np.array([(c.contrast, c.term) == (0, 0) for c in problem.coefficients])
    return np.asarray(fits.status[:, first] == Status.ok)


def _tell(measure: str, found: Concordance, until: float) -> dict[str, object]:
    return {
        "measure": measure,
        "until": until,
        "estimate": found.estimate,
        "se": found.se,
        "concordant": found.concordant,
        "discordant": found.discordant,
        "tied": found.tied,
    }


_CONCORDANCE = ("measure", "until", "estimate", "se", "concordant", "discordant", "tied")
_PERIODS = (
    "period",
    "from",
    "to",
    "n_case",
    "estimate",
    "se",
    "statistic",
    "neg_log10_p",
    "p_value",
    "conf_low",
    "conf_high",
    "ratio",
    "status",
    "message",
    "equal_statistic",
    "equal_df",
    "equal_p_value",
)


def _table(rows: list[tuple[int, int, dict[str, object]]], names: tuple[str, ...]) -> Details:
    """Return a table of rows, with its columns where there is none."""
    found = Details.of_rows(rows)
    return found if rows else replace(found, columns={name: [] for name in names})
