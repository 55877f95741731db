"""Outliers of several exposures by their residuals, and the effects without them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.mr.methods.base import Cell, Estimate, FurtherRows
from proteomr.mr.methods.presso import check_presso, find_outlying, say_outliers
from proteomr.mr.multivariable.base import (
    MultivariableMethod,
    conclude_each,
    fit_weighted,
    refuse_each,
)
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.stats.joint_residuals import (
    LeftOutPlanes,
    count_larger_plane_sums,
    distort_planes,
    leave_each_out_of_planes,
)
from proteomr.stats.pleiotropy_residuals import exceedance_p
from proteomr.status import Status
from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["MultivariablePresso"]

_ALONE = "without one of the variants the effects on the exposures are collinear"


@dataclass(frozen=True, slots=True)
class MultivariablePresso(MultivariableMethod):
    r"""Multivariable inverse-variance weighted effects without the variants that are outliers.

    The tests are those of `proteomr.mr.methods.presso.Presso` with :math:`x_j'\hat\beta_{-j}` in
    the place of :math:`\hat\beta_{-j} x_j`: the global test counts simulated sets, a variant is an
    outlier if

    .. math:: m \cdot 2\Phi\Big(-\frac{|y_j - x_j'\hat\beta_{-j}|}
        {\sqrt{s_{yj}^2 + \sum_l \hat\beta_{-j,l}^2 s_{xjl}^2}}\Big) \le \alpha,

    and each exposure has a distortion test of its own. Estimates are those without outliers, and
    where nothing is found those of all variants; errors and p are those of ``lm``: residual error
    without a floor, Student's t. The tables ``presso`` and ``presso_outliers`` have the tests; what
    is about all exposures together stands under their names joined by ``+``.

    Source: Verbanck, Chen, Neale and Do 2018, doi:10.1038/s41588-018-0099-7.
    R: ``MRPRESSO::mr_presso`` 1.0 with several exposures, whose outlier test recycles effects down
    the wrong dimension.

    Assumptions: as `Presso`; estimates of a variant's effects on the exposures are independent.
    Limits: as `Presso`.

    Parameters
    ----------
    simulations : sets drawn for the global test and for the distortion test.
    alpha : level of the global test, and of the outlier test over all variants together.

    Examples
    --------
    >>> import polars as pl
    >>> draw = np.random.default_rng(1)
    >>> x = draw.uniform(0.1, 0.3, (12, 2))
    >>> pair = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": [f"rs{k}" for k in range(12)]}),
    ...     beta_x=x, se_x=np.full((12, 2), 0.01),
    ...     beta_y=x @ [0.4, 0.1] + 0.1 * (np.arange(12) == 4) + 1e-3 * np.cos(range(12)),
    ...     se_y=np.full(12, 0.01),
    ... )
    >>> found = MultivariablePresso(simulations=200).estimate(pair, random=draw)
    >>> found[0].message, round(found[0].estimate, 1)
    ('left out as outliers: rs4', 0.4)
    """

    key: ClassVar[str] = "mv_presso"
    label: ClassVar[str] = "Multivariable MR-PRESSO"
    reference: ClassVar[str] = "10.1038/s41588-018-0099-7"
    min_variants: ClassVar[int] = 4
    stochastic: ClassVar[bool] = True
    tables: ClassVar[tuple[str, ...]] = ("presso", "presso_outliers")

    simulations: int = 10_000
    alpha: float = 0.05

    def __post_init__(self) -> None:
        check_presso(self.simulations, self.alpha)

    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return the effects without outliers, with the tests as further rows."""
        order = _order(data)
        sign = np.where(data.beta_x[:, 0] < 0, -1.0, 1.0)
        ordered = replace(
            data, beta_x=data.beta_x * sign[:, None], beta_y=data.beta_y * sign
        ).select(order)
        X, y, sy = ordered.beta_x, ordered.beta_y, ordered.se_y
        left = leave_each_out_of_planes(X, y, weights=sy**-2.0)
        if left is None:
            return refuse_each(data, status=Status.not_identified, message=_ALONE)
        larger = count_larger_plane_sums(
            X, ordered.se_x, sy, left=left, draws=self.simulations, random=random
        )
        global_p = exceedance_p(larger, self.simulations)
        spread = np.sqrt(sy**2 + np.sum((left.coefficients * ordered.se_x) ** 2, axis=1))
        z = left.residuals / spread
        outlying = find_outlying(neg_log10_p_normal(z), self.alpha) & (global_p < self.alpha)
        details = {"rss": left.rss, "global_p": global_p, "outliers": float(outlying.sum())}
        back: I64 = np.argsort(order)
        found = self._conclude(data, outlying[back], details, significant=global_p < self.alpha)
        distorted = self._distort(X, y, sy, outlying, random)
        tests = (
            _tell_global(data, details, self.simulations, message=found[0].message),
            _tell_variants(data, left, z[back], outlying[back], back=back, sign=sign),
        )
        told = [
            _tell_distortion(details, self.simulations, *each)
            for each in zip(*distorted, strict=True)
        ]
        return tuple(
            replace(one, further=(*(tests if place == 0 else ()), rows))
            for place, (one, rows) in enumerate(zip(found, told, strict=True))
        )

    def _distort(
        self, X: F64, y: F64, sy: F64, outlying: Bool, random: Generator
    ) -> tuple[list[float], list[float]]:
        """Return distortion and p of each exposure; NaN where no outlier, or half, are left out."""
        k, e = int(outlying.sum()), X.shape[1]
        if k == 0 or 2 * k >= y.size:
            return [math.nan] * e, [math.nan] * e
        distortion, larger = distort_planes(
            X, y, weights=sy**-2.0, outlying=outlying, draws=self.simulations, random=random
        )
        return distortion.tolist(), [exceedance_p(int(n), self.simulations) for n in larger]

    def _conclude(
        self, data: Harmonised, outlying: Bool, details: dict[str, float], *, significant: bool
    ) -> tuple[Estimate, ...]:
        kept = np.flatnonzero(~outlying)
        chosen = data.select(kept)
        fit = fit_weighted(chosen.beta_x, chosen.beta_y, weights=chosen.se_y**-2.0)
        if fit is None or fit.df < 1:
            message = f"{data.m - kept.size} of {data.m} variants are outliers"
            return refuse_each(data, status=Status.too_few, message=message)
        estimates = conclude_each(
            fit.coefficients,
            fit.unit_se * fit.sigma,
            nsnp=kept.size,
            df=float(fit.df),
            details=details,
            used=tuple(kept.tolist()),
        )
        message = say_outliers(data, outlying, significant=significant)
        return tuple(replace(one, message=message) for one in estimates)


