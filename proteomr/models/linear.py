"""The linear family: ``protein = exposure b + own covariates c + covariates d + e``.

Every protein has its own complete cases. The covariates are orthonormalised once, ordered so that
the columns of a smaller adjustment set come first and one Cholesky factor serves all sets that are
nested. A protein's Gram matrix in that basis is the common one less the part of its missing rows;
exposure, own covariates and response are borders of it, and small Schur complements give all fits.
Pivots are checked after down-dating: what they forbid goes to a Householder QR of that protein's
own rows (:func:`proteomr.stats.linalg.solve_least_squares`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, FitBlock, Problem, Status, factors_within, refuse_unfit
from proteomr.models.cells import lay_out_cells, name_aliased
from proteomr.stats.celled import CelledBasis
from proteomr.stats.linalg import (
    LeastSquares,
    change_units,
    cholesky_pivots,
    condition_columns,
    find_independent,
    solve_least_squares,
    standardise_rows,
)

__all__ = ["Linear", "LinearState"]

_PIVOT = 1e-5
_ALIASED = 1e-9
_ILL_CONDITIONED = 1e4
_LEFT_OVER = 0.05
_PERFECT = 1e-11
_COMBINATION = "{} is a linear combination of the covariates on the rows of the fit"


@dataclass(frozen=True, slots=True)
class _Chain:
    """Nested adjustment sets on one orthonormal basis.

    Attributes
    ----------
    basis : ``(n, k + e)``, columns of factor cells, what these leave of the other covariates
        orthonormalised, then what the smallest set leaves of the exposures.
    ranks : columns of the basis that each set spans, by adjustment.
    tests : positions of the tests that it serves, with the adjustment and the exposure column of
        each.
    aliased : names of the covariates that others determine, by adjustment.
    sound : which of these tests are safe for the fast path: covariates that are not
        ill-conditioned, and an exposure that they leave a good part of.
    """

    basis: CelledBasis
    ranks: dict[int, int]
    tests: tuple[tuple[int, int, int], ...]
    aliased: dict[int, tuple[str, ...]]
    sound: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class LinearState:
    """The problem and its chains of nested adjustment sets.

    Attributes
    ----------
    problem : with its exposures in a range that loses no digits.
    cases : ``(n, e)``, the exposures of 0 and 1 as they are, NaN for the others.
    units : ``(t,)``, the size that each exposure was divided by.
    """

    problem: Problem
    cases: F64
    units: F64
    chains: tuple[_Chain, ...]


@dataclass(frozen=True, slots=True)
class Linear:
    """Least squares of each protein on each exposure; classical standard errors, t statistics."""

    name: Literal["linear"] = "linear"
    scans: Literal["response"] = "response"

    def prepare(self, problem: Problem) -> LinearState:
        """Orthonormalise the covariates of every chain of nested adjustment sets."""
        exposures, units = condition_columns(problem.exposures)
        conditioned = replace(problem, exposures=exposures)
        chains = tuple(_build_chain(conditioned, members) for members in _nest(problem))
        of_test = [test.exposure for test in problem.tests]
        return LinearState(conditioned, _mark_cases(problem.exposures), units[of_test], chains)

    def fit(self, state: LinearState, block: Block) -> FitBlock:
        """Fit every test to every protein of the block."""
        fits = FitBlock.empty(block.values.shape[0], len(state.problem.tests))
        counts = block.observed.sum(axis=1)
        fits.n[:] = counts[:, None]
        of_test = [test.exposure for test in state.problem.tests]
        fits.n_case[:] = _count_cases(state.cases, block)[:, of_test]
        varying = refuse_unfit(block, fits)[:, 0]
        standard, scale = _standardise(block)
        for chain in state.chains:
            done = _fit_chain(chain, standard, scale, state.units, varying, fits)
            for j, position in zip(*np.nonzero(~done & varying[:, None]), strict=True):
                t = chain.tests[position][0]
                _fit_exactly(state, block, j, t, fits)
        return fits.seal()


def _nest(problem: Problem) -> list[list[int]]:
    """Group the adjustment sets in use into chains in which each is contained in the next."""
    used = sorted({test.adjustment for test in problem.tests})
    sets = {a: frozenset(problem.adjustments[a].columns.tolist()) for a in used}
    chains: list[list[int]] = []
    for a in sorted(used, key=lambda a: (len(sets[a]), a)):
        home = next((chain for chain in chains if sets[chain[-1]] <= sets[a]), None)
        if home is None:
            chains.append([a])
        else:
            home.append(a)
    return chains


def _build_chain(problem: Problem, members: list[int]) -> _Chain:
    order: list[int] = []
    breaks = {}
    for a in members:
        order += [c for c in problem.adjustments[a].columns.tolist() if c not in set(order)]
        breaks[a] = len(order)
    factors = factors_within(problem, members[0])
    cells = lay_out_cells(problem.covariates, order, factors, rows=np.arange(problem.n))
    z = cells.cell_columns.shape[1]
    place = {column: i for i, column in enumerate(order)}
    ranks = {
        a: z + sum(place[column] < stop for column in cells.kept) for a, stop in breaks.items()
    }
    covariates = CelledBasis(cells.cell_columns, cells.cell_of_row, cells.dense)
    rest = {a: _residualise(problem.exposures, covariates, rank) for a, rank in ranks.items()}
    dense = np.column_stack([cells.dense, rest[members[0]]])
    tests = tuple(
        (t, test.adjustment, test.exposure)
        for t, test in enumerate(problem.tests)
        if test.adjustment in breaks
    )
    X = problem.covariates[:, [*cells.sparse, *cells.kept]]
    X = X[:, find_independent(X, tolerance=_ALIASED)]
    R = np.linalg.qr(X / np.linalg.norm(X, axis=0), mode="r")
    well = problem.n > X.shape[1] and float(np.linalg.cond(R)) < _ILL_CONDITIONED
    lengths = np.linalg.norm(problem.exposures - problem.exposures.mean(axis=0), axis=0)
    left = {
        a: np.linalg.norm(e, axis=0) / np.where(lengths > 0, lengths, np.inf)
        for a, e in rest.items()
    }
    sound = tuple(well and bool(left[a][e] > _LEFT_OVER) for _, a, e in tests)
    basis = CelledBasis(cells.cell_columns, cells.cell_of_row, dense)
    aliased = {a: name_aliased(problem, a, cells) for a in members}
    return _Chain(basis, ranks, tests, aliased, sound)


def _residualise(exposures: F64, basis: CelledBasis, rank: int) -> F64:
    """Return what the first columns of the basis leave of the exposures ``(n, e)``."""
    rest = exposures
    whole = basis.gram(np.ones(basis.n, dtype=bool))[:rank, :rank]
    for _ in range(2):
        products = basis.times(np.ascontiguousarray(rest.T))[:, :rank]
        coefficients = np.linalg.lstsq(whole, products.T, rcond=None)[0]
        cell_part = (basis.cell_columns @ coefficients[: basis.z])[basis.cell_of_row]
        rest = rest - cell_part - basis.dense[:, : rank - basis.z] @ coefficients[basis.z :]
    return rest


def _mark_cases(exposures: F64) -> F64:
    """Return the exposures ``(n, e)`` that are 0 and 1 as they are, and NaN for the others."""
    binary = np.all((exposures == 0.0) | (exposures == 1.0), axis=0)
    return np.where(binary, exposures, np.nan)


def _count_cases(cases: F64, block: Block) -> I64:
    """Count the people with an exposure of 0 and 1 in each protein ``(b, e)``; -1 for others."""
    counts = block.observed @ cases
    return np.rint(np.where(np.isnan(counts), -1.0, counts)).astype(np.int64)


def _standardise(block: Block) -> tuple[Block, F64]:
    """Return the block centred and scaled over the observed rows, and the proteins' scales."""
    values, scale = standardise_rows(block.values, block.observed)
    own = np.empty_like(block.own)
    for a in range(own.shape[1]):
        own[:, a] = standardise_rows(block.own[:, a], block.observed)[0]
    return Block(values, own, block.observed), scale


