"""What logistic fits share: scaled columns, rows that inform a fit, solvers of large problems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Factor, Problem, factors_within
from proteomr.models.cells import lay_out_cells, name_aliased
from proteomr.stats.batched_regressions import BatchedRegressions
from proteomr.stats.chunked import chunk_design
from proteomr.stats.linalg import FLAT, find_independent, orthonormalise, scale_columns
from proteomr.stats.logistic_rows import LogisticRows

__all__ = [
    "MassSolver",
    "drop_constant_levels",
    "lay_out_regression",
    "prepare_mass_solvers",
    "scale_covariates",
]

# Taking out a level of constant response can leave another one constant, rarely more than once or
# twice in turn. What is left after these rounds is resolved by the exact path.
_ROUNDS = 4
# As in the cells of the mass path: which covariates are aliased must not depend on the path.
_ALIASED = 1e-9
# Nothing is refined here, unlike in least squares: an own covariate or a protein that is closer to
# a combination of the others has an estimate with fewer than eight digits.
_COLLINEAR = 1e-7


@dataclass(frozen=True, slots=True)
class MassSolver:
    """A batched solver of one adjustment set, for the models whose responses share its rows.

    ``rows`` are None where it uses all; ``aliased`` names the covariates that others determine.
    """

    solver: BatchedRegressions
    models: tuple[int, ...]
    rows: I64 | None
    aliased: tuple[str, ...]


def lay_out_regression(covariates: F64, others: F64) -> tuple[F64, F64, I64]:
    """Return the columns of one regression, what the last was divided by, and which are aliased.

    The estimate of a column is the same in any basis of those before it, and Newton's method wants
    an orthogonal one: the covariates are in one, the others standardised.

    Parameters
    ----------
    covariates : ``(n, k)``, the intercept first.
    others : ``(n, q)``, what is each protein's own, the protein last.

    Returns
    -------
    ``(n, p)``; ``()``; positions among the k + q of those that are not aliased ``(p,)``.
    """
    k = covariates.shape[1]
    X, scale = _standardise_columns(np.column_stack([covariates, others]))
    independent = find_independent(X[:, :k], tolerance=_ALIASED)
    whole = np.column_stack([orthonormalise(X[:, independent]), X[:, k:]])
    apart = find_independent(whole, tolerance=_COLLINEAR)
    estimable = apart[apart >= independent.size]
    positions = np.concatenate([independent, estimable - independent.size + k])
    return whole[:, [*range(independent.size), *estimable]], scale[-1], positions


def _standardise_columns(X: F64) -> tuple[F64, F64]:
    """Centre and scale all columns but the intercept (0); constant columns become 0."""
    X, power = scale_columns(X)
    out = X - X.mean(axis=0)
    scale = np.sqrt(np.mean(out**2, axis=0))
    flat = scale <= FLAT * np.abs(X).max(axis=0, initial=0.0)
    scale = np.where(flat, 1.0, scale)
    out = np.where(flat, 0.0, out / scale)
    out[:, 0] = 1.0
    return out, scale * power


def scale_covariates(problem: Problem) -> F64:
    """Return the covariates with dummy columns as they are and the others centred and scaled."""
    out, _ = _standardise_columns(problem.covariates)
    dummies = [column for factor in problem.factors for column in factor.columns.tolist()]
    out[:, dummies] = problem.covariates[:, dummies]
    return out


def drop_constant_levels(factors: tuple[Factor, ...], response: F64, observed: F64) -> F64:
    """Return the mask ``(r, n)`` less the people in factor levels on which the response is
    constant.
    """
    mask = observed.copy()
    for _ in range(_ROUNDS):
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


def prepare_mass_solvers(
    problem: Problem, adjustment: int, models: list[int], *, compiled: bool
) -> list[MassSolver]:
    """Build the solvers of one adjustment set: one for all responses that share their rows."""
    factors = factors_within(problem, adjustment)
    groups: dict[bytes, tuple[Bool, list[int]]] = {}
    for m in models:
        y = problem.targets[problem.models[m].target].values[None, :]
        used = drop_constant_levels(factors, y, np.ones_like(y))[0] > 0
        groups.setdefault(used.tobytes(), (used, []))[1].append(m)
    out = []
    for used, members in groups.values():
        rows = None if np.all(used) else np.flatnonzero(used)
        built = _build_solver(problem, adjustment, members, rows, compiled=compiled)
        if built is not None:
            out.append(MassSolver(built[0], tuple(members), rows, built[1]))
    return out


def _build_solver(
    problem: Problem, adjustment: int, models: list[int], rows: I64 | None, *, compiled: bool
) -> tuple[BatchedRegressions, tuple[str, ...]] | None:
    at = np.arange(problem.n) if rows is None else rows
    columns = problem.adjustments[adjustment].columns
    cells = lay_out_cells(problem.covariates, columns, factors_within(problem, adjustment), rows=at)
    design = chunk_design(cells.dense, cells.cell_columns, cells.cell_of_row)
    model = LogisticRows.load(compiled=compiled)
    bases = []
    for m in models:
        base = model.fit_base(design, problem.targets[problem.models[m].target].values[at])
        if base is None:
            return None
        bases.append(base)
    aliased = () if rows is not None else name_aliased(problem, adjustment, cells)
    return BatchedRegressions(design, bases, model=model), aliased
