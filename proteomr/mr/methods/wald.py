"""The ratio of a single variant's effects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from numpy.random import Generator

from proteomr.mr.methods.base import Estimate, conclude
from proteomr.mr.methods.method import Method
from proteomr.tables import Harmonised

__all__ = ["WaldRatio"]


@dataclass(frozen=True, slots=True)
class WaldRatio(Method):
    r"""Ratio of one variant's effect on the outcome to that on the exposure.

    .. math:: \hat\theta = y / x, \qquad s = s_y / |x|

    and with `order` "second" the delta method's :math:`s^2 = s_y^2/x^2 + y^2 s_x^2/x^4`.
    Normal p value.

    Source: Wald 1940, doi:10.1214/aoms/1177731868. R: ``TwoSampleMR::mr_wald_ratio`` 0.7.9.

    Assumptions: the variant is associated with the exposure, not with what confounds it and the
    outcome, and acts on the outcome through the exposure alone.
    Limits: none of that can be tested with one variant; the first-order standard error takes the
    effect on the exposure as known.

    Parameters
    ----------
    order : of the delta method, "first" or "second".

    Examples
    --------
    >>> import numpy as np, polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["rs1"]}),
    ...     beta_x=np.array([[0.2]]), se_x=np.array([[0.01]]),
    ...     beta_y=np.array([0.1]), se_y=np.array([0.02]),
    ... )
    >>> fit = WaldRatio().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 3), round(fit.se, 3)
    (0.5, 0.1)
    """

    key: ClassVar[str] = "wald"
    label: ClassVar[str] = "Wald ratio"
    reference: ClassVar[str] = "10.1214/aoms/1177731868"
    aliases: ClassVar[tuple[str, ...]] = ("mr_wald_ratio",)
    min_variants: ClassVar[int] = 1
    max_variants: ClassVar[int | None] = 1
    optional: ClassVar[bool] = True

    order: Literal["first", "second"] = "first"

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the ratio."""
        del random
        x, sx = float(data.x[0]), float(data.sx[0])
        y, sy = float(data.beta_y[0]), float(data.se_y[0])
        ratio = y / x
        noise = 0.0 if self.order == "first" else ratio * sx
        return conclude(ratio, math.hypot(sy, noise) / abs(x), nsnp=1)
