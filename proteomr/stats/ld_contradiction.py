"""Whether marginal effects contradict correlations, however strong and many the effects are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from proteomr._typing import F64
from proteomr.stats.ld_mismatch import Spectrum

__all__ = ["Contradiction", "weigh_contradiction"]

# Variances of effects and of contradiction, in units of a squared statistic's error: from none to
# |z| of a thousand; between two of them the likelihood changes by less than 0.2.
_GRID: Final = np.concatenate([[0.0], 10.0 ** np.arange(-2.0, 6.1, 0.25)])
_LARGEST_Z: Final = 1e3  # the end of the grid
_FLOOR: Final = 1e-6  # of eigenvalues: files round correlations
# With the people's own correlations it is below 8 in 99 of 100 simulated loci of 3 to 60 variants
# and one to three effects of |z| up to 90.
_LEAST_RATIO: Final = 8.0
# In loci of 60 and 150 variants correlations of 500 other people stay below 0.25 in nine of ten;
# names in another order, or a third of alleles turned, reach 0.4 and more in nine of ten.
_MOST_SHARE: Final = 0.35


@dataclass(frozen=True, slots=True)
class Contradiction:
    """How much of statistics correlations do not let expect.

    Parameters
    ----------
    share : of their mean square, at the maximum of likelihood.
    log_ratio : of likelihoods, against none.
    """

    share: float
    log_ratio: float

    @property
    def is_beyond_effects(self) -> bool:
        """Whether no effects of any size, reaching others through the correlations, explain it."""
        return self.log_ratio > _LEAST_RATIO

    @property
    def is_plain(self) -> bool:
        """Whether a third and more is contradicted, by more than chance."""
        return self.is_beyond_effects and self.share > _MOST_SHARE


def weigh_contradiction(z: F64, spectrum: Spectrum) -> Contradiction:
    r"""Return what part of statistics contradicts the correlations of their variants.

    .. math:: z \sim N(0, R + c R^2 + t I)

    where c is the variance of effects, each of which reaches the other variants through R, and t
    what does not come by R: variants in another order, turned alleles, other people. Without c, as
    in `proteomr.stats.ld_mismatch.estimate_mismatch`, two strong effects among a few variants are
    taken for a mismatch.

    Parameters
    ----------
    z : (p,) effect over standard error.
    spectrum : of R, see `proteomr.stats.ld_mismatch.decompose`.

    Examples
    --------
    >>> from proteomr.stats.ld_mismatch import decompose
    >>> r = 0.95 ** np.abs(np.subtract.outer(np.arange(40.0), np.arange(40.0)))
    >>> z = 30.0 * r[7] - 20.0 * r[25]
    >>> weigh_contradiction(z, decompose(r)).is_plain
    False
    >>> weigh_contradiction(z[::3].repeat(3)[:40], decompose(r[::-1][:, ::-1])).is_plain
    False
    >>> weigh_contradiction(np.roll(z, 9) * np.resize([1, 1, -1], 40), decompose(r)).is_plain
    True
    """
    largest = float(np.abs(z).max(initial=0.0))
    if largest > _LARGEST_Z:  # errors are nothing beside them: their ratios tell all
        z = z / largest * _LARGEST_Z
    values = np.maximum(spectrum.values, _FLOOR)
    squares = np.square(spectrum.vectors.T @ z)
    found = np.array([_weigh(values + c * values**2, squares) for c in _GRID])
    best = int(np.unravel_index(np.argmax(found), found.shape)[1])
    unit = max(float(np.square(z).mean()), 1.0)
    log_ratio = float(found.max() - found[:, 0].max())
    return Contradiction(float(_GRID[best]) / unit, log_ratio)


def _weigh(variance: F64, squares: F64) -> F64:
    """Return the log-likelihood for each further variance of the grid, but for a constant."""
    spread = variance + _GRID[:, None]
    return np.asarray(-0.5 * (np.log(spread) + squares / spread).sum(axis=1))
