"""Which rows a group has in the tables of curves, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.status import Status
from proteomr.survival.curve_estimates import CurveEstimates, OneGroup
from proteomr.survival.curve_request import CurveOptions
from proteomr.tables.imputed import name_imputation

__all__ = ["GroupRows", "count_there", "judge_curve", "judge_mean", "judge_test", "lay_groups"]


@dataclass(frozen=True, slots=True, eq=False)
class GroupRows:
    """The rows of a curve.

    Attributes
    ----------
    times : from the beginning to the last exit.
    ended : whether the group has a curve, and what is to be known of it.
    """

    times: F64
    ended: tuple[Status, str]


def lay_groups(found: Sequence[CurveEstimates], options: CurveOptions) -> tuple[GroupRows, ...]:
    """Return the rows of the curve of each group.

    Those of several imputations begin with the first beginning, have a time where any of them has,
    and end where one of them is no longer known. A curve is there where every imputation has it.

    Parameters
    ----------
    found : what was estimated, for each imputation.
    options : which times are told.
    """
    return tuple(_lay_group(found, options, k) for k in range(found[0].subjects.count))


def _lay_group(found: Sequence[CurveEstimates], options: CurveOptions, k: int) -> GroupRows:
    judged = [judge_curve(one, k) for one in found]
    told = [i for i, (_, said) in enumerate(judged) if said]
    told = [i for i in told if judged[i][0] is not Status.ok] or told
    at = told[0] if told else 0
    ended = judged[at][0], name_imputation([said for _, said in judged], at) or ""
    start = min(one.groups[k].start for one in found)
    known = min(float(one.horizons[k]) for one in found)
    later = np.unique(np.concatenate([_list_times(one, options, k) for one in found]))
    return GroupRows(np.concatenate([[start], later[(later > start) & (later <= known)]]), ended)


def _list_times(found: CurveEstimates, options: CurveOptions, k: int) -> F64:
    """Return the times of a group's events, or of all exits, and the last exit."""
    group, counts = found.groups[k], found.counts
    if options.steps == "all":
        return np.unique(group.exit)
    return np.append(counts.times[counts.deaths[k] > 0], group.last)


def count_there(group: OneGroup, time: float, *, first: bool) -> float:
    """Return the sum of weights of those at risk at a time; at the first of all who begin by it."""
    if first:
        return float(group.weight[group.entry <= time].sum())
    return float(group.weight[(group.entry < time) & (group.exit >= time)].sum())


def judge_curve(found: CurveEstimates, k: int) -> tuple[Status, str]:
    """Say whether a group has a curve, and what is to be known of it."""
    if math.isfinite(found.emptied[k]):
        when = f"{found.emptied[k]:g}"
        why = f"all who were there at {when} had the event then, before others came: --begin later"
        return Status.not_identified, why
    if np.all(np.isfinite(found.gaps[k])):
        first, second = found.gaps[k]
        return Status.ok, f"nobody was under observation between {first:g} and {second:g}"
    return Status.ok, ""


def judge_test(found: CurveEstimates, events: int) -> tuple[Status, str]:
    """Say why there is no test."""
    if found.subjects.count < 2:
        return Status.constant, "one group alone"
    if not events:
        return Status.too_few, "nobody has the event"
    return Status.not_identified, "no two groups have people at risk at the same events"


def judge_mean(found: CurveEstimates, k: int) -> tuple[Status, str]:
    """Say whether a group has a restricted mean."""
    ended = judge_curve(found, k)
    if ended[0] is not Status.ok:
        return ended
    if found.tau > found.horizons[k]:
        return (
            Status.not_identified,
            f"followed to {found.horizons[k]:g}, not to {found.tau:g}: give a smaller --tau",
        )
    return ended
