"""Slow and obvious ways to the numbers of estimators: loops, scans and general optimisers."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from scipy import optimize, stats

from proteomr._typing import F64
from proteomr.tables import Harmonised

__all__ = ["ORACLES", "minimise_by_scan", "scan_slopes"]

Oracle = Callable[[Harmonised], tuple[float, float | None]]
"""Estimate and standard error (None where another test proves it) of an analysis."""


def scan_slopes(data: Harmonised) -> F64:
    """Slopes all over: directions in several units, ratios, and near every ratio."""
    data = data.select(np.flatnonzero(data.x))
    ratio = data.beta_y / data.x
    spread = np.abs(data.se_y / data.x)
    near = (ratio[:, None] + spread[:, None] * np.linspace(-6.0, 6.0, 241)).ravel()
    units = np.unique(np.concatenate([data.se_y / data.sx, np.abs(data.beta_y / data.x)]))
    angles = np.tan((np.arange(720) + 0.5) / 720 * math.pi - math.pi / 2)
    return np.unique(np.concatenate([near, (units[:, None] * angles).ravel()]))


def minimise_by_scan(
    data: Harmonised,
    psi: float = 0.0,
    rho: Callable[[F64], F64] = np.square,
) -> tuple[float, float]:
    """Least sum of a loss of the standardised residuals, and its slope, from a scan's valleys."""

    def loss(theta: F64) -> F64:
        t = np.asarray(theta)[..., None]
        variance = data.se_y**2 - 2 * psi * t * data.sx * data.se_y + t**2 * data.sx**2
        return np.asarray(rho((data.beta_y - t * data.x) / np.sqrt(variance)).sum(axis=-1))

    slopes = scan_slopes(data)
    values = loss(slopes)
    best = (math.inf, math.nan)
    order = np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] <= values[2:])) + 1
    for k in order[np.argsort(values[order])[:12]]:
        found = optimize.minimize_scalar(
            lambda t: float(loss(np.array(t))),
            bounds=(slopes[k - 1], slopes[k + 1]),
            method="bounded",
            options={"xatol": 1e-13 * abs(slopes[k])},
        )
        best = min(best, (float(found.fun), float(found.x)))
    return best


def _least_squares(X: F64, y: F64, weights: F64) -> tuple[F64, F64, float]:
    """Coefficients, standard errors at a residual variance of one, and the residual one.

    In rational numbers, so that nothing is lost however far apart the weights lie.
    """
    rows = [[Fraction(float(value)) for value in row] for row in X]
    right = [Fraction(float(value)) for value in y]
    w = [Fraction(float(value)) for value in weights]
    p = X.shape[1]
    gram = [
        [sum(c * a[i] * a[j] for c, a in zip(w, rows, strict=True)) for j in range(p)]
        for i in range(p)
    ]
    product = [sum(c * a[i] * b for c, a, b in zip(w, rows, right, strict=True)) for i in range(p)]
    if p == 1:
        inverse = [[1 / gram[0][0]]]
    else:
        (a, b), (_, d) = gram
        det = a * d - b * b
        inverse = [[d / det, -b / det], [-b / det, a / det]]
    beta = [sum(inverse[i][j] * product[j] for j in range(p)) for i in range(p)]
    rest = [
        v - sum(c * f for c, f in zip(a, beta, strict=True))
        for a, v in zip(rows, right, strict=True)
    ]
    df = y.size - p
    q = sum(c * r * r for c, r in zip(w, rest, strict=True))
    se = np.array([math.sqrt(inverse[i][i]) for i in range(p)])
    return np.array([float(value) for value in beta]), se, math.sqrt(q / df) if df else 1.0


def _line(data: Harmonised) -> tuple[float, float, float]:
    b, se, sigma = _least_squares(data.x[:, None], data.beta_y, data.se_y**-2.0)
    return float(b[0]), float(se[0]), sigma


def _ivw(data: Harmonised) -> tuple[float, float | None]:
    b, se, sigma = _line(data)
    return b, se * max(1.0, sigma)


def _ivw_fe(data: Harmonised) -> tuple[float, float | None]:
    b, se, _ = _line(data)
    return b, se


def _ivw_mre(data: Harmonised) -> tuple[float, float | None]:
    b, se, sigma = _line(data)
    return b, se * sigma


def _wald(data: Harmonised) -> tuple[float, float | None]:
    return float(data.beta_y[0] / data.x[0]), float(data.se_y[0] / abs(data.x[0]))


def _egger(data: Harmonised) -> tuple[float, float | None]:
    sign = np.where(data.x < 0, -1.0, 1.0)
    X = np.column_stack([np.ones(data.m), np.abs(data.x)])
    b, se, sigma = _least_squares(X, sign * data.beta_y, data.se_y**-2.0)
    return float(b[1]), float(se[1]) * max(1.0, sigma)


