"""The penalty of an elastic net by cross-validation, all folds going down the path together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.elastic_net import Penalty, list_sequence
from proteomr.stats.elastic_net_outcomes import Outcome, Trial
from proteomr.stats.elastic_net_steps import Descent, Solution

__all__ = ["Rule", "Tuned", "tune_elastic_net", "tune_trial"]

Rule: TypeAlias = Literal["min", "1se"]

# Penalties beyond that of the least error before the search ends: a second dip is not looked for.
_BEYOND = 10


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """A penalty that was chosen, and the coefficients at it.

    Parameters
    ----------
    alpha : share of the lasso.
    penalties : (l,) that were tried.
    errors, se : (l,) mean error over the folds, and its standard error.
    chosen : place of the one that was chosen.
    solution : of all rows at that penalty, certified or not.
    outside : solutions of the rows outside of each fold, at that penalty.
    """

    alpha: float
    penalties: F64
    errors: F64
    se: F64
    chosen: int
    solution: Solution
    outside: Sequence[Solution]


def tune_elastic_net(
    X: F64 | list[F64],
    outcome: Outcome,
    *,
    folds: I64,
    penalty: Penalty | None = None,
    rule: Rule = "min",
) -> Tuned:
    """Choose the penalty by cross-validation, and fit all rows at it.

    The penalties are those of all rows, glmnet's sequence. Each fold's rows are predicted from the
    others at each of them, until ten further penalties have brought no lesser error. That of the
    least mean error is chosen; by ``1se`` the largest whose error is within its standard error.
    The columns are standardised within the rows that are fitted.

    Parameters
    ----------
    X : (n, p), each column in one piece; best near a mean of 0 and a variance of 1. Of a number
        also a list of the rows of each fold.
    outcome : of the rows.
    folds : (n,) 0 to k - 1, in rising order.
    penalty : what is penalised; None for a lasso on all.
    rule : of choice.

    Raises
    ------
    ValueError
        Folds are not in order, or fewer than two, or one lacks rows.

    Examples
    --------
    >>> from proteomr.stats.elastic_net_outcomes import Continuous
    >>> random = np.random.default_rng(1)
    >>> X = np.asfortranarray(random.normal(size=(60, 4)))
    >>> folds = np.repeat(np.arange(3), 20)
    >>> found = tune_elastic_net(X, Continuous(X[:, 0] * 2.0), folds=folds)
    >>> found.solution.coefficients.round(2).tolist()
    [2.0, 0.0, 0.0, 0.0]
    """
    start = outcome.begin(X, folds)
    return tune_trial(start(Penalty() if penalty is None else penalty), rule=rule)


def tune_trial(trial: Trial, *, rule: Rule = "min") -> Tuned:
    """Return what :func:`tune_elastic_net` does, of a trial that has begun.

    The search cannot end before ten penalties beyond the least error so far: that far all descents
    go without a look at each other, and all rows as far as the choice is sure to be.

    Parameters
    ----------
    trial : whose descents have not begun.
    rule : of choice.
    """
    whole, parts = trial.whole, trial.parts
    penalties = list_sequence(whole.find_largest(), n=whole.rows, p=whole.columns)
    trial.each(_begin, parts)
    errors, solutions = np.empty((0, len(parts))), [list[Solution]() for _ in parts]
    passed = 0  # penalties that all rows have gone down, no further than that which is chosen
    while True:
        least = int(errors.mean(axis=1).argmin()) if errors.size else 0
        ahead = penalties[len(errors) : least + _BEYOND + 1]
        if not ahead.size:
            break
        sure = least if rule == "min" else 0  # the choice is not before it
        together = _Walk(whole, penalties[passed:sure])
        walks = [_Walk(part, ahead, partial(trial.miss, k)) for k, part in enumerate(parts)]
        _, *walked = trial.each(_walk, [together, *walks])
        passed = sure
        for own, (found, _) in zip(solutions, walked, strict=True):
            own.extend(found)
        errors = np.vstack([errors, np.transpose([missed for _, missed in walked])])
    mean = errors.mean(axis=1)
    se = errors.std(axis=1, ddof=1) / np.sqrt(len(parts))
    best = int(mean.argmin())
    chosen = best if rule == "min" else int(np.flatnonzero(mean <= mean[best] + se[best])[0])
    _walk(_Walk(whole, penalties[passed:chosen]))
    whole.exact = True
    solution = whole.advance(float(penalties[chosen]))
    unit = trial.unit
    return Tuned(
        whole.penalty.alpha,
        penalties[: len(errors)],
        mean * unit,
        se * unit,
        chosen,
        solution,
        [own[chosen] for own in solutions],
    )


def _begin(part: Descent) -> float:
    return part.find_largest()


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """A descent, the penalties that it goes down, and how far its solutions miss."""

    descent: Descent
    sizes: F64
    miss: Callable[[Solution], float] | None = None


def _walk(walk: _Walk) -> tuple[list[Solution], list[float]]:
    """Return the solutions of a walk and their errors, each taken where its descent stands."""
    found, missed = list[Solution](), list[float]()
    for size in walk.sizes.tolist():
        solution = walk.descent.advance(size)
        if walk.miss is not None:
            found.append(solution)
            missed.append(walk.miss(solution))
    return found, missed
