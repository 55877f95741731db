from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.qc import Policy, assess, find_protein_components
from proteomr.qc.samples import assess_panels, lies_apart, read_standardised
from proteomr.tables import ArrayProteins, load_schema


def apart(values: list[float], k: float) -> list[bool]:
    mean, sd = np.mean(values), np.std(values, ddof=1)
    return [bool(abs(v - mean) > k * sd) for v in values]


def standard_scores(x: F64) -> F64:
    """Components by the singular value decomposition of the standardised, mean-imputed matrix."""
    z = np.where(np.isnan(x), np.nanmean(x, axis=0), x) - np.nanmean(x, axis=0)
    z = z / np.nanstd(x, axis=0, ddof=1)
    u, d, _ = np.linalg.svd(z, full_matrices=False)
    scores: F64 = (u * d)[:, :2]
    return scores


def test_outliers_by_median_and_iqr_equal_the_rule_spelt_out(make: Any, values: Any) -> None:
    x = values(11)
    x[7, :8] += 9
    x[9, 8:] *= 8
    found = assess(make(x), policy=Policy(sd_median_iqr=2.5)).panels
    for panel, block in (("A", x[:, :8]), ("B", x[:, 8:])):
        rows = found.filter(pl.col("panel") == panel)
        present = [row[~np.isnan(row)] for row in block]
        medians = [float(np.median(row)) for row in present]
        iqrs = [float(np.subtract(*np.quantile(row, [0.75, 0.25]))) for row in present]
        np.testing.assert_allclose(rows["median"], medians, rtol=1e-12)
        np.testing.assert_allclose(rows["iqr"], iqrs, rtol=1e-12)
        wanted = [a or b for a, b in zip(apart(medians, 2.5), apart(iqrs, 2.5), strict=True)]
        assert rows["outlier_median_iqr"].to_list() == wanted
    flagged = found.filter("outlier_median_iqr").select("sample_id", "panel").rows()
    assert {("S0007", "A"), ("S0009", "B")} <= set(flagged)


def test_scores_within_a_panel_equal_a_decomposition_of_its_own(lab: Any) -> None:
    found = assess(lab.measured, policy=Policy()).panels
    for panel, block in (("A", lab.values[:, :8]), ("B", lab.values[:, 8:])):
        rows = found.filter(pl.col("panel") == panel)
        expected = standard_scores(block)
        for column, wanted in (("pc1", expected[:, 0]), ("pc2", expected[:, 1])):
            np.testing.assert_allclose(rows[column].abs(), np.abs(wanted), rtol=1e-8, atol=1e-10)


