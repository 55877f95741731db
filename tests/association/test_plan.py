"""What a plan makes of strata and exposures, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import plan_scan, scan_cohort
from proteomr.errors import ColumnError, UsageError
from proteomr.scan import Scan
from tests.association.cohorts import make_cohort, make_samples, make_values, spec_of


def test_people_without_a_stratum_are_counted() -> None:
    samples = make_samples(90).with_columns(
        group=pl.Series(["a", "b", " ", None, "a", "b"] * 15, dtype=pl.String)
    )
    plan = plan_scan(
        make_cohort(samples, make_values(90, 2)),
        spec_of("linear", exposures=("iso",), adjust={"a": "1"}, strata="group"),
    )
    assert [stratum.label for stratum in plan.reading.strata] == ["a", "b"]
    assert [(drop.reason, drop.n) for drop in plan.drops] == [("group missing", 30)]
    assert len(Scan(plan)(plan.blocks[0])) == 2 * 2


@pytest.mark.parametrize("levels", [[1, 2], [False, True], ["no", "yes"], [10.0, 20.0]])
def test_two_levels_of_any_kind_are_an_exposure(levels: list[Any]) -> None:
    samples = make_samples(90)
    plain = scan_cohort(make_cohort(samples, make_values(90, 1)), spec_of("logistic")).frame
    chosen = [levels[int(x)] for x in samples["iso"]]
    other = make_cohort(samples.with_columns(iso=pl.Series(chosen)), make_values(90, 1))
    found = scan_cohort(other, spec_of("logistic")).frame
    assert found["contrast"][0] == f"{levels[1]} vs {levels[0]}".replace(".0", "")
    assert found.drop("contrast").equals(plain.drop("contrast"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0] * 6, r"exposure 'iso' has 1 level \(1.0\) among 6 people: it needs two"),
        (
            [0, 1, 2, 0, 1, 2],
            r"has 3 levels \(0, 1, 2\): it needs two levels for the logistic family",
        ),
        ([0.0, np.inf] * 3, "exposure 'iso' is infinite for 3 people"),
    ],
)
def test_what_is_no_exposure_is_refused(values: list[Any], message: str) -> None:
    samples = make_samples(6).with_columns(iso=pl.Series(values, strict=False))
    with pytest.raises(ColumnError, match=message):
        scan_cohort(
            make_cohort(samples, make_values(6, 1)), spec_of("logistic", exposures=("iso",))
        )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"exposures": ("izo",)}, ColumnError, "no column 'izo' .*did you mean 'iso'"),
        ({"adjust": {"a": "iso"}}, UsageError, "'iso' is an exposure and in the adjustment set"),
        ({"strata": "site"}, UsageError, "'site' makes the strata and is in 'full'"),
        ({"strata": "age"}, ColumnError, "'age' has 90 levels: strata need 1 to 50"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    if change.get("strata") == "age":
        change = {**change, "adjust": {"a": "1"}}
    with pytest.raises(error, match=message):
        plan_scan(make_cohort(make_samples(90), make_values(90, 1)), spec_of("linear", **change))


def test_nobody_complete_is_refused_with_the_column_that_lacks() -> None:
    samples = make_samples(90).with_columns(age=pl.lit(None, dtype=pl.Float64))
    spec = spec_of("linear", adjust={"a": "age"})
    with pytest.raises(ColumnError, match=r"nobody has .* complete: age missing in 90 of 90"):
        plan_scan(make_cohort(samples, make_values(90, 1)), spec)
