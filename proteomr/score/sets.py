"""Scores of parts of the proteome: lists of genes or proteins, such as those of an organ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from proteomr.errors import ColumnError
from proteomr.io.gene_sets import GeneSet
from proteomr.runs.notes import add_note
from proteomr.tables import Cohort
from proteomr.tables import columns as c

__all__ = ["EVERYTHING", "find_members"]

EVERYTHING: Final = "all"
_FEWEST: Final = 2


def find_members(cohort: Cohort, sets: Sequence[GeneSet]) -> dict[str, tuple[int, ...]]:
    """Return the positions of the proteins of each set, by their names or genes.

    A set of fewer than two proteins here is left out, and told.

    Raises
    ------
    ColumnError
        None of the sets has two.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> cohort = Cohort(pl.DataFrame({"id": ["1"]}), "id",
    ...     ArrayProteins(("ADM", "REN"), np.ones((1, 2))),
    ...     pl.DataFrame({"protein": ["ADM", "REN"]}))
    >>> find_members(cohort, [GeneSet("both", "", ("REN", "ADM"))])
    {'both': (0, 1)}
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(cohort.proteins.names):
        places.setdefault(name, []).append(place)
    if c.GENE in cohort.assays.columns:
        for place, gene in enumerate(cohort.assays[c.GENE].cast(pl.String).to_list()):
            if gene is not None and place not in places.get(gene, []):
                places.setdefault(gene, []).append(place)
    found: dict[str, tuple[int, ...]] = {}
    for name, members in ((held.name, held.members) for held in sets):
        here = sorted({place for member in members for place in places.get(member, [])})
        named = sum(member in places for member in members)
        if len(here) < _FEWEST:
            add_note(f"set {name!r}: {len(here)} of its {len(members)} members are here: left out")
            continue
        add_note(f"set {name!r}: {named} of {len(members)} members, {len(here)} proteins")
        found[name] = tuple(here)
    if not found:
        raise ColumnError(
            f"none of the {len(sets)} sets has {_FEWEST} members among the proteins, such as "
            f"{cohort.proteins.names[0]!r}: genes are found by the column gene of --assays"
        )
    return found
