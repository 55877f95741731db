"""Maximum likelihood with a constrained number of invalid variants (cML)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr.errors import UsageError
from proteomr.mr.methods.base import Cell, Estimate, FurtherRows, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_above_zero
from proteomr.mr.methods.units import scale_positive
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.stats.line_likelihood import Points
from proteomr.stats.parametric_bootstrap import check_draws
from proteomr.stats.perturbed_fits import compare_errors, perturb_fits
from proteomr.stats.trimmed_lines import TrimmedFits, fit_by_turns, fit_globally
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["ConstrainedMaximumLikelihood", "Search"]

Search: TypeAlias = Literal["package", "global"]
"""How the fit with K invalid variants is found."""

_SEARCHES: tuple[Search, ...] = ("package", "global")
_PROLONGED = "the turns were continued: where the package ends them they had not settled"
_EVERY = 1e-300  # a weight that every fit exceeds: any may matter on average over the sets
_LEFT_OUT = 0.05  # share of sets: leaving out more may choose among the slopes
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

    With ``perturbations``, the whole is repeated on effects drawn anew: :math:`\theta_K` is the
    mean and :math:`s_K` the standard deviation over the sets, and K is judged by its mean
    criterion, so that the errors carry the doubt about which variants are invalid. The table
    ``model_fit`` has two tests of whether the error stated at the best K is that of the draws (see
    :func:`proteomr.stats.perturbed_fits.compare_errors`): a small p says that the estimate without
    perturbations is not to be trusted. A set with a fit that matters and has no certificate is left
    out and counted; more than one in twenty are ``not_converged``.

    Source: Xue, Shen and Pan 2021, doi:10.1016/j.ajhg.2021.05.014.
    R: ``MendelianRandomization::mr_cML(DP = FALSE)`` 0.10.0, and ``DP = TRUE`` with 200
    perturbations, where each K has draws of its own: by turns over r, :math:`\mu` and
    :math:`\theta` from zero, until :math:`\theta` moves by no more than ``tolerance`` or for 100
    turns. Where that is no fixed point to 1e-4 standard errors (the package does not look), it is
    the one to which further turns lead, and a message says so.

    A variant that is left out is judged by its own x, one that is kept by its fitted
    :math:`\mu`, so that the turns tend to stay with the variants they began with.
    ``search="global"`` follows the best of many slopes, the variants' own ratios among them, to its
    optimum. The two differ where several groups of variants have ratios of their own, or where many
    variants are invalid.

    Assumptions: the valid variants are the largest group with the same ratio; no sample overlap.
    Limits: without perturbations the choice of invalid variants is taken as certain, so
    that standard errors are too small where it is not; the package's search may end at a local
    maximum.

    Parameters
    ----------
    average : average over K; otherwise the K of least BIC.
    sample_size : n; the smallest of the data's known sample sizes if not given.
    search : the turns of the package, or the best of many slopes for each K.
    tolerance : of the package's search, in units of the effect.
    perturbations : sets of effects drawn anew; 0 for none.

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
    perturbations: int = 0

    def __post_init__(self) -> None:
        if self.search not in _SEARCHES:
            raise UsageError(f"search {self.search!r} is none of {', '.join(_SEARCHES)}")
        check_above_zero("tolerance", self.tolerance)
        check_above_zero("sample_size", self.sample_size)
        if self.perturbations:
            check_draws(self.perturbations)

    @property
    def drawing(self) -> bool:
        """Whether random numbers are drawn: for perturbations alone."""
        return self.perturbations > 0

    @property
    def further_tables(self) -> tuple[str, ...]:
        """Names of the further tables: that of the goodness of fit, where sets are drawn."""
        return ("model_fit",) if self.perturbations else ()

    def in_units(self, outcome: int, exposure: int) -> Self:
        """Return the method with its tolerance in the units of scaled effects."""
        return replace(self, tolerance=scale_positive(self.tolerance, exposure - outcome))

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope averaged over the numbers of invalid variants, or at the best."""
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
        found = self._conclude(fits)
        if not self.perturbations:
            return found
        return self._perturb(found, fits, points, price=math.log(n), random=random)

    @property
    def _least(self) -> float:
        """Weight from which a fit takes part in the estimate."""
        return _WEIGHTLESS if self.average else 1.0

    def _search(
        self, points: Points, *, price: float, fewest: int = 1, least: float | None = None
    ) -> TrimmedFits:
        match self.search:
            case "package":
                return fit_by_turns(
                    points,
                    price=price,
                    tolerance=self.tolerance,
                    least=self._least if least is None else least,
                    fewest=fewest,
                )
            case "global":
                return fit_globally(points, price=price, fewest=fewest)

    def _perturb(
        self,
        found: Estimate,
        fits: TrimmedFits,
        points: Points,
        *,
        price: float,
        random: Generator,
    ) -> Estimate:
        """Return the estimate of effects drawn anew, with the goodness of fit of the given ones."""
        drawn = perturb_fits(
            points,
            lambda one, fewest: self._search(one, price=price, fewest=fewest, least=_EVERY),
            draws=self.perturbations,
            price=price,
            random=random,
        )
        if drawn.left_out > _LEFT_OUT * self.perturbations:
            message = f"in {drawn.left_out} of {self.perturbations} sets drawn anew no fit is sure"
            return refuse(Status.not_converged, message, nsnp=found.nsnp)
        slope, error = drawn.average(every=self.average)
        best = min(fits.best, drawn.slopes.shape[1] - 1)
        tests = compare_errors(
            drawn.slopes[:, best], drawn.se[:, best], stated=float(fits.se[fits.best])
        )
        kept = self.perturbations - drawn.left_out
        minus_log = [float(neg_log10_p_normal(test)) for test in tests]
        details = dict(found.details) | {
            "perturbations": float(kept),
            "gof1_neg_log10_p": minus_log[0],
            "gof2_neg_log10_p": minus_log[1],
        }
        columns: dict[str, Sequence[Cell]] = {
            "test": ["gof1", "gof2"],
            "statistic": list(tests),
            "p_value": [float(p_from_neg_log10(one)) for one in minus_log],
            "neg_log10_p": minus_log,
            "perturbations": [kept, kept],
        }
        concluded = conclude(slope, error, nsnp=found.nsnp, details=details, used=found.used)
        return replace(
            concluded, message=found.message, further=(FurtherRows("model_fit", columns),)
        )

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
