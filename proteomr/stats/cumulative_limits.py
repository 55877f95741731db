"""Limits of regressions of an ordered response, where columns separate levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.cumulative import CumulativeFit, Ends, fit_cumulative
from proteomr.stats.cumulative_links import Link
from proteomr.stats.linalg import find_independent

__all__ = ["CumulativeLimit", "fit_cumulative_limit", "maximise_cumulative"]


@dataclass(frozen=True, slots=True)
class CumulativeLimit:
    """A fit, or the limit of one that separation by other columns sends to infinity.

    Attributes
    ----------
    fit : on the columns below; its separation is ``none`` where the column of interest has a finite
        estimate.
    columns : positions of the coefficients that are estimated.
    apart : number of rows that carry nothing of it.
    """

    fit: CumulativeFit
    columns: I64
    apart: int

    @property
    def separation(self) -> str:
        """Kind of separation that the column of interest has a part in."""
        return self.fit.separation.kind if self.fit.separation is not None else "none"


def fit_cumulative_limit(
    ends: Ends,
    start: F64,
    *,
    column: int,
    link: Link,
    weights: F64 | None = None,
    tolerance: float = 1e-7,
) -> CumulativeLimit:
    """Maximise the likelihood, or take the limit for a column where others separate ends.

    In the limit the ends that other columns separate are certain: a level loses the end, and a row
    that has none left loses its part (Geyer 2009, doi:10.1214/08-EJS349).

    Parameters
    ----------
    ends, start, weights : as for :func:`fit_cumulative`.
    column : position of the coefficient of interest.
    tolerance : of aliasing on the ends left.
    """
    fit = fit_cumulative(ends, start, link=link, weights=weights)
    whole = CumulativeLimit(fit, np.arange(ends.size), 0)
    if fit.separation is None or fit.separation.kind != "quasi":
        return whole
    overlapping = fit.separation.overlapping
    stacked, sides = ends.stack()
    left = stacked[overlapping]
    # A column that lies in the separated ends alone is rounding on the others.
    lost = np.linalg.norm(left, axis=0) <= tolerance * np.linalg.norm(stacked, axis=0)
    columns = find_independent(np.where(lost, 0.0, left), tolerance=tolerance)
    if column not in columns or np.ptp(sides[overlapping]) == 0:
        return whole
    kept, rows = ends.keep(overlapping, columns)
    counts = None if weights is None else weights[rows]
    limit = fit_cumulative(kept, start[columns], link=link, weights=counts)
    return CumulativeLimit(limit, columns, int(np.sum(~rows)))


def maximise_cumulative(
    ends: Ends, start: F64, *, link: Link, weights: F64 | None = None, tolerance: float = 1e-7
) -> float:
    """Return the supremum of the log-likelihood, whatever separates ends; NaN where none is found.

    Parameters
    ----------
    ends, start, weights : as for :func:`fit_cumulative`.
    tolerance : of aliasing on the ends left.

    Examples
    --------
    >>> from proteomr.stats.cumulative import lay_out_ends
    >>> levels, x = np.array([0, 0, 1, 1]), np.arange(4.0)[:, None]
    >>> maximise_cumulative(lay_out_ends(levels, x), np.zeros(2), link="logit")
    0.0
    """
    fit = fit_cumulative(ends, start, link=link, weights=weights)
    if fit.converged:
        return fit.log_likelihood
    if fit.separation is None or fit.separation.kind == "none":
        return float("nan")
    if fit.separation.kind == "complete":
        return 0.0
    left = ends.stack()[0][fit.separation.overlapping]
    columns = find_independent(left, tolerance=tolerance)
    kept, rows = ends.keep(fit.separation.overlapping, columns)
    counts = None if weights is None else weights[rows]
    limit = fit_cumulative(kept, start[columns], link=link, weights=counts)
    return limit.log_likelihood if limit.converged else float("nan")
