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

__all__ = ["Evidence", "Ontology", "OntologyName", "Relations", "load_ontology"]

OntologyName: TypeAlias = Literal["bp", "cc", "mf"]
"""Biological process, cellular component, molecular function."""
Evidence: TypeAlias = Literal["all", "curated"]
"""All annotations, or those of which a person has judged any evidence."""
Relations: TypeAlias = Literal["part-of", "regulates"]
"""What annotations follow upwards: is_a and part_of, or what a term regulates as well."""

_DIGITS: Final = 7  # of the number of a term


@dataclass(frozen=True, slots=True, eq=False)
class Ontology:
    """Terms of one ontology that have genes, in the order of their numbers.

    Attributes
    ----------
    terms : identifiers, such as ``GO:0006955``.
    names : in words.
    ancestors : of each term the positions of itself and all that its annotations reach, ascending.
    genes : of each term the symbols annotated to it or to a descendant, sorted.
    provenance : source, version, date and licence.
    """

    terms: tuple[str, ...]
    names: tuple[str, ...]
    ancestors: tuple[tuple[int, ...], ...]
    genes: tuple[tuple[str, ...], ...]
    provenance: Mapping[str, str]


@cache
def load_ontology(
    name: OntologyName, *, evidence: Evidence = "all", relations: Relations = "part-of"
) -> Ontology:
    """Return an ontology with its human genes; annotations reach all ancestors of their term.

    Ancestors are those by is_a and part_of: what regulates a process is no part of it, and the
    Gene Ontology holds these two relations for safe to group annotations by. With ``regulates``
    they are also what a term regulates, as in ``GO2ALLEGS`` of Bioconductor, which clusterProfiler
    takes.

    Parameters
    ----------
    name : which of the three.
    evidence : which annotations count.
    relations : which relations they follow.

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
    above = frame["parents"].to_list()
    if relations == "regulates":
        more = frame["regulates"].to_list()
        above = [one + other for one, other in zip(above, more, strict=True)]
    parents = [[at[parent] for parent in some] for some in above]
    ancestors = _close(parents)
    lists = frame["curated"].to_list()
    if evidence == "all":
        further = frame["electronic"].to_list()
        lists = [one + more for one, more in zip(lists, further, strict=True)]
    genes = _propagate(lists, ancestors)
    kept = [i for i, some in enumerate(genes) if some]
    renumbered = {old: new for new, old in enumerate(kept)}
    names = frame["name"].to_list()
    return Ontology(
        tuple(f"GO:{numbers[i]:0{_DIGITS}d}" for i in kept),
        tuple(names[i] for i in kept),
        tuple(tuple(renumbered[up] for up in ancestors[i]) for i in kept),
        tuple(genes[i] for i in kept),
        {key: text for key, text in metadata.items() if not key.startswith("ARROW")},
    )


def _close(parents: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Return each term with all its ancestors, whatever circles regulation goes in."""
    closed = []
    for first in range(len(parents)):
        seen, waiting = {first}, [first]
        while waiting:
            further = [parent for parent in parents[waiting.pop()] if parent not in seen]
            seen.update(further)
            waiting += further
        closed.append(tuple(sorted(seen)))
    return tuple(closed)


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
