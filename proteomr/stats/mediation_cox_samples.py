"""Cox regressions fitted anew to many samples of their people, some samples at a time.

A sample is how often each row counts, 0 for those that it lacks: no row is gathered, and a pass
over all rows is a product of matrices for all samples at once and a loop over the rows of each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.cox import fit_cox
from proteomr.stats.loops import COMPILED_FROM, load_loops
from proteomr.stats.risk_sets import RiskSets

__all__ = ["refit_cox"]

# Squared standard errors of all coefficients together, at the last step but one: 1e-8 of one. The
# step that is taken from there leaves a tenth of that or less: 1e-9 of a standard error.
_DECREMENT = 1e-16
# Times that the events of a level may be those of all rows, at most, in the steps of a sample.
_AS_MANY = 4.0
_PASSES = 40  # of a climb: from where influences lead it takes six, with rare levels eleven
# Powers of e that hazards of one risk set may be apart before an infinite estimate is searched for.
_APART = 11.0
# Share of a column's squares below which its variance is rounding: one in a million has more.
_CONSTANT = 1e-10


def refit_cox(Z: F64, risk: RiskSets, counts: F64, theta: F64, inverse: F64) -> F64:
    """Return the coefficients ``(c, p)`` of c samples; NaN for those that a sample has not.

    Climbs by steps of one inverse information, updated by what the steps of each sample change
    (BFGS). Samples that do not settle, or in which hazards run apart, go one by one to
    :func:`proteomr.stats.cox.fit_cox`.

    Parameters
    ----------
    Z : ``(n, p)``, columns of about unit size.
    counts : ``(c, n)``, how often each row is in each sample, 0 or above.
    theta : ``(c, p)``, coefficients to begin at.
    inverse : ``(p, p)``, inverse information of all rows; 0 for columns without a coefficient.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0], np.ones(4)])
    >>> x = np.array([[0.0], [1.0], [1.0], [0.0]])
    >>> counts = np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 0.0, 2.0, 0.0]])
    >>> at, inverse = np.zeros((2, 1)), np.ones((1, 1))
    >>> refit_cox(x, lay_out_risk_sets(rows), counts, at, inverse).round(4).tolist()
    [[0.4812], [nan]]
    """
    levels = _Levels.of(Z, risk)
    counts = levels.take_to_limit(counts)
    inverses = levels.scale(inverse, counts)
    found, settled = _climb(Z, risk, counts, theta, inverses)
    found[_are_constant(Z, counts)] = np.nan
    for place in np.flatnonzero(~settled).tolist():
        found[place] = _fit_exactly(Z, risk, counts[place])
    found[:, np.diagonal(inverse) == 0.0] = 0.0
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Levels:
    """Columns of two values, and who is on which side.

    Attributes
    ----------
    columns : ``(q,)``, their positions.
    upper : ``(n, q)``, who has the larger value.
    died : ``(n,)``.
    """

    columns: I64
    upper: Bool
    died: Bool

    @classmethod
    def of(cls, Z: F64, risk: RiskSets) -> _Levels:
        low, high = Z.min(axis=0), Z.max(axis=0)
        upper = high == Z
        two = np.flatnonzero((low < high) & np.all(upper | (low == Z), axis=0))
        return cls(two, upper[:, two], risk.died)

    def count_events(self, counts: F64) -> F64:
        """Return the events of samples ``(c, 2, q)`` on the lower and the upper side."""
        of_dead, upper = counts[:, self.died], self.upper[self.died].astype(np.float64)
        return np.stack([of_dead @ (1.0 - upper), of_dead @ upper], axis=1)

    def take_to_limit(self, counts: F64) -> F64:
        """Return the counts without the sides of a sample on which nobody has the event.

        Their hazard ratios are infinite; at the limit their people are in no risk set, and the
        column is constant.
        """
        out, none = counts.copy(), self.count_events(counts) == 0.0
        none &= np.any(~none, axis=1, keepdims=True)  # of a sample without events all are left
        for b, side, column in np.argwhere(none).tolist():
            out[b, self.upper[:, column] == (side == 1)] = 0.0
        return out

    def scale(self, inverse: F64, counts: F64) -> F64:
        """Return inverse information of samples ``(c, p, p)``: that of all rows, levels by events.

        What is known of a level grows with the events of its rarer side, of which a sample may have
        a few times as many as all rows, or as few.
        """
        whole = self.count_events(np.ones((1, counts.shape[1])))[0]
        rarer, places = np.argmin(whole, axis=0), np.arange(self.columns.size)
        of_samples = self.count_events(counts)[:, rarer, places]
        share = of_samples / np.maximum(whole[rarer, places], 1.0)
        scale = np.ones((counts.shape[0], inverse.shape[0]))
        scale[:, self.columns] = 1.0 / np.sqrt(np.clip(share, 1.0 / _AS_MANY, _AS_MANY))
        return np.asarray(inverse * scale[:, :, None] * scale[:, None, :])


def _climb(Z: F64, risk: RiskSets, counts: F64, theta: F64, inverses: F64) -> tuple[F64, Bool]:
    """Return where the climbs ended ``(c, p)``, and which of them have settled ``(c,)``."""
    c, p = theta.shape
    theta, settled = theta.copy(), np.zeros(c, dtype=bool)
    best, steps, scores = np.full(c, 1.0), np.zeros((c, p)), np.zeros((c, p))
    # without an event nothing leads anywhere
    climbing = np.flatnonzero(np.any(counts[:, risk.died] > 0.0, axis=1))
    there = counts[climbing]
    for passed in range(_PASSES if climbing.size else 0):
        with np.errstate(all="ignore"):  # of climbs that are given up
            score = _score(Z, risk, there, theta[climbing])
            if passed:
                change = scores[climbing] - score
                inverses[climbing] = _learn(inverses[climbing], steps[climbing], change)
            step = np.matmul(inverses[climbing], score[:, :, None])[:, :, 0]
            decrement = np.einsum("cp,cp->c", score, step)
            sound = (decrement >= 0.0) & (decrement < 1e3 * best[climbing])
        ended = sound & (decrement < _DECREMENT)
        at = climbing[sound]
        best[at] = np.maximum(np.minimum(best[at], decrement[sound]), 1.0)
        theta[at] += step[sound]
        steps[climbing], scores[climbing] = step, score
        settled[climbing[ended]] = True
        going = sound & ~ended
        if not np.all(going):
            climbing = climbing[going]
            there = counts[climbing]
        if not climbing.size:
            break
    return theta, settled & _are_together(Z, counts, theta, settled)


def _score(Z: F64, risk: RiskSets, counts: F64, theta: F64) -> F64:
    """Return the derivatives of the partial log-likelihoods ``(c, p)``, Efron's ties."""
    c, n = counts.shape
    residuals = theta @ Z.T
    loops = load_loops("cox", compiled=n >= COMPILED_FROM)
    none = np.zeros((c, 0))
    loops.leave_residuals(
        residuals, (np.zeros((c, 0, n)), counts), risk, none, none.copy(), efron=True
    )
    return np.asarray(residuals @ Z)


