from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr._typing import F64
from proteomr.errors import InputError, UsageError
from proteomr.qc import Correction, CorrectionMethod, Policy, assess, centre_groups, correct
from proteomr.tables import load_schema

METHODS: tuple[CorrectionMethod, ...] = ("median", "regression")


def all_of(measured: Any) -> F64:
    values: F64 = measured.proteins.read(slice(0, len(measured.proteins.names)))
    return values


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), missing=st.floats(0, 0.9))
def test_median_centring_equals_the_slow_loop(seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5, 24))
    x[rng.random(x.shape) < missing] = np.nan
    codes = rng.integers(-1, 4, 24)
    expected = x.copy()
    for row in range(5):
        placed = [x[row, i] for i in range(24) if codes[i] >= 0 and not np.isnan(x[row, i])]
        for i in range(24):
            own = [v for v, g in zip(x[row], codes, strict=True) if g == codes[i]]
            own = [v for v in own if not np.isnan(v)]
            if codes[i] >= 0 and own:
                expected[row, i] = x[row, i] - np.median(own) + np.median(placed)
    np.testing.assert_allclose(
        centre_groups(x, codes, method="median"), expected, rtol=1e-12, atol=1e-12
    )


def test_regression_gives_residuals_on_dummies_plus_the_mean(values: Any) -> None:
    x = values(31)[:, 0]
    codes = np.arange(60) % 4
    used = ~np.isnan(x)
    dummies = np.eye(4)[codes][used]
    residual = x[used] - dummies @ np.linalg.lstsq(dummies, x[used], rcond=None)[0]
    found = centre_groups(x[None, :], codes, method="regression")[0]
    np.testing.assert_allclose(found[used], residual + x[used].mean(), rtol=1e-10, atol=1e-12)
    assert np.isnan(found[~used]).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_planted_plate_effect_is_found_and_removed(
    make: Any, values: Any, method: CorrectionMethod
) -> None:
    x = values(32, n=400)
    offset = np.stack([np.roll([-4.0, -1.0, 2.0, 5.0], j) for j in range(16)], axis=1)
    planted = x + offset[np.arange(400) % 4]
    before = assess(make(planted), policy=Policy())
    corrected = correct(make(planted), correction=Correction(method))
    after = assess(corrected, policy=Policy())
    assert (before.assays["plate_share"] > 0.2).all()
    assert (after.assays["plate_share"] < 0.03).all()
    difference = all_of(corrected) - x
    apart = np.nanmean(difference, axis=0)
    assert np.nanmax(np.abs(difference - apart)) < 0.6  # what the plates' own chance adds


@pytest.mark.parametrize("method", METHODS)
def test_correcting_twice_changes_nothing(lab: Any, method: CorrectionMethod) -> None:
    once = correct(lab.measured, correction=Correction(method))
    twice = correct(once, correction=Correction(method))
    np.testing.assert_allclose(all_of(twice), all_of(once), rtol=1e-10, atol=1e-12)


def test_chosen_rows_and_columns_stay_centred_on_all_samples(lab: Any) -> None:
    proteins = correct(lab.measured, correction=Correction()).proteins
    whole = proteins.read(slice(0, 16))
    part = proteins.select_rows(np.array([5, -1, 2])).select_columns(["Q009", "Q001"])
    found = part.read(slice(0, 2))
    assert (part.n, part.names) == (3, ("Q009", "Q001"))
    np.testing.assert_array_equal(found[[0, 2]], whole[[5, 2]][:, [9, 1]])
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(
        part.select_rows(np.array([2, 0])).read(slice(0, 1))[:, 0], whole[[2, 5], 9]
    )


def test_panels_are_centred_on_their_own_plates(make: Any, values: Any) -> None:
    x = values(33, n=12, p=4, missing=0.0)
    rows = [
        (f"S{i:04d}", panel, f"{panel}{i % (2 if panel == 'A' else 3)}", None, None)
        for i in range(12)
        for panel in ("A", "B")
    ]
    plates = pl.DataFrame(rows, schema=load_schema("plates").empty().schema, orient="row")
    found = all_of(correct(make(x, plates=plates), correction=Correction("regression")))
    for j, groups in enumerate((2, 2, 3, 3)):
        codes = np.arange(12) % groups
        means = [found[codes == g, j].mean() for g in range(groups)]
        np.testing.assert_allclose(means, x[:, j].mean(), rtol=1e-10, atol=1e-12)


def test_samples_without_a_plate_and_plates_of_one_are_said(make: Any, values: Any) -> None:
    x = values(34, missing=0.0)
    plates = make(x).plates.filter(pl.col("sample_id") > "S0001")
    plates = plates.with_columns(
        pl.when(pl.col("sample_id") == "S0009").then(pl.lit("P9")).otherwise("plate").alias("plate")
    )
    corrected = correct(make(x, plates=plates), correction=Correction())
    np.testing.assert_array_equal(all_of(corrected)[:2], x[:2])
    assert "2 samples have no plate and are not corrected" in corrected.notes
    assert "1 plate holds one sample, which now stands at the middle of all" in corrected.notes
    assert corrected.parameters["correction"] == {"method": "median", "by": "plate"}
    assert corrected.precision == "float64"


def test_without_batches_the_plates_are_offered(make: Any, values: Any) -> None:
    x = values(35)
    plates = make(x).plates.with_columns(pl.lit(None, pl.String).alias("batch"))
    with pytest.raises(InputError, match="no batches to correct for; --by plate would do"):
        correct(make(x, plates=plates), correction=Correction(by="batch"))


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(UsageError, match="'mean'; known: median and regression"):
        Correction("mean")  # type: ignore[arg-type]


def test_a_single_plate_leaves_nothing_to_correct(make: Any, values: Any) -> None:
    x = values(36)
    plates = make(x).plates.with_columns(pl.lit("P0").alias("plate"))
    with pytest.raises(InputError, match=r"all samples share one plate; .*; --by batch would do"):
        correct(make(x, plates=plates), correction=Correction())
