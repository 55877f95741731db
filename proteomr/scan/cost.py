"""What a scan would take, by working through blocks of it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from proteomr.execute import Threads, one_blas_thread
from proteomr.runs.timing import Spent, Stopwatch
from proteomr.scan.fitting import Scan
from proteomr.scan.plan import Plan, ProteinBlock
from proteomr.scan.run import in_turn
from proteomr.stats.tiles import TILE

__all__ = ["Cost", "estimate_cost"]

# Blocks whose fits take longer than this together are timed by fewer proteins each.
_PATIENCE = 20.0
_BRIEF = 5.0  # seconds of processors, after which blocks are not fitted again to be timed
_FEWEST = 2  # of one alone, what each block costs would count as what each protein costs


@dataclass(frozen=True, slots=True)
class Cost:
    """What the blocks of a scan would take.

    Attributes
    ----------
    fits : number of fits.
    people : complete for targets and covariates, in words.
    blocks : of all blocks: preparing their groups, fitting, and keeping them as parts.
    timed : proteins that were fitted to know.
    share : how many times as many fits there are as were timed.
    path : on which the fits go, in words.
    parts : of the blocks that were timed.
    """

    fits: int
    people: str
    blocks: Spent
    timed: int
    share: float
    path: str
    parts: tuple[pl.DataFrame, ...]


def estimate_cost(
    plan: Plan,
    blocks: Sequence[ProteinBlock],
    *,
    threads: int,
    keep: Callable[[pl.DataFrame], object] | None = None,
) -> Cost:
    """Estimate what blocks of a scan take, by working through as many as are fitted at once.

    Threads get into one another's way where they wait for memory, which nothing tells but the
    trial. What is loaded and prepared once is timed apart.

    Parameters
    ----------
    plan : of the scan.
    blocks : those to be fitted.
    threads : blocks fitted at once.
    keep : what is done with a part, such as writing it.
    """
    watch = Stopwatch()
    ordered = in_turn(blocks)
    together = ordered[: max(1, min(threads, len(ordered)))]
    first = together[0]
    with one_blas_thread():
        Scan(plan)(_shorten(first, 1))  # loads what is loaded once
        loaded = watch.read()
        scan = Scan(plan)
        scan.prepare(first)
        prepared = watch.read()
        scan(_shorten(first, 1))
        alone = watch.read().elapsed
        if alone * TILE < _PATIENCE:  # a tile may take no longer than one protein
            scan(_shorten(first, TILE))
            tile = watch.read().elapsed
        else:
            tile = alone * TILE
        chosen = _choose(together, tile / TILE)
        for block in together:
            scan.prepare(block)
        watch.read()
        parts = _work_through(scan, chosen)
        fitted = watch.read()
        if fitted.processors < _BRIEF:  # pages of memory that are touched first took their share
            parts = _work_through(scan, chosen)
            fitted = watch.read()
    if keep is not None:
        for part in parts:
            keep(part)
    kept = watch.read()
    fits = sum(plan.count_fits(block) for block in blocks)
    timed = sum(plan.count_fits(block) for block in chosen)
    panels = len({block.groups for block in blocks})
    further = max(0, panels - 1)
    waves = fits / timed if timed < fits else 1.0
    if timed == sum(plan.count_fits(block) for block in together):
        # the last blocks leave threads without work
        sizes = [plan.count_fits(block) for block in ordered]
        waves = max(waves, _count_waves(sizes, len(together)))
    preparing = Spent(
        prepared.elapsed * further / min(len(together), 2), prepared.processors * further
    )
    fitting = Spent(fitted.elapsed * waves, fitted.processors * fits / timed)
    people = sorted({group.rows.size for group in plan.groups})
    return Cost(
        fits=fits,
        people=f"{people[0]:,}" if len(people) == 1 else f"{people[0]:,} to {people[-1]:,}",
        blocks=loaded + preparing + fitting + kept.times(len(ordered) / len(chosen)),
        timed=len(np.unique(np.concatenate([block.proteins for block in chosen]))),
        share=fits / timed,
        path=scan.path(first.groups[0]) if first.groups else "",
        parts=parts,
    )


def _work_through(scan: Scan, blocks: Sequence[ProteinBlock]) -> tuple[pl.DataFrame, ...]:
    with closing(Threads(len(blocks)).map(scan, blocks)) as results:
        return tuple(part for _, part in results)


def _count_fits(plan: Plan, block: ProteinBlock) -> int:
    return block.proteins.size * sum(len(plan.coefficients(plan.groups[g])) for g in block.groups)


def _shorten(block: ProteinBlock, proteins: int) -> ProteinBlock:
    return replace(block, proteins=block.proteins[:proteins])


def _choose(together: Sequence[ProteinBlock], each: float) -> list[ProteinBlock]:
    """Return the blocks to time, of fewer proteins where whole ones would take too long.

    Parameters
    ----------
    each : seconds of a protein.
    """
    most = max(block.proteins.size for block in together)
    fits = max(_FEWEST, int(_PATIENCE / max(each, 1e-6)))
    return [_shorten(block, min(most, fits)) for block in together]


def _count_waves(sizes: Sequence[int], threads: int) -> float:
    """Return until when threads are busy with blocks in turn, in times of the largest.

    Blocks end with their panel, and so differ: many small ones take no more than a few whole ones.
    """
    free = [0] * threads
    for size in sizes:
        heapq.heapreplace(free, free[0] + size)
    return max(free) / max(sizes)
