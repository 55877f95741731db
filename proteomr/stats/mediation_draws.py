"""Limits of mediated effects from draws: by influence functions, by refits, of the normal law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.stats.mediation import Analysis
from proteomr.stats.resampling import Resamples

__all__ = ["Limits", "draw_by_influence", "draw_by_law", "draw_by_refit", "find_limits"]

# Samples without an estimate from which on the others do not stand for all of them.
_MOST_LOST = 0.1
# Samples that are fitted together: as many doubles of 42,062 people are 5 MB.
_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of q quantities ``(q,)``; NaN where too many samples have no estimate.

    Attributes
    ----------
    low, high : percentiles of the draws.
    lost : draws without an estimate.
    draws : how many there are.
    """

    low: F64
    high: F64
    lost: I64
    draws: int

    def describe(self, quantity: int, estimate: float) -> str:
        """Say what a reader of the limits should know; empty where there is nothing.

        That is which draws have no estimate, and that the limits lack the estimate, as where a
        ratio's denominator changes its sign among the draws.

        Examples
        --------
        >>> limits = Limits(np.zeros(2), np.ones(2), np.array([0, 5]), 100)
        >>> limits.describe(0, 0.5), limits.describe(1, 0.5)
        ('', '5 of 100 samples have no estimate and are left out of the limits')
        >>> limits.describe(0, 1.5)
        'the limits lack the estimate: nearly all samples lie below it'
        """
        said = []
        if lost := int(self.lost[quantity]):
            count = f"{lost:,} of {self.draws:,} samples have no estimate"
            if np.isnan(self.low[quantity]):
                return f"no limits: {count}"
            said.append(f"{count} and are left out of the limits")
        below, above = estimate > self.high[quantity], estimate < self.low[quantity]
        if below or above:
            where = "below" if below else "above"
            said.append(f"the limits lack the estimate: nearly all samples lie {where} it")
        return "; ".join(said)


def draw_by_influence(
    analyses: Sequence[Analysis], rows: Sequence[Bool], samples: Resamples
) -> list[F64]:
    """Return draws ``(B, q)`` of the quantities of each analysis: the multiplier bootstrap.

    A sample moves the parameters by the sum of the influences of its people, each as often as it is
    there; the quantities are then what they are of these parameters. One product of matrices for
    all analyses.

    Parameters
    ----------
    rows : ``(n,)`` of each, which of the people it is of.
    """
    influences = {id(analysis.influence): place for place, analysis in enumerate(analyses)}
    places = {key: at for at, key in enumerate(influences)}
    widths = [analyses[place].parameters.size for place in influences.values()]
    ends = np.cumsum([0, *widths])
    stacked = np.zeros((samples.n, int(ends[-1])))
    for at, place in enumerate(influences.values()):
        influence = analyses[place].influence
        stacked[rows[place], ends[at] : ends[at + 1]] = influence - influence.mean(axis=0)
    moved = samples.sum_influences(stacked)
    drawn = []
    for analysis in analyses:
        at = places[id(analysis.influence)]
        parameters = analysis.parameters + moved[:, ends[at] : ends[at + 1]]
        drawn.append(analysis.effects.of(parameters) * analysis.units)
    return drawn


def draw_by_refit(
    analyses: Sequence[Analysis], rows: Sequence[Bool], samples: Resamples
) -> list[F64]:
    """Return draws ``(B, q)`` of the quantities: all models fitted anew to each sample.

    Analyses of the same models, those of a joint one, share their refits.
    """
    drawn: list[F64] = []
    refits: dict[int, F64] = {}
    for analysis, there in zip(analyses, rows, strict=True):
        key = id(analysis.refit)
        if key not in refits:
            refits = {key: _refit(analysis, there, samples)}
        drawn.append(analysis.effects.of(refits[key]) * analysis.units)
    return drawn


def _refit(analysis: Analysis, there: Bool, samples: Resamples) -> F64:
    """Return the parameters of each sample ``(B, P)``, the same that are fitted together always."""
    found = []
    for first in range(0, samples.draws, _TOGETHER):
        some = range(first, min(first + _TOGETHER, samples.draws))
        found.append(analysis.refit(np.stack([samples.counts_of(b)[there] for b in some])))
    return np.concatenate(found)


def draw_by_law(analysis: Analysis, draws: int, generator: Generator) -> F64:
    """Return draws ``(B, q)`` of the quantities of normal coefficients with their covariance.

    That of the joint influence functions, which knows how models of one outcome go together.

    MacKinnon, Lockwood and Williams 2004, doi:10.1207/s15327906mbr3901_4.
    """
    values, vectors = np.linalg.eigh(analysis.joint_covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = generator.standard_normal((draws, analysis.parameters.size))
    return analysis.effects.of(analysis.parameters + normal @ root.T) * analysis.units


def find_limits(draws: F64, *, level: float) -> Limits:
    """Return the percentiles of draws ``(B, q)`` (type 7) that a share ``level`` lies between.

    Examples
    --------
    >>> limits = find_limits(np.arange(101.0)[:, None], level=0.9)
    >>> limits.low.round(6).tolist(), limits.high.round(6).tolist()
    ([5.0], [95.0])
    """
    count, q = draws.shape
    low, high = np.full(q, np.nan), np.full(q, np.nan)
    finite = np.isfinite(draws)
    lost = count - finite.sum(axis=0)
    tail = (1.0 - level) / 2.0
    for column in np.flatnonzero(lost <= _MOST_LOST * count).tolist():
        kept = draws[finite[:, column], column]
        low[column], high[column] = np.quantile(kept, [tail, 1.0 - tail])
    return Limits(low, high, lost, count)
