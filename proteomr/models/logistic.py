"""The logistic family: ``logit P(exposure = 1) = protein b + own covariates c + covariates d``,
maximum likelihood.

Three paths give the same maximum. Large problems: all fits of a block together on shared
information (:mod:`proteomr.stats.batched_logistic`). Small ones: Newton's method with every fit's
own information (:mod:`proteomr.stats.newton`). What neither settles: one fit at a time with
aliasing and separation resolved (:mod:`proteomr.stats.logistic`). A factor level on which nobody,
or everybody, has the outcome sends its own coefficient to infinity and leaves the others a limit,
that of the fit without its people (Geyer 2009, doi:10.1214/08-EJS349): they are taken out of the
likelihood and stay in the ranks and in n, as in R at full convergence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import (
    FIRTH_GIVEN,
    FIRTH_UNSETTLED,
    PROFILE_UNSETTLED,
    Block,
    Factor,
    FitBlock,
    Problem,
    Status,
    factors_within,
    refuse_unfit,
)
from proteomr.models.cells import lay_out_cells, name_aliased
from proteomr.stats.base_fit import fit_base
from proteomr.stats.batched_logistic import BatchedLogistic
from proteomr.stats.chunked import chunk_design
from proteomr.stats.firth import fit_firth
from proteomr.stats.linalg import (
    find_independent,
    orthonormalise,
    scale_columns,
    standardise_rows,
)
from proteomr.stats.logistic import LogisticFit, fit_limit
from proteomr.stats.newton import fit_newton
from proteomr.stats.profile_intervals import profile_limits

__all__ = ["Logistic", "LogisticState"]

_SMALL = 2_000
# As in the cells of the mass path: which covariates are aliased must not depend on the path.
_ALIASED = 1e-9
# A protein closer to the covariates has an estimate with fewer than eight digits.
_COLLINEAR = 1e-7
_EXTREME = 12.0


@dataclass(frozen=True, slots=True)
class _Mass:
    """A batched solver of one adjustment set, for the tests whose responses share its rows.

    ``rows`` are None where it uses all; ``aliased`` names the covariates that others determine.
    """

    solver: BatchedLogistic
    tests: tuple[int, ...]
    rows: I64 | None
    aliased: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogisticState:
    """The problem, the order of rows that the mass path wants, and its solvers.

    Attributes
    ----------
    design : ``(n, k)``, the covariates scaled for Newton's method.
    cells : order of the rows by the factors' cells; None where the problem is small.
    """

    problem: Problem
    design: F64
    mass: tuple[_Mass, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression of each exposure on each protein; Wald z statistics.

    Parameters
    ----------
    firth : give Firth's penalised estimate with its profile interval where a fit is separated.
    level : coverage of the profile interval.
    compiled : use the compiled row loops; the plain ones otherwise.
    """

    firth: bool = False
    level: float = 0.95
    compiled: bool = True
    name: Literal["logistic"] = "logistic"
    scans: Literal["predictor"] = "predictor"

    def prepare(self, problem: Problem) -> LogisticState:
        """Fit every exposure to the covariates alone, where the problem is large."""
        if problem.n <= _SMALL:
            return LogisticState(problem, _scale_columns(problem))
        mass: list[_Mass] = []
        for adjustment in sorted({test.adjustment for test in problem.tests}):
            tests = [t for t, test in enumerate(problem.tests) if test.adjustment == adjustment]
            mass += _prepare_mass(problem, adjustment, tests, compiled=self.compiled)
        return LogisticState(problem, np.empty((0, 0)), tuple(mass))

    def fit(self, state: LogisticState, block: Block) -> FitBlock:
        """Fit every test to every protein of the block."""
        problem = state.problem
        b = block.values.shape[0]
        fits = FitBlock.empty(b, len(problem.tests))
        counts = block.observed.sum(axis=1)
        fits.n[:] = counts[:, None]
        fits.df[:] = np.inf
        cases = block.observed.astype(np.float64) @ problem.exposures
        for t, test in enumerate(problem.tests):
            fits.n_case[:, t] = np.rint(cases[:, test.exposure]).astype(np.int64)
        open_fits = _screen(problem, block, fits)
        scaled, scale = _scale_borders(block)
        if problem.n <= _SMALL:
            for t in range(len(problem.tests)):
                _fit_small(state, scaled, scale, t, open_fits, fits)
        for mass in state.mass:
            _fit_mass(mass, scaled, scale, open_fits, fits)
        for j, t in zip(*np.nonzero(open_fits), strict=True):
            self._fit_one(problem, block, int(j), int(t), fits)
        return fits.seal()

    def _fit_one(self, problem: Problem, block: Block, j: int, t: int, fits: FitBlock) -> None:
        """Fit one test to one protein with aliasing and separation resolved."""
        test = problem.tests[t]
        people = int(block.observed[j].sum())
        response = problem.exposures[:, test.exposure]
        seen = block.observed[j : j + 1].astype(np.float64)
        factors = factors_within(problem, test.adjustment)
        rows = _constant_levels(factors, response[None, :], seen)[0] > 0
        if not np.any(rows):
            rows = block.observed[j]
        C = problem.covariates[rows][:, problem.adjustments[test.adjustment].columns]
        names = (*problem.names_of(test.adjustment), *problem.own_names)
        x, y = block.values[j, rows], problem.exposures[rows, test.exposure]
        X, scale = _standard_columns(np.column_stack([C, block.own[j][:, rows].T, x]))
        X, kept = _take_basis(X, C.shape[1])
        if people <= problem.adjustments[test.adjustment].columns.size + len(problem.own_names):
            whole = block.observed[j]
            everything = problem.covariates[whole][:, problem.adjustments[test.adjustment].columns]
            if people <= find_independent(everything).size + len(problem.own_names) + 1:
                message = f"{people} people for {len(names) + 1} coefficients"
                fits.refuse(j, t, Status.too_few, message)
                return
        if y.size <= kept.size:
            fits.refuse(j, t, Status.separated, "separated by the levels of the factors")
            return
        apart = people - y.size
        if len(names) not in kept:
            message = "the protein is a linear combination of the covariates on the rows of the fit"
            fits.refuse(j, t, Status.separated if apart else Status.collinear, message)
            return
        aliased = [name for i, name in enumerate(names) if i not in set(kept.tolist())]
        notes = [f"aliased: {', '.join(aliased)}"] if aliased and not apart else []
        if apart:
            notes.append(f"{apart} people separated by covariates alone")
        self._maximise(X, y, scale[-1], j, t, fits, notes)

    def _maximise(
        self, X: F64, y: F64, scale: float, j: int, t: int, fits: FitBlock, notes: list[str]
    ) -> None:
        found = fit_limit(X, y, column=X.shape[1] - 1)
        fit, kind = found.fit, found.separation
        if found.apart:
            notes.append(f"{found.apart} people separated by covariates alone")
        if kind != "none":
            self._answer_separation(X, y, scale, j, t, fits, [*notes, f"{kind} separation"])
        elif not fit.converged:
            fits.refuse(j, t, Status.not_converged, "Newton's method did not settle")
        else:
            fits.status[j, t] = int(Status.ok)
            _record(fits, j, t, fit, scale)
            if notes:
                fits.messages[j, t] = "; ".join(notes)

    def _answer_separation(
        self, X: F64, y: F64, scale: float, j: int, t: int, fits: FitBlock, notes: list[str]
    ) -> None:
        fits.refuse(j, t, Status.separated, "; ".join(notes))
        if not self.firth:
            return
        fit = fit_firth(X, y)
        if not fit.converged:
            fits.messages[j, t] += f"; {FIRTH_UNSETTLED}"
            return
        low, high = profile_limits(X, y, fit, column=X.shape[1] - 1, level=self.level, firth=True)
        if np.isnan(low) or np.isnan(high):
            fits.messages[j, t] += f"; {PROFILE_UNSETTLED}"
            return
        _record(fits, j, t, fit, scale)
        fits.conf_low[j, t], fits.conf_high[j, t] = low / scale, high / scale
        fits.messages[j, t] += f"; {FIRTH_GIVEN}"


