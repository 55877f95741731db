"""The layout by cells spans what the covariates span, with an orthogonal dense part."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.models import Factor, order_rows
from proteomr.models.cells import Cells, choose_cell_factors, lay_out_cells

N = 1200


def make_covariates(*, seed: int = 0) -> tuple[F64, tuple[Factor, ...]]:
    """Return an intercept, factors of four, three and two levels, age, and a near copy of age."""
    g = np.random.default_rng(seed)
    codes = [g.integers(0, levels, N) for levels in (3, 4, 2)]
    columns, factors, at = [np.ones(N)], [], 1
    for name, code in zip(("batch", "site", "sex"), codes, strict=True):
        levels = int(code.max()) + 1
        columns += [(code == level).astype(np.float64) for level in range(1, levels)]
        factors.append(Factor(name, code, np.arange(at, at + levels - 1)))
        at += levels - 1
    age = g.normal(56, 8, N)
    return np.column_stack([*columns, age, age + 0.01 * g.normal(size=N)]), tuple(factors)


def order_all(covariates: F64, factors: tuple[Factor, ...]) -> tuple[F64, tuple[Factor, ...]]:
    order = order_rows(factors, N)
    return covariates[order], tuple(Factor(f.name, f.codes[order], f.columns) for f in factors)


def basis_of(cells: Cells) -> F64:
    return np.hstack([cells.cell_columns[cells.cell_of_row], cells.dense])


def project(matrix: F64, vectors: F64) -> F64:
    return np.asarray(matrix @ np.linalg.lstsq(matrix, vectors, rcond=None)[0])


def assert_same_span(one: F64, other: F64) -> None:
    rank = np.linalg.matrix_rank(other)
    assert np.linalg.matrix_rank(one) == rank == one.shape[1]
    vectors = np.random.default_rng(5).normal(size=(one.shape[0], 3))
    np.testing.assert_allclose(project(one, vectors), project(other, vectors), atol=1e-8)


def rows_of(kind: str) -> I64:
    if kind == "all":
        return np.arange(N)
    return np.sort(np.random.default_rng(1).permutation(N)[:1000])


@pytest.mark.parametrize("kind", ["all", "some"])
def test_the_basis_spans_the_covariates_and_its_dense_part_is_orthogonal(kind: str) -> None:
    covariates, factors = order_all(*make_covariates())
    rows = rows_of(kind)
    cells = lay_out_cells(covariates, np.arange(9), factors, rows=rows)
    assert cells.cell_columns.shape == (12, 6)
    assert cells.sparse == (0, 3, 4, 5, 1, 2)
    assert cells.kept == (6, 7, 8)
    basis = basis_of(cells)
    assert_same_span(basis, covariates[rows])
    gram = basis.T @ basis / rows.size
    np.testing.assert_allclose(gram[6:, 6:], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(gram[:6, 6:], 0.0, atol=1e-12)


def test_the_first_dense_columns_span_the_first_columns_kept() -> None:
    covariates, factors = order_all(*make_covariates())
    cells = lay_out_cells(covariates, np.arange(9), factors, rows=np.arange(N))
    for i in range(len(cells.kept) + 1):
        columns = [*cells.sparse, *cells.kept[:i]]
        assert_same_span(basis_of(cells)[:, : 6 + i], covariates[:, columns])


def test_rows_are_ordered_by_the_largest_factor_and_keep_their_order_within_a_cell() -> None:
    _, factors = make_covariates()
    batch, site, _ = factors
    order = order_rows(factors, N)
    assert sorted(order.tolist()) == list(range(N))
    cell = site.codes[order] * 3 + batch.codes[order]
    assert np.all(np.diff(cell) >= 0)
    assert np.all(np.diff(order)[np.diff(cell) == 0] > 0)


def test_rows_in_another_order_fall_back_to_one_cell() -> None:
    covariates, factors = make_covariates()
    cells = lay_out_cells(covariates, np.arange(9), factors, rows=np.arange(N))
    assert cells.sparse == (0,)
    assert cells.cell_columns.shape == (1, 1)
    assert set(cells.cell_of_row.tolist()) == {0}
    assert cells.kept == tuple(range(1, 9))
    assert_same_span(basis_of(cells), covariates)


def test_rows_ordered_by_one_factor_alone_use_its_cells() -> None:
    covariates, factors = make_covariates()
    order = np.argsort(factors[1].codes, kind="stable")
    moved = tuple(Factor(f.name, f.codes[order], f.columns) for f in factors)
    cells = lay_out_cells(covariates[order], np.arange(9), moved, rows=np.arange(N))
    assert cells.sparse == (0, 3, 4, 5)
    assert cells.cell_columns.shape == (4, 4)
    assert_same_span(basis_of(cells), covariates[order])


def test_cells_are_few_for_the_rows_and_of_more_than_two_levels() -> None:
    _, factors = make_covariates()

    def chosen(n: int) -> list[str]:
        return [factor.name for factor in choose_cell_factors(factors, n)]

    assert chosen(12 * 64) == ["site", "batch"]
    assert chosen(12 * 64 - 1) == ["site"]
    assert chosen(4 * 64 - 1) == ["batch"]
    assert chosen(3 * 64 - 1) == []
    np.testing.assert_array_equal(order_rows(factors, 100), np.arange(100))


@pytest.mark.parametrize("alias", ["cells", "dense", "constant", "zero"])
def test_a_column_that_adds_nothing_is_left_out(alias: str) -> None:
    covariates, factors = order_all(*make_covariates())
    new = {
        "cells": covariates[:, 1] - 2 * covariates[:, 4],
        "dense": 3 * covariates[:, 6] + covariates[:, 7] + covariates[:, 2],
        "constant": np.full(N, 1e6),
        "zero": np.zeros(N),
    }[alias]
    wide = np.column_stack([covariates, new])
    cells = lay_out_cells(wide, np.arange(10), factors, rows=np.arange(N))
    assert cells.kept == (6, 7, 8)
    assert_same_span(basis_of(cells), wide)


def test_only_the_columns_asked_for_are_laid_out() -> None:
    covariates, factors = order_all(*make_covariates())
    cells = lay_out_cells(covariates, [0, 3, 4, 5, 7], factors[1:2], rows=np.arange(N))
    assert cells.sparse == (0, 3, 4, 5)
    assert cells.kept == (7,)
    assert_same_span(basis_of(cells), covariates[:, [0, 3, 4, 5, 7]])


def test_columns_of_very_different_size_keep_their_orthogonality() -> None:
    covariates, factors = order_all(*make_covariates())
    scaled = covariates * np.array([1, 1, 1, 1, 1, 1, 1e-6, 1e9, 1e9])
    cells = lay_out_cells(scaled, np.arange(9), factors, rows=np.arange(N))
    assert cells.kept == (6, 7, 8)
    np.testing.assert_allclose(cells.dense.T @ cells.dense / N, np.eye(3), atol=1e-12)
