from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import lognorm

from proteomr.errors import InputError
from proteomr.qc.assays import assess_assays
from proteomr.qc.controls import assess_controls, choose_control
from proteomr.qc.placement import place_samples, variance_shares
from proteomr.qc.summaries import summarise_rows
from proteomr.tables import ArrayProteins, Measurements, load_schema


def assessed(measured: Measurements) -> pl.DataFrame:
    plates = place_samples(measured, by="plate")
    return assess_assays(measured, plates=plates, controls=assess_controls(measured))


def test_moments_and_quantiles_equal_those_of_each_assay_alone(lab: Any) -> None:
    table = assessed(lab.measured)
    for j, row in enumerate(table.iter_rows(named=True)):
        x = lab.values[:, j][~np.isnan(lab.values[:, j])]
        low, median, high = np.quantile(x, [0.25, 0.5, 0.75])
        assert row["n"] == x.size
        assert row["share_missing"] == (60 - x.size) / 60
        expected = [x.mean(), x.std(ddof=1), median, high - low]
        found = [row[name] for name in ("mean", "sd", "median", "iqr")]
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("m", [0, 1, 2])
def test_summaries_of_few_values_are_empty_where_there_are_too_few(m: int) -> None:
    row = np.full((1, 5), np.nan)
    row[0, :m] = [3.0, 5.0][:m]
    found = summarise_rows(row)
    assert found.n[0] == m
    assert np.isnan(found.mean[0]) == (m < 1)
    assert np.isnan(found.sd[0]) == (m < 2)
    assert np.isnan(found.iqr[0]) == (m < 1)


def test_values_are_compared_with_the_limit_of_their_plate_then_of_their_assay(
    make: Any, values: Any
) -> None:
    x = values(2)
    limits = pl.DataFrame(
        {
            "protein": ["Q000", "Q000", "Q001", "Q002", "gone"],
            "plate": ["P0", "P1", None, "P9", "P0"],
            "lod": [0.4, -0.3, 0.1, 5.0, 1.0],
        }
    )
    base = make(x)
    lod = [0.0] * 3 + [None] * 13
    measured = make(x, limits=limits, assays=base.assays.with_columns(pl.Series("lod", lod)))
    table = assessed(measured)
    limit_of: dict[int, Callable[[int], float]] = {
        0: lambda i: {0: 0.4, 1: -0.3}.get(i % 4, 0.0),
        1: lambda _: 0.1,
        2: lambda _: 0.0,
    }
    for j, limit in limit_of.items():
        there = [i for i in range(60) if not np.isnan(x[i, j])]
        below = sum(x[i, j] < limit(i) for i in there)
        assert table["n_compared_with_lod"][j] == len(there)
        assert table["n_below_lod"][j] == below
        assert table["share_below_lod"][j] == pytest.approx(below / len(there))
    assert table["share_below_lod"][3:].null_count() == 13


def test_a_value_at_its_limit_is_not_below(make: Any) -> None:
    x = np.array([[1.0, 1.0], [0.5, 2.0]])
    limits = pl.DataFrame({"protein": ["Q000"], "plate": [None], "lod": [1.0]})
    measured = make(x, limits=limits.cast({"plate": pl.String}))
    assert assessed(measured)["n_below_lod"].to_list() == [1, 0]


def test_the_share_between_plates_is_the_r_squared_of_their_dummies(lab: Any) -> None:
    table = assessed(lab.measured)
    for j in range(16):
        x = lab.values[:, j]
        used = ~np.isnan(x)
        dummies = np.eye(4)[np.arange(60) % 4][used]
        fitted = dummies @ np.linalg.lstsq(dummies, x[used], rcond=None)[0]
        rest = ((x[used] - fitted) ** 2).sum() / ((x[used] - x[used].mean()) ** 2).sum()
        assert table["plate_share"][j] == pytest.approx(1 - rest, rel=1e-10)


def test_a_share_without_two_groups_or_variance_is_unknown() -> None:
    x = np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    assert np.isnan(variance_shares(x, np.array([0, 0, 0]))).all()
    assert np.isnan(variance_shares(x, np.array([0, 1, 2]))).all()
    assert np.isnan(variance_shares(x, np.array([0, 0, 1]))[1])


