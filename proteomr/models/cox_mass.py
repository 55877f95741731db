"""Cox fits of large problems: the proteins of a block together, on shared information."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, FitBlock, Problem, factors_within
from proteomr.models.carriers import remark_on_carriers
from proteomr.models.cells import Cells, describe_aliased, lay_out_cells
from proteomr.models.cox_exact import CoxTables
from proteomr.models.cox_models import (
    CoxModel,
    LostLevel,
    clusters_of,
    drop_levels,
    name_aliased_among,
)
from proteomr.models.details import OWN_NAME
from proteomr.models.exact import INTERACTION
from proteomr.models.family import FitOptions
from proteomr.models.logistic_mass import describe_apart
from proteomr.models.logistic_solvers import Modifiers
from proteomr.stats.batched_regressions import BatchedRegressions
from proteomr.stats.block_estimates import BlockEstimate
from proteomr.stats.block_rows import BlockRows, lay_out_block
from proteomr.stats.chunked import ChunkedDesign, chunk_design
from proteomr.stats.cox_changes import CoxChanges, TimeScale
from proteomr.stats.cox_influence import CoxInfluence
from proteomr.stats.cox_rows import CoxRows
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units
from proteomr.stats.risk_sets import RiskSets
from proteomr.stats.row_models import Base

__all__ = ["CoxMass", "prepare_cox_mass"]


@dataclass(frozen=True, slots=True)
class CoxMass:
    """The batched solver of one model.

    Attributes
    ----------
    model : what it is of.
    solver : of the fits.
    rows : people in them; None for all.
    hazard : ``(n,)`` on these, hazard accumulated in the fit to covariates alone.
    risk : risk sets of the rows.
    aliased : names of the covariates that others determine.
    weights : ``(n,)``, 1 on average; None for equal weights.
    unit : what the weights were divided by.
    places : positions among the columns of a fit of the k covariates that terms are of.
    units, of_modifiers : ``(k, k)``, ``(k, i)``, make these covariates, and the modifiers, of those
        of the design.
    meat : sums of robust errors, where they are asked for.
    changes : tests of proportional hazards, where they are asked for.
    options : what is asked of the family.
    """

    model: CoxModel
    solver: BatchedRegressions
    rows: I64 | None
    hazard: F64
    risk: RiskSets
    aliased: tuple[str, ...]
    weights: F64 | None
    unit: float
    places: I64
    units: F64
    of_modifiers: F64
    meat: CoxInfluence | None
    changes: CoxChanges | None
    options: FitOptions

    def enter(
        self,
        problem: Problem,
        block: Block,
        modifiers: Modifiers,
        scale: F64,
        wanted: Bool,
        *,
        shifts: F64,
        fits: FitBlock,
        tables: CoxTables,
    ) -> Bool:
        """Fit the wanted proteins, enter what is certified, and say which that is ``(b,)``.

        Parameters
        ----------
        block : standardised, by the scale.
        shifts : ``(b,)``, the means of proteins in these units, which were taken off.
        """
        done = np.zeros(wanted.shape, dtype=bool)
        proteins = np.flatnonzero(wanted)
        if not proteins.size:
            return done
        rows, sound = self._lay_out(block.take(proteins), modifiers)
        keep = self.changes is not None
        found = self.solver.fit(rows, back=modifiers.back, meat=self.meat, keep=keep)
        good = np.flatnonzero(found.converged[:, 0] & sound)
        if not good.size:
            return done
        self._enter_estimates(problem, modifiers, found, good, proteins, scale, fits, block)
        if problem.terms > 1:
            self._enter_products(found, good, proteins, tables)
        if self.changes is not None:
            turn = self._turn(rows, modifiers, shifts[proteins])
            observed = block.observed[proteins]
            good = self._enter_changes(rows, observed, found, good, proteins, tables, turn=turn)
        done[proteins[good]] = True
        return done

    def _lay_out(self, block: Block, modifiers: Modifiers) -> tuple[BlockRows, Bool]:
        """Return the borders of proteins less their mean in the risk sets of each part, and which
        have an event.

        However few they are, an infinite estimate has no certificate: towards it each of two dozen
        passes adds some 1 to it, and brings it no nearer than 1e-5 standard errors.
        """
        borders = block.values[:, None]
        if block.own.shape[1] or modifiers.values.shape[0]:
            products = borders * modifiers.values
            borders = np.concatenate([borders, products, block.own], axis=1)
        observed = block.observed.astype(np.float32)
        if self.rows is not None:
            borders, observed = borders[:, :, self.rows], observed[:, self.rows]
        centred = centre_borders(borders, observed, self.hazard, self.risk)
        rows = lay_out_block(centred, np.ascontiguousarray(observed), self.weights)
        return rows, np.asarray(observed[:, self.risk.died].any(axis=1), dtype=bool)

    def _enter_estimates(
        self,
        problem: Problem,
        modifiers: Modifiers,
        found: BlockEstimate,
        good: I64,
        proteins: I64,
        scale: F64,
        fits: FitBlock,
        block: Block,
    ) -> None:
        scales = np.concatenate([[1.0], modifiers.scale])
        covariance = found.covariance if found.sandwich is None else found.sandwich
        se = np.sqrt(np.einsum("bpp->bp", covariance[good, 0]))
        if found.sandwich is None:
            se = se / np.sqrt(self.unit)
        notes = self._describe(block.observed[proteins[good]])
        for t, coefficient in enumerate(problem.coefficients):
            if coefficient.model != self.model.index:
                continue
            term = coefficient.term
            per = scale[proteins[good]] * float(scales[term])
            fits.accept(
                proteins[good],
                t,
                estimate=change_units(found.estimate[good, 0, term], per=per),
                se=change_units(se[:, term], per=per),
            )
            for i, j in enumerate(proteins[good].tolist()):
                few = ""
                if found.carriers is not None:
                    carriers = float(found.carriers[good[i], 0, term])
                    few = remark_on_carriers(carriers, self.options.errors, np.inf)
                note = "; ".join(filter(None, (notes[i], few)))
                if note:
                    fits.messages[j, t] = note

    def _describe(self, observed: Bool) -> tuple[str, ...]:
        """Return what is to be said of fits: aliased covariates, people apart, lost times.

        People without an event of the fit while they are at risk were in no risk set before.
        """
        aliased, risk = describe_aliased(self.aliased), self.model.risk
        left = np.empty(0, dtype=np.int64)
        if self.rows is not None:
            left = np.setdiff1d(np.arange(observed.shape[1]), self.rows)
        said = []
        for there in observed:
            at = left[there[left]]
            apart = int(np.count_nonzero(risk.meets_events(at, there))) if at.size else 0
            said.append("; ".join(filter(None, (aliased, describe_apart(apart), self.model.said))))
        return tuple(said)

    def _enter_products(
        self, found: BlockEstimate, good: I64, proteins: I64, tables: CoxTables
    ) -> None:
        covariance = found.covariance / self.unit if found.sandwich is None else found.sandwich
        V = covariance[good, 0, 1:, 1:]
        estimate = found.estimate[good, 0, 1:]
        se = np.sqrt(np.einsum("bpp->bp", V))
        tests = test_jointly(estimate, se, V, np.full(good.size, np.inf))
        into = tables.joint[INTERACTION]
        for values, part in zip((into.statistic, into.df, into.neg_log10_p), tests, strict=True):
            values[proteins[good], self.model.index] = part

    def _enter_changes(
        self,
        rows: BlockRows,
        observed: Bool,
        found: BlockEstimate,
        good: I64,
        proteins: I64,
        tables: CoxTables,
        *,
        turn: F64,
    ) -> I64:
        """Enter the tests of proportional hazards; return the fits that have all of them."""
        if self.changes is None or found.at_maximum is None:
            return good
        s = rows.borders.shape[1]
        own = s - (len(self.model.names) - self._first_term)
        # Borders are the protein, its products, its own covariates; names have these before it.
        of_borders = np.concatenate(
            [self._first_term + np.arange(s - own), self._first_term - own + np.arange(own)]
        )
        terms = self.model.terms_among(np.concatenate([self.places, of_borders]))
        names = tuple(name for name, _ in terms)
        tests = self.changes.test(
            found.at_maximum.block.double,
            found.at_maximum.state[:, 0],
            observed=observed,
            terms=[columns for _, columns in terms],
            turn=turn,
            unit=self.unit,
        )
        whole = np.all(np.isfinite(tests.statistic[good]), axis=1)
        for b in good[whole].tolist():
            given = (tests.statistic[b], tests.df, tests.neg_log10_p[b])
            tables.enter_changes(int(proteins[b]), self.model.index, names, *given)
        return good[whole]

    def _turn(self, rows: BlockRows, modifiers: Modifiers, shifts: F64) -> F64:
        """Return what makes the columns of terms of those of the fits ``(B, k + s, k + s)``.

        A product of the protein as it was measured has the modifier in it as often as the mean of
        the protein.
        """
        k, i, s = self.units.shape[0], modifiers.back.shape[0], rows.borders.shape[1]
        turn = np.zeros((rows.wanted if i > 1 else 1, k + s, k + s))
        turn[:, :k, :k], turn[:, k:, k:] = self.units, np.eye(s)
        turn[:, k : k + i, k : k + i] = np.linalg.inv(modifiers.back)
        turn[:, :k, k + 1 : k + i] = shifts[: turn.shape[0], None, None] * self.of_modifiers
        return turn

    @property
    def _first_term(self) -> int:
        """Position of the protein among the names of columns."""
        return self.model.names.index(OWN_NAME)


def centre_borders(borders: F64, observed: NDArray[np.float32], hazard: F64, risk: RiskSets) -> F64:
    """Return columns ``(b, s, n)`` less their mean over each part, weighted by hazard; 0 where not
    observed.

    Coefficients do not change, and the curvature comes close to a diagonal one.
    """
    out = np.empty(borders.shape)
    part = np.maximum(risk.part, 0)
    weight = np.where(risk.part >= 0, hazard, 0.0)
    for j in range(borders.shape[0]):
        there = observed[j].astype(np.float64)
        by = weight * there
        if risk.parts == 1:
            means = (borders[j] @ by / max(by.sum(), np.finfo(np.float64).tiny))[:, None]
        else:
            total = np.bincount(part, by, risk.parts)
            total = np.where(total > 0.0, total, 1.0)
            sums = [np.bincount(part, by * x, risk.parts) / total for x in borders[j]]
            means = np.array(sums).reshape(-1, risk.parts)[:, part]
        out[j] = (borders[j] - means) * there
    return out


def prepare_cox_mass(
    problem: Problem,
    model: CoxModel,
    options: FitOptions,
    modifiers: Modifiers,
    lost: Sequence[LostLevel],
    *,
    compiled: bool,
) -> CoxMass | None:
    """Build the solver of one model on the people but those in lost levels; None for exact ties,
    and where its fit to covariates alone has no certificate.
    """
    if model.ties == "exact":
        return None
    of = problem.models[model.index]
    columns = problem.adjustments[of.adjustment].columns
    factors = factors_within(problem, of.adjustment)
    used = drop_levels(factors, lost, problem.n)
    at = np.flatnonzero(used)
    risk = model.risk.take(at)
    if not risk.size:
        return None
    weights, unit, carried = None, 1.0, 1.0
    if problem.weights is not None:
        unit = float(problem.weights[at].mean())
        weights = problem.weights[at] / unit
        carried = weights.size / float(np.sum(np.square(weights)))
    cells = lay_out_cells(problem.covariates, columns, factors, rows=at)
    rows = CoxRows.load(risk, ties=model.ties, compiled=compiled)
    centred = _centre_design(cells, rows, risk, weights)
    if centred is None:
        return None
    design, base = centred
    solver = BatchedRegressions(design, [base], model=rows, carried=carried)
    A = design.matrix()
    meat, changes, places = None, None, np.empty(0, dtype=np.int64)
    units = of_modifiers = np.empty((0, 0))
    if options.errors == "robust":
        clusters = clusters_of(problem, at)
        meat = CoxInfluence(A, risk, rows.loops, model.ties == "efron", clusters)
    if options.survival.zph is not None:
        places = _find_places(columns, cells)
        named = problem.covariates[at[:, None], columns[places]]
        found = _find_units(
            np.concatenate([named, modifiers.values[:, at].T], axis=1), A, risk, base
        )
        units, of_modifiers = found[:, : places.size], found[:, places.size :]
        scale = TimeScale(model.outcome, risk, options.survival.zph, at)
        changes = CoxChanges(design, risk, scale, rows.loops, model.ties == "efron")
    return CoxMass(
        model,
        solver,
        None if used.all() else at,
        base.weights[0, 0],
        risk,
        name_aliased_among(problem, of.adjustment, lost, cells if used.all() else None),
        weights,
        unit,
        places,
        units,
        of_modifiers,
        meat,
        changes,
        options,
    )


def _centre_design(
    cells: Cells, rows: CoxRows, risk: RiskSets, weights: F64 | None
) -> tuple[ChunkedDesign, Base] | None:
    """Return the covariates without an intercept and their fit, dense columns less their mean in
    the risk sets.
    """
    died = risk.died.astype(np.float64)
    design = chunk_design(cells.dense, cells.cell_columns[:, 1:], cells.cell_of_row)
    if design.k == 0:
        return None
    base = rows.fit_base(design, died, weights)
    if base is None:
        return None
    everybody = np.ones((1, design.n), dtype=np.float32)
    hazard = base.weights[0, 0]
    dense = centre_borders(np.ascontiguousarray(cells.dense.T)[None], everybody, hazard, risk)[0].T
    return chunk_design(dense, cells.cell_columns[:, 1:], cells.cell_of_row), base


def _find_places(columns: I64, cells: Cells) -> I64:
    """Return the positions among an adjustment set's columns of those that have a coefficient, in
    the order of the set.
    """
    kept = {*cells.sparse[1:], *cells.kept}
    return np.array([i for i, c in enumerate(columns.tolist()) if c in kept], dtype=np.int64)


def _find_units(X: F64, A: F64, risk: RiskSets, base: Base) -> F64:
    """Return what makes columns ``(n, k)`` of those of A, but for constants of each part."""
    of_design, left = (_centre_columns(Z, base.weights[0, 0], risk) for Z in (A, X))
    weighted = np.where(risk.part >= 0, base.weights[0, 0], 0.0)[:, None] * of_design
    square = weighted.T @ of_design
    # Columns of A are far from dependent; the second time takes out what rounding has left.
    units = np.zeros((A.shape[1], X.shape[1]))
    for _ in range(2):
        more = np.linalg.solve(square, weighted.T @ left)
        left -= of_design @ more
        units += more
    return units


def _centre_columns(Z: F64, hazard: F64, risk: RiskSets) -> F64:
    """Return columns ``(n, k)`` less their mean over each part, weighted by hazard."""
    part, parts = np.maximum(risk.part, 0), max(risk.parts, 1)
    weight = np.where(risk.part >= 0, hazard, 0.0)
    total = np.bincount(part, weight, parts)
    total = np.where(total > 0.0, total, 1.0)
    if parts == 1:
        return np.asarray(Z - weight @ Z / total)
    sums = np.array([np.bincount(part, weight * z, parts) for z in Z.T])
    return np.asarray(Z - (sums / total).T[part])
