"""Inverse-variance weighting of studies that share people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_correlation
from proteomr.mr.methods.units import Powers
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["OverlapIvw"]


@dataclass(frozen=True, slots=True)
class OverlapIvw(Method):
    r"""Inverse-variance weighted slope without the bias of errors that the two studies share.

    With :math:`\rho` the correlation of a variant's two estimation errors, which is
    :math:`n_{xy} r_{xy} / \sqrt{n_x n_y}` for :math:`n_{xy}` people in both studies and a
    correlation :math:`r_{xy}` of exposure and outcome among them, and
    :math:`w_j = s_{yj}^{-2}`,

    .. math:: \hat\beta = \frac{\sum_j w_j (x_j y_j - \rho s_{xj} s_{yj})}
        {\sum_j w_j (x_j^2 - s_{xj}^2)}

    solves :math:`\sum_j u_j = 0` with
    :math:`u_j = w_j\{x_j (y_j - \beta x_j) - \rho s_{xj} s_{yj} + \beta s_{xj}^2\}`, and
    :math:`\operatorname{se}^2 = \sum_j u_j^2 / \{\sum_j w_j (x_j^2 - s_{xj}^2)\}^2`. Normal p
    value. ``details`` has ``correction``, what the covariance of errors takes from the slope.

    Source: Lorincz-Comi, Yang, Li and Zhu 2024, doi:10.1016/j.xhgg.2024.100290, for one exposure
    and without its removal of outliers.
    R: none among the field's packages at hand; the numbers are held against the formula.

    Assumptions: pleiotropy, if any, balanced; the correlation is known, such as the intercept of
    LD score regression between the two studies over the root of the product of their own.
    Limits: with ``psi=0``, the default, errors are taken for independent, as of studies that share
    nobody: the correlation has to be given. Variants chosen in the same data have the winner's
    curse besides; see `RerandomisedIvw`.

    Parameters
    ----------
    psi : correlation of a variant's two estimation errors.

    Examples
    --------
    >>> import polars as pl
    >>> x = np.array([0.1, 0.2, 0.15, 0.12])
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcd")}),
    ...     beta_x=x[:, None], se_x=np.full((4, 1), 0.03),
    ...     beta_y=0.5 * x + np.array([0.01, -0.01, 0.01, -0.01]), se_y=np.full(4, 0.03),
    ... )
    >>> apart, shared = (
    ...     OverlapIvw(psi=psi).estimate(pair, random=np.random.default_rng()) for psi in (0.0, 0.3)
    ... )
    >>> round(apart.estimate, 3), round(shared.estimate, 3)
    (0.513, 0.5)
    """

    key: ClassVar[str] = "ivw_overlap"
    label: ClassVar[str] = "Inverse variance weighted (overlap-corrected)"
    reference: ClassVar[str] = "10.1016/j.xhgg.2024.100290"
    min_variants: ClassVar[int] = 3
    powers: ClassVar[Powers] = {"correction": (1, -1)}

    psi: float = 0.0

    def __post_init__(self) -> None:
        check_correlation(self.psi)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope at which the corrected products of effects sum to nothing."""
        del random
        x, y, w = data.x, data.beta_y, data.se_y**-2.0
        shared = self.psi * data.sx * data.se_y
        strength = w * (x**2 - data.sx**2)
        whole = float(np.sum(strength))
        if not whole > 0.0:
            message = "the effects on the exposure are all noise"
            return refuse(Status.not_identified, message, nsnp=data.m)
        slope = float(np.sum(w * (x * y - shared))) / whole
        away = w * (x * y - shared) - slope * strength
        se = math.sqrt(float(np.sum(away**2))) / whole
        details = {"correction": float(np.sum(w * shared)) / whole}
        return conclude(slope, se, nsnp=data.m, details=details)
