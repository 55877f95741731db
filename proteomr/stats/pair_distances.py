"""Squared distances of all pairs of variables, from what their correlations were made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.pair_gaps import Gaps
from proteomr.stats.symmetric_tiles import Spread, in_turn, list_stretches

__all__ = ["PairDistances", "derive_distances"]


@dataclass(frozen=True, slots=True, eq=False)
class PairDistances:
    """Mean squared differences of pairs over the people who have both.

    Attributes
    ----------
    distance : (p, p), infinite where nobody has both.
    error : (p, p), a bound of its rounding error; infinite where no more is known.
    """

    distance: F64
    error: F64

    def among(self, rows: I64) -> PairDistances:
        """Return those of some variables, by their places.

        Examples
        --------
        >>> pairs = PairDistances(np.arange(9.0).reshape(3, 3), np.zeros((3, 3)))
        >>> pairs.among(np.array([0, 2])).distance.tolist()
        [[0.0, 2.0], [6.0, 8.0]]
        """
        grid = np.ix_(rows, rows)
        return PairDistances(self.distance[grid], self.error[grid])


def derive_distances(
    correlations: F64,
    gaps: Gaps,
    *,
    location: F64,
    scale: F64,
    people: int,
    spread: Spread = in_turn,
) -> PairDistances:
    r"""Return the distances of variables whose Pearson's correlations are known.

    With :math:`x_{ic} = a_i + s_i z_{ic}`, z of length one, and sums over the N people who have
    both,

    .. math:: N d_{ij} = N (a_i - a_j)^2 + s_i^2 \sum z_i^2 + s_j^2 \sum z_j^2
       - 2 s_i s_j \sum z_i z_j + 2 (a_i - a_j) (s_i \sum z_i - s_j \sum z_j).

    Parameters
    ----------
    correlations : (p, p) over the people who have both; NaN where there is none.
    gaps : of z.
    location, scale : (p,) a and s.
    people : of all.
    spread : runs work on stretches of variables; one after another without.

    Examples
    --------
    >>> from proteomr.stats.pair_gaps import measure_gaps
    >>> z = np.array([[-1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2.0)
    >>> found = derive_distances(np.array([[1.0, -1.0], [-1.0, 1.0]]),
    ...     measure_gaps(z, np.zeros((2, 2), dtype=bool)), location=np.zeros(2),
    ...     scale=np.sqrt([2.0, 2.0]), people=2)
    >>> found.distance.round(12).tolist()
    [[0.0, 4.0], [4.0, 0.0]]
    """
    p = len(correlations)
    found = PairDistances(np.empty((p, p)), np.empty((p, p)))
    stretches = list_stretches(p)
    work = _Deriving(correlations, gaps, location, scale, people)
    for position, (distance, error) in spread(work, stretches):
        found.distance[stretches[position]] = distance
        found.error[stretches[position]] = error
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Deriving:
    """Distances of stretches of variables from all; see :func:`derive_distances`."""

    correlations: F64
    gaps: Gaps
    location: F64
    scale: F64
    people: int

    def __call__(self, rows: slice) -> tuple[F64, F64]:
        gaps, location, scale, people = self.gaps, self.location, self.scale, self.people
        shared = gaps.count_shared(rows, slice(None), people)
        count = np.maximum(shared, 1.0)
        sum_i, sum_j = -gaps.sums[:, rows].T, -gaps.sums[rows]
        square_i, square_j = 1.0 - gaps.squares[:, rows].T, 1.0 - gaps.squares[rows]
        product = sum_i * sum_j / count
        left = (square_i - sum_i**2 / count) * (square_j - sum_j**2 / count)
        with np.errstate(invalid="ignore"):
            product += self.correlations[rows] * np.sqrt(left)
        s_i, s_j = scale[rows, None], scale[None, :]
        apart = location[rows, None] - location[None, :]
        total = shared * apart**2 + s_i**2 * square_i + s_j**2 * square_j
        total += 2.0 * (apart * (s_i * sum_i - s_j * sum_j) - s_i * s_j * product)
        size = people * (location[rows, None] ** 2 + location[None, :] ** 2) + s_i**2 + s_j**2
        # rounding grows with the people that are summed, and with what cancels out
        bound = 8.0 * np.finfo(np.float64).eps * (people + 64) * size / count
        known = np.isfinite(total)
        distance = np.where(shared > 0.0, np.where(known, total / count, 0.0), np.inf)
        error = np.where(shared > 0.0, np.where(known, bound, np.inf), 0.0)
        return distance, error
