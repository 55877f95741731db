"""The Gene Ontology as it is shipped: terms, their ancestors, and the genes that reach them."""

from __future__ import annotations

import importlib.resources
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, TypeAlias, get_args

import polars as pl

from proteomr.errors import UsageError, nearest
from proteomr.tables.genes import load_genes

__all__ = ["Evidence", "Ontology", "OntologyName", "load_ontology"]

OntologyName: TypeAlias = Literal["bp", "cc", "mf"]
"""Biological process, cellular component, molecular function."""
Evidence: TypeAlias = Literal["all", "curated"]
"""All annotations, or those of which a person has judged any evidence."""

_DIGITS: Final = 7  # of the number of a term


@dataclass(frozen=True, slots=True, eq=False)
class Ontology:
    """Terms of one ontology in the order of their numbers.

    Attributes
    ----------
    terms : identifiers, such as ``GO:0006955``.
    names : in words.
    ancestors : of each term the positions of itself and all it is or is part of, ascending.
    genes : of each term the symbols annotated to it or to a descendant, sorted.
    provenance : source, version, date and licence.
    """

    terms: tuple[str, ...]
    names: tuple[str, ...]
    ancestors: tuple[tuple[int, ...], ...]
    genes: tuple[tuple[str, ...], ...]
    provenance: Mapping[str, str]


@cache
def load_ontology(name: OntologyName, *, evidence: Evidence = "all") -> Ontology:
    """Return an ontology with its human genes; annotations reach all ancestors of their term.

    Ancestors are those by is_a and part_of; what regulates a process is no part of it.

    Parameters
    ----------
    name : which of the three.
    evidence : which annotations count.

    Raises
    ------
    UsageError
        There is no such ontology.

    Examples
    --------
    >>> found = load_ontology("bp")
    >>> place = found.terms.index("GO:0002544")
    >>> found.names[place], "IL6" in found.genes[place]
    ('chronic inflammatory response', False)
    """
    if name not in get_args(OntologyName):
        known = ", ".join(get_args(OntologyName))
        hint = nearest(name, get_args(OntologyName))
        raise UsageError(f"no ontology {name!r}{hint}; there are {known}")
    place = importlib.resources.files("proteomr.schemas") / "gene_sets" / "gene_ontology.parquet"
    content = place.read_bytes()
    metadata = pl.read_parquet_metadata(io.BytesIO(content))
    frame = pl.read_parquet(io.BytesIO(content)).filter(pl.col("ontology") == name)
    numbers = frame["term"].to_list()
    at = {number: i for i, number in enumerate(numbers)}
    parents = [[at[parent] for parent in some] for some in frame["parents"].to_list()]
    ancestors = _close(parents)
    lists = frame["curated"].to_list()
    if evidence == "all":
        further = frame["electronic"].to_list()
        lists = [one + more for one, more in zip(lists, further, strict=True)]
    return Ontology(
        tuple(f"GO:{number:0{_DIGITS}d}" for number in numbers),
        tuple(frame["name"].to_list()),
        ancestors,
        _propagate(lists, ancestors),
        {key: text for key, text in metadata.items() if not key.startswith("ARROW")},
    )


def _close(parents: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Return each term with all its ancestors; parents are found before children."""
    closed: dict[int, frozenset[int]] = {}
    for first in range(len(parents)):
        waiting = [first]
        while waiting:
            term = waiting[-1]
            open_parents = [parent for parent in parents[term] if parent not in closed]
            if open_parents:
                waiting += open_parents
                continue
            closed[term] = frozenset({term}.union(*(closed[parent] for parent in parents[term])))
            waiting.pop()
    return tuple(tuple(sorted(closed[term])) for term in range(len(parents)))


def _propagate(
    lists: Sequence[Sequence[int]], ancestors: Sequence[Sequence[int]]
) -> tuple[tuple[str, ...], ...]:
    """Return the symbols of each term's own genes and of those of its descendants."""
    frame = load_genes().frame
    symbols = dict(frame.select("entrez", "symbol").iter_rows())
    held: list[set[int]] = [set() for _ in lists]
    for genes, reached in zip(lists, ancestors, strict=True):
        for term in reached:
            held[term].update(genes)
    return tuple(tuple(sorted(symbols[gene] for gene in genes)) for genes in held)
