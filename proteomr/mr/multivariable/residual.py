"""Direct effects by regression on what the other exposures leave of the outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.ranges import check_p_value
from proteomr.mr.multivariable.base import MultivariableMethod, fit_weighted
from proteomr.mr.multivariable.ivw import find_own_instruments
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["MultivariableResidual"]


@dataclass(frozen=True, slots=True)
class MultivariableResidual(MultivariableMethod):
    r"""Unweighted regression in two steps: outcome on the other exposures, then what is left.

    .. math:: r = y - X_{-k} (X_{-k}^T X_{-k})^{-1} X_{-k}^T y, \qquad
        \hat\theta_k = x_k^T r / x_k^T x_k

    Normal p value.

    Source: Burgess and Thompson 2015, doi:10.1093/aje/kwu283. R: ``TwoSampleMR::mv_residual`` and
    ``mv_basic`` 0.7.9.

    Assumptions: those of `proteomr.mr.multivariable.ivw.MultivariableIvw`, and exposures whose
    effects are uncorrelated over the variants.
    Limits: without weights, and biased towards zero where exposures are correlated, because the
    exposure itself is not adjusted; given for comparison with what has been published.

    Parameters
    ----------
    intercept : fit one in each step.
    own_instruments_p : use in the second step only the variants with a p value below this for the
        exposure; None for all.
    first_step_all : use all variants in the first step even so, as ``mv_basic``.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3"]}),
    ...     beta_x=np.array([[0.1, 0.0], [0.0, 0.2], [0.1, 0.1]]), se_x=np.full((3, 2), 0.01),
    ...     beta_y=np.array([0.05, 0.02, 0.07]), se_y=np.full(3, 0.01),
    ... )
    >>> fits = MultivariableResidual().estimate(data, random=np.random.default_rng(1))
    >>> [round(fit.estimate, 4) for fit in fits]
    [0.49, 0.1]
    """

    key: ClassVar[str] = "mv_residual"
    label: ClassVar[str] = "Multivariable residual regression"
    reference: ClassVar[str] = "10.1093/aje/kwu283"
    min_variants: ClassVar[int] = 2

    intercept: bool = False
    own_instruments_p: float | None = None
    first_step_all: bool = False

    def __post_init__(self) -> None:
        check_p_value("own_instruments_p", self.own_instruments_p)

    @property
    def fewest(self) -> int:
        """Variants that one exposure needs: one more with an intercept."""
        return self.min_variants + self.intercept

    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, in order."""
        del random
        every = np.ones(data.beta_x.shape, dtype=np.bool_)
        threshold = self.own_instruments_p
        own = every if threshold is None else find_own_instruments(data, threshold=threshold)
        first = every if self.first_step_all else own
        return tuple(
            self._estimate_one(data, k, first=first[:, k], second=own[:, k])
            for k in range(len(data.exposures))
        )

    def _estimate_one(self, data: Harmonised, k: int, *, first: Bool, second: Bool) -> Estimate:
        others = np.delete(data.beta_x, k, axis=1)[first]
        residuals = np.full(data.m, math.nan)
        outcome = data.beta_y[first]
        step = None
        if others.shape[1] or self.intercept:
            step = fit_weighted(self._design(others), outcome, weights=np.ones(outcome.size))
            residuals[first] = math.nan if step is None else step.residuals
        else:
            residuals[first] = outcome
        used = np.flatnonzero(second)
        fit = None
        if np.isfinite(residuals[used]).all():
            design = self._design(data.beta_x[used, k : k + 1])
            fit = fit_weighted(design, residuals[used], weights=np.ones(used.size))
        if fit is None or fit.df < 1:
            text = "too few variants, or collinear effects, in one of the two regressions"
            return refuse(Status.too_few, text, nsnp=used.size)
        se = float(fit.unit_se[0] * fit.sigma)
        return conclude(float(fit.coefficients[0]), se, nsnp=used.size, used=tuple(used.tolist()))

    def _design(self, columns: F64) -> F64:
        return np.column_stack([columns, np.ones((columns.shape[0], int(self.intercept)))])
