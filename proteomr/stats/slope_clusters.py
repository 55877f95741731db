"""Clusters of ratios with known errors: how many, where, and which ratio is of which."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.linalg import LinAlgError
from scipy.linalg import cho_factor, cho_solve

from proteomr._typing import F64, I64
from proteomr.stats.mixture_weights import fit_mixture_weights

__all__ = ["FEWEST", "MOST_CLUSTERS", "SMALLEST", "SlopeClusters", "cluster_slopes"]

SMALLEST: Final = 4
"""Ratios of a cluster, as MR-Clust reports them: fewer may be outliers that agree by chance."""

FEWEST: Final = SMALLEST
"""Ratios below which there is no cluster."""

MOST_CLUSTERS: Final = 10
"""Clusters up to which are looked for: of more, none is large enough to be read for a mechanism."""

_WORSE: Final = 3  # further clusters tried after the last that the criterion favours
_STARTS: Final = 5  # places at which one more cluster raises the likelihood fastest
_PLACES: Final = 256  # of the ratios, evenly by rank: neighbours lie closer than their errors
_BETWEEN: Final = 0.5  # of the log likelihood: places lie closer than errors but for few far ones
_PLAIN: Final = 25  # passes from a start, before starts are compared and Newton's steps are safe
_PASSES: Final = 500  # Newton's steps need some ten; only clusters that merge take hundreds
_LEFT: Final = 1e-10  # of the log likelihood, by Newton's decrement: 1e-5 of a standard error
_SLACK: Final = 1e-7  # of a mean density ratio of 1, at which a component has no more to gain
_GONE: Final = 1e-9  # a weight below stands for no ratio
# Outliers lie beyond what errors explain: a narrower component would share the ratios of one slope.
_WIDER: Final = 4.0
_JUNK_DF: Final = 4.0  # tails that hold outliers of any size, with a finite variance


@dataclass(frozen=True, slots=True, eq=False)
class SlopeClusters:
    """The clusters of m ratios, k of them beside those of no effect and of outliers.

    Parameters
    ----------
    means, errors : (k,) slope of each cluster and its standard error, the largest cluster first.
    weights : (k + 2,) shares of no effect, of outliers, and of the clusters.
    probabilities : (m, k + 2) of each ratio, in the order of the weights.
    log_likelihood : natural log.
    bic : Bayesian information criterion, and ``bic_none`` that without any cluster.
    proven : whether gradient and curvature show a maximum.
    """

    means: F64
    errors: F64
    weights: F64
    probabilities: F64
    log_likelihood: float
    bic: float
    bic_none: float
    proven: bool


def cluster_slopes(ratios: F64, errors: F64) -> SlopeClusters:
    r"""Return the clusters of ratios that the Bayesian information criterion favours.

    .. math:: r_j \sim w_0 N(0, s_j^2) + w_1\, t_4(c, \tau) + \sum_{k=1}^{K} v_k N(\mu_k, s_j^2)

    The first component is of no effect, the second of outliers, with the median of the ratios as
    centre and their spread around it as scale, no less than four median errors; the others are
    clusters of one slope each. For each
    K, one cluster is added to those of K - 1 where that raises the likelihood fastest, at the best
    of five places, and all are moved to the maximum: expectation and maximisation, then Newton's
    steps on the whole likelihood. The search ends where no number of clusters could be favoured,
    by the likelihood of very many; after three that are not favoured; or at ten. Errors are of the
    inverse of the observed information, which knows that ratios may be of several clusters.

    Source: Foley, Mason, Kirk and Burgess 2021, doi:10.1093/bioinformatics/btaa778, whose model
    this is; starts, steps, errors and the width of the outliers are this function's.

    Parameters
    ----------
    ratios, errors : (m,) and finite, errors above zero; four or more.

    Returns
    -------
    clusters : with ``proven`` false where the favoured maximum has no certificate: gradient within
        1e-10 of the log likelihood, curvature that of a maximum, and no component with a weight
        of zero that would gain from one.

    Examples
    --------
    >>> ratios = np.array([0.01, -0.02, 0.0, 0.49, 0.5, 0.51, 0.02, 0.5])
    >>> found = cluster_slopes(ratios, np.full(8, 0.02))
    >>> found.means.round(3).tolist(), found.probabilities.argmax(axis=1).tolist()
    ([0.5], [0, 0, 0, 2, 2, 2, 0, 2])
    """
    with np.errstate(over="ignore"):  # where a density is far above the mixture's, more is enough
        return _search(ratios, errors)


def _search(ratios: F64, errors: F64) -> SlopeClusters:
    """Return the clusters that the criterion favours among those of rising numbers."""
    order = np.lexsort((errors, ratios))
    unit = float(np.exp2(np.round(np.log2(np.median(errors)))))
    data = _Ratios.of(ratios[order] / unit, errors[order] / unit)
    fit = data.fit(np.zeros(0))
    best = none = fit
    worse, ceiling = 0, data.find_ceiling()
    while fit.means.size < min(MOST_CLUSTERS, ratios.size // SMALLEST) and worse < _WORSE:
        starts = data.propose(fit)
        least = data.penalise(fit.means.size + 1) - 2 * ceiling
        if not len(starts) or least >= data.criterion(best):
            break
        fit = data.fit_best([np.append(fit.means, start) for start in starts])
        whole = data.leave_small_out(fit)
        better = data.criterion(whole) < data.criterion(best)
        best, worse = (whole, 0) if better else (best, worse + 1)
    return _arrange(data, best, none, order=order, unit=unit)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Weights and means, and whether they are a maximum."""

    weights: F64
    means: F64
    proven: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Ratios:
    """Ratios in order, their errors, and log densities of no effect and of outliers, (m, 2)."""

    ratios: F64
    errors: F64
    fixed: F64

    @classmethod
    def of(cls, ratios: F64, errors: F64) -> _Ratios:
        from scipy import stats  # slow to load, which few runs need

        centre = float(np.median(ratios))
        spread = float(np.sqrt(np.mean((ratios - centre) ** 2)))
        scale = max(spread, _WIDER * float(np.median(errors)))
        junk = stats.t.logpdf(ratios, _JUNK_DF, loc=centre, scale=scale)
        null = stats.norm.logpdf(ratios, scale=errors)
        return cls(ratios, errors, np.column_stack([null, junk]))

    def log_densities(self, means: F64) -> F64:
        """Return the log density of each ratio under each component, (m, k + 2)."""
        z = (self.ratios[:, None] - means) / self.errors[:, None]
        of_means = -0.5 * (z**2 + math.log(2 * math.pi)) - np.log(self.errors)[:, None]
        return np.hstack([self.fixed, of_means])

    def log_mixture(self, weights: F64, means: F64) -> F64:
        """Return the log density of each ratio, (m,)."""
        with np.errstate(divide="ignore"):
            return np.asarray(
                np.logaddexp.reduce(self.log_densities(means) + np.log(weights), axis=1)
            )

    def value(self, weights: F64, means: F64) -> float:
        """Return the log likelihood, less what weights of another sum than 1 cost."""
        m = self.ratios.size
        return float(self.log_mixture(weights, means).sum() - m * (weights.sum() - 1.0))

    def criterion(self, fit: _Fit) -> float:
        """Return the Bayesian information criterion: a mean and a weight more for each cluster."""
        return self.penalise(fit.means.size) - 2 * self.value(fit.weights, fit.means)

    def penalise(self, clusters: int) -> float:
        """Return what the criterion takes for so many clusters."""
        return (2 * clusters + 1) * math.log(self.ratios.size)

    def leave_small_out(self, fit: _Fit) -> _Fit:
        """Return the fit without clusters that are the likeliest of too few ratios."""
        while fit.means.size:
            with np.errstate(divide="ignore"):
                likeliest = (self.log_densities(fit.means) + np.log(fit.weights)).argmax(axis=1)
            counts = np.bincount(likeliest, minlength=fit.means.size + 2)[2:]
            if counts.min() >= SMALLEST:
                break
            fit = self.fit(np.delete(fit.means, int(counts.argmin())))
        return fit

    def find_ceiling(self) -> float:
        """Return a log likelihood that no number of clusters surpasses.

        That of weights for means at very many places, and as much again as places between these
        could add.
        """
        even = np.linspace(self.ratios[0], self.ratios[-1], _PLACES // 2)
        means = np.unique(np.concatenate([even, self.spread_places(_PLACES // 2)]))
        weights, _ = fit_mixture_weights(self.log_densities(means))
        return self.value(weights, means) + _BETWEEN

    def spread_places(self, count: int) -> F64:
        """Return ratios, as many at most, evenly by rank."""
        spaced = np.linspace(0, self.ratios.size - 1, min(self.ratios.size, count))
        return np.asarray(self.ratios[np.round(spaced).astype(np.int64)])

    def propose(self, fit: _Fit) -> F64:
        """Return where one more cluster would raise the likelihood, the fastest places first."""
        mixture = self.log_mixture(fit.weights, fit.means)
        places = self.spread_places(_PLACES)
        gains = np.exp(self.log_densities(places)[:, 2:] - mixture[:, None]).mean(axis=0) - 1.0
        around = np.concatenate([[-np.inf], gains, [-np.inf]])
        peaks = np.flatnonzero((gains > _SLACK) & (gains >= around[:-2]) & (gains >= around[2:]))
        fastest = peaks[np.argsort(-gains[peaks], kind="stable")][:_STARTS]
        return np.asarray(places[fastest])

    def fit_best(self, starts: list[F64]) -> _Fit:
        """Return the maximum from the best of some starts, judged after some passes."""
        begun = [self._settle(fit_mixture_weights(self.log_densities(s))[0], s) for s in starts]
        values = [self.value(*each) for each in begun]
        return self._climb(*begun[int(np.argmax(values))])

    def fit(self, means: F64) -> _Fit:
        """Return the maximum from a start."""
        return self.fit_best([means])

    def _settle(self, weights: F64, means: F64) -> tuple[F64, F64]:
        for _ in range(_PLAIN):
            weights, means = self.step(weights, means)
        return weights, means

    def step(self, weights: F64, means: F64) -> tuple[F64, F64]:
        """Return weights and means after a step of expectation and maximisation."""
        shares = self.share(weights, means)
        pull = shares[:, 2:] / self.errors[:, None] ** 2
        total = pull.sum(axis=0)
        moved = np.divide(self.ratios @ pull, total, out=means.copy(), where=total > 0)
        return shares.mean(axis=0), moved

    def share(self, weights: F64, means: F64) -> F64:
        """Return the probability of each component for each ratio, (m, k + 2)."""
        with np.errstate(divide="ignore"):
            logs = self.log_densities(means) + np.log(weights)
        return np.asarray(np.exp(logs - np.logaddexp.reduce(logs, axis=1)[:, None]))

    def _climb(self, weights: F64, means: F64) -> _Fit:
        """Return the maximum that Newton's steps lead to, plain steps where these do not rise.

        A cluster that loses all its weight is gone.
        """
        for _ in range(_PASSES):
            weights = np.where(weights < _GONE, 0.0, weights)
            left = weights[2:] > 0
            weights, means = weights[np.append([True, True], left)], means[left]
            slope, curvature, open_ = self.differentiate(weights, means)
            try:
                step = cho_solve(cho_factor(curvature), slope)
            except LinAlgError:
                weights, means = self.step(weights, means)
                continue
            if 0.5 * float(slope @ step) <= _LEFT and not self._gains(weights, means):
                return _Fit(weights, means, proven=True)
            weights, means = self._move(weights, means, step, open_)
        return _Fit(weights, means)

    def _gains(self, weights: F64, means: F64) -> bool:
        """Return whether a component without weight would raise the likelihood."""
        closed = weights <= 0
        mixture = self.log_mixture(weights, means)[:, None]
        ratios = np.exp(self.log_densities(means)[:, closed] - mixture).mean(axis=0)
        return bool((ratios > 1.0 + _SLACK).any())

    def _move(self, weights: F64, means: F64, step: F64, open_: I64) -> tuple[F64, F64]:
        """Return where a step leads to if that is higher than where a plain one leads."""
        if self._gains(weights, means):  # only the convex problem opens a weight that is zero
            return fit_mixture_weights(self.log_densities(means))[0], means
        changes = step[: open_.size]
        falls = float((-changes / weights[open_]).max())
        length = 1.0 / max(1.0, falls)  # no further than to where the first weight is gone
        new = weights.copy()
        new[open_] += length * changes
        if falls >= 1.0:
            new[open_[int(np.argmin(changes / weights[open_]))]] = 0.0
        moved = means + length * step[open_.size :]
        plain = self.step(weights, means)
        return (new, moved) if self.value(new, moved) >= self.value(*plain) else plain

    def differentiate(self, weights: F64, means: F64) -> tuple[F64, F64, I64]:
        """Return gradient and negative Hessian by the weights above zero and the means; which.

        Of the log likelihood less m times the sum of the weights, at whose maximum they sum to 1.
        """
        open_ = np.flatnonzero(weights > 0)
        mixture = self.log_mixture(weights, means)[:, None]
        densities = np.exp(self.log_densities(means) - mixture)
        of_means = densities[:, 2:]
        z = (self.ratios[:, None] - means) / self.errors[:, None] ** 2
        first = of_means * z
        bend = of_means * (z**2 - self.errors[:, None] ** -2.0)
        parts = np.hstack([densities[:, open_], weights[2:] * first])
        slope = parts.sum(axis=0)
        slope[: open_.size] -= self.ratios.size
        curvature = parts.T @ parts
        size = open_.size + np.arange(means.size)
        curvature[size, size] -= weights[2:] * bend.sum(axis=0)
        for row, component in enumerate(open_):
            if component >= 2:
                column = open_.size + component - 2
                curvature[row, column] -= first[:, component - 2].sum()
                curvature[column, row] = curvature[row, column]
        return slope, curvature, open_


def _arrange(data: _Ratios, fit: _Fit, none: _Fit, *, order: I64, unit: float) -> SlopeClusters:
    """Return a fit in the order and unit that the ratios came in, the largest cluster first."""
    k = fit.means.size
    errors = np.full(k, np.nan)
    if fit.proven and k:
        _, curvature, open_ = data.differentiate(fit.weights, fit.means)
        spread = np.linalg.inv(curvature).diagonal()[open_.size :]
        errors = np.sqrt(spread)
    by_size = np.lexsort((fit.means, -fit.weights[2:]))
    columns = np.concatenate([[0, 1], 2 + by_size])
    probabilities = np.empty((order.size, k + 2))
    probabilities[order] = data.share(fit.weights, fit.means)[:, columns]
    shift = order.size * math.log(unit)  # densities are per unit
    return SlopeClusters(
        means=fit.means[by_size] * unit,
        errors=errors[by_size] * unit,
        weights=fit.weights[columns],
        probabilities=probabilities,
        log_likelihood=data.value(fit.weights, fit.means) - shift,
        bic=data.criterion(fit) + 2 * shift,
        bic_none=data.criterion(none) + 2 * shift,
        proven=fit.proven and none.proven,
    )