def test_a_constant_that_is_rounded_has_no_share_between_plates() -> None:
    x = np.stack([np.full(7, 0.1), np.full(7, 1e6 / 3)])
    assert np.ptp(x[0] - x[0].mean()) == 0 != x[0][0] - x[0].mean()  # off by rounding alone
    assert np.isnan(variance_shares(x, np.array([0, 0, 0, 1, 1, 1, 1]))).all()


def test_the_share_between_plates_of_noise_is_that_of_chance() -> None:
    rng = np.random.default_rng(8)
    shares = variance_shares(rng.normal(size=(400, 90)), np.arange(90) % 10)
    assert shares.mean() == pytest.approx(9 / 89, abs=4 * shares.std() / 20)


def test_plates_of_the_own_panel_count_where_panels_differ(make: Any, values: Any) -> None:
    x = values(3, n=12, p=4, missing=0.0)
    ids = [f"S{i:04d}" for i in range(12)]
    rows = [
        (s, panel, f"{panel}{(i // 3 if panel == 'A' else i % 2)}", None, None)
        for i, s in enumerate(ids)
        for panel in ("A", "B")
    ]
    plates = pl.DataFrame(rows, schema=load_schema("plates").empty().schema, orient="row")
    placement = place_samples(make(x, plates=plates), by="plate")
    assert placement is not None
    groups = {panel: placement.of(panel) for panel in ("A", "B")}
    assert {k: np.unique(v).size for k, v in groups.items() if v is not None} == {"A": 4, "B": 2}
    assert placement.shared() is None
    assert placement.of("C") is None


def test_warnings_of_the_laboratory_are_counted_by_assay(make: Any, values: Any) -> None:
    rows = [
        ("S0001", "Q002", "A", None, "sample_qc", "WARN"),
        (None, "Q002", "A", "P1", "assay_qc", "WARN"),
        ("S0001", None, "A", None, "sample_qc", "FAIL"),
    ]
    flags = pl.DataFrame(rows, schema=load_schema("qc_flags").empty().schema, orient="row")
    table = assessed(make(values(4), flags=flags))
    assert table["n_flags"].to_list() == [0, 0, 2, *[0] * 13]


def controls_of(values: dict[str, list[float]], kind: str = "SAMPLE_CONTROL") -> pl.DataFrame:
    rows = [
        (f"C{i}", kind, plate, "Q000", "protein", value)
        for plate, found in values.items()
        for i, value in enumerate(found)
    ]
    return pl.DataFrame(rows, schema=load_schema("controls").empty().schema, orient="row")


REPLICATES = {"P0": [5.0, 5.2, 5.1], "P1": [5.6, 5.5], "P2": [4.9]}


def test_variation_of_log2_controls_is_log_normal(make: Any, values: Any) -> None:
    measured = make(values(5), controls=controls_of(REPLICATES))
    row = assess_controls(measured).row(0, named=True)
    within = sum(np.var(x, ddof=1) * (len(x) - 1) for x in REPLICATES.values() if len(x) > 1) / 3
    between = np.var([np.mean(x) for x in REPLICATES.values()], ddof=1)
    for name, variance in (("cv_intra_percent", within), ("cv_inter_percent", between)):
        expected = 100 * math.sqrt(math.exp(math.log(2) ** 2 * variance) - 1)
        assert row[name] == pytest.approx(expected, rel=1e-12)
    assert (row["n"], row["plates"], row["cv_scale"]) == (6, 3, "log2")


def test_variation_of_linear_controls_is_sd_by_mean(make: Any, values: Any) -> None:
    base = make(values(5))
    linear = base.assays.with_columns(pl.lit("RFU").alias("unit"))
    row = assess_controls(
        make(values(5), assays=linear, controls=controls_of({"P0": [90.0, 110.0]}))
    ).row(0, named=True)
    assert row["cv_intra_percent"] == pytest.approx(100 * math.sqrt(200) / 100)
    assert row["cv_inter_percent"] is None
    assert row["cv_scale"] == "linear"


