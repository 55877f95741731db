"""Weights of a mixture of known densities at the maximum of the likelihood."""

from __future__ import annotations

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
_RIDGE: Final = 1e-10  # of the curvature's mean diagonal: densities of neighbours are nearly one


def fit_mixture_weights(log_densities: F64) -> tuple[F64, bool]:
    r"""Return the weights of mixture components that make rows the most likely.

    .. math:: \max_w \frac1n \sum_i \ln \sum_k w_k e^{\ell_{ik}}, \quad w \ge 0, \; \sum_k w_k = 1

    by Newton's steps whose quadratic programs are least squares under non-negativity (Kim and
    others 2020, doi:10.1080/10618600.2019.1689985). Weights sum to 1 by themselves at the minimum
    of :math:`-\frac1n \sum \ln + \sum w`. At the end every component's mean ratio to the mixture is
    at most 1 plus 1e-9, which bounds how far the likelihood may be from its maximum.

    Parameters
    ----------
    log_densities : (n, k) of each row under each component.

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
    scaled = np.exp(log_densities - log_densities.max(axis=1, keepdims=True))
    w = np.full(k, 1.0 / k)
    for _ in range(_MOST_STEPS):
        ratios = scaled / (scaled @ w)[:, None]
        slopes = ratios.mean(axis=0)
        if slopes.max() - 1.0 <= _GAP:
            return w, True
        w = _step(scaled, w, ratios / np.sqrt(n), slopes)
        w = w / w.sum()
    return w, False


def _step(scaled: F64, w: F64, roots: F64, slopes: F64) -> F64:
    """Return better weights: Newton's, shortened until the likelihood rises."""
    curvature = roots.T @ roots
    curvature[np.diag_indices_from(curvature)] += _RIDGE * np.trace(curvature) / w.size
    upper = cholesky(curvature)
    target = solve_triangular(upper, curvature @ w + slopes - 1.0, trans="T")
    aimed = nnls(upper, target, maxiter=100 * w.size)[0]
    falls = -float((scaled @ (aimed - w) / (scaled @ w)).min())
    step, before = min(1.0, _FALL / max(falls, _FALL)), _value(scaled, w)
    gain = float((slopes - 1.0) @ (aimed - w))
    while step > 1e-12:  # a step of fewer digits than weights have changes nothing
        tried = w + step * (aimed - w)
        if _value(scaled, tried) >= before + 1e-4 * step * gain:
            return np.asarray(tried)
        step *= 0.5
    return w


def _value(scaled: F64, w: F64) -> float:
    with np.errstate(divide="ignore"):
        return float(np.mean(np.log(scaled @ w)) - w.sum())
