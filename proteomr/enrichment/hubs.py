"""Hubs among hits: proteins of a network that many others are connected with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.enrichment.naming import describe_kinds, name_keys
from proteomr.enrichment.request import HubOptions
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.io.tables import read_table
from proteomr.runs.notes import add_note
from proteomr.stats.centrality import (
    count_degrees,
    find_betweenness,
    find_components,
    list_neighbours,
)

__all__ = ["find_hubs"]

_PAIR = 2  # columns of an edge before its strength


def find_hubs(
    path: Path, hits: Sequence[str], *, options: HubOptions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a row for each hit with its place in the network of hits, and one for each edge.

    Parameters
    ----------
    path : a table of edges, two columns of names first; those of the STRING database too, once
        their identifiers are gene names.
    hits : genes, as the user names them.
    options : how edges are chosen and hubs ranked.

    Raises
    ------
    ColumnError
        There are no two columns of names, or no column of strengths where one is needed.
    InputError
        No edge is between two hits.
    """
    frame = read_table(path)
    if frame.width < _PAIR:
        raise ColumnError(f"{path}: one column; an edge is two names, in the first two columns")
    pairs = frame.select(pl.nth(0, 1).cast(pl.String).str.strip_chars())
    strength = _read_strength(frame, path, options)
    edges, held = _place_edges(pairs, strength, hits, path)
    degree, total = count_degrees(edges, held, len(hits))
    neighbours = list_neighbours(edges, len(hits))
    table = pl.DataFrame(
        {
            "gene": list(hits),
            "degree": degree,
            "strength": total,
            "betweenness": find_betweenness(neighbours),
            "component": find_components(neighbours),
        }
    )
    add_note(
        f"network: {len(edges):,} edges between {int((degree > 0).sum()):,} of {len(hits):,} "
        f"genes; hubs are the {options.count} of highest {options.by}"
    )
    order = [pl.col(name).neg() for name in dict.fromkeys((options.by, "degree", "strength"))]
    ranked = table.sort(*order, "gene").with_row_index("rank", offset=1)
    hub = (pl.col("rank") <= options.count) & (pl.col("degree") > 0)
    hubs = ranked.with_columns(hub.alias("hub"), pl.col("rank").cast(pl.Int64)).select(
        "gene", "rank", "hub", "degree", "strength", "betweenness", "component"
    )
    one, other = ([hits[place] for place in edges[:, end].tolist()] for end in range(_PAIR))
    listed = pl.DataFrame({"gene1": one, "gene2": other, "strength": held})
    return hubs, listed.sort(pl.col("strength").neg(), "gene1", "gene2")


def _read_strength(frame: pl.DataFrame, path: Path, options: HubOptions) -> pl.Series:
    """Return the strength of each edge, 1 where there is no column of it."""
    named = options.score
    if named is None:
        numeric = [name for name in frame.columns[_PAIR:] if frame[name].dtype.is_numeric()]
        named = numeric[0] if numeric else None
    if named is None:
        if options.min_score is not None or options.by == "strength":
            raise ColumnError(f"{path}: no third column of numbers, which strengths are read from")
        return pl.Series("strength", np.ones(frame.height))
    if named not in frame.columns:
        raise ColumnError(f"{path}: no column {named!r}{nearest(named, frame.columns)}")
    if not frame[named].dtype.is_numeric():
        raise ColumnError(f"{path}: column {named!r} holds {frame[named].dtype}, not numbers")
    strength = frame[named].cast(pl.Float64).alias("strength")
    if options.min_score is not None:
        strength = strength.set(strength < options.min_score, None)
    return strength


def _place_edges(
    pairs: pl.DataFrame, strength: pl.Series, hits: Sequence[str], path: Path
) -> tuple[I64, F64]:
    """Return the edges between hits, each once with its greatest strength."""
    kept = pairs.with_columns(strength).drop_nulls()
    first, second = (kept.to_series(i).to_list() for i in range(_PAIR))
    names = sorted({*first, *second})
    own, keys = name_keys(hits).keys, name_keys(names).keys
    places = {own[name]: place for place, name in enumerate(hits)}
    found: dict[tuple[int, int], float] = {}
    for a, b, held in zip(first, second, kept["strength"].to_list(), strict=True):
        at = sorted((places.get(keys[a], -1), places.get(keys[b], -1)))
        if at[0] >= 0 and at[0] != at[1]:
            pair = (at[0], at[1])
            found[pair] = max(held, found.get(pair, held))
    if not found:
        raise InputError(
            f"{path}: no edge is between two of the {len(hits):,} genes: the edges hold "
            f"{describe_kinds(names) if names else 'nothing that is strong enough'}, and the "
            f"genes are {describe_kinds(list(hits))}"
        )
    edges = sorted(found)
    return np.array(edges, dtype=np.int64), np.array([found[edge] for edge in edges])
