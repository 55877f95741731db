"""The rows of the tables of competing events."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from proteomr._typing import Bool
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.kaplan_meier import find_limits
from proteomr.stats.restricted_mean import find_horizons
from proteomr.status import Status
from proteomr.survival.curve_estimates import Competing
from proteomr.survival.curve_request import CurveOptions
from proteomr.survival.curve_tables import CurveTables, GroupNames, say
from proteomr.tables import columns as c

__all__ = ["add_competing", "lay_incidences"]


def lay_incidences(found: Sequence[Competing]) -> tuple[tuple[Bool, float], ...]:
    """Return the steps of the incidence of each group, and when its risk set empties or NaN.

    Those of several imputations are of one grid: what any of them has as a step, all have, up to
    the last exit that all of them know of.
    """
    out = []
    for k in range(found[0].subjects.count):
        emptied = [float(one.emptied[k]) for one in found if math.isfinite(one.emptied[k])]
        steps = np.any([one.counts.deaths[k] > 0 for one in found], axis=0)
        known = min(float(find_horizons(one.curves, one.subjects)[k]) for one in found)
        out.append((steps & (found[0].counts.times <= known), emptied[0] if emptied else math.nan))
    return tuple(out)


def add_competing(
    tables: CurveTables,
    keys: Mapping[str, object],
    found: Competing,
    names: GroupNames,
    laid: Sequence[tuple[Bool, float]],
) -> None:
    """Add incidences of each event in each group, by :func:`lay_incidences`, and Gray's tests."""
    for code in found.incidence:
        for k, (steps, emptied) in enumerate(laid):
            of = {**keys, "cause": code, "group": names.labels[k]}
            if math.isfinite(emptied):
                _add_no_incidence(tables, of, emptied)
            else:
                _add_incidence(tables, of, found, steps, code=code, k=k)
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


def _add_no_incidence(tables: CurveTables, of: Mapping[str, object], emptied: float) -> None:
    ended = say(
        Status.not_identified,
        f"all who were there by {emptied:g} had an event then, before others came: begin later",
    )
    none = dict.fromkeys(
        ("time", "at_risk", "events", "incidence", c.SE, "se_gray", c.CONF_LOW, c.CONF_HIGH)
    )
    tables.of("cumulative_incidence").add_one({**of, **ended}, **none)


def _add_incidence(
    tables: CurveTables,
    of: Mapping[str, object],
    found: Competing,
    own: Bool,
    *,
    code: int,
    k: int,
) -> None:
    estimate = found.incidence[code]
    low, high = _limit(estimate.incidence[k], estimate.se[k], tables.options)
    events = found.counts.by_cause[code][k] if code in found.counts.by_cause else np.zeros(own.size)
    tables.of("cumulative_incidence").add(
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
    return find_limits(incidence, se, kind=options.scale, level=options.level)


def _judge(found: Competing, events: int) -> tuple[Status, str]:
    if found.subjects.count < 2:
        return Status.constant, "one group alone"
    if not events:
        return Status.too_few, "nobody has this event"
    if not found.begun:
        return Status.not_identified, "a group's risk set empties before others of it have come"
    return Status.not_identified, "no two groups have people at risk at the same events"
