"""All columns of one model of one protein, and the coefficients of all in the units of the data.

Estimation (:mod:`proteomr.models.exact` and the paths for blocks) asks for the term of interest and
is free to take any basis of the covariates before it. Here every column keeps its meaning: what
further tests and tables of coefficients stand on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, Problem
from proteomr.models.details import OWN_NAME
from proteomr.models.family import Scans
from proteomr.models.fits import Refusal
from proteomr.models.responses import respond
from proteomr.stats.linalg import condition_columns, find_independent
from proteomr.stats.nested_tests import NestedTest

__all__ = ["Fitted", "WholeFit", "WholeModel", "WholeSolver", "lay_out_whole", "name_columns"]

# As in the exact path of estimation.
_ALIASED = 1e-9


@dataclass(frozen=True, slots=True)
class WholeFit:
    """Coefficients ``(q,)`` of all columns, with their errors; NaN for those without.

    Attributes
    ----------
    correlation : ``(q, q)``, of the estimates.
    df : degrees of freedom; infinite where the reference distribution is normal.
    """

    estimate: F64
    se: F64
    correlation: F64
    df: F64

    @classmethod
    def of(
        cls, back: F64, theta: F64, covariance: F64, *, by: float, shift: float, df: F64
    ) -> WholeFit:
        """Return a fit in other units.

        Variances are never formed in these: their squares may be beyond the numbers there are.

        Parameters
        ----------
        back : ``(q, p)``, makes the q coefficients of the p fitted ones; rows of NaN for none.
        theta, covariance : ``(p,)``, ``(p, p)``, as they were fitted.
        by, shift : what the response was divided by, and what was taken off it.
        df : ``(q,)``.
        """
        with np.errstate(all="ignore"):
            errors = np.sqrt(np.diagonal(covariance))
            moves = back * errors
            largest = np.abs(moves).max(axis=1, initial=0.0)
            moves = moves / largest[:, None]
            square = moves @ (covariance / np.outer(errors, errors)) @ moves.T
            lengths = np.sqrt(np.diagonal(square))
            estimate, se = (back @ theta) * by, lengths * largest * by
            estimate[0] += shift
            correlation = square / np.outer(lengths, lengths)
        sound = np.isfinite(estimate) & np.isfinite(se) & (se >= np.finfo(np.float64).tiny)
        estimate, se = np.where(sound, estimate, np.nan), np.where(sound, se, np.nan)
        return cls(estimate, se, correlation, np.where(sound, df, np.nan))

    def covariance_of(self, at: I64) -> F64:
        """Return the covariance of some coefficients; of no finite number where it is beyond."""
        with np.errstate(all="ignore"):
            return self.correlation[np.ix_(at, at)] * np.outer(self.se[at], self.se[at])


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit of some columns of a design, by position, in the design's own units.

    Attributes
    ----------
    coefficients, covariance : ``(c,)``, ``(c, c)``.
    columns : ``(c,)``, those that have an estimate.
    df : ``(c,)``, or one for all.
    by, shift : what the response was divided by, and what was taken off it.
    thresholds : names of the t thresholds that stand in the place of the intercept; coefficients
        and covariance have them before those of the columns, NaN for those without an estimate.
    """

    coefficients: F64
    covariance: F64
    columns: I64
    df: F64 | float
    by: float = 1.0
    shift: float = 0.0
    thresholds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WholeModel:
    """One model of one protein on its n rows.

    Attributes
    ----------
    names : of its q columns: covariates, own ones, the term and its products.
    X : ``(n, p)``, the independent columns, conditioned.
    independent : ``(p,)``, their positions among all.
    units : ``(2, q)``, shift and scale that bring the conditioned columns back to the data's.
    y, weights : ``(n,)``.
    clusters : ``(n,)`` or None.
    x : ``(n,)``, the term by itself.
    rows : positions of the n people among those of the problem.
    terms : how many of the last columns are the term and its products.
    levels : labels of the levels that y numbers.
    """

    names: tuple[str, ...]
    X: F64
    independent: I64
    units: F64
    y: F64
    weights: F64
    clusters: I64 | None
    x: F64
    rows: I64
    terms: int
    levels: tuple[str, ...] = ()

    @property
    def asked(self) -> I64:
        """Positions in X of the term and its products."""
        return np.flatnonzero(self.independent >= len(self.names) - self.terms)

    def names_of(self, fit: Fitted) -> tuple[str, ...]:
        """Return the names of all coefficients of a fit."""
        return (*fit.thresholds, *self.names[1:]) if fit.thresholds else self.names

    def spread(self, fit: Fitted) -> WholeFit:
        """Return a fit of columns of X in the units of the data."""
        if fit.thresholds:
            return self._spread_thresholds(fit)
        q, at = len(self.names), self.independent[fit.columns]
        shift, scale = self.units[:, at]
        back, df = np.full((q, at.size), np.nan), np.full(q, np.nan)
        back[at], df[at] = turn_back(shift, scale, intercept=bool(at.size and at[0] == 0)), fit.df
        return WholeFit.of(
            back, fit.coefficients, fit.covariance, by=fit.by, shift=fit.shift, df=df
        )

    def _spread_thresholds(self, fit: Fitted) -> WholeFit:
        """Return a fit whose thresholds are less the shifts of the columns."""
        t, at = len(fit.thresholds), self.independent[fit.columns]
        size = t + len(self.names) - 1
        shift, scale = self.units[:, at]
        where = np.concatenate([np.arange(t), t + at - 1])
        back, df = np.full((size, where.size), np.nan), np.full(size, np.nan)
        turned = np.eye(where.size)
        turned[t:, t:] = np.diag(1.0 / scale)
        turned[:t, t:] = shift / scale
        back[where], df[where] = turned, fit.df
        theta, covariance = fit.coefficients.copy(), fit.covariance.copy()
        lost = np.flatnonzero(np.isnan(theta))  # thresholds, in none of the other coefficients
        theta[lost] = covariance[lost] = covariance[:, lost] = 0.0
        covariance[lost, lost] = 1.0
        back[where[lost]] = np.nan
        return WholeFit.of(back, theta, covariance, by=1.0, shift=0.0, df=df)


