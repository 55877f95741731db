"""Curves of multiply imputed samples, held against R's of each imputation pooled in a loop."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.errors import InputError, UsageError
from proteomr.io import PeopleChoice
from proteomr.runs import Results
from proteomr.scan import FollowUp, FollowUpOptions
from proteomr.survival import CurveOptions, compare_survival

DESIGNS = json.loads((Path(__file__).parent / "imputed_curves.json").read_text())
M = 5
EXACT: dict[str, Any] = {
    "rel": 1e-9,
    "abs": 1e-12,
}  # both sum some hundred numbers of the size of 1
of_designs = pytest.mark.parametrize("d", DESIGNS, ids=lambda d: d["kind"])


def draw(n: int, k: int) -> F64:
    values = np.arange(1, n + 1) * np.sqrt([2, 3, 5, 7, 11, 13, 17, 19, 23, 29][k - 1])
    return np.asarray(values - np.floor(values))


def make_imputation(kind: str, n: int, j: int) -> pl.DataFrame:
    """Return the people of make_imputed_curves.R."""
    known = np.floor(3 * draw(n, 9))
    moved = draw(n, 8) + j * np.sqrt(31)
    drawn = np.floor(3 * (moved - np.floor(moved)))
    first = -np.log(draw(n, 4)) / (0.08 * np.exp(0.4 * (known - 1)))
    other = -np.log(draw(n, 5)) / 0.05
    t = np.minimum(np.minimum(first, other), 5 + 10 * draw(n, 6))
    event = np.where(t == first, 1, np.where(t == other, 2, 0))
    entry = np.where(draw(n, 2) < 0.5, 3 * draw(n, 3), 0.0) if kind == "late" else np.zeros(n)
    people = pl.DataFrame(
        {
            "ID": [f"{i:04d}" for i in range(n)],
            ".imp": np.full(n, j),
            "g": np.where(draw(n, 7) < 0.4, drawn, known).astype(int),
            "t": np.ceil(t) if kind == "years" else t,
            "event": event,
            "entry": entry,
            "w": 0.5 + draw(n, 10),
            "s": np.floor(2 * draw(n, 3)).astype(int),
        }
    )
    return people.filter(pl.col("entry") < pl.col("t"))


def make_people(kind: str, n: int) -> pl.DataFrame:
    return pl.concat([make_imputation(kind, n, j) for j in range(1, M + 1)])


@cache
def run(kind: str, n: int) -> Results:
    options: dict[str, Any] = {"weights": {"weights": "w"}, "strata": {"strata": "s"}}.get(kind, {})
    entry = "entry" if kind == "late" else None
    return compare_survival(
        make_people(kind, n),
        outcomes=[FollowUp("event", "t", entry=entry)],
        curves=CurveOptions(by="g", **options),
        follow_up=FollowUpOptions(event_code=1),
    )


def of(d: dict[str, Any], table: str) -> pl.DataFrame:
    return run(d["kind"], d["n"]).table(table)


def numbers(frame: pl.DataFrame, *names: str) -> dict[str, list[float]]:
    return {name: frame[name].to_list() for name in names}


@of_designs
def test_curves_are_the_means_of_log_log_survival(d: dict[str, Any]) -> None:
    curves = of(d, "curves")
    for k, r in enumerate(d["curves"]):
        rows = curves.filter(pl.col("group") == str(k), pl.col("survival").is_not_null())
        gap = np.abs(rows["time"].to_numpy()[:, None] - np.array(r["time"])).min(axis=1)
        rows = rows.filter(pl.Series(gap < 1e-9))  # neither the beginning nor the last exit
        assert rows["time"].to_list() == pytest.approx(r["time"])
        found = numbers(rows, "survival", "se", "conf_low", "conf_high", "fmi")
        expected = (r["S"], r["se"], r["low"], r["high"], r["fmi"])
        for name, values in zip(found, expected, strict=True):
            assert found[name] == pytest.approx(values, **EXACT), name


@of_designs
def test_medians_are_crossings_of_the_pooled_curve_and_its_limits(d: dict[str, Any]) -> None:
    for k, r in enumerate(d["curves"]):
        row = of(d, "medians").filter(pl.col("group") == str(k)).row(0, named=True)
        told = [row["median"], row["low"], row["high"]]
        expected = [None if value in ("NA", None) else value for value in r["median"]]
        assert told == [value and pytest.approx(value, **EXACT) for value in expected]
        assert (row["status"] == "ok") == (row["median"] is not None)


@of_designs
def test_tests_are_pooled_by_d2(d: dict[str, Any]) -> None:
    tests = [("logrank", of(d, "logrank"))]
    if "gray" in d:
        tests.append(("gray", of(d, "gray").filter(cause=1)))
    for name, table in tests:
        row = table.row(0, named=True)
        found = [row[key] for key in ("statistic", "df", "df_denominator", "p_value")]
        assert found == pytest.approx(d[name], rel=1e-8), name
        assert (row["m"], row["status"]) == (M, "ok")


@pytest.mark.parametrize("d", [d for d in DESIGNS if "mean" in d], ids=lambda d: d["kind"])
def test_means_and_rates_are_those_of_rubins_rules(d: dict[str, Any]) -> None:
    rmst, rates = of(d, "rmst"), of(d, "rates")
    assert rmst["tau"].unique().to_list() == pytest.approx([d["tau"]])
    for quantity in ("mean", "difference", "ratio"):
        rows = rmst.filter(pl.col("quantity") == quantity)
        for name in ("estimate", "se", "df", "fmi"):
            assert rows[name].to_list() == pytest.approx(d[quantity][name], **EXACT)
    for name, told in (("rate", "rate"), ("conf_low", "low"), ("conf_high", "high")):
        assert rates[name].to_list() == pytest.approx(d["rate"][told], **EXACT)
    assert rates["ratio"].to_list()[1:] == pytest.approx(d["rate_ratio"]["ratio"], **EXACT)
    assert rates["p_value"].to_list()[1:] == pytest.approx(d["rate_ratio"]["p"], **EXACT)


@pytest.mark.parametrize("d", [d for d in DESIGNS if "incidence" in d], ids=lambda d: d["kind"])
def test_incidences_are_pooled_by_what_is_free_of_the_event(d: dict[str, Any]) -> None:
    table = of(d, "cumulative_incidence").filter(cause=1)
    for k, r in enumerate(d["incidence"]):
        rows = table.filter(pl.col("group") == str(k), pl.col("incidence").is_not_null())
        rows = rows.filter(pl.col("incidence") > 0)
        assert rows["time"].to_list() == pytest.approx(r["time"])
        for name, told in (
            ("incidence", "incidence"),
            ("se", "se"),
            ("conf_low", "low"),
            ("conf_high", "high"),
        ):
            assert rows[name].to_list() == pytest.approx(r[told], **EXACT), name


def test_imputations_that_agree_are_those_of_one() -> None:
    one = make_imputation("years", 200, 1).drop(".imp")
    same = pl.concat([one.with_columns(pl.lit(j).alias(".imp")) for j in (1, 2, 3)])
    asked: dict[str, Any] = {"outcomes": [FollowUp("event", "t")]}
    code = FollowUpOptions(event_code=1)
    alone, pooled = (
        compare_survival(
            people, curves=CurveOptions(by="g", conf_type="log-log"), follow_up=code, **asked
        )
        for people in (one, same)
    )
    for name in ("curves", "curve_times", "groups", "medians", "rmst", "cumulative_incidence"):
        own, told = alone.table(name), pooled.table(name)
        limits = {"conf_low", "conf_high"} if name == "cumulative_incidence" else set()
        for column in set(own.columns) - limits:
            if own[column].dtype == pl.Float64:
                values = [x if x is None else pytest.approx(x, **EXACT) for x in own[column]]
                assert told[column].to_list() == values, (name, column)
            else:
                assert told[column].to_list() == own[column].to_list(), (name, column)
        assert told["m"].unique().to_list() == [3]
    first, second = (of_one.table("logrank").row(0, named=True) for of_one in (alone, pooled))
    assert second["statistic"] * second["df"] == pytest.approx(first["statistic"])
    assert second["p_value"] == pytest.approx(first["p_value"])
    assert second["df_denominator"] is None


def test_counts_are_those_of_the_fewest_and_add_up() -> None:
    results = run("plain", 150)
    curves, groups = results.table("curves"), results.table("groups")
    sums = curves.group_by("group", maintain_order=True).agg(
        pl.col("events").sum(), pl.col("at_risk").first()
    )
    assert sums["events"].to_list() == groups["events"].to_list()
    assert sums["at_risk"].to_list() == groups["people"].to_list()
    people = [make_imputation("plain", 150, j) for j in range(1, M + 1)]
    fewest = [min(one.filter(g=k).height for one in people) for k in range(3)]
    assert groups["people"].to_list() == fewest
    assert any("imputation with the fewest" in note for note in results.notes)


def test_where_some_imputation_has_no_event_yet_there_is_no_survival() -> None:
    ids = [f"{i}" for i in range(8)]
    base = {"ID": ids, "death": [1] * 6 + [0] * 2, "death_years": [1.0, 2, 3, 4, 5, 6, 7, 7]}
    first = pl.DataFrame({**base, "arm": [0, 0, 1, 1, 0, 1, 0, 1], ".imp": [1] * 8})
    other = pl.DataFrame({**base, "arm": [1, 0, 0, 1, 0, 1, 0, 1], ".imp": [2] * 8})
    people = pl.concat([first, other])
    found = compare_survival(people, outcomes="death", curves=CurveOptions(by="arm"))
    curve = found.table("curves").filter(pl.col("group") == "0")
    assert curve["time"].to_list() == [0, 1, 2, 3, 5, 7]
    assert curve["survival"].is_null().to_list() == [False, True, False, False, False, False]
    row = curve.row(1, named=True)
    assert row["status"] == "not_identified"
    assert "has no event by then" in row["message"]


def test_an_imputation_with_other_groups_is_a_status() -> None:
    people = make_people("plain", 150).with_columns(
        g=pl.when((pl.col(".imp") == 3) & (pl.col("g") == 2)).then(1).otherwise(pl.col("g"))
    )
    found = compare_survival(
        people,
        outcomes=[FollowUp("event", "t")],
        curves=CurveOptions(by="g"),
        follow_up=FollowUpOptions(event_code=1),
    )
    row = found.table("logrank").row(0, named=True)
    assert (row["status"], row["statistic"]) == ("not_identified", None)
    assert row["message"] == "imputation 3 has other groups than the first"


def test_what_every_imputation_says_alike_has_no_number_of_one() -> None:
    parts = [make_imputation("plain", 150, j) for j in (1, 2, 3)]
    found = compare_survival(
        pl.concat(parts),
        pl.DataFrame({"ID": parts[0]["ID"], "marker": [np.inf, *draw(149, 10)]}),
        outcomes=[FollowUp("event", "t")],
        curves=CurveOptions(("marker",)),
        follow_up=FollowUpOptions(event_code=1),
    )
    row = found.table("logrank").row(0, named=True)
    assert (row["status"], row["message"]) == ("infinite", "1 value is infinite")


def test_quantiles_are_those_of_each_imputation_and_their_borders_are_told_as_means() -> None:
    parts = [make_imputation("plain", 150, j) for j in (1, 2, 3)]
    marker = draw(150, 10)
    found = compare_survival(
        pl.concat(parts),
        pl.DataFrame({"ID": parts[0]["ID"], "marker": marker}),
        outcomes=[FollowUp("event", "t")],
        curves=CurveOptions(("marker",), quantiles=2),
        follow_up=FollowUpOptions(event_code=1),
        people=PeopleChoice(where="g < 2"),
    )
    groups = found.table("groups")
    medians = [np.median(marker[(part["g"] < 2).to_numpy()]) for part in parts]
    assert groups["high"][0] == pytest.approx(np.mean(medians))
    assert groups["message"].unique().to_list() == [
        "borders are means of those of the imputations, which differ"
    ]


def test_limits_of_another_scale_and_other_people_are_refused() -> None:
    people = make_people("plain", 150)
    asked: dict[str, Any] = {
        "outcomes": [FollowUp("event", "t")],
        "follow_up": FollowUpOptions(event_code=1),
    }
    with pytest.raises(UsageError, match="leave out --conf-type plain"):
        compare_survival(people, curves=CurveOptions(by="g", conf_type="plain"), **asked)
    with pytest.raises(InputError, match="other people than imputation 1"):
        compare_survival(people.tail(-1), curves=CurveOptions(by="g"), **asked)
