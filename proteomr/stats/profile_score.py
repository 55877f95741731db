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
from proteomr.stats.certificates import DISTANCE, find_doubt
from proteomr.stats.effect_prior import EffectPrior
from proteomr.stats.line_likelihood import Points

__all__ = [
    "Loss",
    "LossConstants",
    "Moments",
    "Points",
    "ScoreFit",
    "influence",
    "loss_constants",
    "name_doubt",
    "solve_profile_score",
]

Loss: TypeAlias = Literal["l2", "huber", "tukey"]
Moments: TypeAlias = Literal["integrate", "exact"]

_HUBER = 1.345  # efficiency 95 % under normal errors
_TUKEY = 4.685  # efficiency 95 % under normal errors
_GRID = 81  # slopes within the reach of the ratios: a root per standard error of a few variants
_RATIOS = 60  # of the points' own ratios: roots of a redescending loss lie at single points
_NODES = 400  # of Gauss and Legendre between two kinks: full precision with 40 already
_COARSE = 1e-6  # relative, of the extra variance where only the sign of a score is looked at
_SMALLEST = 1e-300  # absolute tolerance of a root: the relative one alone counts


# Numbers that the compiled loops know the losses by, and where each bends.
_LOSSES: dict[Loss, tuple[int, float]] = {
    "l2": (0, math.inf),
    "huber": (1, _HUBER),
    "tukey": (2, _TUKEY),
}


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


