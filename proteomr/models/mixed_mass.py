"""Mixed models of one grouping factor, a block of proteins at a time.

Columns that all proteins share are laid out and summed within groups once; each protein's own are
summed in passes over the block, the criterion of all is minimised together. A fit is taken only
with its certificate: pivots that keep the digits, a certified minimum, and normal equations that
hold on the rows themselves, which the sums have not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, Problem
from proteomr.models.mixed_design import Design, lay_out, list_terms
from proteomr.models.mixed_exact import (
    name_tests,
    refuse_groups,
    refuse_values,
    scale_effects,
    weigh_response,
)
from proteomr.models.mixed_options import Ddf
from proteomr.models.mixed_results import Group, MixedFit, conclude
from proteomr.models.mixed_weights import RowWeights
from proteomr.stats.group_blocks import GroupedColumns, group_columns
from proteomr.stats.linalg import cholesky_pivots, condition_columns, scale_columns
from proteomr.stats.random_structure import Structure
from proteomr.stats.reml_search import Minimum, minimise
from proteomr.stats.reml_sums import Sums
from proteomr.stats.small_matrices import invert_covariances

__all__ = ["MassModel", "Rows", "fit_block", "order_groups", "prepare_model"]

# Squares of sines between columns, and the share of the response that is left: sums lose as many
# digits as these are small, and 10 of 16 are left.
_PIVOT = 1e-6
# Of the normal equations at the minimum, whose weights within and between groups differ.
_WEIGHTED_PIVOT = 1e-7
# Residual covariances this far below the random effects' leave the sums no digits within groups.
_LARGEST_THETA = 1e3
# A shift of an estimate that its normal equations on the rows still ask for, in standard errors.
_SCORE = 1e-9
# Doubles that the sums of a protein may take: 2 MB, so that those of a block stay below 100 MB.
_MOST_CELLS = 250_000
# Fewer groups than this of a pattern, and what missing values leave of them is hardly ever shared;
# of more groups a protein that lacks somebody costs less by itself.
_OWN_PATTERNS, _MOST_OWN = 4, 150
_CELLS_AT_ONCE = 8_000_000  # doubles of the proteins that are summed together: 64 MB


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a problem by groups.

    Attributes
    ----------
    order : ``(n,)``, rows of a group together.
    starts : ``(g,)``, first of each group.
    effects : ``(n, Q)`` in this order, in units ``(Q,)`` of theirs.
    weights : in this order, by which the effects are multiplied.
    """

    order: I64
    starts: I64
    effects: F64
    units: F64
    name: str
    weights: RowWeights


@dataclass(frozen=True, slots=True, eq=False)
class MassModel:
    """What the fits of a model share.

    Attributes
    ----------
    model : its position.
    response : whether the protein is the response.
    design : on all rows, in the order of the problem; without terms where the protein is one.
    shared : columns of the design, with the target where it is the response.
    by : ``(n, i)``, what the protein is multiplied by where it is a term; and its scales.
    y_unit, y_power : of a target that is the response.
    """

    model: int
    response: bool
    design: Design
    shared: GroupedColumns
    by: F64
    by_scale: F64
    y_unit: float
    y_power: float


def order_groups(problem: Problem, weights: RowWeights) -> Rows | None:
    """Return the rows by groups; None where there is not one grouping factor.

    Parameters
    ----------
    weights : by which the random effects of the problem are multiplied.
    """
    random = problem.random
    if random is None or random.kinship is not None or len(random.terms) != 1:
        return None
    term = random.terms[0]
    order = np.argsort(term.codes, kind="stable")
    starts = np.flatnonzero(np.diff(term.codes[order], prepend=-1))
    effects, units = scale_effects(term)
    ordered = np.ascontiguousarray(effects[order])
    return Rows(order, starts, ordered, units, term.group, weights.take(order))


