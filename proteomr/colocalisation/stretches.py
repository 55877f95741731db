"""Where traits are compared: a region that is asked for, or windows around their leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.colocalisation.long_range import name_long_range
from proteomr.colocalisation.traits import Atlas, Named
from proteomr.errors import UsageError
from proteomr.gwas.clumping import Clumping, clump_traits
from proteomr.gwas.gene_regions import Region
from proteomr.gwas.lead_variants import find_leads
from proteomr.io.genetics.genotypes import LdSource

__all__ = [
    "NOWHERE",
    "WHOLE",
    "Lead",
    "LongRange",
    "Stretch",
    "WindowRule",
    "find_stretches",
    "list_leads",
    "name_region",
]

LongRange: TypeAlias = Literal["keep", "drop"]
"""Whether windows in regions of long-range linkage disequilibrium are compared, or left out."""


_OF_WINDOWS: Final = {
    "kb": "--window-kb",
    "lead_kb": "--lead-kb",
    "lead_r2": "--lead-r2",
    "long_range": "--long-range",
}  # the p of leads is that of signals, too

Lead: TypeAlias = tuple[str, str, int]
"""A lead variant: its name, chromosome and position."""


@dataclass(frozen=True, slots=True)
class WindowRule:
    """Where traits are compared.

    Attributes
    ----------
    region : one stretch for all pairs; None for windows around leads.
    p : largest p value of a lead.
    kb : on each side of a lead, in 1,000 bp.
    lead_kb, lead_r2 : leads of a trait are at least this far apart, in 1,000 bp; or, by the
        correlations of a panel, below this r2 within it.
    long_range : whether windows in regions of long-range linkage disequilibrium are kept.

    Raises
    ------
    UsageError
        A number is out of its range, or is of windows beside a region.

    Examples
    --------
    >>> WindowRule().kb
    500.0
    """

    region: Region | None = None
    p: float = 5e-8
    kb: float = 500.0
    lead_kb: float = 10_000.0
    lead_r2: float = 0.001
    long_range: LongRange = "keep"

    def __post_init__(self) -> None:
        if not 0 < self.p <= 1:
            raise UsageError(f"--lead-p {self.p:g}: above 0 and at most 1 is needed")
        if not self.kb > 0:
            raise UsageError(f"--window-kb {self.kb:g}: a width above 0 is needed")
        if not self.lead_kb >= 0:
            raise UsageError(f"--lead-kb {self.lead_kb:g}: a distance in 1,000 bp is needed")
        if not 0 < self.lead_r2 <= 1:
            raise UsageError(f"--lead-r2 {self.lead_r2:g}: above 0 and at most 1 is needed")
        if self.region is not None:
            for option in self.chosen:
                text = "is of windows around leads, and one region is asked for"
                raise UsageError(f"{option} {text}: leave it out, or --region and --cis")

    @property
    def chosen(self) -> tuple[str, ...]:
        """The options of windows that are not as usual."""
        usual = {f.name: f.default for f in fields(self)}
        return tuple(
            option for name, option in _OF_WINDOWS.items() if getattr(self, name) != usual[name]
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """One region in which traits are compared.

    Attributes
    ----------
    name : as ``17:41000000-42000000``.
    chromosome, start_bp, end_bp : its place; None where files tell no chromosomes.
    leads : names of the variants that it is around.
    lead_of : names of the traits whose leads these are.
    long_range : the region of long-range linkage disequilibrium that it meets.
    """

    name: str
    chromosome: str | None = None
    start_bp: int | None = None
    end_bp: int | None = None
    leads: tuple[str, ...] = ()
    lead_of: tuple[str, ...] = ()
    long_range: str | None = None

    def codes(self, atlas: Atlas) -> tuple[int, int]:
        """Return the first code of the region, and the one behind its last."""
        if self.chromosome is None or self.start_bp is None or self.end_bp is None:
            return 0, atlas.variants.height
        return atlas.codes_within(self.chromosome, self.start_bp, self.end_bp)


WHOLE: Final = Stretch("all")
"""The region of files that tell no chromosomes."""
NOWHERE: Final = Stretch("none")
"""Of pairs without a lead."""


def name_region(region: Region) -> Stretch:
    """Return a region that is asked for as a stretch.

    Examples
    --------
    >>> name_region(Region("6", 31_000_000, 31_500_000)).name
    '6:31000000-31500000'
    """
    chromosome, start, end = region.chromosome, region.start_bp, region.end_bp
    name = f"{chromosome}:{start}-{end}"
    return Stretch(name, chromosome, start, end, long_range=name_long_range(chromosome, start, end))


def list_leads(
    trait: Named, *, rule: WindowRule, panel: LdSource | None
) -> tuple[tuple[Lead, ...], tuple[str, ...]]:
    """Return the leads of a trait, strongest first, and notes on how they were found.

    With a panel hits are clumped (`proteomr.gwas.clumping.clump_traits`), without one the
    strongest of each stretch is taken.

    Parameters
    ----------
    trait : all of its rows, with places.
    rule : thresholds and distances.
    panel : of correlations; None for distances alone.

    Returns
    -------
    leads : the strongest first.
    notes : one sentence each.

    Raises
    ------
    InputError
        The panel has none of the hits.
    """
    columns = ["variant_id", "chromosome", "position_bp"]
    rows = trait.read.rows
    if panel is None:
        leads = find_leads(rows.lazy(), p_value=rule.p, distance_bp=round(rule.lead_kb * 1000))
        return tuple(leads.frame.select(columns).iter_rows()), ()
    clumping = Clumping(p1=rule.p, p2=rule.p, r2=rule.lead_r2, kb=rule.lead_kb)
    hits = find_leads(rows.lazy(), p_value=rule.p, distance_bp=0).frame
    if not hits.height:
        return (), ()
    clumps, notes = clump_traits(hits, panel, options=clumping)
    index = clumps.filter(reason="index")
    lost = clumps.filter(~pl.col("reason").is_in(["index", "clumped"])).height
    if lost:
        text = f"{trait.name}: {lost:,} of {hits.height:,} hits are not in the panel of --ld"
        notes = (*notes, f"{text}, and start no window")
    return tuple(index.select(columns).iter_rows()), notes


def find_stretches(
    leads: Sequence[tuple[str, Sequence[Lead]]], *, rule: WindowRule
) -> list[Stretch]:
    """Return the windows around the leads of one or several traits, in order of place.

    Windows of the same ends are one; others may overlap.

    Parameters
    ----------
    leads : names of traits, and their leads as `list_leads` gives them.
    rule : how wide windows are.

    Examples
    --------
    >>> one = [("rs1", "1", 900_000)]
    >>> found = find_stretches([("A", one), ("B", one)], rule=WindowRule())
    >>> [(window.name, window.lead_of) for window in found]
    [('1:400000-1400000', ('A', 'B'))]
    """
    half = round(rule.kb * 1000)
    windows: dict[tuple[str, int, int], list[tuple[str, str]]] = {}
    for trait, table in leads:
        for name, chromosome, position in table:
            place = (str(chromosome), max(1, position - half), position + half)
            windows.setdefault(place, []).append((str(name), trait))
    return [
        Stretch(
            f"{chromosome}:{start}-{end}",
            chromosome,
            start,
            end,
            tuple(dict.fromkeys(name for name, _ in held)),
            tuple(dict.fromkeys(trait for _, trait in held)),
            name_long_range(chromosome, start, end),
        )
        for (chromosome, start, end), held in sorted(windows.items(), key=_place)
    ]


def _place(item: tuple[tuple[str, int, int], object]) -> tuple[int, str, int, int]:
    """Return what windows are ordered by: chromosomes by number, then X, Y and MT."""
    chromosome, start, end = item[0]
    return (int(chromosome) if chromosome.isdigit() else 99, chromosome, start, end)
