r"""Robust variances of curves: squares of people's influences, summed at each time.

The influence of a person on a curve at a time has the form

.. math:: U_i(t) = \alpha_i(t) + F(t)\, \beta_i(t) + m_i(t)\, X(t)

with functions F and X that all share and numbers of a person (alpha, beta, m) that change at entry
and exit alone: m is the weight while at risk. Sums of squares over people, or over clusters of
them, then change at these few places only, and are cumulative sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["Steps", "sum_squares"]


@dataclass(frozen=True, slots=True)
class Steps:
    """Numbers of people from their entry and from their exit on.

    Attributes
    ----------
    group : ``(n,)``, of K, from 0.
    start, end : ``(n,)``, place on the grid of the first and the last time at risk.
    entered : ``(n, 2)``, alpha and beta while at risk.
    left : ``(n, 2)``, alpha and beta from the last time at risk on.
    weight : ``(n,)``, m while at risk.
    """

    group: I64
    start: I64
    end: I64
    entered: F64
    left: F64
    weight: F64


def sum_squares(steps: Steps, *, F: F64, X: F64, clusters: I64 | None = None) -> F64:
    """Return the sum over people, or over clusters, of squared influences: ``(K, T)``.

    Parameters
    ----------
    F, X : ``(K, T)``, the functions of time that multiply beta and m.
    clusters : ``(n,)``, codes of clusters; None for each person by itself. A cluster counts in each
        group apart.

    Examples
    --------
    >>> one = np.zeros(1, dtype=np.int64)
    >>> steps = Steps(one, one, one, np.zeros((1, 2)), np.array([[2.0, 1.0]]), np.ones(1))
    >>> sum_squares(steps, F=np.array([[1.0, 3.0]]), X=np.zeros((1, 2))).tolist()
    [[9.0, 25.0]]
    """
    K, T = X.shape
    n = steps.group.size
    # (alpha, beta, m) of a person after entry, and after exit.
    entered = np.column_stack([steps.entered, steps.weight])
    left = np.column_stack([steps.left, np.zeros(n)])
    if clusters is None:
        cell = np.concatenate([steps.group * T + steps.start, steps.group * T + steps.end])
        before = np.concatenate([np.zeros_like(entered), entered])
        after = np.concatenate([entered, left])
    else:
        cell, before, after = _of_clusters(steps, entered, left, clusters, T)
    weights = (np.ones_like(F), 2.0 * F, 2.0 * X, F * F, 2.0 * F * X, X * X)
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    total = np.zeros((K, T))
    for (a, b), by in zip(pairs, weights, strict=True):
        change = after[:, a] * after[:, b] - before[:, a] * before[:, b]
        if np.any(change):
            summed = np.bincount(cell, change, minlength=K * T).reshape(K, T)
            total += by * np.cumsum(summed, axis=1)
    return np.maximum(total, 0.0)


def _of_clusters(
    steps: Steps, entered: F64, left: F64, clusters: I64, T: int
) -> tuple[I64, F64, F64]:
    """Return the place, and the sums of a cluster before and after, of each change in it."""
    key = np.tile(steps.group * (int(clusters.max(initial=0)) + 1) + clusters, 2)
    time = np.concatenate([steps.start, steps.end])
    change = np.concatenate([entered, left - entered])
    order = np.lexsort((time, key))
    key, time, change = key[order], time[order], change[order]
    new = np.concatenate([[True], key[1:] != key[:-1]])
    firsts = np.flatnonzero(new)
    run = np.cumsum(new) - 1
    total = np.cumsum(change, axis=0)
    base = np.concatenate([np.zeros((1, change.shape[1])), total[firsts[1:] - 1]])
    after = total - base[run]
    before = after - change
    cell = np.tile(steps.group, 2)[order] * T + time
    return cell, before, after
