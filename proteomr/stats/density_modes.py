"""Where many kernel density estimates on R's grid are highest, without computing all of each.

A Gaussian kernel that spans many grid points leaves only low frequencies, so that a few points
carry the whole density: every d-th is computed, and the grid is filled in around the highest one.
As ``f'' >= -f / h^2`` for a Gaussian mixture, a peak stands above its nearest computed point by at
most ``(d / 2 r)^2 / 2`` of its height, where r is the bandwidth in grid points; a sample with
another point within that margin farther off is evaluated in full.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from proteomr._typing import F64, I64
from proteomr.stats.kernel_density import POINTS, DensityGrid

__all__ = ["find_modes"]

_PERIOD = 2 * POINTS  # room for the kernel, so that the ends do not meet
_ROWS = 128  # transforms of so many samples fit the second-level cache
_LEFT_OUT = 39.5  # -log of the share of the density that the missing frequencies may carry
_THINNINGS = (8, 4, 2)  # beyond 8 points apart the margin of a peak leaves most samples open
_SPANS = (1, 4)  # computed points on either side of the highest that may hold the mode


def find_modes(grid: DensityGrid, weights: F64) -> F64:
    """Return where each of the B densities is highest among its points, the leftmost of equals.

    Parameters
    ----------
    grid : samples laid on their grids.
    weights : of the values, (B, m) or broadcast to it.

    Examples
    --------
    >>> from proteomr.stats.kernel_density import prepare_grid
    >>> samples = prepare_grid(np.array([[0.0, 0.1, 1.0]]), np.array([0.2]))
    >>> find_modes(samples, np.array([1 / 3, 1 / 3, 1 / 3])).round(3).tolist()
    [0.05]
    """
    w = np.broadcast_to(weights, grid.share.shape)
    resolution = grid.bandwidth / grid.spacing
    thinning = np.ones(resolution.size, dtype=np.int64)
    for d in sorted(_THINNINGS):
        thinning[resolution >= _needed_resolution(d)] = d
    out = np.empty(resolution.size)
    for d in (1, *_THINNINGS):
        members = np.flatnonzero(thinning == d)
        for first in range(0, members.size, _ROWS):
            rows = members[first : first + _ROWS]
            part = grid.select(rows)
            out[rows] = _search(part, w[rows], d) if d > 1 else _search_all(part, w[rows])
    return out


def _needed_resolution(d: int) -> float:
    """Bandwidth in grid points from which every d-th point carries the density."""
    return math.sqrt(_LEFT_OUT / 2.0) / math.pi * 2.0 * d


def _search_all(grid: DensityGrid, w: F64) -> F64:
    top = grid.evaluate(w).argmax(axis=1)
    return np.asarray(grid.start + top * grid.stride)


def _search(grid: DensityGrid, w: F64, d: int) -> F64:
    """Modes of samples whose density every d-th point carries."""
    count = POINTS // d
    resolution = grid.bandwidth / grid.spacing
    decay = -2.0 * (np.pi / _PERIOD * resolution) ** 2
    spectrum = grid.transform(w)[:, :count]
    with np.errstate(under="ignore"):
        spectrum *= np.exp(decay[:, None] * np.arange(count) ** 2)
    coarse = fft.irfft(spectrum, n=_PERIOD // d, axis=1)[:, :count]
    top = coarse.argmax(axis=1)
    margin = 0.5 * (0.5 * d / resolution) ** 2
    height = np.take_along_axis(coarse, top[:, None], axis=1)
    rivals = coarse >= (1.0 - 1.1 * margin)[:, None] * height
    spread = np.where(rivals, np.abs(np.arange(count) - top[:, None]), 0).max(axis=1)
    out = np.empty(top.size)
    unsolved = np.ones(top.size, dtype=bool)
    for span in _SPANS:
        rows = np.flatnonzero(unsolved & (spread <= span))
        unsolved[rows] = False
        if rows.size:
            out[rows] = _refine(grid.select(rows), spectrum[rows], top[rows] * d, span * d + 1)
    rows = np.flatnonzero(unsolved)
    if rows.size:
        out[rows] = _search_all(grid.select(rows), w[rows])
    return out


def _refine(grid: DensityGrid, spectrum: NDArray[np.complex128], centre: I64, reach: int) -> F64:
    """Modes within `reach` grid points of the computed points at `centre`."""
    turned = spectrum * _turns(spectrum.shape[1])[centre]
    cosines, sines = _waves(reach + 1, spectrum.shape[1])
    knots = turned.real @ cosines - turned.imag @ sines
    offset, ratio = grid.offset, grid.ratio
    first = np.maximum(np.ceil((centre - reach - offset) / ratio), 0.0)
    candidates = first[:, None] + np.arange(math.ceil(2 * reach / float(ratio.min())) + 1)
    place = offset[:, None] + ratio[:, None] * candidates - (centre - reach - 1)[:, None]
    usable = (candidates < POINTS) & (place < 2 * reach + 2) & (place >= 0.0)
    below = np.clip(place.astype(np.int64), 0, 2 * reach + 1)
    at = below + knots.shape[1] * np.arange(centre.size)[:, None]
    left, right = knots.ravel()[at], knots.ravel()[at + 1]
    values = np.where(usable, left + (place - below) * (right - left), -np.inf)
    chosen = first + values.argmax(axis=1)
    return np.asarray(grid.start + chosen * grid.stride)


@cache
def _turns(count: int) -> NDArray[np.complex128]:
    """Factors (2 n, count) that move the origin of a transform to each grid point."""
    steps = np.outer(np.arange(_PERIOD), np.arange(count)) % _PERIOD
    return np.asarray(np.exp(2j * np.pi / _PERIOD * steps))


@cache
def _waves(reach: int, count: int) -> tuple[F64, F64]:
    """Cosines and sines (count, 2 reach + 1) that turn a transform into values at its origin."""
    angle = 2.0 * np.pi / _PERIOD * np.outer(np.arange(count), np.arange(-reach, reach + 1))
    double = np.where(np.arange(count) == 0, 1.0, 2.0)[:, None]
    return double * np.cos(angle), double * np.sin(angle)