def _order(data: Harmonised) -> I64:
    """Return an order of the variants that depends on no allele and no order of theirs."""
    keys = [np.abs(data.beta_y), data.se_y, *np.abs(data.beta_x).T, *data.se_x.T]
    return np.lexsort(keys)


def _tell_global(
    data: Harmonised, details: dict[str, float], simulations: int, *, message: str | None
) -> FurtherRows:
    p = details["global_p"]
    columns: dict[str, list[Cell]] = {
        c.EXPOSURE: [" + ".join(data.exposures)],
        "test": ["global"],
        "rss": [details["rss"]],
        c.P_VALUE: [p],
        c.NEG_LOG10_P: [-math.log10(p)],
        "outliers": [int(details["outliers"])],
        "simulations": [simulations],
        c.MESSAGE: [message],
    }
    return FurtherRows("presso", columns)


def _tell_distortion(
    details: dict[str, float], simulations: int, distortion: float, p: float
) -> FurtherRows:
    outliers = int(details["outliers"])
    told = math.isfinite(p)
    none = None if told else ("half or more are outliers" if outliers else "no outlier")
    columns: dict[str, list[Cell]] = {
        "test": ["distortion"],
        "distortion": [distortion],
        c.P_VALUE: [p],
        c.NEG_LOG10_P: [-math.log10(p) if told else math.nan],
        "outliers": [outliers],
        "simulations": [simulations],
        c.MESSAGE: [none],
    }
    return FurtherRows("presso", columns)


def _tell_variants(
    data: Harmonised, left: LeftOutPlanes, z: F64, outlying: Bool, *, back: I64, sign: F64
) -> FurtherRows:
    minus_log = neg_log10_p_normal(z)
    p = p_from_neg_log10(minus_log)
    columns: dict[str, list[Cell]] = {
        c.EXPOSURE: [" + ".join(data.exposures)] * p.size,
        "residual": (sign * left.residuals[back]).tolist(),
        c.STATISTIC: (sign * z).tolist(),
        c.NEG_LOG10_P: minus_log.tolist(),
        c.P_VALUE: p.tolist(),
        c.P_BONFERRONI: np.minimum(p * p.size, 1.0).tolist(),
        "outlier": outlying.tolist(),
    }
    return FurtherRows("presso_outliers", columns, tuple(range(p.size)), {"residual": (1, 0)})
