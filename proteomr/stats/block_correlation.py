r"""Correlation of rows within blocks: its estimate by REML, and rows freed from it.

With ``V = (1 - rho) I + rho J`` within each block, ``rho`` maximises the restricted likelihood of
``y = X b + e``, ``var e = s^2 V`` (Patterson and Thompson 1971, doi:10.1093/biomet/58.3.545):

.. math:: -2 l = (n - p) \log s^2 + \log |V| + \log |X' V^{-1} X|

Blocks of one size share the inverse of ``V``, so that sums over rows and over block sums, taken
once, give the likelihood at every ``rho``. The correlation may be below 0, as limma's may. The
consensus over proteins is the trimmed mean of Fisher's z (Smyth, Michaud and Scott 2005,
doi:10.1093/bioinformatics/bti270; ``duplicateCorrelation`` of R's limma).

Of few blocks the estimate is that of limma to the last digits: squared contrasts of the residuals,
one for each dimension, are gamma distributed with means ``s^2 + d s_b^2``, and both variances are
found by Fisher scoring with Levenberg's damping (Smyth 2002, doi:10.1198/106186002871), which
limma ends before the maximum is reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # its optimisers are imported on use: other scans start sooner

from proteomr._typing import F64, I64

__all__ = ["Blocks", "find_consensus", "take_correlation_out"]

_HIGHEST, _ABOVE_LOWEST = 0.99, 0.01  # limits of limma's estimates
_TRIMMED = 0.15  # share trimmed on either side: limma's default
_STEPS = 12  # in which the stationary point is looked for, from 0 to the limit
_PRECISE = 1e-14  # a few spacings of doubles
_SPARE = 2  # limma: people beyond the coefficients that an estimate needs
# Blocks up to which their contrasts are found: a decomposition costs the cube of them, 30 ms here.
_FEW_BLOCKS = 400
_NO_CONTRAST = 1e-10  # share of the largest of a contrast's weight that is rounding
# Of the scoring, as statmod's: the least variance of a contrast as a share of the largest, the
# decrement at which it ends, the most steps, and the damping that is too much.
_LEAST_VARIANCE, _ENDED, _MOST_STEPS, _TOO_DAMPED = 1e-3, 1e-6, 21, 1e15


def find_consensus(correlations: F64) -> float:
    """Return the trimmed mean, by Fisher's z, of the correlations that are numbers.

    NaN where none is.

    Examples
    --------
    >>> round(find_consensus(np.array([0.1, 0.3, 0.2, np.nan])), 6)
    0.201404
    """
    z = np.sort(np.arctanh(correlations[~np.isnan(correlations)]))
    cut = int(z.size * _TRIMMED)
    return float(np.tanh(z[cut : z.size - cut].mean())) if z.size else float("nan")


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over rows, and of squared block sums by the size of the block ``(s, ...)``."""

    sizes: F64
    blocks: F64
    X: F64
    y: F64
    yy: float
    blocks_x: F64
    blocks_y: F64
    blocks_yy: F64


class Blocks:
    """The blocks of n rows.

    Parameters
    ----------
    codes : ``(n,)``, the block of each row.

    Examples
    --------
    >>> blocks = Blocks(np.array([0, 0, 1, 1, 2, 2]))
    >>> y = np.array([1.0, 2.1, 3.0, 1.2, -1.0, 0.7])
    >>> round(blocks.estimate(np.ones((6, 1)), y, lowest=-0.9), 4)
    0.3845
    """

    def __init__(self, codes: I64) -> None:
        _, self.block = np.unique(codes, return_inverse=True)
        self.counts = np.bincount(self.block)

    @property
    def lowest(self) -> float:
        """The lowest correlation that blocks of these sizes can have, and a little more."""
        return float(1.0 / (1.0 - max(2, self.counts.max(initial=2))) + _ABOVE_LOWEST)

    def sum_up(self, columns: F64) -> F64:
        """Return the sums of columns ``(n, k)`` in each block."""
        out = np.empty((self.counts.size, columns.shape[1]))
        for j in range(columns.shape[1]):
            out[:, j] = np.bincount(self.block, columns[:, j], minlength=self.counts.size)
        return out

    def estimate(self, X: F64, y: F64, *, lowest: float) -> float:
        """Return the REML correlation within blocks; NaN where there are too few rows for one.

        Parameters
        ----------
        X : ``(n, p)``, of full rank.
        y : ``(n,)``.
        lowest : limit, of all rows' blocks.
        """
        n, p = X.shape
        if n <= p + _SPARE or not 1 < self.counts.size < n - 1:
            return float("nan")
        Q = np.linalg.qr(X)[0]
        residual = y - Q @ (Q.T @ y)
        scale = float(np.linalg.norm(residual))
        if not scale > 0.0:
            return float("nan")
        if self.counts.size <= _FEW_BLOCKS:
            found = _score_variances(*self._contrast(Q, residual / scale), n - p)
            return float(np.clip(found, lowest, _HIGHEST))
        return _maximise(self._add_up(Q, residual / scale), n, p, lowest)

    def _contrast(self, Q: F64, residual: F64) -> tuple[F64, F64]:
        """Return the weights of blocks in contrasts of residuals, and the squares of these."""
        sums = self.sum_up(np.column_stack([Q, residual]))
        whole = np.diag(self.counts.astype(np.float64)) - sums[:, :-1] @ sums[:, :-1].T
        d, vectors = np.linalg.eigh(whole)
        has = d > _NO_CONTRAST * d[-1]
        return d[has], np.asarray((vectors[:, has].T @ sums[:, -1]) ** 2 / d[has])

    def _add_up(self, Q: F64, y: F64) -> _Sums:
        sizes, where = np.unique(self.counts, return_inverse=True)
        totals = self.sum_up(np.column_stack([Q, y]))
        parts = [totals[where == s] for s in range(sizes.size)]
        squares = np.array([part.T @ part for part in parts])
        return _Sums(
            sizes.astype(np.float64),
            np.bincount(where).astype(np.float64),
            Q.T @ Q,
            Q.T @ y,
            float(y @ y),
            squares[:, :-1, :-1],
            squares[:, :-1, -1],
            squares[:, -1, -1],
        )