def test_a_sample_apart_on_a_component_is_found(make: Any, values: Any) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 1)) + 0.3 * rng.normal(size=(60, 16))
    x[20, :8] += 12
    found = assess(make(x), policy=Policy(sd_components=5.0)).panels
    assert found.filter("outlier_components").select("sample_id", "panel").rows() == [
        ("S0020", "A")
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_permuting_samples_changes_nothing_but_their_names(
    make: Any, values: Any, seed: int
) -> None:
    x = values(seed)
    order = np.random.default_rng(seed).permutation(60)
    one = assess(make(x, plates=load_schema("plates").empty()), policy=Policy()).panels
    other = assess(make(x[order], plates=load_schema("plates").empty()), policy=Policy()).panels
    place = {f"S{old:04d}": f"S{new:04d}" for new, old in enumerate(order)}
    moved = one.with_columns(pl.col("sample_id").replace_strict(place)).sort("panel", "sample_id")
    other = other.sort("panel", "sample_id")
    for name in ("n", "outlier_median_iqr", "outlier_components", "sample_id"):
        assert moved[name].to_list() == other[name].to_list()
    np.testing.assert_allclose(moved["pc1"], other["pc1"], rtol=1e-8, atol=1e-10)


def test_a_constant_added_to_an_assay_leaves_scores_and_their_outliers(
    make: Any, values: Any
) -> None:
    x = values(12)
    shifted = x.copy()
    shifted[:, 3] += 100.0
    policy = Policy(sd_components=2.0)
    one, other = assess(make(x), policy=policy).panels, assess(make(shifted), policy=policy).panels
    np.testing.assert_allclose(one["pc1"], other["pc1"], rtol=1e-7, atol=1e-9)
    assert one["outlier_components"].to_list() == other["outlier_components"].to_list()
    assert one["outlier_components"].any()


def test_a_constant_added_to_all_assays_leaves_outliers_by_median_and_iqr(
    make: Any, values: Any
) -> None:
    x = values(13)
    policy = Policy(sd_median_iqr=1.5)
    one = assess(make(x), policy=policy).panels
    other = assess(make(x + 7.0), policy=policy).panels
    assert one["outlier_median_iqr"].to_list() == other["outlier_median_iqr"].to_list()
    assert one["outlier_median_iqr"].any()


def test_a_sample_without_the_panel_has_no_row_on_it_and_is_no_outlier(
    make: Any, values: Any
) -> None:
    x = values(14)
    x[5, :8] = np.nan
    found = assess(make(x), policy=Policy())
    rows = found.panels.filter(pl.col("sample_id") == "S0005")
    assert rows["panel"].to_list() == ["B"]
    sample = found.samples.filter(pl.col("sample_id") == "S0005").row(0, named=True)
    assert sample["n_missing"] == 8 + int(np.isnan(x[5, 8:]).sum())
    assert sample["share_missing"] == pytest.approx(sample["n_missing"] / 16)


def test_failed_checks_are_counted_by_panel_and_warnings_are_not(make: Any, values: Any) -> None:
    rows = [
        ("S0001", None, "A", None, "sample_qc", "FAIL"),
        ("S0001", None, "A", None, "other_check", "fail"),
        ("S0001", None, "B", None, "sample_qc", "WARN"),
        ("S0003", None, None, "P1", "row_check", "FLAG"),
        ("S0002", "Q001", "A", None, "value_qc", "FAIL"),
    ]
    flags = pl.DataFrame(rows, schema=load_schema("qc_flags").empty().schema, orient="row")
    found = assess(make(values(15), flags=flags), policy=Policy()).samples
    assert found["n_flags"].to_list()[:4] == [0, 3, 1, 1]
    assert found["n_failed_panels"].to_list()[:4] == [0, 1, 0, 1]


def test_nobody_lies_apart_from_few_or_equal_values() -> None:
    assert not lies_apart(np.array([1.0, np.nan]), deviations=0.1).any()
    assert not lies_apart(np.ones(5), deviations=0.1).any()
    rounded = np.full(1000, 0.1)
    rounded[3] = np.nextafter(0.1, 1.0)
    assert not lies_apart(rounded, deviations=3.0).any()


def test_the_components_written_are_those_of_the_whole_matrix(lab: Any) -> None:
    found = find_protein_components(lab.measured, components=3)
    assert found.scores.columns == ["sample_id", "PC1", "PC2", "PC3"]
    z = read_standardised(lab.measured.proteins)
    loadings = found.loadings.drop("protein").to_numpy()
    np.testing.assert_allclose(
        found.scores.drop("sample_id").to_numpy(), z @ loadings, rtol=1e-10, atol=1e-12
    )
    assert isinstance(lab.measured.proteins, ArrayProteins)
    shares = np.linalg.svd(z, compute_uv=False) ** 2
    np.testing.assert_allclose(found.shares, (shares / shares.sum())[:3], rtol=1e-10)


@pytest.mark.parametrize("lacking", [1, 2, 3, 6, 7, 9])
def test_a_sample_leaves_above_the_threshold_and_stays_at_it(make: Any, lacking: int) -> None:
    x = np.random.default_rng(4).normal(size=(30, 10))
    x[2, :lacking] = np.nan
    at, below = lacking / 10, lacking / 10 - 1e-9
    assert not assess(make(x), policy=Policy(max_missing_per_sample=at)).exclusions.height
    assert assess(make(x), policy=Policy(max_missing_per_sample=below)).exclusions.height == 1


def test_a_panel_without_any_value_has_no_row_and_no_component(make: Any, values: Any) -> None:
    x = values(16)
    x[:, :8] = np.nan
    found = assess(make(x), policy=Policy())
    assert found.panels["panel"].unique().to_list() == ["B"]
    assert "A" not in found.plates["panel"]
    assert found.assays["share_missing"].to_list()[:8] == [1.0] * 8


def test_panels_put_together_are_the_matrix_read_as_one(make: Any, values: Any) -> None:
    x = values()
    p = x.shape[1]
    panels = [("A", "B", None)[j % 3] for j in range(p)]
    measured = make(x)
    measured = replace(measured, assays=measured.assays.with_columns(panel=pl.Series(panels)))
    together = np.full((p, measured.n), np.nan)
    found = list(assess_panels(measured, policy=Policy(), components=2, together=together))
    assert len(found) == 3
    np.testing.assert_array_equal(together.T, read_standardised(measured.proteins))
