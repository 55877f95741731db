"""Weights of a mixture of known densities at the maximum of the likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from proteomr._typing import F64

__all__ = ["fit_mixture_weights"]

_GAP: Final = 1e-9  # of the mean log-likelihood to its maximum, which a dual bound proves
_MOST_STEPS: Final = 200  # Newton's steps square the gap; 5 to 20 are taken
# A step takes at most this share of any row's density: a row that only one component explains would
# else lose it, and all curvature be that row's.
_FALL: Final = 0.9
# Of the mean log-likelihood, what sums of thousands of logarithms are rounded by: less of a gain is
# seen by slopes alone. A component of one row of thousands has so little to give.
_ROUNDING: Final = 8.0 * np.finfo(np.float64).eps
_RIDGE: Final = 1e-10  # of the curvature's mean diagonal: densities of neighbours are nearly one


def fit_mixture_weights(
    log_densities: F64, *, prior: F64 | None = None, start: F64 | None = None
) -> tuple[F64, bool]:
    r"""Return the weights of mixture components that make rows the most likely.

    .. math:: \max_w \frac1N \Big(\sum_i \ln \sum_k w_k e^{\ell_{ik}} + \sum_k c_k \ln w_k\Big),
        \quad w \ge 0, \; \sum_k w_k = 1

    where N counts the n rows and the :math:`c_k`, by Newton's steps whose quadratic programs are
    least squares under non-negativity (Kim and others 2020, doi:10.1080/10618600.2019.1689985).
    Weights sum to 1 by themselves at the minimum of what is left when their sum is taken off. At
    the end every component's mean ratio to the mixture is at most 1 plus 1e-9, which bounds how far
    the likelihood may be from its maximum.

    Parameters
    ----------
    log_densities : (n, k) of each row under each component.
    prior : (k,) rows that a component has besides, as of a Dirichlet prior of ``1 + prior``; None
        for none.
    start : (k,) weights to begin with; None for equal ones.

    Returns
    -------
    weights : (k,).
    proven : whether that bound was reached.

    Examples
    --------
    >>> weights, proven = fit_mixture_weights(np.log([[0.9, 0.1], [0.8, 0.3], [0.2, 0.7]]))
    >>> weights.round(4).tolist(), proven
    ([0.8283, 0.1717], True)
    """
    n, k = log_densities.shape
    added = np.zeros(k) if prior is None else prior
    rows = n + float(added.sum())
    scaled = np.exp(log_densities - log_densities.max(axis=1, keepdims=True))
    w = np.full(k, 1.0 / k)
    if start is not None:  # weights of zero would stay: no step goes far from the edge at first
        w = 0.999 * start + 0.001 / k
    for _ in range(_MOST_STEPS):
        ratios = scaled / (scaled @ w)[:, None]
        slopes = (ratios.sum(axis=0) + _divide(added, w)) / rows
        if slopes.max() - 1.0 <= _GAP:
            return w, True
        ratios /= np.sqrt(rows)
        curvature = ratios.T @ ratios + np.diag(_divide(added, w * w) / rows)
        w = _step(_Objective(scaled, added, rows), w, curvature, slopes)
        w = w / w.sum()
    return w, False


@dataclass(frozen=True, slots=True, eq=False)
class _Objective:
    """The mean log-likelihood of weights that need not sum to 1, and how far a step may go."""

    scaled: F64
    added: F64
    rows: float

    def __call__(self, w: F64) -> float:
        with np.errstate(divide="ignore"):
            logs = float(np.sum(np.log(self.scaled @ w)))
            logs += float(np.sum(self.added[self.added > 0] * np.log(w[self.added > 0])))
        return logs / self.rows - float(w.sum())

    def find_fall(self, w: F64, change: F64) -> float:
        """Return the largest share of a row's density that a change takes."""
        falls = -float((self.scaled @ change / (self.scaled @ w)).min())
        return max(falls, -float(_divide(np.where(self.added > 0, change, 0.0), w).min()))


def _divide(part: F64, whole: F64) -> F64:
    return np.divide(part, whole, out=np.zeros_like(whole), where=part != 0)


def _step(objective: _Objective, w: F64, curvature: F64, slopes: F64) -> F64:
    """Return better weights: Newton's, shortened until the likelihood rises.

    Where it would rise by less than its rounding it cannot judge a step, and the next slopes do.
    """
    curvature[np.diag_indices_from(curvature)] += _RIDGE * np.trace(curvature) / w.size
    upper = cholesky(curvature)
    target = solve_triangular(upper, curvature @ w + slopes - 1.0, trans="T")
    aimed = nnls(upper, target, maxiter=100 * w.size)[0]
    step = min(1.0, _FALL / max(objective.find_fall(w, aimed - w), _FALL))
    before, gain = objective(w), float((slopes - 1.0) @ (aimed - w))
    if abs(gain) <= _ROUNDING * max(1.0, abs(before)):
        return np.asarray(w + step * (aimed - w))
    while step > 1e-12:  # a step of fewer digits than weights have changes nothing
        tried = w + step * (aimed - w)
        if objective(tried) >= before + 1e-4 * step * gain:
            return np.asarray(tried)
        step *= 0.5
    return w
