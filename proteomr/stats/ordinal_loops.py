"""What the batched kernel does to a chunk of rows of ordered levels between two matrix products.

Shapes: ``R = B F`` fits, fit ``r`` is protein ``r // F`` and response ``r % F``; ``t`` thresholds,
as the first of them and the gaps between each and the next; ``s`` border columns; ``c`` rows from
row ``start`` on. A response is the position of a row's level among C of them, and ``upper``,
``lower (C,)`` say which thresholds are its ends, -1 for none. The coefficients ``(R, t + s)`` are
those of thresholds and borders.

A state ``(R, 5, n)`` is the curvature of a row along its upper end, its lower end and their
difference, then both ends (:mod:`proteomr.stats.cumulative_links`). ``normal`` is 1 for probits, 0
for logits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.cumulative_links import EndTerms, Link, evaluate_ends, evaluate_log_likelihood

__all__ = [
    "apply_curvature",
    "apply_free_curvature",
    "move_states",
    "store_states",
    "sum_free_scores",
    "sum_log_chances",
    "sum_scores",
]

_Array = NDArray[Any]
_OUTSIDE = 1e30  # stands for infinity, whose differences are numbers


def sum_scores(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    upper: I64,
    lower: I64,
    coefficients: _Array,
    start: int,
    score: F64,
    normal: int,
) -> None:
    """Replace ``eta = A beta (R, c)`` by residuals; add the scores of thresholds and borders."""
    _leave_residuals(
        eta, borders, mask, response, upper, lower, coefficients, start, score, normal=normal
    )


def store_states(
    eta: F64,
    borders: _Array,
    mask: _Array,
    response: _Array,
    upper: I64,
    lower: I64,
    coefficients: F64,
    start: int,
    score: F64,
    state: F64,
    weights: _Array,
    normal: int,
) -> None:
    """As :func:`sum_scores`, and keep the state and the weights ``(R, n)``."""
    terms, ends = _leave_residuals(
        eta, borders, mask, response, upper, lower, coefficients, start, score, normal=normal
    )
    _keep(terms, ends, state, slice(start, start + eta.shape[1]))
    _weigh(state, mask, weights, slice(start, start + eta.shape[1]))


def move_states(
    shift: _Array,
    borders: _Array,
    response: _Array,
    upper: I64,
    lower: I64,
    step: F64,
    start: int,
    state: F64,
    normal: int,
) -> None:
    """Move the ends by a step that shifts eta by ``shift = A d (R, c)`` and the borders' part."""
    rows = slice(start, start + shift.shape[1])
    t = step.shape[1] - borders.shape[1]
    moved = _add_borders(shift, borders[:, :, rows], step[:, t:])
    up, low = _spread_ends(step[:, :t], upper, lower, response[:, rows], outside=0.0)
    for place, end in ((3, up), (4, low)):
        of_rows = state[:, place, rows]
        of_rows += (end - moved).reshape(of_rows.shape)
    ends = _by_protein(state[:, 3, rows], moved), _by_protein(state[:, 4, rows], moved)
    gap = ends[0] - ends[1]
    _keep(_evaluate(*ends, gap, normal=normal), ends, state, rows)


def apply_curvature(
    u: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    upper: I64,
    lower: I64,
    vector: _Array,
    start: int,
    product: F64,
    state: F64,
) -> None:
    """Replace ``u = A v (R, c)`` by its product with the curvature; add the other products."""
    rows = slice(start, start + u.shape[1])
    t = vector.shape[1] - borders.shape[1]
    moved = _add_borders(u, borders[:, :, rows], vector[:, t:])
    up, low = _spread_ends(vector[:, :t], upper, lower, response[:, rows], outside=0.0)
    above, below, between = (_by_protein(state[:, i, rows], moved) for i in range(3))
    m = mask[:, None, rows]
    at_upper, at_lower = m * above * (up - moved), m * below * (low - moved)
    across = m * between * (up - low)
    _add_to_thresholds(
        at_upper + across, at_lower - across, response[:, rows], upper, lower, product[:, :t]
    )
    moved[:] = -(at_upper + at_lower)
    _add_products(moved, borders[:, :, rows], product[:, t:])


