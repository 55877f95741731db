"""Products with a celled basis are those with the dense matrix that it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.celled import CelledBasis


def make_basis(n: int, q: int, z: int, d: int) -> tuple[CelledBasis, F64]:
    g = np.random.default_rng(n + q)
    cell = np.sort(np.concatenate([np.arange(q), g.integers(0, q, n - q)]))
    columns, dense = g.normal(size=(q, z)), g.normal(size=(n, d))
    return CelledBasis(columns, cell, dense), np.hstack([columns[cell], dense])


SHAPES = [(50, 1, 1, 3), (200, 7, 4, 2), (200, 40, 40, 0), (30, 30, 5, 4)]


@pytest.mark.parametrize(("n", "q", "z", "d"), SHAPES)
def test_products_with_columns_are_those_with_the_matrix(n: int, q: int, z: int, d: int) -> None:
    basis, matrix = make_basis(n, q, z, d)
    assert (basis.n, basis.q, basis.z, basis.width) == (n, q, z, z + d)
    columns = np.random.default_rng(1).normal(size=(5, n))
    np.testing.assert_allclose(basis.times(columns), columns @ matrix, atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.39, 0.41, 0.9, 1.0])
@pytest.mark.parametrize(("n", "q", "z", "d"), SHAPES)
def test_the_gram_over_observed_rows_is_that_of_those_rows(
    n: int, q: int, z: int, d: int, share: float
) -> None:
    basis, matrix = make_basis(n, q, z, d)
    observed = np.ones(n, dtype=bool)
    observed[np.random.default_rng(2).permutation(n)[: round(share * n)]] = False
    wanted = matrix[observed].T @ matrix[observed]
    found = basis.gram(observed)
    np.testing.assert_allclose(found, wanted, atol=1e-11)
    np.testing.assert_allclose(found, found.T, atol=1e-12)


def test_a_gram_leaves_out_cells_of_which_nobody_is_observed() -> None:
    basis, matrix = make_basis(200, 7, 4, 2)
    for cell in (0, 3, 6):
        observed = basis.cell_of_row != cell
        wanted = matrix[observed].T @ matrix[observed]
        np.testing.assert_allclose(basis.gram(observed), wanted, atol=1e-11)


def test_a_gram_does_not_change_those_asked_for_later() -> None:
    basis, _ = make_basis(200, 7, 4, 2)
    whole = np.ones(200, dtype=bool)
    before = basis.gram(whole)
    kept = before.copy()
    before[:] = 0.0
    np.testing.assert_array_equal(basis.gram(whole), kept)


@pytest.mark.parametrize("share", [0.05, 0.9])
@pytest.mark.parametrize(("n", "q", "z", "d"), SHAPES)
def test_a_weighted_basis_is_that_of_the_rows_times_their_roots(
    n: int, q: int, z: int, d: int, share: float
) -> None:
    plain, matrix = make_basis(n, q, z, d)
    root = np.random.default_rng(3).gamma(2.0, size=n)
    basis = CelledBasis(
        plain.cell_columns, plain.cell_of_row, plain.dense * root[:, None], root=root
    )
    matrix = matrix * root[:, None]
    observed = np.random.default_rng(4).random(n) >= share
    wanted = matrix[observed].T @ matrix[observed]
    np.testing.assert_allclose(basis.gram(observed), wanted, atol=1e-10)
    columns = np.random.default_rng(5).normal(size=(5, n))
    np.testing.assert_allclose(basis.times(columns), columns @ matrix, atol=1e-11)
    shares = np.random.default_rng(6).normal(size=(z + d, 2))
    np.testing.assert_allclose(basis.combine(shares), matrix @ shares, atol=1e-11)


def test_columns_behind_a_basis_leave_its_own_as_they_are() -> None:
    basis, matrix = make_basis(200, 7, 4, 2)
    more = np.random.default_rng(6).normal(size=(200, 3))
    longer = basis.append(more)
    wanted = np.hstack([matrix, more])
    whole = np.ones(200, dtype=bool)
    np.testing.assert_allclose(longer.gram(whole), wanted.T @ wanted, atol=1e-11)


@pytest.mark.parametrize(("n", "q", "z", "d"), SHAPES)
def test_the_plain_loop_gives_what_the_compiled_one_gives(n: int, q: int, z: int, d: int) -> None:
    basis, _ = make_basis(n, q, z, d)
    plain = CelledBasis(basis.cell_columns, basis.cell_of_row, basis.dense, compiled=False)
    observed = np.random.default_rng(7).random(n) < 0.8
    np.testing.assert_allclose(plain.gram(observed), basis.gram(observed), atol=1e-12)


def test_columns_may_be_appended_more_than_once() -> None:
    g = np.random.default_rng(3)
    cell, dense = np.repeat([0, 1], 20), g.normal(size=(40, 2))
    basis = CelledBasis(np.eye(2), cell, dense, room=3)
    first, second = g.normal(size=(40, 2)), g.normal(size=(40, 2))
    one, other = basis.append(first), basis.append(second)
    more = one.append(second)
    whole = np.ones(40, dtype=bool)
    for found, columns in (
        (basis, [dense]),
        (one, [dense, first]),
        (other, [dense, second]),
        (more, [dense, first, second]),
    ):
        B = np.hstack([np.eye(2)[cell], *columns])
        np.testing.assert_allclose(found.gram(whole), B.T @ B, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(found.gram(whole & (cell == 0)), B[:20].T @ B[:20], atol=1e-13)


@pytest.mark.parametrize("n", [2_047, 2_048, 2_049, 6_001])
def test_products_piece_by_piece_are_alike_whatever_stands_beside_a_column(n: int) -> None:
    basis, matrix = make_basis(n, 9, 4, 5)
    columns = np.random.default_rng(3).normal(size=(53, n))
    found = basis.times(columns)
    np.testing.assert_allclose(found, columns @ matrix, atol=1e-10)
    for first, last in [(0, 1), (7, 30), (23, 25), (30, 53)]:
        assert basis.times(columns[first:last]).tobytes() == found[first:last].tobytes()
