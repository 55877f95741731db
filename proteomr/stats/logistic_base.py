"""The logistic fit of a response to covariates alone, from which the fits with a protein start."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.row_models import Base

__all__ = ["fit_base"]

# Newton's method takes some ten steps from the intercept, and a step halved to a thousandth where
# a group's probability is far off; a response that needs more is separated.
_STEPS, _HALVINGS = 40, 30
_DECREMENT = 1e-20  # squared standard errors: Newton's method leaves its square, which is nothing
# In units of their own standard deviations scores are rounded at about 1e-13 for a million rows.
_SCORE = 1e-18
# While steps shrink to a hundredth, squared, the last information serves as well as a new one.
_FAST = 1e-2
# The information is summed in single precision: what is left of a column must stand well above.
_PIVOT = 1e-5
# Rounding of a log-likelihood, as a share of it.
_ROUNDING = 1e-12


def fit_base(design: ChunkedDesign, response: F64, weights: F64 | None = None) -> Base | None:
    """Fit a response to the covariates alone by Newton's method with step halving.

    None where there is no finite maximum, or none with a certificate
    (:mod:`proteomr.stats.certificates`).

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((4, 0)), np.ones((1, 1)), np.zeros(4, dtype=np.int64))
    >>> fit_base(design, np.array([0.0, 0.0, 0.0, 1.0])).coefficients.round(4).tolist()
    [-1.0986]
    """
    counts = np.ones(design.n) if weights is None else weights
    share = float(np.average(response, weights=counts))
    if not 0.0 < share < 1.0:
        return None
    beta = np.zeros(design.k)
    # The first cell column is the intercept.
    beta[design.d] = np.log(share / (1.0 - share)) / design.cell_columns[0, 0]
    inverse: F64 | None = np.zeros((design.k, design.k))
    eta = design.times(beta)
    value, decrement, last = _log_likelihood(eta, response, counts), 0.0, 0.0
    for _ in range(_STEPS):
        mu = _means(eta)
        score = design.score(counts * (response - mu))
        if not decrement < _FAST * last:
            inverse = _invert(design.information(counts * mu * (1.0 - mu)))
        if inverse is None:
            return None
        step = inverse @ score
        last, decrement = decrement, float(score @ step)
        moved = _advance(design, response, counts, beta, step, value) if decrement >= 0.0 else None
        if moved is None:
            return None
        beta, eta, value = moved
        if decrement < _DECREMENT:
            return _close(design, response, counts, beta, eta, decrement)
    return None


def _advance(
    design: ChunkedDesign, response: F64, counts: F64, beta: F64, step: F64, value: float
) -> tuple[F64, F64, float] | None:
    """Take the step, halved until it does not lower the likelihood; None where nothing helps."""
    for halving in range(_HALVINGS):
        new = beta + step * 0.5**halving
        eta = design.times(new)
        new_value = _log_likelihood(eta, response, counts)
        if new_value >= value - _ROUNDING * abs(value):
            return new, eta, new_value
    return None


def _close(
    design: ChunkedDesign, response: F64, counts: F64, beta: F64, eta: F64, decrement: float
) -> Base | None:
    """Return the fit where the score and the information at its end certify it."""
    mu = _means(eta)
    weights = counts * mu * (1.0 - mu)
    residuals = counts * (response - mu)
    information = design.information(weights)
    inverse = _invert(information)
    if inverse is None:
        return None
    scores = scale_scores(design.score(residuals)[None, :], np.diagonal(information)[None, :])
    certified = certify(
        decrement=np.array([decrement]),
        scores=scores,
        estimate=np.array([beta.sum()]),
        se=np.sqrt(np.diagonal(inverse)).min(keepdims=True),
        bound=_DECREMENT,
        score_bound=_SCORE,
    )
    if not certified[0]:
        return None
    return Base(response, beta, weights[None, None], residuals[None], inverse)


def _means(eta: F64) -> F64:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(eta, -700.0, 700.0))))


def _log_likelihood(eta: F64, response: F64, counts: F64) -> float:
    return float(np.sum(counts * (response * eta - np.logaddexp(0.0, eta))))


def _invert(information: F64) -> F64 | None:
    """Return the inverse of an information that is safely positive definite, else None."""
    if not cholesky_pivots(information[None])[1][0] > _PIVOT:
        return None
    inverse = np.asarray(np.linalg.inv(information))
    return inverse if np.all(np.diagonal(inverse) > 0.0) else None
