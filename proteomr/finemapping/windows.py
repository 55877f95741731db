"""Regions that are fine mapped: as asked, the whole file, or windows around leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.finemapping.request import Windows
from proteomr.gwas.gene_regions import Region
from proteomr.gwas.lead_variants import find_leads
from proteomr.gwas.region_traits import RegionTrait

__all__ = ["EVERYWHERE", "Unit", "cut_regions"]

EVERYWHERE: Final = "all"
"""Name of the region of a file that tells no places."""

# A file of one chromosome and no longer a stretch than this is a locus that somebody cut out.
_ONE_LOCUS_BP: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Unit:
    """A region of a trait.

    Parameters
    ----------
    trait : which of the traits, from 0.
    label : name of the region.
    region : the stretch; None for all rows of the trait.
    """

    trait: int
    label: str
    region: Region | None = None

    def take(self, trait: RegionTrait) -> RegionTrait:
        """Return the trait within the region."""
        if self.region is None:
            return trait
        inside = (pl.col("chromosome") == self.region.chromosome) & pl.col(
            "position_bp"
        ).is_between(self.region.start_bp, self.region.end_bp)
        return trait.take(inside)


def cut_regions(
    traits: tuple[RegionTrait, ...], *, region: Region | None, windows: Windows
) -> tuple[Unit, ...]:
    """Return the regions of each trait, in order of place.

    A region that is asked for is one; so are a file without places, and one of a single chromosome
    that spans no more than 5 Mb. Elsewhere windows are laid around the leads of each trait.

    Parameters
    ----------
    traits : in their order.
    region : the one that is asked for, by which they were read.
    windows : around leads.

    Raises
    ------
    NothingToDo
        No trait has a lead.

    Examples
    --------
    >>> cut_regions((), region=Region("1", 5, 9), windows=Windows())
    ()
    """
    units: list[Unit] = []
    for place, trait in enumerate(traits):
        if region is not None:
            units.append(Unit(place, _name(region)))
        elif not trait.is_placed:
            units.append(Unit(place, EVERYWHERE))
        elif (locus := _span(trait)) is not None:
            units.append(Unit(place, _name(locus)))
        else:
            units += [Unit(place, _name(one), one) for one in _lay_windows(trait, windows)]
    if traits and not units:
        raise NothingToDo(
            f"no variant with a position has p <= {windows.lead_p:g}: name a stretch by --region "
            "or --cis, or raise --lead-p"
        )
    return tuple(units)


def _name(region: Region) -> str:
    return f"{region.chromosome}:{region.start_bp}-{region.end_bp}"


def _span(trait: RegionTrait) -> Region | None:
    """Return the stretch of a file that holds a single locus."""
    chromosomes, positions = trait.rows["chromosome"], trait.rows["position_bp"]
    start, end = int(positions.min() or 0), int(positions.max() or 0)  # type: ignore[arg-type]
    if chromosomes.n_unique() > 1 or end - start > _ONE_LOCUS_BP:
        return None
    return Region(str(chromosomes[0]), start, end)


def _lay_windows(trait: RegionTrait, windows: Windows) -> list[Region]:
    """Return windows around leads that stand so far apart that no two share a variant."""
    leads = find_leads(
        trait.rows.lazy(), p_value=windows.lead_p, distance_bp=2 * windows.window_bp
    ).frame
    found = {
        name: place
        for place, name in enumerate(trait.rows["chromosome"].unique(maintain_order=True))
    }
    places = leads.select("chromosome", "position_bp").rows()
    ordered = sorted(places, key=lambda entry: (found[entry[0]], entry[1]))
    half = windows.window_bp
    return [Region(name, max(1, position - half), position + half) for name, position in ordered]
