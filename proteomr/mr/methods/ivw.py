"""Inverse-variance weighted estimators: a line through the origin of the variants' effects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.mr.methods.base import Convention, refuse
from proteomr.mr.methods.block_method import Block, BlockMethod
from proteomr.mr.methods.estimate_block import EstimateBlock, conclude_block
from proteomr.mr.methods.heterogeneity import describe_columns
from proteomr.mr.methods.ranges import check_correlation
from proteomr.stats.robust_regression import fit_mm
from proteomr.stats.weighted_lines import fit_slopes, penalise_weights
from proteomr.status import Status

__all__ = [
    "Distribution",
    "InverseVarianceWeighted",
    "InverseVarianceWeightedFixed",
    "InverseVarianceWeightedRandom",
    "IvwModel",
    "IvwWeights",
]

IvwModel: TypeAlias = Literal["default", "random", "fixed"]
IvwWeights: TypeAlias = Literal["first_order", "delta"]
Distribution: TypeAlias = Literal["normal", "t"]

_PENALTY = {"first_order": 100.0, "delta": 20.0}  # those of MendelianRandomization 0.10.0


@dataclass(frozen=True, slots=True)
class InverseVarianceWeighted(BlockMethod):
    r"""Weighted regression of the effects on the outcome on those on the exposure, by the origin.

    .. math:: \hat\theta = \frac{\sum_j w_j x_j y_j}{\sum_j w_j x_j^2}, \quad
        w_j = \frac{1}{s_{yj}^2}, \quad Q = \sum_j w_j (y_j - \hat\theta x_j)^2, \quad
        s = \frac{\max(1, \hat\sigma)}{\sqrt{\sum_j w_j x_j^2}}, \quad
        \hat\sigma^2 = \frac{Q}{m - 1}

    Multiplicative random effects whose residual standard error counts as one at least: less
    scatter than chance allows does not make the estimate more precise. Normal p value.

    Source: Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758. R:
    ``TwoSampleMR::mr_ivw`` 0.7.9, ``MendelianRandomization::mr_ivw`` 0.10.0.

    Assumptions: every variant is a valid instrument, or their direct effects on the outcome average
    zero and are independent of their effects on the exposure (InSIDE).
    Limits: directional pleiotropy biases it; weak instruments bias it towards the null.

    Parameters
    ----------
    convention : "mendelianrandomization" makes "default" mean a fixed-effect model where there are
        fewer than four variants, and takes a single variant.
    model : "random" as above; "fixed" leaves :math:`\hat\sigma` out of s.
    weights : "delta" adds the exposure's uncertainty to the variance of :math:`y_j`:
        :math:`y^2 s_x^2/x^2 - 2 \psi s_x s_y y/x`. A variant without effect on the exposure then
        has no weight.
    psi : correlation of the two estimates of a variant, from overlapping samples.
    penalised : multiply weights by :math:`\min(1, f p_j)`, with :math:`p_j` the chi-squared p value
        of the variant's distance from the median ratio; f is 100, or 20 with delta weights.
        No heterogeneity is then reported.
    robust : MM-estimation with Tukey's bisquare, as ``robustbase::lmrob``.
    distribution : "t" takes p and limits from Student's t with m - 1 degrees of freedom.

    Examples
    --------
    >>> import polars as pl
    >>> from proteomr.tables import Harmonised
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02),
    ... )
    >>> fit = InverseVarianceWeighted().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4), round(fit.se, 4), round(fit.details["q"], 4)
    (0.4929, 0.0535, 0.4821)
    """

    key: ClassVar[str] = "ivw"
    label: ClassVar[str] = "Inverse variance weighted"
    reference: ClassVar[str] = "10.1002/gepi.21758"
    aliases: ClassVar[tuple[str, ...]] = ("mr_ivw", "IVW")
    min_variants: ClassVar[int] = 2

    convention: Convention = "twosamplemr"
    model: IvwModel = "default"
    weights: IvwWeights = "first_order"
    psi: float = 0.0
    penalised: bool = False
    robust: bool = False
    distribution: Distribution = "normal"

    def __post_init__(self) -> None:
        check_correlation(self.psi)

    @property
    def fewest(self) -> int:
        """Variants needed: one by MendelianRandomization's convention."""
        return 1 if self.convention == "mendelianrandomization" else self.min_variants

    def fit_block(self, block: Block, /) -> EstimateBlock:
        """Return the estimate of every pair of a block."""
        lines = _fit(self, block)
        few = self.convention == "mendelianrandomization" and block.m < 4
        fixed = self.model == "fixed" or (self.model == "default" and few)
        se = lines.unit_se if fixed else lines.unit_se * np.maximum(1.0, lines.sigma)
        return _conclude(self, lines, block.m, se=se)


