"""Firth's logistic estimates of all proteins: blocks of fits, each with its own information.

The numbers are those of the exact path (:func:`proteomr.stats.firth.fit_firth` and the profile of
each fit), to which goes whatever has no certificate here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, FitBlock, Problem
from proteomr.models.cells import describe_aliased
from proteomr.models.logistic_whole import WholeDesign, lay_out_designs
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.firth_block import fit_firth_block
from proteomr.stats.linalg import change_units

__all__ = ["FirthState"]


@dataclass(frozen=True, slots=True)
class FirthState:
    """The problem, and the designs of its adjustment sets.

    Attributes
    ----------
    designs : one for each adjustment set in use.
    level : coverage of the profile intervals.
    """

    problem: Problem
    designs: tuple[WholeDesign, ...]
    level: float

    @classmethod
    def prepare(cls, problem: Problem, *, level: float) -> FirthState:
        """Lay out the covariates and fit the responses to them alone."""
        return cls(problem, lay_out_designs(problem), level)

    def enter(self, block: Block, scale: F64, open_fits: Bool, fits: FitBlock) -> None:
        """Enter what of the open fits ``(b, m)`` has its certificate; they are open no more.

        Parameters
        ----------
        block : standardised, by ``scale (b,)``.
        """
        for design in self.designs:
            proteins = np.flatnonzero(np.any(open_fits[:, list(design.models)], axis=1))
            if proteins.size:
                self._enter(design, block.take(proteins), proteins, scale, open_fits, fits)

    def _enter(
        self,
        design: WholeDesign,
        block: Block,
        proteins: I64,
        scale: F64,
        open_fits: Bool,
        fits: FitBlock,
    ) -> None:
        passes = design.ready(block)
        found = fit_firth_block(passes, passes.start(design.starts), level=self.level)
        enough = block.counts > passes.p
        said = describe_aliased(design.aliased)
        F = len(design.models)
        minus_log = neg_log10_p_chi2(np.nan_to_num(found.ratio), np.ones(found.ratio.size))
        for position, m in enumerate(design.models):
            at = np.arange(position, found.estimate.size, F)
            good = found.settled[at] & enough & open_fits[proteins, m]
            chosen, at = proteins[good], at[good]
            per = scale[chosen]
            estimate, se = (change_units(part[at], per=per) for part in (found.estimate, found.se))
            fits.accept(chosen, m, estimate=estimate, se=se)
            fits.conf_low[chosen, m] = change_units(found.low[at], per=per)
            fits.conf_high[chosen, m] = change_units(found.high[at], per=per)
            if fits.neg_log10_p is not None:
                fits.neg_log10_p[chosen, m] = minus_log[at]
            open_fits[chosen, m] = False
            if said:
                fits.messages.update(dict.fromkeys(((int(j), m) for j in chosen), said))
