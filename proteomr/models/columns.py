"""The columns of one model of one protein: covariates, own ones, the term of interest, products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.absorbed import vanishes
from proteomr.models.base import Block, Problem, Refusal
from proteomr.stats.absorbing import AbsorbedEffects
from proteomr.stats.linalg import condition_columns, find_independent, scale_columns
from proteomr.status import Status

__all__ = ["ModelColumns", "absorb_rows", "lay_out_model", "take_out_of_response"]

# The share of its length below which a column counts as made of those before it: R's lm has 1e-7
# for columns as they are, while these are scaled and refined, so that seven digits more are sound.
_ALIASED = 1e-9
# The share of a level's column that others may have of one that they determine.
_ENTANGLED = 1e-6
_COMBINED = "a linear combination of the covariates"


@dataclass(frozen=True, slots=True)
class ModelColumns:
    """The independent columns of one model's design.

    Attributes
    ----------
    X : ``(n, p)``, conditioned.
    scale : ``(all,)``, what the columns before the dependent ones were left out were divided by.
    independent : positions of the p columns among all.
    term : position of the first column of the term of interest among all. Its products follow it,
        then its other columns, each with its own.
    label : what the term of interest is.
    aliased : names of the covariates that those before them determine; a level that nobody has is
        none.
    entangled : positions among all of columns of the term that stand in the place of others, which
        they and the covariates determine: no coefficient of theirs means what it says.
    determined : what the term is where it has no coefficient.
    """

    X: F64
    scale: F64
    independent: I64
    term: int
    label: str
    aliased: tuple[str, ...]
    entangled: frozenset[int] = frozenset()
    determined: str = _COMBINED

    def describe_dependence(self, term: int) -> Refusal:
        """Return why a term, or the product of it, has no coefficient."""
        if term == 0:
            what = f"{self.label} is {self.determined}"
        else:
            what = "the term is a linear combination of the others"
        return Refusal(Status.collinear, f"{what} on the rows of the fit")


def lay_out_model(
    problem: Problem, block: Block, j: int, m: int, x: F64, *, label: str
) -> ModelColumns:
    """Put the columns of one model together: covariates, own ones, the term, its products.

    Parameters
    ----------
    x : ``(n, q)``, the columns of the term; the products of each follow it.
    label : what the term is.
    """
    rows = block.observed[j]
    adjustment = problem.models[m].adjustment
    C = problem.covariates[rows][:, problem.adjustments[adjustment].columns]
    term = C.shape[1] + block.own.shape[1]
    # A shift of the term changes only effects that are in every set. One of what it is multiplied
    # with would change its main effect, which is the one where that is 0.
    x, x_scale = condition_columns(x)
    by, by_scale = scale_columns(
        np.empty((x.shape[0], 0)) if problem.interaction is None else problem.interaction[rows]
    )
    made = [np.column_stack([one, one[:, None] * by]) for one in x.T]
    X, scale = condition_columns(np.column_stack([C, block.own[j][:, rows].T, *made]))
    with np.errstate(over="ignore", under="ignore"):
        scale[term:] *= np.outer(x_scale, np.concatenate([[1.0], by_scale])).ravel()
    absorbed, determined = absorb_rows(problem, rows), _COMBINED
    if absorbed is not None and problem.absorbed is not None:
        rest = absorbed.take_out(X)
        none_left = vanishes(rest, X)
        if none_left[term]:
            determined = problem.absorbed.describe()
        X = np.where(none_left, 0.0, rest)
    independent = find_independent(X, tolerance=_ALIASED)
    names = (*problem.names_of(adjustment), *problem.own_names)
    empty = ~np.any(C, axis=0)
    apart = set(range(term)).difference(independent.tolist(), np.flatnonzero(empty).tolist())
    if absorbed is not None:
        apart.discard(0)  # the intercept, which is among the effects
    aliased = tuple(names[column] for column in sorted(apart))
    entangled: frozenset[int] = frozenset()
    if x.shape[1] > 1:
        entangled = _find_entangled(X, independent, term, problem.terms)
    return ModelColumns(
        X[:, independent], scale, independent, term, label, aliased, entangled, determined
    )


def absorb_rows(problem: Problem, rows: Bool) -> AbsorbedEffects | None:
    """Return the effects that are absorbed on some rows; None without any."""
    return None if problem.absorbed is None else problem.absorbed.on(rows, problem.weights)


def take_out_of_response(
    problem: Problem, effects: AbsorbedEffects | None, y: F64, what: str
) -> F64 | Refusal:
    """Return what absorbed effects leave of a response."""
    if effects is None or problem.absorbed is None:
        return y
    centred = (y - y.mean())[:, None]
    rest = effects.take_out(centred)
    if vanishes(rest, centred)[0]:
        message = f"{what} is {problem.absorbed.describe()} on the rows of the fit"
        return Refusal(Status.collinear, message)
    return np.asarray(rest[:, 0])


def _find_entangled(X: F64, independent: I64, term: int, terms: int) -> frozenset[int]:
    """Return the columns of the term that have a part in others of the same kind left out."""
    lost = [c for c in range(term, X.shape[1]) if c not in independent and np.any(X[:, c])]
    found: set[int] = set()
    for column in lost:
        share = np.linalg.lstsq(X[:, independent], X[:, column], rcond=None)[0]
        part = np.abs(share) * np.linalg.norm(X[:, independent], axis=0)
        large = part > _ENTANGLED * np.linalg.norm(X[:, column])
        alike = (independent >= term) & ((independent - column) % terms == 0)
        found.update(independent[large & alike].tolist())
    return frozenset(found)
