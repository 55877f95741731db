r"""The REML criterion of linear mixed models from sums within groups, and its derivatives.

``y ~ N(X b, s2 V)``, ``V = I + Z G Z'``. Each group's rows are turned so that its first Q carry
all of ``Z = Q R`` and the others none: with ``D = [X y]``, ``H = Q'D`` and the rest ``W``,

.. math:: D'V^{-1}D = W + \sum_i H_i'(I + R_i G R_i')^{-1} H_i

a sum of squares without cancellation, whatever the variance ratio (Bates et al. 2015,
doi:10.18637/jss.v067.i01; Patterson and Thompson 1971, doi:10.1093/biomet/58.3.545). Groups of one
pattern R share their inverse: their sums of products are one matrix, and an evaluation costs as
much as there are patterns, not groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.random_structure import Structure

__all__ = [
    "Criterion",
    "Expandable",
    "Expansion",
    "Pulls",
    "Sums",
    "evaluate",
    "invert_covariances",
    "measure",
    "multiply",
]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of products of the K columns ``[X y]`` of b models, by patterns of groups.

    Attributes
    ----------
    roots : ``(S, Q, Q)``, R of each pattern; rows of 0 where a group has fewer.
    counts : ``(b, S)``, groups of each pattern.
    within : ``(b, K, K)``, products of what the random effects leave alone.
    between : ``(b, S Q Q, K K)``, the sums of ``H[a] H[c]'`` of each pattern; None where every
        group has a pattern of its own.
    turned : ``(S, Q, K)``, H itself, of one model, where there is no ``between``.
    n : ``(b,)`` rows.
    """

    roots: F64
    counts: F64
    within: F64
    between: F64 | None
    turned: F64 | None
    n: I64

    @property
    def columns(self) -> int:
        """Number K of columns."""
        return int(self.within.shape[1])

    def take(self, models: I64 | Bool) -> Sums:
        """Return the sums of some of the models."""
        return replace(
            self,
            counts=self.counts[models],
            within=self.within[models],
            between=None if self.between is None else self.between[models],
            n=self.n[models],
        )

    def contract(self, weights: F64) -> F64:
        """Return ``sum_i H_i' w_i H_i`` ``(b, d, K, K)`` for weights ``(b, d, S, Q, Q)``."""
        b, d = weights.shape[:2]
        K = self.columns
        if self.between is not None:
            return np.asarray(weights.reshape(b, d, -1) @ self.between).reshape(b, d, K, K)
        H = self.turned
        if H is None:
            raise ValueError("sums without patterns or groups")
        flat = H.reshape(-1, K)
        if H.shape[1] == 1:  # a number for each group
            numbers = weights[0, :, :, 0, 0]
            return np.stack([flat.T @ (one[:, None] * flat) for one in numbers])[None]
        found = [flat.T @ (weights[0, place] @ H).reshape(-1, K) for place in range(d)]
        return np.stack(found)[None]

    def weigh(self, structure: Structure, theta: F64) -> tuple[F64, F64]:
        """Return ``D'V^-1 D`` ``(b, K, K)`` and ``log |V|`` ``(b,)``."""
        V = np.eye(structure.size) + _wrap(self.roots, structure.expand(theta)[:, None])
        inverse, log_determinants = invert_covariances(V)
        A = self.within + self.contract(inverse[:, None])[:, 0]
        return A, np.sum(self.counts * log_determinants, axis=1)

    def expand(self, structure: Structure, theta: F64) -> Expansion:
        """Return ``D'V^-1 D`` and ``log |V|`` with their derivatives in theta."""
        b, t = theta.shape
        R, N = self.roots, self.counts
        V = np.eye(structure.size) + _wrap(R, structure.expand(theta)[:, None])
        inverse, log_determinants = invert_covariances(V)
        slopes = [_wrap(R, G[:, None]) for G in structure.differentiate(theta)]
        products = [multiply(inverse, slope) for slope in slopes]
        weights = [inverse, *(-multiply(product, inverse) for product in products)]
        first = np.stack([np.sum(N * _trace(product), axis=1) for product in products], axis=1)
        second = np.empty((b, t, t))
        pairs = [(i, j) for i in range(t) for j in range(i, t)]
        for i, j in pairs:
            both = multiply(products[i], products[j])
            trace = -_trace(both)
            turned = both if i == j else multiply(products[j], products[i])
            weight = multiply(both + turned, inverse)
            bend = structure.curve(i, j)
            if bend is not None:
                curve = multiply(inverse, _wrap(R, bend[None, None]))
                trace = trace + _trace(curve)
                weight = weight - multiply(curve, inverse)
            second[:, i, j] = second[:, j, i] = np.sum(N * trace, axis=1)
            weights.append(weight)
        found = self.contract(np.stack(weights, axis=1))
        K = self.columns
        curves = np.empty((b, t, t, K, K))
        for place, (i, j) in enumerate(pairs):
            curves[:, i, j] = curves[:, j, i] = found[:, 1 + t + place]
        return Expansion(
            self.within + found[:, 0],
            found[:, 1 : 1 + t],
            curves,
            np.sum(N * log_determinants, axis=1),
            first,
            second,
        )

    def pull(self, structure: Structure, theta: F64) -> Pulls:
        """Return what Kenward and Roger's adjustment needs, the residuals' matrix last."""
        R, Q = self.roots, structure.size
        V = np.eye(Q) + _wrap(R, structure.expand(theta)[:, None])
        inverse = invert_covariances(V)[0]
        units = [_wrap(R, unit[None, None]) for unit in structure.units()]
        units.append(np.broadcast_to(np.eye(Q), (1, *R.shape)))
        products = [multiply(inverse, unit) for unit in units]
        r, K = len(units), self.columns
        weights = [multiply(product, inverse) for product in products]
        weights += [
            multiply(multiply(one, other), inverse) for one in products for other in products
        ]
        found = self.contract(np.stack(weights, axis=1))
        singles = found[:, :r].copy()
        singles[:, -1] += self.within
        pairs = found[:, r:].reshape(-1, r, r, K, K).copy()
        pairs[:, -1, -1] += self.within
        traces = np.empty((singles.shape[0], r, r))
        for i, j in np.ndindex(r, r):
            each = _trace(multiply(products[i], products[j]))
            traces[:, i, j] = np.sum(self.counts * each, axis=1)
        traces[:, -1, -1] += self.n - Q * np.sum(self.counts, axis=1)
        return Pulls(singles, pairs, traces)