def _record(fits: FitBlock, j: int, t: int, fit: LogisticFit, scale: float) -> None:
    fits.estimate[j, t] = fit.coefficients[-1] / scale
    fits.se[j, t] = fit.se[-1] / scale


def _standard_columns(X: F64) -> tuple[F64, F64]:
    """Centre and scale all columns but the intercept (0); constant columns become 0."""
    X, power = scale_columns(X)
    out = X - X.mean(axis=0)
    scale = np.sqrt(np.mean(out**2, axis=0))
    flat = scale <= 1e-12 * np.abs(X).max(axis=0, initial=0.0)
    scale = np.where(flat, 1.0, scale)
    out = np.where(flat, 0.0, out / scale)
    out[:, 0] = 1.0
    return out, scale * power


def _take_basis(X: F64, k: int) -> tuple[F64, I64]:
    """Return a basis of the first k columns, which are covariates, and the independent others.

    Also the positions of the columns that are not aliased. The estimate of a later column is the
    same in any basis of those before it, and Newton's method wants an orthogonal one.
    """
    covariates = find_independent(X[:, :k], tolerance=_ALIASED)
    basis = orthonormalise(X[:, covariates])
    whole = np.column_stack([basis, X[:, k:]])
    kept = find_independent(whole, tolerance=_COLLINEAR)
    others = kept[kept >= covariates.size]
    positions = np.concatenate([covariates, others - covariates.size + k])
    return whole[:, [*range(covariates.size), *others]], positions


