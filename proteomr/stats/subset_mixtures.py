"""A mixture of normal densities with a part for every subset of several estimates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["SubsetMixture", "mix_subsets"]

_RISE = 2.0  # of the highest point between coarse ones, and of the others below it: e each
_COMPILED_FROM = 1 << 23  # cells: a quarter of a second, which loading the loops takes, too
_CELLS = 1 << 17  # of one array of a chunk: a megabyte


@dataclass(frozen=True, slots=True, eq=False)
class SubsetMixture:
    """Parts of a mixture of normal densities.

    Parameters
    ----------
    means, spreads : (k,) of the parts.
    log_weights : (k,) natural logarithms, of an arbitrary origin.
    """

    means: F64
    spreads: F64
    log_weights: F64

    def log_density(self, points: F64) -> F64:
        """Return the log density at points, up to the origin of the weights.

        Parameters
        ----------
        points : (g,).
        """
        heights = self.log_weights - np.log(self.spreads)
        if points.size * heights.size >= _COMPILED_FROM:
            from proteomr.stats.compiled_mixture_loops import fill_log_density

            out = np.empty(points.size)
            fill_log_density(
                np.ascontiguousarray(points), heights, self.means, 1.0 / self.spreads, out
            )
            return out
        size = max(1, _CELLS // max(1, heights.size))
        chunks = [
            _add_logs(heights - 0.5 * self._distances(points[start : start + size]) ** 2)
            for start in range(0, points.size, size)
        ]
        return np.concatenate([np.empty(0), *chunks])

    def _distances(self, points: F64) -> F64:
        return np.asarray((points[:, None] - self.means) / self.spreads)

    def search(self, points: F64, *, within: float) -> F64:
        """Return the log density at evenly spaced points, minus infinity where it is too low.

        Every point whose log density is within a distance of the highest has its value. Points a
        quarter of the narrowest spread apart are tried first: between two of them no part that
        matters rises by more than a factor of e, so that only cells whose ends come near are
        tried point by point.

        Parameters
        ----------
        points : (g,) evenly spaced, from low to high.
        within : natural log of how far below the highest point a point may be.
        """
        found = np.full(points.size, -np.inf)
        if points.size < 2:
            return self.log_density(points)
        quarter = float(self.spreads.min() / (4.0 * (points[1] - points[0])))
        stride = int(min(max(1.0, quarter), float(points.size)))  # beyond all: the ends alone
        coarse: I64 = np.unique(np.append(np.arange(0, points.size, stride), points.size - 1))
        found[coarse] = self.log_density(points[coarse])
        near = found[coarse] >= found[coarse].max() - (within + _RISE)
        cells = np.flatnonzero(near[1:] | near[:-1])
        inside = [np.arange(coarse[cell] + 1, coarse[cell + 1]) for cell in cells]
        fine: I64 = np.concatenate([np.empty(0, dtype=np.int64), *inside])
        found[fine] = self.log_density(points[fine])
        return found


def mix_subsets(ratio: F64, se: F64, *, log_odds: float) -> SubsetMixture:
    r"""Return the heterogeneity-penalised mixture over all subsets of two or more estimates.

    The subset S of k estimates has the mean :math:`t_S` of them, weighted by :math:`s_j^{-2}`, its
    fixed-effect error :math:`s_S`, Cochran's :math:`Q_S`, and

    .. math:: \log w_S = k \log\frac{p}{1-p} - \sum_{j \in S}\log s_j - Q_S / 2, \qquad
        \sigma_S = s_S \max\{1, \sqrt{Q_S / (k - 1)}\}

    Means and Q are built up by one estimate after another, without differences of large sums.

    Parameters
    ----------
    ratio, se : (m,) estimates and their standard errors.
    log_odds : of an estimate being valid, :math:`\log p/(1-p)`.

    Examples
    --------
    >>> mixture = mix_subsets(np.array([0.4, 0.6, 0.5]), np.full(3, 0.1), log_odds=0.0)
    >>> mixture.means.round(2).tolist()
    [0.5, 0.45, 0.55, 0.5]
    """
    size = 1 << ratio.size
    precision, mean, q, logs = (np.zeros(size) for _ in range(4))
    count: I64 = np.zeros(size, dtype=np.int64)
    for j, (value, error) in enumerate(zip(ratio, se, strict=True)):
        without, added = slice(0, 1 << j), slice(1 << j, 1 << (j + 1))
        own, away = error**-2.0, value - mean[without]
        precision[added] = precision[without] + own
        share = own / precision[added]
        mean[added] = mean[without] + away * share
        q[added] = q[without] + away**2 * precision[without] * share
        logs[added] = logs[without] + (log_odds - math.log(error))
        count[added] = count[without] + 1
    several = count > 1
    precision, mean, q, logs = (a[several] for a in (precision, mean, q, logs))
    spread = np.sqrt(np.maximum(1.0, q / (count[several] - 1)) / precision)
    return SubsetMixture(mean, spread, logs - 0.5 * q)


def _add_logs(rows: F64) -> F64:
    """Return the logarithm of the sum of exponentials of each row."""
    largest = rows.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(rows - largest).sum(axis=1)) + largest[:, 0])
