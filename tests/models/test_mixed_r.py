"""Mixed models of visits made by formulas equal what lme4, lmerTest and pbkrtest give for them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.association import ModelSpec, collect, collect_joint_tests, plan_scan
from proteomr.association.details import collect_details
from proteomr.execute import Serial
from proteomr.models import MixedOptions
from proteomr.scan import fit_blocks
from proteomr.tables import ArrayProteins, Cohort

STORED: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[1] / "reference" / "mixed.json").read_text("utf-8")
)
CASES = [name for name, value in STORED.items() if isinstance(value, dict) and "reml" in value]

DESIGNS: dict[str, tuple[Any, ...]] = {
    "balanced": (40, 3, False, 0.0, 1.0, 0.0),
    "uneven": (60, 4, True, 0.0, 1.0, 0.0),
    "missing": (50, 4, False, 0.2, 1.5, 0.0),
    "singular": (40, 3, False, 0.0, 0.0, 0.0),
    "few": (6, 5, False, 0.1, 1.0, 0.0),
    "large": (1500, 3, False, 0.1, 1.0, 0.0),
    "rising": (40, 4, False, 0.0, 1.0, 0.5),
    "rising_missing": (60, 5, True, 0.1, 1.0, 0.5),
    "rising_large": (1500, 3, False, 0.1, 1.0, 0.5),
    "flat": (40, 4, False, 0.0, 1.0, 0.0),
    "weighted": (40, 3, False, 0.0, 1.0, 0.0, True),
    "weighted_missing": (60, 4, True, 0.2, 1.0, 0.0, True),
    "weighted_large": (1500, 3, False, 0.1, 1.0, 0.0, True),
    "weighted_rising": (60, 5, True, 0.1, 1.0, 0.5, True),
}
PERSON, SLOPE = ("1|person",), ("time|person",)
MODELS: dict[str, dict[str, Any]] = {
    "intercept": {"exposures": ("treated",), "adjust": "age + time", "random": PERSON},
    "within": {"exposures": ("time",), "adjust": "age + bmi", "random": PERSON},
    "products": {
        "exposures": ("treated",),
        "adjust": "age",
        "interaction": "C(visit)",
        "random": PERSON,
    },
    "arms": {"exposures": ("arm",), "adjust": "age + time", "random": PERSON},
    "outcome": {"outcomes": ("bmi",), "adjust": "age + time", "random": PERSON},
    "slope": {"exposures": ("time",), "adjust": "age", "random": SLOPE},
    "slope_treated": {
        "exposures": ("treated",),
        "adjust": "time",
        "interaction": "time",
        "random": SLOPE,
    },
    "crossed": {
        "exposures": ("treated",),
        "adjust": "age",
        "random": (*PERSON, "1|plate"),
    },
    "nested": {"exposures": ("treated",), "adjust": "age", "random": ("1|site/person",)},
}


def u(k: int, i: Any) -> F64:
    i = np.asarray(i, dtype=np.int64)
    return np.asarray(((i * (2 * k + 1) * 7919 + k * 104729 + i * i * 31) % 10007) / 10007)


def noise(k: int, i: Any) -> F64:
    return u(k, i) + u(k + 50, i) + u(k + 90, i) - 1.5


@cache
def make(design: str) -> Cohort:
    """Make what make_mixed.R makes."""
    people, visits, uneven, missing, spread, slope, *weighted = DESIGNS[design]
    i = np.arange(people)
    sizes = 1 + np.floor(u(1, i) * visits).astype(np.int64) if uneven else np.full(people, visits)
    person = np.repeat(i, sizes)
    time = np.concatenate([np.arange(size) for size in sizes])
    row = np.arange(person.size)
    plate = np.floor(6 * u(6, row)).astype(np.int64)
    samples = pl.DataFrame(
        {
            "ID": [f"{one:05d}" for one in row],
            "person": person,
            "time": time,
            "age": 50 + 10 * u(2, person),
            "bmi": 27 + 4 * noise(3, row),
            "treated": (u(4, person) < 0.5) + 0,
            "visit": np.minimum(time, 2),
            "arm": np.array(["a", "b", "c"])[np.floor(3 * u(5, person)).astype(np.int64)],
            "site": person // 5,
            "plate": plate,
            "w": 0.1 + 4 * u(12, row) ** 3 if weighted else np.ones(row.size),
        }
    )
    y = 0.4 * samples["treated"].to_numpy() + 0.02 * samples["age"].to_numpy() + 0.1 * time
    y = y + spread * noise(7, person) + slope * time * (noise(8, person) + 0.3 * noise(7, person))
    y = y + noise(9, row) + 0.3 * noise(10, plate)
    y[u(11, row) < missing] = np.nan
    # its twin puts both paths, and a block of more than one, to the test
    values = np.column_stack([y, 1e3 * y])
    assays = pl.DataFrame({"protein": ["one", "two"]})
    return Cohort(samples, "ID", ArrayProteins(("one", "two"), values), assays)


@pytest.mark.parametrize("case", CASES)
def test_fits_equal_those_of_lmertest(case: str) -> None:
    design, model, ddf = case.split(" ")
    asked = dict(MODELS[model])
    options = MixedOptions(asked.pop("random"), ddf)  # type: ignore[arg-type]
    adjust = {"a": asked.pop("adjust")}
    weights = "w" if design.startswith("weighted") else None
    spec = ModelSpec(
        "mixed", adjust=adjust, transform="none", mixed=options, weights=weights, **asked
    )
    parts = fit_blocks(plan_scan(make(design), spec), executor=Serial())
    found = collect(parts, spec).frame.filter(pl.col("protein") == "one")
    wanted = STORED[case]
    se = np.array(wanted["se"])
    assert found["status"].to_list() == ["ok"] * se.size
    assert set(found["n"]) == set(wanted["n"])
    # lme4 leaves theta at 1e-7 of itself where its criterion is flat to rounding
    assert np.abs(found["estimate"].to_numpy() - wanted["estimate"]).max() < 1e-6 * se.min()
    np.testing.assert_allclose(found["se"], se, rtol=1e-6)
    np.testing.assert_allclose(found["df"], wanted["df"], rtol=2e-5)
    np.testing.assert_allclose(found["p_value"], wanted["p"], rtol=1e-5)
    variances = collect_details(parts, "variance_components").filter(pl.col("protein") == "one")
    assert variances.height == len(wanted["variance"])
    np.testing.assert_allclose(variances["reml"], wanted["reml"][0], rtol=1e-9)
    assert (variances["reml"] <= wanted["reml"][0] + 1e-8).all()
    np.testing.assert_allclose(
        sorted(variances["variance"]), sorted(wanted["variance"]), rtol=1e-4, atol=1e-7
    )
    np.testing.assert_allclose(variances["residual"], wanted["residual"][0], rtol=1e-5)
    assert set(variances["singular"]) == {bool(wanted["singular"][0])}
    if wanted["joint"]:
        joint = collect_joint_tests(parts).frame.filter(pl.col("protein") == "one")
        statistic, df, p = wanted["joint"]
        assert joint["statistic"][0] == pytest.approx(statistic, rel=1e-6)
        assert joint["df"][0] == df
        assert joint["p_value"][0] == pytest.approx(p, rel=1e-5)


@pytest.mark.parametrize("design", ["uneven", "missing", "weighted_missing"])
def test_all_coefficients_equal_those_of_lmertest(design: str) -> None:
    cohort = make(design)
    cohort = replace(cohort, samples=cohort.samples.with_columns(year=2000 + pl.col("time")))
    spec = ModelSpec(
        "mixed",
        ("treated",),
        {"a": "age + year"},
        transform="none",
        interaction="bmi",
        coefficients=True,
        weights="w" if design.startswith("weighted") else None,
        mixed=MixedOptions(PERSON),
    )
    parts = fit_blocks(plan_scan(cohort, spec), executor=Serial())
    table = collect_details(parts, "coefficients").filter(pl.col("protein") == "one")
    found = {row["coefficient"]: row for row in table.iter_rows(named=True)}
    wanted = STORED[f"all {design}"]
    assert len(found) == len(wanted["names"])
    for i, name in enumerate(wanted["names"]):
        row = found[name]
        assert row["estimate"] == pytest.approx(wanted["estimate"][i], abs=1e-6 * wanted["se"][i])
        assert row["se"] == pytest.approx(wanted["se"][i], rel=1e-6)
        assert row["df"] == pytest.approx(wanted["df"][i], rel=2e-5)
        assert row["p_value"] == pytest.approx(wanted["p"][i], rel=1e-5)
    frame = collect(parts, spec).frame.filter(pl.col("protein") == "one")
    for row in frame.iter_rows(named=True):
        beside = found[row["term"]]
        for number in ("estimate", "se", "df", "p_value"):
            assert beside[number] == pytest.approx(row[number], rel=1e-8)


def test_the_cases_are_at_least_thirty_on_both_sides_of_the_switch_to_compiled_loops() -> None:
    assert len(CASES) >= 30
    assert sum("large" in case for case in CASES) >= 4
    assert make("large").n > 4_096
