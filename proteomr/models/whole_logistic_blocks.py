"""Logistic whole models of blocks: all proteins of a block climb together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, Problem
from proteomr.models.family import FitOptions
from proteomr.models.whole import WholeFit
from proteomr.models.whole_blocks import (
    BlockColumns,
    FoundModels,
    SharedColumns,
    compute_wald,
    lay_out_shared,
    prepare_columns,
)
from proteomr.stats.logistic import means_of
from proteomr.stats.logistic_base import fit_base
from proteomr.stats.logistic_block import LogisticPeak, climb_logistic, invert_each
from proteomr.stats.logistic_passes import LogisticPasses
from proteomr.stats.nested_tests import NestedTest, refer_chi2

__all__ = ["LogisticBlocks"]

# MacKinnon and White (1985).
_POWERS = {"HC0": 0.0, "HC1": 0.0, "HC2": 0.5, "HC3": 1.0}
# What a leverage leaves of 1: below, a person has no HC2 or HC3 residual.
_SATURATED = 1e-8


@dataclass(frozen=True, slots=True)
class LogisticBlocks:
    """The covariates of a problem, laid out for whole models of blocks.

    Attributes
    ----------
    starts : coefficients of the covariates alone ``(F, k)``, for each adjustment set.
    """

    problem: Problem
    options: FitOptions
    shared: tuple[SharedColumns, ...]
    starts: tuple[F64, ...]

    @classmethod
    def prepare(cls, problem: Problem, options: FitOptions) -> LogisticBlocks | None:
        """Lay out a problem; None where blocks cannot be asked what is asked."""
        if options.firth == "always" or options.errors not in {"classical", *_POWERS}:
            return None
        shared, starts = [], []
        for columns in lay_out_shared(problem):
            bases = [
                fit_base(columns.design, problem.targets[problem.models[m].target].values)
                for m in columns.models
            ]
            found = [base.coefficients for base in bases if base is not None]
            if len(found) == len(bases) and columns.modifiers is not None:
                shared.append(columns)
                starts.append(np.stack(found))
        return cls(problem, options, tuple(shared), tuple(starts))

    def find(self, block: Block, able: Bool) -> Iterator[FoundModels]:
        """Yield what is found of the models that are able ``(b, m)``."""
        nonlinear = self.options.further.nonlinear
        for shared, starts in zip(self.shared, self.starts, strict=True):
            proteins = np.flatnonzero(np.any(able[:, list(shared.models)], axis=1))
            if proteins.size:
                some = block.take(proteins)
                columns = prepare_columns(self.problem, some, None, nonlinear=nonlinear)
                yield _Work(self, shared, some, columns).find(starts, proteins)


class _Work:
    """The models of one adjustment set for some proteins of a block."""

    def __init__(
        self, of: LogisticBlocks, shared: SharedColumns, block: Block, columns: BlockColumns
    ) -> None:
        problem = of.problem
        self.options, self.terms = of.options, problem.terms
        self.shared, self.columns, self.counts = shared, columns, block.counts
        self.mask = block.observed.astype(np.float64)
        if problem.weights is not None:
            self.mask *= problem.weights
        targets = [problem.targets[problem.models[m].target].values for m in shared.models]
        self.responses = np.stack(targets)
        self.passes = LogisticPasses(shared.design, self.responses, columns.borders, self.mask)

    def find(self, starts: F64, proteins: I64) -> FoundModels:
        """Climb, test, and bring the coefficients back to the units of the data."""
        asked, classical = self.options.further, self.options.errors == "classical"
        start, F = self.passes.start(starts), len(self.shared.models)
        names, spline = set(asked.joint_tests), asked.nonlinear is not None
        null = line = None
        if names & {"lr", "score"} or (spline and classical):
            wanted = "score" in names
            null = climb_logistic(self.passes, start, held=self.terms, informed=wanted)
            start = null.tracks
        whole = self.options.coefficients or asked.additive or "wald" in names
        if whole or spline or "lr" in names:
            # with the null alone, or the spline, it says whether the columns can be told apart
            line = climb_logistic(self.passes, start, informed=True)
        settled = self._find_settled([peak for peak in (null, line) if peak is not None])
        tests: dict[str, list[NestedTest | None]] = {}
        if null is not None and line is not None and "lr" in names:
            tests["lr"] = _compare(line, null, np.full(settled.size, self.terms))
        if null is not None and "score" in names:
            tests["score"] = self._score(null)
        fits: list[WholeFit | None] | None = None
        if line is not None and whole:
            covariance = self._estimate_covariance(self.passes, line)
            settled &= np.isfinite(covariance).all(axis=(1, 2))
            if "wald" in names:
                last = np.arange(self.passes.p - self.terms, self.passes.p)
                tests["wald"] = self._test_wald(line, covariance, last)
            fits = [
                self.columns.units.bring_back(
                    self.shared, r // F, line.tracks.theta[r], covariance[r], np.inf
                )
                for r in range(settled.size)
            ]
        if spline and line is not None:
            bent, more = self._bend(line, null)
            tests, settled = {**tests, **more}, settled & bent
        models = np.array(self.shared.models)
        at = np.arange(settled.size)
        return FoundModels(proteins[at // F], models[at % F], settled, tests, fits)

    def _find_settled(self, peaks: list[LogisticPeak]) -> Bool:
        settled = np.logical_and.reduce([peak.settled for peak in peaks])
        settled &= np.repeat(self.counts > self.passes.p, len(self.shared.models))
        # whether all columns can be told apart, also where none but the null is climbed
        return np.asarray(
            settled & np.isfinite(invert_each(peaks[-1].information)).all(axis=(1, 2))
        )

    def _score(self, null: LogisticPeak) -> list[NestedTest | None]:
        inverse = invert_each(null.information)
        statistic = np.einsum("rp,rpq,rq->r", null.score, inverse, null.score)
        return [refer_chi2(float(each), self.terms) for each in statistic]

    def _test_wald(
        self, peak: LogisticPeak, covariance: F64, tested: I64
    ) -> list[NestedTest | None]:
        pairs = zip(peak.tracks.theta, covariance, strict=True)
        return [compute_wald(theta, each, np.inf, tested) for theta, each in pairs]

    def _estimate_covariance(self, passes: LogisticPasses, peak: LogisticPeak) -> F64:
        """Return covariances of the kind that is asked for ``(R, p, p)``, NaN without."""
        inverse = invert_each(peak.information)
        kind, tracks = self.options.errors, peak.tracks
        if kind == "classical":
            return inverse
        eta = passes.times(tracks.proteins, tracks.theta)
        mu = means_of(eta)
        mask = self.mask[tracks.proteins]
        residuals = mask * (self.responses[tracks.responses] - mu)
        if _POWERS[kind]:
            weights = mask * mu * means_of(-eta)
            left = 1.0 - weights * passes.squares(tracks.proteins, inverse)
            inverse[(left < _SATURATED).any(axis=1)] = np.nan
            residuals = residuals / np.maximum(left, _SATURATED) ** _POWERS[kind]
        meat = passes.cross(tracks.proteins, np.square(residuals))
        n = np.repeat(self.counts, len(self.shared.models)).astype(np.float64)
        factor = n / np.maximum(n - passes.p, 1.0) if kind == "HC1" else np.ones(n.size)
        return np.asarray(factor[:, None, None] * (inverse @ meat @ inverse))

    def _bend(
        self, line: LogisticPeak, null: LogisticPeak | None
    ) -> tuple[Bool, dict[str, list[NestedTest | None]]]:
        """Climb with the spline; return what is settled and the tests of it."""
        bends, bent = self.columns.bends, self.columns.bent
        if bends is None or bent is None:
            raise ValueError("columns without a spline")
        borders = np.concatenate([self.columns.borders, bends], axis=1)
        passes = LogisticPasses(self.shared.design, self.responses, borders, self.mask)
        more = np.zeros((line.tracks.theta.shape[0], bends.shape[1]))
        theta = np.concatenate([line.tracks.theta, more], axis=1)
        curve = climb_logistic(passes, replace(line.tracks, theta=theta))
        is_bent = np.repeat(bent, len(self.shared.models))
        K = bends.shape[1]
        if null is not None:
            count = np.full(is_bent.size, K)
            nonlinear = _compare(curve, line, count)
            spline = _compare(curve, null, count + self.terms)
        else:
            covariance = self._estimate_covariance(passes, curve)
            last = np.arange(passes.p - K, passes.p)
            nonlinear = self._test_wald(curve, covariance, last)
            spline = self._test_wald(curve, covariance, np.arange(passes.p - K - 1, passes.p))
        found = {"nonlinear": nonlinear, "spline": spline}
        # without a spline there is no test of it, on no path
        tests = {
            name: [t if b else None for t, b in zip(each, is_bent, strict=True)]
            for name, each in found.items()
        }
        return curve.settled | ~is_bent, tests


def _compare(above: LogisticPeak, below: LogisticPeak, df: I64) -> list[NestedTest | None]:
    """Test by the ratio of likelihoods."""
    statistic = 2.0 * (above.value - below.value)
    return [refer_chi2(float(s), int(q)) for s, q in zip(statistic, df, strict=True)]
