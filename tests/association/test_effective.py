"""The effective number of tests of a cohort against plain correlation matrices, and R's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.association import count_effective_tests
from proteomr.errors import InputError
from proteomr.io import read_cohort
from proteomr.stats.effective import EFFECTIVE_METHODS, effective_tests
from proteomr.stats.transforms import transform_block
from proteomr.tables import ArrayProteins, Cohort

Expected = Callable[[str], dict[str, Any]]


def make_values(n: int, p: int, *, missing: float = 0.0) -> F64:
    g = np.random.default_rng(n + p)
    values = g.normal(size=(n, p)) + 1.5 * g.normal(size=(n, 1))
    values[g.random((n, p)) < missing] = np.nan
    return np.asarray(values)


def make_cohort(values: F64) -> Cohort:
    n, p = values.shape
    names = tuple(f"P{i:03d}" for i in range(p))
    samples = pl.DataFrame({"id": [f"{i:04d}" for i in range(n)]})
    return Cohort(samples, "id", ArrayProteins(names, values), pl.DataFrame({"protein": names}))


def counts_of(frame: pl.DataFrame) -> dict[str, float]:
    return dict(zip(frame["method"], frame["effective_tests"], strict=True))


def assert_counts_of_matrix(frame: pl.DataFrame, scores: F64) -> None:
    """Compare with the eigenvalues of ``np.corrcoef`` of scores (n, p), zero beyond the rank."""
    eigenvalues = np.array(np.linalg.eigvalsh(np.corrcoef(scores.T))[::-1], dtype=np.float64)
    eigenvalues[scores.shape[0] - 1 :] = 0.0
    assert frame["method"].to_list() == list(EFFECTIVE_METHODS)
    assert set(frame["proteins"]) == {scores.shape[1]}
    found = counts_of(frame)
    for method in EFFECTIVE_METHODS:
        assert found[method] == pytest.approx(
            effective_tests(eigenvalues, method=method), rel=1e-11
        )


def transform_filled(values: F64, transform: Any = "rint") -> F64:
    """Transform each column over those who have it, and fill the rest with its mean."""
    raw = np.ascontiguousarray(values.T)
    out = np.empty_like(raw)
    assert transform_block(raw, out, transform=transform).all()
    out[np.isnan(raw)] = np.nan
    return np.asarray(np.where(np.isnan(out), np.nanmean(out, axis=1)[:, None], out).T)


SHAPES = [(60, 12), (12, 40), (20, 20), (21, 20)]


@pytest.mark.parametrize("block", [512, 7, 1])
@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_counts_are_those_of_the_correlation_matrix(
    n: int, p: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proteomr.association.effective._BLOCK", block)
    values = make_values(n, p)
    found = count_effective_tests(make_cohort(values), transform="none")
    assert_counts_of_matrix(found, values)


@pytest.mark.parametrize("transform", ["rint", "zscore"])
@pytest.mark.parametrize(("n", "p"), [(60, 12), (30, 50)])
def test_missing_values_count_as_the_mean_after_the_transform(
    n: int, p: int, transform: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proteomr.association.effective._BLOCK", 5)
    values = make_values(n, p, missing=0.15)
    found = count_effective_tests(make_cohort(values), transform=transform)
    assert_counts_of_matrix(found, transform_filled(values, transform))


@pytest.mark.parametrize("block", [512, 4])
@pytest.mark.parametrize(("n", "p"), [(60, 12), (10, 24)])
def test_proteins_without_variation_are_left_out(
    n: int, p: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proteomr.association.effective._BLOCK", block)
    values = make_values(n, p)
    values[:, 2] = 3.7
    values[:, 5] = np.nan
    values[1:, 8] = np.nan
    values[:, 4:8] = np.nan if p == 24 else values[:, 4:8]
    kept = np.nanstd(np.where(np.isnan(values), 0.0, values), axis=0) > 0
    kept &= (~np.isnan(values)).sum(axis=0) > 1
    kept[2] = False
    found = count_effective_tests(make_cohort(values), transform="none")
    assert_counts_of_matrix(found, values[:, kept])


def test_infinite_values_count_as_missing() -> None:
    values = make_values(40, 6)
    values[3, 2] = np.inf
    found = count_effective_tests(make_cohort(values))
    values[3, 2] = np.nan
    wanted = count_effective_tests(make_cohort(values))
    assert found.equals(wanted)


def test_copies_count_once_and_unrelated_proteins_each_for_itself() -> None:
    g = np.random.default_rng(1)
    copies = np.repeat(g.normal(size=(50, 1)), 4, axis=1) * np.array([1.0, -2.0, 3.0, 1e-6])
    found = counts_of(count_effective_tests(make_cohort(copies)))
    assert {round(value, 6) for value in found.values()} == {1.0}
    unrelated = np.linalg.qr(np.column_stack([np.ones(50), g.normal(size=(50, 4))]))[0][:, 1:]
    found = counts_of(count_effective_tests(make_cohort(unrelated), transform="none"))
    assert {round(value, 6) for value in found.values()} == {4.0}


CASES = [("first_100", 100), ("first_500", 500), ("all_5284", 5284)]


@pytest.mark.parametrize(("name", "count"), CASES)
def test_counts_of_real_proteins_equal_r_s(
    reference: Path, expected: Expected, tmp_path: Path, name: str, count: int
) -> None:
    data, wanted = reference / "association" / "data", expected("effective_tests")[name]
    whole = read_cohort(data / "assoc_samples.csv", data / "assoc_log2rfu.csv.gz", scratch=tmp_path)
    names = list(whole.proteins.names[:count])
    assert len(names) == wanted["M"] == count
    proteins = whole.proteins.select_columns(names)
    cohort = Cohort(whole.samples, "ID", proteins, pl.DataFrame({"protein": names}))
    found = counts_of(count_effective_tests(cohort))
    for method in ("nyholt", "li_ji", "galwey"):
        assert found[method] == pytest.approx(wanted[method], rel=1e-8)
    assert found["gao"] == wanted["gao_995"]


def test_proteins_without_variation_are_nothing_to_count() -> None:
    samples = pl.DataFrame({"id": ["1", "2", "3"]})
    proteins = ArrayProteins(("A",), np.ones((3, 1)))
    cohort = Cohort(samples, "id", proteins, pl.DataFrame({"protein": ["A"]}))
    with pytest.raises(InputError, match="no protein varies"):
        count_effective_tests(cohort)
