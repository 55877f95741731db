"""The first principal component of each module: its eigenprotein, and who belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

from proteomr._typing import F64, Bool
from proteomr.stats.average_ranks import rank_rows
from proteomr.stats.knn import impute_knn
from proteomr.stats.pair_distances import PairDistances
from proteomr.status import Status

__all__ = ["Component", "correlate_with", "find_component", "lead_of"]

_NEIGHBOURS: Final = 10  # by which missing values of a module are filled, as R's moduleEigengenes
_MISSING: Final = 0.8  # of a module's proteins: people who miss more have no eigenprotein
_RESIDUAL: Final = 1e-9  # of an eigenvector, by the eigenvalue: some 1e4 times what rounding leaves
_LANCZOS_FROM: Final = 400  # rows: from here on its products with a vector are the shorter way
_ROWS: Final = 64  # of a module at a time, where nothing needs them all
_TOGETHER: Final = 4  # rows, which stay in the second-level cache from step to step
_GAP: Final = 1e-8  # of two eigenvalues: below it no direction is told from another


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """The eigenprotein of a module.

    Attributes
    ----------
    scores : (n,) mean zero, length one; NaN for people who miss too much of the module.
    explained : share of the variance of the module's proteins.
    status : ok, or not_identified where the direction is not unique.
    """

    scores: F64
    explained: float
    status: Status


def find_component(
    values: F64,
    *,
    of_ranks: bool = False,
    products: F64 | None = None,
    distances: PairDistances | None = None,
) -> Component:
    r"""Return the first principal component of the standardised proteins of a module.

    The first right singular vector of the matrix of standardised proteins by people, its sign such
    that it goes with the mean of the proteins (Langfelder and Horvath 2007,
    doi:10.1186/1752-0509-1-54; R's ``WGCNA::moduleEigengenes``). Missing values are filled first
    from the nearest ten proteins of the module, and with ranks the proteins are their ranks.

    Parameters
    ----------
    values : (m, n) the proteins of the module, NaN where missing.
    of_ranks : whether ranks are taken first.
    products : (m, m) correlations of the values, or of their ranks, where they are known and
        nothing is missing; else they are computed.
    distances : of the proteins, where they are known.

    Examples
    --------
    >>> found = find_component(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.5]]))
    >>> found.scores.round(3).tolist(), round(found.explained, 3)
    ([-0.682, -0.047, 0.729], 0.997)
    """
    missing = np.isnan(values)
    if products is not None and len(values) <= values.shape[1] and not missing.any():
        return _find_by_products(values, products, of_ranks=of_ranks)
    people = missing.mean(axis=0) <= _MISSING
    rows = values.copy() if people.all() else np.ascontiguousarray(values[:, people])
    if missing.any():
        near = max(1, min(_NEIGHBOURS, len(rows) - 1))
        account = impute_knn(
            rows,
            neighbours=near,
            max_missing_per_column=_MISSING,
            distances=distances if people.all() else None,  # theirs are of all people
        )
        if account.cells_left:
            rows = rows[~np.isnan(rows).any(axis=1)]
    del missing
    if of_ranks:
        rows = rank_rows(rows)
    rows, varies = _standardise(rows)
    rows = rows if varies.all() else rows[varies]
    direction, top, gap = _find_top(rows)
    found = _describe(direction, np.ones(len(rows)) @ rows, share=top / len(rows), gap=gap / top)
    scores = np.full(values.shape[1], np.nan)
    scores[people] = found.scores
    return replace(found, scores=scores)


def _find_by_products(values: F64, products: F64, *, of_ranks: bool) -> Component:
    """Return the component by known correlations; no further matrix of people is made."""
    vector, top, gap = lead_of(products)
    direction, total = np.zeros((2, values.shape[1]))
    for start in range(0, len(values), _ROWS):
        block = values[start : start + _ROWS]
        if of_ranks:
            block = rank_rows(block)
        block, _ = _standardise(block)
        direction += vector[start : start + _ROWS] @ block
        total += block.sum(axis=0)
    return _describe(direction, total, share=top / len(values), gap=gap / top)


def _describe(direction: F64, total: F64, *, share: float, gap: float) -> Component:
    """Return a direction over people, of length one, as a component that goes with the mean."""
    scores = direction / np.sqrt(direction @ direction)
    if float(scores @ total) < 0.0:
        scores = -scores
    return Component(scores, share, Status.ok if gap > _GAP else Status.not_identified)


def _standardise(rows: F64) -> tuple[F64, Bool]:
    """Return rows of mean zero and length one, and which have more than one value: else zero."""
    scaled = np.empty_like(rows)
    varies = np.empty(len(rows), dtype=np.bool_)
    for start in range(0, len(rows), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        varies[some] = _standardise_some(rows[some], scaled[some])
    return scaled, varies


def _standardise_some(rows: F64, scaled: F64) -> Bool:
    unit = np.maximum(rows.max(axis=1), -rows.min(axis=1))[:, None]
    np.divide(rows, np.where(unit > 0.0, unit, 1.0), out=scaled)
    scaled -= scaled.mean(axis=1, keepdims=True)
    size = np.sqrt(np.vecdot(scaled, scaled))
    # what a mean of numbers below one leaves of a constant row
    varies: Bool = size > 64 * np.finfo(np.float64).eps * np.sqrt(rows.shape[1])
    scaled /= np.where(varies, size, np.inf)[:, None]
    return varies


def _find_top(rows: F64) -> tuple[F64, float, float]:
    """Return the direction over people, its eigenvalue, and the distance to the next."""
    m, n = rows.shape
    if m <= n:
        vector, top, gap = lead_of(rows @ rows.T)
        return vector @ rows, top, gap
    return lead_of(rows.T @ rows)


def lead_of(matrix: F64) -> tuple[F64, float, float]:
    """Return the leading eigenvector of a symmetric matrix, its eigenvalue, and the gap below it.

    Raises
    ------
    ArithmeticError
        The vector is not one to rounding, which a product with the matrix shows.

    Examples
    --------
    >>> vector, top, gap = lead_of(np.array([[2.0, 0.0], [0.0, 1.0]]))
    >>> abs(vector).tolist(), top, gap
    ([1.0, 0.0], 2.0, 1.0)
    """
    k = len(matrix)
    if k == 1:
        return np.ones(1), float(matrix[0, 0]), float(matrix[0, 0])
    found, vectors = _find_pair(matrix)
    vector, top = vectors[:, 1], float(found[1])
    residual = matrix @ vector - top * vector
    if not float(np.sqrt(residual @ residual)) <= _RESIDUAL * max(abs(top), 1e-300) * np.sqrt(k):
        raise ArithmeticError("an eigenvector of a module did not come out")
    return vector, top, top - float(found[0])


def _find_pair(matrix: F64) -> tuple[F64, F64]:
    """Return the two largest eigenvalues, ascending, and their vectors."""
    k = len(matrix)
    if k > _LANCZOS_FROM:
        try:
            found, vectors = eigsh(matrix, k=2, which="LA", v0=np.ones(k), tol=0.0)
        except ArpackNoConvergence:
            pass
        else:
            order = np.argsort(found)
            return found[order], vectors[:, order]
    found, vectors = eigh(matrix, subset_by_index=[k - 2, k - 1], check_finite=False)
    return found, vectors


def correlate_with(values: F64, scores: F64) -> F64:
    """Return Pearson's correlation of each protein with an eigenprotein, over who has both.

    Parameters
    ----------
    values : (m, n), NaN where missing.
    scores : (n,), NaN where missing.

    Examples
    --------
    >>> correlate_with(np.array([[1.0, 2.0, np.nan, 4.0]]), np.array([1.0, 2.0, 9.0, 4.0])).tolist()
    [1.0]
    """
    result = np.full(len(values), np.nan)
    known = ~np.isnan(scores)
    everyone = bool(known.all())
    kept: F64 = np.empty((2, scores.size))  # no memory is asked for anew with each protein
    for place, row in enumerate(values):
        both = ~np.isnan(row)
        if not everyone:
            both &= known
        count = int(np.count_nonzero(both))
        if count > 2:
            one, other = kept[:, :count]
            np.compress(both, row, out=one)
            np.compress(both, scores, out=other)
            result[place] = _correlate(one, other)
    return result


def _correlate(one: F64, other: F64) -> float:
    """Return Pearson's correlation of values that are overwritten."""
    _centre(one)
    _centre(other)
    size = float(np.sqrt((one @ one) * (other @ other)))
    return min(max(float(one @ other) / size, -1.0), 1.0) if size > 0.0 else float("nan")


def _centre(x: F64) -> None:
    x /= max(float(x.max()), -float(x.min()), 1e-300)
    x -= x.mean()
