"""Blocks of pairs: harmonised, estimated and given back as tables, each without the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypedDict

import polars as pl

from proteomr.mr.altering import Flagged, estimate_without
from proteomr.mr.analysis import TraitSize, measure_pairs, tell_log_odds
from proteomr.mr.choice import build_joint_methods, name_methods
from proteomr.mr.clusters import tabulate_clusters
from proteomr.mr.estimate import tabulate_estimates
from proteomr.mr.explained import Side
from proteomr.mr.further import list_further, tabulate_further
from proteomr.mr.genome_wide import Genomes, grow_from_pair
from proteomr.mr.linkage import Linkage, describe_linkage
from proteomr.mr.methods.method import Method
from proteomr.mr.multivariable.tables import estimate_joint_rows, tabulate_strength
from proteomr.mr.pairs import Pairs, Stretch
from proteomr.mr.pruning_grid import repeat_over_thresholds
from proteomr.mr.reach import tabulate_reach
from proteomr.mr.steiger import keep_forward_variants
from proteomr.mr.trait_sizes import tell_cases
from proteomr.tables import Direction, Drop, Harmonised
from proteomr.tables import columns as c

__all__ = [
    "FILTERED",
    "LINKED",
    "Block",
    "JointWork",
    "PairWork",
    "Work",
    "cut_blocks",
    "name_direction",
]

FILTERED: Final = "filtered"
"""Beside the tables of a block: how many variants Steiger's filter dropped."""

LINKED: Final = "linked"
"""Beside the tables of a block: what is to be said of the correlations of its variants."""

# As many blocks as keep the threads of one machine busy, but no fewer pairs in one than take a
# tenth of a second, and no more than some tens of megabytes.
_BLOCKS: Final = 64
# Fewer would spend more on files than on estimates; more would hold too much at once.
_FEWEST_PAIRS, _MOST_PAIRS = 8, 2048
_NOBODY: Final[Mapping[str, tuple[float, float]]] = {}
_PAIR: Final = (c.EXPOSURE, c.OUTCOME)


class _Sizes(TypedDict):
    exposure_size: TraitSize | None
    outcome_size: TraitSize | None


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


def name_direction(table: pl.DataFrame, direction: int) -> pl.DataFrame:
    """Return a table of variants with its direction, unless it has such a column of its own.

    Examples
    --------
    >>> name_direction(pl.DataFrame({"exposure": ["x"], "variant_id": ["rs1"]}), 1).row(0)
    ('x', 'reverse', 'rs1')
    """
    if c.DIRECTION in table.columns:
        return table
    place = 1 + max(table.columns.index(name) for name in _PAIR if name in table.columns)
    text = pl.Series(c.DIRECTION, [_direct(direction)], dtype=pl.String)
    return table.clone().insert_column(place, text.new_from_index(0, table.height))


