"""Logistic regressions that share their covariates and differ in one or a few columns, solved together.

For protein j and response f the model is ``logit P(y_f = 1) = A beta + S_j gamma`` over the rows that j observes, where
``A (n, k)`` are covariates common to all proteins and ``S_j (n, s)`` the border: the protein and its own covariates.
The covariates alone are fitted once per response (:func:`fit_base`). Their information matrix, scaled by the share of
rows observed, with the border's own blocks, preconditions a limited-memory quasi-Newton iteration (Nocedal 1980,
doi:10.1090/S0025-5718-1980-0572855-7) on all fits of a block at once, so that each pass over the rows is two matrix
products. Passes far from the maximum run in single precision; the last score and everything that enters a result is
double. The variance of gamma is ``e' H^-1 e``, by iterative refinement of ``H v = e`` with Hessian-vector products at
the maximum; its truncation error is quadratic in the residual, and the remaining error of both is bounded before a fit
is called converged. What does not converge is left to the exact path.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, Bool
from proteomr.stats.chunked import Chunk, ChunkedDesign
from proteomr.stats.loops import load_loops

__all__ = ["Base", "BatchedLogistic", "BlockEstimate", "fit_base"]

_Float = TypeVar("_Float", np.float32, np.float64)

_SINGLE_STEP = 1e-10
_DOUBLE_STEP = 1e-9
_VARIANCE_SHARE = 2e-8
_MEMORY = 6
_PASSES_SINGLE, _PASSES_DOUBLE, _PASSES_VARIANCE = 14, 8, 8


@dataclass(frozen=True, slots=True)
class Base:
    """The fit of one response to the covariates alone: coefficients ``(k,)``, weights, residuals ``(n,)``."""

    response: F64
    coefficients: F64
    weights: F64
    residuals: F64
    inverse_information: F64


@dataclass(frozen=True, slots=True)
class BlockEstimate:
    """Estimates of a block: ``estimate, se (B, F)``; ``converged (B, F)`` says which of them stand."""

    estimate: F64
    se: F64
    converged: Bool
    passes: int


def fit_base(design: ChunkedDesign, response: F64) -> Base | None:
    """Fit a response to the covariates alone by Newton's method; None where there is no finite maximum.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((4, 0)), np.ones((1, 1)), np.zeros(4, dtype=np.int64))
    >>> fit_base(design, np.array([0.0, 0.0, 0.0, 1.0])).coefficients.round(4).tolist()
    [-1.0986]
    """
    beta = np.zeros(design.k)
    inverse = np.zeros((design.k, design.k))
    last = np.inf
    for _ in range(40):
        mu = 1.0 / (1.0 + np.exp(-np.clip(design.times(beta), -700.0, 700.0)))
        score = design.score(response - mu)
        # Close to the maximum the last information serves as well as a new one.
        if last > 1e-3:
            try:
                inverse = np.linalg.inv(design.information(mu * (1.0 - mu)))
            except np.linalg.LinAlgError:
                return None
        step = inverse @ score
        beta += step
        last = float(score @ step)
        if last < 1e-20:
            break
    else:
        return None
    mu = 1.0 / (1.0 + np.exp(-design.times(beta)))
    w = mu * (1.0 - mu)
    inverse = np.linalg.inv(design.information(w))
    return Base(response, beta, w, response - mu, inverse)


class _Workspace(threading.local):
    """Large arrays that each thread keeps from one block to the next, so that their pages are touched once."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, type], NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: type[_Float]) -> NDArray[_Float]:
        """Return an array of undefined content."""
        size = math.prod(shape)
        key = (name, dtype)
        if key not in self._buffers or self._buffers[key].size < size:
            self._buffers[key] = np.empty(size, dtype=dtype)
        return self._buffers[key][:size].reshape(shape)


_workspace = _Workspace()


