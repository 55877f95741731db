"""The consensus correlation within blocks, from all proteins, before the scan that uses it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from proteomr.association.plan import Plan
from proteomr.association.within_blocks import WithinBlocks
from proteomr.errors import ColumnError
from proteomr.execute import Executor
from proteomr.runs.notes import add_note
from proteomr.scan import PART_ORDER, ModelKey, fit_blocks
from proteomr.stats.block_correlation import find_consensus
from proteomr.tables import columns as c

__all__ = ["assume_independence", "settle_blocks"]


def settle_blocks(plan: Plan, *, executor: Executor) -> Plan:
    """Return a plan that knows the correlation within its blocks; one without blocks as it is.

    That of each target, adjustment set and stratum is the trimmed mean over all proteins, so that
    every shard of a scan finds the same.

    Raises
    ------
    ColumnError
        No protein has enough people in enough blocks.
    """
    name = plan.spec.moderation.block
    if name is None:
        return plan
    family = WithinBlocks(plan.family.options)
    frame = pl.concat(fit_blocks(replace(plan, family=family), executor=executor))
    found = {}
    for keys, rows in frame.sort(PART_ORDER).group_by(PART_ORDER[1:4], maintain_order=True):
        firsts = rows.group_by(PART_ORDER[0], maintain_order=True).agg(
            pl.col(c.ESTIMATE).drop_nulls().first()
        )
        consensus = find_consensus(firsts[c.ESTIMATE].to_numpy().astype(np.float64))
        key = ModelKey(*(int(str(part)) for part in keys))
        if np.isnan(consensus):
            raise ColumnError(
                f"blocks {name!r}: no protein has a correlation within them: it needs several "
                "people in some of them, and several of them"
            )
        found[key] = consensus
        add_note(f"correlation within {name}{_describe(plan, key)}: {consensus:.4f}")
    return replace(plan, correlations=found)


def assume_independence(plan: Plan) -> Plan:
    """Return a plan whose fits take as long as those with the correlation within its blocks."""
    keys = [key for group in plan.groups for key in group.models]
    return replace(plan, correlations=dict.fromkeys(keys, 0.0))


def _describe(plan: Plan, key: ModelKey) -> str:
    stratum = plan.strata[key.stratum].label
    parts = [plan.targets[key.target].name, plan.reading.labels[key.adjustment]]
    return f" ({', '.join([*parts, *([] if stratum is None else [stratum])])})"
