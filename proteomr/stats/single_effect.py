"""Regression on one variant of many: which one, how large, and how large it was to be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64
from proteomr.stats.bounded_minimum import minimise_between

__all__ = ["PriorVarianceRule", "SingleEffect", "VariantPrior", "fit_single_effect"]

PriorVarianceRule: TypeAlias = Literal["optim", "em", "simple", "none"]
"""How the prior variance of an effect is found: at the maximum of its likelihood, by one EM step
after each fit, kept where it beats 0, or kept."""

_LOG_V: Final = (-30.0, 15.0)  # between which susieR looks for the logarithm of the variance
_TOLERANCE: Final = math.sqrt(2.220446049250313e-16)  # of it: the default of R's optim


@dataclass(frozen=True, slots=True, eq=False)
class VariantPrior:
    """Prior probabilities: (p,) of each variant, and of none; they sum to 1."""

    weights: F64
    null: float = 0.0

    @property
    def all_possible(self) -> bool:
        """Whether no variant has probability 0."""
        return bool(self.weights.min() > 0)


@dataclass(frozen=True, slots=True, eq=False)
class SingleEffect:
    """Posterior of a single effect on p variants.

    Parameters
    ----------
    alpha : (p,) probability to be the one that carries the effect.
    mu, mu2 : (p,) mean and mean square of the effect, given that it is this one's.
    lbf_variable : (p,) log Bayes factor of each, effect against none.
    lbf : that of the whole.
    v : prior variance.
    null_alpha : probability that none carries it.
    """

    alpha: F64
    mu: F64
    mu2: F64
    lbf_variable: F64
    lbf: float
    v: float
    null_alpha: float


class _Likelihood:
    """Log Bayes factor of the whole by the prior variance, for sums of one problem."""

    def __init__(self, xtr: F64, weight: float, sigma2: float, prior: VariantPrior) -> None:
        self.s2 = sigma2 / weight
        self.t2 = xtr * xtr / (weight * sigma2)
        self._prior = prior
        # factors grow with the statistic: the largest is that of the largest among those possible
        possible = self.t2 if prior.all_possible else self.t2[prior.weights > 0]
        self._most = float(possible.max())
        self._below = np.minimum(0.5 * (self.t2 - self._most), 0.0)
        self._room = np.empty_like(self._below)

    def shrink(self, v: float) -> float:
        return v / (v + self.s2)

    def weigh(self, v: float) -> tuple[F64, float, float]:
        """Return (p,) weights relative to the largest factor, that of none, and its logarithm."""
        most, null = self._scale(v)
        return np.exp(self.shrink(v) * self._below) * self._prior.weights, null, most

    def value(self, v: float) -> float:
        most, null = self._scale(v)
        np.multiply(self._below, self.shrink(v), out=self._room)
        np.exp(self._room, out=self._room)
        return math.log(float(self._room.dot(self._prior.weights)) + null) + most

    def factors(self, v: float) -> F64:
        h = self.shrink(v)
        return np.asarray(0.5 * (self.t2 * h - math.log1p(v / self.s2)))

    def _scale(self, v: float) -> tuple[float, float]:
        most = 0.5 * (self.shrink(v) * self._most - math.log1p(v / self.s2))
        return most, self._prior.null * math.exp(-most) if self._prior.null else 0.0


def fit_single_effect(
    xtr: F64,
    *,
    weight: float,
    sigma2: float,
    v: float,
    prior: VariantPrior,
    rule: PriorVarianceRule,
) -> SingleEffect:
    r"""Return the posterior of one effect on one of p standardised variants.

    .. math:: r = x_j b + e, \quad b \sim N(0, V), \quad e \sim N(0, \sigma^2 I), \quad
        P(j) = \pi_j

    (Wang and others 2020, doi:10.1111/rssb.12388, section 2; in the steps of susieR 0.12.35's
    ``single_effect_regression_ss``). V that maximises the likelihood is looked for between
    :math:`e^{-30}` and :math:`e^{15}`, yields to the V given where that is more likely, and to 0
    where that is no less so.

    Parameters
    ----------
    xtr : (p,) X'r.
    weight : the diagonal of X'X, the same for all variants.
    sigma2 : residual variance.
    v : V to start from.
    prior : probabilities of variants.
    rule : how V is found.

    Examples
    --------
    >>> fit = fit_single_effect(np.array([50.0, 1.0]), weight=99.0, sigma2=1.0, v=0.2,
    ...                         prior=VariantPrior(np.array([0.5, 0.5])), rule="optim")
    >>> fit.alpha.round(4).tolist(), round(fit.v, 3)
    ([1.0, 0.0], 0.245)
    """
    likelihood = _Likelihood(xtr, weight, sigma2, prior)
    if rule == "optim":
        v = _maximise(likelihood, v)
    if rule in ("optim", "simple"):
        v = _yield_to_none(likelihood, v)
    weights, null, most = likelihood.weigh(v)
    total = float(weights.sum()) + null
    h = likelihood.shrink(v)
    alpha = weights / total
    mu = xtr * (h / weight)
    mu2 = likelihood.s2 * h + mu * mu
    kept = v
    if rule == "em":
        spread = float(alpha @ mu2) + null / total * v
        kept = _yield_to_none(likelihood, spread)
    lbf = math.log(total) + most
    return SingleEffect(alpha, mu, mu2, likelihood.factors(v), lbf, kept, null / total)


def _maximise(likelihood: _Likelihood, v: float) -> float:
    log_v = minimise_between(
        lambda at: -likelihood.value(math.exp(at)), *_LOG_V, tolerance=_TOLERANCE
    )
    found = math.exp(log_v)
    return v if likelihood.value(found) < likelihood.value(v) else found


def _yield_to_none(likelihood: _Likelihood, v: float) -> float:
    return 0.0 if likelihood.value(0.0) >= likelihood.value(v) else v