@dataclass
class _Preconditioner:
    """Block elimination of the border from the shared covariate information, scaled by the share observed."""

    inverse: F64
    inflation: F64
    cross: F64
    eliminated: F64
    schur_inverse: F64

    def solve(self, g: F64) -> F64:
        R, k, F = g.shape[0], self.inverse.shape[1], self.inverse.shape[0]
        x = np.matmul(g[:, :k].reshape(R // F, F, 1, k), self.inverse).reshape(R, k)
        x *= self.inflation[:, None]
        rest = g[:, k:] - np.matmul(self.cross, x[:, :, None])[:, :, 0]
        border = np.matmul(self.schur_inverse, rest[:, :, None])[:, :, 0]
        x -= np.matmul(border[:, None, :], self.eliminated)[:, 0, :]
        return np.concatenate([x, border], axis=1)


@dataclass
class _Memory:
    """The last few steps and score changes of every fit: the two-loop recursion around a preconditioner."""

    steps: list[F64] = field(default_factory=list)
    changes: list[F64] = field(default_factory=list)
    inverse_curvature: list[F64] = field(default_factory=list)

    def remember(self, step: F64, change: F64, *, trusted: Bool) -> None:
        curvature = np.vecdot(step, change)
        usable = trusted & (curvature > 0)
        self.steps.append(step)
        self.changes.append(change)
        self.inverse_curvature.append(
            np.where(usable, 1.0 / np.where(usable, curvature, 1.0), 0.0)
        )
        if len(self.steps) > _MEMORY:
            del self.steps[0], self.changes[0], self.inverse_curvature[0]

    def direct(self, preconditioner: _Preconditioner, g: F64) -> F64:
        q = g.copy()
        weights = []
        pairs = list(zip(self.steps, self.changes, self.inverse_curvature, strict=True))
        for step, change, rho in reversed(pairs):
            a = rho * np.vecdot(step, q)
            q -= a[:, None] * change
            weights.append(a)
        d = preconditioner.solve(q)
        for (step, change, rho), a in zip(pairs, reversed(weights), strict=True):
            d += (a - rho * np.vecdot(change, d))[:, None] * step
        return d


@dataclass(frozen=True)
class _Rows:
    """The row-level data of the proteins at work: borders ``(B, s, n)`` and mask ``(B, n)`` in both precisions."""

    borders: F64
    borders32: NDArray[np.float32]
    mask: NDArray[np.float32]


class BatchedLogistic:
    """All fits of F responses on common covariates plus a border per protein.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    bases : the F fits to the covariates alone.
    compiled : use the compiled row loops where they can be had.
    """

    def __init__(
        self, design: ChunkedDesign, bases: Sequence[Base], *, compiled: bool = True
    ) -> None:
        self.design = design
        self.F = len(bases)
        self._loops = load_loops(compiled=compiled)
        self._response = np.stack([base.response for base in bases])
        self._response32 = self._response.astype(np.float32)
        self._start = np.stack([base.coefficients for base in bases])
        self._inverse = np.stack([base.inverse_information for base in bases])
        self._weights32 = np.stack([base.weights for base in bases]).astype(np.float32)
        self._residuals32 = np.stack([base.residuals for base in bases]).astype(np.float32)
        self._weighted = [self._weigh(chunk, self._weights32) for chunk in design.chunks]
        self._residuals = [self._weigh(chunk, self._residuals32) for chunk in design.chunks]

    def _weigh(self, chunk: Chunk, by: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a chunk's local columns times each response's factor, side by side ``(c, F (d + m))``."""
        factors = by[:, chunk.start : chunk.stop, None]
        return np.ascontiguousarray(np.concatenate(list(chunk.local32 * factors), axis=1))

    def fit(self, borders: F64, mask: NDArray[np.float32]) -> BlockEstimate:
        """Fit every protein of a block to every response.

        Parameters
        ----------
        borders : ``(B, s, n)``, the protein first; 0 where the mask is 0.
        mask : ``(B, n)``, 1 where the protein and its own covariates are observed, else 0.
        """
        B, s, _ = borders.shape
        k, R = self.design.k, B * self.F
        borders32 = _workspace.take("borders", borders.shape, np.float32)
        np.copyto(borders32, borders)
        rows = _Rows(borders, borders32, mask)
        preconditioner, g = self._precondition(rows)
        theta = np.concatenate([np.tile(self._start, (B, 1)), np.zeros((R, s))], axis=1)
        memory = _Memory()
        passes = self._approach(rows, preconditioner, memory, theta, g)
        means = _workspace.take("means", (R, self.design.n), np.float64)
        g = self._score(rows, theta, means=means)
        for _ in range(_PASSES_DOUBLE):
            d = memory.direct(preconditioner, g)
            decrement = np.vecdot(g, d)
            moving = decrement >= _DOUBLE_STEP
            if not np.any(moving) or not np.all(np.isfinite(decrement)):
                break
            theta += np.where(moving[:, None], d, 0.0)
            new = self._score(rows, theta, means=means)
            memory.remember(d, g - new, trusted=moving)
            g = new
            passes += 1
        variance, correction, settled = self._vary(rows, preconditioner, memory, means, d, g)
        converged = settled & (decrement < _DOUBLE_STEP) & (variance > 0)
        shape = (B, self.F)
        return BlockEstimate(
            (theta[:, k] + correction).reshape(shape),
            np.sqrt(np.maximum(variance, 0.0)).reshape(shape),
            converged.reshape(shape),
            passes,
        )

    def _precondition(self, rows: _Rows) -> tuple[_Preconditioner, F64]:
        """Return the preconditioner and the score at the fits to the covariates alone."""
        design, F = self.design, self.F
        B, s, _ = rows.borders.shape
        cross, score = self._base_products(rows)
        h = design.gather(cross.reshape(B * s * F, -1)).reshape(B, s, F, design.k)
        h = np.ascontiguousarray(h.transpose(0, 2, 1, 3)).reshape(B * F, s, design.k)
        block = np.empty((B, s, s, F))
        for a in range(s):
            for b in range(a + 1):
                product = rows.borders32[:, a] * rows.borders32[:, b]
                block[:, a, b] = block[:, b, a] = product @ self._weights32.T
        D = block.transpose(0, 3, 1, 2).reshape(B * F, s, s)
        border_score = rows.borders32.reshape(B * s, -1) @ self._residuals32.T
        border_score = border_score.reshape(B, s, F).transpose(0, 2, 1).reshape(B * F, s)
        inflation = np.repeat(1.0 / share_observed(rows.mask), F)
        eliminated = np.matmul(h.reshape(B, F, s, -1), self._inverse).reshape(B * F, s, -1)
        eliminated *= inflation[:, None, None]
        schur = D - np.matmul(h, eliminated.transpose(0, 2, 1))
        for a in range(s):
            schur[:, a, a] = np.maximum(schur[:, a, a], 1e-6 * D[:, a, a] + 1e-300)
        preconditioner = _Preconditioner(
            self._inverse, inflation, h, eliminated, np.linalg.pinv(schur, hermitian=True)
        )
        g = design.gather(score.reshape(B * F, -1))
        return preconditioner, np.concatenate([g, border_score], axis=1)

    def _base_products(self, rows: _Rows) -> tuple[F64, F64]:
        """Return ``S' W A`` ``(B s, F, wide)`` and ``m' R A`` ``(B, F, wide)`` over dense columns and cells."""
        design, F = self.design, self.F
        B, s, _ = rows.borders.shape
        wide = design.width
        cross, score = np.zeros((F, B * s, wide)), np.zeros((F, B, wide))
        for chunk, weighted, residuals in zip(
            design.chunks, self._weighted, self._residuals, strict=True
        ):
            at = slice(chunk.start, chunk.stop)
            border = rows.borders32[:, :, at].reshape(B * s, -1)
            crossed, scored = border @ weighted, rows.mask[:, at] @ residuals
            m = chunk.local.shape[1]
            for f in range(F):
                design.add(cross[f], chunk, crossed[:, f * m : (f + 1) * m])
                design.add(score[f], chunk, scored[:, f * m : (f + 1) * m])
        return cross.transpose(1, 0, 2), score.transpose(1, 0, 2)

    def _approach(
        self, rows: _Rows, preconditioner: _Preconditioner, memory: _Memory, theta: F64, g: F64
    ) -> int:
        """Move ``theta`` in place to within single precision of the maximum; return the passes taken."""
        last = np.full(theta.shape[0], np.inf)
        moving = np.ones(theta.shape[0], dtype=bool)
        for passes in range(_PASSES_SINGLE):
            d = memory.direct(preconditioner, g)
            decrement = np.vecdot(g, d)
            moving &= np.isfinite(decrement) & (decrement > 0)
            theta += np.where(moving[:, None], d, 0.0)
            rate = np.minimum(decrement / last, 1.0)
            moving &= decrement * np.maximum(rate, 1e-3) > _SINGLE_STEP
            if not np.any(moving):
                return passes
            last = decrement
            new = self._score(rows, theta)
            memory.remember(d, g - new, trusted=moving)
            g = new
        return _PASSES_SINGLE

    def _score(self, rows: _Rows, theta: F64, *, means: F64 | None = None) -> F64:
        """Return the score ``(R, k + s)``: in single precision, or in double precision where means are kept."""
        k, R = self.design.k, theta.shape[0]
        at = theta if means is not None else theta.astype(np.float32)
        border_theta = np.ascontiguousarray(at[:, k:])
        border = np.zeros((R, theta.shape[1] - k))

        def scores(eta: NDArray[Any], start: int) -> None:
            if means is None:
                self._loops.sum_scores(
                    eta, rows.borders32, rows.mask, self._response32, border_theta, start, border
                )
            else:
                self._loops.store_means(
                    eta, rows.borders, rows.mask, self._response, border_theta, start, border, means
                )

        wide = self._sweep(at[:, :k], scores)
        return np.concatenate([self.design.gather(wide), border], axis=1)

    def _sweep(
        self, coefficients: NDArray[_Float], work: Callable[[NDArray[_Float], int], None]
    ) -> F64:
        """Pass over the rows: ``A beta`` of each chunk, the work done on it in place, its products with A."""
        design, R = self.design, coefficients.shape[0]
        single = coefficients.dtype == np.float32
        dtype = np.float32 if single else np.float64
        spread = design.spread(coefficients)
        wide = np.zeros((R, design.width))
        for chunk in design.chunks:
            local = chunk.local32 if single else chunk.local
            eta = _workspace.take("eta", (R, local.shape[0]), dtype)
            np.matmul(design.select(spread, chunk), local.T, out=eta)
            work(eta, chunk.start)
            part = _workspace.take("part", (R, local.shape[1]), dtype)
            design.add(wide, chunk, np.matmul(eta, local, out=part))
        return wide

    def _curve_first(
        self, rows: _Rows, means: F64, step: F64, v: F64, weights: NDArray[np.float32]
    ) -> F64:
        """Return ``H v (R, k + s)`` at the end of a last, small step from where ``means`` were kept.

        The weights there are kept in single precision in ``weights (R, n)``.
        """
        design = self.design
        k, R = design.k, v.shape[0]
        single = step.astype(np.float32)
        spread = design.spread(single[:, :k])
        border_step, border_v = (np.ascontiguousarray(x[:, k:]) for x in (single, v))
        border = np.zeros((R, v.shape[1] - k))
        chunk_at = {chunk.start: chunk for chunk in design.chunks}

        def curve(u: F64, start: int) -> None:
            chunk = chunk_at[start]
            shift = _workspace.take("shift", u.shape, np.float32)
            np.matmul(design.select(spread, chunk), chunk.local32.T, out=shift)
            self._loops.apply_first_curvature(
                u, shift, means, rows.borders, border_v, border_step, start, border, weights
            )

        wide = self._sweep(v[:, :k], curve)
        return np.concatenate([design.gather(wide), border], axis=1)

    def _curve(self, rows: _Rows, weights: NDArray[np.float32], v: F64) -> F64:
        """Return ``H v (R, k + s)`` in single precision."""
        k, R = self.design.k, v.shape[0]
        vector = v.astype(np.float32)
        border_v = np.ascontiguousarray(vector[:, k:])
        border = np.zeros((R, v.shape[1] - k))

        def curve(u: NDArray[np.float32], start: int) -> None:
            self._loops.apply_curvature(u, weights, rows.borders32, border_v, start, border)

        wide = self._sweep(vector[:, :k], curve)
        return np.concatenate([self.design.gather(wide), border], axis=1)

    def _vary(
        self,
        rows: _Rows,
        preconditioner: _Preconditioner,
        memory: _Memory,
        means: F64,
        step: F64,
        g: F64,
    ) -> tuple[F64, F64, Bool]:
        """Return ``e' H^-1 e (R,)`` after a last step, the correction ``e' H^-1 g`` and whether both have settled."""
        R, k = g.shape[0], self.design.k
        e = np.zeros((R, g.shape[1]))
        e[:, k] = 1.0
        v = memory.direct(preconditioner, e)
        weights = _workspace.take("weights", means.shape, np.float32)
        r = e - self._curve_first(rows, means, step, v, weights)
        for passes in range(_PASSES_VARIANCE):
            d = memory.direct(preconditioner, r)
            rest = np.vecdot(r, d)
            variance = v[:, k] + np.vecdot(v, r) + rest
            settled = np.abs(rest) <= _VARIANCE_SHARE * np.abs(variance)
            v += d
            if np.all(settled) or passes + 1 == _PASSES_VARIANCE:
                break
            r -= self._curve(rows, weights, d)
        return variance, np.vecdot(v, g), settled


def share_observed(mask: NDArray[np.float32]) -> F64:
    """Return the share of rows observed by each protein ``(B,)``, at least one row's worth."""
    observed = mask.sum(axis=1, dtype=np.float64)
    share: F64 = np.maximum(observed, 1.0) / mask.shape[1]
    return share
