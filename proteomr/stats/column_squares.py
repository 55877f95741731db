"""Squares of columns under many weights at once: ``X' diag(w) X`` of fits that share covariates.

The products of all pairs of dense covariates are formed once for a chunk of rows; those with the
columns of factors are sums over the runs of rows that are of one cell.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from proteomr._typing import F64
from proteomr.stats.chunked import Chunk, ChunkedDesign
from proteomr.stats.tiles import split_tiles

__all__ = ["multiply_pairs", "square_columns"]

_ROWS = 260
"""Rows of a piece: the products of 600 pairs of columns, 1.2 MB, stay in the second-level cache."""


def multiply_pairs(columns: F64, products: F64) -> None:
    """Put the products of all pairs of columns ``(d, c)``, and their squares, in ``(d (d + 1) / 2,
    c)``.

    Examples
    --------
    >>> found = np.empty((3, 1))
    >>> multiply_pairs(np.array([[2.0], [3.0]]), found)
    >>> found.ravel().tolist()
    [4.0, 6.0, 9.0]
    """
    place = 0
    for c in range(columns.shape[0]):
        stop = place + columns.shape[0] - c
        np.multiply(columns[c:], columns[c], out=products[place:stop])
        place = stop


def square_columns(
    design: ChunkedDesign,
    borders: F64,
    weights: F64,
    *,
    multiply: Callable[[F64, F64], None] = multiply_pairs,
) -> F64:
    """Return the squares ``(Q, B, k + s, k + s)`` of the columns of B fits.

    Parameters
    ----------
    design : the k covariates that all have.
    borders : ``(B, s, n)``, further columns of each.
    weights : ``(B, Q, n)``.
    multiply : :func:`multiply_pairs`, or its compiled twin.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> dense, cells = np.array([[1.0], [2.0], [3.0]]), np.array([[0.0], [1.0]])
    >>> design = chunk_design(dense, cells, np.array([0, 1, 1]))
    >>> square_columns(design, np.ones((1, 1, 3)), np.array([[[1.0, 1.0, 2.0]]]))[0, 0].tolist()
    [[23.0, 8.0, 9.0], [8.0, 3.0, 3.0], [9.0, 3.0, 4.0]]
    """
    (B, s, n), Q, k = borders.shape, weights.shape[1], design.k
    out = np.empty((Q, B, k + s, k + s))
    of_shared = _square_shared(design, weights.reshape(B * Q, n), B, multiply).reshape(B, Q, k, k)
    out[:, :, :k, :k] = of_shared.transpose(1, 0, 2, 3)
    cross = np.empty((B * Q * s, design.local_width))
    own = np.zeros((B, Q, s, s))
    tiles = split_tiles(cross, B)
    for chunk in design.chunks:
        here = slice(chunk.start, chunk.stop)
        weighted = borders[:, None, :, here] * weights[:, :, None, here]
        rows = split_tiles(weighted.reshape(B * Q * s, -1), B)
        np.matmul(rows, chunk.local, out=tiles[:, :, chunk.columns])
        own += np.einsum("bqtc,bsc->bqts", weighted, borders[:, :, here])
    of_both = design.gather(design.collect(cross)).reshape(B, Q, s, k).transpose(1, 0, 2, 3)
    out[:, :, k:, :k] = of_both
    out[:, :, :k, k:] = of_both.transpose(0, 1, 3, 2)
    out[:, :, k:, k:] = own.transpose(1, 0, 2, 3)
    return out


def _square_shared(
    design: ChunkedDesign, weights: F64, proteins: int, multiply: Callable[[F64, F64], None]
) -> F64:
    """Return the squares ``(R, k, k)`` of the covariates under weights ``(R, n)``."""
    R, d, k = weights.shape[0], design.d, design.k
    first, second = np.triu_indices(d)
    tiles = split_tiles(weights, proteins)
    packed = np.zeros((*tiles.shape[:2], first.size))
    of_cells = np.zeros((design.cell_columns.shape[0], *tiles.shape[:2], d + 1))
    room = np.empty((first.size, _ROWS))
    for chunk, runs in zip(design.chunks, design.runs, strict=True):
        for start, stop in _cut(chunk) if d else ():
            columns = np.ascontiguousarray(chunk.local[start:stop, :d].T)
            products = room[:, : stop - start]
            multiply(columns, products)
            here = slice(chunk.start + start, chunk.start + stop)
            packed += tiles[:, :, here] @ products.T
        dense = np.ones((chunk.stop - chunk.start, d + 1))
        dense[:, :d] = chunk.local[:, :d]
        for start, stop, cell in runs:
            inside = dense[start - chunk.start : stop - chunk.start]
            of_cells[cell] += tiles[:, :, start:stop] @ inside
    out = np.empty((R, k, k))
    flat = packed.reshape(R, first.size)
    out[:, first, second] = flat
    out[:, second, first] = flat
    Z = design.cell_columns
    sums = of_cells.reshape(-1, R, d + 1)
    out[:, d:, :d] = np.einsum("qz,qrd->rzd", Z, sums[:, :, :d], optimize=True)
    out[:, :d, d:] = out[:, d:, :d].transpose(0, 2, 1)
    out[:, d:, d:] = np.matmul(Z.T, sums[:, :, d].T[:, :, None] * Z)
    return out


def _cut(chunk: Chunk) -> list[tuple[int, int]]:
    """Return pieces of the rows of a chunk, of about the same size."""
    rows = chunk.stop - chunk.start
    bounds = np.linspace(0, rows, -(-rows // _ROWS) + 1).astype(int).tolist()
    return list(pairwise(bounds))