def _score_variances(d: F64, squares: F64, free: int) -> float:
    """Return the share of the variance between blocks, by scoring from least squares.

    Parameters
    ----------
    d, squares : ``(k,)``; of the other ``free - k`` contrasts, which blocks have no part in, the
        squares add up to what these leave of 1.
    """
    none = free - d.size
    rest = max(1.0 - float(squares.sum()), 0.0)
    X = np.column_stack([np.ones(d.size + 1), np.append(d, 0.0)])
    times = np.append(np.ones(d.size), float(none))
    y = np.append(squares, rest / max(none, 1))
    mean = float(times @ X[:, 1]) / free
    if not float(times @ (X[:, 1] - mean) ** 2) > _NO_CONTRAST * free:
        return float("nan")
    beta = np.linalg.solve(X.T @ (X * times[:, None]), X.T @ (times * y))
    if np.any((X @ beta)[times > 0.0] < 0.0):
        beta = np.array([times @ y / free, 0.0])
    damping, last = 0.0, _gamma_deviance(X @ beta, y, times)
    for step in range(_MOST_STEPS):
        mu = X @ beta
        v = np.maximum(mu**2, (mu**2).max() * _LEAST_VARIANCE)
        information = X.T @ (X * (times / v)[:, None])
        if step == 0:
            damping = float(np.diagonal(information).mean()) / 2.0
        score = X.T @ (times * (y - mu) / v)
        first = True
        while True:
            change = np.linalg.solve(information + damping * np.eye(2), score)
            deviance = _gamma_deviance(X @ (beta + change), y, times)
            if deviance <= last or damping > _TOO_DAMPED * np.diagonal(information).max():
                break
            damping, first = 2.0 * damping, False
        if deviance > last:
            break
        beta, last = beta + change, deviance
        damping = damping / 10.0 if first else damping
        if score @ change < _ENDED:
            break
    return float(beta[1] / beta.sum())


def _gamma_deviance(mu: F64, y: F64, times: F64) -> float:
    """Return the deviance but for what is no function of the means; infinite below 0."""
    used = times > 0.0
    if np.any(mu[used] < 0.0):
        return float("inf")
    with np.errstate(divide="ignore"):
        return float(2.0 * np.sum(times[used] * (y[used] / mu[used] + np.log(mu[used]))))


def _maximise(sums: _Sums, n: int, p: int, lowest: float) -> float:
    """Return the maximum of the likelihood that is uphill of 0."""

    def slope(rho: float) -> float:
        return _slope(sums, n, p, rho)

    here = slope(0.0)
    if here == 0.0:
        return 0.0
    limit = _HIGHEST if here < 0.0 else lowest
    last = 0.0
    for rho in np.linspace(0.0, limit, _STEPS + 1)[1:].tolist():
        if (slope(rho) < 0.0) != (here < 0.0):
            return float(scipy.optimize.brentq(slope, last, rho, xtol=_PRECISE, rtol=_PRECISE))
        last = rho
    return limit


def _slope(sums: _Sums, n: int, p: int, rho: float) -> float:
    """Return the derivative of minus twice the restricted log-likelihood."""
    more = 1.0 + (sums.sizes - 1.0) * rho
    c, dc = rho / more, 1.0 / more**2
    A = sums.X - np.tensordot(c, sums.blocks_x, axes=1)
    dA = -np.tensordot(dc, sums.blocks_x, axes=1)
    a, da = sums.y - c @ sums.blocks_y, -dc @ sums.blocks_y
    inverse = np.linalg.inv(A)
    b = inverse @ a
    q = sums.yy - c @ sums.blocks_yy - a @ b
    dq = -dc @ sums.blocks_yy - 2.0 * b @ da + b @ dA @ b
    of_blocks = sums.blocks @ ((sums.sizes - 1.0) * (1.0 / more - 1.0 / (1.0 - rho)))
    return float(
        (n - p) * (dq / q + 1.0 / (1.0 - rho)) + of_blocks + p / (1.0 - rho) + np.sum(inverse * dA)
    )


def take_correlation_out(columns: F64, blocks: Blocks, rho: float) -> F64:
    """Return columns ``(n, k)`` whose rows a root of ``V``'s inverse has freed from correlation.

    Least squares of what is returned is generalised least squares of the columns.

    Examples
    --------
    >>> take_correlation_out(np.array([[1.0], [3.0]]), Blocks(np.array([0, 0])), 0.0).tolist()
    [[1.0], [3.0]]
    """
    size = blocks.counts.astype(np.float64)
    share = 1.0 - np.sqrt((1.0 - rho) / (1.0 + (size - 1.0) * rho))
    means = blocks.sum_up(columns) * (share / size)[:, None]
    return np.asarray((columns - means[blocks.block]) / np.sqrt(1.0 - rho))
