"""Competing risks in large problems: the proteins of a block together, on shared information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, FitBlock, JointTests, Problem, factors_within
from proteomr.models.carriers import remark_on_carriers
from proteomr.models.cells import describe_aliased
from proteomr.models.event_times import COMPETING, EVENT
from proteomr.models.family import FitOptions
from proteomr.models.fine_gray_models import CompetingModel, choose_errors
from proteomr.models.logistic_mass import describe_apart
from proteomr.models.logistic_solvers import Modifiers
from proteomr.stats.batched_regressions import BatchedRegressions
from proteomr.stats.block_estimates import BlockEstimate
from proteomr.stats.block_rows import BlockRows, lay_out_block
from proteomr.stats.chunked import ChunkedDesign, chunk_design
from proteomr.stats.cox import centre_within
from proteomr.stats.cox_limits import find_recession
from proteomr.stats.fine_gray_loops import FineGrayTimes, lay_out_times
from proteomr.stats.fine_gray_rows import FineGrayRows, FineGraySums
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units, find_independent, scale_columns
from proteomr.stats.risk_sets import RiskSets

__all__ = ["FineGrayMass", "prepare_fine_gray_mass"]

# As in the exact path.
_ALIASED = 1e-9
# Of a standardised protein, in powers of e: beyond it the exact path looks whether it is infinite.
_EXTREME = 4.0


@dataclass(frozen=True, slots=True)
class FineGrayMass:
    """The batched solver of one model.

    Attributes
    ----------
    model : what it is of.
    solver : of the fits, on rows in the order of its times.
    order : ``(n,)``, these rows.
    times : of these rows.
    risk : risk sets of the rows as they came, in which people stay after other events.
    hazard : ``(n,)``, lived through in the fit to covariates alone.
    aliased : names of the covariates that others determine.
    weights : ``(n,)``, 1 on average; None for equal weights.
    meat : sums of the errors.
    """

    model: CompetingModel
    solver: BatchedRegressions
    order: I64
    times: FineGrayTimes
    risk: RiskSets
    hazard: F64
    aliased: tuple[str, ...]
    weights: F64 | None
    meat: FineGraySums

    def enter(
        self,
        problem: Problem,
        block: Block,
        modifiers: Modifiers,
        scale: F64,
        wanted: Bool,
        *,
        fits: FitBlock,
        joint: JointTests,
    ) -> Bool:
        """Fit the wanted proteins, enter what is certified, and say which that is ``(b,)``.

        Parameters
        ----------
        block : standardised, by the scale.
        """
        done = np.zeros(wanted.shape, dtype=bool)
        proteins = np.flatnonzero(wanted & self._have_events(block))
        if not proteins.size:
            return done
        rows = self._lay_out(block.take(proteins), modifiers)
        found = self.solver.fit(rows, back=modifiers.back, meat=self.meat)
        plain = np.all(np.abs(found.estimate[:, 0]) < _EXTREME, axis=1)
        good = np.flatnonzero(found.converged[:, 0] & plain)
        if not good.size:
            return done
        self._enter_estimates(problem, modifiers, found, good, proteins, scale, rows, fits)
        if problem.terms > 1:
            self._enter_products(found, good, proteins, joint)
        done[proteins[good]] = True
        return done

    def _lay_out(self, block: Block, modifiers: Modifiers) -> BlockRows:
        """Return the borders of proteins less their mean over the hazard of each stratum."""
        borders = block.values[:, None]
        if block.own.shape[1] or modifiers.values.shape[0]:
            products = borders * modifiers.values
            borders = np.concatenate([borders, products, block.own], axis=1)
        borders = borders[:, :, self.order]
        observed = block.observed[:, self.order].astype(np.float32)
        centred = _centre(borders, observed * self.hazard, observed, self.times.stratum)
        return lay_out_block(centred, observed, self.weights)

    def _have_events(self, block: Block) -> Bool:
        """Say which proteins have an event.

        However few they are, an infinite estimate has no certificate: towards it each of two dozen
        passes adds some 1 to it, and brings it no nearer than 1e-5 standard errors.
        """
        return np.asarray(block.observed[:, self.order[self.times.events]].any(axis=1), dtype=bool)

    def _enter_estimates(
        self,
        problem: Problem,
        modifiers: Modifiers,
        found: BlockEstimate,
        good: I64,
        proteins: I64,
        scale: F64,
        rows: BlockRows,
        fits: FitBlock,
    ) -> None:
        scales = np.concatenate([[1.0], modifiers.scale])
        se = np.sqrt(np.einsum("bpp->bp", _covariance_of(found)))
        notes = [self._describe(rows.observed[i]) for i in good.tolist()]
        for t, coefficient in enumerate(problem.coefficients):
            if coefficient.model != self.model.index:
                continue
            term = coefficient.term
            per = scale[proteins[good]] * float(scales[term])
            fits.accept(
                proteins[good],
                t,
                estimate=change_units(found.estimate[good, 0, term], per=per),
                se=change_units(se[good, term], per=per),
            )
            for i, note in zip(good.tolist(), notes, strict=True):
                few = ""
                if found.carriers is not None:
                    carriers = float(found.carriers[i, 0, term])
                    few = remark_on_carriers(carriers, "robust", np.inf)
                said = "; ".join(filter(None, (note, few)))
                if said:
                    fits.messages[int(proteins[i]), t] = said

    def _describe(self, observed: F64) -> str:
        """Return what is to be said of a fit: aliased covariates, people apart, no competitors."""
        there, left = observed > 0.0, self.times.counted == 0.0
        among = np.zeros(there.size, dtype=bool)
        among[self.order] = there
        apart = int(np.count_nonzero(self.risk.meets_events(self.order[there & left], among)))
        parts = (
            describe_aliased(self.aliased),
            describe_apart(apart),
            self.model.describe(self.order[there]),
        )
        return "; ".join(filter(None, parts))

    def _enter_products(
        self, found: BlockEstimate, good: I64, proteins: I64, joint: JointTests
    ) -> None:
        V = _covariance_of(found)[good, 1:, 1:]
        estimate = found.estimate[good, 0, 1:]
        se = np.sqrt(np.einsum("bpp->bp", V))
        tests = test_jointly(estimate, se, V, np.full(good.size, np.inf))
        for values, part in zip((joint.statistic, joint.df, joint.neg_log10_p), tests, strict=True):
            values[proteins[good], self.model.index] = part


def _covariance_of(found: BlockEstimate) -> F64:
    """Return the covariance ``(b, p, p)`` that sums over people are."""
    if found.sandwich is None:
        raise ValueError("a fit without its sums of errors")
    return np.asarray(found.sandwich[:, 0])


def _centre(columns: F64, hazard: F64, observed: NDArray[Any], stratum: I64) -> F64:
    """Return columns ``(b, s, n)`` less their mean over each stratum, weighted by hazard ``(b,
    n)``; 0 where not observed.

    Coefficients do not change, and the curvature comes close to a diagonal one.
    """
    out = np.empty(columns.shape)
    size = int(stratum.max(initial=0)) + 1
    for j in range(columns.shape[0]):
        total = np.bincount(stratum, hazard[j], size)
        total = np.where(total > 0.0, total, 1.0)
        for a, x in enumerate(columns[j]):
            means = np.bincount(stratum, hazard[j] * x, size) / total
            out[j, a] = (x - means[stratum]) * observed[j]
    return out


def prepare_fine_gray_mass(
    problem: Problem, model: CompetingModel, options: FitOptions, *, compiled: bool
) -> FineGrayMass | None:
    """Build the solver of one model; None where its fit to covariates alone has no certificate."""
    if not np.any(model.event == EVENT):
        return None
    cox = model.on(np.arange(problem.n)).as_cox()
    counted = _leave_eventless(problem, model)
    strata = np.zeros(problem.n, dtype=np.int64)
    if model.baseline is not None:
        strata = np.unique(model.baseline, return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((model.times[:, 1], strata)).astype(np.int64)
    times = lay_out_times(
        model.times[order, 1],
        np.minimum(model.event, int(COMPETING)).astype(np.int8)[order],
        strata[order],
        entries=model.times[order, 0],
        censoring=model.censoring,
        counted=counted[order].astype(np.float64),
        efron=model.ties == "efron",
        crr=model.censoring_ties == "crr",
    )
    columns = problem.adjustments[problem.models[model.index].adjustment].columns
    A = _choose_columns(problem.covariates[:, columns], cox, counted)
    weights = None if problem.weights is None else problem.weights[order] / problem.weights.mean()
    # plain passes of 2,000 people take 40 ms a fit and compiled ones 3: a few repay the loading
    rows = FineGrayRows.load(times, compiled=compiled)
    base = rows.fit_base(_as_design(A[order]), times.code == EVENT, weights)
    if base is None:
        return None
    inside = A[counted]
    if find_recession(inside, cox.take(counted), inside @ base.coefficients) is not None:
        return None
    hazard = base.weights[0, 0]
    everybody = np.ones((1, problem.n))
    centred = _centre(A[order].T[None], hazard[None], everybody, times.stratum)[0].T
    design = _as_design(centred)
    clusters = None
    if problem.clusters is not None:
        clusters = np.unique(problem.clusters[order], return_inverse=True)[1].astype(np.int64)
    kind = choose_errors(options, clustered=clusters is not None)
    carried = 1.0 if weights is None else weights.size / float(np.sum(np.square(weights)))
    return FineGrayMass(
        model,
        BatchedRegressions(design, [base], model=rows, carried=carried),
        order,
        times,
        cox,
        hazard,
        _name_aliased(problem, model.index),
        weights,
        FineGraySums(design, rows, kind, clusters),
    )


def _leave_eventless(problem: Problem, model: CompetingModel) -> Bool:
    """Return the people but those in levels of factors in which nobody has the event.

    Their coefficients are infinite, and at the limit these people are in no risk set; the censoring
    is estimated from them too.
    """
    used = np.ones(problem.n, dtype=bool)
    happened = model.event == EVENT
    for factor in factors_within(problem, problem.models[model.index].adjustment):
        events = np.bincount(factor.codes[happened], minlength=int(factor.codes.max()) + 1)
        used &= events[factor.codes] > 0
    return used


def _choose_columns(C: F64, cox: RiskSets, counted: Bool) -> F64:
    """Return the independent ones of columns among those who count, scaled; 0 for others, and a
    column of 0 where there is none.
    """
    A = np.zeros(C.shape)
    A[counted] = centre_within(scale_columns(C[counted])[0], cox.take(counted))
    kept = find_independent(A[counted], tolerance=_ALIASED)
    if not kept.size:
        return np.zeros((counted.size, 1))
    spread = np.sqrt(np.mean(np.square(A[:, kept]), axis=0))
    return np.ascontiguousarray(A[:, kept] / np.where(spread > 0.0, spread, 1.0))


def _name_aliased(problem: Problem, m: int) -> tuple[str, ...]:
    """Return the names of the covariates that those before them determine."""
    adjustment = problem.models[m].adjustment
    C = problem.covariates[:, problem.adjustments[adjustment].columns]
    lost = set(range(C.shape[1])).difference(find_independent(C, tolerance=_ALIASED).tolist())
    lost -= set(np.flatnonzero(~np.any(C, axis=0)).tolist())
    return tuple(problem.names_of(adjustment)[column] for column in sorted(lost))


def _as_design(A: F64) -> ChunkedDesign:
    return chunk_design(
        np.ascontiguousarray(A), np.zeros((1, 0)), np.zeros(A.shape[0], dtype=np.int64)
    )