def turn_back(shift: F64, scale: F64, *, intercept: bool) -> F64:
    """Return what makes coefficients of columns ``shift + scale x`` of those of x ``(p, p)``.

    Parameters
    ----------
    intercept : whether the first column is one.

    Examples
    --------
    >>> turn_back(np.array([0.0, 10.0]), np.array([1.0, 2.0]), intercept=True).tolist()
    [[1.0, -5.0], [0.0, 0.5]]
    """
    with np.errstate(all="ignore"):
        back = np.diag(1.0 / scale)
        if intercept:
            back[0, 1:] = -(shift / scale)[1:]
    return back


class WholeSolver(Protocol):
    """How a family fits and tests a model of all columns, one at a time."""

    def fit(self, X: F64, model: WholeModel, *, asked: I64) -> Fitted | None:
        """Fit columns ``(n, p)``; None where those asked for have no estimate."""
        ...

    def compare(self, X: F64, model: WholeModel, *, tested: I64, kind: str) -> NestedTest | None:
        """Test columns by the fits with and without them."""
        ...


def lay_out_whole(
    problem: Problem,
    block: Block,
    j: int,
    m: int,
    *,
    side: Scans,
    kept: Bool | None = None,
    columns: I64 | None = None,
) -> WholeModel:
    """Lay out one model of one protein.

    Parameters
    ----------
    side : where the protein stands.
    kept : ``(n,)``, the rows of the fit; None for all that are observed.
    columns : of the adjustment set, in an order of which the first of aliased ones stay; None for
        its own order.
    """
    kept = block.observed[j] if kept is None else kept
    rows = np.flatnonzero(kept)
    model = problem.models[m]
    target = problem.targets[model.target]
    columns = problem.adjustments[model.adjustment].columns if columns is None else columns
    protein, values = block.values[j, rows], target.values[rows]
    x, y = (values, protein) if side == "response" else (protein, values)
    if side == "predictor":
        responded = respond(target, kept)
        y = values if isinstance(responded, Refusal) else responded  # its fit is refused
    C = problem.covariates[rows[:, None], columns]
    by = np.empty((rows.size, 0)) if problem.interaction is None else problem.interaction[rows]
    raw = np.column_stack([C, block.own[j][:, rows].T, x, x[:, None] * by])
    X, scales = condition_columns(raw)
    units = np.vstack([raw[0] - X[0] * scales, scales])
    units[0, : columns.size] = (
        problem.units[0, columns] + problem.units[1, columns] * units[0, : columns.size]
    )
    units[1, : columns.size] *= problem.units[1, columns]
    independent = find_independent(X, tolerance=_ALIASED)
    return WholeModel(
        name_columns(problem, m, side=side),
        X[:, independent],
        independent,
        units,
        y,
        np.ones(rows.size) if problem.weights is None else problem.weights[rows],
        None if problem.clusters is None else problem.clusters[rows],
        x,
        rows,
        problem.terms,
        target.levels,
    )


def name_columns(problem: Problem, m: int, *, side: Scans) -> tuple[str, ...]:
    """Return the names of all columns of a model."""
    model = problem.models[m]
    term = problem.targets[model.target].name if side == "response" else OWN_NAME
    names = (*problem.names_of(model.adjustment), *problem.own_names, term)
    return (*names, *(f"{term}:{by}" for by in name_products(problem)))


def name_products(problem: Problem) -> tuple[str, ...]:
    """Return the names of what the term is multiplied by: those of the covariates that they are."""
    if problem.interaction is None:
        return ()
    out: list[str] = []
    for column in problem.interaction.T:
        which = find_column(problem, column)
        out.append(f"modifier {len(out) + 1}" if which is None else problem.names[which])
    return tuple(out)


def find_column(problem: Problem, column: F64) -> int | None:
    """Return which covariate a column is, in the units of the data; None where it is none."""
    if not column.size:
        return None
    shift, scale = problem.units
    for i in np.flatnonzero(problem.covariates.any(axis=0)).tolist()[1:]:
        if np.array_equal(shift[i] + scale[i] * problem.covariates[:, i], column):
            return int(i)
    return None
