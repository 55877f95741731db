"""The five default estimators as one writes them in an afternoon: numpy, one pair at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.tables import Harmonised

__all__ = ["REGRESSIONS", "fit_defaults", "fit_regressions", "mode_step"]

REGRESSIONS = ("ivw", "egger")
_POINTS = 512
_MAD = 1.4826


def fit_regressions(pair: Harmonised) -> dict[str, tuple[float, float]]:
    """Return estimate and standard error of IVW and Egger, as TwoSampleMR has them."""
    x, y, w = pair.beta_x[:, 0], pair.beta_y, pair.se_y**-2
    flipped = np.where(x < 0, -1.0, 1.0)
    line = np.column_stack([np.abs(x), np.ones_like(x)])
    return {"ivw": _weigh(x[:, None], y, w), "egger": _weigh(line, flipped * y, w)}


def fit_defaults(
    pair: Harmonised, *, draws: int, random: Generator
) -> dict[str, tuple[float, float]]:
    """Return estimate and standard error of the five, errors of median and modes by drawing."""
    x, sx, y, sy = pair.beta_x[:, 0], pair.se_x[:, 0], pair.beta_y, pair.se_y
    w = 1.0 / (sy**2 / x**2 + y**2 * sx**2 / x**4)
    equal = np.ones_like(w)
    found = fit_regressions(pair)
    medians = [_median(random.normal(y, sy) / random.normal(x, sx), w) for _ in range(draws)]
    found["weighted_median"] = (_median(y / x, w), float(np.std(medians, ddof=1)))
    finders: dict[str, Callable[[F64], float]] = {
        "simple_mode": lambda ratios: _mode(ratios, equal),
        "weighted_mode": lambda ratios: _mode(ratios, w),
    }
    for name, find in finders.items():
        modes = np.array([find(random.normal(y / x, w**-0.5)) for _ in range(draws)])
        spread = _MAD * float(np.median(np.abs(modes - np.median(modes))))
        found[name] = (find(y / x), spread)
    return found


def _weigh(X: F64, y: F64, w: F64) -> tuple[float, float]:
    covariance = np.linalg.inv(X.T @ (X * w[:, None]))
    beta = covariance @ (X.T @ (w * y))
    residual = y - X @ beta
    sigma2 = float(residual @ (w * residual)) / (len(y) - X.shape[1])
    return float(beta[0]), float(np.sqrt(covariance[0, 0] * max(1.0, sigma2)))


def _median(ratios: F64, w: F64) -> float:
    order = np.argsort(ratios)
    ratios, w = ratios[order], w[order]
    share = (np.cumsum(w) - 0.5 * w) / w.sum()
    return float(np.interp(0.5, share, ratios))


def _bandwidth(ratios: F64) -> float:
    mad = _MAD * float(np.median(np.abs(ratios - np.median(ratios))))
    spread = min(float(np.std(ratios, ddof=1)), mad)
    return float(0.9 * spread * len(ratios) ** -0.2)


def mode_step(ratios: F64) -> float:
    """Return how far the points lie apart at which the density is taken."""
    return (float(np.ptp(ratios)) + 6.0 * _bandwidth(ratios)) / (_POINTS - 1)


def _mode(ratios: F64, w: F64) -> float:
    h = _bandwidth(ratios)
    points = np.linspace(ratios.min() - 3.0 * h, ratios.max() + 3.0 * h, _POINTS)
    density = np.exp(-0.5 * ((points[:, None] - ratios) / h) ** 2) @ w
    return float(points[np.argmax(density)])
