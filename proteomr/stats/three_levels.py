"""Pooled effects within studies within clusters: two variances by ML or REML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.status import Status

__all__ = ["ThreeLevels", "fit_three_levels"]

_MOST_STEPS = 200  # Newton's take 5 to 15; what takes more has no maximum that is one
# shares of clusters and totals, in those of an unweighted fit: a start in every basin
_SHARES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
_TOTALS = np.array([0.05, 0.3, 1.0, 2.0, 4.0])  # the same
_ALIKE = 1e-8  # of eigenvalues that are whole numbers where clusters have their own columns
_NOTHING = 1e-15  # of the least error: added to it, it is no digit of any
_CHECK = 1e-8  # score over its own standard deviation: an error of 1e-8 standard errors


@dataclass(frozen=True, slots=True)
class ThreeLevels:
    """One fit.

    Attributes
    ----------
    beta, covariance : ``(p,)`` and ``(p, p)``.
    between, within : variances of clusters, and of effects within them.
    height : logarithm of the likelihood, but for a constant.
    status : code of :class:`proteomr.status.Status`.
    """

    beta: F64
    covariance: F64
    between: float
    within: float
    height: float
    status: int


@dataclass(frozen=True, slots=True)
class _Point:
    height: float
    score: F64
    observed: F64
    expected: F64
    beta: F64
    covariance: F64


def fit_three_levels(
    X: F64, y: F64, v: F64, clusters: I64, *, restricted: bool = True
) -> ThreeLevels:
    r"""Fit :math:`y = X \beta + u_{cluster} + w + e` with known variances of e.

    :math:`\Sigma = \sigma_b^2 Z Z' + \sigma_w^2 I + \mathrm{diag}(v)` (Konstantopoulos 2011,
    doi:10.1002/jrsm.35), both variances zero or more, by Newton's steps that go uphill, from the
    best of a grid. R: ``metafor::rma.mv(random = ~ 1 | cluster / id)``.

    Parameters
    ----------
    X : ``(k, p)`` of full rank.
    y, v : ``(k,)`` effects and variances.
    clusters : ``(k,)`` codes, at least two of them. Where effects and columns do not tell the two
        variances apart, as with one effect for each cluster, the status is ``not_identified``.
    restricted : REML, else ML.

    Examples
    --------
    >>> y = np.array([0.0, 0.2, 2.0, 2.2, 4.0, 3.8])
    >>> fit = fit_three_levels(np.ones((6, 1)), y, np.full(6, 0.01), np.array([0, 0, 1, 1, 2, 2]))
    >>> round(float(fit.beta[0]), 4), round(fit.between, 4), round(fit.within, 4)
    (2.0333, 3.6033, 0.01)
    """
    Z = (clusters[:, None] == clusters[None, :]).astype(np.float64)
    if not _tells_apart(X, Z, restricted=restricted):
        none = np.full((X.shape[1],) * 2, np.nan)
        return ThreeLevels(none[0], none, np.nan, np.nan, np.nan, int(Status.not_identified))
    scale = float(np.exp2(np.round(0.5 * np.log2(v).mean())))
    held, known = y / scale, v / scale**2
    s = _start(X, held, known, Z, restricted=restricted)
    at = _evaluate(X, held, known, Z, s, restricted=restricted)
    for _ in range(_MOST_STEPS):
        if ((s > 0.0) & (s <= _NOTHING * known.min()) & (at.score <= 0.0)).any():
            s = np.where((s <= _NOTHING * known.min()) & (at.score <= 0.0), 0.0, s)
            at = _evaluate(X, held, known, Z, s, restricted=restricted)
        free = (s > 0.0) | (at.score > 0.0)
        if _is_maximum(at, free):
            break
        moved = _climb(X, held, known, Z, s, at, free, restricted=restricted)
        if moved is None:
            break
        s, at = moved
    free = (s > 0.0) | (at.score > 0.0)
    sound = _is_maximum(at, free) and bool(np.isfinite(at.covariance).all())
    return ThreeLevels(
        at.beta * scale,
        at.covariance * scale**2,
        float(s[0]) * scale**2,
        float(s[1]) * scale**2,
        at.height,
        int(Status.ok if sound else Status.not_converged),
    )


def _tells_apart(X: F64, Z: F64, *, restricted: bool) -> bool:
    """Tell whether what X leaves of the clusters is no multiple of what it leaves of the effects.

    Else the likelihood is flat: of a sum of the variances where each cluster has one effect, in
    that of clusters where columns tell each of them. Of maximum likelihood the latter is at 0.
    """
    complement = np.linalg.svd(X)[0][:, X.shape[1] :]
    values = np.linalg.eigvalsh(complement.T @ Z @ complement)
    apart = values.max() - values.min() > _ALIKE
    return bool(apart or (not restricted and values.max() <= _ALIKE))


def _start(X: F64, y: F64, v: F64, Z: F64, *, restricted: bool) -> F64:
    """Return the best pair of variances of a grid."""
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    total = float(residual @ residual) / max(y.size - X.shape[1], 1)
    pairs: list[F64] = [total * t * np.array([c, 1.0 - c]) for t in _TOTALS for c in _SHARES]
    heights = [_measure(X, y, v, Z, pair, restricted=restricted) for pair in pairs]
    return pairs[int(np.argmax(heights))]


def _measure(X: F64, y: F64, v: F64, Z: F64, s: F64, *, restricted: bool) -> float:
    Sigma = s[0] * Z + np.diag(v + s[1])
    factor = np.linalg.cholesky(Sigma)
    white = np.linalg.solve(factor, np.column_stack([X, y]))
    A = white[:, :-1].T @ white[:, :-1]
    beta = np.linalg.solve(A, white[:, :-1].T @ white[:, -1])
    residual = white[:, -1] - white[:, :-1] @ beta
    height = -float(np.log(np.diag(factor)).sum()) - 0.5 * float(residual @ residual)
    return height - 0.5 * float(np.linalg.slogdet(A)[1]) if restricted else height


def _evaluate(X: F64, y: F64, v: F64, Z: F64, s: F64, *, restricted: bool) -> _Point:
    inverse = np.linalg.inv(s[0] * Z + np.diag(v + s[1]))
    covariance = np.linalg.inv(X.T @ inverse @ X)
    half = inverse @ X
    P = inverse - half @ covariance @ half.T
    pulled = P @ y
    moves = (Z @ pulled, pulled)
    K = P if restricted else inverse
    weights = (K @ Z, K)
    traces = np.array([np.trace(w) for w in weights])
    fits = np.array([pulled @ move for move in moves])
    second = np.array([[(a * b.T).sum() for b in weights] for a in weights])
    curve = np.array([[a @ P @ b for b in moves] for a in moves])
    return _Point(
        _measure(X, y, v, Z, s, restricted=restricted),
        0.5 * (fits - traces),
        curve - 0.5 * second,
        0.5 * second,
        covariance @ (half.T @ y),
        np.asarray(covariance, np.float64),
    )


def _is_maximum(at: _Point, free: Bool) -> bool:
    """Tell whether no variance that may move is pulled by more than rounding."""
    size = np.sqrt(np.diag(at.expected))
    return bool((np.abs(at.score[free]) <= _CHECK * size[free]).all())


def _climb(
    X: F64, y: F64, v: F64, Z: F64, s: F64, at: _Point, free: Bool, *, restricted: bool
) -> tuple[F64, _Point] | None:
    """Return a point that is higher, or of smaller score where heights differ by rounding."""
    place = np.flatnonzero(free)
    for curvature in (at.observed, 0.5 * (at.observed + at.expected), at.expected):
        part = curvature[np.ix_(place, place)]
        if np.linalg.eigvalsh(part).min() <= 0.0:
            continue
        step = np.zeros(2)
        step[place] = np.linalg.solve(part, at.score[place])
        for halving in range(40):  # 2^-40 of a step is below rounding of the variances
            tried = np.maximum(s + step * 0.5**halving, 0.0)
            try:
                found = _evaluate(X, y, v, Z, tried, restricted=restricted)
            except np.linalg.LinAlgError:  # so far out that nothing is left of the errors
                continue
            level = found.height >= at.height - 1e-12 * max(abs(at.height), 1.0)
            smaller = np.abs(found.score[place]).max() < np.abs(at.score[place]).max()
            if found.height > at.height + 1e-12 * max(abs(at.height), 1.0) or (level and smaller):
                return tried, found
    return None
