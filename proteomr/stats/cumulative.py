"""One regression of an ordered response at a time: the exact maximum, or its limit.

A fit is described by the ends of each row's level: the thresholds above and below it less the
linear predictor, both linear in the coefficients. That carries proportional odds, and models some
of whose columns have a coefficient of their own at each threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.cumulative_links import (
    EndTerms,
    Link,
    evaluate_ends,
    evaluate_log_likelihood,
    quantile_of,
)
from proteomr.stats.linalg import triangle_of
from proteomr.stats.logistic import invert_root
from proteomr.stats.separation import Separation, find_separation

__all__ = [
    "CumulativeFit",
    "Ends",
    "fit_cumulative",
    "lay_out_ends",
    "likelihood_of",
    "start_from_shares",
]

# Beyond it the chance of falling on the other side of a threshold is below 1e-5: separation is
# likely in small samples.
_EXTREME: dict[Link, float] = {"logit": 12.0, "probit": 4.4}
# Fits with a maximum take some ten steps, halved where a level is rare; along a separated direction
# each step is one unit of the latent scale, and certainty to rounding is some forty away.
_STEPS = 80
_DECREMENT = 1e-22  # squared standard errors: 1e-11 of one
# Scores at the end, squared, in units of their own variance; as in logistic regression, and more
# for the levels of few people, whose thresholds are close.
_SCORE = 1e-18
# Newton's method squares the error; along a separated direction the decrement falls by e a step.
_QUADRATIC = 0.1
_HALVINGS = 40  # down to 1e-12 of a step: what then still leads down has no maximum ahead
_ROUNDING = 1e-12  # of a log-likelihood, as a share of it


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of the levels of n rows, as linear functions of q coefficients.

    Attributes
    ----------
    upper, lower : ``(n, q)``, what multiplies the coefficients at either end.
    is_closed_above, is_closed_below : ``(n,)``, where there is an end, the level being neither
        the highest nor the lowest.
    """

    upper: F64
    lower: F64
    is_closed_above: Bool
    is_closed_below: Bool

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return int(self.upper.shape[1])

    def stack(self) -> tuple[F64, F64]:
        """Return the ends there are ``(m, q)``, and 1 for upper ones, 0 for lower ones ``(m,)``.

        What separates these rows by those outcomes separates the levels.
        """
        above, below = self.upper[self.is_closed_above], self.lower[self.is_closed_below]
        sides = np.concatenate([np.ones(above.shape[0]), np.zeros(below.shape[0])])
        return np.concatenate([above, below]), sides

    def keep(self, which: Bool, columns: I64) -> tuple[Ends, Bool]:
        """Return the ends with some of them left ``(m,)`` in the order of :meth:`stack`, on the
        rows that still have one, in some of the columns; and those rows.
        """
        above, below = np.zeros_like(self.is_closed_above), np.zeros_like(self.is_closed_below)
        split = np.count_nonzero(self.is_closed_above)
        above[np.flatnonzero(self.is_closed_above)[which[:split]]] = True
        below[np.flatnonzero(self.is_closed_below)[which[split:]]] = True
        rows = above | below
        upper, lower = self.upper[rows][:, columns], self.lower[rows][:, columns]
        return Ends(upper, lower, above[rows], below[rows]), rows


def lay_out_ends(levels: I64, X: F64, free: F64 | None = None) -> Ends:
    """Return the ends of levels 0 to t: t thresholds, then free columns, then those of ``X``.

    Parameters
    ----------
    levels : ``(n,)``, all of 0 to t.
    X : ``(n, k)``, whose coefficients raise the level; no intercept.
    free : ``(n, f)``, columns with a coefficient at each of the t thresholds, thresholds fastest;
        they raise the level too.

    Examples
    --------
    >>> ends = lay_out_ends(np.array([0, 1, 2]), np.array([[1.0], [2.0], [3.0]]))
    >>> ends.upper[:2].tolist()
    [[1.0, 0.0, -1.0], [0.0, 1.0, -2.0]]
    """
    t = int(levels.max(initial=0))
    closed_above, closed_below = levels < t, levels > 0
    sides = []
    for closed, place in ((closed_above, levels), (closed_below, levels - 1)):
        at = ((place[:, None] == np.arange(t)) & closed[:, None]).astype(np.float64)
        of_free = [] if free is None else [-at * column[:, None] for column in free.T]
        sides.append(np.concatenate([at, *of_free, -X * closed[:, None]], axis=1))
    return Ends(sides[0], sides[1], closed_above, closed_below)


