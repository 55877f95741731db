"""Sets of genes, of files or shipped, cut to the genes that were tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from proteomr._typing import I64
from proteomr.enrichment.naming import Units, describe_kinds, name_keys
from proteomr.errors import InputError
from proteomr.io.gene_sets import GeneSet, read_gmt
from proteomr.tables.gene_ontology import (
    Evidence,
    Ontology,
    OntologyName,
    Relations,
    load_ontology,
)

__all__ = ["CutSets", "SetSource", "check_any", "cut_sets", "load_sets"]

_ONTOLOGIES: Final[dict[str, OntologyName]] = {"go-bp": "bp", "go-cc": "cc", "go-mf": "mf"}


@dataclass(frozen=True, slots=True, eq=False)
class SetSource:
    """All sets of one origin.

    Attributes
    ----------
    name : of the file without its folder, or of the ontology.
    sets : as they are named there.
    ontology : where they are terms of one.
    """

    name: str
    sets: tuple[GeneSet, ...]
    ontology: Ontology | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CutSets:
    """Sets with the places of their members among the genes that were tested.

    Attributes
    ----------
    source : of the sets.
    places : of each set, ascending.
    unmatched : names of members that are no gene that was tested.
    """

    source: SetSource
    places: tuple[I64, ...]
    unmatched: int

    def list_annotated(self) -> I64:
        """Return the places of the genes that are in any set."""
        return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *self.places]))


def load_sets(
    files: Sequence[tuple[str, Path]],
    shipped: Sequence[str],
    *,
    evidence: Evidence,
    relations: Relations,
) -> list[SetSource]:
    """Return the sets of files and ontologies.

    Parameters
    ----------
    files : name and path of each.
    shipped : of :data:`proteomr.enrichment.request.SHIPPED`.
    evidence : which annotations count.
    relations : which relations of terms they follow.
    """
    short = [Path(name).name for name, _ in files]
    sources = [
        SetSource(last if short.count(last) == 1 else name, read_gmt(path))
        for last, (name, path) in zip(short, files, strict=True)
    ]
    for name in shipped:
        ontology = load_ontology(_ONTOLOGIES[name], evidence=evidence, relations=relations)
        parts = zip(ontology.terms, ontology.names, ontology.genes, strict=True)
        sets = tuple(GeneSet(term, words, genes) for term, words, genes in parts)
        sources.append(SetSource(name, sets, ontology))
    return sources


def cut_sets(source: SetSource, units: Units) -> CutSets:
    """Return the sets with the places of their members among the genes that were tested.

    A member is found by the name that both sides use, else by the gene that its name means.
    """
    members = {name for one in source.sets for name in one.members}
    strange = sorted(members.difference(units.places))
    other = {} if source.ontology is not None else name_keys(strange).keys
    places = tuple(units.find(one.members, other) for one in source.sets)
    unmatched = sum(other.get(name, "") not in units.places for name in strange)
    return CutSets(source, places, unmatched)


def check_any(cuts: Iterable[CutSets], labels: Sequence[str], *, what: str) -> None:
    """Refuse sets none of which has any gene that was tested.

    Raises
    ------
    InputError
        No name is in both.
    """
    for cut in cuts:
        if not cut.list_annotated().size:
            held = [name for one in cut.source.sets[:200] for name in one.members]
            raise InputError(
                f"{cut.source.name}: no member of its {len(cut.source.sets):,} sets is among the "
                f"{len(labels):,} genes of {what}: the sets hold {describe_kinds(held)}, and "
                f"{what} {describe_kinds(labels)}"
            )
