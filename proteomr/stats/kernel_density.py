"""Gaussian kernel density estimates on R's grid, one at a time or for many bootstrap draws at once.

The estimate is that of R's ``density``: the weights are shared out linearly between the two nearest
of n equally spaced points, convolved with the kernel by the fast Fourier transform, and
interpolated linearly to n points from ``min(x) - 3 h`` to ``max(x) + 3 h``. The highest of these
points defines the mode, so that another grid would give another mode.

Source: Silverman 1982, doi:10.2307/2347084; R 4.2 ``stats::density.default``.
Letters: B samples, m points each, n grid points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from proteomr._typing import F64, I64

__all__ = [
    "POINTS",
    "Density",
    "DensityGrid",
    "Frame",
    "estimate_density",
    "lay_frame",
    "median_rows",
    "mode_bandwidth",
    "prepare_grid",
]

POINTS = 512  # R's default n
_CUT = 3.0  # bandwidths beyond the outermost values: R's default cut
_MARGIN = 4.0  # further bandwidths of the convolution's grid, as in density.default
_MAD = 1.4826  # 1 / qnorm(3/4), as R's mad has it


@dataclass(frozen=True, slots=True)
class Density:
    """A density at equally spaced points: ``x, y``, each ``(n,)``, and its bandwidth."""

    x: F64
    y: F64
    bandwidth: float


@dataclass(frozen=True, slots=True)
class Frame:
    """The grids of samples, without what lies on them.

    Parameters
    ----------
    bandwidth : (B,) standard deviation of the kernel.
    lowest, step : (B,) first point and spacing of the grid of the convolution.
    start, stride : (B,) first point and spacing of the points where the density is reported.
    spacing : (B,) distance of two points at which the kernel is taken; R's differs from ``step``.
    """

    bandwidth: F64
    lowest: F64
    step: F64
    start: F64
    stride: F64
    spacing: F64

    @property
    def offset(self) -> F64:
        """Where the first reported point lies (B,), counted in points of the convolution."""
        return (self.start - self.lowest) / self.step

    @property
    def ratio(self) -> F64:
        """Distance of reported points (B,), counted in points of the convolution."""
        return self.stride / self.step


@dataclass(frozen=True, slots=True)
class DensityGrid:
    """Samples laid on their grids, ready for any weights.

    Parameters
    ----------
    frame : the grids.
    below : (B, m) grid point below each value.
    share : (B, m) share of a weight that goes to the grid point above.
    """

    frame: Frame
    below: I64
    share: F64

    def evaluate(self, weights: F64) -> F64:
        """Return the densities (B, n) at the points reported.

        Parameters
        ----------
        weights : of the values, broadcast to (B, m); their sum is the integral of the density.
        """
        spectrum = self._transform(weights)
        spectrum *= self._kernel_transform()
        y: F64 = fft.irfft(spectrum, n=2 * POINTS, axis=1)[:, :POINTS]
        np.maximum(y, 0.0, out=y)
        place = self.frame.offset[:, None] + self.frame.ratio[:, None] * np.arange(POINTS)
        below = np.minimum(place.astype(np.int64), POINTS - 2)
        left = np.take_along_axis(y, below, axis=1)
        place -= below
        out: F64 = left + place * (np.take_along_axis(y, below + 1, axis=1) - left)
        return out

    def _transform(self, weights: F64) -> NDArray[np.complex128]:
        """Return the Fourier transform (B, n + 1) of the weights shared out over 2 n points.

        Parameters
        ----------
        weights : of the values, broadcast to (B, m).
        """
        w = np.broadcast_to(weights, self.share.shape)
        upper = w * self.share
        B = w.shape[0]
        at = (self.below + (2 * POINTS) * np.arange(B)[:, None]).ravel()
        counts = np.bincount(at, (w - upper).ravel(), minlength=2 * POINTS * B)
        at += 1
        counts += np.bincount(at, upper.ravel(), minlength=2 * POINTS * B)
        out: NDArray[np.complex128] = fft.rfft(counts.reshape(B, -1), axis=1)
        return out

    def _kernel_transform(self) -> F64:
        """Fourier transform (B, n + 1) of the kernel, which is even and hence has a real one."""
        z = (self.frame.spacing / self.frame.bandwidth)[:, None] * np.arange(POINTS + 1)
        with np.errstate(under="ignore"):
            values = np.exp(-0.5 * z * z)
        values /= math.sqrt(2.0 * math.pi) * self.frame.bandwidth[:, None]
        out: F64 = fft.dct(values, type=1, axis=1)
        return out


def prepare_grid(x: F64, bandwidth: F64) -> DensityGrid:
    """Return samples laid on their grids, which serve any number of sets of weights.

    Parameters
    ----------
    x : (B, m) values of each sample.
    bandwidth : (B,) standard deviation of the kernel, above zero.

    Examples
    --------
    >>> grid = prepare_grid(np.array([[0.0, 0.1, 1.0]]), np.array([0.2]))
    >>> grid.evaluate(np.full(3, 1 / 3)).max().round(3).tolist()
    1.289
    """
    frame = lay_frame(x.min(axis=1), x.max(axis=1), bandwidth)
    place = (x - frame.lowest[:, None]) / frame.step[:, None]
    below = place.astype(np.int64)
    return DensityGrid(frame, below=below, share=place - below)


def lay_frame(lowest: F64, highest: F64, bandwidth: F64) -> Frame:
    """Return the grids of samples that lie between these values.

    Parameters
    ----------
    lowest, highest : (B,) of the values.
    bandwidth : (B,) standard deviation of the kernel, above zero.

    Examples
    --------
    >>> frame = lay_frame(np.zeros(1), np.ones(1), np.array([0.1]))
    >>> float(frame.start[0].round(3)), float(frame.lowest[0].round(3))
    (-0.3, -0.7)
    """
    start, end = lowest - _CUT * bandwidth, highest + _CUT * bandwidth
    first, last = start - _MARGIN * bandwidth, end + _MARGIN * bandwidth
    return Frame(
        bandwidth=bandwidth,
        lowest=first,
        step=(last - first) / (POINTS - 1),
        start=start,
        stride=(end - start) / (POINTS - 1),
        spacing=2.0 * (last - first) / (2 * POINTS - 1),
    )


def estimate_density(x: F64, *, bandwidth: float, weights: F64 | None = None) -> Density:
    r"""Return R's ``density(x, bw = bandwidth, weights = weights)``, to 12 digits of its height.

    .. math:: f(u) = \sum_i w_i \, \phi\{(u - x_i) / h\} / h

    binned and interpolated as the module describes.

    Parameters
    ----------
    x : (m,) values.
    bandwidth : h, the standard deviation of the kernel, above zero.
    weights : (m,) w, not rescaled; equal and summing to 1 if not given.

    Examples
    --------
    >>> density = estimate_density(np.array([0.0, 1.0]), bandwidth=0.5)
    >>> density.x.size, round(float(density.y.max()), 3)
    (512, 0.484)
    """
    shares = np.full(x.size, 1.0 / x.size) if weights is None else weights
    grid = prepare_grid(x[None, :], np.array([bandwidth]))
    points = grid.frame.start[0] + np.arange(POINTS) * grid.frame.stride[0]
    return Density(points, grid.evaluate(shares[None, :])[0], bandwidth)


def mode_bandwidth(x: F64) -> F64:
    r"""Return the bandwidths (B,) of samples (B, m) by Silverman's rule with the MAD.

    .. math:: h = 0.9 \, \min(\mathrm{sd}, 1.4826\,\mathrm{mad}) \, m^{-1/5}

    Source: Bickel 2002, doi:10.1016/S0167-9473(01)00057-3.

    Examples
    --------
    >>> mode_bandwidth(np.array([[0.0, 1.0, 2.0, 9.0]])).round(4).tolist()
    [1.0112]
    """
    m = x.shape[1]
    centre = median_rows(x)
    spread = _MAD * median_rows(np.abs(x - centre[:, None]))
    deviation = x.std(axis=1, ddof=1)
    out: F64 = 0.9 * np.minimum(deviation, spread) / m**0.2
    return out


def median_rows(x: F64) -> F64:
    """Return the medians of rows; a full sort of short rows is quicker than a selection.

    Examples
    --------
    >>> median_rows(np.array([[3.0, 1.0, 2.0, 9.0]])).tolist()
    [2.5]
    """
    ordered = np.sort(x, axis=1)
    m = x.shape[1]
    out: F64 = 0.5 * (ordered[:, (m - 1) // 2] + ordered[:, m // 2])
    return out