def start_from_shares(levels: I64, size: int, *, link: Link, counts: F64) -> F64:
    """Return coefficients ``(size,)`` whose thresholds give the shares of the levels, others 0.

    Examples
    --------
    >>> start_from_shares(np.array([0, 1]), 2, link="logit", counts=np.ones(2)).tolist()
    [0.0, 0.0]
    """
    of_levels = np.bincount(levels, weights=counts)
    out = np.zeros(size)
    shares = np.cumsum(of_levels)[:-1] / of_levels.sum()
    out[: shares.size] = quantile_of(shares, link=link)
    return out


@dataclass(frozen=True, slots=True)
class CumulativeFit:
    """A fit of ordered levels.

    Attributes
    ----------
    coefficients : ``(q,)``.
    covariance : ``(q, q)``, inverse of the observed information.
    converged : whether the fit has its certificate (:mod:`proteomr.stats.certificates`), and
        nothing separates it.
    separation : of the ends, in the order of :meth:`Ends.stack`, where the fit called for a search.
    """

    coefficients: F64
    covariance: F64
    log_likelihood: float
    converged: bool
    iterations: int
    separation: Separation | None = None

    @property
    def se(self) -> F64:
        """Standard errors ``(q,)``."""
        return np.sqrt(np.diagonal(self.covariance))


def fit_cumulative(
    ends: Ends, start: F64, *, link: Link, weights: F64 | None = None
) -> CumulativeFit:
    """Maximise the likelihood by Newton's method with step halving.

    Where ends come close to certainty, or the iteration does not settle, separation is searched for
    and returned with the fit.

    Parameters
    ----------
    ends : of full rank.
    start : coefficients with thresholds in order on all rows.
    weights : ``(n,)``, above 0: how often each row was seen.

    Examples
    --------
    >>> levels, x = np.array([0, 1, 0, 2, 1, 2]), np.arange(6.0)[:, None]
    >>> start = start_from_shares(levels, 3, link="logit", counts=np.ones(6))
    >>> fit_cumulative(lay_out_ends(levels, x), start, link="logit").coefficients.round(4).tolist()
    [1.4475, 3.851, 1.0597]
    """
    n = ends.upper.shape[0]
    unit = 1.0 if weights is None else float(weights.mean())
    likelihood = _Likelihood(ends, link, np.ones(n) if weights is None else weights / unit)
    climb = _climb(likelihood, start)
    score, H, root = likelihood.finish(climb.coefficients)
    covariance = invert_root(root)
    variances = np.diagonal(covariance)
    certified = certify(
        decrement=np.array([climb.decrement]),
        scores=scale_scores(score[None, :], np.diagonal(H)[None, :]),
        estimate=variances.sum(keepdims=True),
        se=variances.min(keepdims=True, initial=1.0),
        bound=_DECREMENT,
        score_bound=_SCORE,
    )
    converged, separation = bool(certified[0]), None
    if not converged or likelihood.is_extreme(climb.coefficients):
        try:
            separation = find_separation(*ends.stack())
        except ArithmeticError:
            converged = False
        else:
            converged = converged and climb.quadratic and separation.kind == "none"
    return CumulativeFit(
        climb.coefficients,
        covariance / unit,
        climb.value * unit,
        converged,
        climb.iterations,
        separation,
    )


def likelihood_of(ends: Ends, coefficients: F64, *, link: Link, weights: F64) -> tuple[F64, F64]:
    """Return the score ``(q,)`` of coefficients, and rows ``(m, q)`` whose cross-product is the
    information there.

    Examples
    --------
    >>> ends = lay_out_ends(np.array([0, 1]), np.array([[1.0], [3.0]]))
    >>> score, root = likelihood_of(ends, np.zeros(2), link="logit", weights=np.ones(2))
    >>> score.tolist(), (root.T @ root).round(4).tolist()
    ([0.0, 1.0], [[0.5, -1.0], [-1.0, 2.5]])
    """
    likelihood = _Likelihood(ends, link, weights)
    terms = likelihood.terms(coefficients)
    return likelihood.score(terms), likelihood.root(terms)


