"""Multivariable lasso: of the variants' own effects on the outcome, and of the exposures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.mr.methods.base import Convention, Estimate
from proteomr.mr.methods.ranges import check_not_negative
from proteomr.mr.multivariable.base import (
    MultivariableMethod,
    conclude_each,
    describe_fit,
    fit_weighted,
    orient_by_exposure,
    refuse_each,
)
from proteomr.stats.lasso_path import LassoPath, fit_lasso_path
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["MultivariableLasso", "select_exposures"]

_JUMP = 3.841458820694124  # 95 % of chi-squared with one degree of freedom


@dataclass(frozen=True, slots=True)
class MultivariableLasso(MultivariableMethod):
    r"""Weighted regression on the variants to which a lasso leaves no effect of their own.

    .. math:: \min_{\theta, \alpha} \frac{1}{2m} \sum_j \frac{(y_j - x_j^T \theta - \alpha_j)^2}
        {s_{yj}^2} + \lambda \sum_j d_j |\alpha_j|

    over glmnet's sequence of penalties, its columns standardised by :math:`d_j`. From the smallest
    on, the penalty is taken before which the residual standard error of the variants with
    :math:`\alpha_j = 0` would rise above one by more than the 95 % quantile of :math:`\chi^2_1`
    over their number. Standard errors at :math:`\max(1, \hat\sigma)`; normal p value.

    Source: Grant and Burgess 2021, doi:10.1002/sim.9156. R:
    ``MendelianRandomization::mr_mvlasso`` 0.10.0.

    Assumptions: more than half of the variants are valid. Variants are independent.
    Limits: the standard error takes no account of the choice of the variants, which depends on
    their orientation through the standardisation.

    Parameters
    ----------
    orient_by : name of the exposure that orients the variants; None for the first.
    convention : a variant without effect on that exposure keeps its allele; with
        "mendelianrandomization" it enters as the point (0, 0).
    penalty : :math:`\lambda`; None for the rule above.

    Raises
    ------
    UsageError
        From `estimate`: no exposure has the name of `orient_by`.

    Examples
    --------
    >>> import polars as pl
    >>> x = np.array([[0.1, 0.0], [0.0, 0.2], [0.1, 0.1], [0.3, 0.1], [0.2, 0.3]])
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3", "r4", "r5"]}),
    ...     beta_x=x, se_x=np.full((5, 2), 0.01),
    ...     beta_y=np.array([0.05, 0.03, 0.06, 0.90, 0.13]), se_y=np.full(5, 0.01),
    ... )
    >>> fits = MultivariableLasso().estimate(data, random=np.random.default_rng(1))
    >>> [round(fit.estimate, 4) for fit in fits], fits[0].used
    ([0.46, 0.1343], (0, 1, 2, 4))
    """

    key: ClassVar[str] = "mv_lasso"
    label: ClassVar[str] = "Multivariable lasso"
    aliases: ClassVar[tuple[str, ...]] = ("mr_mvlasso",)
    reference: ClassVar[str] = "10.1002/sim.9156"
    min_variants: ClassVar[int] = 3

    orient_by: str | None = None
    convention: Convention = "twosamplemr"
    penalty: float | None = None

    def __post_init__(self) -> None:
        check_not_negative("penalty", self.penalty)

    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, in order."""
        del random
        x, y = orient_by_exposure(data, name=self.orient_by, convention=self.convention)
        weights = data.se_y**-2
        path = _penalise(x / data.se_y[:, None], y / data.se_y, data.se_y, self.penalty)
        place = 0 if self.penalty is not None else _choose(path, x, y, weights)
        if place is None or not path.penalties.size:
            text = (
                "no penalty leaves more variants without a direct effect than there are exposures"
            )
            return refuse_each(data, status=Status.not_identified, message=text)
        if not path.certified[: place + 1].all():
            text = "the lasso did not come to its optimum at every penalty"
            return refuse_each(data, status=Status.not_converged, message=text)
        direct = path.coefficients[place]
        used = np.flatnonzero(direct == 0)
        fit = fit_weighted(x[used], y[used], weights=weights[used])
        if fit is None or fit.df < 1:
            text = "the variants without a direct effect are too few, or collinear"
            return refuse_each(data, status=Status.not_identified, message=text)
        details = describe_fit(fit.q, fit.df) | {
            "penalty": float(path.penalties[place]),
            "invalid": float(data.m - used.size),
        }
        se = fit.unit_se * max(1.0, fit.sigma)
        return conclude_each(
            fit.coefficients, se, nsnp=used.size, details=details, used=tuple(used.tolist())
        )