def _fit_chain(
    chain: _Chain, block: Block, scale: F64, units: F64, varying: Bool, fits: FitBlock
) -> Bool:
    """Fill in the fits of a chain that the fast path can do; return which ``(b, its tests)``."""
    b, s, _ = block.own.shape
    done = np.zeros((b, len(chain.tests)), dtype=bool)
    if not any(chain.sound):
        return done
    k = max(chain.ranks.values())
    gram = np.stack([chain.basis.gram(observed) for observed in block.observed])
    L, pivots = cholesky_pivots(gram[:, :k, :k])
    borders, corner = _borders(chain, block, gram, k)
    U = np.linalg.solve(L, borders)
    counts = block.observed.sum(axis=1)
    for position, (t, adjustment, exposure) in enumerate(chain.tests):
        rank = chain.ranks[adjustment]
        V = U[:, :rank]
        schur = corner - np.matmul(V.transpose(0, 2, 1), V)
        take = [*range(s), s + exposure, -1]
        S = schur[:, take][:, :, take]
        whole = np.einsum("bii->bi", corner[:, take][:, :, take])
        estimate, se, smallest = _eliminate(S, whole, counts - rank - s - 1)
        good = varying & (pivots > _PIVOT) & (smallest > _PIVOT) & chain.sound[position]
        done[:, position] = good
        fits.estimate[good, t] = change_units(estimate[good], by=scale[good], per=units[t])
        fits.se[good, t] = change_units(se[good], by=scale[good], per=units[t])
        fits.df[good, t] = (counts - rank - s - 1)[good]
        fits.status[good, t] = int(Status.ok)
        if chain.aliased[adjustment]:
            for j in np.flatnonzero(good).tolist():
                fits.messages[j, t] = f"aliased: {', '.join(chain.aliased[adjustment])}"
    return done


