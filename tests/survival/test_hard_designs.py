"""Scans of follow-ups of the kinds that go wrong have R's numbers, see make_hard.R.

Few events, times in whole years, late entry, a stratum without events, weights of 0 and a million,
units far apart, a protein that five people have.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtri

from proteomr._typing import F64
from proteomr.association import ModelSpec
from proteomr.models.further import Further
from proteomr.models.survival_options import SurvivalOptions
from proteomr.scan import FollowUp, FollowUpOptions
from proteomr.survival import CurveOptions, compare_survival, survive

DESIGNS = json.loads(Path(__file__).with_name("hard.json").read_text(encoding="utf-8"))
of_designs = pytest.mark.parametrize("d", DESIGNS, ids=[d["kind"] for d in DESIGNS])


def draw(n: int, k: int) -> F64:
    """Return numbers between 0 and 1 that no order is seen in."""
    v = np.arange(1, n + 1) * np.sqrt([2, 3, 5, 7, 11, 13, 17, 19, 23, 29][k - 1])
    return np.asarray(v - np.floor(v))


def make(d: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return samples and proteins of a design."""
    kind, n = d["kind"], d["n"]
    x, age, sex = ndtri(draw(n, 1)), 40 + 30 * draw(n, 2), (draw(n, 3) < 0.5) * 1.0
    rate = 0.0015 if kind == "rare" else 0.05
    first = -np.log(draw(n, 4)) / (rate * np.exp(0.4 * x + 0.03 * (age - 55)))
    other = -np.log(draw(n, 5)) / (0.03 * np.exp(-0.3 * x))
    t = np.minimum(np.minimum(first, other), 5 + 10 * draw(n, 6))
    event = np.where(t == first, 1, np.where(t == other, 2, 0))
    t = np.ceil(t) if kind == "years" else t
    entry = np.where(draw(n, 7) < 0.7, 6 * draw(n, 8), 0.0) * (kind == "late")
    group = np.floor(4 * draw(n, 9)).astype(np.int64)
    event = np.where((kind == "stratum") & (group == 3), 0, event)
    weight = np.ones(n)
    if kind == "weights":
        weight = np.where(draw(n, 10) < 0.1, 0.0, np.where(draw(n, 10) < 0.9, 1.0, 1e6))
    if kind == "units":
        age, t = age * 1e6, t * 1e9
    if kind == "five":
        x = (np.argsort(np.argsort(draw(n, 7))) < 5).astype(np.float64)
    ids = [f"{i:05d}" for i in range(n)]
    columns = {"age": age, "sex": sex, "t": t, "event": event, "entry": entry, "group": group}
    case = (event == 1).astype(np.int64)
    samples = pl.DataFrame({"ID": ids, **columns, "case": case, "weight": weight})
    return samples, pl.DataFrame({"ID": ids, "X": x})


def run(d: dict[str, Any], family: str, *, event: str = "case", **asked: Any) -> Any:
    samples, proteins = make(d)
    entry = "entry" if d["kind"] == "late" else None
    follow_up = FollowUpOptions(event_code=1 if event == "event" else None)
    models = ModelSpec(
        family,
        adjust={"a": "age + sex"},
        transform="none",
        weights="weight" if d["kind"] == "weights" else None,
        follow_up=follow_up,
        **asked,
    )
    return survive(
        samples, proteins, models=models, outcomes=[FollowUp(event, "t", entry)], threads=1
    )


def numbers(results: Any) -> list[float]:
    row = results.table().row(0, named=True)
    assert row["status"] == "ok"
    return [row["estimate"], row["se"]]


@of_designs
def test_hazards_are_those_of_coxph(d: dict[str, Any]) -> None:
    asked = SurvivalOptions(zph="km", concordance=True)
    results = run(d, "cox", survival=asked)
    row = results.table().row(0, named=True)
    assert (row["n"], row["n_case"]) == (d["people"], d["events"])
    assert numbers(results) == pytest.approx(d["efron"], rel=1e-8)
    breslow = run(d, "cox", survival=SurvivalOptions(ties="breslow"))
    assert numbers(breslow) == pytest.approx(d["breslow"], rel=1e-8)
    assert numbers(run(d, "cox", baseline="group")) == pytest.approx(d["strata"], rel=1e-8)
    harrell = results.table("concordance").row(0, named=True)
    assert [harrell["estimate"], harrell["se"]] == pytest.approx(d["harrell"], rel=1e-8)
    if d.get("zph"):
        tests = dict(results.table("proportional_hazards").select("term", "chi2").iter_rows())
        own = next(value for term, value in tests.items() if term not in {"age", "sex", "GLOBAL"})
        assert [own, tests["GLOBAL"]] == pytest.approx(d["zph"], rel=1e-6)


@pytest.mark.parametrize("distribution", ["weibull", "lognormal"])
@pytest.mark.parametrize("d", [d for d in DESIGNS if "weibull" in d], ids=lambda d: d["kind"])
def test_times_are_those_of_survreg(d: dict[str, Any], distribution: Any) -> None:
    found = run(d, "aft", survival=SurvivalOptions(distribution=distribution))
    assert numbers(found) == pytest.approx(d[distribution], rel=1e-7)


@pytest.mark.parametrize("d", [d for d in DESIGNS if "finegray" in d], ids=lambda d: d["kind"])
def test_subdistributions_are_those_of_finegray(d: dict[str, Any]) -> None:
    found = run(
        d, "finegray", event="event", errors="robust", survival=SurvivalOptions(ties="efron")
    )
    assert numbers(found) == pytest.approx(d["finegray"], rel=1e-8)


@pytest.mark.parametrize("d", [d for d in DESIGNS if "periods" in d], ids=lambda d: d["kind"])
def test_periods_are_those_of_spells_that_are_cut(d: dict[str, Any]) -> None:
    unit = 1e9 if d["kind"] == "units" else 1.0
    asked = SurvivalOptions(periods=(3.0 * unit, 7.0 * unit))
    found = run(d, "cox", survival=asked).table("periods")
    r = d["periods"]
    assert found["estimate"].to_list() == pytest.approx(r["estimate"], rel=1e-8)
    assert found["se"].to_list() == pytest.approx(r["se"], rel=1e-8)
    assert found["equal_statistic"][0] == pytest.approx(r["equal"], rel=1e-7)
    assert found["equal_df"][0] == 2.0


@pytest.mark.parametrize("d", [d for d in DESIGNS if "spline" in d], ids=lambda d: d["kind"])
def test_lines_are_held_against_natural_splines_as_by_anova(d: dict[str, Any]) -> None:
    found = run(d, "cox", further=Further(nonlinear=3)).table("joint_tests")
    row = found.filter(pl.col("test") == "nonlinear").row(0, named=True)
    # differences of log-likelihoods of some thousand, each to 1e-14 of its size
    assert row["statistic"] == pytest.approx(d["spline"], rel=1e-8, abs=1e-9)
    assert row["df"] == 2.0


@of_designs
def test_people_are_observed_for_the_years_of_pyears(d: dict[str, Any]) -> None:
    samples, _ = make(d)
    entry = "entry" if d["kind"] == "late" else None
    weights = "weight" if d["kind"] == "weights" else None
    found = compare_survival(
        samples,
        outcomes=[FollowUp("case", "t", entry)],
        curves=CurveOptions(by="group", weights=weights),
    ).table("rates")
    events = found["events" if weights is None else "weighted_events"]
    assert found["person_years"].to_list() == pytest.approx(d["years"][:4], rel=1e-12)
    assert events.to_list() == pytest.approx(d["years"][4:], rel=1e-12)
