"""Whole models of all proteins of a block together: what each needs of the rows, and its units.

Columns of a fit are a basis of the covariates by the cells of the factors, then the protein's own
covariates, the term and its products; :class:`Units` brings coefficients of these back to those of
the columns as they are in the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Adjustment, Block, Problem, factors_within
from proteomr.models.cells import Cells, lay_out_cells
from proteomr.models.whole import WholeFit, find_column, turn_back
from proteomr.stats.chunked import ChunkedDesign, chunk_design
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import find_powers, scale_columns
from proteomr.stats.natural_splines import bend_line
from proteomr.stats.nested_tests import NestedTest

__all__ = [
    "BlockColumns",
    "BlockFinder",
    "FoundModels",
    "SharedColumns",
    "Units",
    "compute_wald",
    "lay_out_shared",
    "prepare_columns",
    "standardise_observed",
]


@dataclass(frozen=True, slots=True)
class FoundModels:
    """What came of R models of a block.

    Attributes
    ----------
    proteins, models : ``(R,)``, positions.
    settled : ``(R,)``, which have their certificate; the others are for the exact path.
    tests : of each model, by name.
    fits : all coefficients of each model; None where they are not asked for.
    names : of these coefficients, where they are not those of the columns.
    """

    proteins: I64
    models: I64
    settled: Bool
    tests: Mapping[str, Sequence[NestedTest | None]]
    fits: Sequence[WholeFit | None] | None
    names: tuple[str, ...] | None = None


class BlockFinder(Protocol):
    """How a family fits and tests the whole models of a block."""

    def find(self, block: Block, able: Bool) -> Iterator[FoundModels]:
        """Yield what is found of the models that are able ``(b, m)``."""
        ...


def compute_wald(theta: F64, covariance: F64, df: float, tested: I64) -> NestedTest | None:
    """Test coefficients ``(p,)`` by their covariance ``(p, p)``; None without one."""
    at = np.ix_(tested, tested)
    se = np.sqrt(np.diagonal(covariance)[tested])
    found = test_jointly(theta[None, tested], se[None], covariance[at][None], np.array([df]))
    statistic, q, minus_log = (float(part[0]) for part in found)
    return None if np.isnan(statistic) else (statistic, q, minus_log)


@dataclass(frozen=True, slots=True)
class SharedColumns:
    """The covariates of an adjustment set, laid out, and the models that have them.

    Attributes
    ----------
    back : ``(q, k)``, turns coefficients of the design into those of the q covariates of the set in
        the units of the data, where they are none of those that others determine.
    known : ``(q,)``, which are not.
    modifiers : positions in the set of the covariates that terms are multiplied with; None where
        one is none of them.
    """

    adjustment: int
    design: ChunkedDesign
    models: tuple[int, ...]
    back: F64
    known: Bool
    modifiers: tuple[int, ...] | None


def lay_out_shared(problem: Problem) -> tuple[SharedColumns, ...]:
    """Lay out the adjustment sets of a problem that have models."""
    out = []
    for a in sorted({model.adjustment for model in problem.models}):
        models = tuple(m for m, model in enumerate(problem.models) if model.adjustment == a)
        columns = problem.adjustments[a].columns
        factors = factors_within(problem, a)
        cells = lay_out_cells(problem.covariates, columns, factors, rows=np.arange(problem.n))
        design = chunk_design(cells.dense, cells.cell_columns, cells.cell_of_row)
        back, known = _turn_back(problem, problem.adjustments[a], cells, design)
        modifiers = _find_modifiers(problem, columns)
        out.append(SharedColumns(a, design, models, back, known, modifiers))
    return tuple(out)


def _turn_back(
    problem: Problem, adjustment: Adjustment, cells: Cells, design: ChunkedDesign
) -> tuple[F64, Bool]:
    columns = adjustment.columns
    known = np.isin(columns, [*cells.sparse, *cells.kept])
    D = design.matrix()
    made = np.linalg.solve(D.T @ D, D.T @ problem.covariates[:, columns[known]])
    inverse = np.linalg.inv(made)
    units = turn_back(*problem.units[:, columns[known]], intercept=True)
    back = np.full((columns.size, design.k), np.nan)
    with np.errstate(all="ignore"):  # what is beyond the numbers there are has no estimate
        back[known] = units @ inverse
    return back, known


def _find_modifiers(problem: Problem, columns: I64) -> tuple[int, ...] | None:
    if problem.interaction is None:
        return ()
    found = [find_column(problem, column) for column in problem.interaction.T]
    at = [np.flatnonzero(columns == one) for one in found if one is not None]
    if len(at) < len(found) or any(one.size == 0 for one in at):
        return None
    return tuple(int(one[0]) for one in at)


@dataclass(frozen=True, slots=True)
class Units:
    """Shift and scale of the columns of each protein beside the covariates ``(b, s)``."""

    mean: F64
    scale: F64

    def bring_back(
        self,
        shared: SharedColumns,
        j: int,
        theta: F64,
        covariance: F64,
        df: float,
        *,
        by: float = 1.0,
        shift: float = 0.0,
    ) -> WholeFit:
        """Return a fit of protein j in the units of the data.

        Parameters
        ----------
        theta, covariance : ``(k + s,)``, ``(k + s, k + s)``, the products last.
        by, shift : what the response was divided by, and what was taken off it.
        """
        q, k, s = shared.back.shape[0], shared.design.k, self.mean.shape[1]
        products = len(shared.modifiers or ())
        single = s - products
        G = np.zeros((q + s, k + s))
        G[:q, :k] = shared.back
        with np.errstate(all="ignore"):  # as of the covariates
            per = 1.0 / self.scale[j]
            G[q + np.arange(s), k + np.arange(s)] = per
            G[0, k : k + single] = -(self.mean[j] * per)[:single]
            for i, modifier in enumerate(shared.modifiers or ()):
                G[modifier, k + single + i] -= self.mean[j, single - 1] * per[single + i]
        return WholeFit.of(G, theta, covariance, by=by, shift=shift, df=np.full(q + s, df))


@dataclass(frozen=True, slots=True)
class BlockColumns:
    """Columns of the proteins of a block beside the covariates, and how they are scaled.

    Attributes
    ----------
    borders : ``(b, s, n)``, own covariates, the term, its products; centred and scaled but for the
        products, whose term is; 0 where not observed.
    bends : ``(b, K - 1, n)``, what a spline adds to the term, and for which it does.
    """

    borders: F64
    units: Units
    bends: F64 | None = None
    bent: Bool | None = None


def standardise_observed(values: F64, observed: Bool) -> tuple[F64, F64, F64]:
    """Return columns of proteins centred and scaled over the rows observed, means, and scales.

    Parameters
    ----------
    values : ``(b, s, n)``, 0 where not observed.
    observed : ``(b, n)``.

    Examples
    --------
    >>> found = standardise_observed(np.array([[[2e200, 4e200, 0.0]]]), np.array([[1, 1, 0]]) > 0)
    >>> found[0].tolist(), (found[1:][0] / 1e200).tolist(), (found[2] / 1e200).tolist()
    ([[[-1.0, 1.0, 0.0]]], [[3.0]], [[1.0]])
    """
    counts = np.maximum(observed.sum(axis=1), 1)[:, None]
    power = find_powers(np.abs(values).max(axis=2, initial=0.0))
    near = values / power[:, :, None]
    mean = near.sum(axis=2) / counts
    near = np.where(observed[:, None], near - mean[:, :, None], 0.0)
    scale = np.sqrt(np.einsum("bsn,bsn->bs", near, near) / counts)
    with np.errstate(all="ignore"):  # a constant column is for its pivot to tell
        return near / np.where(scale > 0.0, scale, 1.0)[:, :, None], mean * power, scale * power


def prepare_columns(
    problem: Problem, block: Block, term: F64 | None, *, nonlinear: int | None
) -> BlockColumns:
    """Lay out the columns of a block.

    Parameters
    ----------
    term : ``(n,)``, the target where it is the term; None where the protein is.
    nonlinear : degrees of freedom of a spline; None without.
    """
    observed = block.observed
    x = block.values if term is None else np.where(observed, term, 0.0)
    single = np.concatenate([block.own, x[:, None]], axis=1)
    single, mean, scale = standardise_observed(single, observed)
    by = np.empty((0, problem.n)) if problem.interaction is None else problem.interaction.T
    by, by_scale = by.T, np.ones(by.shape[0])
    if by.size:
        by, by_scale = scale_columns(by)
    borders = np.concatenate([single, single[:, -1:] * by.T], axis=1)
    products = by_scale.size
    units = Units(
        np.concatenate([mean, np.zeros((mean.shape[0], products))], axis=1),
        np.concatenate([scale, scale[:, -1:] * by_scale], axis=1),
    )
    if nonlinear is None:
        return BlockColumns(borders, units)
    bends = np.zeros((x.shape[0], nonlinear - 1, problem.n))
    bent = np.zeros(x.shape[0], dtype=bool)
    for j, rows in enumerate(observed):
        columns = bend_line(x[j, rows], df=nonlinear) if rows.any() else None
        if columns is not None:
            bends[j][:, rows], bent[j] = columns.T, True
    return BlockColumns(borders, units, bends, bent)