# As R 4.2's integrate gives them at its default tolerance, so that results equal mr.raps 0.4.2.
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
class ScoreFit:
    """A root of the scores.

    Parameters
    ----------
    slope, tau2 : the root, tau2 the extra variance of y.
    roots : number of roots that were found.
    rival : least loss of any slope that was looked at; infinite where the loss is not minimised.
    """

    slope: float
    tau2: float
    roots: int
    rival: float = math.inf


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
    ends = (0.0, _HUBER, _TUKEY, 40.0)  # the normal density is zero beyond 39 in double precision
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
    points: Points,
    *,
    loss: Loss,
    over_dispersion: bool,
    constants: LossConstants | None = None,
    prior: EffectPrior | None = None,
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
    prior : of true effects over their errors; with it, g is replaced by its posterior mean. Scores
        are then no derivatives of the loss.

    Examples
    --------
    >>> x, y = np.array([0.1, 0.2, 0.3]), np.array([0.05, 0.1, 0.15])
    >>> points = Points(x, np.full(3, 0.01), y, np.full(3, 0.01))
    >>> round(solve_profile_score(points, loss="l2", over_dispersion=False).slope, 6)
    0.5
    """
    moments = constants or loss_constants(loss)

    def score(beta: F64, *, tolerance: float) -> F64:
        plain, extra = _score(
            points, beta, loss, moments, wanted=over_dispersion, tolerance=tolerance
        )
        return plain if prior is None else _slope_score(points, beta, extra, loss, prior)

    for widening in (1.0, 8.0, 64.0, 512.0):
        grid = _slopes(points, widening)
        values = score(grid, tolerance=_COARSE)
        falls = np.flatnonzero((values[:-1] > 0.0) & (values[1:] <= 0.0))
        if falls.size:
            break
    else:
        return None
    roots = np.array(
        [
            optimize.brentq(
                lambda b: float(score(np.array([b]), tolerance=0.0)[0]),
                grid[k],
                grid[k + 1],
                xtol=_SMALLEST,
            )
            for k in falls
            if score(grid[k : k + 1], tolerance=0.0)[0]
            > 0.0
            >= score(grid[k + 1 : k + 2], tolerance=0.0)[0]
        ]
    )
    if not roots.size:
        return None
    best = int(_total_loss(points, roots, loss).argmin())
    chosen = roots[best : best + 1]
    tau2 = _score(points, chosen, loss, moments, wanted=over_dispersion, tolerance=0.0)[1]
    minimised = prior is None and not over_dispersion
    rival = float(np.nanmin(_total_loss(points, grid, loss))) if minimised else math.inf
    return ScoreFit(float(chosen[0]), float(tau2[0]), int(roots.size), rival)


def name_doubt(
    points: Points,
    fit: ScoreFit,
    se: float,
    *,
    loss: Loss,
    over_dispersion: bool,
    constants: LossConstants,
    prior: EffectPrior | None = None,
) -> str | None:
    """Return what speaks against a root of the scores, or None.

    The score of the slope falls through zero within 1e-8 standard errors, that of the extra
    variance is zero or, at no extra variance, not above it; without over-dispersion, where the
    scores are derivatives of the loss, no slope that was looked at has less.

    Parameters
    ----------
    points, loss, over_dispersion, constants, prior : as in `solve_profile_score`.
    fit, se : its result, and the standard error of the slope.
    """
    reach = max(DISTANCE * se, 4.0 * math.ulp(fit.slope))
    near = fit.slope + reach * np.array([-1.0, 1.0])
    extra = _score(points, near, loss, constants, wanted=over_dispersion, tolerance=0.0)[1]
    values = _slope_score(points, near, extra, loss, prior)
    if not values[0] >= 0.0 >= values[1]:
        return "the score of the slope does not fall through zero at the solution"
    at, tau2 = np.array([fit.slope]), np.array([fit.tau2])
    if over_dispersion:
        step = DISTANCE * fit.tau2
        around = np.array([fit.tau2 - step, fit.tau2 + step])
        rest = _extra_score(points, np.repeat(at, 2), around, loss, constants.delta)
        if not (rest[1] <= 0.0 and (fit.tau2 == 0.0 or rest[0] >= 0.0)):
            return "the score of the extra variance is not zero at the solution"
        return None
    value = float(_total_loss(points, at, loss)[0])
    return find_doubt(distance=0.0, curvature=float(tau2.size), value=value, rival=fit.rival)


def _score(
    points: Points,
    beta: F64,
    loss: Loss,
    moments: LossConstants,
    *,
    wanted: bool,
    tolerance: float,
) -> tuple[F64, F64]:
    """Score of the slope at slopes (b,), each with an extra variance at which the second score
    falls through zero, or 0 without one; and these extra variances.
    """
    from proteomr.stats.compiled_score_loops import score_slopes

    scores, extra = np.empty(beta.size), np.empty(beta.size)
    number, cut = _LOSSES[loss]
    score_slopes(
        np.ascontiguousarray(points.x),
        points.sx**2,
        np.ascontiguousarray(points.y),
        points.sy**2,
        beta,
        number,
        cut,
        moments.delta,
        wanted,
        tolerance,
        extra,
        scores,
    )
    return scores, extra


def _slopes(points: Points, widening: float) -> F64:
    """Slopes at which the score is looked at: densest near the median ratio, and ratios."""
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
    own = ratio if ratio.size <= _RATIOS else np.quantile(ratio, np.linspace(0.0, 1.0, _RATIOS))
    around = np.concatenate([own, 0.5 * (np.sort(own)[1:] + np.sort(own)[:-1])])
    slopes = np.unique(np.concatenate([middle + reach * steps * np.abs(steps), around]))
    return np.asarray(slopes[np.isfinite(slopes)])


def _residuals(points: Points, beta: F64, tau2: F64) -> tuple[F64, F64]:
    """Standardised residuals and their variances (b, m)."""
    slope = beta[:, None]
    v = points.sy**2 + tau2[:, None] + slope**2 * points.sx**2
    return (points.y - slope * points.x) / np.sqrt(v), v


def _slope_score(
    points: Points, beta: F64, tau2: F64, loss: Loss, prior: EffectPrior | None = None
) -> F64:
    t, v = _residuals(points, beta, tau2)
    g = (points.x * (points.sy**2 + tau2[:, None]) + beta[:, None] * points.y * points.sx**2) / v
    if prior is not None:
        spread = np.sqrt((points.sy**2 + tau2[:, None]) / v)
        g = prior.shrink(g / points.sx, spread)[0] * points.sx
    out: F64 = np.sum(g * influence(t, loss) / np.sqrt(v), axis=1)
    return out


def _extra_score(points: Points, beta: F64, tau2: F64, loss: Loss, delta: float) -> F64:
    t, v = _residuals(points, beta, tau2)
    out: F64 = np.sum((t * influence(t, loss) - delta) / v, axis=1)
    return out


def _total_loss(points: Points, beta: F64, loss: Loss) -> F64:
    t = np.abs(_residuals(points, beta, np.zeros(beta.size))[0])
    if loss == "l2":
        return np.asarray(0.5 * (t * t).sum(axis=1))
    if loss == "huber":
        rho = np.where(t <= _HUBER, 0.5 * t * t, _HUBER * (t - 0.5 * _HUBER))
        return np.asarray(rho.sum(axis=1))
    inside = np.maximum(1.0 - (t / _TUKEY) ** 2, 0.0)
    return np.asarray((_TUKEY**2 / 6.0 * (1.0 - inside**3)).sum(axis=1))
