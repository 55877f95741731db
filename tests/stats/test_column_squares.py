"""Squares of shared columns under many weights are those of each fit by itself."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.chunked import chunk_design
from proteomr.stats.column_squares import square_columns
from proteomr.stats.tiles import TILE

N = 150


@pytest.mark.parametrize(("dense", "cells"), [(0, 1), (4, 1), (0, 5), (3, 6)])
@pytest.mark.parametrize("borders", [1, 2])
def test_squares_are_those_of_the_whole_matrix(dense: int, cells: int, borders: int) -> None:
    g = np.random.RandomState(cells)
    of_cells, cell = g.randn(cells, cells - 1), np.sort(g.randint(0, cells, N))
    design = chunk_design(g.randn(N, dense), of_cells, cell, chunk_rows=40)
    own, weights = g.randn(3, borders, N), g.randn(3, 2, N)
    found = square_columns(design, own, weights)
    for j, w in np.ndindex(3, 2):
        X = np.column_stack([design.matrix(), own[j].T])
        wanted = X.T @ (X * weights[j, w][:, None])
        np.testing.assert_allclose(found[w, j], wanted, rtol=1e-12, atol=1e-12)


def test_a_fit_is_rounded_alike_whatever_stands_beside_it() -> None:
    g = np.random.RandomState(3)
    design = chunk_design(g.randn(N, 5), np.eye(4)[:, 1:], np.sort(g.randint(0, 4, N)))
    own, weights = g.randn(2 * TILE, 1, N), g.rand(2 * TILE, 3, N)
    both = square_columns(design, own, weights)
    half = square_columns(design, own[:TILE], weights[:TILE])
    np.testing.assert_array_equal(both[:, :TILE], half)
