"""What comes of the fits of a block of proteins (:mod:`proteomr.stats.batched_regressions`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.inverse_columns import AtMaximum

__all__ = ["BlockEstimate", "NullEstimate"]


@dataclass(frozen=True, slots=True)
class BlockEstimate:
    """What came of the fits of a block.

    Attributes
    ----------
    estimate : ``(B, F, P)``, of what was asked of the first borders, by predictor.
    covariance : ``(B, F, P, P)``.
    sandwich : ``(B, F, P, P)``, the robust covariance, where one was asked for.
    carriers : ``(B, F, P)``, the effective number of rows, or clusters, behind each coefficient
        (:class:`proteomr.stats.sandwich.Sandwich`), with a robust covariance.
    converged : ``(B, F)``.
    log_likelihood : ``(B, F)``, at the maximum, where it was asked for.
    at_maximum : the block itself, where it was asked for.
    """

    estimate: F64
    covariance: F64
    converged: Bool
    passes: int
    sandwich: F64 | None = None
    carriers: F64 | None = None
    log_likelihood: F64 | None = None
    at_maximum: AtMaximum | None = None

    @property
    def se(self) -> F64:
        """Classical standard errors ``(B, F, P)``."""
        return np.asarray(np.sqrt(np.maximum(np.einsum("bfpp->bfp", self.covariance), 0.0)))


@dataclass(frozen=True, slots=True)
class NullEstimate:
    """What came of the fits of a block without their first borders.

    Attributes
    ----------
    log_likelihood, converged : ``(B, F)``.
    score : ``(B, F)``, Rao's statistic of these borders; NaN where none was asked for, or sure.
    """

    log_likelihood: F64
    converged: Bool
    score: F64