def _are_together(Z: F64, counts: F64, theta: F64, settled: Bool) -> Bool:
    """Return in which samples hazards are near enough for a finite estimate ``(c,)``."""
    together = np.zeros(settled.size, dtype=bool)
    eta = theta[settled] @ Z.T
    near = np.ptp(eta, axis=1) < _APART
    for far in np.flatnonzero(~near).tolist():
        near[far] = np.ptp(eta[far][counts[settled][far] > 0.0]) < _APART
    together[settled] = near
    return together


def _are_constant(Z: F64, counts: F64) -> Bool:
    """Return which columns have one value in each sample ``(c, p)``: they move no other's fit."""
    total = np.maximum(counts.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    mean, square = counts @ Z / total, counts @ (Z * Z) / total
    return np.asarray(square - mean * mean <= _CONSTANT * square)


def _learn(inverses: F64, steps: F64, changes: F64) -> F64:
    """Return the inverse information ``(c, p, p)`` that takes changes of the score to steps."""
    curvature = np.einsum("cp,cp->c", steps, changes)
    moved = np.matmul(inverses, changes[:, :, None])[:, :, 0]
    share = (curvature + np.einsum("cp,cp->c", changes, moved)) / curvature**2
    cross = moved[:, :, None] * (steps / curvature[:, None])[:, None, :]
    along = share[:, None, None] * steps[:, :, None] * steps[:, None, :]
    learnt = inverses + along - cross - cross.transpose(0, 2, 1)
    return np.where((curvature > 0.0)[:, None, None], learnt, inverses)


def _fit_exactly(Z: F64, risk: RiskSets, counts: F64) -> F64:
    """Fit a sample ``(p,)`` on the path that finds infinite estimates."""
    rows = counts > 0.0
    within = risk.take(rows)
    lost = np.full(Z.shape[1], np.nan)
    if not within.size:
        return lost
    fit = fit_cox(Z[rows], within, weights=counts[rows])
    return np.where(fit.aliased | fit.infinite, np.nan, fit.coefficients) if fit.converged else lost
