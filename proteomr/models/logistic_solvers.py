"""What blocks of a large logistic problem share: solvers, weights, modifiers, clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Problem, factors_within
from proteomr.models.cells import Cells, lay_out_cells, name_aliased
from proteomr.models.exact import is_beyond_mass_paths
from proteomr.models.family import FitOptions
from proteomr.models.logistic_design import drop_constant_levels
from proteomr.stats.batched_regressions import BatchedRegressions
from proteomr.stats.chunked import chunk_design
from proteomr.stats.linalg import cholesky_pivots, scale_columns
from proteomr.stats.logistic_rows import LogisticRows
from proteomr.stats.sandwich import CLUSTERED
from proteomr.stats.sandwich_sums import SandwichSums

__all__ = [
    "MassSolver",
    "Modifiers",
    "RowsLeft",
    "build_solver",
    "find_modifiers",
    "prepare_mass_solvers",
]

# What the rows observed leave of a column, squared and in single precision: below, whether it is
# one of the model's coefficients is for the exact path to say.
_PLAIN = 1e-3
# Standard deviations of a modifier between 0 and its mean: further off, its main effect has lost
# digits in a centred product.
_FAR = 1e3
# MacKinnon and White (1985).
_POWERS = {"HC2": 0.5, "HC3": 1.0}


@dataclass(frozen=True, slots=True)
class Modifiers:
    """The columns that proteins are multiplied with, standardised.

    Attributes
    ----------
    values : ``(i, n)``.
    scale : ``(i,)``, what they were divided by.
    back : ``(1 + i, 1 + i)``, turns coefficients of a protein and its products with them into those
        of its products with columns that are divided by their scale alone.
    """

    values: F64
    scale: F64
    back: F64


class RowsLeft:
    """The covariates, ready to tell whether they stay independent on the rows that are left.

    Parameters
    ----------
    cells : the basis of the covariates.
    """

    def __init__(self, cells: Cells) -> None:
        n = cells.cell_of_row.size
        counts = np.bincount(cells.cell_of_row, minlength=cells.cell_columns.shape[0])
        Z = cells.cell_columns
        root = np.linalg.cholesky(Z.T @ (Z * counts[:, None]) / n)
        of_cells = (Z @ np.linalg.inv(root).T)[cells.cell_of_row]
        whole = np.concatenate([of_cells, cells.dense], axis=1) / np.sqrt(n)
        self._basis: NDArray[np.float32] = whole.astype(np.float32)

    def are_plain(self, observed: NDArray[np.float32]) -> Bool:
        """Say for which proteins ``(b, n)`` every covariate is far from a combination of others."""
        k = self._basis.shape[1]
        grams = np.empty((observed.shape[0], k, k))
        for j, row in enumerate(observed):
            lacking = self._basis[np.flatnonzero(row == 0.0)]
            grams[j] = np.eye(k) - lacking.T @ lacking
        return np.asarray(cholesky_pivots(grams)[1] > _PLAIN)


@dataclass(frozen=True, slots=True)
class MassSolver:
    """A batched solver of one adjustment set, for the models whose responses share its rows.

    Attributes
    ----------
    rows : None where it uses all.
    aliased : names of the covariates that others determine.
    weights : ``(n,)`` on its rows, 1 on average; None for equal weights.
    unit : what the weights were divided by.
    meat : sums of robust errors, where they are asked for.
    left : where the number of coefficients counts.
    """

    solver: BatchedRegressions
    models: tuple[int, ...]
    rows: I64 | None
    aliased: tuple[str, ...]
    weights: F64 | None = None
    unit: float = 1.0
    meat: SandwichSums | None = None
    left: RowsLeft | None = None


def find_modifiers(problem: Problem) -> Modifiers | None:
    """Return the standardised modifiers of a problem; None where one is almost constant."""
    if problem.interaction is None:
        return Modifiers(np.empty((0, problem.n)), np.empty(0), np.eye(1))
    values, power = scale_columns(problem.interaction)
    mean = values.mean(axis=0)
    spread = np.sqrt(np.square(values - mean).mean(axis=0))
    if not np.all(np.abs(mean) <= _FAR * spread) or not np.all(spread > 0.0):
        return None
    back = np.eye(1 + mean.size)
    back[0, 1:] = -mean / spread
    return Modifiers(np.ascontiguousarray(((values - mean) / spread).T), spread * power, back)


def prepare_mass_solvers(
    problem: Problem,
    adjustment: int,
    models: list[int],
    options: FitOptions,
    *,
    shared: dict[bytes, RowsLeft],
    compiled: bool,
) -> list[MassSolver]:
    """Build the solvers of one adjustment set: one for all responses that share their rows.

    Parameters
    ----------
    shared : what solvers of several sets share, by rows.
    """
    factors = factors_within(problem, adjustment)
    groups: dict[bytes, tuple[Bool, list[int]]] = {}
    for m in models:
        y = problem.targets[problem.models[m].target].values[None, :]
        used = drop_constant_levels(factors, y, np.ones_like(y))[0] > 0
        groups.setdefault(used.tobytes(), (used, []))[1].append(m)
    out = []
    for used, members in groups.values():
        if not np.any(used):  # separated by the levels of factors, as the exact path says
            continue
        rows = None if np.all(used) else np.flatnonzero(used)
        built = build_solver(
            problem, adjustment, members, rows, options, shared=shared, compiled=compiled
        )
        if built is not None:
            out.append(built)
    return out


def build_solver(
    problem: Problem,
    adjustment: int,
    models: list[int],
    rows: I64 | None,
    options: FitOptions,
    *,
    shared: dict[bytes, RowsLeft],
    compiled: bool,
) -> MassSolver | None:
    """Build the solver of some models on some rows; None where a target has no fit without protein.

    Parameters
    ----------
    models : of one adjustment set.
    rows : ascending; None for all.
    shared : what solvers of several sets share, by rows.
    """
    at = np.arange(problem.n) if rows is None else rows
    columns = problem.adjustments[adjustment].columns
    factors = factors_within(problem, adjustment)
    cells = lay_out_cells(problem.covariates, columns, factors, rows=at)
    design = chunk_design(cells.dense, cells.cell_columns, cells.cell_of_row)
    model = LogisticRows.load(compiled=compiled)
    weights, unit = None, 1.0
    if problem.weights is not None:
        unit = float(problem.weights[at].mean())
        weights = problem.weights[at] / unit
    bases = []
    for m in models:
        y = problem.targets[problem.models[m].target].values[at]
        base = model.fit_base(design, y, weights)
        if base is None:
            return None
        bases.append(base)
    aliased = _name_aliased(problem, adjustment, cells, rows, options)
    meat, left = None, None
    if options.errors != "classical":
        clusters = None
        if options.errors in CLUSTERED and problem.clusters is not None:
            clusters = np.unique(problem.clusters[at], return_inverse=True)[1]
        meat = SandwichSums(design, model.loops, clusters, _POWERS.get(options.errors, 0.0))
        left = _share_left(shared, problem, at) if options.errors == "HC1" else None
    carried = 1.0 if weights is None else weights.size / float(np.sum(np.square(weights)))
    solver = BatchedRegressions(design, bases, model=model, carried=carried)
    return MassSolver(solver, tuple(models), rows, aliased, weights, unit, meat, left)


def _share_left(shared: dict[bytes, RowsLeft], problem: Problem, rows: I64) -> RowsLeft:
    """Return the covariates of all sets on some rows: where they are far from one another, so are
    those of each set.
    """
    key = rows.tobytes()
    if key not in shared:
        whole = set.intersection(
            *({f.name for f in factors_within(problem, a)} for a in range(len(problem.adjustments)))
        )
        factors = tuple(f for f in problem.factors if f.name in whole)
        columns = np.arange(problem.covariates.shape[1])
        shared[key] = RowsLeft(lay_out_cells(problem.covariates, columns, factors, rows=rows))
    return shared[key]


def _name_aliased(
    problem: Problem, adjustment: int, cells: Cells, rows: I64 | None, options: FitOptions
) -> tuple[str, ...]:
    """Return the covariates that others determine, as the exact path of a problem says them."""
    if rows is None:
        return name_aliased(problem, adjustment, cells)
    if not is_beyond_mass_paths(problem, options):
        return ()
    columns, factors = problem.adjustments[adjustment].columns, factors_within(problem, adjustment)
    everyone = np.arange(problem.n)
    whole = lay_out_cells(problem.covariates, columns, factors, rows=everyone)
    return name_aliased(problem, adjustment, whole)
