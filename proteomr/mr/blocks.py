"""Blocks of pairs: harmonised, estimated and given back as tables, each without the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl

from proteomr.mr.analysis import TraitSize, measure_pairs
from proteomr.mr.methods.method import Method
from proteomr.mr.multivariable.tables import estimate_jointly, tabulate_strength
from proteomr.mr.pairs import Pairs, Stretch
from proteomr.mr.reach import keep_forward_variants, tabulate_reach
from proteomr.tables import Drop, Harmonised

__all__ = ["FILTERED", "Block", "JointWork", "PairWork", "Work", "cut_blocks"]

FILTERED: Final = "filtered"
"""Beside the tables of a block: how many variants Steiger's filter dropped."""

# As many blocks as keep the threads of one machine busy, but no fewer pairs in one than take a
# tenth of a second, and no more than some tens of megabytes.
_BLOCKS: Final = 64
# Fewer would spend more on files than on estimates; more would hold too much at once.
_FEWEST_PAIRS, _MOST_PAIRS = 8, 2048


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of pairs of one direction: 0 as asked, further ones for the reverse."""

    direction: int
    stretch: Stretch


def cut_blocks(directions: Sequence[Pairs]) -> list[Block]:
    """Return the blocks of all pairs, in their order; only the pairs themselves decide."""
    pairs = sum(direction.count for direction in directions)
    size = min(max(-(-pairs // _BLOCKS), _FEWEST_PAIRS), _MOST_PAIRS)
    return [
        Block(place, stretch)
        for place, direction in enumerate(directions)
        for stretch in direction.cut(size)
    ]


class Work(Protocol):
    """What makes the tables of a block, and the account of all."""

    def __call__(self, block: Block, /) -> dict[str, pl.DataFrame]:
        """Return the tables of a block."""
        ...

    def account(
        self, direction: int, table: pl.DataFrame
    ) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
        """Return what was left out of a direction, of which the table has all variants."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PairWork:
    """Estimates and diagnostics of pairs of one exposure and one outcome.

    Parameters
    ----------
    directions : the pairs as asked, and those of the reverse.
    methods : as `proteomr.mr.choice.build_methods` gives them.
    seed : of the random numbers.
    steiger_filter : whether variants that explain more of the outcome are dropped.
    outcome_size : of binary outcomes.
    overlap : share of the larger study that is in the other one.
    """

    directions: tuple[Pairs, ...]
    methods: tuple[Method, ...]
    seed: int
    steiger_filter: bool
    outcome_size: TraitSize
    overlap: float | None

    def __call__(self, block: Block, /) -> dict[str, pl.DataFrame]:
        """Return the tables of a block, the q values alone left out."""
        table, pairs = self._take(block)
        analysed = self._filter(pairs)
        dropped = sum(a.m - b.m for a, b in zip(pairs, analysed, strict=True))
        size = self.outcome_size
        analysis = measure_pairs(analysed, self.methods, seed=self.seed, outcome_size=size)
        share = None
        if size.n_case is not None and size.n_control is not None:
            share = size.n_case / (size.n_case + size.n_control)
        return {
            **analysis.tables,
            "reach": tabulate_reach(analysed, overlap=self.overlap, case_share=share),
            "harmonised": table,
            FILTERED: pl.DataFrame({"n": [dropped]}),
        }

    def take(self, block: Block) -> list[Harmonised]:
        """Return the analyses of a block, as they are estimated."""
        return self._filter(self._take(block)[1])

    def account(
        self, direction: int, table: pl.DataFrame
    ) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
        """Return what was left out of a direction, of which the table has all variants."""
        return self.directions[direction].account(table)

    def _take(self, block: Block) -> tuple[pl.DataFrame, list[Harmonised]]:
        return self.directions[block.direction].take(block.stretch)

    def _filter(self, pairs: list[Harmonised]) -> list[Harmonised]:
        return [keep_forward_variants(pair) for pair in pairs] if self.steiger_filter else pairs


@dataclass(frozen=True, slots=True, eq=False)
class JointWork:
    """Direct effects of several exposures on one outcome: a single block.

    Parameters
    ----------
    data : their variants.
    methods : as `proteomr.mr.choice.build_joint_methods` takes them.
    seed : of the random numbers.
    """

    data: Harmonised
    methods: tuple[str, ...]
    seed: int

    def __call__(self, block: Block, /) -> dict[str, pl.DataFrame]:
        """Return the tables."""
        del block
        return {
            "estimates": estimate_jointly(self.data, self.methods, seed=self.seed),
            "conditional_strength": tabulate_strength(self.data),
            "harmonised": self.data.variants,
        }

    def account(
        self, direction: int, table: pl.DataFrame
    ) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
        """Return the variants that lack a number."""
        del direction, table
        counts = self.data.dropped["reason"].value_counts(name="n").sort("reason").rows()
        return tuple(Drop("harmonised", reason, n) for reason, n in counts), ()