def test_variation_without_a_known_unit_is_unknown(make: Any, values: Any) -> None:
    base = make(values(5))
    assays = base.assays.with_columns(pl.lit(None, pl.String).alias("unit"))
    row = assess_controls(make(values(5), assays=assays, controls=controls_of(REPLICATES)))
    assert row["cv_intra_percent"].to_list() == [None]


def test_an_assay_is_judged_on_the_commonest_control_with_plasma(make: Any, values: Any) -> None:
    many = controls_of({"P0": [1.0, 2.0, 3.0, 4.0]}, "NEGATIVE_CONTROL")
    some = controls_of({"P0": [1.0, 1.1, 1.2]}, "SAMPLE_CONTROL")
    few = controls_of({"P0": [1.0, 1.1]}, "PLATE_CONTROL")
    measured = make(values(5), controls=pl.concat([many, some, few]))
    assert choose_control(assess_controls(measured))["cv_control"].to_list() == ["SAMPLE_CONTROL"]


def test_an_infinite_value_is_an_error_that_names_the_assay(make: Any, values: Any) -> None:
    x = values(6)
    x[[3, 9], 2] = np.inf, -np.inf
    x[5, 7] = np.inf
    with pytest.raises(InputError, match="assay 'Q002': 2 infinite values"):
        assessed(make(x))


def test_a_table_that_tells_nothing_of_its_assays_can_be_assessed() -> None:
    measured = Measurements(
        platform="table",
        samples=pl.DataFrame({"sample_id": ["A", "B"]}),
        proteins=ArrayProteins(("X",), np.array([[1.0], [np.nan]])),
        assays=pl.DataFrame({"protein": ["X"]}),
    )
    table = assessed(measured)
    assert table["plate_share"].to_list() == [None]
    assert table["panel"].to_list() == [None]


def test_a_log2_spread_is_the_variation_of_a_log_normal_variable(make: Any, values: Any) -> None:
    low, high = 4.0, 4.6
    measured = make(values(5), controls=controls_of({"P0": [low, high]}))
    sigma = np.std([low, high], ddof=1) * math.log(2)
    law = lognorm(sigma)
    found = assess_controls(measured)["cv_intra_percent"][0]
    assert found == pytest.approx(100 * law.std() / law.mean(), rel=1e-10)


def test_a_control_measured_once_or_on_one_plate_has_no_variation(make: Any, values: Any) -> None:
    for replicates, within in (({"P0": [5.0]}, False), ({"P0": [5.0, 5.1]}, True)):
        row = assess_controls(make(values(5), controls=controls_of(replicates))).row(0, named=True)
        assert (row["cv_intra_percent"] is not None) == within
        assert row["cv_inter_percent"] is None


def test_controls_without_a_plate_are_counted_and_not_compared(make: Any, values: Any) -> None:
    told = controls_of(REPLICATES)
    loose = controls_of({"?": [1.0, 9.0]}).with_columns(pl.lit(None, pl.String).alias("plate"))
    alone = assess_controls(make(values(5), controls=told)).row(0, named=True)
    both = assess_controls(make(values(5), controls=pl.concat([loose, told]))).row(0, named=True)
    assert (both["n"], both["plates"]) == (8, 3)
    for name in ("cv_intra_percent", "cv_inter_percent"):
        assert both[name] == alone[name]
    lost = assess_controls(make(values(5), controls=loose)).row(0, named=True)
    assert (lost["n"], lost["plates"], lost["cv_intra_percent"]) == (2, 0, None)


def test_the_order_of_controls_changes_no_bit(make: Any, values: Any) -> None:
    rng = np.random.default_rng(2)
    many = controls_of({f"P{i}": list(rng.normal(size=7)) for i in range(9)})
    one = assess_controls(make(values(5), controls=many))
    for seed in range(5):
        mixed = many.sample(fraction=1.0, shuffle=True, seed=seed)
        assert assess_controls(make(values(5), controls=mixed)).equals(one)