def _scale_columns(problem: Problem) -> F64:
    """Return the covariates with dummy columns as they are and the others centred and scaled."""
    out, _ = _standard_columns(problem.covariates)
    dummies = [column for factor in problem.factors for column in factor.columns.tolist()]
    out[:, dummies] = problem.covariates[:, dummies]
    return out


def _scale_borders(block: Block) -> tuple[Block, F64]:
    """Return the block centred and scaled over the rows observed, and the proteins' scales."""
    values, scale = standardise_rows(block.values, block.observed)
    own = np.empty_like(block.own)
    for a in range(own.shape[1]):
        own[:, a] = standardise_rows(block.own[:, a], block.observed)[0]
    return Block(values, own, block.observed), np.where(scale > 0.0, scale, 1.0)


def _screen(problem: Problem, block: Block, fits: FitBlock) -> Bool:
    """Refuse what needs no fit; return which fits remain ``(b, t)``."""
    remaining = refuse_unfit(block, fits)
    for t, test in enumerate(problem.tests):
        exposure = problem.exposure_names[test.exposure]
        single = (fits.n_case[:, t] == 0) | (fits.n_case[:, t] == fits.n[:, t])
        for j in np.flatnonzero(single & remaining[:, t]).tolist():
            fits.refuse(j, t, Status.constant, f"{exposure} has one value on the rows of the fit")
            remaining[j, t] = False
    return remaining


def _constant_levels(factors: tuple[Factor, ...], response: F64, observed: F64) -> F64:
    """Return the mask ``(r, n)`` less the people in factor levels on which the response is
    constant.
    """
    mask = observed.copy()
    for _ in range(4):
        before = mask.sum()
        for factor in factors:
            levels = int(factor.codes.max(initial=0)) + 1
            member = (factor.codes[:, None] == np.arange(levels)).astype(np.float64)
            people = mask @ member
            cases = (mask * response) @ member
            constant = (people > 0) & ((cases == 0) | (cases == people))
            if np.any(constant):
                mask *= 1.0 - constant.astype(np.float64) @ member.T
        if mask.sum() == before:
            break
    return mask


