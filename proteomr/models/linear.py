"""The linear family: ``protein = exposure b + own covariates c + covariates d + e``, or
``outcome = protein b + own covariates c + covariates d + e``.

Every protein has its own complete cases. The covariates are orthonormalised once, ordered so that
the columns of a smaller adjustment set come first and one Cholesky factor serves all sets that are
nested. A protein's Gram matrix in that basis is the common one less the part of its missing rows;
target, own covariates and protein are borders of it, and small Schur complements give all fits.
Pivots are checked after down-dating: what they forbid goes to a Householder QR of that protein's
own rows (:func:`proteomr.stats.linalg.solve_least_squares`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import (
    Block,
    Fit,
    FitBlock,
    Problem,
    Refusal,
    count_cases,
    factors_within,
    refuse_unfit,
)
from proteomr.models.cells import describe_aliased, lay_out_cells, name_aliased
from proteomr.models.exact import (
    ONE_BY_ONE,
    OneByOne,
    Regression,
    Solution,
    fit_one_by_one,
    is_beyond_mass_paths,
)
from proteomr.models.family import Distribution, Family, Scans, Support
from proteomr.models.targets import NUMBERS, TWO_LEVELS, TargetKind
from proteomr.stats.celled import CelledBasis
from proteomr.stats.linalg import (
    LeastSquares,
    change_units,
    cholesky_pivots,
    condition_columns,
    find_independent,
    solve_least_squares,
)
from proteomr.stats.sandwich import CLUSTERED, ROBUST, estimate_sandwich
from proteomr.status import Status

__all__ = ["Linear", "LinearState"]

# A Schur complement of this share of its diagonal has lost five digits to cancellation: with the
# sixteen of doubles, estimates keep the 1e-10 asked of linear fits. What is below is refined.
_PIVOT = 1e-5
# The share of its length below which a column counts as made of those before it. R's lm has 1e-7
# on columns as they are; the exact path orthogonalises twice, so that two digits more are sound.
_ALIASED = 1e-9
# Beyond this condition of the scaled covariates even their basis has lost more than four digits.
_ILL_CONDITIONED = 1e4
# What the covariates leave of a target, as a share of its length: less, and the square that enters
# the Gram matrix loses more than the two to three digits that can be spared.
_LEFT_OVER = 0.05
# Residuals of this share of the response are rounding: sqrt(n) times the spacing of doubles for a
# million people is 2e-13, and the basis adds a digit or two.
_PERFECT = 1e-11
_COMBINATION = "{} is a linear combination of the covariates on the rows of the fit"


@dataclass(frozen=True, slots=True)
class _Chain:
    """Nested adjustment sets on one orthonormal basis.

    Attributes
    ----------
    basis : ``(n, k + e)``, columns of factor cells, what these leave of the other covariates
        orthonormalised, then what the smallest set leaves of the targets.
    ranks : columns of the basis that each set spans, by adjustment.
    models : positions of the models that it serves, with the adjustment and the target of each.
    aliased : names of the covariates that others determine, by adjustment.
    sound : which of these models are safe for the fast path: covariates that are not
        ill-conditioned, and a target that they leave a good part of.
    """

    basis: CelledBasis
    ranks: dict[int, int]
    models: tuple[tuple[int, int, int], ...]
    aliased: dict[int, tuple[str, ...]]
    sound: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class LinearState:
    """The problem and its chains of nested adjustment sets.

    Attributes
    ----------
    units : ``(targets,)``, what the chains' targets were divided by.
    """

    problem: Problem
    units: F64
    chains: tuple[_Chain, ...]


@dataclass(frozen=True, slots=True)
class Linear(Family[LinearState | OneByOne]):
    """Least squares of each protein on each exposure, or of each outcome on each protein.

    Student's t on the residual degrees of freedom; R's ``lm``.

    Examples
    --------
    >>> Linear.direction("exposure"), Linear.direction("outcome")
    ('protein~exposure', 'outcome~protein')
    """

    name: ClassVar[str] = "linear"
    scans: ClassVar[Scans] = "response"
    takes: ClassVar[tuple[TargetKind, ...]] = (TWO_LEVELS, NUMBERS)
    distribution: ClassVar[Distribution] = "t"
    ratio: ClassVar[None] = None
    version: ClassVar[int] = 2
    supports: ClassVar[Support] = Support(
        roles=("exposure", "outcome"),
        errors=("classical", *ROBUST, *CLUSTERED),
        weighted_errors=("classical", *ROBUST, "CR0", "CR1"),
        interaction=True,
        own_covariates=True,
    )

    def prepare(self, problem: Problem) -> LinearState | OneByOne:
        """Orthonormalise the covariates of every chain of nested adjustment sets."""
        if is_beyond_mass_paths(problem, self.options):
            return OneByOne(problem)
        targets, units = condition_columns(np.column_stack([t.values for t in problem.targets]))
        chains = tuple(_build_chain(problem, targets, members) for members in _nest(problem))
        return LinearState(problem, units, chains)

    def fit_block(self, state: LinearState | OneByOne, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        if isinstance(state, OneByOne):
            side = self.side_of_protein
            return fit_one_by_one(state.problem, block, solve=self._solve, side_of_protein=side)
        problem = state.problem
        fits = FitBlock.empty(block.values.shape[0], len(problem.models))
        counts = block.counts
        fits.n[:] = counts[:, None]
        fits.n_case[:] = count_cases(problem, block)
        varying = refuse_unfit(block, fits)[:, 0]
        standard, scale = block.standardise()
        for chain in state.chains:
            done = _fit_chain(state, chain, standard, scale, varying, fits)
            for j, position in zip(*np.nonzero(~done & varying[:, None]), strict=True):
                m = chain.models[position][0]
                fits.enter(int(j), m, _fit_exactly(problem, block, int(j), m))
        return fits

    def describe_path(self, state: LinearState | OneByOne) -> str:
        """Say whether blocks are projected together, or fitted one by one."""
        if isinstance(state, OneByOne):
            return ONE_BY_ONE
        return "blocks projected together on a basis of the covariates"

    def _solve(self, regression: Regression) -> Solution:
        """Fit one regression by itself, with weights and robust errors."""
        X, weights = regression.X, regression.weights
        root = np.sqrt(weights)
        y, unit = condition_columns(regression.y[:, None])
        fit = solve_least_squares(X * root[:, None], y[:, 0] * root)
        none = np.full(X.shape[1], np.nan)
        by = float(unit[0])
        if self.options.errors == "classical":
            df = np.full(X.shape[1], float(fit.df))
            covariance = fit.unscaled * (fit.rss / fit.df)
            return Solution(fit.coefficients, fit.se, df, none, none, covariance, unit=by)
        robust = estimate_sandwich(
            X,
            fit.residuals / root,
            weights,
            kind=self.options.errors,
            clusters=regression.clusters,
        )
        # CR2 has degrees of freedom for single coefficients alone
        joint = None if self.options.errors == "CR2" else robust.covariance
        return Solution(
            fit.coefficients,
            robust.se,
            robust.df,
            none,
            none,
            joint,
            unit=by,
            errors=self.options.errors,
            carriers=robust.carriers,
        )


def _nest(problem: Problem) -> list[list[int]]:
    """Group the adjustment sets in use into chains in which each is contained in the next."""
    used = sorted({model.adjustment for model in problem.models})
    sets = {a: frozenset(problem.adjustments[a].columns.tolist()) for a in used}
    chains: list[list[int]] = []
    for a in sorted(used, key=lambda a: (len(sets[a]), a)):
        home = next((chain for chain in chains if sets[chain[-1]] <= sets[a]), None)
        if home is None:
            chains.append([a])
        else:
            home.append(a)
    return chains


def _build_chain(problem: Problem, targets: F64, members: list[int]) -> _Chain:
    """Lay out the covariates of nested sets, and what they leave of the targets ``(n, e)``."""
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
    rest = {a: _residualise(targets, covariates, rank) for a, rank in ranks.items()}
    dense = np.column_stack([cells.dense, rest[members[0]]])
    models = tuple(
        (m, model.adjustment, model.target)
        for m, model in enumerate(problem.models)
        if model.adjustment in breaks
    )
    X = problem.covariates[:, [*cells.sparse, *cells.kept]]
    X = X[:, find_independent(X, tolerance=_ALIASED)]
    R = np.linalg.qr(X / np.linalg.norm(X, axis=0), mode="r")
    well = problem.n > X.shape[1] and float(np.linalg.cond(R)) < _ILL_CONDITIONED
    lengths = np.linalg.norm(targets - targets.mean(axis=0), axis=0)
    remaining = {
        a: np.linalg.norm(e, axis=0) / np.where(lengths > 0, lengths, np.inf)
        for a, e in rest.items()
    }
    sound = tuple(well and bool(remaining[a][e] > _LEFT_OVER) for _, a, e in models)
    basis = CelledBasis(cells.cell_columns, cells.cell_of_row, dense)
    aliased = {a: name_aliased(problem, a, cells) for a in members}
    return _Chain(basis, ranks, models, aliased, sound)


def _residualise(targets: F64, basis: CelledBasis, rank: int) -> F64:
    """Return what the first columns of the basis leave of the targets ``(n, e)``."""
    rest = targets
    whole = basis.gram(np.ones(basis.n, dtype=bool))[:rank, :rank]
    for _ in range(2):  # once more takes out what rounding left (Kahan's twice is enough)
        products = basis.times(np.ascontiguousarray(rest.T))[:, :rank]
        coefficients = np.linalg.lstsq(whole, products.T, rcond=None)[0]
        cell_part = (basis.cell_columns @ coefficients[: basis.z])[basis.cell_of_row]
        rest = rest - cell_part - basis.dense[:, : rank - basis.z] @ coefficients[basis.z :]
    return rest


def _fit_chain(
    state: LinearState, chain: _Chain, block: Block, scale: F64, varying: Bool, fits: FitBlock
) -> Bool:
    """Fill in the fits of a chain that the fast path can do; return which ``(b, its models)``."""
    b, s, _ = block.own.shape
    done = np.zeros((b, len(chain.models)), dtype=bool)
    if not any(chain.sound):
        return done
    k = max(chain.ranks.values())
    gram = np.stack([chain.basis.gram(observed) for observed in block.observed])
    L, pivots = cholesky_pivots(gram[:, :k, :k])
    borders, corner = _borders(chain, block, gram, k)
    U = np.linalg.solve(L, borders)
    counts = block.counts
    for position, (m, adjustment, target) in enumerate(chain.models):
        rank = chain.ranks[adjustment]
        V = U[:, :rank]
        schur = corner - np.matmul(V.transpose(0, 2, 1), V)
        response = _is_response(state.problem, m)
        ends = (s + target, -1) if response else (-1, s + target)
        take = [*range(s), *ends]
        S = schur[:, take][:, :, take]
        whole = np.einsum("bii->bi", corner[:, take][:, :, take])
        df = counts - rank - s - 1
        estimate, se, smallest = _eliminate(S, whole, df)
        good = varying & (pivots > _PIVOT) & (smallest > _PIVOT) & chain.sound[position]
        done[:, position] = good
        at = np.flatnonzero(good)
        units = scale[good], state.units[target]
        by, per = units if response else units[::-1]
        estimate = change_units(estimate[good], by=by, per=per)
        fits.accept(at, m, estimate=estimate, se=change_units(se[good], by=by, per=per))
        fits.df[at, m] = df[good]
        if chain.aliased[adjustment]:
            for j in at.tolist():
                fits.messages[j, m] = describe_aliased(chain.aliased[adjustment])
    return done


def _is_response(problem: Problem, model: int) -> bool:
    """Whether the protein is the response of a model."""
    role = problem.targets[problem.models[model].target].role
    return Linear.side_of_protein(role) == "response"


def _borders(chain: _Chain, block: Block, gram: F64, k: int) -> tuple[F64, F64]:
    """Return the products of own covariates, targets, protein with basis and one another."""
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


def _fit_exactly(problem: Problem, block: Block, j: int, m: int) -> Fit | Refusal:
    """Fit one model to one protein by a Householder QR of its own rows."""
    model = problem.models[m]
    target = problem.targets[model.target]
    rows = block.observed[j]
    C = problem.covariates[rows][:, problem.adjustments[model.adjustment].columns]
    values, protein = target.values[rows], block.values[j, rows]
    if values.size == 0 or np.all(values == values[0]):
        return Refusal(Status.constant, f"{target.name} has one value on the rows of the fit")
    response = _is_response(problem, m)
    x, y = (values, protein) if response else (protein, values)
    term, other = (target.name, "the protein") if response else ("the protein", target.name)
    X, per = condition_columns(np.column_stack([C, block.own[j][:, rows].T, x]))
    # Exactly: a rounded centre or scale would cost ill-conditioned designs digits.
    ys, by = condition_columns(y[:, None])
    y = ys[:, 0]
    names = (*problem.names_of(model.adjustment), *problem.own_names)
    fit = solve_least_squares(X, y, tolerance=_ALIASED)
    if fit.df <= 0:
        return Refusal(Status.too_few, f"{x.size} people for {X.shape[1]} coefficients")
    if X.shape[1] - 1 not in fit.kept:
        return Refusal(Status.collinear, _COMBINATION.format(term))
    residual, explained = _shares(fit, y)
    if max(residual, explained) < _PERFECT:
        return Refusal(Status.collinear, _COMBINATION.format(other))
    notes = _remark(fit, names)
    if residual < _PERFECT:
        notes.append("perfect fit: the standard error is rounding")
    numbers = np.array([fit.coefficients[-1], fit.se[-1]])
    estimate, se = change_units(numbers, by=by, per=per[-1]).tolist()
    return Fit(estimate, se, float(fit.df), message="; ".join(notes))


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
        notes.append(describe_aliased(aliased))
    if fit.refined:
        notes.append(f"ill-conditioned (condition {fit.condition:.0e}), solved by refined QR")
    return notes
