"""Curves leave at round times, as functions of rounded counts that give no small count away."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.egress.judging import judge_tables
from proteomr.egress.policies import Policy
from proteomr.egress.reading import GivenTable
from tests.egress.attacker import Sum, is_open, narrow, see
from tests.egress.tables import given

UKB = Policy("own", "five", 5)


def follow_up(seed: int, people: int) -> tuple[Any, Any]:
    """Return times and codes: 0 left, 1 the event, 2 a competing one."""
    rng = np.random.default_rng(seed)
    time = np.minimum(rng.exponential(12.0, people), 14.2)
    code = np.where(time < 14.2, rng.choice([0, 1, 2], people, p=[0.3, 0.5, 0.2]), 0)
    return time, code


def survival_curve(time: Any, code: Any) -> GivenTable:
    event = code == 1
    at = np.unique(time[event])
    at_risk = [float((time >= one).sum()) for one in at]
    had = [float((event & (time == one)).sum()) for one in at]
    rows = len(at) + 1
    columns: dict[str, Any] = {
        "protein": ["ADM"] * rows,
        "group": ["Q1"] * rows,
        "time": [0.0, *at],
        "at_risk": [float(time.size), *at_risk],
        "events": [0.0, *had],
        "survival": [1.0, *np.cumprod(1.0 - np.array(had) / np.array(at_risk))],
    }
    return given("curves", columns)


def incidence_curve(time: Any, code: Any) -> GivenTable:
    at = np.unique(time[code > 0])
    rows: dict[str, list[Any]] = {n: [] for n in ("time", "cause", "at_risk", "events")}
    rows["incidence"] = []
    free, had = 1.0, {1: 0.0, 2: 0.0}
    for one in at:
        now = {cause: float(((code == cause) & (time == one)).sum()) for cause in (1, 2)}
        at_risk = float((time >= one).sum())
        for cause in (1, 2):
            had[cause] += free * now[cause] / at_risk
            told = (float(one), cause, at_risk, now[cause], had[cause])
            for name, value in zip(rows, told, strict=True):
                rows[name].append(value)
        free *= 1.0 - sum(now.values()) / at_risk
    return given("cumulative_incidence", {"group": ["Q1"] * len(rows["time"]), **rows})


def leave(*tables: GivenTable, policy: Policy = UKB) -> list[pl.DataFrame]:
    judged, _ = judge_tables(tables, policy)
    return [one.leaving for one in judged if one.leaving is not None]


def test_a_survival_curve_leaves_near_what_it_was() -> None:
    time, code = follow_up(1, 2000)
    table = survival_curve(time, code)
    (left,) = leave(table)
    assert left["time"].to_list() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]
    for at, survival in left.select("time", "survival").rows():
        kept = table.frame.filter(pl.col("time") <= at)["survival"][-1]
        assert survival == pytest.approx(kept, abs=0.01)
    assert left.select("se", "conf_low", "conf_high").null_count().row(0) == (8, 8, 8)
    assert (left["at_risk"].drop_nulls() % 5 == 0).all()


def test_incidences_of_competing_events_leave_near_what_they_were() -> None:
    time, code = follow_up(2, 2000)
    table = incidence_curve(time, code)
    (left,) = leave(table)
    assert left.height == 16
    for at, cause, incidence in left.select("time", "cause", "incidence").rows():
        kept = table.frame.filter((pl.col("time") <= at) & (pl.col("cause") == cause))
        wanted = kept["incidence"][-1] if kept.height else 0.0
        assert incidence == pytest.approx(wanted, abs=0.012)


def test_steps_within_an_interval_do_not_show() -> None:
    """Other times of events and losses between the same round times: the same release."""
    time, code = follow_up(3, 300)
    moved = np.where((time % 2.0 > 0.2) & (time < 14.0), time - 0.1, time)
    assert (moved != time).any()
    one, other = leave(survival_curve(time, code))[0], leave(survival_curve(moved, code))[0]
    assert one.equals(other)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("k", [5, 10])
def test_small_losses_between_two_times_stay_open(seed: int, k: int) -> None:
    time, code = follow_up(seed, 90)
    (left,) = leave(survival_curve(time, code), policy=Policy("own", "own", k))
    at, event = left["time"].to_list(), code == 1
    seen, sums, small = {}, list[Sum](), []
    for i in range(left.height):
        seen[f"R{i}"], seen[f"E{i}"] = (see(left[name][i], k) for name in ("at_risk", "events"))
        if left["events"][i] is None and not (event & (time <= at[i])).sum() >= k:
            seen[f"E{i}"] = (0, k - 1)
        if i == 0:
            continue
        inside = (time > at[i - 1]) & (time <= at[i])
        seen[f"had{i}"] = seen[f"left{i}"] = (0, 1e5)
        sums.append((f"E{i}", [f"E{i - 1}", f"had{i}"]))
        sums.append((f"R{i - 1}", [f"R{i}", f"had{i}", f"left{i}"]))
        if 0 < (inside & event).sum() < k:
            small.append(f"had{i}")
    for name in small:
        assert is_open(narrow({name: 1}, seen, sums), k), name


def test_curves_of_weighted_people_do_not_leave() -> None:
    time, code = follow_up(4, 200)
    table = survival_curve(time, code)
    frame = table.frame.with_columns(at_risk=pl.col("at_risk") * 0.37)
    (left,) = leave(GivenTable(table.file, table.table, table.schema, frame))
    assert left.height == 0


def test_curves_pooled_over_imputations_do_not_leave() -> None:
    time, code = follow_up(4, 200)
    table = survival_curve(time, code)
    frame = table.frame.with_columns(m=pl.lit(5))
    (left,) = leave(GivenTable(table.file, table.table, table.schema, frame))
    assert left.height == 0


def test_few_people_give_no_curve() -> None:
    time, code = follow_up(5, 4)
    (left,) = leave(survival_curve(time, code))
    assert left.height == 0
