r"""Normal scores of ranks that travel: a table of a few values and their scores.

The scores are those of :func:`proteomr.stats.transforms.rank_normalise` at up to 1,000 of the
distinct values, and on a straight line between neighbours, so that a table that was made of some
people serves for others, and gives the same numbers in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from proteomr._typing import F64
from proteomr.stats.loops import COMPILED_FROM, load_loops
from proteomr.stats.transforms import BLOM

__all__ = ["KNOTS", "NormalScores"]

KNOTS = 1_000  # values of a table: a score between them is within 0.01 of its own rank's


@dataclass(frozen=True, slots=True, eq=False)
class NormalScores:
    """Values (k,), rising, and their normal scores."""

    values: F64
    scores: F64

    @classmethod
    def of(cls, values: F64) -> NormalScores:
        r"""Make the table of some people's values.

        .. math:: \Phi^{-1}\!\left(\frac{r - 3/8}{n + 1/4}\right)

        with average ranks r. Of more than 1,000 distinct values those are kept that divide them
        into equal parts, the first and the last among them.

        Parameters
        ----------
        values : (n,) finite, at least one.

        Examples
        --------
        >>> table = NormalScores.of(np.array([5.0, 1.0, 3.0]))
        >>> table.apply(np.array([1.0, 2.0, 9.0, np.nan])).round(4).tolist()
        [-0.8694, -0.4347, 0.8694, nan]
        """
        return cls._count(np.sort(values))

    @classmethod
    def learn(cls, values: F64) -> tuple[NormalScores, F64, float]:
        """Return the table of people's values, their scores, and the median of these.

        The table is that of the values that are not missing, the scores those of :meth:`apply`.

        Parameters
        ----------
        values : (n,), NaN where missing, else finite; at least one is there.

        Examples
        --------
        >>> table, scores, middle = NormalScores.learn(np.array([5.0, np.nan, 3.0]))
        >>> scores.round(4).tolist(), middle
        ([0.5895, nan, -0.5895], 0.0)
        """
        ordered = np.sort(values)  # NaN last
        there = int(np.searchsorted(ordered, np.nan))
        table = cls._count(ordered[:there])
        low, high = table.apply(ordered[[(there - 1) // 2, there // 2]]).tolist()
        return table, table.apply(values), (low + high) / 2.0

    @classmethod
    def _count(cls, ordered: F64) -> NormalScores:
        """Make the table of rising values."""
        loops = load_loops("normal_score", compiled=ordered.size >= COMPILED_FROM)
        runs = loops.count_runs(ordered)
        kept = np.rint(np.linspace(0, runs - 1, min(runs, KNOTS))).astype(np.int64)
        first, last = np.empty((2, kept.size), dtype=np.int64)
        loops.find_runs(ordered, kept, first, last)
        rank = (first + last) / 2.0 + 1.0
        scores = ndtri((rank - BLOM) / (ordered.size - 2.0 * BLOM + 1.0))
        return cls(ordered[last], np.asarray(scores))

    def apply(self, values: F64) -> F64:
        """Return the scores of values, NaN where missing; beyond the table those of its ends."""
        loops = load_loops("normal_score", compiled=values.size >= COMPILED_FROM)
        out = np.empty(values.size)
        loops.look_up(values, self.values, self.scores, out)
        return out
