"""One regression of an outcome of two levels at a time, with a logit or a probit link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import expit, log_expit, log_ndtr

from proteomr._typing import F64
from proteomr.stats.certificates import scale_scores
from proteomr.stats.linalg import triangle_of
from proteomr.stats.separation import Separation, find_separation

__all__ = ["BinaryFit", "BinaryLink", "RowTerms", "evaluate_rows", "fit_binary"]

BinaryLink: TypeAlias = Literal["logit", "probit"]
# Linear predictors beyond which fitted probabilities are so extreme that separation is likely.
_EXTREME: dict[BinaryLink, float] = {"logit": 12.0, "probit": 4.5}
_DECREMENT = 1e-22  # squared standard errors: 1e-11 of one
_SCORE = 1e-18  # above what rounding leaves of a million rows
_STEPS = 60  # of Newton: a maximum is reached in ten
_HALVINGS = 30  # down to 1e-9 of a step
_ROUNDING = 1e-12  # of a log-likelihood, as a share of it
_HALF_LOG_2PI = 0.9189385332046727  # log(2 pi) / 2


@dataclass(frozen=True, slots=True)
class RowTerms:
    """What rows add to a likelihood, each ``(n,)``, by the linear predictor.

    Attributes
    ----------
    log_chance : logarithm of the chance of what was observed.
    score : its derivative.
    curvature : minus its second derivative.
    expected : what the curvature is on average.
    """

    log_chance: F64
    score: F64
    curvature: F64
    expected: F64


@dataclass(frozen=True, slots=True)
class BinaryFit:
    """A fit of ``y (n,)`` on ``X (n, k)`` of full rank.

    Attributes
    ----------
    coefficients : ``(k,)``.
    covariance : ``(k, k)``, inverse of the expected information, as R's ``glm`` has it.
    bread : ``(k, k)``, inverse of the observed information: times score and column it is the
        influence of a row.
    score : ``(n,)``, of each row by its linear predictor.
    converged : whether the score vanishes where the information is positive definite.
    separation : what was found where probabilities run to 0 or 1; None where nothing called for a
        search.
    """

    coefficients: F64
    covariance: F64
    bread: F64
    score: F64
    converged: bool
    separation: Separation | None = None


def evaluate_rows(eta: F64, y: F64, link: BinaryLink) -> RowTerms:
    """Return what rows of linear predictors ``(n,)`` and outcomes 0 or 1 add to a likelihood.

    Examples
    --------
    >>> terms = evaluate_rows(np.zeros(2), np.array([0.0, 1.0]), "logit")
    >>> terms.score.tolist(), terms.curvature.tolist()
    ([-0.5, 0.5], [0.25, 0.25])
    """
    sign = 2.0 * y - 1.0
    if link == "logit":
        mean = expit(eta)
        weight = mean * expit(-eta)
        return RowTerms(log_expit(sign * eta), sign * expit(-sign * eta), weight, weight)
    log_chance = log_ndtr(sign * eta)
    log_density = -0.5 * eta * eta - _HALF_LOG_2PI
    score = sign * np.exp(log_density - log_chance)
    expected = np.exp(2.0 * log_density - log_ndtr(eta) - log_ndtr(-eta))
    # score (score + eta) loses all digits far out, where it tends to 1 from below
    return RowTerms(log_chance, score, np.maximum(score * (score + eta), 0.0), expected)


def fit_binary(
    X: F64,
    y: F64,
    *,
    link: BinaryLink = "logit",
    weights: F64 | None = None,
    start: F64 | None = None,
) -> BinaryFit:
    """Maximise the likelihood of ``P(y = 1) = F(X b)``, F logistic or normal, by Newton's method.

    Both likelihoods are concave in b. As R's ``glm(family = binomial(link))`` at
    ``epsilon = 1e-14``.

    Parameters
    ----------
    X : ``(n, k)``, full rank, with its intercept, of a size whose squares are numbers.
    y : ``(n,)``, 0 or 1.
    weights : ``(n,)``, how often each row counts; 0 leaves it out.
    start : ``(k,)``, near the maximum; None for 0.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> y = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    >>> fit_binary(x, y).coefficients.round(4).tolist()
    [-1.2646, 0.3613]
    >>> fit_binary(x, y, link="probit").coefficients.round(4).tolist()
    [-0.8028, 0.2294]
    """
    counts = np.ones(y.size) if weights is None else weights
    beta = np.zeros(X.shape[1]) if start is None else start.copy()
    eta = X @ beta
    terms = evaluate_rows(eta, y, link)
    value, decrement = float(counts @ terms.log_chance), np.inf
    for _ in range(_STEPS):
        step, decrement = _newton_step(X, terms, counts)
        if not (np.isfinite(decrement) and decrement >= 0.0):
            break
        risen = _rise(X, y, link, counts, beta, step, value)
        if risen is None:
            break
        beta, eta, terms, value = risen
        if decrement < _DECREMENT:
            break
    bread, covariance = (_invert(X, counts * w) for w in (terms.curvature, terms.expected))
    score = X.T @ (counts * terms.score)
    information = (X * X).T @ (counts * terms.curvature)
    settled = float(scale_scores(score[None], information[None])[0]) <= _SCORE
    sound = bool(np.all(np.isfinite(bread)) and np.all(np.diagonal(bread) > 0.0))
    separation = None
    if np.abs(eta[counts > 0.0]).max(initial=0.0) > _EXTREME[link] or not (settled and sound):
        among = counts > 0.0
        separation = find_separation(X[among], y[among])
    parted = separation is not None and separation.kind != "none"
    return BinaryFit(
        beta, covariance, bread, terms.score, settled and sound and not parted, separation
    )


def _newton_step(X: F64, terms: RowTerms, counts: F64) -> tuple[F64, float]:
    """Return the Newton step and its squared decrement."""
    score = X.T @ (counts * terms.score)
    root = triangle_of(X * np.sqrt(counts * terms.curvature)[:, None])
    try:
        half = np.linalg.solve(root.T, score)
        return np.linalg.solve(root, half), float(half @ half)
    except np.linalg.LinAlgError:
        return np.zeros_like(score), np.nan


def _rise(
    X: F64, y: F64, link: BinaryLink, counts: F64, beta: F64, step: F64, value: float
) -> tuple[F64, F64, RowTerms, float] | None:
    """Return the next point, halving the step until the likelihood does not fall; None for none."""
    for _ in range(_HALVINGS):
        there = beta + step
        eta = X @ there
        terms = evaluate_rows(eta, y, link)
        reached = float(counts @ terms.log_chance)
        if reached >= value - _ROUNDING * abs(value):
            return there, eta, terms, reached
        step = step / 2.0
    return None


def _invert(X: F64, weights: F64) -> F64:
    """Return the inverse of ``X' W X``; NaN where it has none."""
    root = triangle_of(X * np.sqrt(weights)[:, None])
    try:
        inverse = np.linalg.inv(root)
    except np.linalg.LinAlgError:
        return np.full((X.shape[1], X.shape[1]), np.nan)
    return np.asarray(inverse @ inverse.T)
