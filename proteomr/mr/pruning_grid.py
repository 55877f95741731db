"""Estimates of correlated variants at several thresholds of pruning, and how stable they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.method import Method
from proteomr.stats.correlated_effects import measure_condition
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.generators import random_of
from proteomr.status import Status
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["parse_thresholds", "prune_greedily", "repeat_over_thresholds"]


def repeat_over_thresholds(
    pairs: Sequence[Harmonised],
    methods: Mapping[str, Method],
    thresholds: Sequence[float],
    *,
    seed: int,
) -> pl.DataFrame:
    """Return the estimates of methods for correlated variants at each threshold of r2.

    At each, the variant of the strongest effect on the exposure stays and those in correlation of
    the threshold or more with it leave, and so on (`prune_greedily`). The condition number of the
    correlations that are left tells how far their errors are magnified; ``shift`` tells how far an
    estimate lies from that of the lowest threshold with one, in standard errors of that: estimates
    that are of one signal differ little.

    Parameters
    ----------
    pairs : with correlations.
    methods : by their names in the tables.
    thresholds : r2, in falling order.
    seed : of the random numbers.

    Examples
    --------
    >>> repeat_over_thresholds([], {}, [0.5], seed=1).columns[3:6]
    ['method', 'r2', 'nsnp']
    """
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        if pair.ld is None:
            continue
        pruned = [pair.select(prune_greedily(pair, r2=r2)) for r2 in thresholds]
        conditions = [_condition(each) for each in pruned]
        for name, method in methods.items():
            found = []
            for each in pruned:
                random = random_of(seed, pair.exposures[0], pair.outcome, method.stream)
                found.append(method.estimate(each, random=random))
            shifts = _measure_shifts(found)
            keys = {
                c.EXPOSURE: pair.exposures[0],
                c.OUTCOME: pair.outcome,
                c.DIRECTION: pair.direction,
                c.METHOD: name,
            }
            for r2, condition, fit, shift in zip(
                thresholds, conditions, found, shifts, strict=True
            ):
                rows.append({**keys, "r2": r2, **_describe(fit, condition, shift)})
    declared = load_schema("pruning_grid")
    if not rows:
        return declared.empty()
    frame = pl.DataFrame(rows, schema=declared.empty().schema)
    return declared.validate(frame.with_columns(pl.selectors.float().fill_nan(None)))


def prune_greedily(pair: Harmonised, *, r2: float) -> I64:
    """Return the variants that stay where each leaves that is in correlation with a stronger one.

    Strength is the z of the effect on the exposure; of equal ones the earlier is stronger. Variants
    whose correlations are not known leave.

    Parameters
    ----------
    pair : with correlations.
    r2 : squared correlation from which on a variant leaves.

    Examples
    --------
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.3], [0.2]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.zeros(3), se_y=np.ones(3),
    ...     ld=np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ... )
    >>> prune_greedily(pair, r2=0.5).tolist()
    [1, 2]
    """
    if pair.ld is None:
        return np.zeros(0, dtype=np.int64)
    open_ = np.isfinite(np.diagonal(pair.ld))
    squares: F64 = np.nan_to_num(pair.ld**2)
    kept = []
    for place in np.argsort(-np.abs(pair.x / pair.sx), kind="stable"):
        if open_[place]:
            kept.append(int(place))
            open_ &= squares[place] < r2
            open_[place] = False
    return np.sort(np.array(kept, dtype=np.int64))


def parse_thresholds(text: str | None) -> tuple[float, ...]:
    """Return the thresholds of a list between commas; none for None.

    Raises
    ------
    UsageError
        A part is no number.

    Examples
    --------
    >>> parse_thresholds("0.8, 0.1")
    (0.8, 0.1)
    """
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        raise UsageError(
            f"--prune-r2 {text!r}: numbers between commas are needed, such as 0.8,0.4,0.1"
        ) from None


def _condition(pair: Harmonised) -> float:
    """Return the condition number of the correlations; NaN without a variant."""
    if pair.ld is None or not pair.m:
        return float("nan")
    condition = measure_condition(pair.ld)[1]
    return condition if np.isfinite(condition) else float("nan")


def _measure_shifts(found: Sequence[Estimate]) -> list[float]:
    """Return how far estimates lie from that of the lowest threshold that has one."""
    usable = [one for one in found if one.status == Status.ok and np.isfinite(one.estimate)]
    if not usable or not usable[-1].se > 0:
        return [float("nan")] * len(found)
    last = usable[-1]
    return [(one.estimate - last.estimate) / last.se for one in found]


def _describe(fit: Estimate, condition: float, shift: float) -> dict[str, Any]:
    return {
        c.NSNP: fit.nsnp,
        "condition_number": condition,
        c.ESTIMATE: fit.estimate,
        c.SE: fit.se,
        c.NEG_LOG10_P: fit.neg_log10_p,
        c.P_VALUE: float(p_from_neg_log10(np.array([fit.neg_log10_p]))[0]),
        c.CONF_LOW: fit.conf_low,
        c.CONF_HIGH: fit.conf_high,
        "shift": shift,
        c.STATUS: fit.status.name,
        c.MESSAGE: fit.message,
    }
