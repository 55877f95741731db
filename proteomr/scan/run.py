"""Run a plan: the order of its blocks, the parts that a run folder lacks, what it would cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import zip_longest

import polars as pl

from proteomr.execute import Executor, Shard, one_blas_thread
from proteomr.runs import Parts
from proteomr.scan.fitting import Scan
from proteomr.scan.plan import Plan, ProteinBlock

__all__ = ["Cost", "PartsDone", "estimate_cost", "fit_blocks", "in_turn", "run_parts"]

# Proteins fitted to estimate the time of all: as many as fit in well under a second.
_TIMED = 8


def in_turn(blocks: Sequence[ProteinBlock]) -> list[ProteinBlock]:
    """Order blocks so that two panels take turns, and two workers prepare two panels at once.

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
    turns: list[ProteinBlock] = []
    for first in range(0, len(ordered), 2):
        for together in zip_longest(*ordered[first : first + 2]):
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
    plan: Plan, parts: Parts, *, executor: Executor, shard: Shard | None = None
) -> PartsDone:
    """Compute the parts that a run lacks, each written as it finishes.

    Parameters
    ----------
    parts : of the run; those of a block hold the table ``fits``.
    executor : how blocks are run.
    shard : compute only this share of the blocks.
    """
    mine: Sequence[ProteinBlock] = plan.blocks if shard is None else shard.select(plan.blocks)
    waiting = set(parts.pending(len(plan.blocks)))
    todo = in_turn([block for block in mine if block.index in waiting])
    with closing(executor.map(Scan(plan), todo)) as results:
        for position, frame in results:
            parts.save(todo[position].index, {"fits": frame})
    return PartsDone(len(mine), len(todo))


@dataclass(frozen=True, slots=True)
class Cost:
    """What a scan would take.

    Attributes
    ----------
    fits : number of fits.
    people : complete for targets and covariates, in words.
    seconds : of one processor.
    timed : proteins that were fitted to know.
    path : on which the fits go, in words.
    bytes_shared, bytes_per_thread : of memory.
    """

    fits: int
    people: str
    seconds: float
    timed: int
    path: str
    bytes_shared: float
    bytes_per_thread: float

    def memory_bytes(self, threads: int) -> float:
        """Memory of the arrays for a number of threads."""
        return self.bytes_shared + threads * self.bytes_per_thread


def estimate_cost(plan: Plan, blocks: Sequence[ProteinBlock]) -> Cost:
    """Estimate what some blocks of a scan would take, by fitting the first few proteins of one."""
    sizes = sorted({group.rows.size for group in plan.groups})
    people = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    proteins = sum(block.proteins.size for block in blocks)
    scan = Scan(plan)
    first = replace(blocks[0], proteins=blocks[0].proteins[:_TIMED])
    with one_blas_thread():
        scan(replace(first, proteins=first.proteins[:1]))
        began = time.process_time()
        scan(first)
        seconds = (time.process_time() - began) / first.proteins.size * proteins
    n = sizes[-1]
    width = max(
        (plan.problem(plan.groups[g]).covariates.shape[1] for g in first.groups[:1]), default=1
    )
    rows = max(len(plan.coefficients(group)) for group in plan.groups)
    # doubles of the design, its basis and copies of both for every set; of a block, its values and
    # scores, and two arrays of passes for every fit
    shared = 8.0 * n * width * (2 + len(plan.reading.labels)) * 2
    per_thread = 8.0 * n * _largest_block(plan) * (6 + 2 * rows)
    fits = proteins * plan.tests_per_protein
    timed = first.proteins.size
    path = scan.path(first.groups[0]) if first.groups else ""
    return Cost(fits, people, seconds, timed, path, shared, per_thread)


def _largest_block(plan: Plan) -> int:
    """Return the number of proteins in the largest block."""
    return max((int(block.proteins.size) for block in plan.blocks), default=0)
