from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import InputError, NothingToDo, UsageError
from proteomr.qc import (
    Correction,
    Imputation,
    Policy,
    apply,
    assess,
    clean,
    list_idle_rules,
    list_rules,
    load_policy,
    run,
)
from proteomr.tables import Drop, Measurements, load_schema


def kinds(make: Any, x: Any, *changed: tuple[int, str]) -> Measurements:
    base = make(x)
    kind = ["protein"] * 16
    for place, name in changed:
        kind[place] = name
    measured: Measurements = make(x, assays=base.assays.with_columns(pl.Series("kind", kind)))
    return measured


def test_an_assay_leaves_above_the_threshold_and_stays_at_it(make: Any, values: Any) -> None:
    x = values(51, missing=0.0)
    x[:30, 2] = np.nan
    x[:31, 5] = np.nan
    found = assess(make(x), policy=load_policy("shen2025"))
    assert found.exclusions.rows() == [("assay", "Q005", "missing", 31 / 60, 0.5)]
    row = found.assays.filter(pl.col("protein") == "Q005").row(0, named=True)
    assert (row["excluded"], row["reason"]) == (True, "missing")
    assert found.assays["excluded"].sum() == 1


def test_samples_without_a_value_count_nowhere_under_the_default(make: Any, values: Any) -> None:
    x = values(52, missing=0.0)
    x[:20] = np.nan
    x[20:45, 4] = np.nan  # 25 of 40 samples with a value, 45 of all 60
    x[20:36, 6] = np.nan  # 16 of 40, 36 of 60
    found = assess(make(x), policy=load_policy("default"))
    left = apply(make(x), found)
    assert (left.n, len(left.proteins.names)) == (40, 15)
    assert [drop for drop in left.drops if drop.n] == [
        Drop("qc", "samples: no value of any assay", 20),
        Drop("qc", "assays: missing above 0.5", 1),
    ]
    assert assess(make(x), policy=load_policy("shen2025")).exclusions["name"].to_list() == [
        "Q004",
        "Q006",
    ]


def test_kinds_of_assay_leave_and_each_row_has_one_reason(make: Any, values: Any) -> None:
    x = values(53, missing=0.0)
    x[:, 1] = np.nan
    measured = kinds(make, x, (1, "control"), (3, "non_human"))
    found = assess(measured, policy=load_policy("default"))
    assert found.exclusions.select("name", "reason").rows() == [
        ("Q001", "kind control"),
        ("Q003", "kind non_human"),
    ]
    assert assess(measured, policy=load_policy("shen2025")).exclusions["name"].to_list() == ["Q001"]


def test_samples_are_judged_on_the_assays_that_stay(make: Any, values: Any) -> None:
    x = values(54, missing=0.0)
    x[:40, :8] = np.nan
    found = assess(make(x), policy=Policy(max_missing_per_assay=0.5, max_missing_per_sample=0.3))
    assert found.samples["share_missing"].max() == 0
    assert found.exclusions.filter(pl.col("kind") == "sample").height == 0


def test_a_strict_policy_leaves_out_failed_and_outlying_samples(make: Any) -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(60, 16))
    x[20, :8] += 10
    rows = [("S0003", None, "A", None, "sample_qc", "FAIL")]
    flags = pl.DataFrame(rows, schema=load_schema("qc_flags").empty().schema, orient="row")
    found = assess(make(x, flags=flags), policy=load_policy("strict"))
    gone = dict(found.exclusions.select("name", "reason").rows())
    assert gone["S0003"] == "panels failed in the laboratory"
    assert gone["S0020"] == "panels on which median or IQR lies apart"
    default = assess(make(x, flags=flags), policy=load_policy("default"))
    assert default.exclusions.height == 0
    assert default.samples["panels_outlying_median_iqr"][20] == 1


def test_samples_that_leave_are_in_no_table(make: Any, values: Any) -> None:
    rows = [(name, "SAMPLE", "P0", "CTRL", "control", 1.0) for name in ("S0003", "S0004")]
    controls = pl.DataFrame(rows, schema=load_schema("controls").empty().schema, orient="row")
    warned = [("S0003", None, "A", None, "sample_qc", "WARN")]
    flags = pl.DataFrame(warned, schema=load_schema("qc_flags").empty().schema, orient="row")
    measured = make(values(55), controls=controls, flags=flags)
    left = measured.select_samples(measured.samples["sample_id"] != "S0003")
    assert left.n == 59
    for table in (left.samples, left.flags, left.plates, left.controls):
        assert "S0003" not in table["sample_id"].to_list()


