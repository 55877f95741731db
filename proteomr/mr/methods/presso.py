"""Outliers by their residuals, and the slope without them (MR-PRESSO)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Cell, Estimate, FurtherRows, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.pleiotropy_residuals import (
    LeftOut,
    count_distortions,
    count_larger_sums,
    exceedance_p,
    leave_each_out,
    measure_outlying,
)
from proteomr.stats.weighted_lines import fit_slopes
from proteomr.status import Status
from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["Presso", "check_presso", "find_outlying", "tabulate_outlying", "tabulate_tests"]

_NAMED = 5  # outliers in a message; the table has them all
_FEWEST = 2  # variants that a slope with a residual error needs


@dataclass(frozen=True, slots=True)
class Presso(Method):
    r"""Inverse-variance weighted slope without the variants that are outliers.

    With :math:`\hat\beta_{-j}` the slope of all variants but one, the *global test* holds

    .. math:: RSS = \sum_j s_{yj}^{-2} (y_j - \hat\beta_{-j} x_j)^2

    against its distribution where no variant is pleiotropic: ``simulations`` sets of
    :math:`x_j^* \sim N(x_j, s_{xj}^2)` and :math:`y_j^* \sim N(\hat\beta_{-j} x_j, s_{yj}^2)`, and
    :math:`p = (1 + \#\{RSS^* \ge RSS\}) / (1 + B)`. Where p is below ``alpha``, a variant is an
    *outlier* if

    .. math:: m \cdot 2\Phi\Big(-\frac{|y_j - \hat\beta_{-j} x_j|}
        {\sqrt{s_{yj}^2 + \hat\beta_{-j}^2 s_{xj}^2}}\Big) \le \alpha,

    which is what the share of simulations that exceed its residual converges to: outliers depend on
    no seed. The *distortion test* asks whether :math:`D = (\hat\beta - \hat\beta_c)/|\hat\beta_c|`
    is larger than where not the outliers but as many others are left out: ``simulations`` sets of
    the k outliers and m - 2k of the others, drawn with replacement.

    The estimate is the slope without outliers, and where the global test or the outlier test finds
    nothing that of all variants; the message says which. Its error is that of ``lm``, in proportion
    to the residual error and without a floor, p of Student's t. ``details`` has ``rss``,
    ``global_p``, ``outliers``, ``distortion`` and ``distortion_p``. The tables ``presso`` and
    ``presso_outliers`` have the tests.

    Source: Verbanck, Chen, Neale and Do 2018, doi:10.1038/s41588-018-0099-7.
    R: ``MRPRESSO::mr_presso`` 1.0, whose outlier p is simulated (with 1,000 sets and 50 variants
    none is below 0.05 but by being zero), whose p values can be zero, and which samples the numbers
    up to k where a single variant k is no outlier.

    Assumptions: at least half of the variants valid, and pleiotropy balanced among those that stay.
    Limits: the choice of outliers is taken as certain, so that errors are too small where many
    variants are invalid; pleiotropy of every variant is found by the global test and not corrected.

    Parameters
    ----------
    simulations : sets drawn for the global test and for the distortion test.
    alpha : level of the global test, and of the outlier test over all variants together.

    Examples
    --------
    >>> import polars as pl
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcdef")}),
    ...     beta_x=np.full((6, 1), 0.1), se_x=np.full((6, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.052, 0.048, 0.05, 0.051, 0.09]), se_y=np.full(6, 0.005),
    ... )
    >>> found = Presso().estimate(pair, random=np.random.default_rng(1))
    >>> found.used, found.message
    ((0, 1, 2, 3, 4), 'left out as outliers: f')
    """

    key: ClassVar[str] = "presso"
    label: ClassVar[str] = "MR-PRESSO"
    reference: ClassVar[str] = "10.1038/s41588-018-0099-7"
    aliases: ClassVar[tuple[str, ...]] = ("mr_presso", "mrpresso")
    min_variants: ClassVar[int] = 4
    stochastic: ClassVar[bool] = True
    tables: ClassVar[tuple[str, ...]] = ("presso", "presso_outliers")

    simulations: int = 10_000
    alpha: float = 0.05

    def __post_init__(self) -> None:
        check_presso(self.simulations, self.alpha)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope without outliers, with the three tests as further rows."""
        order, x, y = _order(data)
        sx, sy = data.sx[order], data.se_y[order]
        weights = sy**-2.0
        left = leave_each_out(x, y, weights=weights)
        if not math.isfinite(left.rss):
            message = "one variant has all the effect on the exposure: without it there is no slope"
            return refuse(Status.not_identified, message, nsnp=data.m)
        larger = count_larger_sums(x, sx, sy, left=left, draws=self.simulations, random=random)
        global_p = exceedance_p(larger, self.simulations)
        z, minus_log = measure_outlying(left, sx, sy)
        outlying = find_outlying(minus_log, self.alpha) & (global_p < self.alpha)
        details = {"rss": left.rss, "global_p": global_p, "outliers": float(outlying.sum())}
        details |= self._distort(x, y, weights, outlying, random)
        back = np.argsort(order)
        found = self._conclude(data, outlying[back], details, significant=global_p < self.alpha)
        tests = tabulate_tests(details, self.simulations, message=found.message)
        variants = tabulate_outlying(
            _unorder(data, left, order), z[back], minus_log[back], outlying[back]
        )
        return replace(found, further=(tests, variants))

    def _distort(
        self, x: F64, y: F64, weights: F64, outlying: Bool, random: Generator
    ) -> dict[str, float]:
        """Return the distortion by outliers and its p; neither where they are none or too many."""
        k = int(outlying.sum())
        if k == 0 or 2 * k >= x.size:
            return {"distortion": math.nan, "distortion_p": math.nan}
        distortion, larger = count_distortions(
            x, y, weights=weights, outlying=outlying, draws=self.simulations, random=random
        )
        return {"distortion": distortion, "distortion_p": exceedance_p(larger, self.simulations)}

    def _conclude(
        self, data: Harmonised, outlying: Bool, details: dict[str, float], *, significant: bool
    ) -> Estimate:
        kept = np.flatnonzero(~outlying)
        if kept.size < _FEWEST:
            message = f"{data.m - kept.size} of {data.m} variants are outliers"
            return refuse(Status.too_few, message, nsnp=data.m)
        chosen = data.select(kept)
        line = fit_slopes(chosen.x, chosen.beta_y, weights=chosen.se_y**-2.0)
        df = kept.size - 1
        estimate = conclude(
            float(line.slope),
            float(line.se) * math.sqrt(float(line.q) / df),
            nsnp=kept.size,
            df=float(df),
            details=details,
            used=tuple(kept.tolist()),
        )
        return replace(estimate, message=say_outliers(data, outlying, significant=significant))


