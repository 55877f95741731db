r"""Where kernel density estimates on R's grid are highest, without computing all of each.

The density at the grid points is a mixture f of normal densities of one standard deviation h, so
that :math:`\log f(u) + u^2 / 2h^2` is convex: between two points it lies below its chord. Points
half a bandwidth apart, in single precision, tell where the highest may be; there, every grid point
is computed. Where the kernel spans few grid points all of them are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.kernel_density import lay_frame

__all__ = ["Samples", "find_modes", "measure_samples"]

_APART = 0.5  # bandwidths between coarse points: a peak is 2 % higher than the points beside it
_FRACTIONS = 64  # of that distance, at which rows of the coarse kernel stand


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of m values each, and what their grids depend on.

    Parameters
    ----------
    x : (B, m) values.
    bandwidth : (B,) standard deviation of the kernel, above zero.
    lowest, highest : (B,) of the values.
    """

    x: F64
    bandwidth: F64
    lowest: F64
    highest: F64


def measure_samples(x: F64) -> Samples:
    """Return samples (B, m) with the bandwidths of `mode_bandwidth`, of one sort of each.

    Examples
    --------
    >>> measure_samples(np.array([[0.0, 1.0, 2.0, 9.0]])).bandwidth.round(4).tolist()
    [1.0112]
    """
    from proteomr.stats.compiled_density_loops import find_bandwidths

    ordered = np.sort(x, axis=1)
    bandwidth = np.empty(x.shape[0])
    find_bandwidths(ordered, bandwidth)
    return Samples(x, bandwidth, ordered[:, 0], ordered[:, -1])


def find_modes(samples: Samples, *weights: F64) -> list[F64]:
    """Return for each set of weights where the B densities are highest, the leftmost of equals.

    Parameters
    ----------
    samples : values and bandwidths.
    weights : one or two sets, (m,) or (B, m), not negative. Two cost little more than one.

    Returns
    -------
    (B,) modes of each set; NaN for a sample that is so far from zero that its grid has no length.

    Examples
    --------
    >>> samples = measure_samples(np.array([[0.0, 0.1, 1.0]]))
    >>> [mode.round(3).tolist() for mode in find_modes(samples, np.full(3, 1 / 3))]
    [[0.052]]
    """
    from proteomr.stats.compiled_mode_loops import find_positions

    x = samples.x
    frame = lay_frame(samples.lowest, samples.highest, samples.bandwidth)
    rows = [np.ascontiguousarray(np.atleast_2d(w), dtype=np.float64) for w in weights]
    position = np.empty((2, x.shape[0]), dtype=np.int64)
    find_positions(
        np.ascontiguousarray(x),
        rows[0],
        rows[-1],
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


@cache
def _tabulate_kernel() -> NDArray[np.float32]:
    """Kernel at coarse points, a row for each fraction of a point, zeros beside it."""
    from proteomr.stats.compiled_density_loops import COARSE_REACH
    from proteomr.stats.compiled_window_loops import SINGLE_LANES

    fraction = np.arange(_FRACTIONS)[:, None] / _FRACTIONS
    z = _APART * (np.arange(-COARSE_REACH, COARSE_REACH + 1) - fraction)
    return np.pad(np.exp(-0.5 * z * z), ((0, 0), (SINGLE_LANES, SINGLE_LANES))).astype(np.float32)