def test_a_policy_that_leaves_nothing_is_nothing_to_do(make: Any, values: Any) -> None:
    x = values(56)
    with pytest.raises(NothingToDo, match="policy 'none' leaves none of 16 assays"):
        assess(make(x), policy=Policy(remove_kinds=("protein",)))
    x[:, 0] = np.nan
    with pytest.raises(NothingToDo, match="leaves none of 60 samples"):
        assess(make(x), policy=Policy(max_missing_per_sample=0.0))
    with pytest.raises(NothingToDo, match="none of 60 samples has a value"):
        assess(make(np.full((60, 16), np.nan)), policy=load_policy("default"))


def test_steps_are_recorded_and_nothing_changes_unasked(lab: Any) -> None:
    plain = clean(lab.measured, policy=Policy())
    np.testing.assert_array_equal(plain.measured.proteins.read(slice(0, 16)), lab.values)
    assert plain.measured.precision == lab.measured.precision
    assert set(plain.tables) == {
        "qc_assays",
        "qc_samples",
        "qc_panels",
        "qc_plates",
        "qc_controls",
        "exclusions",
    }
    full = clean(
        lab.measured,
        policy=Policy(),
        correction=Correction("regression", "batch"),
        imputation=Imputation(3),
        components=2,
    )
    assert set(full.measured.parameters) == {"policy", "correction", "imputation", "components"}
    assert np.isfinite(full.measured.proteins.read(slice(0, 16))).all()
    assert full.tables["principal_components"].columns == ["sample_id", "PC1", "PC2"]


def test_order_of_values_in_the_side_tables_changes_nothing(lab: Any) -> None:
    plates = lab.measured.plates.sample(fraction=1.0, shuffle=True, seed=4)
    other = assess(replace(lab.measured, plates=plates), policy=Policy())
    one = assess(lab.measured, policy=Policy())
    for name, table in one.tables.items():
        assert table.equals(other.tables[name]), name


def test_every_exclusion_has_a_reason_that_is_counted_among_the_drops(make: Any) -> None:
    x = np.random.default_rng(9).normal(size=(60, 16))
    x[:40, 2] = np.nan
    x[4], x[5, :12] = np.nan, np.nan
    rows = [("S0003", None, "A", None, "sample_qc", "FAIL")]
    flags = pl.DataFrame(rows, schema=load_schema("qc_flags").empty().schema, orient="row")
    measured = replace(kinds(make, x, (1, "control"), (3, "non_human")), flags=flags)
    policy = load_policy("strict")
    found = assess(measured, policy=policy)
    assert found.exclusions.select("kind", "name", "reason").rows() == [
        ("sample", "S0004", "no value of any assay"),
        ("assay", "Q001", "kind control"),
        ("assay", "Q003", "kind non_human"),
        ("assay", "Q002", "missing"),
        ("sample", "S0005", "missing"),
        ("sample", "S0003", "panels failed in the laboratory"),
    ]
    drops = {drop.reason: drop.n for drop in apply(measured, found).drops}
    assert sum(drops.values()) == found.exclusions.height
    assert set(drops) <= set(list_rules(policy))
    idle = "assays: below the limit of detection above 0.5"
    assert list_idle_rules(found.assays, policy=policy) == (idle,)
    assert drops["assays: missing above 0.5"] == drops["samples: missing above 0.5"] == 1


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_samples_can_be_assessed(make: Any, values: Any, n: int) -> None:
    found = assess(make(values(57, n=n, missing=0.0)), policy=load_policy("strict"))
    assert found.exclusions.height == 0
    assert found.plates.height == 0


def test_assays_that_do_not_vary_have_no_components_to_write(make: Any) -> None:
    constant = make(np.full((10, 4), 0.1))
    assert assess(constant, policy=load_policy("strict")).exclusions.height == 0
    with pytest.raises(InputError, match="no assay varies between the samples"):
        clean(constant, policy=Policy(), components=1)


def test_what_cannot_be_done_is_refused_before_the_work(
    make: Any, values: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(run, "impute", work)
    with pytest.raises(UsageError, match="17 principal components; 1 to 16"):
        clean(make(values(58)), policy=Policy(), imputation=Imputation(), components=17)
    monkeypatch.setattr(run, "assess", work)
    with pytest.raises(InputError, match="no plates to correct for"):
        clean(
            make(values(58), plates=load_schema("plates").empty()),
            policy=Policy(),
            correction=Correction(),
        )
