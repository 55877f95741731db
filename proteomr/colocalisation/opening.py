"""The inputs of a colocalisation, read up to its blocks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import Bool
from proteomr.colocalisation.choices import TraitChoice
from proteomr.colocalisation.request import ColocRequest
from proteomr.colocalisation.stretches import (
    NOWHERE,
    WHOLE,
    Lead,
    Stretch,
    find_stretches,
    list_leads,
    name_region,
)
from proteomr.colocalisation.traits import Atlas, Named, NamedFile, build_atlas
from proteomr.errors import NothingSelected, NothingToDo
from proteomr.gwas.panel import open_panel
from proteomr.gwas.region_traits import RegionTraits, TraitOutline
from proteomr.gwas.regions import open_region_traits
from proteomr.gwas.row_shelf import RowShelf
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.io.genetics.genotypes import LdSource
from proteomr.io.sumstats.selection import Region as ReadRegion
from proteomr.io.sumstats.selection import Selection
from proteomr.tables import Drop

Reach: TypeAlias = dict[str, tuple[list[int], list[int]]]
"""By chromosome, first and last positions of stretches that do not overlap."""

__all__ = ["Places", "open_panels", "open_traits", "pair_stretches"]

_log = logging.getLogger(__name__)
_STEP: Final = "windows"
_IS_PLACED: Final = pl.col("chromosome").is_not_null() & pl.col("position_bp").is_not_null()
_GENOTYPES: Final = (".bed", ".bim", ".fam", ".pgen", ".pvar", ".psam")


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Traits that are read, and where they are to be compared.

    Attributes
    ----------
    atlas : variants in the regions, and traits on them.
    firsts : how many of the traits are of the first file; they stand first.
    leads : of each trait by number; none where there is one region of all.
    region : the one region of all; None for windows.
    drops : rows and windows that were left out.
    notes : what a user should know.
    """

    atlas: Atlas
    firsts: int
    leads: Mapping[int, tuple[Lead, ...]]
    region: Stretch | None
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a trait without its rows.

    Attributes
    ----------
    name, facts : see `proteomr.colocalisation.traits.Named`.
    outline : its rows in short.
    """

    name: str
    facts: TraitFacts
    outline: TraitOutline


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """A file of traits: its number, its path, what was read, and what is known of each."""

    number: int
    path: str
    read: RegionTraits
    known: tuple[_Known, ...]

    @property
    def has_chromosomes(self) -> bool:
        """Whether every trait tells any."""
        return all(outline.has_chromosomes for outline in self.read.outlines)


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """The traits of a file without the rows that are not compared.

    Attributes
    ----------
    file : that they are of.
    placed : whether rows without a place are left out.
    reach : where rows lie that are compared; None for everywhere.
    outside : of traits by name, the rows that lie elsewhere; told as they are gone through.
    """

    file: _File
    placed: bool
    reach: Reach | None
    outside: dict[str, int] = field(default_factory=dict[str, int])

    def __call__(self) -> Iterator[Named]:
        """Yield the traits one by one."""
        each = self.file.read.choose(self._judge)
        for known, read in zip(self.file.known, each, strict=True):
            if self.reach is not None:
                self.outside[known.name] = (
                    known.outline.height - known.outline.unplaced - read.height
                )
            yield Named(known.name, read, known.facts)

    def _judge(self, rows: pl.DataFrame) -> Bool:
        """Tell which rows of several traits are compared."""
        if self.reach is not None:
            return _lies_within(rows, self.reach)
        if self.placed:
            return rows.select(_IS_PLACED).to_series().to_numpy()
        return np.ones(rows.height, np.bool_)


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
    return first, first if request.one_panel else open_one(1)


def open_traits(
    request: ColocRequest, scratch: Path, *, panels: tuple[LdSource | None, LdSource | None]
) -> Places:
    """Read the traits of a request, and find where they are to be compared.

    Every file is read once. Where they have more rows than some together, these stand in
    ``scratch`` from then on, and are gone through trait by trait.

    Raises
    ------
    InputError, FormatError, NothingToDo, StorageError
        A file cannot be read, or none of its rows lies where traits are compared.
    """
    files, drops, notes = _read_all(request, scratch)
    rule = request.windows
    leads: dict[int, tuple[Lead, ...]] = {}
    region = None if rule.region is None else name_region(rule.region)
    if region is None and not all(file.has_chromosomes for file in files):
        region = WHOLE
        notes += _tell_one_region(files, request)
    reach: Reach | None = None
    if region is None:
        for file in files:
            for trait in _Kept(file, placed=True, reach=None)():
                found, said = list_leads(trait, rule=rule, panel=panels[min(1, file.number)])
                leads[len(leads)] = found
                notes += said
        reach = _span(files, leads, request)
    kept = [_Kept(file, region is not WHOLE, reach) for file in files]
    if region is not None and region.long_range:
        notes.append(f"{region.name} meets long-range linkage disequilibrium ({region.long_range})")
    named = [NamedFile(each.file.path, each.file.read.is_aside, each) for each in kept]
    atlas = build_atlas(named, folder=scratch)
    drops += _count_left_out(kept)
    firsts = len(files[0].known)
    return Places(atlas, firsts, leads, region, (*drops, *atlas.drops), tuple(dict.fromkeys(notes)))


def _tell_one_region(files: Sequence[_File], request: ColocRequest) -> list[str]:
    """Return what a user should know where files make all rows one region."""
    lacking = [file.path for file in files if not file.has_chromosomes]
    idle = request.idle_in_one_region
    if len(lacking) == len(files) and not idle:
        return []
    told = f"{lacking[0]}: tells no chromosomes: all rows are taken as one region"
    return [f"{told}, where {', '.join(idle)} has no effect" if idle else told]


def _count_left_out(kept: Sequence[_Kept]) -> list[Drop]:
    """Return the rows that lie nowhere, and those that lie outside of all windows."""
    nowhere = [
        Drop(f"match {each.file.path}", "no_position", known.outline.unplaced)
        for each in kept
        if each.placed
        for known in each.file.known
        if known.outline.unplaced
    ]
    outside = [
        Drop(_STEP, f"outside windows of {name}", lost)
        for each in kept
        for name, lost in each.outside.items()
        if lost
    ]
    return [*nowhere, *outside]


def _read_all(request: ColocRequest, scratch: Path) -> tuple[list[_File], list[Drop], list[str]]:
    """Read all files, name their traits apart, and settle what is known of each."""
    drops: list[Drop] = []
    notes: list[str] = []
    notes_of_traits: list[str] = []
    files: list[_File] = []
    taken: set[str] = set()
    together = request.method in ("hyprcoloc", "moloc")
    shelf = RowShelf(scratch, name="traits")
    for i, source in enumerate(request.traits):
        _log.info("reading %s", source.name)
        found = _read_one(request, i, scratch, shelf)
        drops += found.drops
        notes += found.notes
        if i == 1 and not together:
            taken = set()  # a first and a second trait may go by one name
        named = {} if i == 0 else dict(request.named)
        known, said = _know(found, source.name, request.choices[min(i, 1)], named, taken)
        notes_of_traits += said
        files.append(_File(i, source.name, found, known))
    further = files[1:]
    if further and not any(t.height for file in further for t in file.read.outlines):
        paths = ", ".join(file.path for file in further)
        raise NothingToDo(f"{paths}: no row lies in the region")
    return files, drops, [*notes, *notes_of_traits]


def _read_one(request: ColocRequest, i: int, scratch: Path, shelf: RowShelf) -> RegionTraits:
    """Read a file; one but the first that has no row in the region is a trait without rows."""
    source, options = request.traits[i], request.read[min(i, 1)]
    region = request.windows.region
    if region is not None:
        place = ReadRegion(region.chromosome, region.start_bp, region.end_bp)
        options = replace(options, selection=Selection(regions=(place,)))
    try:
        return open_region_traits(
            source.on_disk(scratch),
            folder=scratch,
            options=options,
            step=f"munge {source.name}",
            shelf=shelf,
        )
    except NothingSelected as nothing:
        if region is None:
            raise
        said = f"{source.name}: no row lies in the region"
        if i == 0:
            raise NothingSelected(said) from nothing
        empty = RegionTraits.empty(options.trait or Path(source.name).stem)
        return replace(empty, notes=(said,))


def _know(
    found: RegionTraits,
    path: str,
    usual: TraitChoice,
    named: Mapping[str, TraitChoice],
    taken: set[str],
) -> tuple[tuple[_Known, ...], list[str]]:
    """Return what is known of the traits of a file, and notes; names are added to those taken."""
    notes: list[str] = []
    known: list[_Known] = []
    for outline in found.outlines:
        name = _name_apart(outline.name or Path(path).stem, path, taken)
        taken.add(name)
        choice = named.get(name, usual)
        facts = choice.settle(outline)
        if facts.kind == "cc" and choice.kind is None and choice.case_share is None:
            notes.append(f"{name}: the file tells cases: taken as cases and controls")
        if choice.kind is None and choice.case_share is None and outline.has_one_kind:
            text = f"{name}: the file has cases, and they are all of its people or none"
            notes.append(f"{text}: taken as quantitative; --type{choice.suffix} cc for a disease")
        known.append(_Known(name, facts, outline))
    return tuple(known), notes


def _name_apart(name: str, path: str, taken: set[str]) -> str:
    """Return a name that no other trait of the side has: with its file, then with a number."""
    if name not in taken:
        return name
    longer, count = f"{name} ({path})", 2
    while longer in taken:
        longer, count = f"{name} ({path}, {count})", count + 1
    return longer


def _span(
    files: Sequence[_File], leads: Mapping[int, Sequence[Lead]], request: ColocRequest
) -> Reach:
    """Return where the windows of all traits lie, those that overlap as one."""
    names = [known.name for file in files for known in file.known]
    everything = [(names[i], found) for i, found in leads.items()]
    windows = find_stretches(everything, rule=request.windows)
    if not windows:
        paths = ", ".join(dict.fromkeys(file.path for file in files))
        raise NothingToDo(
            f"{paths}: no variant has p <= {request.windows.p:g}, around which traits would be "
            "compared; raise --lead-p, or give --region or --cis"
        )
    reach: Reach = {}
    for window in windows:
        low, high = window.start_bp or 0, window.end_bp or 0
        lows, highs = reach.setdefault(str(window.chromosome), ([], []))
        if highs and low <= highs[-1] + 1:
            highs[-1] = max(highs[-1], high)
        else:
            lows.append(low)
            highs.append(high)
    return reach


def _lies_within(rows: pl.DataFrame, reach: Reach) -> Bool:
    """Tell which rows lie in stretches that do not overlap; none does without a place."""
    inside = np.zeros(rows.height, dtype=np.bool_)
    chromosome = rows["chromosome"]
    for name, (lows, highs) in reach.items():
        here = (chromosome == name).fill_null(value=False).to_numpy()
        places = rows["position_bp"].filter(pl.Series(here)).to_numpy()
        at = np.searchsorted(np.array(lows), places, side="right") - 1
        inside[here] = (at >= 0) & (places <= np.array(highs)[np.maximum(at, 0)])
    return inside


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
    leads = [(places.atlas.names[i], places.leads[i]) for i in traits]
    found = find_stretches(leads, rule=request.windows)
    if not found:
        return [NOWHERE], 0
    if request.windows.long_range == "keep":
        return found, 0
    kept = [stretch for stretch in found if stretch.long_range is None]
    return kept, len(found) - len(kept)
