"""What linear fits share: chains of nested adjustment sets, each chain on one basis.

The covariates are orthonormalised once, ordered so that the columns of a smaller adjustment set
come first and one Cholesky factor serves all sets that are nested. Behind them stands what the
smallest set leaves of the terms of interest: targets, and their products with the columns of an
interaction. Weights are roots that rows are multiplied by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F32, F64
from proteomr.models.base import Problem, factors_within
from proteomr.models.cells import (
    Cells,
    lay_out_cells,
    name_aliased,
    orthonormalise_twice,
    take_out_cells,
)
from proteomr.models.responses import respond_throughout
from proteomr.stats.celled import CelledBasis
from proteomr.stats.linalg import condition_columns, find_powers, scale_columns

__all__ = ["LEFT_OVER", "Chain", "ChainModel", "Terms", "build_chains"]

# Beyond this condition of the scaled covariates even their basis has lost more than four digits.
_ILL_CONDITIONED = 1e4
# What the covariates leave of a term, as a share of its length: less, and the square that enters
# the Gram matrix loses more than the two to three digits that can be spared.
LEFT_OVER = 0.05


@dataclass(frozen=True, slots=True)
class ChainModel:
    """A model that a chain serves, by positions in the problem.

    Attributes
    ----------
    response : whether the protein is its response.
    sound : whether it is safe for the fast path: covariates that are not ill-conditioned, and terms
        that they leave a good part of.
    """

    model: int
    adjustment: int
    target: int
    response: bool
    sound: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """Targets, and their products with the columns of an interaction where a protein is a response.

    Attributes
    ----------
    values : ``(n, e * per)``, conditioned, and multiplied by the roots of the weights, for the e
        columns of the targets.
    units : ``(e * per,)``, what they were divided by.
    per : terms of each column of a target, its own and its products.
    starts : the first of the columns of each target, and the end of all.
    root : ``(n,)``, roots of the weights over ``root_unit``; None where all are equal.
    by : ``(n, i)``, columns whose products with a protein are terms, and their units ``(i,)``.
    """

    values: F64
    units: F64
    per: int
    starts: tuple[int, ...]
    root: F64 | None
    by: F64
    by_units: F64
    root_unit: float = 1.0

    def of(self, target: int) -> range:
        """Positions of the terms of a target."""
        return range(self.per * self.starts[target], self.per * self.starts[target + 1])


@dataclass(frozen=True, slots=True)
class Chain:
    """Nested adjustment sets on one orthonormal basis.

    Attributes
    ----------
    basis : ``(n, k + e * per)``, columns of factor cells, what these leave of the other covariates
        orthonormalised, then what the smallest set leaves of the terms.
    ranks : columns of the basis that each set spans, by adjustment.
    models : that it serves.
    aliased : names of the covariates that others determine, by adjustment.
    shares : of its length that the covariates leave of each term ``(e * per,)``, by adjustment.
    single : ``(n, d)``, dense columns of the covariates in single precision, where asked for.
    """

    basis: CelledBasis
    ranks: dict[int, int]
    models: tuple[ChainModel, ...]
    aliased: dict[int, tuple[str, ...]]
    shares: dict[int, F64]
    single: F32 | None

    @property
    def rank(self) -> int:
        """Columns of the basis that all covariates span."""
        return max(self.ranks.values())


def build_chains(
    problem: Problem,
    responses: Sequence[bool],
    *,
    plain: bool,
    leverages: bool,
    beside: F64 | None = None,
) -> tuple[Terms, tuple[Chain, ...]]:
    """Lay out the terms of a problem, and each chain of nested adjustment sets.

    Parameters
    ----------
    responses : whether the protein is the response, by model.
    plain : whether the exact path of the models is the classical one, which counts a covariate that
        is 0 in all among the aliased.
    leverages : keep the dense columns in single precision too.
    beside : ``(n, q)``, columns that stand as terms behind those of the targets, such as
        instruments; only without an interaction.
    """
    terms = _lay_out_terms(problem, products=any(responses), beside=beside)
    square = _square(problem, terms.root)
    chains = []
    for members in _nest(problem):
        chain = _build_chain(problem, terms, square, members, responses)
        if not plain:
            chain = replace(chain, aliased=_without_empty(problem, square, chain.aliased))
        if leverages:
            d = chain.rank - chain.basis.z
            chain = replace(chain, single=chain.basis.dense[:, :d].astype(np.float32))
        chains.append(chain)
    return terms, tuple(chains)


def _without_empty(
    problem: Problem, square: F64, aliased: dict[int, tuple[str, ...]]
) -> dict[int, tuple[str, ...]]:
    """Return the aliased covariates less those that are 0 in all, which are levels of nobody."""
    empty = {problem.names[c] for c in np.flatnonzero(np.diagonal(square) == 0.0).tolist()}
    return {a: tuple(name for name in names if name not in empty) for a, names in aliased.items()}


def _lay_out_terms(problem: Problem, *, products: bool, beside: F64 | None) -> Terms:
    columns = [respond_throughout(t) for t in problem.targets]
    if beside is not None:
        columns.append(beside)
    targets, units = condition_columns(np.column_stack(columns))
    by, by_units = scale_columns(
        np.empty((problem.n, 0)) if problem.interaction is None else problem.interaction
    )
    per = 1
    if products and by.shape[1]:
        per = 1 + by.shape[1]
        e = targets.shape[1]
        flat = (targets[:, :, None] * by[:, None, :]).reshape(problem.n, -1)
        flat, made_units = condition_columns(flat)
        with np.errstate(over="ignore", under="ignore"):
            scale = units[:, None] * by_units * made_units.reshape(e, -1)
        made = flat.reshape(problem.n, e, -1)
        targets = np.concatenate([targets[:, :, None], made], axis=2).reshape(problem.n, -1)
        units = np.concatenate([units[:, None], scale], axis=1).ravel()
    root, root_unit = None, 1.0
    if problem.weights is not None:
        # no fit or error depends on the unit of the weights
        root = np.sqrt(problem.weights)
        root_unit = float(find_powers(root.max(keepdims=True, initial=0.0))[0])
        root /= root_unit
        targets = targets * root[:, None]
    starts = np.cumsum([0, *(target.width for target in problem.targets)]).tolist()
    return Terms(targets, units, per, tuple(starts), root, by, by_units, root_unit)


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


def _build_chain(
    problem: Problem,
    terms: Terms,
    square: F64,
    members: list[int],
    responses: Sequence[bool],
) -> Chain:
    """Lay out the covariates of nested sets, and what they leave of the terms."""
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
    aliased = {a: name_aliased(problem, a, cells) for a in members}
    columns = np.array([*cells.sparse, *cells.kept])
    covariates = _make_basis(cells, terms)
    del cells  # as large as the basis
    rest = _residualise(terms.values, covariates, ranks[members[0]])
    well = problem.n > columns.size and _is_well_conditioned(square[np.ix_(columns, columns)])
    lengths = _measure_centred(terms)
    share = {a: _measure_rest(rest, covariates, rank) / lengths for a, rank in ranks.items()}
    models = []
    for m, model in enumerate(problem.models):
        if model.adjustment in breaks:
            of_target = terms.of(model.target)
            used = share[model.adjustment][of_target if responses[m] else of_target[:1]]
            sound = bool(well and np.all(used > LEFT_OVER))
            models.append(ChainModel(m, model.adjustment, model.target, bool(responses[m]), sound))
    return Chain(covariates.append(rest), ranks, tuple(models), aliased, share, None)


def _make_basis(cells: Cells, terms: Terms) -> CelledBasis:
    """Return the basis of covariates, orthonormal in the rows times their roots."""
    dense, root, room = cells.dense, terms.root, terms.values.shape[1]
    if root is not None:
        dense = dense * root[:, None]
        counts = np.bincount(cells.cell_of_row, minlength=cells.cell_columns.shape[0])
        take_out_cells(dense, cells.cell_columns, counts, root=root)
        dense = orthonormalise_twice(dense)
    return CelledBasis(cells.cell_columns, cells.cell_of_row, dense, root=root, room=room)


def _residualise(values: F64, basis: CelledBasis, rank: int) -> F64:
    """Return what the first columns of the basis leave of others ``(n, e)``."""
    rest = values
    whole = basis.gram_without(np.empty(0, dtype=np.int64))[:rank, :rank]
    coefficients = np.zeros((basis.width, values.shape[1]))
    for _ in range(2):  # once more takes out what rounding left (Kahan's twice is enough)
        products = basis.times(np.ascontiguousarray(rest.T), alike=False)[:, :rank]
        coefficients[:rank] = np.linalg.lstsq(whole, products.T, rcond=None)[0]
        rest = rest - basis.combine(coefficients)
    return rest


def _measure_rest(rest: F64, basis: CelledBasis, rank: int) -> F64:
    """Return the lengths of what the first columns of the basis leave of others ``(e,)``.

    By what they take of them: rounding counts for nothing beside the share that is asked for.
    """
    whole = basis.gram_without(np.empty(0, dtype=np.int64))[:rank, :rank]
    products = basis.times(np.ascontiguousarray(rest.T), alike=False)[:, :rank]
    taken = np.sum(products.T * np.linalg.lstsq(whole, products.T, rcond=None)[0], axis=0)
    squares = np.einsum("ij,ij->j", rest, rest)
    return np.asarray(np.sqrt(np.maximum(squares - taken, 0.0)))


def _square(problem: Problem, root: F64 | None) -> F64:
    """Return the cross-products of the covariates, rows times their roots, each of length 1."""
    C = problem.covariates if root is None else problem.covariates * root[:, None]
    gram = C.T @ C
    lengths = np.sqrt(np.diagonal(gram))
    return np.asarray(gram / np.outer(*(2 * [np.where(lengths > 0.0, lengths, 1.0)])))


def _is_well_conditioned(square: F64) -> bool:
    """Whether columns of length 1 with these cross-products are far from dependent.

    The limit squared is far above the rounding of the eigenvalues.
    """
    values = np.linalg.eigvalsh(square)
    return bool(values[0] * _ILL_CONDITIONED**2 > values[-1])


def _measure_centred(terms: Terms) -> F64:
    """Return the lengths of the terms about their means; infinite for a constant one."""
    values = terms.values
    if terms.root is None:
        lengths = np.linalg.norm(values - values.mean(axis=0), axis=0)
    else:
        root = terms.root
        means = root @ values / (root @ root)
        lengths = np.linalg.norm(values - root[:, None] * means, axis=0)
    return np.where(lengths > 0, lengths, np.inf)
