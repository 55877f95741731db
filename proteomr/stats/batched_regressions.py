"""Regressions that share their covariates and differ in one or a few columns, solved together.

For protein j and response f the linear predictor of a row is ``A beta + S_j gamma`` over the rows
that j observes, where ``A (n, k)`` are covariates common to all proteins and ``S_j (n, s)`` the
border: the protein and its own covariates. What the predictor means is the row model's
(:mod:`proteomr.stats.row_models`, which has the letters and shapes). The covariates alone are
fitted once per response. Their information matrix, scaled by the share of rows observed, with the
border's own blocks, preconditions a limited-memory quasi-Newton iteration (Nocedal 1980,
doi:10.1090/S0025-5718-1980-0572855-7) on all fits of a block at once, so that each pass over the
rows is two matrix products. Passes far from the maximum run in single precision; the last score and
everything that enters a result is double. The variance of gamma is ``e' H^-1 e``, by iterative
refinement of ``H v = e`` with Hessian-vector products at the maximum; its truncation error is
quadratic in the residual, and the remaining error of both is bounded before a fit is called
converged. What does not converge is left to the exact path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, Bool
from proteomr.stats.block_rows import TILE, BlockRows, lay_out_block
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.quasi_newton import Preconditioner, StepMemory, is_far, slow_down
from proteomr.stats.row_models import Base, Layout, RowModel, check_base
from proteomr.stats.row_sweeps import RowSweeps
from proteomr.stats.score_scale import ScoreScale
from proteomr.stats.shared_information import SharedInformation
from proteomr.stats.workspace import workspace

__all__ = ["BatchedRegressions", "BlockEstimate"]

# Squared steps in standard errors. Single precision rounds scores at about 1e-5 of an error: a step
# below that is noise, and rates are seen in steps three times as long.
_SINGLE_STEP, _SINGLE_FLOOR = 1e-10, 1e-9
# The rate assumed where none was seen, slower than that of any fit that needs so few passes.
_SLOWEST_UNSEEN = 0.1
# What may be missing of a variance, relative: half of it is missing of an error. It is measured by
# the preconditioner, which is believed in full where as many rows carry a fit, and never below a
# twentieth.
_VARIANCE_REST, _MANY, _LEAST_BELIEF = 2e-8, 2000.0, 0.05
# The last step is taken: what it leaves is of the order of its square.
_DECREMENT, _SCORE = 1e-8, 1e-8
# Logistic fits of odds ratios below 2 a standard deviation take up to 5 passes in single precision,
# 2 in double, and 3 for a variance; of 7 up to 10, 3 and 7; of 55 all there are, and of 150 none
# has settled. What needs more is further than its first information reaches, and cheaper one at a
# time with its own.
_PASSES_SINGLE, _PASSES_DOUBLE, _PASSES_VARIANCE = 14, 8, 8
# The next squared step is taken to be smaller by the ratio of the last two; that may be small by
# chance, and counts for no more than a thousand. The least that a ratio is taken to.
_SHRINKING, _TINY = 1e-3, 1e-300


@dataclass(frozen=True, slots=True)
class BlockEstimate:
    """Estimates and errors of the protein's coefficient for each predictor ``(B, F, L)``, and which
    fits have converged ``(B, F)``.
    """

    estimate: F64
    se: F64
    converged: Bool
    passes: int


@dataclass(frozen=True, slots=True)
class _Block:
    """What all passes of a block share."""

    rows: BlockRows
    layout: Layout
    preconditioner: Preconditioner
    memory: StepMemory

    @property
    def present(self) -> Bool:
        """Which fits have any row ``(R,)``; those that fill a tile have none."""
        fits = self.rows.double.response.shape[0]
        return np.repeat(self.rows.double.mask.any(axis=1), fits)

    def direct(self, g: F64) -> F64:
        """Return the quasi-Newton direction for scores."""
        return self.memory.direct(self.preconditioner, g)


@dataclass(frozen=True, slots=True)
class _End:
    """Where the passes end: score and step ``(R, L k + t + L s)``, decrements, the state ``(R, M,
    n)``, and which fits are within their bound.

    The step is the last one, and is not taken yet.
    """

    score: F64
    step: F64
    decrement: F64
    state: F64
    settled: Bool
    passes: int


@dataclass(frozen=True, slots=True)
class _Variance:
    """Of each fit: ``e' H^-1 e``, ``e' H^-1 g``, what is left of e in ``H v = e``, and whether the
    first two have settled.
    """

    variance: F64
    correction: F64
    rest: F64
    settled: Bool


class BatchedRegressions:
    """All fits of F responses on common covariates plus a border per protein.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    bases : the F fits to the covariates alone.
    model : what a row adds to score and curvature.

    Raises
    ------
    ValueError : where a base is not of the shapes that the model declares.
    """

    def __init__(self, design: ChunkedDesign, bases: Sequence[Base], *, model: RowModel) -> None:
        for base in bases:
            check_base(base, model=model, n=design.n, k=design.k)
        self.design = design
        self.model = model
        self.F = len(bases)
        self._sweeps = RowSweeps(design, model)
        self._response = np.stack([base.response for base in bases])
        self._response32 = self._response.astype(np.float32)
        self._start = np.stack([base.coefficients for base in bases])
        self._shared = SharedInformation(design, bases)
        diagonals = [np.einsum("lln->ln", base.weights) for base in bases]
        self._scale = ScoreScale(design, np.concatenate(diagonals))
        self._threshold_information = np.stack(
            [base.thresholds.information if base.thresholds else np.empty(0) for base in bases]
        )

    def fit(self, borders: F64, mask: NDArray[np.float32]) -> BlockEstimate:
        """Fit every protein of a block to every response.

        Parameters
        ----------
        borders : ``(B, s, n)``, the protein first; 0 where the mask is 0.
        mask : ``(B, n)``, 1 where the protein and its own covariates are observed, else 0.
        """
        wanted = borders.shape[0]
        rows = lay_out_block(borders, mask, response=self._response, response32=self._response32)
        layout = self._sweeps.layout(rows.double)
        preconditioner, g = self._shared.precondition(rows)
        block = _Block(rows, layout, preconditioner, StepMemory())
        gamma = np.zeros((g.shape[0], layout.size - layout.shared))
        theta = np.concatenate([np.tile(self._start, (rows.proteins, 1)), gamma], axis=1)
        # What overflows or is no number has no certificate.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if self.model.reach == "cohort":
                # The residuals of the fit to covariates alone are not those of the rows observed.
                g = self._sweeps.score(rows.single, theta)
            rate, passes = self._approach(block, theta, g)
            end = self._settle(block, theta, rate)
            weights, variances = self._vary(block, end)
            correction = np.stack([each.correction for each in variances], axis=1)
            variance = np.stack([each.variance for each in variances], axis=1)
            estimate = theta[:, layout.interest] + correction
            se = np.sqrt(np.maximum(variance, 0.0))
            converged = self._certify(
                block, end, variances, weights=weights, estimate=estimate, se=se
            )
        shape = (rows.proteins, self.F, layout.predictors)
        return BlockEstimate(
            estimate.reshape(shape)[:wanted],
            se.reshape(shape)[:wanted],
            converged.reshape(shape[:2])[:wanted],
            passes + end.passes,
        )

    def _approach(self, block: _Block, theta: F64, g: F64) -> tuple[F64, int]:
        """Move ``theta`` in place to within single precision of the maximum.

        Returns
        -------
        The rate ``(R,)`` at which a step shrinks from pass to pass, and the passes taken.
        """
        last = np.full(theta.shape[0], np.inf)
        rate = np.full(theta.shape[0], _SLOWEST_UNSEEN)
        moving = np.ones(theta.shape[0], dtype=bool)
        for passes in range(_PASSES_SINGLE):
            d = block.direct(g)
            decrement = np.vecdot(g, d)
            shrunk = np.sqrt(np.maximum(decrement, 0.0) / np.maximum(last, _TINY))
            # Below that, single precision hides the rate.
            seen = moving & (decrement > _SINGLE_FLOOR) & np.isfinite(last)
            rate = np.where(seen, np.minimum(shrunk, 1.0), rate)
            moving &= np.isfinite(decrement) & (decrement > 0)
            theta += np.where(moving[:, None], d, 0.0)
            coming = decrement * np.clip(decrement / np.maximum(last, _TINY), _SHRINKING, 1.0)
            moving &= coming > _SINGLE_STEP
            if not np.any(moving):
                return rate, passes
            last = decrement
            new = self._sweeps.score(block.rows.single, theta)
            block.memory.remember(d, g - new, trusted=moving)
            g = new
        return rate, _PASSES_SINGLE

    def _settle(self, block: _Block, theta: F64, rate: F64) -> _End:
        """Move ``theta`` in place, in double precision, until what remains is within its bound."""
        R = theta.shape[0]
        state = workspace.take("state", (R, self.model.states, self.design.n), np.float64)
        g = self._sweeps.keep_state(block.rows.double, theta, state=state)
        moving, last = np.ones(R, dtype=bool), np.full(R, np.inf)
        passes = 0
        for _ in range(_PASSES_DOUBLE):
            d = block.direct(g)
            decrement = np.vecdot(g, d)
            gathered = self.model.concentrate(theta[:, block.layout.interest]).max(axis=1)
            weight = block.preconditioner.weight / gathered
            moving &= is_far(decrement, slow_down(rate, decrement, last), weight)
            if not np.any(moving):
                break
            last = decrement
            theta += np.where(moving[:, None], d, 0.0)
            new = self._score_again(block, theta, g, moving, state=state)
            block.memory.remember(d, g - new, trusted=moving)
            g = new
            passes += 1
        return _End(g, d, decrement, state, ~moving, passes)

    def _score_again(self, block: _Block, theta: F64, g: F64, moving: Bool, *, state: F64) -> F64:
        """Return the scores with those of the moving fits, and their state, brought up to date."""
        proteins = np.flatnonzero(moving.reshape(-1, self.F).any(axis=1))
        filled = np.concatenate([proteins, np.repeat(proteins[:1], -proteins.size % TILE)])
        fits = (filled[:, None] * self.F + np.arange(self.F)).ravel()
        shape = (fits.size, *state.shape[1:])
        renewed = workspace.take("state again", shape, np.float64)
        scores = self._sweeps.keep_state(block.rows.take(filled), theta[fits], state=renewed)
        new = g.copy()
        count = proteins.size * self.F
        new[fits[:count]] = scores[:count]
        state[fits[:count]] = renewed[:count]
        return new

    def _vary(self, block: _Block, end: _End) -> tuple[NDArray[np.float32], list[_Variance]]:
        """Return the weights after the last step, and the variances of the protein's coefficients
        there, one for each predictor.
        """
        R = end.step.shape[0]
        weights = workspace.take("weights", (R, self.model.predictors, self.design.n), np.float32)
        rows, sweeps, state = block.rows.single, self._sweeps, end.state
        variances: list[_Variance] = []
        for column in block.layout.interest.tolist():
            e = np.zeros_like(end.score)
            e[:, column] = 1.0
            v = block.direct(e)
            if variances:
                product = sweeps.curve(rows, v, state=state, weights=weights)
            else:
                product = sweeps.move_state(rows, end.step, v, state=state, weights=weights)
            self._refine(block, v, e - product, column=column, state=state, weights=weights)
            variances.append(self._finish(block, end, v, column=column))
        return weights, variances

    def _refine(
        self,
        block: _Block,
        v: F64,
        r: F64,
        *,
        column: int,
        state: F64,
        weights: NDArray[np.float32],
    ) -> None:
        """Move ``v``, which leaves ``r``, in place towards ``H^-1 e`` in single precision."""
        moving = block.present
        last = np.full(v.shape[0], np.inf)
        for passes in range(_PASSES_VARIANCE):
            d = block.direct(r)
            v += np.where(moving[:, None], d, 0.0)
            rest = np.maximum(np.vecdot(r, d), _TINY)
            coming = rest * np.clip(rest / last, _SHRINKING, 1.0)
            moving &= coming > _VARIANCE_REST / 2.0 * np.abs(v[:, column])
            if not np.any(moving) or passes + 1 == _PASSES_VARIANCE:
                break
            last = rest
            r -= self._sweeps.curve(block.rows.single, d, state=state, weights=weights)

    def _finish(self, block: _Block, end: _End, v: F64, *, column: int) -> _Variance:
        """Return the variance of a coefficient from ``v``, close to ``H^-1 e``, in double
        precision.
        """
        e = np.zeros_like(v)
        e[:, column] = 1.0
        variance, settled = v[:, column].copy(), np.zeros(v.shape[0], dtype=bool)
        remainder, present = e, block.present
        # The preconditioner, which the rest is measured by, is poorer where few rows carry a fit.
        bound = _VARIANCE_REST * np.clip(block.preconditioner.weight / _MANY, _LEAST_BELIEF, 1.0)
        for _ in range(_PASSES_DOUBLE):
            r = e - self._sweeps.curve_exactly(block.rows.double, v, state=end.state)
            remainder = np.where(settled[:, None], remainder, r)
            d = block.direct(r)
            rest = np.vecdot(r, d)
            variance = np.where(settled, variance, v[:, column] + np.vecdot(v, r) + rest)
            v += np.where(settled[:, None], 0.0, d)
            # What remains is smaller than the rest by the rate of the iteration.
            settled |= np.abs(rest) <= bound * np.abs(variance)
            if np.all(settled | ~present):
                break
        return _Variance(variance, np.vecdot(v, end.score), remainder, settled)

    def _certify(
        self,
        block: _Block,
        end: _End,
        variances: Sequence[_Variance],
        *,
        weights: NDArray[np.float32],
        estimate: F64,
        se: F64,
    ) -> Bool:
        """Say which fits have their certificate, by scales that the preconditioner has no part in.

        The squared step along ``H^-1 e``, over the variance, bounds the true decrement from below
        as the scores do; and so does what is left of e the error of the variance.
        """
        curvature = self._scale_columns(block, weights)
        scores = scale_scores(end.score, curvature)
        certified = end.settled.copy()
        for column, part in enumerate(variances):
            along = scale_scores(part.correction[:, None], part.variance[:, None])
            remainder = scale_scores(part.rest, curvature * part.variance[:, None])
            certified &= part.settled & (remainder <= 2.0 * _VARIANCE_REST)
            certified &= certify(
                decrement=end.decrement,
                scores=np.maximum(along, scores),
                estimate=estimate[:, column],
                se=se[:, column],
                bound=_DECREMENT,
                score_bound=_SCORE,
            )
        return certified

    def _scale_columns(self, block: _Block, weights: NDArray[np.float32]) -> F64:
        """Return the diagonal of the information ``(R, L k + t + L s)``."""
        R, L, n = weights.shape
        inflation = block.preconditioner.inflation
        covariates = self._scale.of_fits(weights.reshape(R * L, n), np.repeat(inflation, L))
        thresholds = np.tile(self._threshold_information, (block.rows.proteins, 1))
        return np.concatenate(
            [
                covariates.reshape(R, block.layout.sloped),
                thresholds / inflation[:, None],
                block.preconditioner.border_information,
            ],
            axis=1,
        )
