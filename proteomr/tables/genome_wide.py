"""What a pair of traits shows over the whole genome, beside the instruments of its analysis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from proteomr._typing import F64
from proteomr.errors import InputError

if TYPE_CHECKING:
    from proteomr.tables.harmonised import Harmonised

__all__ = ["GenomeWide"]


@dataclass(frozen=True, slots=True, eq=False)
class GenomeWide:
    """Variants drawn from all that two studies share, and the strongest ones for the exposure.

    Parameters
    ----------
    tops : independent variants of some significance for the exposure, the most significant of
        their neighbours each.
    beta_x, se_x, beta_y, se_y : (n,) effects of the variants drawn, in random order, per allele.

    Raises
    ------
    InputError
        Lengths differ, or an effect or standard error is not finite, or not above zero.
    """

    tops: Harmonised
    beta_x: F64
    se_x: F64
    beta_y: F64
    se_y: F64

    def __post_init__(self) -> None:
        arrays = (self.beta_x, self.se_x, self.beta_y, self.se_y)
        if any(array.shape != (self.n,) for array in arrays):
            raise InputError(f"effects of {self.n} variants do not fit {[a.shape for a in arrays]}")
        if not all(np.isfinite(array).all() for array in arrays):
            raise InputError("effects and standard errors of the genome are not all finite")
        if not ((self.se_x > 0).all() and (self.se_y > 0).all()):
            raise InputError("standard errors are above zero")

    @property
    def n(self) -> int:
        """Number of variants drawn."""
        return self.beta_y.size

    def scale(self, *, outcome: int, exposure: int) -> GenomeWide:
        """Return the same in other units: effects of the variants drawn over powers of two.

        Parameters
        ----------
        outcome, exposure : the powers.
        """
        return replace(
            self,
            beta_x=np.ldexp(self.beta_x, -exposure),
            se_x=np.ldexp(self.se_x, -exposure),
            beta_y=np.ldexp(self.beta_y, -outcome),
            se_y=np.ldexp(self.se_y, -outcome),
        )
