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
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, Bool
from proteomr.stats.block_estimates import BlockEstimate, NullEstimate
from proteomr.stats.block_rows import BlockRows, Share
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.inverse_columns import (
    VARIANCE_REST,
    AtMaximum,
    BlockAtWork,
    End,
    InverseColumn,
    InverseColumns,
    combine,
)
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.quasi_newton import Beginning, StepMemory, is_far, slow_down
from proteomr.stats.row_models import Base, RowModel, check_base
from proteomr.stats.row_sweeps import RowSweeps
from proteomr.stats.sandwich_sums import RobustSums
from proteomr.stats.score_scale import ScoreScale
from proteomr.stats.shared_information import SharedInformation
from proteomr.stats.workspace import workspace

__all__ = ["BatchedRegressions"]

_Single = NDArray[np.float32]

# Squared steps in standard errors. Single precision rounds scores at about 1e-5 of an error: a step
# below that is noise, and rates are seen in steps three times as long.
_SINGLE_STEP, _SINGLE_FLOOR = 1e-10, 1e-9
# The rate assumed where none was seen, slower than that of any fit that needs so few passes.
_SLOWEST_UNSEEN = 0.1
# The last step is taken: what it leaves is of the order of its square.
_DECREMENT, _SCORE = 1e-8, 1e-8
# Of a robust variance to the classical one: below, as where the sums of two clusters cancel, what
# is left of an estimate's error weighs more than it does in a classical error.
_LEAST_RATIO = 0.1
# Logistic fits of odds ratios below 2 a standard deviation take up to 5 passes in single precision,
# 2 in double, and 3 for a variance; of 7 up to 10, 3 and 7; of 55 all there are, and of 150 none
# has settled. What needs more is further than its first information reaches, and cheaper one at a
# time with its own.
_PASSES_SINGLE, _PASSES_DOUBLE = 14, 8
# The next squared step is taken to be smaller by the ratio of the last two; that may be small by
# chance, and counts for no more than a thousand. The least that a ratio is taken to.
_SHRINKING, _TINY = 1e-3, 1e-300


