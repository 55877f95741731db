"""The loops over rows behind robust errors of many fits at once, in numpy.

All take m models of b proteins, and a chunk of r consecutive rows; rows of one cell follow one
another. The columns of a fit are p orthonormal ones, the last t of them those of its terms, and its
residuals.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["add_clusters", "add_leverages", "add_squares", "finish_columns"]


def finish_columns(
    columns: F64, cells: F64, cell: I64, root: F64, own: F64, shares: F64, observed: Bool
) -> None:
    """Complete columns in place, by cell and by each protein's own columns; 0 if not observed.

    Parameters
    ----------
    columns : ``(m, b, p + 1, r)``, the part of the dense columns of the basis.
    cells : ``(m, b, p + 1, q)``, the part of the cell columns, in each cell.
    cell, root : ``(r,)``, cell of each row, and what its cell columns are multiplied by.
    own : ``(b, v, r)``, each protein's own columns.
    shares : ``(m, b, p + 1, v)``, how much of them is in each column.
    observed : ``(b, r)``.
    """
    columns += cells[..., cell] * root + np.matmul(shares, own)
    columns *= observed[:, None, :]


def add_leverages(
    dense: F64,
    factors: F64,
    products: F64,
    cells: F64,
    cell: I64,
    root: F64,
    stops: I64,
    limit: float,
    out: F64,
) -> None:
    """Sum the squares of rows of bases made orthonormal: leverages by nested sets.

    Parameters
    ----------
    dense : ``(r, d)``, rows of the dense columns.
    factors : ``(b, z + d, z + d)``, inverses of lower Cholesky factors.
    products : ``(b, c, r)``, of the dense part of these with the dense columns, of any precision;
        what stands behind its d rows is not read.
    cells : ``(b, z + d, q)``, the part of the cell columns, in each cell.
    stops : ``(s,)``, dense columns of each set, ascending.
    limit : leverages above it are summed again in double precision.
    out : ``(b, s, r)``.
    """
    z, d = factors.shape[1] - dense.shape[1], dense.shape[1]
    squares = (products[:, :d] + cells[:, z:, cell] * root) ** 2
    first = np.sum((cells[:, :z, cell] * root) ** 2, axis=1)
    for t, stop in enumerate(stops.tolist()):
        out[:, t] = first + squares[:, :stop].sum(axis=1)
    if not np.any(out > limit):
        return
    exact = np.matmul(factors[:, z:, z:], dense.T) + cells[:, z:, cell] * root
    for t, stop in enumerate(stops.tolist()):
        wanted = first + (exact[:, :stop] ** 2).sum(axis=1)
        out[:, t] = np.where(out[:, t] > limit, wanted, out[:, t])


def add_squares(
    columns: F64,
    base: F64,
    sets: I64,
    observed: Bool,
    mixing: F64,
    power: float,
    least: float,
    isolated: float,
    meat: F64,
    fourth: F64,
    doubt: F64,
    sound: Bool,
) -> None:
    """Add the squared scores of rows, and the fourth powers of what rows move coefficients by.

    Parameters
    ----------
    columns : ``(m, b, p + 1, r)``.
    base, sets : ``(b, s, r)``, leverages of sets of covariates, and the set of each model ``(m,)``.
    observed : ``(b, r)``.
    mixing : ``(m, b, t, t)``, upper triangles, by which the terms' columns move coefficients.
    power : of ``1 / (1 - h)`` in the scores; 0 asks for no leverages.
    least : below this ``1 - h`` a row is not taken.
    isolated : within which the orthonormal columns of a row are rounding, so that it moves nothing.
    meat : ``(m, b, t, t)``, added to.
    fourth : ``(m, b, t)``, added to.
    doubt : ``(m, b, t, 2)``, added to: leverages times squared scores of a term, and the squares
        of that, by which an error of the leverages is bounded.
    sound : ``(m, b)``, False for a protein with a row that is not taken though it moves something.
    """
    t = mixing.shape[2]
    for m, j in np.ndindex(columns.shape[:2]):
        whole, e = columns[m, j, :-1], columns[m, j, -1]
        terms = whole[whole.shape[0] - t :]
        factor = np.ones(e.size)
        if power > 0.0:
            free = 1.0 - base[j, sets[m]] - np.sum(whole**2, axis=0)
            free = np.where(observed[j], free, 1.0)
            low = ~(free >= least)
            if np.any(~(np.abs(whole[:, low]) <= isolated)):
                sound[m, j] = False
            factor = np.where(low, 0.0, np.where(low, 1.0, free) ** -power)
        scores = terms * (e * factor)
        meat[m, j] += scores @ scores.T
        if power > 0.0:
            part = scores**2 * base[j, sets[m]]
            doubt[m, j] += np.column_stack([part.sum(axis=1), (part**2).sum(axis=1)])
        fourth[m, j] += np.sum((mixing[m, j] @ terms) ** 4, axis=1)


def add_clusters(columns: F64, cluster: I64, mixing: F64, sums: F64) -> None:
    """Add scores, and squares of what rows move coefficients by, within clusters.

    Parameters
    ----------
    columns, mixing : as in :func:`add_squares`; 0 where not observed.
    cluster : ``(r,)``.
    sums : ``(b, g, 2 m t)``, added to: of each model its t scores, then its t squares.
    """
    t = mixing.shape[2]
    for m, j in np.ndindex(columns.shape[:2]):
        terms = columns[m, j, -1 - t : -1]
        both = np.concatenate([terms * columns[m, j, -1], (mixing[m, j] @ terms) ** 2])
        np.add.at(sums[j, :, 2 * t * m : 2 * t * (m + 1)], cluster, both.T)
