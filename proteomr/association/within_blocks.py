"""The correlation of residuals within blocks, protein by protein, before any is fitted with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from proteomr.models.base import Block, Problem
from proteomr.models.exact import OneByOne, Regression, Solution, fit_one_by_one
from proteomr.models.fits import FitBlock, Refusal
from proteomr.models.linear import Linear
from proteomr.stats.block_correlation import Blocks
from proteomr.status import Status

__all__ = ["WithinBlocks"]

_TOO_FEW = "too few people or blocks for a correlation within them"


@dataclass(frozen=True, slots=True)
class WithinBlocks(Linear):
    """The linear models of a scan, whose estimates are correlations within blocks, by REML.

    Not a family of regressions of its own: what a scan with blocks runs before its fits.

    Examples
    --------
    >>> WithinBlocks().tables
    ()
    """

    @property
    def tables(self) -> tuple[str, ...]:
        """No further tables."""
        return ()

    def prepare(self, problem: Problem) -> OneByOne:
        """Share nothing: every protein has its own correlation."""
        return OneByOne(problem)

    def fit_block(self, state: OneByOne, block: Block) -> FitBlock:  # type: ignore[override]
        """Estimate the correlation of every model and protein, one for all its coefficients."""
        problem = state.problem
        if problem.blocks is None:
            raise ValueError("a correlation within blocks needs blocks")
        empty = FitBlock.empty(block.values.shape[0], len(problem.coefficients))
        found = np.full(empty.n.shape, np.nan)
        solve = partial(_correlate, lowest=Blocks(problem.blocks).lowest)
        fits = fit_one_by_one(
            problem,
            block,
            solve=solve,
            side_of_protein=self.side_of_protein,
            fits=replace(empty, sigma=found),
        )
        fits.estimate[:] = found
        fits.se[~np.isnan(found)] = 1.0
        return fits


def _correlate(regression: Regression, *, lowest: float) -> Solution | Refusal:
    """Return the correlation of one regression in the place of its residual deviation.

    With weights it is the correlation of what the roots of the weights bring to one variance.
    """
    codes = np.arange(regression.y.size) if regression.blocks is None else regression.blocks
    root = np.sqrt(regression.weights)
    found = Blocks(codes).estimate(regression.X * root[:, None], regression.y * root, lowest=lowest)
    if np.isnan(found):
        return Refusal(Status.too_few, _TOO_FEW)
    one, none = np.ones(regression.X.shape[1]), np.full(regression.X.shape[1], np.nan)
    return Solution(one, one, one, none, none, sigma=found)
