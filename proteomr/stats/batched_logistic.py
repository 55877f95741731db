"""Logistic regressions that share their covariates and differ in one or a few columns, solved
together.

For protein j and response f the model is ``logit P(y_f = 1) = A beta + S_j gamma`` over the rows
that j observes, where ``A (n, k)`` are covariates common to all proteins and ``S_j (n, s)`` the
border: the protein and its own covariates. The covariates alone are fitted once per response
(:func:`fit_base`). Their information matrix, scaled by the share of rows observed, with the
border's own blocks, preconditions a limited-memory quasi-Newton iteration (Nocedal 1980,
doi:10.1090/S0025-5718-1980-0572855-7) on all fits of a block at once, so that each pass over the
rows is two matrix products. Passes far from the maximum run in single precision; the last score and
everything that enters a result is double. The variance of gamma is ``e' H^-1 e``, by iterative
refinement of ``H v = e`` with Hessian-vector products at the maximum; its truncation error is
quadratic in the residual, and the remaining error of both is bounded before a fit is called
converged. What does not converge is left to the exact path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, Bool
from proteomr.stats.base_fit import Base
from proteomr.stats.block_rows import BlockRows, pad_block
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.loops import load_loops
from proteomr.stats.quasi_newton import (
    Preconditioner,
    StepMemory,
    is_far,
    slow_down,
)
from proteomr.stats.score_scale import ScoreScale
from proteomr.stats.shared_information import SharedInformation
from proteomr.stats.workspace import workspace

__all__ = ["BatchedLogistic", "BlockEstimate"]

_Float = TypeVar("_Float", np.float32, np.float64)

_SINGLE_STEP, _SINGLE_FLOOR = 1e-10, 1e-9  # squared steps: single precision rounds scores by 1e-5
_SLOWEST_UNSEEN = 0.1  # rate assumed where none was seen: that of a slow block
_VARIANCE_REST, _MANY = 2e-8, 2000.0  # relative: 1e-8 of an error; and rows that make it believable
# The last step is taken: what it leaves is of the order of its square.
_DECREMENT, _SCORE = 1e-8, 1e-8
_TILE = 24  # proteins: a multiple of the rows that the kernels of BLAS take at once, 4, 6, 8 or 12
# At a rate of a tenth a few passes do; what has not settled by these is cheaper one at a time.
_PASSES_SINGLE, _PASSES_DOUBLE, _PASSES_VARIANCE = 14, 8, 8


@dataclass(frozen=True, slots=True)
class BlockEstimate:
    """Estimates of a block ``(B, F)``, and which of them have converged."""

    estimate: F64
    se: F64
    converged: Bool
    passes: int


@dataclass(frozen=True, slots=True)
class _End:
    """Where the passes end: score and step ``(R, k + s)``, decrements, means ``(R, n)``, and which
    fits are within their bound.

    The step is the last one, and is not taken yet.
    """

    score: F64
    step: F64
    decrement: F64
    means: F64
    settled: Bool
    passes: int


@dataclass(frozen=True, slots=True)
class _Variance:
    """Of each fit: ``e' H^-1 e``, ``e' H^-1 g``, what is left of e in ``H v = e``, the weights in
    H, and whether the first two have settled.
    """

    variance: F64
    correction: F64
    rest: F64
    weights: NDArray[np.float32]
    settled: Bool


class BatchedLogistic:
    """All fits of F responses on common covariates plus a border per protein.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    bases : the F fits to the covariates alone.
    compiled : use the compiled row loops; the plain ones otherwise.
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
        self._shared = SharedInformation(design, bases)
        self._scale = ScoreScale(design, np.stack([base.weights for base in bases]))

    def fit(self, borders: F64, mask: NDArray[np.float32]) -> BlockEstimate:
        """Fit every protein of a block to every response.

        Parameters
        ----------
        borders : ``(B, s, n)``, the protein first; 0 where the mask is 0.
        mask : ``(B, n)``, 1 where the protein and its own covariates are observed, else 0.
        """
        wanted = borders.shape[0]
        borders, mask = pad_block(borders, mask, to=_TILE)
        B, s, _ = borders.shape
        k, R = self.design.k, B * self.F
        borders32 = workspace.take("borders", borders.shape, np.float32)
        np.copyto(borders32, borders)
        rows = BlockRows(borders, borders32, mask)
        preconditioner, g = self._shared.precondition(rows)
        theta = np.concatenate([np.tile(self._start, (B, 1)), np.zeros((R, s))], axis=1)
        memory = StepMemory()
        # What overflows or is no number has no certificate.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            rate, passes = self._approach(rows, preconditioner, memory, theta, g)
            end = self._settle(rows, preconditioner, memory, theta, rate)
            found = self._vary(rows, preconditioner, memory, end)
        estimate = theta[:, k] + found.correction
        se = np.sqrt(np.maximum(found.variance, 0.0))
        converged = self._certify(preconditioner, end, found, estimate, se)
        shape = (B, self.F)
        return BlockEstimate(
            estimate.reshape(shape)[:wanted],
            se.reshape(shape)[:wanted],
            converged.reshape(shape)[:wanted],
            passes + end.passes,
        )

    def _settle(
        self,
        rows: BlockRows,
        preconditioner: Preconditioner,
        memory: StepMemory,
        theta: F64,
        rate: F64,
    ) -> _End:
        """Move ``theta`` in place, in double precision, until what remains is within its bound."""
        R, k = theta.shape[0], self.design.k
        means = workspace.take("means", (R, self.design.n), np.float64)
        g = self._score(rows, theta, means=means)
        moving, last = np.ones(R, dtype=bool), np.full(R, np.inf)
        passes = 0
        for _ in range(_PASSES_DOUBLE):
            d = memory.direct(preconditioner, g)
            decrement = np.vecdot(g, d)
            # A strong effect gathers the weight in the rows whose outcome is in doubt.
            weight = preconditioner.weight / np.maximum(theta[:, k] ** 2, 1.0)
            moving &= is_far(decrement, slow_down(rate, decrement, last), weight)
            if not np.any(moving):
                break
            last = decrement
            theta += np.where(moving[:, None], d, 0.0)
            new = self._score_again(rows, theta, g, moving, means=means)
            memory.remember(d, g - new, trusted=moving)
            g = new
            passes += 1
        return _End(g, d, decrement, means, ~moving, passes)

    def _certify(
        self,
        preconditioner: Preconditioner,
        end: _End,
        found: _Variance,
        estimate: F64,
        se: F64,
    ) -> Bool:
        """Say which fits have their certificate, by scales that the preconditioner has no part in.

        The squared step along ``H^-1 e``, over the variance, bounds the true decrement from below
        as the scores do; and so does what is left of e the error of the variance.
        """
        covariates = self._scale.of_fits(found.weights, preconditioner.inflation)
        curvature = np.concatenate([covariates, preconditioner.border_information], axis=1)
        along = scale_scores(found.correction[:, None], found.variance[:, None])
        left = scale_scores(found.rest, curvature * found.variance[:, None])
        certified = certify(
            decrement=end.decrement,
            scores=np.maximum(along, scale_scores(end.score, curvature)),
            estimate=estimate,
            se=se,
            bound=_DECREMENT,
            score_bound=_SCORE,
        )
        return certified & end.settled & found.settled & (left <= 2.0 * _VARIANCE_REST)

    def _approach(
        self,
        rows: BlockRows,
        preconditioner: Preconditioner,
        memory: StepMemory,
        theta: F64,
        g: F64,
    ) -> tuple[F64, int]:
        """Move ``theta`` in place to within single precision of the maximum.

        Returns
        -------
        The rate ``(R,)`` at which a step shrinks from pass to pass, and the passes taken.
        """
        last = np.full(theta.shape[0], np.inf)
        rate = np.full(theta.shape[0], _SLOWEST_UNSEEN)
        moving = np.ones(theta.shape[0], dtype=bool)
        for passes in range(_PASSES_SINGLE):
            d = memory.direct(preconditioner, g)
            decrement = np.vecdot(g, d)
            shrunk = np.sqrt(np.maximum(decrement, 0.0) / np.maximum(last, 1e-300))
            # Below that, single precision hides the rate.
            seen = moving & (decrement > _SINGLE_FLOOR) & np.isfinite(last)
            rate = np.where(seen, np.minimum(shrunk, 1.0), rate)
            moving &= np.isfinite(decrement) & (decrement > 0)
            theta += np.where(moving[:, None], d, 0.0)
            coming = decrement * np.clip(decrement / np.maximum(last, 1e-300), 1e-3, 1.0)
            moving &= coming > _SINGLE_STEP
            if not np.any(moving):
                return rate, passes
            last = decrement
            new = self._score(rows, theta)
            memory.remember(d, g - new, trusted=moving)
            g = new
        return rate, _PASSES_SINGLE

    def _score(self, rows: BlockRows, theta: F64, *, means: F64 | None = None) -> F64:
        """Return the score ``(R, k + s)``: in single precision, or in double precision where means
        are kept.
        """
        k, R = self.design.k, theta.shape[0]
        at: NDArray[Any] = theta if means is not None else theta.astype(np.float32)
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

    def _score_again(self, rows: BlockRows, theta: F64, g: F64, moving: Bool, *, means: F64) -> F64:
        """Return the scores with those of the moving fits, and their means, brought up to date."""
        proteins = np.flatnonzero(moving.reshape(-1, self.F).any(axis=1))
        filled = np.concatenate([proteins, np.repeat(proteins[:1], -proteins.size % _TILE)])
        fits = (filled[:, None] * self.F + np.arange(self.F)).ravel()
        kept = workspace.take("means again", (fits.size, self.design.n), np.float64)
        some = BlockRows(rows.borders[filled], rows.borders32[:0], rows.mask[filled])
        found = self._score(some, theta[fits], means=kept)
        new = g.copy()
        count = proteins.size * self.F
        new[fits[:count]] = found[:count]
        means[fits[:count]] = kept[:count]
        return new

    def _sweep(
        self, coefficients: NDArray[_Float], work: Callable[[NDArray[_Float], int], None]
    ) -> F64:
        """Pass over the rows: ``A beta`` of each chunk, the work done on it in place, its products
        with A.
        """
        design, R = self.design, coefficients.shape[0]
        single = coefficients.dtype == np.float32
        kind = coefficients.dtype.type
        spread = design.spread(coefficients)
        wide = np.zeros((R, design.width))
        for chunk in design.chunks:
            local = chunk.local32 if single else chunk.local
            eta = workspace.take("eta", (R, local.shape[0]), kind)
            np.matmul(design.select(spread, chunk), local.T, out=eta)
            with np.errstate(over="ignore"):
                work(eta, chunk.start)
            part = workspace.take("part", (R, local.shape[1]), kind)
            design.add(wide, chunk, np.matmul(eta, local, out=part))
        return wide

    def _curve_first(
        self, rows: BlockRows, means: F64, step: F64, v: F64, weights: NDArray[np.float32]
    ) -> F64:
        """Return ``H v (R, k + s)`` in single precision after a last, small step from ``means``.

        The means move with the step, and the weights there are kept in ``weights (R, n)``.
        """
        design = self.design
        k = design.k
        single, vector = step.astype(np.float32), v.astype(np.float32)
        spread = design.spread(single[:, :k])
        border_step, border_v = (np.ascontiguousarray(x[:, k:]) for x in (single, vector))
        border = np.zeros((v.shape[0], v.shape[1] - k))
        chunk_at = {chunk.start: chunk for chunk in design.chunks}

        def curve(u: NDArray[np.float32], start: int) -> None:
            chunk = chunk_at[start]
            shift = workspace.take("shift", u.shape, np.float32)
            np.matmul(design.select(spread, chunk), chunk.local32.T, out=shift)
            self._loops.apply_first_curvature(
                u, shift, means, rows.borders32, border_v, border_step, start, border, weights
            )

        wide = self._sweep(vector[:, :k], curve)
        return np.concatenate([design.gather(wide), border], axis=1)

    def _curve_exactly(self, rows: BlockRows, means: F64, v: F64) -> F64:
        """Return ``H v (R, k + s)`` in double precision."""
        k = self.design.k
        border_v = np.ascontiguousarray(v[:, k:])
        border = np.zeros((v.shape[0], v.shape[1] - k))

        def curve(u: F64, start: int) -> None:
            self._loops.apply_exact_curvature(u, means, rows.borders, border_v, start, border)

        wide = self._sweep(v[:, :k], curve)
        return np.concatenate([self.design.gather(wide), border], axis=1)

    def _curve(self, rows: BlockRows, weights: NDArray[np.float32], v: F64) -> F64:
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
        self, rows: BlockRows, preconditioner: Preconditioner, memory: StepMemory, end: _End
    ) -> _Variance:
        """Return the variance of the first border's coefficient after the last step."""
        means, g = end.means, end.score
        R, k = g.shape[0], self.design.k
        e = np.zeros((R, g.shape[1]))
        e[:, k] = 1.0
        v = memory.direct(preconditioner, e)
        weights = workspace.take("weights", means.shape, np.float32)
        r = e - self._curve_first(rows, means, end.step, v, weights)
        moving = np.ones(R, dtype=bool)
        last = np.full(R, np.inf)
        for passes in range(_PASSES_VARIANCE):
            d = memory.direct(preconditioner, r)
            v += np.where(moving[:, None], d, 0.0)
            rest = np.maximum(np.vecdot(r, d), 1e-300)
            coming = rest * np.clip(rest / last, 1e-3, 1.0)
            moving &= coming > _VARIANCE_REST / 2.0 * np.abs(v[:, k])
            if not np.any(moving) or passes + 1 == _PASSES_VARIANCE:
                break
            last = rest
            r -= self._curve(rows, weights, d)
        variance, settled = v[:, k].copy(), np.zeros(R, dtype=bool)
        # The preconditioner, which the rest is measured by, is poorer where few rows carry a fit.
        bound = _VARIANCE_REST * np.clip(preconditioner.weight / _MANY, 0.05, 1.0)
        for _ in range(_PASSES_DOUBLE):
            r = e - self._curve_exactly(rows, means, v)
            d = memory.direct(preconditioner, r)
            rest = np.vecdot(r, d)
            variance = np.where(settled, variance, v[:, k] + np.vecdot(v, r) + rest)
            v += np.where(settled[:, None], 0.0, d)
            # What remains is smaller than the rest by the rate of the iteration.
            settled |= np.abs(rest) <= bound * np.abs(variance)
            if np.all(settled):
                break
        return _Variance(variance, np.vecdot(v, g), r, weights, settled)