def _fit_small(
    state: LogisticState, block: Block, scale: F64, t: int, open_fits: Bool, fits: FitBlock
) -> None:
    problem = state.problem
    test = problem.tests[t]
    proteins = np.flatnonzero(open_fits[:, t])
    if proteins.size == 0:
        return
    observed = block.observed[proteins].astype(np.float64)
    y = np.broadcast_to(problem.exposures[:, test.exposure], observed.shape)
    mask = _constant_levels(factors_within(problem, test.adjustment), y, observed)
    borders = np.concatenate([block.values[proteins, None], block.own[proteins]], axis=1)
    A = state.design[:, problem.adjustments[test.adjustment].columns]
    found = fit_newton(A, borders, mask, np.ascontiguousarray(y))
    enough = mask.sum(axis=1) > A.shape[1] + borders.shape[1]
    good = found.converged & (found.extreme < _EXTREME) & enough
    at = proteins[good]
    fits.estimate[at, t] = (found.estimate / scale[proteins])[good]
    fits.se[at, t] = (found.se / scale[proteins])[good]
    fits.status[at, t] = int(Status.ok)
    open_fits[at, t] = False
    apart = np.rint(observed.sum(axis=1) - mask.sum(axis=1)).astype(int)
    for j, people in zip(at, apart[good], strict=True):
        if people:
            fits.messages[j, t] = f"{people} people separated by covariates alone"


def _prepare_mass(
    problem: Problem, adjustment: int, tests: list[int], *, compiled: bool
) -> list[_Mass]:
    """Build the solvers of one adjustment set: one for all responses that share their rows."""
    factors = factors_within(problem, adjustment)
    groups: dict[bytes, tuple[Bool, list[int]]] = {}
    for t in tests:
        y = problem.exposures[None, :, problem.tests[t].exposure]
        kept = _constant_levels(factors, y, np.ones_like(y))[0] > 0
        groups.setdefault(kept.tobytes(), (kept, []))[1].append(t)
    out = []
    for kept, members in groups.values():
        rows = None if np.all(kept) else np.flatnonzero(kept)
        built = _build_solver(problem, adjustment, members, rows, compiled=compiled)
        if built is not None:
            out.append(_Mass(built[0], tuple(members), rows, built[1]))
    return out


def _build_solver(
    problem: Problem, adjustment: int, tests: list[int], rows: I64 | None, *, compiled: bool
) -> tuple[BatchedLogistic, tuple[str, ...]] | None:
    at = np.arange(problem.n) if rows is None else rows
    columns = problem.adjustments[adjustment].columns
    cells = lay_out_cells(problem.covariates, columns, factors_within(problem, adjustment), rows=at)
    design = chunk_design(cells.dense, cells.cell_columns, cells.cell_of_row)
    bases = []
    for t in tests:
        base = fit_base(design, problem.exposures[at, problem.tests[t].exposure])
        if base is None:
            return None
        bases.append(base)
    aliased = () if rows is not None else name_aliased(problem, adjustment, cells)
    return BatchedLogistic(design, bases, compiled=compiled), aliased


def _fit_mass(mass: _Mass, block: Block, scale: F64, open_fits: Bool, fits: FitBlock) -> None:
    proteins = np.flatnonzero(np.any(open_fits[:, list(mass.tests)], axis=1))
    if proteins.size == 0:
        return
    take = block if proteins.size == block.values.shape[0] else block.take(proteins)
    borders = np.concatenate([take.values[:, None], take.own], axis=1)
    observed = take.observed.astype(np.float32)
    if mass.rows is not None:
        borders = np.ascontiguousarray(borders[:, :, mass.rows])
        observed = np.ascontiguousarray(observed[:, mass.rows])
    found = mass.solver.fit(borders, observed)
    people = take.observed.sum(axis=1)
    kept = np.rint(observed.sum(axis=1)).astype(np.int64)
    enough = kept > mass.solver.design.k + borders.shape[1]
    for position, t in enumerate(mass.tests):
        good = found.converged[:, position] & open_fits[proteins, t] & enough
        at = proteins[good]
        fits.estimate[at, t] = (found.estimate[:, position] / scale[proteins])[good]
        fits.se[at, t] = (found.se[:, position] / scale[proteins])[good]
        fits.status[at, t] = int(Status.ok)
        open_fits[at, t] = False
        for j, apart in zip(at.tolist(), (people - kept)[good].tolist(), strict=True):
            notes = [f"aliased: {', '.join(mass.aliased)}"] if mass.aliased else []
            if apart:
                notes.append(f"{apart} people separated by covariates alone")
            if notes:
                fits.messages[j, t] = "; ".join(notes)
