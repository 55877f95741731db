from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
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


def test_assays_of_a_store_tell_the_genes_of_their_identifiers(
    proteomr: Run, tmp_path: Path
) -> None:
    npx = tmp_path / "npx.csv"
    npx.write_text(
        "SampleID;OlinkID;UniProt;Assay;Panel;NPX\n"
        "A;OID20563;P05231;IL6;CVD;1\nA;OID20001;P01137;LAP TGF-beta-1;CVD;2\n"
    )
    store = tmp_path / "store"
    assert proteomr("ingest", npx, "-o", store).code == 0
    ending = proteomr("genes", "oid20563", "OID20001", "GDF15", "--store", store)
    assert ending.code == 0
    assert "oid20563  IL6, by its assay in the store: interleukin 6\n" in ending.out
    assert "OID20001  TGFB1, by its assay in the store: " in ending.out
    assert "GDF15  GDF15: growth" in ending.out
    assert proteomr("genes", "OID20563").code == 3
    table = proteomr("genes", "OID20563", "nothing", "--store", store, "--format", "tsv").out
    assert table.splitlines()[1].startswith("OID20563\tassay\tIL6\t")
