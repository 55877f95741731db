"""Multivariable inverse-variance weighting that allows for errors of the effects on exposures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.mr.methods.base import Estimate
from proteomr.mr.multivariable.base import (
    MultivariableMethod,
    conclude_each,
    correlate_estimates,
    describe_fit,
    fit_weighted,
    refuse_each,
)
from proteomr.mr.multivariable.errors_in_variables import (
    combine_errors,
    evaluate_terms,
    minimise_terms,
)
from proteomr.mr.multivariable.ivw import MultivariableDistribution, MultivariableModel
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["MultivariableMeasurementError"]

_FEWEST_RANDOM = 4  # variants from which the package's default is the random-effects model


@dataclass(frozen=True, slots=True)
class MultivariableMeasurementError(MultivariableMethod):
    r"""Maximum likelihood of direct effects, the effects on the exposures being estimates too.

    .. math:: \hat\theta = \arg\min \sum_j \frac{(y_j - x_j^T \theta)^2}{v_j(\theta)}, \qquad
        v_j(\theta) = s_{yj}^2 + \theta^T \Sigma_j \theta

    with :math:`\Sigma_j` the covariance of a variant's estimated effects on the exposures. With
    :math:`t_j = (y_j - x_j^T\theta) / \sqrt{v_j}` the covariance of the estimate is
    :math:`A^{-1} B A^{-1}`, where A is half the second derivative of the sum and
    :math:`B = \sum_j \dot t_j \dot t_j^T`. In the random-effects model standard errors are
    multiplied by :math:`\max(1, \hat\sigma)`,
    :math:`\hat\sigma^2 = \sum_j (y_j - x_j^T\hat\theta)^2 s_{yj}^{-2} / (m - e)`. Normal p value.
    ``details`` has that residual standard error, with Q and its p value.

    Source: Zhu, Burgess and Grant 2022, doi:10.48550/arXiv.2203.08668. R:
    ``MendelianRandomization::mr_mvivwme`` 0.10.0, which ends its iterations at a change of 1e-4 of
    the log likelihood and begins at a random place; here they end at the optimum.

    Assumptions: those of `MultivariableIvw`; samples of exposures and outcome apart.
    Limits: Q counts the errors of the exposures as heterogeneity, so that the random-effects errors
    are on the safe side with weak variants.

    Parameters
    ----------
    model : "random", "fixed" (:math:`\sigma = 1`), or "default": random from four variants on.
    distribution : "t" takes p and limits from Student's t with the residual degrees of freedom.
    correlations : (e, e) rows of the correlations of a variant's estimates on the exposures, from
        overlapping samples; None for none.

    Examples
    --------
    >>> import polars as pl
    >>> x = np.array([[0.1, 0.0], [0.0, 0.2], [0.1, 0.1], [0.3, 0.1]])
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3", "r4"]}),
    ...     beta_x=x, se_x=np.full((4, 2), 0.01), beta_y=x @ [0.5, 0.1], se_y=np.full(4, 0.01),
    ... )
    >>> fits = MultivariableMeasurementError().estimate(data, random=np.random.default_rng(1))
    >>> [round(fit.estimate, 4) for fit in fits]
    [0.5, 0.1]
    """

    key: ClassVar[str] = "mv_mvivwme"
    label: ClassVar[str] = "Multivariable inverse variance weighted, measurement error allowed for"
    aliases: ClassVar[tuple[str, ...]] = ("mr_mvivwme", "mv_ivwme")
    reference: ClassVar[str] = "10.48550/arXiv.2203.08668"
    min_variants: ClassVar[int] = 2

    model: MultivariableModel = "default"
    distribution: MultivariableDistribution = "normal"
    correlations: tuple[tuple[float, ...], ...] | None = None

    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, in order."""
        del random
        e = len(data.exposures)
        among = correlate_estimates(
            None if self.correlations is None else np.array(self.correlations), size=e
        )
        correlations = np.eye(e + 1)
        correlations[:e, :e] = among
        errors = combine_errors(data.se_x, data.se_y, correlations=correlations)
        theta = _minimise(data, errors)
        if theta is None:
            text = "the likelihood has no certified maximum: effects on exposures may be all noise"
            return refuse_each(data, status=Status.not_converged, message=text)
        covariance = _estimate_covariance(data, errors, theta)
        if covariance is None:
            text = "the information on the direct effects is not above zero"
            return refuse_each(data, status=Status.not_identified, message=text)
        residuals = data.beta_y - data.beta_x @ theta
        df = data.m - e
        q = float(np.sum((residuals / data.se_y) ** 2))
        random_effects = self.model == "random" or (
            self.model == "default" and data.m >= _FEWEST_RANDOM
        )
        scale = max(1.0, math.sqrt(q / df)) if random_effects else 1.0
        return conclude_each(
            theta,
            scale * np.sqrt(np.diagonal(covariance)),
            nsnp=data.m,
            df=float(df) if self.distribution == "t" else None,
            details=describe_fit(q, df),
        )


def _minimise(data: Harmonised, errors: F64) -> F64 | None:
    """The deepest minimum found from the weighted regression and from zero; None for none."""
    ivw = fit_weighted(data.beta_x, data.beta_y, weights=data.se_y**-2)
    e = data.beta_x.shape[1]
    starts = [np.zeros(e)] if ivw is None else [ivw.coefficients, np.zeros(e)]
    x, y = data.beta_x[None], data.beta_y[None]
    best: tuple[float, F64] | None = None
    for start in starts:
        theta, sure = minimise_terms(x, y, covariances=errors, start=start[None])
        if not sure[0]:
            continue
        value = float(evaluate_terms(x, y, covariances=errors, theta=theta).value.sum())
        if best is None or value < best[0]:
            best = (value, theta[0])
    return None if best is None else best[1]


def _estimate_covariance(data: Harmonised, errors: F64, theta: F64) -> F64 | None:
    """The sandwich; None where its bread is not above zero."""
    terms = evaluate_terms(
        data.beta_x[None], data.beta_y[None], covariances=errors, theta=theta[None]
    )
    variance = terms.variance[0]
    residual = data.beta_y - data.beta_x @ theta
    e = theta.size
    pushed = np.einsum("mkl,l->mk", errors[:, :e, :e], theta)
    slopes = -(data.beta_x + (residual / variance)[:, None] * pushed) / np.sqrt(variance)[:, None]
    bread = 0.5 * terms.curvature[0].sum(axis=0)
    unit = np.sqrt(np.maximum(np.diagonal(bread), 0.0))
    if not (unit > 0).all() or not np.linalg.eigvalsh(bread / np.outer(unit, unit))[0] > 0:
        return None
    half = np.linalg.solve(bread, slopes.T)
    return np.asarray(half @ half.T)
