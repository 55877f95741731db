"""Tests that some coefficients of a regression of ordered levels are 0."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.cumulative import (
    fit_cumulative,
    lay_out_ends,
    likelihood_of,
    start_from_shares,
)
from proteomr.stats.cumulative_limits import maximise_cumulative
from proteomr.stats.cumulative_links import Link
from proteomr.stats.linalg import find_independent, triangle_of
from proteomr.stats.nested_tests import NestedTest, refer_chi2

__all__ = ["compare_cumulative", "score_cumulative"]

# What the others leave of a column, below which it has no score of its own.
_ALIASED = 1e-7


def compare_cumulative(
    X: F64, levels: I64, *, tested: I64, link: Link, weights: F64
) -> NestedTest | None:
    """Test coefficients by the ratio of likelihoods; finite under separation.

    None where a fit does not settle.

    Parameters
    ----------
    X : ``(n, k)``, without an intercept.
    levels : ``(n,)``, all of 0 to t.
    tested : positions of the columns.
    weights : ``(n,)``, how often each row was seen.

    Examples
    --------
    >>> levels, x = np.array([0, 0, 1, 1]), np.arange(4.0)[:, None]
    >>> found = compare_cumulative(
    ...     x, levels, tested=np.array([0]), link="logit", weights=np.ones(4))
    >>> [round(part, 4) for part in found]  # 8 log 2
    [5.5452, 1.0, 1.7321]
    """
    values = []
    for columns in (_standardise(X), np.delete(_standardise(X), tested, axis=1)):
        ends = lay_out_ends(levels, columns)
        start = start_from_shares(levels, ends.size, link=link, counts=weights)
        values.append(maximise_cumulative(ends, start, link=link, weights=weights))
    return refer_chi2(2.0 * (values[0] - values[1]), tested.size)


def score_cumulative(
    X: F64, levels: I64, *, tested: I64, link: Link, weights: F64
) -> NestedTest | None:
    """Test coefficients by Rao's score: that at the fit without them, over the information there.

    The information is the observed one, as that of the estimates. Ends of levels that the other
    columns separate have neither. None where the fit without them does not settle.

    Parameters
    ----------
    X, levels, tested, link, weights : as for :func:`compare_cumulative`.

    Examples
    --------
    >>> levels, x = np.array([0, 0, 1, 1]), np.arange(4.0)[:, None]
    >>> found = score_cumulative(
    ...     x, levels, tested=np.array([0]), link="logit", weights=np.ones(4))
    >>> [round(part, 4) for part in found]
    [3.2, 1.0, 1.1329]
    """
    X = _standardise(X)
    X = np.column_stack([np.delete(X, tested, axis=1), X[:, tested]])
    ends = lay_out_ends(levels, X)
    others = ends.size - tested.size
    null = lay_out_ends(levels, X[:, : X.shape[1] - tested.size])
    start = start_from_shares(levels, others, link=link, counts=weights)
    fit = fit_cumulative(null, start, link=link, weights=weights)
    if not fit.converged:
        if fit.separation is None or fit.separation.kind != "quasi":
            return None
        overlapping = fit.separation.overlapping
        kept = find_independent(null.stack()[0][overlapping])
        asked = np.arange(others, ends.size)
        ends, rows = ends.keep(overlapping, np.concatenate([kept, asked]))
        null, weights = null.keep(overlapping, kept)[0], weights[rows]
        fit = fit_cumulative(null, start[kept], link=link, weights=weights)
        if not fit.converged:
            return None
    theta = np.concatenate([fit.coefficients, np.zeros(tested.size)])
    score, root = likelihood_of(ends, theta, link=link, weights=weights)
    if find_independent(root, tolerance=_ALIASED).size < root.shape[1]:
        return None
    R = triangle_of(root)[-tested.size :, -tested.size :]
    along = np.linalg.solve(R.T, score[-tested.size :])
    return refer_chi2(float(along @ along), tested.size)


def _standardise(X: F64) -> F64:
    """Return columns centred and scaled, which thresholds allow."""
    centred = X - X.mean(axis=0)
    scale = np.sqrt(np.mean(centred**2, axis=0))
    return np.asarray(centred / np.where(scale > 0.0, scale, 1.0))
