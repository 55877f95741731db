"""Leverages of all rows in all fits of a block: ``w_i x_i' H^-1 x_i``.

The information of a fit is a product of its weights with the products of pairs of covariates, and
its leverages are products of these with its inverse: both are one matrix product for all fits of a
block. Cells take a sum over their rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.chunked import Chunk, ChunkedDesign
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.row_models import Rows
from proteomr.stats.workspace import workspace

__all__ = ["Inverses", "Leverages"]

# Squares of sines between columns of the information in their own units: below, its inverse has
# lost digits, and the exact path has to say which columns there are.
_PLAIN_PIVOT = 1e-8


@dataclass(frozen=True, slots=True)
class Inverses:
    """What leverages of the R fits are made of.

    Attributes
    ----------
    covariates : ``(R, k, k)``, inverse information of the covariates without the borders.
    pairs : ``(R, d (d + 1) / 2)``, its entries of pairs of dense columns, twice where they differ.
    slopes : ``(R, k, s)``, regressions of the borders on them.
    borders : ``(R, s, s)``, inverse of what they leave of the borders.
    plain : ``(R,)``, where these have their digits.
    """

    covariates: F64
    pairs: F64
    slopes: F64
    borders: F64
    plain: Bool


class Leverages:
    """Informations and leverages of fits on a chunked design.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    """

    def __init__(self, design: ChunkedDesign) -> None:
        self.design = design

    @cached_property
    def _pairs(self) -> tuple[I64, I64]:
        """Positions of the two dense columns of each pair."""
        return np.triu_indices(self.design.d)

    def invert(self, rows: Rows, state: F64) -> Inverses:
        """Return the inverse informations at means ``(R, 1, n)``."""
        design = self.design
        (B, s, _), R, d = rows.borders.shape, state.shape[0], self.design.d
        of_pairs = np.zeros((R, self._pairs[0].size))
        wide = np.zeros((R, 1 + s, design.width))
        with_cells = np.zeros((R, d, design.width - d))
        borders = np.zeros((R, s, s))
        for chunk in design.chunks:
            w = _weigh(rows, state, chunk)
            dense = chunk.local[:, :d]
            of_pairs += w @ _multiply_pairs(dense).T
            starts = _find_starts(chunk, d)
            cells = slice(d + chunk.cells.start, d + chunk.cells.stop)
            for cell, at in _find_runs(chunk, starts):
                with_cells[:, :, cell] += w[:, at] @ dense[at]
            wide[:, 0, cells] += np.add.reduceat(w, starts, axis=1)
            x = rows.borders[:, :, chunk.start : chunk.stop]
            weighted = w.reshape(B, -1, 1, w.shape[1]) * x[:, None]
            borders += np.matmul(weighted, x[:, None].transpose(0, 1, 3, 2)).reshape(R, s, s)
            of_borders = weighted.reshape(R * s, -1)
            wide[:, 1:, :d] += (of_borders @ dense).reshape(R, s, d)
            sums = np.add.reduceat(of_borders, starts, axis=1)
            wide[:, 1:, cells] += sums.reshape(R, s, -1)
        information = np.zeros((R, design.k, design.k))
        information[:, self._pairs[0], self._pairs[1]] = of_pairs
        information[:, self._pairs[1], self._pairs[0]] = of_pairs
        Z = design.cell_columns
        across = np.matmul(with_cells, Z)
        information[:, :d, d:], information[:, d:, :d] = across, across.transpose(0, 2, 1)
        information[:, d:, d:] = np.matmul(Z.T, wide[:, 0, d:, None] * Z)
        cross = design.gather(wide[:, 1:].reshape(R * s, -1)).reshape(R, s, design.k)
        return self._eliminate(information, cross.transpose(0, 2, 1), borders)

    def of_chunk(self, rows: Rows, state: F64, inverses: Inverses, chunk: Chunk) -> F64:
        """Return the leverages of the rows of a chunk ``(R, c)``."""
        d, Q = self.design.d, inverses.covariates
        dense = chunk.local[:, :d]
        lengths = inverses.pairs @ _multiply_pairs(dense)
        B, R = rows.borders.shape[0], Q.shape[0]
        x = rows.borders[:, :, chunk.start : chunk.stop]
        slopes = np.ascontiguousarray(inverses.slopes.transpose(0, 2, 1))
        s = slopes.shape[1]
        fitted = (slopes[:, :, :d].reshape(R * s, d) @ dense.T).reshape(R, s, -1)
        rest = np.repeat(x, R // B, axis=0) - fitted
        z = self.design.cell_columns[chunk.cells]
        with_cells = np.matmul(Q[:, :, d:], z.T)
        constant = np.sum(with_cells[:, d:] * z.T, axis=1)
        of_borders = np.matmul(slopes[:, :, d:], z.T)
        for i, (_, at) in enumerate(_find_runs(chunk, _find_starts(chunk, d))):
            lengths[:, at] += 2.0 * with_cells[:, :d, i] @ dense[at].T + constant[:, i, None]
            rest[:, :, at] -= of_borders[:, :, i, None]
        lengths += np.sum(rest * np.matmul(inverses.borders, rest), axis=1)
        lengths *= _weigh(rows, state, chunk)
        return np.asarray(lengths)

    def _eliminate(self, information: F64, cross: F64, borders: F64) -> Inverses:
        """Return the inverses of informations ``(R, k, k)``, ``(R, k, s)`` and ``(R, s, s)``."""
        whole = np.concatenate(
            [
                np.concatenate([information, cross], axis=2),
                np.concatenate([cross.transpose(0, 2, 1), borders], axis=2),
            ],
            axis=1,
        )
        k = information.shape[1]
        root = np.sqrt(np.maximum(np.einsum("rkk->rk", whole), np.finfo(np.float64).tiny))
        plain = cholesky_pivots(whole / (root[:, :, None] * root[:, None]))[1] > _PLAIN_PIVOT
        information = np.where(plain[:, None, None], information, np.eye(k))
        inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
        slopes = np.matmul(inverse, cross)
        schur = borders - np.matmul(cross.transpose(0, 2, 1), slopes)
        schur = np.where(plain[:, None, None], schur, np.eye(schur.shape[1]))
        first, second = self._pairs
        pairs = inverse[:, first, second] * np.where(first == second, 1.0, 2.0)
        return Inverses(
            inverse, pairs, slopes, np.asarray(np.linalg.inv(schur), dtype=np.float64), plain
        )


def _multiply_pairs(dense: F64) -> F64:
    """Return the products of pairs of columns ``(d (d + 1) / 2, c)``, in the order of numpy's
    ``triu_indices``.
    """
    columns = np.ascontiguousarray(dense.T)
    d, c = columns.shape
    out = workspace.take("pairs", (d * (d + 1) // 2, c), np.float64)
    start = 0
    for i, column in enumerate(columns):
        np.multiply(column, columns[i:], out=out[start : start + d - i])
        start += d - i
    return out


def _weigh(rows: Rows, state: F64, chunk: Chunk) -> F64:
    """Return the weights ``m mu (1 - mu)`` of a chunk ``(R, c)``."""
    at = slice(chunk.start, chunk.stop)
    mu, m = state[:, 0, at], rows.mask[:, at]
    out = workspace.take("row weights", mu.shape, np.float64)
    np.subtract(1.0, mu, out=out)
    out *= mu
    by_protein = out.reshape(m.shape[0], -1, m.shape[1])
    by_protein *= m[:, None]
    return out


def _find_starts(chunk: Chunk, d: int) -> I64:
    """Return the first rows of the cells of a chunk, none of which is empty."""
    counts = chunk.local[:, d : d + chunk.cells.stop - chunk.cells.start].sum(axis=0)
    return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)


def _find_runs(chunk: Chunk, starts: I64) -> Iterator[tuple[int, slice]]:
    """Yield the cells of a chunk and their rows in it."""
    ends = [*starts[1:].tolist(), chunk.stop - chunk.start]
    for i, (start, stop) in enumerate(zip(starts.tolist(), ends, strict=True)):
        yield chunk.cells.start + i, slice(start, stop)
