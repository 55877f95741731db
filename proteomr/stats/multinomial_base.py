"""The multinomial fit of a response to covariates alone, from which fits with a protein start."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from proteomr._typing import F64
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.choices import find_informed
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.multinomial import choice_probabilities, log_likelihood
from proteomr.stats.row_models import Base

__all__ = ["fit_base"]

# Newton's method takes some ten steps from the intercepts; a response that needs more is separated.
_STEPS, _HALVINGS = 60, 30
# Squared standard errors, and scores, squared, in units of their variance: rounding of a million
# rows leaves some 1e-26.
_DECREMENT, _SCORE = 1e-20, 1e-18
# While steps shrink to a hundredth, squared, the last information serves as well as a new one.
_FAST = 1e-2
# The information is summed in single precision: what is left of a column must stand well above.
_PIVOT = 1e-5
_ROUNDING = 1e-12  # of a log-likelihood, as a share of it


def fit_base(
    design: ChunkedDesign, response: F64, allowed: F64, weights: F64 | None = None
) -> Base | None:
    """Fit a response to the covariates alone by Newton's method with step halving.

    None where there is no finite maximum, or none with a certificate. Where covariates rule levels
    out, the coefficients that this sends to infinity stay where they are, and the inverse
    information is 0 for them.

    Parameters
    ----------
    response : ``(n,)``, levels 0 to K - 1.
    allowed : ``(K, n)``, 1 for the levels that a row may have, else 0.
    weights : ``(n,)``, what a row counts.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((4, 0)), np.ones((1, 1)), np.zeros(4, dtype=np.int64))
    >>> base = fit_base(design, np.array([0.0, 0.0, 1.0, 2.0]), np.ones((3, 4)))
    >>> base.coefficients.round(4).tolist()
    [-0.6931, -0.6931]
    """
    levels = response.astype(np.int64)
    counts = np.ones(design.n) if weights is None else weights
    shares = np.bincount(levels, weights=counts, minlength=allowed.shape[0])
    if not np.all(shares > 0.0):
        return None
    climb = _Climb(design, levels, allowed, counts)
    beta = np.zeros((allowed.shape[0] - 1, design.k))
    beta[:, design.d] = np.log(shares[1:] / shares[0]) / design.cell_columns[0, 0]
    eta, decrement, last, inverse = climb.predict(beta), 0.0, 0.0, None
    value = climb.value(eta)
    for _ in range(_STEPS):
        mu = choice_probabilities(eta, allowed)
        score = climb.score(mu)
        if not decrement < _FAST * last:
            inverse = climb.invert(climb.information(mu))
        if inverse is None:
            return None
        step = (inverse @ score).reshape(beta.shape)
        last, decrement = decrement, float(score @ step.ravel())
        moved = climb.advance(beta, step, value) if decrement >= 0.0 else None
        if moved is None:
            return None
        beta, eta, value = moved
        if decrement < _DECREMENT:
            return climb.close(response, beta, eta, decrement)
    return None


class _Climb:
    """What the steps of one fit share."""

    def __init__(
        self, design: ChunkedDesign, levels: np.ndarray, allowed: F64, counts: F64
    ) -> None:
        self.design, self.levels, self.allowed, self.counts = design, levels, allowed, counts
        self.L = allowed.shape[0] - 1
        self.hits = (levels == np.arange(1, self.L + 1)[:, None]).astype(np.float64)
        self.whole = bool(np.all(allowed > 0.0))
        # Levels that are ruled out leave an information of less than full rank, which has to be
        # told from one of single precision.
        self.matrix: F64 | None = None
        if not self.whole:
            self.matrix = design.matrix()
            lengths = np.linalg.norm(self.matrix, axis=0)
            self.informed = find_informed(self.matrix / lengths, allowed)[0]
            self.informed /= np.tile(lengths, self.L)[:, None]

    def predict(self, beta: F64) -> F64:
        return np.stack([self.design.times(b) for b in beta])

    def value(self, eta: F64) -> float:
        return log_likelihood(eta, self.levels, self.allowed, self.counts)

    def score(self, mu: F64) -> F64:
        residuals = self.counts * (self.hits - mu[1:])
        return np.concatenate([self.design.score(r) for r in residuals])

    def information(self, mu: F64) -> F64:
        k, out = self.design.k, np.empty((self.L * self.design.k, self.L * self.design.k))
        for a, b in combinations_with_replacement(range(self.L), 2):
            product = self.counts * mu[a + 1] * mu[b + 1]
            part = self._gram(self.counts * mu[a + 1] - product if a == b else product)
            part = part if a == b else -part
            out[a * k : a * k + k, b * k : b * k + k] = part
            out[b * k : b * k + k, a * k : a * k + k] = part.T
        return out

    def _gram(self, weights: F64) -> F64:
        if self.matrix is None:
            return self.design.information(np.maximum(weights, 0.0))
        return np.asarray((self.matrix * weights[:, None]).T @ self.matrix)

    def invert(self, information: F64) -> F64 | None:
        V = None if self.whole else self.informed
        turned = information if V is None else V.T @ information @ V
        if not cholesky_pivots(turned[None])[1][0] > _PIVOT:
            return None
        inverse = np.asarray(np.linalg.inv(turned))
        if not np.all(np.diagonal(inverse) > 0.0):
            return None
        return inverse if V is None else np.asarray(V @ inverse @ V.T)

    def advance(self, beta: F64, step: F64, value: float) -> tuple[F64, F64, float] | None:
        """Take the step, halved until it does not lower the likelihood."""
        for halving in range(_HALVINGS):
            new = beta + step * 0.5**halving
            eta = self.predict(new)
            new_value = self.value(eta)
            if new_value >= value - _ROUNDING * abs(value):
                return new, eta, new_value
        return None

    def close(self, response: F64, beta: F64, eta: F64, decrement: float) -> Base | None:
        """Return the fit where the score and the information at its end certify it."""
        mu = choice_probabilities(eta, self.allowed)
        information = self.information(mu)
        inverse = self.invert(information)
        if inverse is None:
            return None
        variances = np.diagonal(inverse)
        if not self.whole:
            score = self.informed.T @ self.score(mu)
            curvature = np.diagonal(self.informed.T @ information @ self.informed)
        else:
            score, curvature = self.score(mu), np.diagonal(information)
        certified = certify(
            decrement=np.array([decrement]),
            scores=scale_scores(score[None], curvature[None]),
            estimate=np.array([beta.sum()]),
            se=variances[variances > 0.0].min(keepdims=True, initial=1.0),
            bound=_DECREMENT,
            score_bound=_SCORE,
        )
        if not certified[0]:
            return None
        m = mu[1:]
        weights = self.counts * (np.eye(self.L)[:, :, None] * m[:, None] - m[:, None] * m[None])
        residuals = self.counts * (self.hits - m)
        return Base(response, beta.ravel(), weights, residuals, inverse)