@dataclass(frozen=True, slots=True)
class _Likelihood:
    """The log-likelihood of coefficients, each row counted ``counts`` times."""

    ends: Ends
    link: Link
    counts: F64

    def place(self, coefficients: F64) -> tuple[F64, F64, F64]:
        """Return the upper and lower ends of all rows and their gaps."""
        ends = self.ends
        both = ends.is_closed_above & ends.is_closed_below
        a = np.where(ends.is_closed_above, ends.upper @ coefficients, np.inf)
        b = np.where(ends.is_closed_below, ends.lower @ coefficients, -np.inf)
        gap = np.where(both, (ends.upper - ends.lower) @ coefficients, np.inf)
        return a, b, gap

    def value(self, coefficients: F64) -> float:
        """Return the log-likelihood; minus infinity where thresholds are out of order."""
        chances = evaluate_log_likelihood(*self.place(coefficients), link=self.link)
        return float(np.sum(self.counts * chances))

    def terms(self, coefficients: F64) -> EndTerms:
        """Return what rows add."""
        return evaluate_ends(*self.place(coefficients), link=self.link)

    def score(self, terms: EndTerms) -> F64:
        """Return the score ``(q,)``."""
        ends, m = self.ends, self.counts
        return np.asarray(ends.upper.T @ (m * terms.by_upper) + ends.lower.T @ (m * terms.by_lower))

    def root(self, terms: EndTerms) -> F64:
        """Return rows ``(3 n, q)`` whose cross-product is the information."""
        ends, m = self.ends, self.counts
        both = ends.is_closed_above & ends.is_closed_below
        between = np.where(both, terms.between, 0.0)
        parts = (
            (ends.upper, terms.upper),
            (ends.lower, terms.lower),
            (ends.upper[both] - ends.lower[both], between[both]),
        )
        counts = (m, m, m[both])
        return np.concatenate(
            [part * np.sqrt(w * c)[:, None] for (part, w), c in zip(parts, counts, strict=True)]
        )

    def finish(self, coefficients: F64) -> tuple[F64, F64, F64]:
        """Return the score, the information, and a triangular root of it."""
        terms = self.terms(coefficients)
        rows = self.root(terms)
        if not np.all(np.isfinite(rows)):
            nothing = np.full((rows.shape[1], rows.shape[1]), np.nan)
            return self.score(terms), nothing, nothing
        return self.score(terms), np.asarray(rows.T @ rows), triangle_of(rows)

    def is_extreme(self, coefficients: F64) -> bool:
        """Whether some row is all but certain to be on its side of a threshold."""
        a, b, _ = self.place(coefficients)
        ends, bound = self.ends, _EXTREME[self.link]
        above, below = a[ends.is_closed_above], b[ends.is_closed_below]
        return not (np.all(above <= bound) and np.all(below >= -bound))


@dataclass(frozen=True, slots=True)
class _Climb:
    """Where Newton's method ended: NaN for the decrement where it did not settle."""

    coefficients: F64
    value: float
    decrement: float
    quadratic: bool
    iterations: int


def _climb(likelihood: _Likelihood, start: F64) -> _Climb:
    """Climb by Newton's steps, each halved until it does not lead down or disorder thresholds."""
    theta, value, last = start, likelihood.value(start), np.inf
    for iteration in range(1, _STEPS + 1):
        terms = likelihood.terms(theta)
        step, decrement = _step(likelihood.score(terms), likelihood.root(terms))
        if not 0.0 <= decrement < np.inf:
            break
        rise = _rise(likelihood, theta, step, value)
        if rise is None:
            break
        theta, value = rise
        if decrement < _DECREMENT:
            return _Climb(theta, value, decrement, decrement <= _QUADRATIC * last, iteration)
        last = decrement
    return _Climb(theta, value, np.nan, quadratic=False, iterations=iteration)


def _rise(likelihood: _Likelihood, theta: F64, step: F64, value: float) -> tuple[F64, float] | None:
    """Return where a step that does not lower the likelihood leads."""
    for halving in range(_HALVINGS):
        new = theta + 0.5**halving * step
        new_value = likelihood.value(new)
        if new_value >= value - _ROUNDING * abs(value):
            return new, new_value
    return None


def _step(score: F64, rows: F64) -> tuple[F64, float]:
    """Return Newton's step and its decrement; NaN for both where the information is singular."""
    try:
        step = np.asarray(np.linalg.solve(rows.T @ rows, score), dtype=np.float64)
        decrement = float(score @ step)
        if 0.0 <= decrement < np.inf:
            return step, decrement
        # Rounding has made the information indefinite: its root has twice the digits.
        R = triangle_of(rows)
        half = np.linalg.solve(R.T, score)
        return np.asarray(np.linalg.solve(R, half), dtype=np.float64), float(half @ half)
    except np.linalg.LinAlgError:
        return np.full(score.size, np.nan), np.nan
