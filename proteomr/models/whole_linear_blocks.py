"""Linear whole models of blocks, from the cross-products of all columns of each protein's rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, Problem
from proteomr.models.family import FitOptions, Scans
from proteomr.models.responses import respond_block
from proteomr.models.targets import Target
from proteomr.models.whole import WholeFit
from proteomr.models.whole_blocks import (
    FoundModels,
    SharedColumns,
    compute_wald,
    lay_out_shared,
    prepare_columns,
    standardise_observed,
)
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.nested_tests import NestedTest, compare_least_squares
from proteomr.stats.paired_rows import PairedRows

__all__ = ["LinearBlocks"]

# MacKinnon and White (1985).
_POWERS = {"HC0": 0.0, "HC1": 0.0, "HC2": 0.5, "HC3": 1.0}
# What a leverage leaves of 1: below, a person has no HC2 or HC3 residual.
_SATURATED = 1e-8
# Squares of sines between the columns of a fit, and the share of the response's square that they
# leave: below, cross-products have lost more than four of fifteen digits.
_PLAIN, _LEFT = 1e-4, 1e-4


@dataclass(frozen=True, slots=True)
class LinearBlocks:
    """The covariates of a problem, laid out for whole models of blocks.

    Attributes
    ----------
    sides : where the protein stands, by model.
    """

    problem: Problem
    options: FitOptions
    sides: tuple[Scans, ...]
    shared: tuple[SharedColumns, ...]

    @classmethod
    def prepare(
        cls, problem: Problem, options: FitOptions, sides: tuple[Scans, ...]
    ) -> LinearBlocks | None:
        """Lay out a problem; None where blocks cannot be asked what is asked."""
        if options.errors not in {"classical", *_POWERS}:
            return None
        shared = (each for each in lay_out_shared(problem) if each.modifiers is not None)
        return cls(problem, options, sides, tuple(shared))

    def find(self, block: Block, able: Bool) -> Iterator[FoundModels]:
        """Yield what is found of the models that are able ``(b, m)``."""
        for shared in self.shared:
            for m in shared.models:
                proteins = np.flatnonzero(able[:, m])
                if proteins.size:
                    target = self.problem.targets[self.problem.models[m].target]
                    work = _Work(self, shared, m, block.take(proteins), target)
                    yield work.find(proteins, m)


class _Work:
    """One model for some proteins of a block."""

    def __init__(
        self, of: LinearBlocks, shared: SharedColumns, m: int, block: Block, target: Target
    ) -> None:
        response = of.sides[m] == "response"
        self.options, self.terms, self.shared = of.options, of.problem.terms, shared
        self.counts = block.counts
        term = target.values if response else None
        nonlinear = of.options.further.nonlinear
        self.columns = prepare_columns(of.problem, block, term, nonlinear=nonlinear)
        observed = block.observed
        y = block.values if response else respond_block(target, observed)[0]
        standard, mean, scale = standardise_observed(y[:, None], observed)
        self.y, self.y_mean, self.y_scale = standard[:, 0], mean[:, 0], scale[:, 0]
        self.mask = observed.astype(np.float64)
        if of.problem.weights is not None:
            self.mask *= of.problem.weights / of.problem.weights.mean()
        self.every = np.arange(y.shape[0])

    def find(self, proteins: I64, m: int) -> FoundModels:
        """Fit, test, and bring the coefficients back to the units of the data."""
        asked, columns = self.options.further, self.columns
        line = self._fit(columns.borders)
        settled, tests = line.sound.copy(), dict[str, list[NestedTest | None]]()
        last = np.arange(line.p - self.terms, line.p)
        for kind in asked.joint_tests:
            tests[kind] = self._test(line, last, kind)
        if columns.bends is not None and columns.bent is not None:
            curve = self._fit(np.concatenate([columns.borders, columns.bends], axis=1))
            K = columns.bends.shape[1]
            for name, count in (("nonlinear", K), ("spline", K + self.terms)):
                found = self._test(curve, np.arange(curve.p - count, curve.p), "wald")
                pairs = zip(found, columns.bent, strict=True)
                tests[name] = [test if bent else None for test, bent in pairs]
            settled &= curve.sound | ~columns.bent
        fits = self._list_fits(line) if self.options.coefficients or asked.additive else None
        models = np.full(proteins.size, m)
        return FoundModels(proteins, models, settled, tests, fits)

    def _fit(self, borders: F64) -> _Fits:
        """Fit all proteins from their cross-products."""
        rows = PairedRows(self.shared.design, np.concatenate([borders, self.y[:, None]], axis=1))
        weights = self.mask
        G = rows.cross(self.every, weights)
        p = rows.p - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.sqrt(np.einsum("bpp->bp", G))
            correlation = G / (scale[:, :, None] * scale[:, None, :])
            sound = np.isfinite(correlation).all(axis=(1, 2)) & (self.counts > p)
            correlation[~sound] = np.eye(p + 1)
            sound &= cholesky_pivots(correlation[:, :p, :p])[1] > _PLAIN
            correlation[~sound] = np.eye(p + 1)
            inverse = np.linalg.inv(correlation[:, :p, :p])
            inverse /= scale[:, :p, None] * scale[:, None, :p]
        inverse[~sound] = np.eye(p)
        theta = np.einsum("bpq,bq->bp", inverse, G[:, :p, p])
        rss = G[:, p, p] - np.einsum("bp,bp->b", theta, G[:, :p, p])
        sound &= rss > _LEFT * G[:, p, p]
        df = np.maximum(self.counts - p, 1).astype(np.float64)  # fewer are not sound
        covariance, sound = self._estimate_covariance(rows, theta, inverse, rss / df, sound)
        return _Fits(p, theta, inverse, rss, df, covariance, sound)

    def _estimate_covariance(
        self, rows: PairedRows, theta: F64, inverse: F64, variance: F64, sound: Bool
    ) -> tuple[F64, Bool]:
        kind, p = self.options.errors, theta.shape[1]
        if kind == "classical":
            return inverse * variance[:, None, None], sound
        minus = np.concatenate([theta, np.full((theta.shape[0], 1), -1.0)], axis=1)
        residuals = -self.mask * rows.times(self.every, minus)
        if _POWERS[kind]:
            wide = np.zeros((theta.shape[0], p + 1, p + 1))
            wide[:, :p, :p] = inverse
            left = 1.0 - self.mask * rows.squares(self.every, wide)
            sound = sound & (left >= _SATURATED).all(axis=1)
            residuals = residuals / np.maximum(left, _SATURATED) ** _POWERS[kind]
        meat = rows.cross(self.every, np.square(residuals))[:, :p, :p]
        n = self.counts.astype(np.float64)
        factor = n / np.maximum(n - p, 1.0) if kind == "HC1" else np.ones(n.size)
        return np.asarray(factor[:, None, None] * (inverse @ meat @ inverse)), sound

    def _test(self, fits: _Fits, tested: I64, name: str) -> list[NestedTest | None]:
        """Test coefficients of all proteins."""
        out: list[NestedTest | None] = []
        for i in range(fits.rss.size):
            if not fits.sound[i]:
                out.append(None)
            elif name == "wald":
                out.append(compute_wald(fits.theta[i], fits.covariance[i], fits.df[i], tested))
            else:
                at = np.ix_(tested, tested)
                b = fits.theta[i, tested]
                gain = float(b @ np.linalg.solve(fits.inverse[i][at], b))
                rss, n = float(fits.rss[i]), int(self.counts[i])
                compared = compare_least_squares(
                    rss, rss + gain, n=n, df=int(fits.df[i]), tested=tested.size
                )
                out.append(compared[name])
        return out

    def _list_fits(self, fits: _Fits) -> list[WholeFit | None]:
        out: list[WholeFit | None] = []
        for i in range(fits.rss.size):
            fit = self.columns.units.bring_back(
                self.shared,
                i,
                fits.theta[i],
                fits.covariance[i],
                fits.df[i],
                by=float(self.y_scale[i]),
                shift=float(self.y_mean[i]),
            )
            out.append(fit if fits.sound[i] else None)
        return out


@dataclass(frozen=True, slots=True)
class _Fits:
    """Fits of b proteins on p columns.

    Attributes
    ----------
    theta, inverse, covariance : ``(b, p)``, ``(b, p, p)``: coefficients, the inverse of the
        cross-products, the covariance of the kind that is asked for.
    rss, df : ``(b,)``.
    sound : ``(b,)``, which have their digits.
    """

    p: int
    theta: F64
    inverse: F64
    rss: F64
    df: F64
    covariance: F64
    sound: Bool
