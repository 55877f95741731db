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
from proteomr.stats.block_rows import BlockRows, Share
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.quasi_newton import (
    Preconditioner,
    StepMemory,
    is_far,
    share_observed,
    slow_down,
)
from proteomr.stats.row_models import Base, Layout, RowModel, Rows, check_base
from proteomr.stats.row_sweeps import RowSweeps
from proteomr.stats.score_scale import ScoreScale
from proteomr.stats.shared_information import SharedInformation
from proteomr.stats.workspace import workspace

__all__ = ["BatchedRegressions", "BlockEstimate"]

_Single = NDArray[np.float32]

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
    """What all passes of a block share.

    Attributes
    ----------
    present : which fits have any row ``(R,)``; those that fill a tile have none.
    """

    double: Rows
    single: Rows
    layout: Layout
    present: Bool
    preconditioner: Preconditioner
    memory: StepMemory

    def direct(self, g: F64) -> F64:
        """Return the quasi-Newton direction for scores."""
        return self.memory.direct(self.preconditioner, g)


@dataclass(frozen=True, slots=True)
class _End:
    """Where the passes end: score and step ``(R, L k + t + L s)``, decrements, the state ``(R, M,
    n)`` and the weights ``(R, L, n)``, and which fits are within their bound.

    The step is the last one, and is not taken yet.
    """

    score: F64
    step: F64
    decrement: F64
    state: F64
    weights: _Single
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

    def fit(self, laid_out: BlockRows) -> BlockEstimate:
        """Fit every protein of a block to every response."""
        wanted, proteins = laid_out.wanted, laid_out.proteins
        double, single = laid_out.double(self._response), laid_out.single(self._response32)
        layout = self._sweeps.layout(double)
        share = share_observed(laid_out.observed, self.design.n)
        preconditioner, g = self._shared.precondition(single, share)
        present = np.repeat(laid_out.observed > 0.0, self.F)
        block = _Block(double, single, layout, present, preconditioner, StepMemory())
        gamma = np.zeros((g.shape[0], layout.size - layout.shared))
        theta = np.concatenate([np.tile(self._start, (proteins, 1)), gamma], axis=1)
        # What overflows or is no number has no certificate.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if self.model.reach == "cohort":
                # The residuals of the fit to covariates alone are not those of the rows observed.
                g = self._sweeps.score(single, theta)
            rate, passes = self._approach(block, theta, g)
            end = self._settle(block, theta, rate)
            variances = self._vary(block, end)
            correction = np.stack([each.correction for each in variances], axis=1)
            variance = np.stack([each.variance for each in variances], axis=1)
            estimate = theta[:, layout.interest] + correction
            se = np.sqrt(np.maximum(variance, 0.0))
            converged = self._certify(block, end, variances, estimate=estimate, se=se)
        shape = (proteins, self.F, layout.predictors)
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
        moving = block.present.copy()
        some = Share.whole(block.single, self.F)
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
            some = some.narrow(moving)
            new = some.put(g, self._sweeps.score(some.rows, some.take(theta)))
            block.memory.remember(d, g - new, trusted=moving)
            g = new
        return rate, _PASSES_SINGLE

    def _settle(self, block: _Block, theta: F64, rate: F64) -> _End:
        """Move ``theta`` in place, in double precision, until what remains is within its bound."""
        R, n = theta.shape[0], self.design.n
        state = workspace.take("state", (R, self.model.states, n), np.float64)
        weights = workspace.take("weights", (R, self.model.predictors, n), np.float32)
        rows = block.double
        g = self._sweeps.keep_state(rows, theta, state=state, weights=weights)
        some = Share.whole(rows, self.F)
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
            some = some.narrow(moving)
            new = some.put(g, self._score_again(some, theta, state=state, weights=weights))
            block.memory.remember(d, g - new, trusted=moving)
            g = new
            passes += 1
        return _End(g, d, decrement, state, weights, ~moving, passes)

    def _score_again(self, some: Share, theta: F64, *, state: F64, weights: _Single) -> F64:
        """Return the scores of some fits, and bring their state up to date."""
        new, new_weights = some.borrow("state", state), some.borrow("weights", weights)
        scores = self._sweeps.keep_state(
            some.rows, some.take(theta), state=new, weights=new_weights
        )
        some.give_back(state, new)
        some.give_back(weights, new_weights)
        return scores

    def _vary(self, block: _Block, end: _End) -> list[_Variance]:
        """Return the variances of the protein's coefficients after the last step, one for each
        predictor.
        """
        variances: list[_Variance] = []
        for column in block.layout.interest.tolist():
            v = self._refine(block, end, column=column)
            variances.append(self._finish(block, end, v, column=column, first=not variances))
        return variances

    def _refine(self, block: _Block, end: _End, *, column: int) -> F64:
        """Return ``H^-1 e`` to within single precision, with the curvature before the last step."""
        r = np.zeros_like(end.score)
        r[:, column] = 1.0
        v = block.direct(r)
        d = v
        moving, last = block.present.copy(), np.full(v.shape[0], np.inf)
        some = Share.whole(block.single, self.F)
        for _ in range(_PASSES_VARIANCE):
            r -= self._curve(some, d, end)
            d = block.direct(r)
            v = v + np.where(moving[:, None], d, 0.0)
            rest = np.maximum(np.vecdot(r, d), _TINY)
            coming = rest * np.clip(rest / last, _SHRINKING, 1.0)
            moving &= coming > _VARIANCE_REST / 2.0 * np.abs(v[:, column])
            if not np.any(moving):
                break
            last = rest
            if self._is_diagonal:
                some = some.narrow(moving)
        return v

    @property
    def _is_diagonal(self) -> bool:
        """Whether the weights are all of the curvature."""
        model = self.model
        return model.reach == "row" and model.predictors == 1 and model.thresholds == 0

    def _curve(self, some: Share, d: F64, end: _End) -> F64:
        """Return ``H d`` in single precision, 0 for other fits than some."""
        weights = some.lend("weights", end.weights)
        product = self._sweeps.curve(some.rows, some.take(d), state=end.state, weights=weights)
        return some.put(np.zeros_like(d), product)

    def _finish(self, block: _Block, end: _End, v: F64, *, column: int, first: bool) -> _Variance:
        """Return the variance of a coefficient from ``v``, close to ``H^-1 e``, in double
        precision.

        The first time the state takes the last step.
        """
        e = np.zeros_like(v)
        e[:, column] = 1.0
        variance, settled = v[:, column].copy(), ~block.present
        remainder = e
        some = Share.whole(block.double, self.F)
        sweeps, state = self._sweeps, end.state
        # The preconditioner, which the rest is measured by, is poorer where few rows carry a fit.
        bound = _VARIANCE_REST * np.clip(block.preconditioner.weight / _MANY, _LEAST_BELIEF, 1.0)
        for passes in range(_PASSES_DOUBLE):
            if first and passes == 0:
                product = sweeps.move_state(some.rows, end.step, v, state=state)
            else:
                lent = some.lend("state", state)
                product = some.put(
                    np.zeros_like(v), sweeps.curve_exactly(some.rows, some.take(v), state=lent)
                )
            r = e - product
            remainder = np.where(settled[:, None], remainder, r)
            d = block.direct(r)
            rest = np.vecdot(r, d)
            variance = np.where(settled, variance, v[:, column] + np.vecdot(v, r) + rest)
            v += np.where(settled[:, None], 0.0, d)
            # What remains is smaller than the rest by the rate of the iteration.
            settled |= np.abs(rest) <= bound * np.abs(variance)
            if np.all(settled):
                break
            some = some.narrow(~settled)
        return _Variance(variance, np.vecdot(v, end.score), remainder, settled)

    def _certify(
        self,
        block: _Block,
        end: _End,
        variances: Sequence[_Variance],
        *,
        estimate: F64,
        se: F64,
    ) -> Bool:
        """Say which fits have their certificate, by scales that the preconditioner has no part in.

        The squared step along ``H^-1 e``, over the variance, bounds the true decrement from below
        as the scores do; and so does what is left of e the error of the variance.
        """
        curvature = self._scale_columns(block, end.weights)
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
        thresholds = np.tile(self._threshold_information, (block.double.mask.shape[0], 1))
        return np.concatenate(
            [
                covariates.reshape(R, block.layout.sloped),
                thresholds / inflation[:, None],
                block.preconditioner.border_information,
            ],
            axis=1,
        )