def sum_log_chances(mask: _Array, state: F64, normal: int, out: F64) -> None:
    """Add the log-likelihoods of fits, whose states are kept, to ``out (R,)``."""
    fits = state.shape[0] // mask.shape[0]
    link: Link = "probit" if normal else "logit"
    for r, of_fit in enumerate(state):
        seen = mask[r // fits] > 0.0
        a, b = of_fit[3, seen], of_fit[4, seen]
        chances = evaluate_log_likelihood(a, b, a - b, link=link)
        out[r] += mask[r // fits, seen].astype(np.float64) @ chances


def sum_free_scores(
    eta: F64,
    borders: F64,
    mask: _Array,
    response: F64,
    upper: I64,
    lower: I64,
    coefficients: F64,
    start: int,
    score: F64,
    chances: F64,
    normal: int,
) -> None:
    """As :func:`sum_scores`, where the protein's slope bends at each threshold but the first.

    Parameters
    ----------
    coefficients, score : ``(R, t + t - 1 + s)``, the bends behind the thresholds.
    chances : ``(R, c)``, left with the chances of the levels.
    """
    rows = slice(start, start + eta.shape[1])
    t = (coefficients.shape[1] - borders.shape[1] + 1) // 2
    moved = _add_borders(eta, borders[:, :, rows], coefficients[:, 2 * t - 1 :])
    x, y = borders[:, 0, None, rows], response[:, rows]
    up, low = _spread_ends(coefficients[:, :t], upper, lower, y, outside=_OUTSIDE)
    bends = np.concatenate([np.zeros((eta.shape[0], 1)), coefficients[:, t : 2 * t - 1]], axis=1)
    up_bend, low_bend = _spread_ends(bends, upper, lower, y, outside=0.0)
    gap = (up - low) - x * (up_bend - low_bend)
    a, b = up - x * up_bend - moved, low - x * low_bend - moved
    terms = _evaluate(a, b, gap, normal=normal)
    chances[:] = np.exp(terms.log_chance).reshape(chances.shape)
    m = mask[:, None, rows]
    by_upper, by_lower = m * terms.by_upper, m * terms.by_lower
    _add_to_thresholds(by_upper, by_lower, y, upper, lower, score[:, :t])
    of_bends = np.zeros((eta.shape[0], t))
    _add_to_thresholds(x * by_upper, x * by_lower, y, upper, lower, of_bends)
    score[:, t : 2 * t - 1] -= of_bends[:, 1:]
    moved[:] = -(by_upper + by_lower)
    _add_products(moved, borders[:, :, rows], score[:, 2 * t - 1 :])


def apply_free_curvature(
    u: F64,
    borders: F64,
    mask: _Array,
    response: F64,
    upper: I64,
    lower: I64,
    vector: F64,
    start: int,
    product: F64,
    state: F64,
) -> None:
    """As :func:`apply_curvature`, where the protein's slope bends, at bends of 0."""
    rows = slice(start, start + u.shape[1])
    t = (vector.shape[1] - borders.shape[1] + 1) // 2
    moved = _add_borders(u, borders[:, :, rows], vector[:, 2 * t - 1 :])
    x, y = borders[:, 0, None, rows], response[:, rows]
    up, low = _spread_ends(vector[:, :t], upper, lower, y, outside=0.0)
    bends = np.concatenate([np.zeros((u.shape[0], 1)), vector[:, t : 2 * t - 1]], axis=1)
    up_bend, low_bend = _spread_ends(bends, upper, lower, y, outside=0.0)
    up, low = up - x * up_bend, low - x * low_bend
    above, below, between = (_by_protein(state[:, i, rows], moved) for i in range(3))
    m = mask[:, None, rows]
    across = m * between * (up - low)
    at_upper = m * above * (up - moved) + across
    at_lower = m * below * (low - moved) - across
    _add_to_thresholds(at_upper, at_lower, y, upper, lower, product[:, :t])
    of_bends = np.zeros((u.shape[0], t))
    _add_to_thresholds(x * at_upper, x * at_lower, y, upper, lower, of_bends)
    product[:, t : 2 * t - 1] -= of_bends[:, 1:]
    moved[:] = -(at_upper + at_lower)
    _add_products(moved, borders[:, :, rows], product[:, 2 * t - 1 :])


def _leave_residuals(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    upper: I64,
    lower: I64,
    coefficients: _Array,
    start: int,
    score: F64,
    *,
    normal: int,
) -> tuple[EndTerms, tuple[F64, F64]]:
    """Leave the residuals in eta; return the terms of the rows and their ends ``(B, F, c)``."""
    rows = slice(start, start + eta.shape[1])
    t = coefficients.shape[1] - borders.shape[1]
    moved = _add_borders(eta, borders[:, :, rows], coefficients[:, t:])
    up, low = _spread_ends(coefficients[:, :t], upper, lower, response[:, rows], outside=_OUTSIDE)
    gap = up - low
    terms = _evaluate(up - moved, low - moved, gap, normal=normal)
    m = mask[:, None, rows]
    by_upper, by_lower = m * terms.by_upper, m * terms.by_lower
    _add_to_thresholds(by_upper, by_lower, response[:, rows], upper, lower, score[:, :t])
    ends = up - moved, low - moved
    moved[:] = -(by_upper + by_lower)
    _add_products(moved, borders[:, :, rows], score[:, t:])
    return terms, ends


def _evaluate(a: F64, b: F64, gap: F64, *, normal: int) -> EndTerms:
    link: Link = "probit" if normal else "logit"
    return evaluate_ends(a, b, gap, link=link)


def _spread_ends(
    steps: _Array, upper: I64, lower: I64, response: _Array, *, outside: float
) -> tuple[F64, F64]:
    """Return both ends of each row ``(B, F, c)`` for thresholds as gaps ``(R, t)``."""
    F = response.shape[0]
    ends = np.cumsum(steps, axis=1, dtype=np.float64).reshape(-1, F, steps.shape[1])
    levels = response.astype(np.int64)
    out = []
    for places, sign in ((upper, 1.0), (lower, -1.0)):
        table = np.where(places >= 0, ends[:, :, np.maximum(places, 0)], sign * outside)
        out.append(np.stack([table[:, f, levels[f]] for f in range(F)], axis=1))
    return out[0], out[1]


def _add_to_thresholds(
    at_upper: F64, at_lower: F64, response: _Array, upper: I64, lower: I64, total: F64
) -> None:
    """Add what rows say of their ends ``(B, F, c)`` to thresholds as gaps ``(R, t)``."""
    F, t = response.shape[0], total.shape[1]
    levels = response.astype(np.int64)
    whole = np.zeros((at_upper.shape[0], F, t))
    for of_rows, places in ((at_upper, upper), (at_lower, lower)):
        for f in range(F):
            at = (places[levels[f]][:, None] == np.arange(t)).astype(np.float64)
            whole[:, f] += of_rows[:, f] @ at
    total += np.cumsum(whole.reshape(-1, t)[:, ::-1], axis=1)[:, ::-1]


def _keep(terms: EndTerms, ends: tuple[F64, F64], state: F64, rows: slice) -> None:
    for place, of_rows in enumerate((terms.upper, terms.lower, terms.between, *ends)):
        state[:, place, rows] = of_rows.reshape(state.shape[0], -1)


def _weigh(state: F64, mask: _Array, weights: _Array, rows: slice) -> None:
    fits = weights.shape[0] // mask.shape[0]
    both = state[:, 0, rows] + state[:, 1, rows]
    weights[:, rows] = np.repeat(mask[:, rows], fits, axis=0) * both


def _by_protein(of_fits: F64, like: F64) -> F64:
    return np.asarray(of_fits.reshape(like.shape))


def _add_borders(eta: _Array, borders: _Array, coefficients: _Array) -> _Array:
    """Add ``S gamma`` to ``eta`` in place; return it by protein ``(B, F, c)``."""
    B, s, c = borders.shape
    by_protein = eta.reshape(B, -1, c)
    for a in range(s):
        b = coefficients[:, a].reshape(B, -1, 1)
        by_protein += b * borders[:, a, None, :]
    return by_protein


def _add_products(by_protein: _Array, borders: _Array, total: F64) -> None:
    for a in range(borders.shape[1]):
        total[:, a] += np.vecdot(by_protein, borders[:, a, None, :]).reshape(-1)