def select_exposures(
    data: Harmonised, /, *, random: Generator, folds: int = 10
) -> tuple[float, ...]:
    """Direct effects of the exposures under the lasso penalty that predicts best; zero: left out.

    The penalty has the least weighted squared error over folds of the variants. As in
    ``TwoSampleMR::mv_lasso_feature_selection`` 0.7.9, which draws its folds anew at each call; here
    they follow from the seed. The effects are shrunken: fit the exposures chosen by another method.

    Parameters
    ----------
    random : source of the folds.
    folds : parts that the variants are divided into.

    Returns
    -------
    One effect per exposure.

    Raises
    ------
    InputError
        Fewer variants than folds, or fewer than three folds.

    Examples
    --------
    >>> import polars as pl
    >>> generator = np.random.default_rng(1)
    >>> x = generator.normal(size=(60, 2))
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": [f"r{j}" for j in range(60)]}),
    ...     beta_x=x, se_x=np.full((60, 2), 0.1),
    ...     beta_y=0.5 * x[:, 0] + 0.1 * generator.normal(size=60), se_y=np.full(60, 0.1),
    ... )
    >>> round(select_exposures(data, random=generator)[0], 1)
    0.5
    """
    if folds < 3 or data.m < folds:
        raise InputError(f"{data.m} variants do not make {folds} folds: at least 3 are needed")
    weights = data.se_y**-2
    whole = fit_lasso_path(data.beta_x, data.beta_y, weights=weights)
    part = random.permutation(np.arange(data.m) % folds)
    error = np.zeros(whole.penalties.size)
    for fold in range(folds):
        rest, out = part != fold, part == fold
        path = fit_lasso_path(
            data.beta_x[rest], data.beta_y[rest], weights=weights[rest], penalties=whole.penalties
        )
        missed = data.beta_y[out] - path.coefficients @ data.beta_x[out].T
        error[: path.penalties.size] += missed**2 @ weights[out]
        error[path.penalties.size :] = np.inf
    return tuple(whole.coefficients[int(error.argmin())].tolist())


def _penalise(Z: F64, z: F64, se_y: F64, penalty: float | None) -> LassoPath:
    """Lasso of the variants' direct effects, those of the exposures projected away."""
    basis, _ = np.linalg.qr(Z)
    columns = (np.eye(z.size) - basis @ basis.T) / se_y
    response = z - basis @ (basis.T @ z)
    penalties = None if penalty is None else np.array([penalty])
    return fit_lasso_path(columns, response, weights=np.ones(z.size), penalties=penalties)


def _choose(path: LassoPath, x: F64, y: F64, weights: F64) -> int | None:
    """Place of the penalty on the path by the rule of heterogeneity, or None."""
    valid = path.coefficients == 0
    counts = valid.sum(axis=1)
    enough = np.flatnonzero(counts > x.shape[1])
    if not enough.size:
        return None
    sigma = np.full(counts.size, np.nan)
    for k in enough:
        fit = fit_weighted(x[valid[k]], y[valid[k]], weights=weights[valid[k]])
        sigma[k] = np.nan if fit is None else fit.sigma
    rise = sigma[:-1] - sigma[1:]
    jumps = np.flatnonzero((sigma[:-1] > 1.0) & (rise > _JUMP / counts[:-1])) + 1
    place = int(jumps.max()) if jumps.size else 0
    return min(place, int(enough.max()))