@dataclass(frozen=True, slots=True)
class Expansion:
    """``A = D'V^-1 D`` and ``log |V|`` with their derivatives in the t parameters.

    Attributes
    ----------
    A : ``(b, K, K)``, with ``slopes (b, t, K, K)`` and ``curves (b, t, t, K, K)``.
    log_determinant : ``(b,)``, with ``log_slopes (b, t)`` and ``log_curves (b, t, t)``.
    """

    A: F64
    slopes: F64
    curves: F64
    log_determinant: F64
    log_slopes: F64
    log_curves: F64


@dataclass(frozen=True, slots=True)
class Pulls:
    """Products with the matrices G that V is made of linearly, r of them.

    Attributes
    ----------
    singles : ``(b, r, K, K)``, ``D'V^-1 G V^-1 D``.
    pairs : ``(b, r, r, K, K)``, ``D'V^-1 G V^-1 G V^-1 D``.
    traces : ``(b, r, r)``, of ``V^-1 G V^-1 G``.
    """

    singles: F64
    pairs: F64
    traces: F64


class Expandable(Protocol):
    """Sums of b models that can be weighed by the covariance of any parameters."""

    @property
    def n(self) -> I64:
        """Rows ``(b,)``."""
        ...

    @property
    def columns(self) -> int:
        """Number K of columns, the response the last."""
        ...

    def take(self, models: I64 | Bool) -> Expandable:
        """Return the sums of some of the models."""
        ...

    def weigh(self, structure: Structure, theta: F64) -> tuple[F64, F64]:
        """Return ``D'V^-1 D`` ``(b, K, K)`` and ``log |V|`` ``(b,)``."""
        ...

    def expand(self, structure: Structure, theta: F64) -> Expansion:
        """Return both with their derivatives."""
        ...

    def pull(self, structure: Structure, theta: F64) -> Pulls:
        """Return what Kenward and Roger's adjustment needs, the residuals' matrix last."""
        ...


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


def invert_covariances(V: F64) -> tuple[F64, F64]:
    """Return inverses and log determinants of positive definite ``(..., Q, Q)``.

    Examples
    --------
    >>> inverse, log_determinant = invert_covariances(np.array([[[2.0, 1.0], [1.0, 2.0]]]))
    >>> inverse.round(3).tolist(), log_determinant.round(3).tolist()
    ([[[0.667, -0.333], [-0.333, 0.667]]], [1.099])
    """
    Q = V.shape[-1]
    if Q == 1:
        return 1.0 / V, np.log(V[..., 0, 0])
    if Q == 2:
        determinant = V[..., 0, 0] * V[..., 1, 1] - V[..., 0, 1] * V[..., 1, 0]
        inverse = np.empty_like(V)
        inverse[..., 0, 0], inverse[..., 1, 1] = V[..., 1, 1], V[..., 0, 0]
        inverse[..., 0, 1], inverse[..., 1, 0] = -V[..., 0, 1], -V[..., 1, 0]
        return inverse / determinant[..., None, None], np.log(determinant)
    return np.asarray(np.linalg.inv(V)), np.asarray(np.linalg.slogdet(V)[1])


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


def multiply(first: F64, second: F64) -> F64:
    """Return products of small matrices ``(..., Q, Q)``, element by element where Q is below 3.

    A call of matmul for each of thousands of matrices of two rows takes longer than the sums.

    Examples
    --------
    >>> multiply(np.full((1, 2, 2), 2.0), np.eye(2)[None]).tolist()
    [[[2.0, 2.0], [2.0, 2.0]]]
    """
    Q = first.shape[-1]
    if Q == 1:
        return first * second
    if Q > 2:
        return np.asarray(first @ second)
    shape = np.broadcast_shapes(first.shape, second.shape)
    product = np.empty(shape)
    for row in range(2):
        for column in range(2):
            product[..., row, column] = (
                first[..., row, 0] * second[..., 0, column]
                + first[..., row, 1] * second[..., 1, column]
            )
    return product


def _wrap(R: F64, G: F64) -> F64:
    """Return ``R G R'``, for R of every pattern ``(S, Q, Q)``."""
    return multiply(multiply(R, G), R.transpose(0, 2, 1))


def _trace(matrices: F64) -> F64:
    if matrices.shape[-1] <= 2:
        return np.asarray(sum(matrices[..., i, i] for i in range(matrices.shape[-1])))
    return np.asarray(np.einsum("...ii->...", matrices))