@dataclass(frozen=True, slots=True)
class InverseVarianceWeightedFixed(BlockMethod):
    r"""Inverse-variance weighted estimate with the standard error of a fixed-effect meta-analysis.

    As `InverseVarianceWeighted` with :math:`s = 1 / \sqrt{\sum_j w_j x_j^2}`.

    Source: Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758. R:
    ``TwoSampleMR::mr_ivw_fe`` 0.7.9.

    Assumptions: every variant is a valid instrument and estimates the same effect.
    Limits: the standard error is too small where the variants' ratios are heterogeneous.
    """

    key: ClassVar[str] = "ivw_fe"
    label: ClassVar[str] = "Inverse variance weighted (fixed effects)"
    reference: ClassVar[str] = "10.1002/gepi.21758"
    aliases: ClassVar[tuple[str, ...]] = ("mr_ivw_fe", "IVW (fixed effects)")
    min_variants: ClassVar[int] = 2

    def fit_block(self, block: Block, /) -> EstimateBlock:
        """Return the estimate of every pair of a block."""
        options = InverseVarianceWeighted()
        lines = _fit(options, block)
        return _conclude(options, lines, block.m, se=lines.unit_se)


@dataclass(frozen=True, slots=True)
class InverseVarianceWeightedRandom(BlockMethod):
    r"""Inverse-variance weighted estimate with multiplicative random effects and no floor.

    As `InverseVarianceWeighted` with :math:`s = \hat\sigma / \sqrt{\sum_j w_j x_j^2}`, also where
    :math:`\hat\sigma < 1`.

    Source: Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758. R:
    ``TwoSampleMR::mr_ivw_mre`` 0.7.9.

    Assumptions: those of `InverseVarianceWeighted`.
    Limits: under-dispersion by chance gives a standard error below that of fixed effects; with two
    or three variants it may come near zero.
    """

    key: ClassVar[str] = "ivw_mre"
    label: ClassVar[str] = "Inverse variance weighted (multiplicative random effects)"
    reference: ClassVar[str] = "10.1002/gepi.21758"
    aliases: ClassVar[tuple[str, ...]] = ("mr_ivw_mre", "IVW (random effects)")
    min_variants: ClassVar[int] = 2

    def fit_block(self, block: Block, /) -> EstimateBlock:
        """Return the estimate of every pair of a block."""
        options = InverseVarianceWeighted()
        lines = _fit(options, block)
        return _conclude(options, lines, block.m, se=lines.unit_se * lines.sigma)


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Lines through the origin of k pairs, (k,) each; whether each is one, and its weightless."""

    slope: F64
    unit_se: F64
    sigma: F64
    q: F64
    df: F64
    converged: Bool


def _fit(options: InverseVarianceWeighted, block: Block) -> _Lines:
    x, y = block.x, block.y
    w = _weigh(options, block)
    if options.penalised:
        centre = np.median(y / x, axis=1, keepdims=True)
        factor = _PENALTY[options.weights]
        w = penalise_weights(w, deviations=w * (y - centre * x) ** 2, factor=factor)
        w = np.where(x == 0, 0.0, w)
    line = fit_slopes(x, y, weights=w)
    df = line.df.astype(np.float64)
    sigma = np.where(df > 0, np.sqrt(line.q / np.maximum(df, 1.0)), 1.0)
    lines = _Lines(line.slope, line.se, sigma, line.q, df, np.ones(df.size, dtype=np.bool_))
    return _fit_robustly(block, w, lines) if options.robust else lines


def _fit_robustly(block: Block, w: F64, lines: _Lines) -> _Lines:
    """Take the robust line of every pair that has a degree of freedom."""
    slope, unit_se, sigma, q = (
        column.copy() for column in (lines.slope, lines.unit_se, lines.sigma, lines.q)
    )
    converged = lines.converged.copy()
    for k in np.flatnonzero(lines.df > 0):
        fit = fit_mm(block.x[k][:, None], block.y[k], weights=w[k])
        slope[k], sigma[k], converged[k] = fit.coefficients[0], fit.scale, fit.converged
        unit_se[k], q[k] = fit.se[0] / fit.scale, fit.scale**2 * lines.df[k]
    return _Lines(slope, unit_se, sigma, q, lines.df, converged)


def _weigh(options: InverseVarianceWeighted, block: Block) -> F64:
    if options.weights == "first_order":
        return np.asarray(block.sy**-2.0)
    noise = block.y * block.sx / block.x
    w = 1.0 / (block.sy**2 + noise**2 - 2.0 * options.psi * block.sy * noise)
    return np.where(block.x == 0, 0.0, w)


def _conclude(options: InverseVarianceWeighted, lines: _Lines, m: int, *, se: F64) -> EstimateBlock:
    by_t = options.distribution == "t"
    df = np.where(lines.df > 0, lines.df, np.inf) if by_t else None
    estimates = conclude_block(
        lines.slope,
        se,
        nsnp=m,
        df=df,
        details={"residual_se": lines.sigma},
        tests=describe_columns(lines.q, lines.df),
        tested=(lines.df > 0) & (not options.penalised),
    )
    notes = {
        int(k): f"{m - 1 - int(lines.df[k])} variants without effect have no weight"
        for k in np.flatnonzero(lines.df < m - 1)
    }
    text = "the robust regression has not converged"
    refusals = {
        int(k): refuse(Status.not_converged, text, nsnp=m) for k in np.flatnonzero(~lines.converged)
    }
    return replace(estimates, notes=notes, refusals=refusals)
