from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import polars as pl

Run = Callable[..., Any]


def test_a_gene_is_printed_with_its_place_on_both_builds(proteomr: Run) -> None:
    ending = proteomr("genes", "GDF15")
    assert ending.code == 0
    assert ending.err == ""
    assert ending.out.splitlines() == [
        "GDF15  GDF15: growth differentiation factor 15",
        "  GRCh38   19:18386158-18389176 (+)",
        "  GRCh37   19:18496968-18499986 (+)",
        "  UniProt  Q99988",
        "  Ensembl  ENSG00000130513",
        "  Entrez   9518",
    ]


def test_one_build_alone_can_be_asked_for(proteomr: Run) -> None:
    shown = proteomr("genes", "GDF15", "--build", "GRCh37").out
    assert "GRCh37" in shown
    assert "GRCh38" not in shown


def test_names_are_said_to_be_aliases_several_or_ambiguous(proteomr: Run) -> None:
    shown = proteomr("genes", "TRAIL-R2", "IL12A_IL12B", "p40").out
    assert "TRAIL-R2  TNFRSF10B, by its alias: " in shown
    assert "IL12A_IL12B  several genes: IL12A, IL12B\n" in shown
    assert "p40  ambiguous: " in shown
    assert " or " in shown


def test_columns_are_those_of_the_schema_but_for_the_other_build(proteomr: Run) -> None:
    ending = proteomr("genes", "KIM1", "P01375", "--format", "tsv", "--build", "GRCh38")
    table = pl.read_csv(io.StringIO(ending.out), separator="\t")
    assert table["symbol"].to_list() == ["HAVCR1", "TNF"]
    assert table["match"].to_list() == ["alias", "uniprot"]
    assert table.columns[-3:] == ["start", "end", "strand"]


def test_an_unknown_name_among_known_ones_is_said_beside_them(proteomr: Run) -> None:
    ending = proteomr("genes", "GDF15", "GDF115")
    assert ending.code == 0
    assert "GDF115  unknown" in ending.out
    assert ending.err.startswith("no gene goes by 'GDF115' (did you mean 'GDF15'")


def test_names_that_are_all_unknown_are_an_error(proteomr: Run) -> None:
    ending = proteomr("genes", "GDF115")
    assert ending.code == 3
    assert ending.message.startswith("no gene goes by 'GDF115' (did you mean 'GDF15'")
    assert proteomr("genes", "qqqqq", "wwwww").message == (
        "no gene goes by 'qqqqq', nor by any of the other names"
    )
