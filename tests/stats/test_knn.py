from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr._typing import F64
from proteomr.errors import InputError, UsageError
from proteomr.stats.knn import impute_knn

Expected = Callable[[str], dict[str, Any]]

R = json.loads(Path(__file__).with_name("knn.json").read_text())


def oracle(x: F64, k: int, rowmax: float) -> F64:
    """Impute cell by cell, as the definition says."""
    p, n = x.shape
    absent = np.isnan(x)
    dense = [i for i in range(p) if absent[i].sum() <= int(rowmax * n)]
    means = np.array(
        [np.mean([x[i, c] for i in dense if not absent[i, c]]) for c in range(n)], dtype=float
    )
    out = x.copy()
    for i in range(p):
        if not absent[i].any():
            continue
        if i not in dense:
            out[i, absent[i]] = means[absent[i]]
            continue
        distances = []
        for j in dense:
            both = [c for c in range(n) if not absent[i, c] and not absent[j, c]]
            apart = sum((x[i, c] - x[j, c]) ** 2 for c in both)
            distances.append((apart / len(both) if both else 1e10, j))
        near = [j for _, j in sorted(distances)[: k + 1]][1:]
        for c in np.flatnonzero(absent[i]):
            have = [x[j, c] for j in near if not absent[j, c]]
            out[i, c] = np.mean(have) if have else means[c]
    return out


def make(seed: int, *, p: int = 25, n: int = 18, share: float = 0.2) -> F64:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(p, 3)) @ rng.normal(size=(3, n)) + 0.4 * rng.normal(size=(p, n))
    x[rng.random(x.shape) < share] = np.nan
    return x


@pytest.mark.parametrize("name", sorted(R["cases"]))
def test_imputed_cells_equal_r_impute_1_72_3(name: str) -> None:
    case = R["cases"][name]
    x = np.array(case["x"], dtype=np.float64)
    impute_knn(
        x,
        neighbours=case["k"],
        max_missing_per_row=case["rowmax"],
        max_missing_per_column=case["colmax"],
    )
    np.testing.assert_allclose(x, np.array(case["imputed"], dtype=np.float64), rtol=1e-12)


def test_imputed_cells_equal_the_reference_case(reference: Path, expected: Expected) -> None:
    folder = reference / "association" / "data"
    table = pl.read_csv(folder / "wgcna_x.csv").drop("ID")
    mask = pl.read_csv(folder / "assoc_missing_mask.csv.gz").select(table.columns)
    x = np.ascontiguousarray(table.to_numpy().astype(np.float64).T)
    x[mask.to_numpy().T == 1] = np.nan
    account = impute_knn(x, neighbours=5, max_missing_per_column=0.5)
    values = expected("impute_knn_k5")
    rows = [table.columns.index(name) for name in values["protein"]]
    found = x[rows, np.array(values["person"]) - 1]
    np.testing.assert_allclose(found, values["value"], rtol=1e-9)
    assert account.cells == values["n_imputed"]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    neighbours=st.integers(1, 12),
    share=st.floats(0.02, 0.45),
    rounded=st.booleans(),
)
def test_imputed_cells_equal_the_slow_loop(
    *, seed: int, neighbours: int, share: float, rounded: bool
) -> None:
    x = make(seed, share=share)
    if rounded:  # many exact ties
        x = np.round(x)
    if ((np.isnan(x).mean(axis=0)) > 0.8).any():
        return
    wanted = oracle(x, neighbours, 0.5)
    impute_knn(x, neighbours=neighbours)
    np.testing.assert_allclose(x, wanted, rtol=1e-10, atol=1e-12)


def test_far_off_values_do_not_disturb_the_order_of_neighbours() -> None:
    x = make(3) * 1e-3 + 1e6
    wanted = oracle(x, 4, 0.5)
    impute_knn(x, neighbours=4)
    np.testing.assert_allclose(x, wanted, rtol=1e-13)


def test_measured_cells_are_left_alone() -> None:
    x = make(8)
    before = x.copy()
    impute_knn(x)
    there = ~np.isnan(before)
    assert (x[there] == before[there]).all()
    assert np.isfinite(x).all()


def test_permuting_people_changes_nothing() -> None:
    x = make(5)
    order = np.random.default_rng(1).permutation(x.shape[1])
    moved = np.ascontiguousarray(x[:, order])
    impute_knn(x, neighbours=3)
    impute_knn(moved, neighbours=3)
    np.testing.assert_allclose(moved, x[:, order], rtol=1e-12)


def test_small_chunks_and_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make(6)
    monkeypatch.setattr("proteomr.stats.knn._SYMMETRIC_ROWS", 100)
    parts = whole.copy()
    impute_knn(whole, neighbours=4)
    monkeypatch.setattr("proteomr.stats.knn._CHUNK_BYTES", 600)
    monkeypatch.setattr("proteomr.stats.knn._SYMMETRIC_ROWS", 0)
    monkeypatch.setattr("proteomr.stats.knn._TARGETS_AT_ONCE", 3)
    impute_knn(parts, neighbours=4)
    np.testing.assert_allclose(parts, whole, rtol=1e-13)


def test_the_only_row_above_the_allowed_share_gets_column_means() -> None:
    x = make(9, share=0.05)
    x[4, :12] = np.nan
    wanted = oracle(x, 3, 0.5)
    account = impute_knn(x, neighbours=3)
    np.testing.assert_allclose(x, wanted, rtol=1e-12)
    assert account.rows_by_column_mean == 1
    assert account.cells_by_column_mean >= 12


def test_a_column_without_values_in_dense_rows_stays_missing_and_is_counted() -> None:
    x = make(10, share=0.0)
    x[:-1, 2] = np.nan
    x[-1, 3:] = np.nan
    account = impute_knn(x, max_missing_per_column=1.0)
    assert account.cells_left == x.shape[0] - 1
    assert int(np.isnan(x).sum()) == account.cells_left


def test_columns_with_too_many_missing_are_counted_and_refused() -> None:
    x = make(11, share=0.0)
    x[:21, [3, 5]] = np.nan
    with pytest.raises(InputError, match=r"^2 people have more than 80% of their"):
        impute_knn(x)


def test_a_refusal_leaves_the_values_as_they_were() -> None:
    x = make(12)
    x[1, 1] = np.inf
    before = x.copy()
    with pytest.raises(InputError, match="infinite"):
        impute_knn(x)
    np.testing.assert_array_equal(x, before)


def test_at_least_one_neighbour_is_needed() -> None:
    with pytest.raises(UsageError, match="0 neighbours"):
        impute_knn(make(1), neighbours=0)


@pytest.mark.parametrize(("lacking", "sparse"), [(9, 0), (10, 1)])  # of 18, half of which may
def test_a_row_at_the_allowed_share_has_neighbours_and_one_above_has_not(
    *, lacking: int, sparse: int
) -> None:
    x = make(14, share=0.0)
    x[5, :lacking] = np.nan
    wanted = oracle(x, 3, 0.5)
    assert impute_knn(x, neighbours=3).rows_by_column_mean == sparse
    np.testing.assert_allclose(x, wanted, rtol=1e-12)


def test_a_column_at_the_allowed_share_is_imputed() -> None:
    x = make(15, share=0.0)
    x[:20, 3] = np.nan  # of 25 rows
    assert impute_knn(x.copy()).cells == 20
    x[20, 3] = np.nan
    with pytest.raises(InputError, match=r"^1 people have more than 80%"):
        impute_knn(x)
