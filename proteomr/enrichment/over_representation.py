"""Over-representation: sets that hold more of the hits than chance puts there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import I64, Bool
from proteomr.enrichment.listing import ASSAY, HIT, LABEL, SIGN, Listing, P
from proteomr.enrichment.naming import Naming, Units, describe_kinds, name_keys, take_best
from proteomr.enrichment.request import Direction, EnrichOptions
from proteomr.enrichment.sets import CutSets, SetSource
from proteomr.enrichment.tables import certified, judge, tabulate
from proteomr.errors import ColumnError, InputError, NothingToDo
from proteomr.runs.notes import add_note
from proteomr.stats.hypergeometric import (
    certify_tails,
    neg_log10_p_hypergeometric,
    sample_odds_ratio,
)
from proteomr.tables import Drop

__all__ = [
    "HitList",
    "assess_hits",
    "list_hits",
    "list_members",
    "narrow_to_annotated",
    "tell_names",
]


@dataclass(frozen=True, slots=True, eq=False)
class HitList:
    """The genes of the background, and which are hits.

    Attributes
    ----------
    units : the N genes of the background.
    hits : by direction, (N,) which are hits; a gene may be one in several.
    drops : names that were left out.
    """

    units: Units
    hits: Mapping[str, Bool]
    drops: tuple[Drop, ...]


def list_hits(listing: Listing, background: Listing | None, *, direction: Direction) -> HitList:
    """Return the hits among the genes of a background.

    Parameters
    ----------
    listing : rows of which some are hits.
    background : what was tested; None for all rows of the listing.
    direction : which hits count, see `EnrichOptions`.

    Raises
    ------
    InputError, NothingToDo
        The background does not hold the hits, or nothing else.
    ColumnError
        The direction is asked for, and the table has no estimates.
    """
    hits = listing.frame.filter(HIT)
    if not hits.height:
        raise NothingToDo("there is no hit, and nothing to enrich")
    whole = _choose_background(listing, background)
    naming = name_keys(whole[LABEL].to_list())
    best, shared = take_best(whole, naming)
    units = Units.of(best)
    places, genes = _place_hits(hits[LABEL].to_list(), units)
    outside = int((places < 0).sum())
    if outside == places.size:
        raise InputError(
            f"none of the {places.size:,} hits is in the background of {len(units.labels):,}: the "
            f"hits are {describe_kinds(hits[LABEL].to_list())}, and the background "
            f"{describe_kinds(list(units.labels))}"
        )
    _tell(naming, shared)
    within = hits.filter(places >= 0)
    chosen = _split(within, places[places >= 0], len(units.labels), direction)
    _refuse_extremes(chosen, len(units.labels), genes)
    drops = (*listing.drops, Drop("hits", "not in the background", outside))
    return HitList(units, chosen, drops)


def _choose_background(listing: Listing, background: Listing | None) -> pl.DataFrame:
    if background is not None:
        return background.frame
    if listing.is_table:
        return listing.frame
    raise InputError(
        "a list of hits alone: name what was tested (--background FILE), or give the table of "
        "results with the rows that are hits (--where-rows)"
    )


def _place_hits(names: Sequence[str], units: Units) -> tuple[I64, int]:
    """Return where the hits stand among the genes of the background, -1 for outside, and how many
    genes they are of, there and outside.
    """
    at = units.places
    other = name_keys(name for name in names if name not in at).keys
    places = np.array(
        [at.get(name, at.get(other.get(name, ""), -1)) for name in names], dtype=np.int64
    )
    outside = {other[name] for name, place in zip(names, places, strict=True) if place < 0}
    return places, np.unique(places[places >= 0]).size + len(outside)


def _split(hits: pl.DataFrame, places: I64, n: int, direction: Direction) -> dict[str, Bool]:
    """Return which genes are hits in each direction that is asked for."""
    if direction == "any":
        return {"any": _mark(places, n)}
    sign = hits[SIGN]
    if sign.null_count() == len(sign):
        raise ColumnError(
            f"--direction {direction} needs estimates: the hits have no column 'estimate'"
        )
    wanted = {"up": 1.0, "down": -1.0}
    if direction != "both":
        wanted = {direction: wanted[direction]}
    marks = {
        name: _mark(places[(sign == value).fill_null(value=False).to_numpy()], n)
        for name, value in wanted.items()
    }
    for name, mark in marks.items():
        if not mark.any():
            add_note(f"no hit goes {name}: that direction is left out")
    found = {name: mark for name, mark in marks.items() if mark.any()}
    if not found:
        raise NothingToDo(f"no hit goes {direction}, and there is nothing to enrich")
    if len(found) > 1 and (twice := int(np.sum(found["up"] & found["down"]))):
        add_note(f"{twice} genes are hits both up and down, in different rows: they count in each")
    return found


def _mark(places: I64, n: int) -> Bool:
    marks = np.zeros(n, dtype=np.bool_)
    marks[places] = True
    return marks


def _refuse_extremes(chosen: Mapping[str, Bool], n: int, genes: int) -> None:
    if genes > n:
        raise InputError(
            f"the background has {n:,} genes and the list {genes:,}: a background holds all that "
            "was tested, the hits among it"
        )
    if all(bool(mark.all()) for mark in chosen.values()):
        raise InputError(
            f"all {n:,} genes of the background are hits, so that no set can have more than its "
            "share: choose the rows that are hits (--where-rows), or name a larger background"
        )


def _tell(naming: Naming, shared: int) -> None:
    if shared:
        add_note(f"{shared:,} proteins are of a gene that another one has too: a gene counts once")
    tell_names(naming)


def tell_names(naming: Naming) -> None:
    """Say which names are of several genes or of none that is known."""
    if naming.several:
        example = min(naming.several)
        add_note(
            f"{len(naming.several):,} names are of several genes, such as {example!r}: the first "
            "counts"
        )
    if naming.unknown:
        example = min(naming.unknown)
        add_note(
            f"{len(naming.unknown):,} of {len(naming.keys):,} names are of no known gene, such as "
            f"{example!r}: they count as they are spelt"
        )


def list_members(sources: Sequence[SetSource]) -> Listing:
    """Return all members of sets as a background."""
    names = sorted({name for source in sources for one in source.sets for name in one.members})
    unknown = pl.lit(None, pl.Float64).alias(P)
    frame = pl.DataFrame(
        {LABEL: names, ASSAY: names}, schema=dict.fromkeys((LABEL, ASSAY), pl.String)
    )
    frame = frame.with_columns(unknown)
    return Listing(frame, is_table=False)


def narrow_to_annotated(cut: CutSets, found: HitList) -> tuple[CutSets, HitList]:
    """Return sets, background and hits without the genes that are in none of the sets."""
    kept = cut.list_annotated()
    labels = tuple(found.units.labels[place] for place in kept)
    new = {int(old): place for place, old in enumerate(kept)}
    at = {name: new[old] for name, old in found.units.places.items() if old in new}
    hits = {name: mark[kept] for name, mark in found.hits.items()}
    lost = sum(int(mark.sum()) for mark in found.hits.values())
    lost -= sum(int(mark.sum()) for mark in hits.values())
    drop = Drop("hits", f"in no set of {cut.source.name}, with --universe annotated", lost)
    places = tuple(np.searchsorted(kept, places) for places in cut.places)
    narrowed = CutSets(cut.source, places, cut.unmatched)
    return narrowed, HitList(Units(labels, at), hits, (drop,))


def assess_hits(cut: CutSets, found: HitList, *, options: EnrichOptions) -> Iterator[pl.DataFrame]:
    """Yield a table for each direction: a row for each set within the limits of size.

    Parameters
    ----------
    cut : sets, cut to the background.
    found : the background and its hits.
    options : limits of size.
    """
    sizes = np.array([places.size for places in cut.places], dtype=np.int64)
    kept = np.flatnonzero((sizes >= options.min_size) & (sizes <= options.max_size))
    n = len(found.units.labels)
    for direction, mark in found.hits.items():
        within = [cut.places[i][mark[cut.places[i]]] for i in kept]
        overlap = np.array([places.size for places in within], dtype=np.int64)
        n_hits = int(mark.sum())
        minus_log = neg_log10_p_hypergeometric(overlap, sizes[kept], n_hits=n_hits, n_background=n)
        sound = certify_tails(
            minus_log, overlap=overlap, n_set=sizes[kept], n_hits=n_hits, n_background=n
        )
        odds = sample_odds_ratio(overlap, sizes[kept], n_hits=n_hits, n_background=n)
        expected = sizes[kept] * (n_hits / n)
        rows = tabulate(cut, kept, members=within, labels=found.units.labels)
        yield rows.with_columns(
            pl.lit(direction).alias("direction"),
            pl.Series("n_set", sizes[kept]),
            pl.lit(n_hits).alias("n_hits"),
            pl.lit(n).alias("n_background"),
            pl.Series("overlap", overlap),
            pl.Series("expected", expected),
            pl.Series("fold", overlap / expected),
            pl.Series("odds_ratio", odds).fill_nan(None),
            *judge(minus_log, *certified(sound, "the probability has no certificate")),
        )
