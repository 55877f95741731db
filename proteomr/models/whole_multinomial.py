"""All coefficients of multinomial models, of each level against the reference, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Block, Problem
from proteomr.models.extras import COEFFICIENTS, Found, list_coefficients
from proteomr.models.family import Scans
from proteomr.models.fits import FitBlock
from proteomr.models.whole import Fitted, WholeFit, WholeModel, lay_out_whole
from proteomr.stats.multinomial import MultinomialLimit, fit_multinomial_limit
from proteomr.status import Status

__all__ = ["MultinomialCoefficients"]


@dataclass(frozen=True, slots=True)
class MultinomialCoefficients:
    """Adds the table of all coefficients to the fits of blocks.

    Parameters
    ----------
    side : where proteins stand.
    """

    problem: Problem
    side: Scans

    def add(self, block: Block, fits: FitBlock) -> FitBlock:
        """Return the fits with the coefficients of all models that have an estimate."""
        found = Found({})
        able = (fits.status == Status.ok) | (fits.status == Status.separated)
        of_model = np.array([c.model for c in self.problem.coefficients])
        for m in range(len(self.problem.models)):
            for j in np.flatnonzero(able[:, of_model == m].any(axis=1)).tolist():
                self._enter(block, j, m, found)
        details = {**fits.details, COEFFICIENTS: list_coefficients(found)}
        return replace(fits, details=details)

    def _enter(self, block: Block, j: int, m: int, found: Found) -> None:
        """Enter the coefficients of one model of one protein, level by level."""
        model = lay_out_whole(self.problem, block, j, m, side=self.side)
        target = self.problem.targets[self.problem.models[m].target]
        codes = target.values[model.rows].astype(np.int64)
        present = np.unique(codes)
        if present.size < 2 or present[0] != 0:
            return
        weights = None if self.problem.weights is None else model.weights
        levels = np.searchsorted(present, codes)
        for at, fit in _fit_levels(model, levels, present.size, weights):
            contrast = target.contrasts[int(present[at]) - 1]
            found.coefficients.append((j, m, model.names, fit, contrast))


def _fit_levels(
    model: WholeModel, levels: I64, K: int, weights: F64 | None
) -> Iterator[tuple[int, WholeFit]]:
    """Yield the coefficients of each level but the reference, NaN for those that run away."""
    n = model.X.shape[0]
    basis, triangle = np.linalg.qr(model.X / np.sqrt(n))
    limit = fit_multinomial_limit(basis * np.sqrt(n), levels, K, weights=weights)
    if not limit.settled or limit.complete:
        return
    back = np.linalg.inv(triangle)
    for at in range(1, K):
        theta = back @ limit.fit.coefficients[at - 1]
        covariance = back @ limit.fit.covariance[at - 1, :, at - 1] @ back.T
        finite = np.flatnonzero(_are_finite(limit, back, at - 1))
        fitted = Fitted(theta[finite], covariance[np.ix_(finite, finite)], finite, np.inf)
        yield at, model.spread(fitted)


def _are_finite(limit: MultinomialLimit, back: F64, level: int) -> F64:
    """Say which coefficients of a level have a finite estimate ``(p,)``."""
    out = np.empty(back.shape[0], dtype=bool)
    for c, row in enumerate(back):
        weights = np.zeros_like(limit.fit.coefficients)
        weights[level] = row
        out[c] = limit.is_finite(weights)
    return out
