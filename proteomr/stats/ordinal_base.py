"""The fit of ordered levels to covariates alone, from which the fits with a protein start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.cumulative_links import (
    EndTerms,
    Link,
    evaluate_ends,
    evaluate_log_likelihood,
    quantile_of,
)
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.row_models import Base, BaseThresholds

__all__ = ["fit_base", "inform_exactly", "log_likelihood_of"]

# As in the logistic fit to covariates alone.
_STEPS, _HALVINGS = 40, 30
# As there: squared standard errors, and scores in units of their own standard deviations.
_DECREMENT, _SCORE = 1e-20, 1e-18
# While steps shrink to a hundredth, squared, the last information serves as well as a new one.
_FAST = 1e-2
# The information is summed in single precision: what is left of a column must stand well above.
_PIVOT = 1e-5
_ROUNDING = 1e-12  # of a log-likelihood, as a share of it


def fit_base(
    design: ChunkedDesign, response: I64, levels: int, link: Link, weights: F64 | None = None
) -> Base | None:
    """Fit levels 0 to t by Newton's method with step halving.

    None where a level has nobody, there is no finite maximum, or none with a certificate
    (:mod:`proteomr.stats.certificates`). The thresholds are the first, and the gaps to the next
    ones.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((4, 0)), np.ones((1, 0)), np.zeros(4, dtype=np.int64))
    >>> fit_base(design, np.array([0, 0, 0, 1]), 2, "logit").coefficients.round(4).tolist()
    [1.0986]
    """
    counts = np.ones(design.n) if weights is None else weights
    of_levels = np.bincount(response, weights=counts, minlength=levels)
    if not np.all(of_levels > 0.0):
        return None
    levelled = _Levelled(design, response, levels, link, counts)
    tau = quantile_of(np.cumsum(of_levels)[:-1] / of_levels.sum(), link=link)
    theta = np.concatenate([np.zeros(design.k), np.diff(tau, prepend=0.0)])
    return _climb(levelled, theta)


def log_likelihood_of(
    design: ChunkedDesign,
    response: I64,
    levels: int,
    link: Link,
    coefficients: F64,
    weights: F64 | None = None,
) -> float:
    """Return the log-likelihood of coefficients as :func:`fit_base` gives them."""
    counts = np.ones(design.n) if weights is None else weights
    return _Levelled(design, response, levels, link, counts).value(coefficients)


def inform_exactly(
    design: ChunkedDesign, response: I64, levels: int, state: F64, counts: F64, borders: F64
) -> F64:
    """Return the information of covariates, first threshold and gaps, and borders.

    Parameters
    ----------
    state : ``(3, n)`` or more, the curvature of the rows as :mod:`proteomr.stats.ordinal_loops`
        keeps it.
    counts : ``(n,)``, how often each row counts; 0 where it does not.
    borders : ``(s, n)``.
    """
    nothing = np.zeros(design.n)
    upper, lower, between = (np.where(counts > 0.0, part, 0.0) for part in state[:3])
    terms = EndTerms(nothing, nothing, nothing, upper, lower, between)
    levelled = _Levelled(design, response, levels, "logit", counts)
    of_gaps, both = levelled.of_gaps(-upper, -lower), counts * (upper + lower)
    k, q = design.k, design.k + levels - 1
    out = np.empty((q + borders.shape[0], q + borders.shape[0]))
    out[:k, :k] = design.information(both, exact=True)
    for j, of_rows in enumerate(of_gaps):
        out[:k, k + j] = out[k + j, :k] = design.score(of_rows)
    out[k:q, k:q] = levelled.between_gaps(terms)
    for a, border in enumerate(borders):
        out[:k, q + a] = out[q + a, :k] = design.score(both * border)
    out[k:q, q:] = of_gaps @ borders.T
    out[q:, k:q] = out[k:q, q:].T
    out[q:, q:] = (borders * both) @ borders.T
    return out


def _climb(levelled: _Levelled, theta: F64) -> Base | None:
    inverse: F64 | None = np.zeros((theta.size, theta.size))
    value, decrement, last = levelled.value(theta), 0.0, 0.0
    for _ in range(_STEPS):
        terms = levelled.terms(theta)
        score = levelled.score(terms)
        if not decrement < _FAST * last:
            inverse = _invert(levelled.information(terms))
        if inverse is None:
            return None
        step = inverse @ score
        last, decrement = decrement, float(score @ step)
        moved = _advance(levelled, theta, step, value) if decrement >= 0.0 else None
        if moved is None:
            return None
        theta, value = moved
        if decrement < _DECREMENT:
            return levelled.close(theta, decrement)
    return None


def _advance(levelled: _Levelled, theta: F64, step: F64, value: float) -> tuple[F64, float] | None:
    """Take the step, halved until it does not lower the likelihood; None where nothing helps."""
    for halving in range(_HALVINGS):
        new = theta + step * 0.5**halving
        new_value = levelled.value(new)
        if new_value >= value - _ROUNDING * abs(value):
            return new, new_value
    return None


def _invert(information: F64) -> F64 | None:
    """Return the inverse of an information that is safely positive definite, else None."""
    if not np.all(np.isfinite(information)):
        return None
    if not cholesky_pivots(information[None])[1][0] > _PIVOT:
        return None
    inverse = np.asarray(np.linalg.inv(information))
    return inverse if np.all(np.diagonal(inverse) > 0.0) else None


@dataclass(frozen=True, slots=True)
class _Levelled:
    """The likelihood of levels 0 to t given covariates; coefficients are theirs, then the first
    threshold and the gaps.
    """

    design: ChunkedDesign
    response: I64
    levels: int
    link: Link
    counts: F64

    def place(self, theta: F64) -> tuple[F64, F64, F64]:
        """Return both ends of the rows and their gaps."""
        eta, gaps = self.design.times(theta[: self.design.k]), theta[self.design.k :]
        tau = np.concatenate([[-np.inf], np.cumsum(gaps), [np.inf]])
        between = np.concatenate([[np.inf], gaps[1:], [np.inf]])
        y = self.response
        return tau[y + 1] - eta, tau[y] - eta, between[y]

    def value(self, theta: F64) -> float:
        """Return the log-likelihood."""
        return float(self.counts @ evaluate_log_likelihood(*self.place(theta), link=self.link))

    def terms(self, theta: F64) -> EndTerms:
        """Return what rows add."""
        return evaluate_ends(*self.place(theta), link=self.link)

    def score(self, terms: EndTerms) -> F64:
        """Return the score."""
        of_gaps = self.of_gaps(terms.by_upper, terms.by_lower).sum(axis=1)
        by_eta = -self.counts * (terms.by_upper + terms.by_lower)
        return np.concatenate([self.design.score(by_eta), of_gaps])

    def information(self, terms: EndTerms) -> F64:
        """Return the information; that of the covariates from products in single precision."""
        k, t = self.design.k, self.levels - 1
        out = np.empty((k + t, k + t))
        out[:k, :k] = self.design.information(self.counts * (terms.upper + terms.lower))
        for j, of_rows in enumerate(self.of_gaps(-terms.upper, -terms.lower)):
            out[:k, k + j] = out[k + j, :k] = self.design.score(of_rows)
        out[k:, k:] = self.between_gaps(terms)
        return out

    def of_gaps(self, at_upper: F64, at_lower: F64) -> F64:
        """Return what rows say of the first threshold and the gaps ``(t, n)``."""
        y, t = self.response, self.levels - 1
        of_thresholds = np.array(
            [
                np.where(y == j, at_upper, 0.0) + np.where(y == j + 1, at_lower, 0.0)
                for j in range(t)
            ]
        )
        sums: F64 = np.cumsum(of_thresholds[::-1], axis=0)[::-1]
        return self.counts * sums

    def between_gaps(self, terms: EndTerms) -> F64:
        """Return the information of the first threshold and the gaps."""
        y, t = self.response, self.levels - 1
        upper, lower, between = (
            np.bincount(y, weights=self.counts * part, minlength=t + 1)
            for part in (terms.upper, terms.lower, terms.between)
        )
        of_thresholds = np.diag(upper[:t] + lower[1:])
        for j in range(1, t):
            of_thresholds[j - 1 : j + 1, j - 1 : j + 1] += between[j] * np.array(
                [[1.0, -1.0], [-1.0, 1.0]]
            )
        sums = np.tril(np.ones((t, t)))
        return np.asarray(sums.T @ of_thresholds @ sums)

    def close(self, theta: F64, decrement: float) -> Base | None:
        """Return the fit where the score and the information at its end certify it."""
        terms = self.terms(theta)
        information = self.information(terms)
        inverse = _invert(information)
        if inverse is None:
            return None
        certified = certify(
            decrement=np.array([decrement]),
            scores=scale_scores(self.score(terms)[None], np.diagonal(information)[None]),
            estimate=theta.sum(keepdims=True),
            se=np.sqrt(np.diagonal(inverse)).min(keepdims=True),
            bound=_DECREMENT,
            score_bound=_SCORE,
        )
        if not certified[0]:
            return None
        k = self.design.k
        thresholds = BaseThresholds(
            self.of_gaps(terms.by_upper, terms.by_lower),
            self.of_gaps(-terms.upper, -terms.lower)[:, None],
            np.diagonal(information)[k:].copy(),
        )
        weights = self.counts * (terms.upper + terms.lower)
        residuals = -self.counts * (terms.by_upper + terms.by_lower)
        response = self.response.astype(np.float64)
        return Base(response, theta, weights[None, None], residuals[None], inverse, thresholds)