def check_presso(simulations: int, alpha: float) -> None:
    """Refuse a number of simulations with which no p value could be below the level.

    Raises
    ------
    UsageError
        It is that, or the level is none.

    Examples
    --------
    >>> check_presso(10_000, 0.05)
    """
    if not 0.0 < alpha < 1.0:
        raise UsageError(f"alpha is {alpha}: a level between 0 and 1 is needed")
    needed = math.floor(1.0 / alpha)
    if simulations < needed:
        raise UsageError(
            f"simulations is {simulations}: {needed} or more are needed for alpha {alpha}"
        )


def find_outlying(minus_log: F64, alpha: float) -> Bool:
    """Return which variants are outliers: p times their number at most alpha."""
    return np.asarray(p_from_neg_log10(minus_log) * minus_log.size <= alpha)


def say_outliers(data: Harmonised, outlying: Bool, *, significant: bool) -> str:
    """Return which variants an estimate leaves out, and why none where it leaves out none."""
    if not significant:
        return "the global test finds no pleiotropy: all variants"
    if not outlying.any():
        return "pleiotropy by the global test, but no variant is an outlier: all variants"
    names = data.variants[c.VARIANT_ID].cast(str).to_list()
    left = [names[place] for place in np.flatnonzero(outlying)]
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    return f"left out as outliers: {', '.join(left[:_NAMED])}{more}"


def tabulate_tests(
    details: dict[str, float], simulations: int, *, message: str | None
) -> FurtherRows:
    """Return the global test and the distortion test as rows of the table ``presso``."""
    outliers = int(details["outliers"])
    told = math.isfinite(details["distortion_p"])
    none = None if told else ("no outlier" if not outliers else "half or more are outliers")
    p: list[Cell] = [details["global_p"], details["distortion_p"]]
    columns: dict[str, list[Cell]] = {
        "test": ["global", "distortion"],
        "rss": [details["rss"], None],
        "distortion": [None, details["distortion"]],
        c.P_VALUE: p,
        c.NEG_LOG10_P: [-math.log10(details["global_p"]), -math.log10(details["distortion_p"])],
        "outliers": [outliers, outliers],
        "simulations": [simulations, simulations],
        c.MESSAGE: [message, none],
    }
    return FurtherRows("presso", columns)


def tabulate_outlying(left: LeftOut, z: F64, minus_log: F64, outlying: Bool) -> FurtherRows:
    """Return the outlier test of each variant as rows of the table ``presso_outliers``."""
    p = p_from_neg_log10(minus_log)
    columns: dict[str, list[Cell]] = {
        "estimate_without": left.slopes.tolist(),
        "residual": left.residuals.tolist(),
        c.STATISTIC: z.tolist(),
        c.NEG_LOG10_P: minus_log.tolist(),
        c.P_VALUE: p.tolist(),
        c.P_BONFERRONI: np.minimum(p * p.size, 1.0).tolist(),
        "outlier": outlying.tolist(),
    }
    powers = {"estimate_without": (1, -1), "residual": (1, 0)}
    return FurtherRows("presso_outliers", columns, tuple(range(p.size)), powers)


def _order(data: Harmonised) -> tuple[I64, F64, F64]:
    """Return an order of the variants and effects that name no allele, no order and no sign.

    Effects on the exposure are above zero and the slope is not negative, so that the same random
    numbers meet the same variants however the data are written.
    """
    flip = np.where(data.x < 0, -1.0, 1.0)
    x, y = flip * data.x, flip * data.beta_y
    if np.sum(x * y / data.se_y**2) < 0:
        y = -y
    order = np.lexsort((y, data.se_y, data.sx, x))
    return order, x[order], y[order]


def _unorder(data: Harmonised, left: LeftOut, order: I64) -> LeftOut:
    """Return slopes and residuals in the order and for the alleles of the data."""
    back = np.argsort(order)
    flip = np.where(data.x < 0, -1.0, 1.0)
    mirrored = -1.0 if np.sum(data.x * data.beta_y / data.se_y**2) < 0 else 1.0
    residuals = flip * mirrored * left.residuals[back]
    return LeftOut(mirrored * left.slopes[back], residuals, left.rss)
