"""One classical linear fit by itself: a QR of its own rows, refined where that is needed."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Block, Fit, Problem, Refusal
from proteomr.models.cells import describe_aliased
from proteomr.models.responses import respond
from proteomr.stats.least_squares import LeastSquares, solve_least_squares
from proteomr.stats.linalg import change_units, condition_columns
from proteomr.status import Status

__all__ = ["COMBINATION", "PERFECT", "explains_all", "fit_exactly"]

# The share of its length below which a column counts as made of those before it. R's lm has 1e-7
# on columns as they are; the exact path orthogonalises twice, so that two digits more are sound.
_ALIASED = 1e-9
# Residuals of this share of the response are rounding: sqrt(n) times the spacing of doubles for a
# million people is 2e-13, and the basis adds a digit or two.
_PERFECT = 1e-11
PERFECT = "perfect fit: the standard error is rounding"
COMBINATION = "{} is a linear combination of the covariates on the rows of the fit"


def fit_exactly(problem: Problem, block: Block, j: int, m: int, *, response: bool) -> Fit | Refusal:
    """Fit one model to one protein by a Householder QR of its own rows.

    Parameters
    ----------
    response : whether the protein is the response.
    """
    model = problem.models[m]
    target = problem.targets[model.target]
    rows = block.observed[j]
    C = problem.covariates[rows][:, problem.adjustments[model.adjustment].columns]
    values, protein = target.values[rows], block.values[j, rows]
    if values.size == 0 or np.all(values == values[0]):
        return Refusal(Status.constant, f"{target.name} has one value on the rows of the fit")
    responded = values if response else respond(target, rows)
    if isinstance(responded, Refusal):
        return responded
    x, y = (values, protein) if response else (protein, responded)
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
        return Refusal(Status.collinear, COMBINATION.format(term))
    residual, explained = _shares(fit, y)
    if max(residual, explained) < _PERFECT:
        return Refusal(Status.collinear, COMBINATION.format(other))
    notes = _remark(fit, names)
    if residual < _PERFECT:
        notes.append(PERFECT)
    numbers = np.array([fit.coefficients[-1], fit.se[-1]])
    estimate, se = change_units(numbers, by=by, per=per[-1]).tolist()
    sigma = float(change_units(np.array([np.sqrt(fit.rss / fit.df)]), by=by)[0])
    return Fit(estimate, se, float(fit.df), message="; ".join(notes), sigma=sigma)


def explains_all(fit: LeastSquares, y: F64, root: F64, *, asked: I64) -> bool:
    """Whether columns other than those asked for leave nothing of a response but rounding.

    Parameters
    ----------
    fit : of ``y (n,)``, rows times ``root``, of which the intercept is the first column.
    """
    length = float(np.linalg.norm(y - root * (root @ y / (root @ root))))
    with np.errstate(invalid="ignore", divide="ignore"):
        added = np.abs(fit.coefficients[asked]) / np.sqrt(np.diagonal(fit.unscaled)[asked])
    return max(float(np.sqrt(fit.rss)), float(np.max(added))) < _PERFECT * length


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
