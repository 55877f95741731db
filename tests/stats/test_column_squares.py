"""Squares of shared columns under many weights are those of each fit by itself."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.chunked import chunk_design
from proteomr.stats.column_squares import multiply_pairs, square_columns
from proteomr.stats.loops import load_loops
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


@pytest.mark.parametrize("columns", [0, 1, 7])
def test_compiled_products_of_pairs_are_the_plain_ones(columns: int) -> None:
    X = np.random.RandomState(columns).randn(columns, 9)
    plain = np.empty((columns * (columns + 1) // 2, 9))
    fast = np.empty_like(plain)
    multiply_pairs(X, plain)
    load_loops("cox").multiply_pairs(X, fast)
    first, second = np.triu_indices(columns)
    np.testing.assert_array_equal(plain, X[first] * X[second])
    np.testing.assert_array_equal(fast, plain)


def test_a_chunk_of_several_pieces_has_the_squares_of_all_its_rows() -> None:
    g, n = np.random.RandomState(1), 1_900
    design = chunk_design(g.randn(n, 4), np.eye(3)[:, 1:], np.sort(g.randint(0, 3, n)))
    own, weights = g.randn(1, 1, n), g.rand(1, 1, n)
    X = np.column_stack([design.matrix(), own[0].T])
    found = square_columns(design, own, weights)[0, 0]
    np.testing.assert_allclose(found, X.T @ (X * weights[0].T), rtol=1e-11, atol=1e-11)
