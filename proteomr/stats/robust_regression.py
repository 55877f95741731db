"""Regression that outlying points cannot move: MM-estimation with Tukey's bisquare."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import find_doubt

__all__ = ["MmFit", "fit_mm"]

_C_SCALE = 1.54764  # breakdown point one half
_C_SLOPE = 4.685061  # efficiency 95 % under normal errors
_BREAKDOWN = 0.5  # the largest share of outliers that any estimator bears
_NORMAL_MAD = 0.6745  # of a standard normal, as lmrob rounds it; a start alone
_FEWEST_STARTS = 500  # lmrob's nResample
_ELEMENTS = 200_000  # residuals of all starts together: every pair of up to 70 points
_KEPT = 10  # starts followed to their end; lmrob follows best.r.s = 2
_SCALE_STEPS = 12  # of a fixed point that gains a digit or two in ten
_STEPS = 2000  # reweighting converges by a constant factor, near 1 where outliers lie at the cut
_TOLERANCE = 1e-13  # of the scale: the last digits of the residuals
_SCALE_SLACK = 1e-10  # relative, of the equation of the scale: its square root is that of the scale
_SINGULAR = 1e-10  # of a determinant over its columns' lengths: no plane through these points
_SEED = 20060301  # any: the same data give the same starts
_RIDGE = 1e-16  # keeps a system solvable whose rows have all but lost their weight


@dataclass(frozen=True, slots=True, eq=False)
class MmFit:
    """A robust linear regression.

    Parameters
    ----------
    coefficients, se : (p,) estimates and their standard errors.
    scale : robust standard deviation of the weighted residuals.
    robustness : (n,) weights between 0 (outlying) and 1.
    converged : False where half of the points lie on one line, or the end of the iterations has no
        certificate: score zero, information above zero, loss not above that of the start.
    """

    coefficients: F64
    se: F64
    scale: float
    robustness: F64
    converged: bool


def fit_mm(X: F64, y: F64, *, weights: F64) -> MmFit:
    r"""MM-estimate of a linear regression with few columns.

    The scale s and a first estimate minimise :math:`s` over b in

    .. math:: \frac{1}{n - p} \sum_i \rho\big((y_i - x_i^T b) / s\big) = \frac12

    (breakdown point one half); with that scale the coefficients solve
    :math:`\sum_i \psi\big((y_i - x_i^T b) / s\big) x_i = 0` (efficiency 95 %). Rows are first
    multiplied by the square roots of their weights. Standard errors are those of the joint
    estimating equations, which do not assume symmetric errors.

    Source: Yohai 1987, doi:10.1214/aos/1176350366; Salibian-Barrera and Yohai 2006,
    doi:10.1198/106186006X113629; Croux, Dhaene and Hoorelbeke 2003. R: ``robustbase::lmrob``
    0.95-0 with its default settings, but for the starts of the search for the smallest scale, of
    which lmrob draws 500 at random. Here they are the planes through p points: all of them where
    there are no more than 200,000 / n, else as many, 500 or more, drawn with a fixed seed.

    Parameters
    ----------
    X : (n, p).
    y, weights : (n,); a weight of zero leaves the row out.

    Examples
    --------
    >>> x = np.arange(1.0, 9.0)
    >>> noise = np.array([0.1, -0.2, 0.05, 0.1, -0.1, 0.2, -0.15, 50.0])
    >>> fit = fit_mm(x[:, None], 2.0 * x + noise, weights=np.ones(8))
    >>> round(float(fit.coefficients[0]), 2), round(float(fit.robustness[-1]), 2)
    (2.0, 0.0)
    """
    positive = weights > 0
    root = np.sqrt(weights[positive])
    S, z = X[positive] * root[:, None], y[positive] * root
    norms = np.linalg.norm(S, axis=0)
    S = S / norms
    start, scale, settled = _fit_scale(S, z)
    if not settled or not scale > _TOLERANCE * np.abs(z).max(initial=0.0):
        nan = np.full(X.shape[1], np.nan)
        return MmFit(nan, nan, math.nan, np.full(y.size, np.nan), converged=False)
    b = _descend(S, z, start, scale)
    t = (z - S @ b) / scale
    robustness = np.zeros(y.size)
    robustness[positive] = _robustness(t, _C_SLOPE)
    covariance = _estimate_covariance(S, t, (z - S @ start) / scale, scale)
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    converged = _find_doubt(S, z, b, start=start, scale=scale) is None
    return MmFit(b / norms, se / norms, scale, robustness, converged=converged)


def _descend(S: F64, z: F64, start: F64, scale: float) -> F64:
    """Weighted least squares anew until the residuals move no more."""
    b = start
    for _ in range(_STEPS):
        updated = _solve(S, z, _robustness((z - S @ b) / scale, _C_SLOPE))
        change = np.abs(S @ (updated - b)).max()
        b = updated
        if not change > _TOLERANCE * scale:
            break
    return b


def _find_doubt(S: F64, z: F64, b: F64, *, start: F64, scale: float) -> str | None:
    """What speaks against the coefficients: their score, information and loss, and the scale."""
    t, t0 = (z - S @ b) / scale, (z - S @ start) / scale
    u = np.minimum((t / _C_SLOPE) ** 2, 1.0)
    score = S.T @ (t * (1.0 - u) ** 2)
    information = (S * ((1.0 - u) * (1.0 - 5.0 * u))[:, None]).T @ S
    if not (np.isfinite(score).all() and np.isfinite(information).all()):
        return "the score is not a finite number"
    ratio = float(_rho(t0, _C_SCALE).sum()) / (_BREAKDOWN * (z.size - b.size))
    if not abs(ratio - 1.0) <= _SCALE_SLACK:
        return "the scale does not solve its equation"
    curvature = float(np.linalg.eigvalsh(information)[0])
    if not curvature > 0.0:
        return find_doubt(distance=0.0, curvature=curvature)
    distance = math.sqrt(max(float(score @ np.linalg.solve(information, score)), 0.0))
    of_loss = _C_SLOPE**2 / 6.0  # of rho on [0, 1] to the loss whose derivative is psi
    values = [of_loss * float(_rho(residual, _C_SLOPE).sum()) for residual in (t, t0)]
    return find_doubt(distance=distance, curvature=curvature, value=values[0], rival=values[1])


def _fit_scale(S: F64, z: F64) -> tuple[F64, float, bool]:
    """Coefficients of the smallest scale, that scale, and whether the iterations settled."""
    starts = _starts(S, z)
    starts, scales, _ = _refine(S, z, starts, steps=2)
    scales = _solve_scales(z - starts @ S.T, scales, free=z.size - S.shape[1])
    best = np.argsort(scales, kind="stable")[:_KEPT]
    starts, scales, settled = _refine(S, z, starts[best], steps=_STEPS)
    if not scales.size or np.isnan(scales).all():
        return np.full(S.shape[1], np.nan), math.nan, False
    chosen = int(np.nanargmin(scales))
    return starts[chosen], float(scales[chosen]), bool(settled[chosen])


def _starts(S: F64, z: F64) -> F64:
    n, p = S.shape
    most = max(_FEWEST_STARTS, _ELEMENTS // n)
    if math.comb(n, p) <= most:
        subsets: I64 = np.array(list(itertools.combinations(range(n), p)), dtype=np.int64)
    else:
        random = np.random.default_rng(_SEED)
        subsets = np.array([random.choice(n, p, replace=False) for _ in range(most)])
    systems = S[subsets.reshape(-1, p)]
    size = np.abs(np.linalg.det(systems))
    regular = size > _SINGULAR * np.prod(np.linalg.norm(systems, axis=2), axis=1)
    chosen = subsets.reshape(-1, p)[regular]
    return np.asarray(np.linalg.solve(S[chosen], z[chosen][..., None])[..., 0])


def _refine(S: F64, z: F64, b: F64, *, steps: int) -> tuple[F64, F64, Bool]:
    """Steps of weighted least squares and of the scale together, for every row of b (k, p)."""
    n, p = S.shape
    residual = z - b @ S.T
    scale = np.median(np.abs(residual), axis=1) / _NORMAL_MAD
    settled = np.zeros(scale.size, dtype=np.bool_)
    for _ in range(steps):
        with np.errstate(divide="ignore", invalid="ignore"):
            t = residual / scale[:, None]
            ratio = _rho(t, _C_SCALE).sum(axis=1) / (_BREAKDOWN * (n - p))
            w = _robustness(t, _C_SCALE)
        singular = ~(np.count_nonzero(w, axis=1) >= p)
        scale = np.where(singular, np.nan, scale * np.sqrt(ratio))
        updated = _solve(S, z, np.where(singular[:, None], 1.0, w))
        change = np.abs((updated - b) @ S.T).max(axis=1)
        b, residual = updated, z - updated @ S.T
        settled = (change <= _TOLERANCE * scale) & (np.abs(ratio - 1.0) <= _TOLERANCE)
        if (settled | np.isnan(scale)).all():
            break
    return b, scale, settled


def _solve_scales(residual: F64, scale: F64, *, free: int) -> F64:
    """Scales that solve their equation for given residuals (k, n), nearly: enough to rank starts.

    Scales that a step of the coefficients has only moved towards the solution rank them wrongly.
    """
    for _ in range(_SCALE_STEPS):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = _rho(residual / scale[:, None], _C_SCALE).sum(axis=1) / (_BREAKDOWN * free)
        scale = scale * np.sqrt(ratio)
    return scale


def _solve(S: F64, z: F64, w: F64) -> F64:
    """Weighted least squares for each row of w (..., n)."""
    p = S.shape[1]
    products = (S[:, :, None] * S[:, None, :]).reshape(-1, p * p)
    gram = (w @ products).reshape(*w.shape[:-1], p, p)
    ridge = _RIDGE * np.trace(gram, axis1=-2, axis2=-1)[..., None, None] * np.eye(p)
    return np.asarray(np.linalg.solve(gram + ridge, (w @ (S * z[:, None]))[..., None])[..., 0])


def _rho(t: F64, c: float) -> F64:
    u = np.minimum((t / c) ** 2, 1.0)
    return np.asarray(1.0 - (1.0 - u) ** 3)


def _robustness(t: F64, c: float) -> F64:
    return np.asarray(np.maximum(1.0 - (t / c) ** 2, 0.0) ** 2)


def _estimate_covariance(S: F64, t: F64, t0: F64, scale: float) -> F64:
    """Covariance from the influence of each row; t and t0 are the final and first residuals."""
    n = S.shape[0]
    u = np.minimum((t / _C_SLOPE) ** 2, 1.0)
    psi = t * (1.0 - u) ** 2
    slope = (1.0 - u) * (1.0 - 5.0 * u)
    chi = _rho(t0, _C_SCALE)
    chi_slope = 6.0 * t0 * _robustness(t0, _C_SCALE) / _C_SCALE**2
    A = scale * np.linalg.pinv((S * slope[:, None]).T @ S / n)
    a = A @ (S.T @ (slope * t) / n) / np.mean(chi_slope * t0)
    first = A @ (S.T @ (S * (psi**2)[:, None]) / n) @ A
    mixed = np.outer(a, A @ (S.T @ (psi * chi) / n))
    last = (np.mean(chi**2) - _BREAKDOWN**2) * np.outer(a, a)
    return np.asarray((first - mixed - mixed.T + last) / n)
