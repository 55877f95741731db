"""The inputs of a colocalisation, read up to its blocks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr.colocalisation.choices import TraitChoice
from proteomr.colocalisation.request import ColocRequest
from proteomr.colocalisation.stretches import (
    NOWHERE,
    WHOLE,
    Stretch,
    find_stretches,
    list_leads,
    name_region,
)
from proteomr.colocalisation.traits import Atlas, Named, build_atlas
from proteomr.errors import NothingToDo
from proteomr.gwas.panel import open_panel
from proteomr.gwas.regions import RegionTrait, read_region_traits
from proteomr.io.genetics.genotypes import LdSource
from proteomr.io.sumstats.selection import Region as ReadRegion
from proteomr.io.sumstats.selection import Selection
from proteomr.tables import Drop

__all__ = ["Places", "open_panels", "open_traits", "pair_stretches"]

_log = logging.getLogger(__name__)
_STEP: Final = "windows"
_GENOTYPES: Final = (".bed", ".bim", ".fam", ".pgen", ".pvar", ".psam")


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Traits that are read, and where they are to be compared.

    Attributes
    ----------
    atlas : variants in the regions, and traits on them.
    firsts : how many of the traits are of the first file; they stand first.
    stretches : of each trait its own windows, by number; or the one region of all.
    region : the one region of all; None for windows.
    drops : rows and windows that were left out.
    notes : what a user should know.
    """

    atlas: Atlas
    firsts: int
    stretches: Mapping[int, pl.DataFrame]
    region: Stretch | None
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]


def open_panels(request: ColocRequest, scratch: Path) -> tuple[LdSource | None, LdSource | None]:
    """Open the panels of a request, one that serves both sides once.

    Genotypes are correlated as copies in one person, as effects are.
    """

    def open_one(i: int) -> LdSource | None:
        source = request.ld[i]
        if source is None:
            return None
        path = source.on_disk(scratch)
        if path.is_file() and path.suffix not in _GENOTYPES:
            return open_panel(path, values=request.ld_values)
        return open_panel(path, measure="genotype")

    first = open_one(0)
    same = request.ld[1] is request.ld[0] or (
        request.ld[0] is not None
        and request.ld[1] is not None
        and request.ld[0].frame is None
        and request.ld[0].name == request.ld[1].name
    )
    return first, first if same else open_one(1)


def open_traits(
    request: ColocRequest, scratch: Path, *, panels: tuple[LdSource | None, LdSource | None]
) -> Places:
    """Read the traits of a request, and find where they are to be compared.

    Raises
    ------
    InputError, FormatError, NothingToDo
        A file cannot be read, or none of its rows lies where traits are compared.
    """
    named, drops, notes = _read_all(request, scratch)
    firsts = sum(trait.file == 0 for trait in named)
    rule = request.windows
    leads: dict[int, pl.DataFrame] = {}
    region = None if rule.region is None else name_region(rule.region)
    placed = [trait.read.rows["chromosome"].is_not_null().any() for trait in named]
    if region is None and not all(placed):
        region = WHOLE
        if any(placed):
            lacking = named[placed.index(False)].path
            notes.append(f"{lacking}: tells no chromosomes: all rows are taken as one region")
    if region is not WHOLE:
        named, lost = _keep_placed(named)
        drops += lost
    if region is None:
        for i, trait in enumerate(named):
            table, said = list_leads(trait, rule=rule, panel=panels[min(1, trait.file)])
            leads[i] = table
            notes += said
        named, lost = _narrow(named, leads, request)
        drops += lost
    if region is not None and region.long_range:
        notes.append(f"{region.name} meets long-range linkage disequilibrium ({region.long_range})")
    atlas = build_atlas(named)
    return Places(atlas, firsts, leads, region, (*drops, *atlas.drops), tuple(dict.fromkeys(notes)))