def prepare_model(problem: Problem, rows: Rows, m: int, *, response: bool) -> MassModel | None:
    """Lay out and sum what the fits of a model share; None where they go one by one."""
    model = problem.models[m]
    target = problem.targets[model.target]
    coded = target.code_rows(np.ones(problem.n, dtype=bool))
    if refuse_values(coded, target.name) is not None or coded.lacking:
        return None
    if refuse_groups(problem.effects, problem.n) is not None:
        return None
    columns = problem.adjustments[model.adjustment].columns
    everybody = np.arange(problem.n)
    root = np.empty(problem.n)
    root[rows.order] = rows.weights.root
    terms, powers = np.empty((problem.n, 0)), np.empty(0)
    by, by_scale = np.empty((problem.n, 0)), np.empty(0)
    if response:
        terms, powers = list_terms(problem, coded.columns, everybody)
    elif problem.interaction is not None:
        by, by_scale = scale_columns(problem.interaction)
    design = lay_out(
        problem.covariates[:, columns],
        terms,
        problem.names_of(model.adjustment),
        root=root,
        scales=problem.column_scales[columns],
        powers=powers,
    )
    if design.kept.size < terms.shape[1] or np.any(design.shares**2 < _PIVOT):
        return None
    parts, y_unit, y_power = [design.covariates, design.terms], 1.0, 1.0
    if not response:
        conditioned, power = condition_columns(target.values[:, None])
        y, length = weigh_response(conditioned[:, 0], root)
        for _ in range(2):
            y = y - design.covariates @ (design.covariates.T @ y / problem.n)
        y_unit, y_power = float(np.sqrt(np.mean(y**2))), float(power[0])
        if y_unit**2 < _PIVOT * length**2:
            return None
        parts.append(y[:, None] / y_unit)
    shared = np.column_stack(parts)[rows.order]
    grouped = group_columns(np.ascontiguousarray(shared), rows.effects, rows.starts)
    Q, wide = rows.effects.shape[1], shared.shape[1] + 1 + len(problem.own_names) + by.shape[1]
    if grouped.patterns.shape[0] * (Q * wide) ** 2 > _MOST_CELLS:
        return None
    return MassModel(m, response, design, grouped, by[rows.order], by_scale, y_unit, y_power)


def _are_apart(shared: GroupedColumns) -> bool:
    """Whether most groups have a pattern of their own: weights, or times, that nobody shares."""
    return bool(_OWN_PATTERNS * shared.patterns.shape[0] > shared.starts.size)


def fit_block(
    problem: Problem,
    rows: Rows,
    model: MassModel,
    block: Block,
    scale: F64,
    own_logs: F64,
    able: Bool,
    *,
    ddf: Ddf,
) -> list[MixedFit | None]:
    """Return the fits of the proteins of a block; None for those without a certificate.

    Parameters
    ----------
    block : standardised by ``scale (b,)``, its rows in the order of the groups and multiplied.
    own_logs : ``(b,)``, log volume of what own covariates were divided by.
    able : ``(b,)``, which proteins are to be fitted.
    """
    fits: list[MixedFit | None] = [None] * block.values.shape[0]
    wide = model.shared.columns.shape[1] + 1 + block.own.shape[1] + model.by.shape[1]
    cells = model.shared.patterns.shape[0] * (rows.effects.shape[1] * wide) ** 2
    many = _CELLS_AT_ONCE // max(cells, problem.n * wide // 8, 1)
    if _are_apart(model.shared):
        many = int(many**0.5)  # patterns that missing values leave are each protein's own
        if rows.starts.size > _MOST_OWN:
            able = able & np.array([lost.size == 0 for lost in block.missing])
    at_once = max(1, many)
    chosen = np.flatnonzero(able)
    for first in range(0, chosen.size, at_once):
        part = chosen[first : first + at_once]
        units = scale[part], own_logs[part]
        found = _fit_part(problem, rows, model, block.take(part), *units, ddf=ddf)
        for j, fit in zip(part.tolist(), found, strict=True):
            fits[j] = fit
    return fits


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """Columns of each protein ``(b, o, n)``, in the order own covariates, terms, response.

    Attributes
    ----------
    order : of shared and own columns in the model.
    log_scales : ``(b,)``, log volume of what own columns of the design were divided by, less what
        the weights of rows add to the log likelihood.
    """

    columns: F64
    order: I64
    log_scales: F64


