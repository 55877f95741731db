"""The columns of one instrumental-variable regression of one protein, put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Block, Problem
from proteomr.models.details import OWN_NAME
from proteomr.stats.linalg import condition_columns, find_powers

__all__ = ["Equation", "lay_out_equation", "root_of"]


@dataclass(frozen=True, slots=True)
class Equation:
    """One regression with an endogenous variable on its n rows, columns conditioned.

    Attributes
    ----------
    covariates : ``(n, p)``, the intercept first; their own names and scales beside them.
    instruments : ``(n, q)``.
    scales, covariate_shifts : ``(p,)``, by which columns as they were measured are those here,
        times the scale and plus the shift.
    endogenous, response : ``(n,)``; by units and shifts likewise; and what they are.
    term : name of the endogenous variable.
    weights : ``(n,)``; None for equal ones.
    clusters : ``(n,)``, numbered from 0 on; None for independent rows.
    target : what is not the protein, whose values may all be one.
    """

    covariates: F64
    names: tuple[str, ...]
    scales: F64
    covariate_shifts: F64
    instruments: F64
    instrument_names: tuple[str, ...]
    endogenous: F64
    response: F64
    units: tuple[float, float]
    shifts: tuple[float, float]
    labels: tuple[str, str]
    term: str
    weights: F64 | None
    clusters: I64 | None

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.response.size)


def lay_out_equation(
    problem: Problem,
    block: Block,
    j: int,
    m: int,
    instruments: F64,
    names: tuple[str, ...],
    values: F64,
    *,
    response: bool,
) -> Equation:
    """Put the columns of one model of one protein together.

    Parameters
    ----------
    instruments : ``(n of the problem, q)``.
    values : of the target on the rows of the fit.
    response : whether the protein is the response, and the target endogenous.
    """
    rows = block.observed[j]
    model = problem.models[m]
    target = problem.targets[model.target]
    columns = problem.adjustments[model.adjustment].columns
    C = np.column_stack([problem.covariates[rows][:, columns], block.own[j][:, rows].T])
    covariates, scales, shifts = _condition(C)
    if problem.scales is not None and problem.shifts is not None:
        own = block.own.shape[1]
        shifts = shifts * np.append(problem.scales[columns], np.ones(own))
        shifts += np.append(problem.shifts[columns], np.zeros(own))
        scales = scales * np.append(problem.scales[columns], np.ones(own))
    both, units, moved = _condition(np.column_stack([block.values[j, rows], values]))
    labels, order = ["the protein", target.name], [1, 0] if response else [0, 1]
    clusters = None
    if problem.clusters is not None:
        clusters = np.unique(problem.clusters[rows], return_inverse=True)[1].astype(np.int64)
    return Equation(
        covariates,
        (*problem.names_of(model.adjustment), *problem.own_names),
        scales,
        shifts,
        condition_columns(instruments[rows])[0],
        names,
        both[:, order[0]],
        both[:, order[1]],
        (float(units[order[0]]), float(units[order[1]])),
        (float(moved[order[0]]), float(moved[order[1]])),
        (labels[order[0]], labels[order[1]]),
        target.name if response else OWN_NAME,
        None if problem.weights is None else _in_range(problem.weights[rows]),
        clusters,
    )


def _condition(columns: F64) -> tuple[F64, F64, F64]:
    """Return conditioned columns, their scales, and their shifts, which are exact."""
    conditioned, scales = condition_columns(columns)
    if not columns.shape[0]:
        return conditioned, scales, np.zeros(columns.shape[1])
    with np.errstate(over="ignore"):  # of a unit near the largest numbers: no intercept then
        return conditioned, scales, columns[0] - conditioned[0] * scales


def _in_range(weights: F64) -> F64:
    """Return weights in a unit in which their roots lose no digits, on which no fit depends."""
    return np.asarray(weights / find_powers(weights.max(keepdims=True, initial=0.0)))


def root_of(equation: Equation) -> F64:
    """Return the roots of the weights of an equation ``(n,)``."""
    return np.ones(equation.n) if equation.weights is None else np.sqrt(equation.weights)