def _borders(chain: _Chain, block: Block, gram: F64, k: int) -> tuple[F64, F64]:
    """Return the products of own covariates, exposures, response with basis and one another."""
    b, s, n = block.own.shape
    e = gram.shape[1] - k
    columns = np.concatenate([block.own, block.values[:, None, :]], axis=1)
    products = chain.basis.times(columns.reshape(b * (s + 1), n)).reshape(b, s + 1, k + e)
    borders = np.empty((b, k, s + e + 1))
    borders[:, :, :s] = products[:, :s, :k].transpose(0, 2, 1)
    borders[:, :, s : s + e] = gram[:, :k, k:]
    borders[:, :, -1] = products[:, s, :k]
    corner = np.empty((b, s + e + 1, s + e + 1))
    inner = np.matmul(columns, columns.transpose(0, 2, 1))
    ends = [*range(s), -1]
    for i, row in enumerate(ends):
        for j, column in enumerate(ends):
            corner[:, row, column] = inner[:, i, j]
        corner[:, row, s : s + e] = corner[:, s : s + e, row] = products[:, i, k:]
    corner[:, s : s + e, s : s + e] = gram[:, k:, k:]
    return borders, corner


def _eliminate(S: F64, whole: F64, df: I64) -> tuple[F64, F64, F64]:
    """Sweep out of ``S (b, s + 2, s + 2)``; return estimate, se and the smallest pivot."""
    S = S.copy()
    last = S.shape[1] - 1
    smallest = np.full(S.shape[0], np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for p in range(last):
            pivot = S[:, p, p].copy()
            smallest = np.minimum(smallest, pivot / whole[:, p])
            if p < last - 1:
                S -= S[:, :, [p]] * S[:, [p], :] / pivot[:, None, None]
        estimate = S[:, last - 1, last] / pivot
        rss = S[:, last, last] - estimate * S[:, last - 1, last]
        smallest = np.minimum(smallest, rss / whole[:, last])
        se = np.sqrt(np.maximum(rss, 0.0) / df / pivot)
    smallest = np.where(np.isfinite(smallest) & (df > 0), smallest, 0.0)
    return estimate, se, smallest


def _fit_exactly(state: LinearState, block: Block, j: int, t: int, fits: FitBlock) -> None:
    problem = state.problem
    test = problem.tests[t]
    rows = block.observed[j]
    exposure = problem.exposure_names[test.exposure]
    C = problem.covariates[rows][:, problem.adjustments[test.adjustment].columns]
    x = problem.exposures[rows, test.exposure]
    # Exactly: a rounded centre or scale of the protein would cost ill-conditioned designs digits.
    ys, by = condition_columns(block.values[j, rows][:, None])
    y = ys[:, 0]
    if x.size == 0 or np.all(x == x[0]):
        fits.refuse(j, t, Status.constant, f"{exposure} has one value on the rows of the fit")
        return
    X = np.column_stack([C, condition_columns(block.own[j][:, rows].T)[0], x])
    names = (*problem.names_of(test.adjustment), *problem.own_names)
    fit = solve_least_squares(X, y, tolerance=_ALIASED)
    if fit.df <= 0:
        fits.refuse(j, t, Status.too_few, f"{x.size} people for {X.shape[1]} coefficients")
        return
    if X.shape[1] - 1 not in fit.kept:
        fits.refuse(j, t, Status.collinear, _COMBINATION.format(exposure))
        return
    residual, explained = _shares(fit, y)
    if max(residual, explained) < _PERFECT:
        fits.refuse(j, t, Status.collinear, _COMBINATION.format("the protein"))
        return
    fits.estimate[j, t] = change_units(fit.coefficients[-1:], by=by, per=state.units[t])[0]
    fits.se[j, t] = change_units(fit.se[-1:], by=by, per=state.units[t])[0]
    fits.df[j, t] = fit.df
    fits.status[j, t] = int(Status.ok)
    notes = _remark(fit, names)
    if residual < _PERFECT:
        notes.append("perfect fit: the standard error is rounding")
    if notes:
        fits.messages[j, t] = "; ".join(notes)


def _shares(fit: LeastSquares, y: F64) -> tuple[float, float]:
    """Return what the fit leaves of the response, and what the last column alone adds, as shares.

    Both are lengths, relative to that of the centred response.
    """
    length = float(np.linalg.norm(y - y.mean()))
    added = abs(float(fit.coefficients[-1])) / float(np.sqrt(fit.unscaled[-1, -1]))
    return float(np.sqrt(fit.rss)) / length, added / length


def _remark(fit: LeastSquares, names: tuple[str, ...]) -> list[str]:
    """Say which covariates are aliased, and that the design was ill-conditioned."""
    notes = []
    aliased = [name for i, name in enumerate(names) if i not in set(fit.kept.tolist())]
    if aliased:
        notes.append(f"aliased: {', '.join(aliased)}")
    if fit.refined:
        notes.append(f"ill-conditioned (condition {fit.condition:.0e}), solved by refined QR")
    return notes