def _fit_part(
    problem: Problem,
    rows: Rows,
    model: MassModel,
    block: Block,
    scale: F64,
    own_logs: F64,
    *,
    ddf: Ddf,
) -> list[MixedFit | None]:
    logs = own_logs - block.observed @ rows.weights.half_log
    own = _list_own(model, block, scale, logs)
    sums, digits = model.shared.sum_block(
        own.columns, block.observed, block.missing, order=own.order
    )
    structure = Structure(((1, rows.effects.shape[1]),))
    fits: list[MixedFit | None] = [None] * scale.size
    sound = digits & _keeps_digits(sums) & _has_groups(sums, structure)
    at = np.flatnonzero(sound)
    if at.size == 0:
        return fits
    sums = sums.take(at)
    found = minimise(sums, structure)
    good = found.certified & (found.criterion.pivots > _WEIGHTED_PIVOT)
    good &= np.abs(found.theta).max(axis=1) < _LARGEST_THETA
    good &= _holds_on_rows(rows, model, own, block.observed, found, structure, at)
    results = _conclude(problem, rows, model, own, sums, found, structure, scale[at], at, ddf)
    for place, j in enumerate(at.tolist()):
        if good[place]:
            fits[j] = results[place]
    return fits


def _list_own(model: MassModel, block: Block, scale: F64, own_logs: F64) -> _Own:
    """Put the own columns of the proteins together."""
    s = block.own.shape[1]
    K = model.shared.columns.shape[1]
    products = [block.values * column for column in model.by.T]
    columns = np.concatenate([block.own, np.stack([block.values, *products], axis=1)], axis=1)
    covariates = model.design.covariates.shape[1]
    own = np.arange(K, K + s)
    last = np.arange(K + s, K + columns.shape[1])
    shared = np.arange(covariates, K)
    logs = own_logs
    if model.response:
        order = np.concatenate([np.arange(covariates), own, shared, last])
    else:
        order = np.concatenate([np.arange(covariates), own, last, shared])
        with np.errstate(divide="ignore"):
            logs = logs + last.size * np.log(scale) + float(np.sum(np.log(model.by_scale)))
    return _Own(columns, order, logs)


def _keeps_digits(sums: Sums) -> Bool:
    """Whether the columns of each model are well apart from one another, and the response too."""
    Q = sums.roots.shape[1]
    weights = np.broadcast_to(np.eye(Q), (sums.n.size, 1, *sums.roots.shape))
    A = sums.within + sums.contract(np.ascontiguousarray(weights))[:, 0]
    return np.asarray(cholesky_pivots(A)[1] > _PIVOT)


def _has_groups(sums: Sums, structure: Structure) -> Bool:
    """Whether there are as many groups and rows in them as the variances need."""
    groups = sums.counts.sum(axis=1)
    enough = (groups >= 2) & (groups * structure.size < sums.n)
    return np.asarray(enough & (sums.n > sums.columns - 1))