def _direct(direction: int) -> Direction:
    return "reverse" if direction else "forward"


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
    log_odds : whether effects on the outcomes are log odds, where nothing else tells so.
    named_cases : cases and controls of outcomes by name.
    linkage : correlations for the methods that take them; None for none.
    prune_r2 : thresholds at which these methods are repeated.
    altering : by direction, instruments that may stand for protein-altering variants; None where
        not asked.
    clusters : whether variants are parted into clusters of one slope each.
    genomes : of the pairs, for methods that rest on them; None where these are the variants of the
        pairs themselves, or no method does.
    """

    directions: tuple[Pairs, ...]
    methods: tuple[Method, ...]
    seed: int
    steiger_filter: bool
    outcome_size: TraitSize
    overlap: float | None
    log_odds: bool = False
    named_cases: Mapping[str, tuple[float, float]] = field(
        default_factory=dict[str, tuple[float, float]]
    )
    linkage: Linkage | None = None
    prune_r2: tuple[float, ...] = ()
    altering: tuple[Flagged, ...] | None = None
    clusters: bool = False
    genomes: Genomes | None = None

    def __call__(self, block: Block, /) -> dict[str, pl.DataFrame]:
        """Return the tables of a block, the q values alone left out."""
        table, pairs = self._take(block)
        analysed = self._filter(block, pairs)
        dropped = sum(a.m - b.m for a, b in zip(pairs, analysed, strict=True))
        sizes = self._size_traits(block.direction)
        analysis = measure_pairs(analysed, self.methods, seed=self.seed, **sizes)
        tables = dict(analysis.tables)
        if self.log_odds:
            side: Side = "exposure" if block.direction else "outcome"
            tables["estimates"] = tell_log_odds(tables["estimates"], side)
        if self.altering is not None:
            gone = self.altering[block.direction]
            tables["without_altering"] = estimate_without(
                analysed, gone, self.methods, seed=self.seed
            )
        if self.clusters:
            tables |= tabulate_clusters(analysed)
        return {
            **tables,
            "reach": tabulate_reach(analysed, overlap=self.overlap, **sizes),
            "harmonised": name_direction(table, block.direction),
            FILTERED: pl.DataFrame({"n": [dropped]}),
            **self._tell_linkage(analysed),
        }

    def _tell_linkage(self, pairs: Sequence[Harmonised]) -> dict[str, pl.DataFrame]:
        """Return what correlations add to a block: their account, and the grid of thresholds."""
        if self.linkage is None:
            return {}
        tables = {LINKED: describe_linkage(pairs, self.linkage)}
        if self.prune_r2:
            named = zip(name_methods(self.methods), self.methods, strict=True)
            chosen = {name: method for name, method in named if method.needs_correlations}
            tables["pruning_grid"] = repeat_over_thresholds(
                pairs, chosen, self.prune_r2, seed=self.seed
            )
        return tables

    def take(self, block: Block) -> list[Harmonised]:
        """Return the analyses of a block, as they are estimated."""
        return self._filter(block, self._take(block)[1])

    def account(
        self, direction: int, table: pl.DataFrame
    ) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
        """Return what was left out of a direction, of which the table has all variants."""
        return self.directions[direction].account(table)

    def _take(self, block: Block) -> tuple[pl.DataFrame, list[Harmonised]]:
        """Return every variant of a block, and its analyses, each with its direction."""
        table, pairs = self.directions[block.direction].take(block.stretch)
        side: Side = "exposure" if block.direction else "outcome"
        told = [tell_cases(pair, self.named_cases, side=side) for pair in pairs]
        turned = [replace(pair, direction=_direct(block.direction)) for pair in told]
        return table, self._add_genomes(
            turned if self.linkage is None else self.linkage.attach(turned)
        )

    def _add_genomes(self, pairs: list[Harmonised]) -> list[Harmonised]:
        if not any(method.needs_genome for method in self.methods):
            return pairs
        if self.genomes is None:
            return [replace(pair, genome=grow_from_pair(pair, seed=self.seed)) for pair in pairs]
        known = self.genomes
        return [replace(p, genome=known.get((p.exposures[0], p.outcome))) for p in pairs]

    def _filter(self, block: Block, pairs: list[Harmonised]) -> list[Harmonised]:
        if not self.steiger_filter:
            return pairs
        sizes = self._size_traits(block.direction)
        kept = [keep_forward_variants(pair, **sizes) for pair in pairs]
        return [pair if pair.m > 1 else replace(pair, caveats=()) for pair in kept]

    def _size_traits(self, direction: int) -> _Sizes:
        """Return the sizes of the traits of a direction: the outcome of one is exposure in the
        other.
        """
        if direction:
            return {"exposure_size": self.outcome_size, "outcome_size": None}
        return {"exposure_size": None, "outcome_size": self.outcome_size}


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
        methods = build_joint_methods(self.methods)
        rows = estimate_joint_rows(self.data, methods, seed=self.seed)
        return {
            "estimates": tabulate_estimates(rows),
            **tabulate_further(rows, [self.data], tables=list_further(methods)),
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
