r"""Robust adjusted profile scores of a line through points with errors in both coordinates.

Model: :math:`x_j \sim N(\gamma_j, s_{xj}^2)`, :math:`y_j \sim N(\beta\gamma_j, s_{yj}^2 +
\tau^2)`. Letters follow Zhao, Wang, Hemani, Bowden and Small 2020, doi:10.1214/19-AOS1866:
t are standardised residuals, g the estimates of gamma given beta.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from scipy import optimize

from proteomr._typing import F64

__all__ = [
    "Loss",
    "LossConstants",
    "Moments",
    "Points",
    "ScoreFit",
    "influence",
    "loss_constants",
    "solve_profile_score",
]

Loss: TypeAlias = Literal["l2", "huber", "tukey"]
Moments: TypeAlias = Literal["integrate", "exact"]

_HUBER = 1.345
_TUKEY = 4.685
_GRID = 81
_HALVINGS = 60
_NODES = 400


@dataclass(frozen=True, slots=True)
class LossConstants:
    """Moments of a loss under a standard normal residual T with psi the derivative of the loss.

    Parameters
    ----------
    delta : E[T psi(T)].
    c1 : E[psi(T)^2].
    c2 : var[T psi(T)].
    c3 : E[T^2 psi'(T)].
    """

    delta: float
    c1: float
    c2: float
    c3: float


_INTEGRATED: dict[Loss, LossConstants] = {
    "l2": LossConstants(1.0, 1.0, 2.0, 1.0),
    "huber": LossConstants(
        0.82137515024691332, 0.71016463315351297, 0.80956286918699660, 0.38704932956739718
    ),
    "tukey": LossConstants(
        0.75777598853557127, 0.60444836207453190, 0.68719276601267232, 0.33557052361090528
    ),
}


@dataclass(frozen=True, slots=True)
class Points:
    """Effects and their standard errors, (m,) each."""

    x: F64
    sx: F64
    y: F64
    sy: F64


@dataclass(frozen=True, slots=True)
class ScoreFit:
    """A root of the scores: slope, extra variance of y, and the number of roots that were found."""

    slope: float
    tau2: float
    roots: int


def influence(t: F64, loss: Loss) -> F64:
    """Return psi, the derivative of the loss, at standardised residuals.

    Parameters
    ----------
    t : residuals.
    loss : ``l2`` t^2/2; ``huber`` with k = 1.345; ``tukey`` the biweight with k = 4.685.

    Examples
    --------
    >>> influence(np.array([1.0, 9.0]), "huber").tolist()
    [1.0, 1.345]
    """
    if loss == "l2":
        return t
    if loss == "huber":
        return np.clip(t, -_HUBER, _HUBER)
    inside = np.maximum(1.0 - (t / _TUKEY) ** 2, 0.0)
    return np.asarray(t * inside**2)


def loss_constants(loss: Loss, *, moments: Moments = "integrate") -> LossConstants:
    """Return the moments of a loss.

    Parameters
    ----------
    loss : see `influence`.
    moments : ``integrate`` for those of R's ``integrate`` at its default tolerance, which R's
        mr.raps uses, right to six digits; ``exact`` for quadrature between the kinks.

    Examples
    --------
    >>> round(loss_constants("huber").delta, 7)
    0.8213752
    >>> round(loss_constants("huber", moments="exact").delta, 7)
    0.8213748
    """
    return _INTEGRATED[loss] if moments == "integrate" else _exact_constants(loss)


@cache
def _exact_constants(loss: Loss) -> LossConstants:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    total = np.zeros(4)
    ends = (0.0, _HUBER, _TUKEY, 40.0)
    for low, high in pairwise(ends):
        t = low + (high - low) * (nodes + 1.0) / 2.0
        density = weights * (high - low) * np.exp(-0.5 * t * t) / math.sqrt(2.0 * math.pi)
        psi = influence(t, loss)
        terms = (t * psi, psi**2, (t * psi) ** 2, t * t * _slope_of_influence(t, loss))
        total += [float(np.sum(density * term)) for term in terms]
    delta, c1, second, c3 = (float(moment) for moment in total)
    return LossConstants(delta, c1, second - delta**2, c3)


def _slope_of_influence(t: F64, loss: Loss) -> F64:
    if loss == "l2":
        return np.ones_like(t)
    if loss == "huber":
        return (np.abs(t) <= _HUBER).astype(np.float64)
    square = (t / _TUKEY) ** 2
    return np.where(square <= 1.0, (1.0 - square) * (1.0 - 5.0 * square), 0.0)


def solve_profile_score(
    points: Points, *, loss: Loss, over_dispersion: bool, constants: LossConstants | None = None
) -> ScoreFit | None:
    r"""Return the root of the scores of slope and extra variance; None where there is none.

    .. math::
        \sum_j \frac{g_j \psi(t_j)}{\sqrt{v_j}} = 0, \qquad
        \sum_j \frac{t_j \psi(t_j) - \delta}{v_j} = 0, \qquad
        t_j = \frac{y_j - \beta x_j}{\sqrt{v_j}}, \quad v_j = s_{yj}^2 + \tau^2 + \beta^2 s_{xj}^2,
        \quad g_j = \frac{x_j (s_{yj}^2 + \tau^2) + \beta y_j s_{xj}^2}{v_j}

    The slope is sought between the extremes of the ratios that carry weight; of several roots
    where the score falls, that with the least loss without extra variance is taken.

    Parameters
    ----------
    points : effects and standard errors.
    loss : see `influence`.
    over_dispersion : whether the extra variance is estimated, else 0.
    constants : moments of the loss; those of `loss_constants` if not given.

    Examples
    --------
    >>> x, y = np.array([0.1, 0.2, 0.3]), np.array([0.05, 0.1, 0.15])
    >>> given = Points(x, np.full(3, 0.01), y, np.full(3, 0.01))
    >>> round(solve_profile_score(given, loss="l2", over_dispersion=False).slope, 6)
    0.5
    """
    moments = constants or loss_constants(loss)

    def extra(beta: F64) -> F64:
        if not over_dispersion:
            return np.zeros(beta.size)
        return _extra_variance(points, beta, loss, moments.delta)

    def score(beta: F64) -> F64:
        return _slope_score(points, beta, extra(beta), loss)

    for widening in (1.0, 8.0, 64.0):
        grid = _slopes(points, widening)
        values = score(grid)
        falls = np.flatnonzero((values[:-1] > 0.0) & (values[1:] <= 0.0))
        if falls.size:
            break
    else:
        return None
    roots = [
        float(
            optimize.brentq(
                lambda b: float(score(np.array([b]))[0]), grid[k], grid[k + 1], xtol=1e-15
            )
        )
        for k in falls
    ]
    found = np.array(roots)
    best = int(_total_loss(points, found, loss).argmin())
    return ScoreFit(roots[best], float(extra(found)[best]), len(roots))


def _slopes(points: Points, widening: float) -> F64:
    """Slopes at which the score is looked at, densest near the median ratio."""
    weights = (points.x / points.sy) ** 2
    used = points.x != 0.0
    ratio = points.y[used] / points.x[used]
    order = np.argsort(ratio)
    share = np.cumsum(weights[used][order]) / weights[used].sum()
    low, middle, high = (ratio[order][np.searchsorted(share, q)] for q in (0.02, 0.5, 0.98))
    reach = (
        2.0 * widening * max(high - middle, middle - low, 10.0 / math.sqrt(float(weights.sum())))
    )
    steps = np.linspace(-1.0, 1.0, _GRID)
    return np.asarray(middle + reach * steps * np.abs(steps))


def _residuals(points: Points, beta: F64, tau2: F64) -> tuple[F64, F64]:
    """Standardised residuals and their variances (b, m)."""
    slope = beta[:, None]
    v = points.sy**2 + tau2[:, None] + slope**2 * points.sx**2
    return (points.y - slope * points.x) / np.sqrt(v), v


def _slope_score(points: Points, beta: F64, tau2: F64, loss: Loss) -> F64:
    t, v = _residuals(points, beta, tau2)
    g = points.x * (points.sy**2 + tau2[:, None]) + beta[:, None] * points.y * points.sx**2
    out: F64 = np.sum(g * influence(t, loss) / (v * np.sqrt(v)), axis=1)
    return out


def _extra_variance(points: Points, beta: F64, loss: Loss, delta: float) -> F64:
    """Largest extra variance (b,) at which the second score is zero, by halving; 0 without one."""

    def score(tau2: F64) -> F64:
        t, v = _residuals(points, beta, tau2)
        out: F64 = np.sum((t * influence(t, loss) - delta) / v, axis=1)
        return out

    low = np.zeros(beta.size)
    spread = (points.y - beta[:, None] * points.x) ** 2
    high = spread.max(axis=1) * (1.0 + 2.0 / delta) + 1e-300
    none = score(low) <= 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = score(middle) > 0.0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(none, 0.0, 0.5 * (low + high))


def _total_loss(points: Points, beta: F64, loss: Loss) -> F64:
    t = np.abs(_residuals(points, beta, np.zeros(beta.size))[0])
    if loss == "l2":
        return np.asarray(0.5 * (t * t).sum(axis=1))
    if loss == "huber":
        rho = np.where(t <= _HUBER, 0.5 * t * t, _HUBER * (t - 0.5 * _HUBER))
        return np.asarray(rho.sum(axis=1))
    inside = np.maximum(1.0 - (t / _TUKEY) ** 2, 0.0)
    return np.asarray((_TUKEY**2 / 6.0 * (1.0 - inside**3)).sum(axis=1))
