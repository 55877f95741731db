"""Maximum likelihood with a constrained number of invalid variants (cML)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_above_zero
from proteomr.mr.methods.units import scale_positive
from proteomr.stats.line_likelihood import Points
from proteomr.stats.trimmed_lines import TrimmedFits, fit_by_turns, fit_globally
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["ConstrainedMaximumLikelihood", "Search"]

Search: TypeAlias = Literal["package", "global"]
"""How the fit with K invalid variants is found."""

_SEARCHES: tuple[Search, ...] = ("package", "global")
_PROLONGED = "the turns were continued: where the package ends them they had not settled"
_WEIGHTLESS = 1e-13  # of the weights together: less moves no average beyond rounding


@dataclass(frozen=True, slots=True)
class ConstrainedMaximumLikelihood(Method):
    r"""Slope with K invalid variants left free, averaged over K or at the best K.

    .. math::
        x_j \sim N(\mu_j, s_{xj}^2), \qquad y_j \sim N(\theta\mu_j + r_j, s_{yj}^2), \qquad
        \#\{j: r_j \ne 0\} \le K

    is maximised for each K from 0 to m - 2. With
    :math:`\mathrm{BIC}_K = -2\ell_K + K \log n`, the average weighs each K by
    :math:`\exp(-\mathrm{BIC}_K / 2)`, and its standard error is the weighted mean of
    :math:`\sqrt{s_K^2 + (\theta_K - \bar\theta)^2}`. A K whose information is not above zero takes
    no part. Normal p value. ``used`` are the variants held valid at the best K;
    ``details`` has ``invalid``, their complement's size.

    Source: Xue, Shen and Pan 2021, doi:10.1016/j.ajhg.2021.05.014.
    R: ``MendelianRandomization::mr_cML(DP = FALSE)`` 0.10.0: by turns over r, :math:`\mu` and
    :math:`\theta` from zero, until :math:`\theta` moves by no more than ``tolerance`` or for 100
    turns. Where that is no fixed point to 1e-4 standard errors (the package does not look), it is
    the one to which further turns lead, and a message says so.

    A variant that is left out is judged by its own x, one that is kept by its fitted
    :math:`\mu`, so that the turns tend to stay with the variants they began with.
    ``search="global"`` follows the best of many slopes, the variants' own ratios among them, to its
    optimum. The two differ where several groups of variants have ratios of their own, or where many
    variants are invalid.

    Assumptions: the valid variants are the largest group with the same ratio; no sample overlap.
    Limits: without perturbation of the data the choice of invalid variants is taken as certain, so
    that standard errors are too small where it is not; the package's search may end at a local
    maximum.

    Parameters
    ----------
    average : average over K; otherwise the K of least BIC.
    sample_size : n; the smallest of the data's known sample sizes if not given.
    search : the turns of the package, or the best of many slopes for each K.
    tolerance : of the package's search, in units of the effect.

    Examples
    --------
    >>> import polars as pl
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcd")}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3], [0.2]]), se_x=np.full((4, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.1, 0.15, 0.9]), se_y=np.full(4, 0.01),
    ... )
    >>> method = ConstrainedMaximumLikelihood(sample_size=10_000)
    >>> method.estimate(pair, random=np.random.default_rng()).used
    (0, 1, 2)
    """

    key: ClassVar[str] = "cml"
    label: ClassVar[str] = "Constrained maximum likelihood (cML)"
    reference: ClassVar[str] = "10.1016/j.ajhg.2021.05.014"
    aliases: ClassVar[tuple[str, ...]] = ("mr_cML",)
    min_variants: ClassVar[int] = 3
    needs_sample_size: ClassVar[bool] = True

    average: bool = True
    sample_size: float | None = None
    search: Search = "package"
    tolerance: float = 1e-7

    def __post_init__(self) -> None:
        if self.search not in _SEARCHES:
            raise UsageError(f"search {self.search!r} is none of {', '.join(_SEARCHES)}")
        check_above_zero("tolerance", self.tolerance)
        check_above_zero("sample_size", self.sample_size)

    def in_units(self, outcome: int, exposure: int) -> Self:
        """Return the method with its tolerance in the units of scaled effects."""
        return replace(self, tolerance=scale_positive(self.tolerance, exposure - outcome))

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope averaged over the numbers of invalid variants, or at the best."""
        del random
        n = self._sample_size(data)
        if not n > 1.0:
            message = "the sample size is needed for the criterion that chooses the valid variants"
            return refuse(Status.needs_sample_size, message, nsnp=data.m)
        points = Points(data.x, data.sx, data.beta_y, data.se_y)
        fits = self._search(points, price=math.log(n))
        if not np.isfinite(fits.se).any():
            message = "no number of invalid variants leaves information on the slope"
            return refuse(Status.not_identified, message, nsnp=data.m)
        doubtful = fits.list_doubtful(least=self._least)
        if doubtful.size:
            message = f"with {doubtful[0]} invalid variants: {fits.doubts[doubtful[0]]}"
            return refuse(Status.not_converged, message, nsnp=data.m)
        return self._conclude(fits)

    @property
    def _least(self) -> float:
        """Weight from which a fit takes part in the estimate."""
        return _WEIGHTLESS if self.average else 1.0

    def _search(self, points: Points, *, price: float) -> TrimmedFits:
        match self.search:
            case "package":
                return fit_by_turns(
                    points, price=price, tolerance=self.tolerance, least=self._least
                )
            case "global":
                return fit_globally(points, price=price)

    def _conclude(self, fits: TrimmedFits) -> Estimate:
        best = fits.best
        slope, error = float(fits.slopes[best]), float(fits.se[best])
        if self.average:
            usable = np.isfinite(fits.se)
            slope = float(np.sum(fits.weights[usable] * fits.slopes[usable]))
            spread = np.sqrt(fits.se[usable] ** 2 + (fits.slopes[usable] - slope) ** 2)
            error = float(np.sum(fits.weights[usable] * spread))
        valid = np.flatnonzero(fits.valid[best])
        m = fits.valid.shape[1]
        details = {"invalid": float(m - valid.size)}
        estimate = conclude(slope, error, nsnp=m, details=details, used=tuple(valid.tolist()))
        matters = fits.weights > _WEIGHTLESS if self.average else np.arange(fits.se.size) == best
        moved = bool((fits.prolonged & matters).any())
        return replace(estimate, message=_PROLONGED) if moved else estimate

    def _sample_size(self, data: Harmonised) -> float:
        if self.sample_size is not None:
            return self.sample_size
        sizes = np.array([data.n_y, *([] if data.n_x is None else data.n_x)])
        finite = sizes[np.isfinite(sizes)]
        return float(finite.min()) if finite.size else math.nan
