"""Multinomial fits of large problems: the proteins of a block together, on shared information."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import FitBlock, JointTests, Problem, factors_within
from proteomr.models.cells import describe_aliased, lay_out_cells, name_aliased
from proteomr.models.exact import INTERACTION
from proteomr.models.logistic_mass import LaidOut, count_rows
from proteomr.models.logistic_solvers import MassSolver, Modifiers
from proteomr.models.multinomial_exact import (
    RATIO,
    SCORE,
    WALD,
    describe_empty,
    describe_ruled_out,
    refer_to_chi2,
)
from proteomr.stats.batched_regressions import BatchedRegressions
from proteomr.stats.block_estimates import BlockEstimate, NullEstimate
from proteomr.stats.block_rows import BlockRows
from proteomr.stats.choices import find_choices, rule_out_by_cells
from proteomr.stats.chunked import ChunkedDesign, chunk_design
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units
from proteomr.stats.multinomial import log_likelihood
from proteomr.stats.multinomial_rows import MultinomialRows
from proteomr.stats.quasi_newton import Beginning

__all__ = ["GroupSolver", "LevelCounts", "prepare_solver"]


@dataclass(frozen=True, slots=True)
class LevelCounts:
    """People of each level of the targets on the rows of each protein.

    Attributes
    ----------
    of_targets : ``(b, K)`` for each target.
    """

    of_targets: tuple[I64, ...]

    @classmethod
    def of(cls, problem: Problem, missing: tuple[I64, ...]) -> LevelCounts:
        """Count them, given the people whom each protein lacks."""
        out = []
        for target in problem.targets:
            codes, K = target.values.astype(np.int64), len(target.levels)
            whole = np.bincount(codes, minlength=K)
            lost = np.array([np.bincount(codes[rows], minlength=K) for rows in missing])
            out.append(whole - lost.reshape(len(missing), K))
        return cls(tuple(out))


@dataclass(frozen=True, slots=True)
class GroupSolver:
    """The batched solver of one model.

    Attributes
    ----------
    mass : solver, model and weights.
    present : levels of the target that somebody has, ascending, the reference first.
    alone : log-likelihood of the covariates alone, on all rows.
    said : what is to be said of levels that nobody has.
    ruled_out : ``(n,)``, the people for whom the covariates alone rule levels out.
    """

    mass: MassSolver
    present: I64
    alone: float
    said: str
    ruled_out: Bool

    def enter(
        self,
        problem: Problem,
        modifiers: Modifiers,
        laid_out: LaidOut,
        scale: F64,
        counts: LevelCounts,
        open_fits: Bool,
        *,
        fits: FitBlock,
        tests: Mapping[str, JointTests],
    ) -> Bool:
        """Fit the open proteins, and enter those that have a certificate.

        Parameters
        ----------
        scale : ``(b,)``, what the proteins were divided by.
        open_fits : ``(b,)``, what is wanted.
        tests : of several coefficients, by name, to be entered too.

        Returns
        -------
        Which proteins are entered ``(b,)``.
        """
        mass, m = self.mass, self.mass.models[0]
        of_levels = counts.of_targets[problem.models[m].target][:, self.present]
        # A level that a protein's rows have lost leaves its model.
        proteins = np.flatnonzero(open_fits & np.all(of_levels > 0, axis=1))
        done = np.zeros(open_fits.size, dtype=bool)
        if proteins.size == 0:
            return done
        rows = laid_out.take(proteins, mass)
        begun = mass.solver.begin(rows, terms=problem.terms)
        found = mass.solver.fit(rows, back=modifiers.back, likelihood=True, begun=begun)
        able = found.converged[:, 0] & (
            count_rows(rows) > mass.solver.design.k + rows.borders.shape[1]
        )
        null = self._fit_null(laid_out, rows, proteins, begun, scores=SCORE in tests)
        able &= null.converged[:, 0]
        if SCORE in tests:
            able &= np.isfinite(null.score[:, 0])
        if found.log_likelihood is not None:
            able &= np.isfinite(found.log_likelihood[:, 0])
        good = np.flatnonzero(able)
        self._enter_estimates(problem, modifiers, found, good, proteins, scale, fits)
        self._enter_notes(problem, laid_out, proteins[good], fits)
        made = self._test(found, null, good, problem.terms)
        for name, joint in tests.items():
            for values, part in zip(
                (joint.statistic, joint.df, joint.neg_log10_p), made[name](), strict=True
            ):
                values[proteins[good], m] = part
        done[proteins[good]] = True
        return done

    def _fit_null(
        self, laid_out: LaidOut, rows: BlockRows, proteins: I64, begun: Beginning, *, scores: bool
    ) -> NullEstimate:
        """Return the fits without the proteins, ``(b, 1)`` each."""
        block = laid_out.block
        if scores or block.own.shape[1] or not np.all(block.observed[proteins]):
            return self.mass.solver.maximise(rows, begun, scores=scores)
        shape = (proteins.size, 1)
        alone = np.full(shape, self.alone)
        return NullEstimate(alone, np.ones(shape, dtype=bool), np.full(shape, np.nan))

    def _enter_estimates(
        self,
        problem: Problem,
        modifiers: Modifiers,
        found: BlockEstimate,
        good: I64,
        proteins: I64,
        scale: F64,
        fits: FitBlock,
    ) -> None:
        mass, m, T = self.mass, self.mass.models[0], problem.terms
        scales = np.concatenate([[1.0], modifiers.scale])
        per_level = found.estimate[:, 0].reshape(proteins.size, -1, T)
        se = (found.se[:, 0] / np.sqrt(mass.unit)).reshape(per_level.shape)
        for t, coefficient in enumerate(problem.coefficients):
            at = np.flatnonzero(self.present == coefficient.contrast + 1)
            if coefficient.model != m or at.size == 0:
                continue
            term = coefficient.term
            per = scale[proteins[good]] * float(scales[term])
            fits.accept(
                proteins[good],
                t,
                estimate=change_units(per_level[good, at[0] - 1, term], per=per),
                se=change_units(se[good, at[0] - 1, term], per=per),
            )

    def _enter_notes(
        self, problem: Problem, laid_out: LaidOut, proteins: I64, fits: FitBlock
    ) -> None:
        """Say what has left the models of some proteins."""
        said = (describe_aliased(self.mass.aliased), self.said)
        apart = np.zeros(proteins.size, dtype=np.int64)
        if np.any(self.ruled_out):
            apart = (laid_out.block.observed[proteins] & self.ruled_out).sum(axis=1)
        columns = [
            t
            for t, coefficient in enumerate(problem.coefficients)
            if coefficient.model == self.mass.models[0]
            and coefficient.contrast + 1 in self.present.tolist()
        ]
        for j, people in zip(proteins.tolist(), apart.tolist(), strict=True):
            if note := "; ".join(filter(None, (*said, describe_ruled_out(people)))):
                fits.messages.update(dict.fromkeys(((j, t) for t in columns), note))

    def _test(
        self, found: BlockEstimate, null: NullEstimate, good: I64, terms: int
    ) -> dict[str, Callable[[], tuple[F64, F64, F64]]]:
        """Return what makes the joint tests of some proteins, by name."""
        unit, P = self.mass.unit, found.estimate.shape[2]
        df = np.full(good.size, float(P))
        covariance, estimate = found.covariance[good, 0] / unit, found.estimate[good, 0]

        def test_ratio() -> tuple[F64, F64, F64]:
            if found.log_likelihood is None:
                raise ValueError("a likelihood ratio without likelihoods")
            gain = found.log_likelihood[good, 0] - null.log_likelihood[good, 0]
            return refer_to_chi2(2.0 * unit * gain, df)

        def test_terms(asked: I64) -> tuple[F64, F64, F64]:
            part = covariance[:, asked[:, None], asked]
            se = np.sqrt(np.einsum("bpp->bp", part))
            return test_jointly(estimate[:, asked], se, part, np.full(good.size, np.inf))

        every = np.arange(P)
        return {
            RATIO: test_ratio,
            SCORE: lambda: refer_to_chi2(unit * null.score[good, 0], df),
            WALD: lambda: test_terms(every),
            INTERACTION: lambda: test_terms(every[every % terms > 0]),
        }


def prepare_solver(problem: Problem, m: int, *, compiled: bool) -> GroupSolver | None:
    """Build the solver of one model; None where the reference, or a certified base, is lacking."""
    model = problem.models[m]
    target = problem.targets[model.target]
    codes = target.values.astype(np.int64)
    present = np.unique(codes)
    if present.size < 2 or present[0] != 0:
        return None
    levels = np.searchsorted(present, codes)
    columns = problem.adjustments[model.adjustment].columns
    factors = factors_within(problem, model.adjustment)
    cells = lay_out_cells(problem.covariates, columns, factors, rows=np.arange(problem.n))
    design = chunk_design(cells.dense, cells.cell_columns, cells.cell_of_row)
    allowed = rule_out_by_cells(_list_cells(problem, model.adjustment), levels, present.size)
    weights, unit, carried = None, 1.0, 1.0
    if problem.weights is not None:
        unit = float(problem.weights.mean())
        weights = problem.weights / unit
        carried = weights.size / float(np.sum(np.square(weights)))
    rows = MultinomialRows.load(allowed, compiled=compiled)
    base = rows.fit_base(design, levels.astype(np.float64), weights)
    if base is None:
        allowed = _rule_out(design, levels, allowed)
        rows = MultinomialRows.load(allowed, compiled=compiled)
        base = rows.fit_base(design, levels.astype(np.float64), weights)
    if base is None:
        return None
    counts = np.ones(problem.n) if weights is None else weights
    eta = np.stack([design.times(b) for b in base.coefficients.reshape(present.size - 1, -1)])
    alone = log_likelihood(eta, levels, allowed, counts)
    solver = BatchedRegressions(design, [base], model=rows, carried=carried)
    aliased = name_aliased(problem, model.adjustment, cells)
    absent = [label for i, label in enumerate(target.levels) if i not in present]
    return GroupSolver(
        MassSolver(solver, (m,), None, aliased, weights, unit),
        present,
        alone,
        describe_empty(absent),
        np.any(allowed == 0.0, axis=0),
    )


def _rule_out(design: ChunkedDesign, levels: I64, allowed: F64) -> F64:
    """Return the levels that rows may have, less those that several covariates together rule out.

    A linear programme of all rows, seconds where they are many, once for all proteins.
    """
    try:
        return np.minimum(allowed, find_choices(design.matrix(), levels, allowed.shape[0]))
    except ArithmeticError:
        return allowed


def _list_cells(problem: Problem, adjustment: int) -> list[I64]:
    """Return the cells of each factor of a set, and of each covariate of two values."""
    factors = factors_within(problem, adjustment)
    cells = [factor.codes for factor in factors]
    dummies = {column for factor in factors for column in factor.columns.tolist()}
    for column in problem.adjustments[adjustment].columns.tolist():
        values = problem.covariates[:, column]
        low, high = values.min(), values.max()
        if column not in dummies and high > low and np.all((values == low) | (values == high)):
            cells.append((values == high).astype(np.int64))
    return cells
