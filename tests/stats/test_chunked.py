"""A chunked design is the design, with products that cost less."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.stats.chunked import chunk_design
from proteomr.stats.workspace import ALIGNMENT


def draw(n: int, d: int, q: int) -> tuple[F64, F64, I64]:
    g = np.random.default_rng(n + q)
    cell = np.sort(g.integers(0, q, n))
    cell_columns = np.column_stack([np.ones(q), np.eye(q)[:, 1:]])
    return g.normal(size=(n, d)), cell_columns, cell


@pytest.mark.parametrize(("n", "d", "q"), [(100, 3, 1), (1000, 4, 7), (1025, 0, 30), (513, 2, 513)])
def test_the_matrix_of_a_chunked_design_is_the_design(n: int, d: int, q: int) -> None:
    dense, cell_columns, cell = draw(n, d, q)
    design = chunk_design(dense, cell_columns, cell)
    assert (design.n, design.k, design.d) == (n, d + q, d)
    np.testing.assert_array_equal(design.matrix(), np.hstack([dense, cell_columns[cell]]))


@pytest.mark.parametrize("chunk_rows", [64, 512, 5000])
def test_spread_and_gather_are_the_products_with_the_design(chunk_rows: int) -> None:
    dense, cell_columns, cell = draw(1000, 4, 9)
    design = chunk_design(dense, cell_columns, cell, chunk_rows=chunk_rows)
    g = np.random.default_rng(1)
    b, r = g.normal(size=(5, design.k)), g.normal(size=(5, 1000))
    A = design.matrix()
    local, parts = design.distribute(design.spread(b)), np.empty((5, design.local_width))
    eta = np.empty((5, 1000))
    covered = 0
    for chunk in design.chunks:
        rows = slice(chunk.start, chunk.stop)
        assert chunk.start == covered
        covered = chunk.stop
        eta[:, rows] = local[:, chunk.columns] @ chunk.local.T
        parts[:, chunk.columns] = r[:, rows] @ chunk.local
    assert covered == 1000
    np.testing.assert_allclose(eta, b @ A.T, atol=1e-12)
    np.testing.assert_allclose(design.gather(design.collect(parts)), r @ A, atol=1e-11)


def test_times_score_and_information_are_those_of_the_matrix() -> None:
    dense, cell_columns, cell = draw(1000, 3, 12)
    design = chunk_design(dense, cell_columns, cell, chunk_rows=100)
    g = np.random.default_rng(2)
    b, r, w = g.normal(size=design.k), g.normal(size=1000), g.random(1000)
    A = design.matrix()
    np.testing.assert_allclose(design.times(b), A @ b, atol=1e-12)
    np.testing.assert_allclose(design.score(r), A.T @ r, atol=1e-11)
    wanted = A.T @ (A * w[:, None])
    np.testing.assert_allclose(design.information(w), wanted, atol=1e-6 * np.abs(wanted).max())


def test_rows_ordered_by_cell_need_few_columns_a_chunk() -> None:
    dense, cell_columns, cell = draw(10_000, 2, 40)
    design = chunk_design(dense, cell_columns, cell, chunk_rows=500)
    assert max(chunk.local.shape[1] for chunk in design.chunks) <= 2 + 6
    assert min(chunk.stop - chunk.start for chunk in design.chunks) >= 500


@pytest.mark.parametrize("n", [1, 15, 1_000, 4_999])
def test_chunks_begin_and_lie_at_lines_of_the_cache(n: int) -> None:
    dense, cell_columns, cell = draw(n, 3, min(n, 12))
    design = chunk_design(dense, cell_columns, cell, chunk_rows=100)
    assert [chunk.stop for chunk in design.chunks][:-1] == [c.start for c in design.chunks][1:]
    assert (design.chunks[0].start, design.chunks[-1].stop) == (0, n)
    for chunk in design.chunks:
        assert chunk.start * 4 % ALIGNMENT == 0
        for columns in (chunk.local, chunk.local32, chunk.across32):
            assert columns.ctypes.data % ALIGNMENT == 0
            assert columns.flags.c_contiguous
        np.testing.assert_array_equal(chunk.across32, chunk.local32.T)
        np.testing.assert_array_equal(chunk.local32, chunk.local.astype(np.float32))