def _read_all(request: ColocRequest, scratch: Path) -> tuple[list[Named], list[Drop], list[str]]:
    """Read all files, name their traits apart, and settle what is known of each."""
    drops: list[Drop] = []
    notes: list[str] = []
    files: list[tuple[str, tuple[RegionTrait, ...], TraitChoice]] = []
    for i, source in enumerate(request.traits):
        side = min(i, 1)
        options = request.read[side]
        region = request.windows.region
        if region is not None:
            place = ReadRegion(region.chromosome, region.start_bp, region.end_bp)
            options = replace(options, selection=Selection(regions=(place,)))
        _log.info("reading %s", source.name)
        step = f"munge {source.name}"
        found = read_region_traits(source.on_disk(scratch), options=options, step=step)
        drops += found[0].drops
        notes += found[0].notes
        files.append((source.name, found, request.choices[side]))
    named: list[Named] = []
    taken: set[str] = set()
    for i, (path, found, choice) in enumerate(files):
        together = request.method in ("hyprcoloc", "moloc")
        if i == 1 and not together:
            taken = set()  # a first and a second trait may go by one name
        for read in found:
            name = _name_apart(read.name or Path(path).stem, path, taken)
            taken.add(name)
            facts = choice.settle(read)
            if facts.kind == "cc" and choice.kind is None and choice.case_share is None:
                notes.append(f"{name}: the file tells cases: taken as cases and controls")
            named.append(Named(name, read, facts, i, path))
    return named, drops, notes


def _name_apart(name: str, path: str, taken: set[str]) -> str:
    """Return a name that no other trait of the side has: with its file, then with a number."""
    if name not in taken:
        return name
    longer, count = f"{name} ({path})", 2
    while longer in taken:
        longer, count = f"{name} ({path}, {count})", count + 1
    return longer


def _keep_placed(named: Sequence[Named]) -> tuple[list[Named], list[Drop]]:
    """Leave out rows without a place."""
    kept: list[Named] = []
    drops: list[Drop] = []
    for trait in named:
        placed = pl.col("chromosome").is_not_null() & pl.col("position_bp").is_not_null()
        inside = trait.read.take(placed)
        if lost := trait.read.height - inside.height:
            drops.append(Drop(f"match {trait.path}", "no_position", lost))
        kept.append(replace(trait, read=inside))
    return kept, drops


def _narrow(
    named: Sequence[Named], leads: Mapping[int, pl.DataFrame], request: ColocRequest
) -> tuple[list[Named], list[Drop]]:
    """Keep the rows of all traits that lie in any window."""
    everything = [(named[i].name, table) for i, table in leads.items()]
    windows = find_stretches(everything, rule=request.windows)
    if not windows:
        paths = ", ".join(dict.fromkeys(trait.path for trait in named))
        raise NothingToDo(
            f"{paths}: no variant has p <= {request.windows.p:g}, around which traits would be "
            "compared; raise --lead-p, or give --region or --cis"
        )
    reach: dict[str, tuple[list[int], list[int]]] = {}
    for window in windows:
        low, high = window.start_bp or 0, window.end_bp or 0
        lows, highs = reach.setdefault(str(window.chromosome), ([], []))
        if highs and low <= highs[-1] + 1:
            highs[-1] = max(highs[-1], high)
        else:
            lows.append(low)
            highs.append(high)
    kept: list[Named] = []
    drops: list[Drop] = []
    for trait in named:
        inside = trait.read.take(_lies_within(trait.read.rows, reach))
        if lost := trait.read.height - inside.height:
            drops.append(Drop(_STEP, f"outside windows of {trait.name}", lost))
        kept.append(replace(trait, read=inside))
    return kept, drops


def _lies_within(rows: pl.DataFrame, reach: Mapping[str, tuple[list[int], list[int]]]) -> pl.Series:
    """Tell which rows lie in stretches that do not overlap."""
    inside = np.zeros(rows.height, dtype=np.bool_)
    chromosome = rows["chromosome"]
    for name, (lows, highs) in reach.items():
        here = (chromosome == name).fill_null(value=False).to_numpy()
        places = rows["position_bp"].filter(pl.Series(here)).to_numpy()
        at = np.searchsorted(np.array(lows), places, side="right") - 1
        inside[here] = (at >= 0) & (places <= np.array(highs)[np.maximum(at, 0)])
    return pl.Series(inside)


def pair_stretches(
    places: Places, traits: Sequence[int], request: ColocRequest
) -> tuple[list[Stretch], int]:
    """Return the regions of some traits, and how many were left out for their linkage.

    Parameters
    ----------
    places : of all.
    traits : numbers of the traits that are compared.
    request : for how wide windows are, and whether long-range ones are kept.
    """
    if places.region is not None:
        return [places.region], 0
    leads = [(places.atlas.traits[i].name, places.stretches[i]) for i in traits]
    found = find_stretches(leads, rule=request.windows)
    if not found:
        return [NOWHERE], 0
    if request.windows.long_range == "keep":
        return found, 0
    kept = [stretch for stretch in found if stretch.long_range is None]
    return kept, len(found) - len(kept)
