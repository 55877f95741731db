r"""Where kernel density estimates on R's grid are highest, without computing all of each.

The density at the grid points is a mixture f of normal densities of one standard deviation h, so
that :math:`\log f(u) + u^2 / 2h^2` is convex: between two points it lies below its chord. Points
half a bandwidth apart, in single precision, tell where the highest may be; there, every grid point
is computed. Where the kernel spans few grid points all of them are.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.kernel_density import lay_frame

__all__ = ["find_bandwidths", "find_modes"]

_APART = 0.5  # bandwidths between coarse points: a peak is 2 % higher than the points beside it
_FRACTIONS = 64  # of that distance, at which rows of the coarse kernel stand
_NOTHING = np.zeros((0, 0))  # in the place of a second set of weights


def find_modes(x: F64, bandwidth: F64, *weights: F64) -> list[F64]:
    """Return for each set of weights where the B densities are highest, the leftmost of equals.

    Parameters
    ----------
    x : (B, m) values of each sample.
    bandwidth : (B,) standard deviation of the kernel, above zero.
    weights : one or two sets, (m,) or (B, m), not negative. Two cost little more than one.

    Returns
    -------
    (B,) modes of each set; NaN for a sample that is so far from zero that its grid has no length.

    Examples
    --------
    >>> x, equal = np.array([[0.0, 0.1, 1.0]]), np.full(3, 1 / 3)
    >>> [mode.round(3).tolist() for mode in find_modes(x, np.array([0.2]), equal)]
    [[0.05]]
    """
    from proteomr.stats.compiled_mode_loops import find_positions

    frame = lay_frame(x.min(axis=1), x.max(axis=1), bandwidth)
    rows = [np.ascontiguousarray(np.atleast_2d(w), dtype=np.float64) for w in weights]
    position = np.empty((2, x.shape[0]), dtype=np.int64)
    find_positions(
        np.ascontiguousarray(x),
        rows[0],
        rows[1] if len(rows) > 1 else _NOTHING,
        frame.bandwidth,
        frame.lowest,
        frame.step,
        frame.spacing,
        frame.start,
        frame.stride,
        _tabulate_kernel(),
        _APART,
        position,
    )
    known = np.where(position < 0, np.nan, position)
    return [frame.start + known[k] * frame.stride for k in range(len(rows))]


def find_bandwidths(x: F64) -> F64:
    """Return `proteomr.stats.kernel_density.mode_bandwidth` of many samples (B, m), compiled.

    Examples
    --------
    >>> find_bandwidths(np.array([[0.0, 1.0, 2.0, 9.0]])).round(4).tolist()
    [1.0112]
    """
    from proteomr.stats import compiled_density_loops

    out = np.empty(x.shape[0])
    compiled_density_loops.find_bandwidths(np.sort(x, axis=1), out)
    return out


@cache
def _tabulate_kernel() -> NDArray[np.float32]:
    """Kernel at coarse points, a row for each fraction of a point, zeros beside it."""
    from proteomr.stats.compiled_density_loops import COARSE_POINTS, COARSE_REACH

    fraction = np.arange(_FRACTIONS)[:, None] / _FRACTIONS
    z = _APART * (np.arange(-COARSE_REACH, COARSE_REACH + 1) - fraction)
    return np.pad(np.exp(-0.5 * z * z), ((0, 0), (COARSE_POINTS, COARSE_POINTS))).astype(np.float32)
