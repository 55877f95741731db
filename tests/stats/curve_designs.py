"""The people of the designs of make_curves.R, made by the same whole numbers, and R's answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.curve_counts import RiskTimes, Subjects, place_people
from proteomr.stats.risk_sets import tie_times

R: dict[str, Any] = json.loads(Path(__file__).with_name("curves.json").read_text())
ANSWERS: dict[str, Any] = R["answers"]


@dataclass
class People:
    """Times, events and groups of the people of a design; groups and strata from 0."""

    time: F64
    event: I64
    group: I64
    stratum: I64
    entry: F64
    weight: F64
    cluster: I64

    @property
    def weights(self) -> F64 | None:
        """None where all are 1."""
        return None if np.all(self.weight == 1.0) else self.weight

    @property
    def clusters(self) -> I64 | None:
        """None where each person is one."""
        return self.cluster if np.unique(self.cluster).size < self.cluster.size else None

    @property
    def robust(self) -> bool:
        """Whether survfit has robust errors."""
        return self.clusters is not None or bool(np.any(self.weight != np.floor(self.weight)))

    @property
    def groups(self) -> int:
        return int(self.group.max()) + 1

    def place(self, *, any_event: bool = False, all_times: bool = False) -> RiskTimes:
        """Place them on a grid, with all events as one where that is asked for."""
        entry, time = tie_times(np.column_stack([self.entry, self.time])).T
        event = (self.event > 0).astype(np.int64) if any_event else self.event
        return place_people(entry, time, event, all_times=all_times)

    def subjects(self, risk: RiskTimes, *, strata: bool = False) -> Subjects:
        """Put them into groups, or into strata and groups."""
        K = self.groups
        code = self.stratum * K + self.group if strata else self.group
        count = K * (int(self.stratum.max()) + 1) if strata else K
        return Subjects(risk, code, count, self.weights, self.clusters)


def _share(i: I64, prime: int) -> F64:
    return ((i * prime) % 99991 + 0.5) / 99991


def make(
    n: int,
    *,
    groups: int = 2,
    digits: int = 3,
    cap: float = 2.0,
    causes: int = 1,
    entry: bool = False,
    weights: str = "none",
    clusters: int = 0,
    strata: int = 1,
    scale: float = 1.0,
) -> People:
    """Make a design, as make_curves.R does."""
    i = np.arange(1, n + 1, dtype=np.int64)
    g = (i * 7) % groups + 1
    t = np.round(-np.log(_share(i, 7919)) * (1 + 0.3 * g), digits) + 10.0**-digits
    time = np.minimum(t, cap)
    cause = np.where(_share(i, 15485863) < 0.6, 1, 2) if causes == 2 else np.ones(n, dtype=np.int64)
    event = np.where((t > cap) | (_share(i, 104729) < 0.2), 0, cause)
    entered = np.full(n, -np.inf)
    if entry:
        e = np.round(_share(i, 1299709), digits)
        entered = np.where((e < time) & (i > 3), e, -np.inf)
    weight: F64 = np.ones(n)
    if weights == "real":
        weight = np.asarray(np.round(0.25 + 2 * _share(i, 611953), 3), dtype=np.float64)
    if weights == "whole":
        weight = np.asarray(1.0 + (i * 3) % 4, dtype=np.float64)
    cluster = (i * 11) % clusters if clusters else i - 1
    stratum = (i * 5) % strata
    return People(time * scale, event, g - 1, stratum, entered * scale, weight, cluster)


def _changed(people: People, **columns: Any) -> People:
    for name, values in columns.items():
        setattr(people, name, np.asarray(values))
    return people


def _designs() -> dict[str, People]:
    out = {
        "plain": make(60),
        "three_groups": make(90, groups=3),
        "heavy_ties": make(150, groups=3, digits=0),
        "uncensored": _changed(make(40, cap=99), event=np.ones(40, dtype=np.int64)),
        "truncated": make(120, entry=True),
        "truncated_few_ties": make(60, entry=True, digits=2),
        "truncated_ties": make(150, entry=True, digits=1),
        "real_weights": make(80, weights="real"),
        "whole_weights": make(80, weights="whole"),
        "weighted_ties_clusters": make(120, groups=3, digits=0, weights="real", clusters=25),
        "weighted_truncated": make(100, entry=True, digits=1, weights="real"),
        "clusters": make(100, clusters=20),
        "strata": make(200, groups=3, digits=1, strata=4),
        "one_event": _changed(make(30), event=(np.arange(30) == 4).astype(np.int64)),
        "no_event": _changed(make(30), event=np.zeros(30, dtype=np.int64)),
        "large_units": make(80, scale=1e9),
        "competing": make(100, groups=3, causes=2),
        "competing_ties": make(200, groups=3, digits=1, causes=2),
        "competing_strata": make(200, groups=2, digits=1, causes=2, strata=3),
        "competing_weights": make(90, causes=2, digits=1, weights="real", clusters=30),
        "competing_truncated": make(150, causes=2, digits=1, entry=True),
        "many": make(50000, groups=4, causes=2, strata=5),
    }
    one_time = make(40)
    out["one_time"] = _changed(one_time, time=np.where(one_time.event == 1, 1.0, 2.0))
    none = make(60, groups=3)
    out["group_without_events"] = _changed(none, event=np.where(none.group == 1, 0, none.event))
    rare = (np.arange(1, 3001) % 100 == 0).astype(np.int64)
    out["rare_events"] = _changed(make(3000, groups=4), event=rare)
    lone = make(40)
    out["lone_person"] = _changed(lone, group=np.where(np.arange(1, 41) == 9, 0, 1))
    rounding = make(80, digits=1)
    odd = np.where(np.arange(1, 81) % 2 == 0, 0.0, 1e-10)
    out["rounding"] = _changed(rounding, time=((rounding.time + 0.1) * 3 - 0.3) / 3 + odd)
    out["flat_at_half"] = People(
        np.array([1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4], dtype=float),
        np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1]),
        np.repeat([0, 1], [8, 4]),
        np.zeros(12, dtype=np.int64),
        np.full(12, -np.inf),
        np.ones(12),
        np.arange(12),
    )
    return out


DESIGNS = _designs()
