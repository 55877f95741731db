"""Significant sets that say nearly the same: which one stands for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.enrichment.request import EnrichOptions
from proteomr.enrichment.sets import CutSets
from proteomr.stats.set_similarity import choose_representatives, jaccard_to, lin_to, mark_members

__all__ = ["reduce_sets"]

REPRESENTED = "represented_by"


def reduce_sets(
    table: pl.DataFrame, cuts: Sequence[CutSets], *, options: EnrichOptions
) -> pl.DataFrame:
    """Add which set stands for each significant one, within its source and direction.

    Parameters
    ----------
    table : of all tests, the smallest p value first.
    cuts : the sets of each source.
    options : the measure and its cut.
    """
    if options.reduction == "none":
        return table
    by_source = {cut.source.name: cut for cut in cuts}
    stands: dict[int, str] = {}
    numbered = table.with_row_index("row")
    for rows in numbered.filter("significant").partition_by(
        ["source", "direction"], maintain_order=True
    ):
        cut = by_source[rows["source"][0]]
        names = rows["set"].to_list()
        places = {one.name: place for place, one in enumerate(cut.source.sets)}
        chosen = [places[name] for name in names]
        measure = _measure(cut, chosen, options)
        chief = choose_representatives(measure, count=len(names), cut=options.similarity)
        stands.update({row: names[i] for row, i in zip(rows["row"], chief, strict=True)})
    return _attach(table, stands)


def _attach(table: pl.DataFrame, stands: Mapping[int, str]) -> pl.DataFrame:
    column = [stands.get(row) for row in range(table.height)]
    return table.with_columns(pl.Series(REPRESENTED, column, dtype=pl.String))


def _measure(
    cut: CutSets, chosen: Sequence[int], options: EnrichOptions
) -> Callable[[int, I64], F64]:
    if options.reduction == "jaccard":
        held = [cut.places[place] for place in chosen]
        marks = mark_members(held, 1 + max(int(places.max(initial=0)) for places in held))
        return lambda i, others: jaccard_to(marks[i], marks[others])
    ontology = cut.source.ontology
    if ontology is None:
        raise TypeError(f"{cut.source.name} is no ontology")
    above = mark_members([np.array(ontology.ancestors[p]) for p in chosen], len(ontology.terms))
    sizes = np.array([places.size for places in cut.places], dtype=np.float64)
    everything = float(sizes.max(initial=1.0))
    information = np.where(sizes > 0, -np.log(np.maximum(sizes, 1.0) / everything), 0.0)
    own = information[list(chosen)]
    return lambda i, others: lin_to(
        above[i], above[others], information=information, own=float(own[i]), theirs=own[others]
    )
