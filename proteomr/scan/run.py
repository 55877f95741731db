"""Run a plan: the order of its blocks, and the parts that a run folder lacks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest

import polars as pl

from proteomr.execute import Executor, Shard
from proteomr.runs import Parts
from proteomr.scan.fitting import Scan
from proteomr.scan.plan import Plan, ProteinBlock

__all__ = ["PartsDone", "fit_blocks", "in_turn", "run_parts"]


# More groups of a panel are prepared by several workers together, see `Scan`.
_PREPARED_ALONE = 4


def in_turn(blocks: Sequence[ProteinBlock]) -> list[ProteinBlock]:
    """Order blocks so that two panels take turns, and two workers prepare two panels at once.

    Panels of many groups, whose states are large together, come one after another.

    Examples
    --------
    >>> import numpy as np
    >>> none = np.zeros(0, dtype=np.int64)
    >>> blocks = [ProteinBlock(i, none, (panel,)) for i, panel in enumerate([0, 0, 1, 2])]
    >>> [block.index for block in in_turn(blocks)]
    [0, 2, 1, 3]
    """
    panels: dict[tuple[int, ...], list[ProteinBlock]] = {}
    for block in blocks:
        panels.setdefault(block.groups, []).append(block)
    ordered = list(panels.values())
    abreast = 1 if any(len(groups) > _PREPARED_ALONE for groups in panels) else 2
    turns: list[ProteinBlock] = []
    for first in range(0, len(ordered), abreast):
        for together in zip_longest(*ordered[first : first + abreast]):
            turns += [block for block in together if block is not None]
    return turns


def fit_blocks(plan: Plan, *, executor: Executor) -> list[pl.DataFrame]:
    """Fit all blocks of a plan in memory; return their parts.

    Parameters
    ----------
    executor : how blocks are run.
    """
    with closing(executor.map(Scan(plan), in_turn(plan.blocks))) as results:
        return [part for _, part in results]


@dataclass(frozen=True, slots=True)
class PartsDone:
    """How far the parts of a run have come: all of them, and those computed now."""

    blocks: int
    computed: int


def run_parts(
    plan: Plan,
    parts: Parts,
    *,
    executor: Executor,
    shard: Shard | None = None,
    blocks: int | None = None,
) -> PartsDone:
    """Compute the parts that a run lacks, each written as it finishes.

    Parameters
    ----------
    parts : of the run; those of a block hold the table ``fits``.
    executor : how blocks are run.
    shard : compute only this share of the blocks.
    blocks : how many the run has, where the plan has some of them; by default those of the plan.
    """
    mine: Sequence[ProteinBlock] = plan.blocks if shard is None else shard.select(plan.blocks)
    waiting = set(parts.pending(len(plan.blocks) if blocks is None else blocks))
    todo = in_turn([block for block in mine if block.index in waiting])
    with closing(executor.map(Scan(plan), todo)) as results:
        for position, frame in results:
            parts.save(todo[position].index, {"fits": frame})
    return PartsDone(len(mine), len(todo))