class BatchedRegressions:
    """All fits of F responses on common covariates plus a border per protein.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    bases : the F fits to the covariates alone.
    model : what a row adds to score and curvature.
    carried : effective number of rows over their number, where rows have weights of their own
        (Kish 1965): ``(sum w)^2 / (n sum w^2)``.

    Raises
    ------
    ValueError : where a base is not of the shapes that the model declares.
    """

    def __init__(
        self,
        design: ChunkedDesign,
        bases: Sequence[Base],
        *,
        model: RowModel,
        carried: float = 1.0,
    ) -> None:
        for base in bases:
            check_base(base, model=model, n=design.n, k=design.k)
        self.design = design
        self.model = model
        self.F = len(bases)
        self._sweeps = RowSweeps(design, model)
        self._inverse = InverseColumns(self._sweeps, len(bases))
        self._response = np.stack([base.response for base in bases])
        self._response32 = self._response.astype(np.float32)
        self._start = np.stack([base.coefficients for base in bases])
        self._shared = SharedInformation(design, bases, carried)
        diagonals = [np.einsum("lln->ln", base.weights) for base in bases]
        self._scale = ScoreScale(design, np.concatenate(diagonals))
        self._threshold_information = np.stack(
            [base.thresholds.information if base.thresholds else np.empty(0) for base in bases]
        )

    def fit(
        self,
        laid_out: BlockRows,
        *,
        back: F64 | None = None,
        meat: RobustSums | None = None,
        likelihood: bool = False,
        begun: Beginning | None = None,
        keep: bool = False,
    ) -> BlockEstimate:
        """Fit every protein of a block to every response.

        Parameters
        ----------
        back : ``(P, P)``, what is wanted of the coefficients of the first P borders; None for that
            of the protein.
        meat : the sums of a robust covariance.
        likelihood : give the log-likelihoods.
        begun : what :meth:`begin` gave for the block and as many borders.
        keep : give the block at its maxima.
        """
        back = np.eye(1) if back is None else back
        # What overflows or is no number has no certificate.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if begun is None:
                begun = self.begin(laid_out, terms=back.shape[0])
            block, end, theta, passes = self._climb(laid_out, begun, sharply=meat is not None)
            value = self._weigh_evidence(block, end) if likelihood else None
            places = block.places
            mixed = np.kron(np.eye(block.layout.predictors), back)
            sharply = meat is not None
            solved = self._inverse.solve(block, end, places.tolist(), sharply=sharply)
            estimate = theta[:, places] + np.stack([each.correction for each in solved], axis=1)
            covariance = combine(solved)
            se = np.sqrt(np.maximum(np.einsum("rpp->rp", covariance), 0.0))
            converged = self._certify(block, end, solved, estimate=estimate, se=se)
            passes += end.passes
            covariance = mixed @ covariance @ mixed.T
            estimate, covariance, converged = self._shape(
                laid_out, estimate @ mixed.T, covariance, converged
            )
            found = BlockEstimate(estimate, covariance, converged, passes)
            if value is not None:
                found = replace(found, log_likelihood=self._shape(laid_out, value)[0])
            if keep:
                at = AtMaximum(block, theta + end.step, end.state, end.step, end.score)
                found = replace(found, at_maximum=at)
            if meat is None:
                return found
            columns = np.einsum("pq,qrk->prk", mixed, np.stack([each.v for each in solved]))
            sums = meat.sum_rows(block.double, list(columns), state=end.state)
            sandwich, carriers, sound = self._shape(laid_out, *sums)
            ratio = np.einsum("bfpp->bfp", sandwich) / np.einsum("bfpp->bfp", covariance)
            converged = converged & sound & np.all(ratio >= _LEAST_RATIO, axis=2)
            return replace(found, converged=converged, sandwich=sandwich, carriers=carriers)

    def begin(self, laid_out: BlockRows, *, terms: int) -> Beginning:
        """Return where the fits of a block start, for those with the first borders and without.

        Parameters
        ----------
        terms : how many: the protein, and its products.
        """
        unweighted = laid_out.unweighted(self._response32)
        return Beginning(
            *self._shared.precondition(unweighted, laid_out.share, terms=terms), terms=terms
        )

    def maximise(
        self, laid_out: BlockRows, begun: Beginning, *, scores: bool = False
    ) -> NullEstimate:
        """Fit every response without the first borders, on the rows that observe them.

        Parameters
        ----------
        scores : give Rao's score tests of these borders.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            block, end, _, _ = self._climb(laid_out, begun.without(), sharply=False)
            value = self._weigh_evidence(block, end)
            total, score = end.score, end.score.copy()
            score[:, block.places] = 0.0
            end = replace(end, score=score)
            one = np.ones((value.size, 1))
            converged = self._certify(block, end, (), estimate=value, se=one)
            rao = np.full(value.size, np.nan)
            if scores:
                rao = self._test_scores(replace(block, memory=StepMemory()), end, begun, total)
        return NullEstimate(*self._shape(laid_out, value, converged, rao))

    def _test_scores(self, block: BlockAtWork, end: End, begun: Beginning, score: F64) -> F64:
        """Return ``u' V^-1 u`` of the borders that stay out ``(R,)``: u their part of a Newton step
        from the fit without them, V that of the inverse information; NaN without a certificate.
        """
        block = replace(block, preconditioner=begun.preconditioner)
        whole = replace(end, score=score)
        solved = self._inverse.solve(block, whole, block.places.tolist())
        u, V = np.stack([each.correction for each in solved], axis=1), combine(solved)
        curvature = self._scale_columns(block, end.weights)
        sound = np.all([each.settled for each in solved], axis=0) & np.all(np.isfinite(u), axis=1)
        for each in solved:
            remainder = scale_scores(each.rest, curvature * each.variance[:, None])
            sound &= remainder <= 2.0 * VARIANCE_REST
        se = np.sqrt(np.einsum("rpp->rp", V))
        wald = test_jointly(u, se, V, np.full(u.shape[0], np.inf))[0]
        return np.where(sound, wald, np.nan)

    def _weigh_evidence(self, block: BlockAtWork, end: End) -> F64:
        """Return the log-likelihoods ``(R,)`` after the last step, which is not in the state yet.

        What is left out is of the third order in a step of 3e-5 standard errors at the most.
        """
        return self.model.log_likelihoods(block.double, end.state) + 0.5 * end.decrement

    def _climb(
        self, laid_out: BlockRows, begun: Beginning, *, sharply: bool
    ) -> tuple[BlockAtWork, End, F64, int]:
        """Return a block at work, where its passes end, and its coefficients ``(R, ...)`` there.

        Parameters
        ----------
        sharply : come closer to the maximum, for sums of squared residuals.
        """
        proteins = laid_out.proteins
        double, single = laid_out.double(self._response), laid_out.single(self._response32)
        layout = self._sweeps.layout(double)
        preconditioner, g = begun.preconditioner, begun.score
        if sharply:
            # Residuals move with an estimate's error as weights do, and add to it.
            preconditioner = replace(preconditioner, weight=preconditioner.weight / 4.0)
        present = np.repeat(np.arange(proteins) < laid_out.wanted, self.F)
        places = layout.places(begun.terms)
        block = BlockAtWork(double, single, layout, places, present, preconditioner, StepMemory())
        gamma = np.zeros((g.shape[0], layout.size - layout.shared))
        theta = np.concatenate([np.tile(self._start, (proteins, 1)), gamma], axis=1)
        if self.model.reach == "cohort":
            # The residuals of the fit to covariates alone are not those of the rows observed.
            g = self._sweeps.score(single, theta)
        rate, passes = self._approach(block, theta, g)
        return block, self._settle(block, theta, rate), theta, passes

    def _shape(self, laid_out: BlockRows, *of_fits: NDArray[Any]) -> tuple[Any, ...]:
        """Return arrays of fits ``(R, ...)`` as ``(B, F, ...)``, without what fills a tile."""
        shape = (laid_out.proteins, self.F)
        return tuple(x.reshape(*shape, *x.shape[1:])[: laid_out.wanted] for x in of_fits)

    def _approach(self, block: BlockAtWork, theta: F64, g: F64) -> tuple[F64, int]:
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

    def _settle(self, block: BlockAtWork, theta: F64, rate: F64) -> End:
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
            effects = theta[:, block.places]
            gathered = self.model.concentrate(effects).max(axis=1)
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
        return End(g, d, decrement, state, weights, ~moving, passes)

    def _score_again(self, some: Share, theta: F64, *, state: F64, weights: _Single) -> F64:
        """Return the scores of some fits, and bring their state up to date."""
        new, new_weights = some.borrow("state", state), some.borrow("weights", weights)
        scores = self._sweeps.keep_state(
            some.rows, some.take(theta), state=new, weights=new_weights
        )
        some.give_back(state, new)
        some.give_back(weights, new_weights)
        return scores

    def _certify(
        self,
        block: BlockAtWork,
        end: End,
        solved: Sequence[InverseColumn],
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
        if not solved:
            certified &= certify(
                decrement=end.decrement,
                scores=scores,
                estimate=estimate,
                se=se[:, 0],
                bound=_DECREMENT,
                score_bound=_SCORE,
            )
        for column, part in enumerate(solved):
            along = scale_scores(part.correction[:, None], part.variance[:, None])
            remainder = scale_scores(part.rest, curvature * part.variance[:, None])
            certified &= part.settled & (remainder <= 2.0 * VARIANCE_REST)
            certified &= certify(
                decrement=end.decrement,
                scores=np.maximum(along, scores),
                estimate=estimate[:, column],
                se=se[:, column],
                bound=_DECREMENT,
                score_bound=_SCORE,
            )
        return certified

    def _scale_columns(self, block: BlockAtWork, weights: NDArray[np.float32]) -> F64:
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
