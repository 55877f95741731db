"""Ordinal fits of large problems: the proteins of a block together, on shared information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Factor, FitBlock, JointTests, Problem, factors_within
from proteomr.models.cells import lay_out_cells, name_aliased
from proteomr.models.exact import INTERACTION
from proteomr.models.logistic_mass import LaidOut, count_rows, describe_mass
from proteomr.models.logistic_solvers import MassSolver, Modifiers
from proteomr.models.ordinal_exact import LR, PROPORTIONAL_ODDS, describe_lost
from proteomr.stats.batched_regressions import BatchedRegressions
from proteomr.stats.block_estimates import BlockEstimate
from proteomr.stats.block_rows import BlockRows
from proteomr.stats.chunked import chunk_design
from proteomr.stats.cumulative_links import Link
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units
from proteomr.stats.ordinal_rows import OrdinalRows
from proteomr.stats.parallel_slopes import ParallelSlopes
from proteomr.stats.quasi_newton import Beginning

__all__ = ["OrdinalMass", "drop_extreme_levels", "prepare_ordinal_mass"]

# Taking out people can leave another level with none but the highest, rarely more than twice.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class OrdinalMass:
    """The batched solver of one model.

    Attributes
    ----------
    mass : solver, model, rows and weights.
    at_level : ``(n, t + 1)`` on its rows, 1 where a person has a level.
    slopes : fits of a slope at each threshold; None for two levels.
    alone : log-likelihood of the covariates alone, on all its rows.
    said : what is to be said of levels that nobody has.
    """

    mass: MassSolver
    at_level: F64
    slopes: ParallelSlopes | None
    alone: float
    said: str

    @property
    def model(self) -> int:
        """Position of its model in the problem."""
        return self.mass.models[0]

    def enter(
        self,
        problem: Problem,
        modifiers: Modifiers,
        laid_out: LaidOut,
        scale: F64,
        open_fits: Bool,
        *,
        fits: FitBlock,
        joint: dict[str, JointTests],
    ) -> Bool:
        """Fit the open proteins, and enter those that have a certificate for all they give.

        Parameters
        ----------
        scale : ``(b,)``, what the proteins were divided by.
        open_fits : ``(b,)``, what is wanted.

        Returns
        -------
        Which proteins are entered ``(b,)``.
        """
        done = np.zeros(open_fits.size, dtype=bool)
        proteins = np.flatnonzero(open_fits)
        if proteins.size == 0:
            return done
        rows = laid_out.take(proteins, self.mass)
        begun = self.mass.solver.begin(rows, terms=problem.terms)
        found = self.mass.solver.fit(
            rows,
            back=modifiers.back,
            likelihood=True,
            begun=begun,
            keep=self.slopes is not None,
        )
        able = found.converged[:, 0] & self.have_all(rows)
        bent = np.full(proteins.size, np.nan)
        if self.slopes is not None and found.at_maximum is not None:
            values, sure = self.slopes.maximise(found.at_maximum)
            bent = values[: rows.wanted]
            able &= sure[: rows.wanted]
        alone, sure = self._weigh_alone(laid_out, rows, proteins, begun)
        good = np.flatnonzero(able & sure)
        apart = fits.n[proteins, 0] - count_rows(rows)
        self._enter_estimates(problem, modifiers, found, good, proteins, scale, apart, fits)
        self._enter_tests(found, good, proteins, alone, bent, joint, terms=problem.terms)
        done[proteins[good]] = True
        return done

    def have_all(self, rows: BlockRows) -> Bool:
        """Say which proteins are seen at all levels, by more people than there are coefficients."""
        of_levels = rows.observed[: rows.wanted].astype(np.float64) @ self.at_level
        coefficients = (
            self.mass.solver.design.k + self.at_level.shape[1] - 1 + rows.borders.shape[1]
        )
        return np.asarray(np.all(of_levels > 0.0, axis=1) & (count_rows(rows) > coefficients))

    def _weigh_alone(
        self, laid_out: LaidOut, rows: BlockRows, proteins: I64, begun: Beginning
    ) -> tuple[F64, Bool]:
        """Return the log-likelihoods without the proteins ``(b,)``, and which are certified."""
        block = laid_out.block
        if not block.own.shape[1] and np.all(block.observed[proteins]):
            return np.full(proteins.size, self.alone), np.ones(proteins.size, dtype=bool)
        alone = self.mass.solver.maximise(rows, begun)
        return alone.log_likelihood[:, 0], alone.converged[:, 0]

    def _enter_estimates(
        self,
        problem: Problem,
        modifiers: Modifiers,
        found: BlockEstimate,
        good: I64,
        proteins: I64,
        scale: F64,
        apart: I64,
        fits: FitBlock,
    ) -> None:
        scales = np.concatenate([[1.0], modifiers.scale])
        se = found.se[:, 0] / np.sqrt(self.mass.unit)
        notes = [
            "; ".join(filter(None, (note, self.said)))
            for note in describe_mass(self.mass, apart[good])
        ]
        for t, coefficient in enumerate(problem.coefficients):
            if coefficient.model != self.model:
                continue
            term = coefficient.term
            per = scale[proteins[good]] * float(scales[term])
            fits.accept(
                proteins[good],
                t,
                estimate=change_units(found.estimate[good, 0, term], per=per),
                se=change_units(se[good, term], per=per),
            )
            said = zip(proteins[good].tolist(), notes, strict=True)
            fits.messages.update({(j, t): note for j, note in said if note})

    def _enter_tests(
        self,
        found: BlockEstimate,
        good: I64,
        proteins: I64,
        alone: F64,
        bent: F64,
        joint: dict[str, JointTests],
        *,
        terms: int,
    ) -> None:
        m, unit, at = self.model, self.mass.unit, proteins[good]
        if found.log_likelihood is not None:
            whole = found.log_likelihood[good, 0]
            _enter_ratio(joint[LR], at, m, unit * (whole - alone[good]), terms)
            if self.slopes is not None:
                free = self.at_level.shape[1] - 2
                _enter_ratio(joint[PROPORTIONAL_ODDS], at, m, unit * (bent[good] - whole), free)
        if terms == 1:
            return
        covariance = found.covariance[good, 0, 1:, 1:] / unit
        estimate = found.estimate[good, 0, 1:]
        se = np.sqrt(np.einsum("bpp->bp", covariance))
        tests = test_jointly(estimate, se, covariance, np.full(good.size, np.inf))
        _enter(joint[INTERACTION], at, m, tests)


def _enter_ratio(tests: JointTests, proteins: I64, m: int, rise: F64, df: int) -> None:
    """Enter tests by what a log-likelihood rises by."""
    statistic = np.maximum(2.0 * rise, 0.0)
    dfs = np.full(statistic.size, float(df))
    _enter(tests, proteins, m, (statistic, dfs, neg_log10_p_chi2(statistic, dfs)))


def _enter(tests: JointTests, proteins: I64, m: int, found: tuple[F64, F64, F64]) -> None:
    parts = (tests.statistic, tests.df, tests.neg_log10_p)
    for values, part in zip(parts, found, strict=True):
        values[proteins, m] = part


def drop_extreme_levels(factors: tuple[Factor, ...], levels: I64) -> Bool:
    """Return the people but those in levels of factors with the highest, or lowest, level alone.

    Covariates alone send the coefficients of such levels to infinity; people in them carry nothing
    of the limit (Geyer 2009, doi:10.1214/08-EJS349).

    Examples
    --------
    >>> site = Factor("site", np.array([0, 0, 1, 1, 1]), np.array([1]))
    >>> drop_extreme_levels((site,), np.array([2, 2, 0, 1, 2])).tolist()
    [False, False, True, True, True]
    """
    used = np.ones(levels.size, dtype=bool)
    for _ in range(_ROUNDS):
        before = np.count_nonzero(used)
        for factor in factors:
            size = int(factor.codes.max(initial=0)) + 1
            people = np.bincount(factor.codes[used], minlength=size)
            for end in (levels.max(), levels.min()):
                at_end = np.bincount(factor.codes[used & (levels == end)], minlength=size)
                used &= ~((people > 0) & (at_end == people))[factor.codes]
        if np.count_nonzero(used) == before:
            break
    return used


def prepare_ordinal_mass(
    problem: Problem, m: int, link: Link, *, compiled: bool
) -> OrdinalMass | None:
    """Build the solver of one model; None where its fit to covariates alone has no certificate."""
    model = problem.models[m]
    target = problem.targets[model.target]
    codes = target.values.astype(np.int64)
    factors = factors_within(problem, model.adjustment)
    columns = problem.adjustments[model.adjustment].columns
    used = drop_extreme_levels(factors, codes)
    at = np.flatnonzero(used)
    present = np.unique(codes)
    if present.size < 2 or np.unique(codes[at]).size < present.size:
        return None
    levels = np.searchsorted(present, codes[at])
    cells = lay_out_cells(problem.covariates, columns, factors, rows=at)
    # The thresholds stand for the intercept, the first column of the cells.
    design = chunk_design(cells.dense, cells.cell_columns[:, 1:], cells.cell_of_row)
    rows = OrdinalRows.load(present.size, link=link, compiled=compiled)
    weights, unit, carried = None, 1.0, 1.0
    if problem.weights is not None:
        unit = float(problem.weights[at].mean())
        weights = problem.weights[at] / unit
        carried = weights.size / float(np.sum(np.square(weights)))
    base = rows.fit_base(design, levels.astype(np.float64), weights)
    if base is None:
        return None
    solver = BatchedRegressions(design, [base], model=rows, carried=carried)
    everyone = np.arange(problem.n)
    whole = (
        cells if used.all() else lay_out_cells(problem.covariates, columns, factors, rows=everyone)
    )
    aliased = name_aliased(problem, model.adjustment, whole)
    kept = None if used.all() else at
    return OrdinalMass(
        MassSolver(solver, (m,), kept, aliased, weights, unit),
        (levels[:, None] == np.arange(present.size)).astype(np.float64),
        ParallelSlopes(design, rows) if present.size > 2 else None,
        rows.weigh_evidence(design, base, weights),
        describe_lost(target.levels, present),
    )
