"""The Gene Ontology as shipped: propagation, evidence, licence."""

from __future__ import annotations

import pytest

from proteomr.errors import UsageError
from proteomr.tables.gene_ontology import OntologyName, load_ontology

ROOTS: dict[OntologyName, str] = {"bp": "GO:0008150", "cc": "GO:0005575", "mf": "GO:0003674"}


@pytest.mark.parametrize("name", list(ROOTS))
def test_every_term_reaches_the_root_and_its_genes_are_those_of_its_ancestors(
    name: OntologyName,
) -> None:
    found = load_ontology(name)
    root = found.terms.index(ROOTS[name])
    assert all(root in above and place in above for place, above in enumerate(found.ancestors))
    held = [frozenset(genes) for genes in found.genes]
    assert all(
        held[place] <= held[up]
        for place in range(0, len(held), 50)
        for up in found.ancestors[place]
    )
    assert min(map(len, held)) > 0


def test_part_of_propagates_and_regulates_does_not() -> None:
    found = load_ontology("bp")
    named = dict(zip(found.names, found.ancestors, strict=True))
    place = {name: i for i, name in enumerate(found.names)}
    assert place["inflammatory response"] in named["acute inflammatory response"]
    regulation = named["regulation of inflammatory response"]
    assert place["inflammatory response"] not in regulation


def test_what_a_term_regulates_is_an_ancestor_where_it_is_asked_for() -> None:
    strict, wide = load_ontology("bp"), load_ontology("bp", relations="regulates")
    regulates = []
    for found in (strict, wide):
        place = {name: i for i, name in enumerate(found.names)}
        above = found.ancestors[place["negative regulation of inflammatory response"]]
        regulates.append(place["inflammatory response"] in above)
        assert min(map(len, found.genes)) > 0
        assert all(at in some for at, some in enumerate(found.ancestors))
    assert regulates == [False, True]
    # of the 848 genes of org.Hs.eg.db 3.16.0's GO2ALLEGS those that genes.parquet has
    at = wide.terms.index("GO:0006954")
    assert len(wide.genes[at]) == 785
    assert len(strict.genes[strict.terms.index("GO:0006954")]) == 533


def test_curated_annotations_are_fewer() -> None:
    every, some = load_ontology("bp"), load_ontology("bp", evidence="curated")
    term = "GO:0006955"
    judged = some.genes[some.terms.index(term)]
    assert set(judged) < set(every.genes[every.terms.index(term)])
    assert "IL6" in judged


def test_the_file_says_where_it_is_from_and_under_which_licence() -> None:
    told = load_ontology("bp").provenance
    assert told["date"] == "2022-07-01"
    assert told["licence"].startswith("CC BY 4.0")


def test_another_ontology_is_refused() -> None:
    with pytest.raises(UsageError, match="no ontology 'bq'"):
        load_ontology("bq")
