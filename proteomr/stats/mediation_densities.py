"""How likely mediators would be with the other exposure, over the own: the weights of people in
counterfactual mediation, how they follow a model of the mediator, and those of its samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from proteomr._typing import F64
from proteomr.stats.mediation import Scaled, Trio
from proteomr.stats.mediation_regressions import LinearModel, Regression

__all__ = ["DensityRatios", "follow_weights", "weigh", "weigh_samples"]


@dataclass(frozen=True, slots=True, eq=False)
class DensityRatios:
    """Weights ``(n,)`` of people under the other exposure, and derivatives of their logarithms.

    Attributes
    ----------
    by_other, by_own : by the mediator's predictor under the other and the own exposure.
    by_variance : by its residual variance.
    """

    values: F64
    by_other: F64
    by_own: F64
    by_variance: F64


def _columns_of(mediator: Regression) -> F64:
    """Return the columns of the mediator's model ``(n, k)``, not by the roots of their weights."""
    if isinstance(mediator, LinearModel) and mediator.weights is not None:
        return np.asarray(mediator.design / np.sqrt(mediator.weights)[:, None])
    return mediator.design


def weigh(scaled: Scaled, mediator: Regression) -> DensityRatios:
    """Return how likely each mediator would be with the other exposure, over the own."""
    beta = mediator.coefficients
    m, own = scaled.mediator, _columns_of(mediator) @ beta
    other = own + beta[-1] * (1.0 - 2.0 * scaled.trio.exposure)
    with np.errstate(over="ignore"):
        if isinstance(mediator, LinearModel):
            here, there, variance = m - own, m - other, mediator.variance
            squares = here * here - there * there
            return DensityRatios(
                np.exp(squares / (2.0 * variance)),
                there / variance,
                -here / variance,
                -squares / (2.0 * variance**2),
            )
        sign = 2.0 * m - 1.0
        values = np.exp(log_expit(sign * other) - log_expit(sign * own))
    return DensityRatios(values, m - expit(other), expit(own) - m, np.zeros(m.size))


def weigh_samples(scaled: Scaled, mediator: Regression, fits: list[tuple[F64, float]]) -> F64:
    """Return the weights ``(c, n)`` by the mediator's models of samples; NaN for no model."""
    m = scaled.mediator
    beta = np.array([found for found, _ in fits])
    own = beta @ _columns_of(mediator).T
    change = beta[:, -1:] * (1.0 - 2.0 * scaled.trio.exposure)
    with np.errstate(over="ignore"):
        if isinstance(mediator, LinearModel):
            variance = np.array([[found] for _, found in fits])
            # the difference of two squares of residuals
            return np.asarray(np.exp((m - own - change / 2.0) * change / variance))
        sign = 2.0 * m - 1.0
        return np.asarray(np.exp(log_expit(sign * (own + change)) - log_expit(sign * own)))


def follow_weights(trio: Trio, mediator: Regression, weights: DensityRatios, moves: F64) -> F64:
    """Return what people add to the effects ``(n, 2)`` by moving the model of the weights.

    Parameters
    ----------
    moves : ``(n, 2)``, influences of the weighted rows: a weight that grows by a share of itself
        moves an effect by that share of its row's influence.
    """
    columns = _columns_of(mediator)
    other = columns.copy()
    other[:, -1] = 1.0 - trio.exposure
    by_beta = other.T @ (moves * weights.by_other[:, None])
    by_beta += columns.T @ (moves * weights.by_own[:, None])
    follow = mediator.follow(by_beta)
    if isinstance(mediator, LinearModel):
        by_variance = weights.by_variance @ moves
        follow += mediator.variance_influence[:, None] * by_variance
    return np.asarray(follow)
