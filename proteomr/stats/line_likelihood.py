r"""A line through the origin whose points have errors in both coordinates.

.. math:: Q(\theta) = \sum_j \frac{(y_j - \theta x_j)^2}
    {s_{yj}^2 - 2 \theta \psi s_{xj} s_{yj} + \theta^2 s_{xj}^2}

is -2 log likelihood with the true coordinates at their most likely values. It may have as many
minima as points, narrow ones at the ratios of precise points, and a limit for a vertical line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import find_doubt

__all__ = ["LineFit", "Points", "derive_terms", "evaluate_lines", "fit_line", "list_slopes"]

_ANGLES = 180  # one per degree: between two, no minimum as wide as the errors of a typical point
_RATIOS = 400  # of more points, quantiles: minima of single points are then shallow
_VALLEYS = 8  # local minima of the grid that are looked into
_ZOOMS = 4  # with the points per zoom
_ZOOMED = 21  # points per zoom: four narrow a bracket 10,000-fold, into reach of Newton's method
_STEPS = 200  # Newton's method needs five; a step that must be halved at each turn is no fit
_HALVINGS = 60  # down to the last bit of the step
_TOLD_APART = 1e-6  # of -2 log likelihood: less is no evidence for a slope that has an end
_FLAT = 1e-9  # standard errors: the step after it is exact to the last digit
_ROUNDING = 1e-12  # relative: what a sum of a few hundred terms loses


@dataclass(frozen=True, slots=True)
class Points:
    """Effects and their standard errors, (m,) each."""

    x: F64
    sx: F64
    y: F64
    sy: F64

    def select(self, rows: I64 | Bool) -> Points:
        """Return chosen points.

        Parameters
        ----------
        rows : their positions, or a mask.
        """
        return Points(self.x[rows], self.sx[rows], self.y[rows], self.sy[rows])


@dataclass(frozen=True, slots=True)
class LineFit:
    """The least Q: where, its value and second derivative there, and what speaks against it.

    Parameters
    ----------
    slope, q, curvature : of the minimum.
    doubt : None for a minimum that is certified; see `proteomr.stats.certificates.find_doubt`.
    """

    slope: float
    q: float
    curvature: float
    doubt: str | None = None


def fit_line(points: Points, *, psi: float = 0.0, start: float | None = None) -> LineFit:
    """Return the slope of least Q.

    All directions and the points' own ratios are searched, and the deepest valley is followed to
    its end by Newton's method. The certificate compares it with every slope that was looked at, and
    with a vertical line.

    Parameters
    ----------
    points : effects and standard errors, not all x zero.
    psi : correlation of the two errors of a point.
    start : a slope in whose valley the minimum is sought, without a search of the others.

    Examples
    --------
    >>> x, y = np.array([0.1, 0.2]), np.array([0.05, 0.1])
    >>> fit = fit_line(Points(x, np.full(2, 0.01), y, np.full(2, 0.02)))
    >>> round(fit.slope, 6), fit.doubt
    (0.5, None)
    """
    with np.errstate(all="ignore"):
        slopes = list_slopes(points) if start is None else np.array([start])
        values = evaluate_lines(points, slopes, psi=psi)
        values = np.where(np.isfinite(values), values, np.inf)
        theta = _search(points, psi, slopes, values) if start is None else start
        rival, vertical = float(values.min()), float(np.sum((points.x / points.sx) ** 2))
        for _ in range(_STEPS):
            value, slope, curvature = _derive(points, psi, theta)
            if not curvature > 0:
                break
            theta, settled = _descend(points, psi, theta, value, slope, curvature)
            if settled:
                break
        value, slope, curvature = _derive(points, psi, theta)
        distance = abs(slope) / math.sqrt(2.0 * curvature) if curvature > 0 else math.inf
    doubt = find_doubt(
        distance=distance if curvature > 0 else 0.0,
        curvature=curvature,
        value=value,
        rival=rival,
    )
    if doubt is None and not vertical - value > _TOLD_APART:
        doubt = "a vertical line fits as well"
    return LineFit(theta, value, curvature, doubt)


def list_slopes(points: Points) -> F64:
    """Return slopes at which a curve over all lines should be looked at, in rising order.

    Parameters
    ----------
    points : effects and standard errors, not all x zero.

    Examples
    --------
    >>> one = np.ones(3)
    >>> list_slopes(Points(one, one, one, one)).size
    182
    """
    unit = float(np.median(points.sy) / np.median(points.sx))
    angles = (np.arange(_ANGLES) + 0.5) / _ANGLES * math.pi - math.pi / 2.0
    carriers = points.x != 0
    ratios = points.y[carriers] / points.x[carriers]
    if ratios.size > _RATIOS:
        ratios = np.quantile(ratios, np.linspace(0.0, 1.0, _RATIOS))
    weights = (points.x / points.sy) ** 2
    centre = float(np.sum(points.x * points.y / points.sy**2) / np.sum(weights))
    slopes = np.concatenate([unit * np.tan(angles), ratios, [centre, 0.0]])
    return np.unique(slopes[np.isfinite(slopes)])


def evaluate_lines(points: Points, slopes: F64, *, psi: float = 0.0) -> F64:
    """Return Q at slopes of any shape.

    Parameters
    ----------
    points, slopes, psi : as in `fit_line`.

    Examples
    --------
    >>> one = np.ones(2)
    >>> evaluate_lines(Points(one, one, 3.0 * one, one), np.array([1.0])).tolist()
    [4.0]
    """
    t = slopes[..., None]
    sx, sy = points.sx, points.sy
    variance = sy**2 - 2.0 * t * psi * sx * sy + t**2 * sx**2
    return np.asarray(((points.y - t * points.x) ** 2 / variance).sum(axis=-1))


def derive_terms(points: Points, slopes: F64, *, psi: float = 0.0) -> tuple[F64, F64, F64]:
    """Return each point's part of Q at slopes, and its first and second derivatives by the slope.

    Parameters
    ----------
    points, psi : as in `fit_line`.
    slopes : of a shape to which the points' (m,) is broadcast, such as (s, 1).

    Examples
    --------
    >>> one = np.ones(1)
    >>> [part.tolist() for part in derive_terms(Points(one, one, one, one), np.zeros((1, 1)))]
    [[[1.0]], [[-2.0]], [[0.0]]]
    """
    x, y, sx, sy = points.x, points.y, points.sx, points.sy
    r = y - slopes * x
    v = sy**2 - 2.0 * slopes * psi * sx * sy + slopes**2 * sx**2
    v1 = 2.0 * (slopes * sx**2 - psi * sx * sy)
    v2 = 2.0 * sx**2
    q1 = -2.0 * x * r / v - r**2 * v1 / v**2
    q2 = 2.0 * x**2 / v + 4.0 * x * r * v1 / v**2 + r**2 * (2.0 * v1**2 / v**3 - v2 / v**2)
    return r**2 / v, q1, q2


def _search(points: Points, psi: float, slopes: F64, values: F64) -> float:
    """Near where Q is smallest: the deepest of the valleys that the slopes show."""
    padded = np.concatenate([[np.inf], values, [np.inf]])
    lowest = np.flatnonzero((values <= padded[:-2]) & (values <= padded[2:]))
    lowest = lowest[np.argsort(values[lowest], kind="stable")[:_VALLEYS]]
    low = slopes[np.maximum(lowest - 1, 0)]
    high = slopes[np.minimum(lowest + 1, slopes.size - 1)]
    best, depth = slopes[lowest], values[lowest]
    rows = np.arange(lowest.size)
    for _ in range(_ZOOMS):
        grid = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, _ZOOMED)
        likelihoods = evaluate_lines(points, grid, psi=psi)
        place = likelihoods.argmin(axis=1)
        better = likelihoods[rows, place] < depth
        best = np.where(better, grid[rows, place], best)
        depth = np.where(better, likelihoods[rows, place], depth)
        low = grid[rows, np.maximum(place - 1, 0)]
        high = grid[rows, np.minimum(place + 1, _ZOOMED - 1)]
    return float(best[int(depth.argmin())])


def _derive(points: Points, psi: float, theta: float) -> tuple[float, float, float]:
    """Q and its first and second derivatives."""
    value, slope, curvature = derive_terms(points, np.array(theta), psi=psi)
    return float(value.sum()), float(slope.sum()), float(curvature.sum())


def _descend(
    points: Points, psi: float, theta: float, value: float, slope: float, curvature: float
) -> tuple[float, bool]:
    """Newton's step, halved until Q does not rise; and whether it was the last one needed."""
    step = -slope / curvature
    if abs(step * slope) <= _FLAT**2:
        return theta + step, True
    for _ in range(_HALVINGS):
        moved = float(evaluate_lines(points, np.array(theta + step), psi=psi))
        if moved <= value * (1.0 + _ROUNDING):
            return theta + step, False
        step /= 2.0
    return theta, True