def _uwr(data: Harmonised) -> tuple[float, float | None]:
    b, se, sigma = _least_squares(data.x[:, None], data.beta_y, np.ones(data.m))
    return float(b[0]), float(se[0]) * sigma


def _grip(data: Harmonised) -> tuple[float, float | None]:
    X = np.column_stack([np.ones(data.m), data.x**2])
    weights = 1.0 / (data.x * data.se_y) ** 2
    b, se, sigma = _least_squares(X, data.x * data.beta_y, weights)
    return float(b[1]), float(se[1]) * sigma


def _radial_weights(data: Harmonised, slope: float) -> F64:
    return np.asarray(data.x**2 / (data.se_y**2 + slope**2 * data.sx**2))


def _ivw_radial(data: Harmonised) -> tuple[float, float | None]:
    ratio = data.beta_y / data.x
    first = np.average(ratio, weights=_radial_weights(data, 0.0))
    w = _radial_weights(data, float(first))
    mean = float(np.average(ratio, weights=w))
    q = float(np.sum(w * (ratio - mean) ** 2))
    return mean, math.sqrt(q / (data.m - 1) / float(w.sum()))


def _egger_radial(data: Harmonised) -> tuple[float, float | None]:
    ratio, ones = data.beta_y / data.x, np.ones(data.m)
    slope = 0.0
    b, se, sigma = np.zeros(2), np.zeros(2), 0.0
    for _ in range(2):
        root = np.sqrt(_radial_weights(data, slope))
        b, se, sigma = _least_squares(np.column_stack([ones, root]), root * ratio, ones)
        slope = float(b[1])
    return slope, float(se[1]) * sigma


def _divw(data: Harmonised) -> tuple[float, float | None]:
    above = below = 0.0
    for x, sx, y, sy in zip(data.x, data.sx, data.beta_y, data.se_y, strict=True):
        above += x * y / sy**2
        below += (x**2 - sx**2) / sy**2
    return above / below, None


def _pivw(data: Harmonised) -> tuple[float, float | None]:
    w, x, y, s2 = data.se_y**-2.0, data.x, data.beta_y, data.sx**2
    mu1, mu2 = float(np.sum(w * x * y)), float(np.sum(w * (x**2 - s2)))
    v2 = float(np.sum(w**2 * (4 * (x**2 - s2) * s2 + 2 * s2**2)))
    v12 = float(np.sum(2 * w**2 * x * y * s2))
    # The penalised likelihood of (mu1, mu2) is highest where mu2* - mu2 = v2 / mu2*.
    root = max(np.roots([1.0, -mu2, -v2]).real, key=lambda r: r * math.copysign(1.0, mu2))
    return (mu1 + v12 / v2 * (root - mu2)) / root, None


def _weighted_median(values: F64, weights: F64) -> float:
    order = np.argsort(values)
    v, w = values[order], weights[order] / weights.sum()
    s = np.cumsum(w) - w / 2
    return float(np.interp(0.5, s, v))


def _ratio(data: Harmonised) -> F64:
    """Ratios; infinite without an effect on the exposure, zero without any."""
    pairs = zip(data.x.tolist(), data.beta_y.tolist(), strict=True)
    return np.array([y / x if x else math.copysign(math.inf, y) if y else 0.0 for x, y in pairs])


def _simple_median(data: Harmonised) -> tuple[float, float | None]:
    return float(np.median(_ratio(data))), None


def _variance(data: Harmonised) -> F64:
    return (data.se_y / data.x) ** 2 + (data.beta_y * data.sx / data.x**2) ** 2


def _median(data: Harmonised) -> tuple[float, float | None]:
    data = data.select(np.flatnonzero(data.x))
    return _weighted_median(data.beta_y / data.x, 1.0 / _variance(data)), None


def _penalised_median(data: Harmonised) -> tuple[float, float | None]:
    ratio, w = data.beta_y / data.x, 1.0 / _variance(data)
    p = stats.chi2.sf(w * (ratio - _weighted_median(ratio, w)) ** 2, 1)
    return _weighted_median(ratio, w * np.minimum(1.0, 20.0 * p)), None


def _sign(data: Harmonised) -> tuple[float, float | None]:
    same = np.sign(data.x * data.beta_y)
    return float(2 * np.mean(same[same != 0] > 0) - 1), None


ORACLES: dict[str, Oracle] = {
    "wald": _wald,
    "ivw": _ivw,
    "ivw_fe": _ivw_fe,
    "ivw_mre": _ivw_mre,
    "egger": _egger,
    "uwr": _uwr,
    "grip": _grip,
    "ivw_radial": _ivw_radial,
    "egger_radial": _egger_radial,
    "divw": _divw,
    "pivw": _pivw,
    "simple_median": _simple_median,
    "weighted_median": _median,
    "penalised_weighted_median": _penalised_median,
    "sign": _sign,
}
"""By key of a method with its default parameters."""