def _holds_on_rows(
    rows: Rows,
    model: MassModel,
    own: _Own,
    observed: Bool,
    found: Minimum,
    structure: Structure,
    at: I64,
) -> Bool:
    """Whether the normal equations hold on the rows, and the weighted residuals are those found."""
    state, theta = found.criterion, found.theta
    K = model.shared.columns.shape[1]
    u = np.concatenate([-state.coefficients, np.ones((at.size, 1))], axis=1)
    natural = np.empty_like(u)
    natural[:, own.order] = u
    columns, seen = own.columns[at], observed[at]
    residual = natural[:, :K] @ model.shared.columns.T
    residual += np.einsum("bo,bon->bn", natural[:, K:], columns)
    residual *= seen
    Z, starts, group_of = rows.effects, rows.starts, model.shared.group_of
    Q = Z.shape[1]
    pulled = np.stack(
        [np.add.reduceat(residual * Z[:, a], starts, axis=1) for a in range(Q)], axis=2
    )
    squares = _square_effects(rows, group_of, seen, pulled.shape)
    L = structure.factors(theta)[0][:, None]
    turned = L.transpose(0, 1, 3, 2)
    inner = invert_covariances(np.eye(Q) + turned @ squares @ L)[0]
    effect = (L @ (inner @ (turned @ pulled[..., None])))[..., 0]
    weighted = residual.copy()
    for a in range(Q):
        part = np.take(np.ascontiguousarray(effect[..., a]), group_of, axis=1)
        part *= Z[:, a]
        weighted -= part
    weighted *= seen
    score = np.empty((at.size, u.shape[1]))
    score[:, :K] = weighted @ model.shared.columns
    score[:, K:] = np.einsum("bn,bon->bo", weighted, columns)
    score = score[:, own.order]
    shift = np.einsum("bij,bj->bi", state.inverse, score[:, :-1])
    free = np.count_nonzero(seen, axis=1) - (u.shape[1] - 1)
    errors = np.sqrt(np.einsum("bii->bi", state.inverse) * (state.rss / free)[:, None])
    rss = np.einsum("bn,bn->b", residual, weighted)
    holds = np.all(np.abs(shift) <= _SCORE * errors, axis=1)
    return np.asarray(holds & (np.abs(rss - state.rss) <= _SCORE * state.rss))


def _square_effects(rows: Rows, group_of: I64, seen: Bool, shape: tuple[int, ...]) -> F64:
    """Return ``Z'Z`` ``(b, g, Q, Q)`` of each group's rows that each protein has."""
    Z, Q = rows.effects, rows.effects.shape[1]
    products = (Z[:, :, None] * Z[:, None, :]).reshape(-1, Q * Q)
    squares = np.empty((*shape, Q))
    squares[:] = np.add.reduceat(products, rows.starts, axis=0).reshape(-1, Q, Q)
    protein, row = np.nonzero(~seen)
    if row.size:
        at = protein * shape[1] + group_of[row]
        for part in range(Q * Q):
            gone = np.bincount(at, products[row, part], shape[0] * shape[1])
            squares[:, :, part // Q, part % Q] -= gone.reshape(shape[:2])
    return squares


def _conclude(
    problem: Problem,
    rows: Rows,
    model: MassModel,
    own: _Own,
    sums: Sums,
    found: Minimum,
    structure: Structure,
    scale: F64,
    at: I64,
    ddf: Ddf,
) -> list[MixedFit]:
    b, design = at.size, model.design
    ones = np.ones(b)
    if model.response:
        units = np.broadcast_to(design.units, (b, design.units.size))
        powers = np.broadcast_to(design.powers, units.shape)
        y_units, y_powers = scale, ones
    else:
        per = np.concatenate([[1.0], model.by_scale])
        units = scale[:, None] * np.ones(per.size)
        powers = np.broadcast_to(per, units.shape)
        y_units, y_powers = model.y_unit * ones, model.y_power * ones
    return conclude(
        found,
        sums,
        structure,
        ddf=ddf,
        terms=units.shape[1],
        units=units,
        powers=powers,
        y_units=y_units,
        y_powers=y_powers,
        log_volumes=design.log_volume + own.log_scales[at],
        weight_unit=rows.weights.unit,
        groups=(Group(rows.name, rows.units),),
        tests=name_tests(problem, problem.targets[problem.models[model.model].target].width),
    )
