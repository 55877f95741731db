r"""The REML criterion of linear mixed models from sums within groups, and its derivatives.

-2 log likelihood of what the fixed effects leave of the response (Patterson and Thompson 1971,
doi:10.1093/biomet/58.3.545), profiled over them and the residual variance:
``log |V| + log |X'V^-1 X| + (n - p) log(r'V^-1 r)``, as lme4 has it (Bates et al. 2015,
doi:10.18637/jss.v067.i01).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.random_structure import Structure
from proteomr.stats.reml_sums import Expandable, Expansion

__all__ = ["Criterion", "evaluate", "measure"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """-2 log REML of b models, profiled over b and s2, and what it is made of.

    Attributes
    ----------
    value : ``(b,)``, without the constant ``(n - p)(1 + log(2 pi / (n - p)))``.
    gradient, hessian : ``(b, t)``, ``(b, t, t)`` in theta; None where not asked for.
    inverse : ``(b, p, p)``, ``(X'V^-1 X)^-1``.
    coefficients : ``(b, p)``.
    rss : ``(b,)``, ``r'V^-1 r``.
    slopes : ``(b, t, p, p)``, derivatives of ``X'V^-1 X`` in theta.
    rss_slopes : ``(b, t)``; ``rss_curves`` ``(b, t, t)``, derivatives of rss.
    log_determinant : ``(b,)``, of ``X'V^-1 X``.
    pivots : ``(b,)``, smallest relative pivot of ``X'V^-1 X``.
    """

    value: F64
    gradient: F64
    hessian: F64
    inverse: F64
    coefficients: F64
    rss: F64
    slopes: F64
    rss_slopes: F64
    rss_curves: F64
    log_determinant: F64
    pivots: F64


def measure(sums: Expandable, structure: Structure, theta: F64) -> F64:
    """Return the value of the criterion ``(b,)`` alone; infinite where it has none."""
    A, log_determinants = sums.weigh(structure, theta)
    found = _solve(A)
    free = sums.n - (sums.columns - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = log_determinants + found.log_determinant + free * np.log(found.rss)
    return np.where(np.isfinite(value), value, np.inf)


def evaluate(sums: Expandable, structure: Structure, theta: F64) -> Criterion:
    """Return the criterion with its derivatives ``(b, t)`` and ``(b, t, t)`` in theta.

    Parameters
    ----------
    theta : ``(b, t)``.
    """
    return _assemble(sums.expand(structure, theta), sums.n)


@dataclass(frozen=True, slots=True)
class _Solved:
    coefficients: F64
    inverse: F64
    rss: F64
    log_determinant: F64
    pivots: F64


def _solve(A: F64) -> _Solved:
    """Solve normal equations whose last column is the response."""
    C, a, yy = A[:, :-1, :-1], A[:, :-1, -1], A[:, -1, -1]
    scale = np.sqrt(np.maximum(np.einsum("bii->bi", C), np.finfo(float).tiny))
    scaled = C / (scale[:, :, None] * scale[:, None, :])
    b, p = a.shape
    sound = np.isfinite(scaled).all(axis=(1, 2))
    scaled[~sound] = np.eye(p)
    L = _factor(scaled, sound)
    half = np.linalg.solve(L, np.broadcast_to(np.eye(p), (b, p, p)))
    inverse = half.transpose(0, 2, 1) @ half
    inverse /= scale[:, :, None] * scale[:, None, :]
    # refined once: the response is solved to the precision of the sums
    beta = np.einsum("bij,bj->bi", inverse, a)
    rest = a - np.einsum("bij,bj->bi", C, beta)
    beta = beta + np.einsum("bij,bj->bi", inverse, rest)
    rss = yy - np.einsum("bi,bi->b", 2.0 * a - np.einsum("bij,bj->bi", C, beta), beta)
    diagonal = np.einsum("bii->bi", L)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = 2.0 * np.sum(np.log(diagonal), axis=1) + 2.0 * np.sum(np.log(scale), axis=1)
    rss = np.where(sound & (rss > 0.0), rss, np.nan)
    return _Solved(beta, inverse, rss, logs, np.min(diagonal, axis=1, initial=1.0) ** 2 * sound)


def _factor(scaled: F64, sound: Bool) -> F64:
    """Return Cholesky factors; the identity, and not sound, for what has none."""
    try:
        return np.asarray(np.linalg.cholesky(scaled))
    except np.linalg.LinAlgError:
        L = np.empty_like(scaled)
        for at in range(scaled.shape[0]):
            try:
                L[at] = np.linalg.cholesky(scaled[at])
            except np.linalg.LinAlgError:
                L[at], sound[at] = np.eye(scaled.shape[1]), False
        return L


def _assemble(parts: Expansion, n: I64) -> Criterion:
    """Put the criterion and its derivatives together."""
    A, slopes, curves = parts.A, parts.slopes, parts.curves
    solved = _solve(A)
    free = (n - (A.shape[1] - 1)).astype(np.float64)
    inverse, rss = solved.inverse, solved.rss
    u = np.concatenate([-solved.coefficients, np.ones((A.shape[0], 1))], axis=1)
    pulled = (slopes @ u[:, None, :, None])[..., 0]
    rss1 = np.einsum("bti,bi->bt", pulled, u)
    b, t = slopes.shape[:2]
    rss2 = ((curves @ u[:, None, None, :, None])[..., 0] @ u[:, None, :, None])[..., 0]
    X1 = slopes[:, :, :-1, :-1]
    lean = np.einsum("bti,bij->btj", pulled[:, :, :-1], inverse)
    rss2 = rss2 - 2.0 * np.einsum("bsi,bti->bst", lean, pulled[:, :, :-1])
    turned = inverse[:, None] @ X1
    trace1 = np.einsum("btii->bt", turned)
    # the trace of a product is the sum over products of entries, one of the two turned over
    flat = np.ascontiguousarray(curves[:, :, :, :-1, :-1]).reshape(b, t * t, -1)
    trace2 = (flat @ inverse.reshape(b, -1, 1)).reshape(b, t, t)
    over = np.ascontiguousarray(turned.transpose(0, 1, 3, 2)).reshape(b, t, -1)
    trace2 = trace2 - turned.reshape(b, t, -1) @ over.transpose(0, 2, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = parts.log_determinant + solved.log_determinant + free * np.log(rss)
        share = rss1 / rss[:, None]
        gradient = parts.log_slopes + trace1 + free[:, None] * share
        hessian = parts.log_curves + trace2
        hessian = hessian + free[:, None, None] * (
            rss2 / rss[:, None, None] - share[:, :, None] * share[:, None, :]
        )
    return Criterion(
        np.where(np.isfinite(value), value, np.inf),
        gradient,
        hessian,
        inverse,
        solved.coefficients,
        rss,
        X1,
        rss1,
        rss2,
        solved.log_determinant,
        solved.pivots,
    )
