"""Likelihoods of an ordered response: the chance of falling between two ends of a latent scale.

``P(y = j) = F(a) - F(b)`` with the upper end ``a`` of a row's level and the lower end ``b``, each a
threshold less the linear predictor, infinite for the highest and the lowest level (McCullagh 1980,
doi:10.1111/j.2517-6161.1980.tb01109.x). ``-log P`` is convex in both, and its curvature is
``upper`` along ``a``, ``lower`` along ``b`` and ``between`` along ``a - b``, none of them negative:
with logits ``between`` is a function of the thresholds alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import expit, log_ndtr, logit, ndtri

from proteomr._typing import F64

__all__ = ["LINKS", "EndTerms", "Link", "evaluate_ends", "evaluate_log_likelihood", "quantile_of"]

Link: TypeAlias = Literal["logit", "probit"]
LINKS: tuple[Link, ...] = ("logit", "probit")
_HALF_LOG_2PI = 0.9189385332046727  # log(2 pi) / 2


@dataclass(frozen=True, slots=True)
class EndTerms:
    """What rows add to the likelihood and its derivatives, each of the shape of the ends.

    Attributes
    ----------
    log_chance : the logarithm of the chance of the row's level.
    by_upper, by_lower : its derivatives by the two ends.
    upper, lower, between : minus its second derivative, along each end and along their difference.
    """

    log_chance: F64
    by_upper: F64
    by_lower: F64
    upper: F64
    lower: F64
    between: F64


def evaluate_ends(a: F64, b: F64, gap: F64, *, link: Link) -> EndTerms:
    """Return the terms of rows whose level lies between the ends ``b`` and ``a``.

    Parameters
    ----------
    a, b : infinite where the level is open above or below.
    gap : ``a - b``, given apart since thresholds differ without rounding of the predictor. Where it
        is not above 0 there is no such level, and its log chance is minus infinity.

    Examples
    --------
    >>> a, b = np.array([0.0, np.inf]), np.array([-np.inf, 0.0])
    >>> terms = evaluate_ends(a, b, a - b, link="logit")
    >>> np.exp(terms.log_chance).tolist(), terms.by_upper.tolist(), terms.by_lower.tolist()
    ([0.5, 0.5], [0.5, 0.0], [-0.0, -0.5])
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        return _evaluate_logit(a, b, gap) if link == "logit" else _evaluate_probit(a, b, gap)


def evaluate_log_likelihood(a: F64, b: F64, gap: F64, *, link: Link) -> F64:
    """Return the log chances alone; minus infinity where a gap is not above 0.

    Examples
    --------
    >>> ends = np.array([0.0]), np.array([1.0])
    >>> evaluate_log_likelihood(*ends, np.array([-1.0]), link="probit").tolist()
    [-inf]
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        chance = _log_logit_chance(a, b, gap) if link == "logit" else _log_probit_chance(a, b)
        return np.where(gap > 0.0, chance, -np.inf)


def quantile_of(share: F64, *, link: Link) -> F64:
    """Return where the latent scale has shares below it.

    Examples
    --------
    >>> quantile_of(np.array([0.5, 0.75]), link="logit").round(4).tolist()
    [0.0, 1.0986]
    """
    return np.asarray(logit(share) if link == "logit" else ndtri(share))


def _log_logit_chance(a: F64, b: F64, gap: F64) -> F64:
    # F(a) - F(b) = F(a) F(-b) (1 - exp(b - a)), without a difference of chances.
    return np.asarray(np.log(-np.expm1(-gap)) - np.logaddexp(0.0, -a) - np.logaddexp(0.0, b))


def _evaluate_logit(a: F64, b: F64, gap: F64) -> EndTerms:
    above, below = expit(-a), expit(b)
    rest = 1.0 / np.expm1(gap)
    return EndTerms(
        np.where(gap > 0.0, _log_logit_chance(a, b, gap), -np.inf),
        above + rest,
        -(below + rest),
        above * expit(a),
        below * expit(-b),
        rest * (1.0 + rest),
    )


def _log_probit_chance(a: F64, b: F64) -> F64:
    # Both ends in the lower tail, where a small chance keeps its digits.
    turned = a + b > 0.0
    high, low = np.where(turned, -b, a), np.where(turned, -a, b)
    log_high = log_ndtr(high)
    return np.asarray(log_high + np.log(-np.expm1(log_ndtr(low) - log_high)))


def _evaluate_probit(a: F64, b: F64, gap: F64) -> EndTerms:
    log_chance = _log_probit_chance(a, b)
    by_upper, by_lower = (np.exp(-0.5 * end * end - _HALF_LOG_2PI - log_chance) for end in (a, b))
    # The mean of the latent scale between the ends, less nothing: it lies between them.
    mean = by_lower - by_upper
    return EndTerms(
        np.where(gap > 0.0, log_chance, -np.inf),
        by_upper,
        -by_lower,
        np.where(np.isinf(a), 0.0, by_upper * np.maximum(a - mean, 0.0)),
        np.where(np.isinf(b), 0.0, by_lower * np.maximum(mean - b, 0.0)),
        by_upper * by_lower,
    )
