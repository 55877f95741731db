"""The rows of the tables of competing events."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.kaplan_meier import find_limits
from proteomr.status import Status
from proteomr.survival.curve_estimates import Competing
from proteomr.survival.curve_request import CurveOptions
from proteomr.survival.curve_tables import CurveTables, GroupNames, say
from proteomr.tables import columns as c

__all__ = ["add_competing"]


def add_competing(
    tables: CurveTables, keys: Mapping[str, object], found: Competing, names: GroupNames
) -> None:
    """Add incidences of each event in each group, and Gray's tests."""
    for code in found.incidence:
        for k in range(len(names.labels)):
            _add_incidence(tables, keys, found, names, code=code, k=k)
    for code, test in found.tests.items():
        events = int(np.count_nonzero(found.subjects.risk.cause == code))
        good = math.isfinite(test.statistic) and found.begun
        ended = say(Status.ok) if good else say(*_judge(found, events))
        p = test.neg_log10_p if good else None
        tables.of("gray").add_one(
            {**keys, **ended},
            cause=code,
            rho=tables.options.rho,
            n=found.subjects.groups.size,
            n_case=events,
            statistic=test.statistic if good else None,
            df=test.df if good else None,
            neg_log10_p=p,
            p_value=None if p is None else float(p_from_neg_log10(p)),
            baseline=tables.options.strata,
        )


def _add_incidence(
    tables: CurveTables,
    keys: Mapping[str, object],
    found: Competing,
    names: GroupNames,
    *,
    code: int,
    k: int,
) -> None:
    rows, of = tables.of("cumulative_incidence"), {**keys, "cause": code, "group": names.labels[k]}
    if math.isfinite(found.emptied[k]):
        ended = say(
            Status.not_identified,
            f"all who were there by {found.emptied[k]:g} had an event then, before others came: "
            "begin later",
        )
        none = dict.fromkeys(
            ("time", "at_risk", "events", "incidence", c.SE, "se_gray", c.CONF_LOW, c.CONF_HIGH)
        )
        rows.add_one({**of, **ended}, **none)
        return
    own = found.counts.deaths[k] > 0
    estimate = found.incidence[code]
    low, high = _limit(estimate.incidence[k], estimate.se[k], tables.options)
    events = found.counts.by_cause[code][k] if code in found.counts.by_cause else own * 0.0
    rows.add(
        {**of, **say(Status.ok)},
        {
            "time": found.counts.times[own],
            "at_risk": found.counts.at_risk[k, own],
            "events": events[own],
            "incidence": estimate.incidence[k, own],
            c.SE: estimate.se[k, own],
            "se_gray": estimate.se_gray[k, own],
            c.CONF_LOW: low[own],
            c.CONF_HIGH: high[own],
        },
    )


def _limit(incidence: np.ndarray, se: np.ndarray, options: CurveOptions) -> tuple[np.ndarray, ...]:
    return find_limits(incidence, se, kind=options.conf_type, level=options.level)


def _judge(found: Competing, events: int) -> tuple[Status, str]:
    if found.subjects.count < 2:
        return Status.constant, "one group alone"
    if not events:
        return Status.too_few, "nobody has this event"
    if not found.begun:
        return Status.not_identified, "a group's risk set empties before others of it have come"
    return Status.not_identified, "no two groups have people at risk at the same events"
