from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import ColumnError, UsageError
from proteomr.tables.genes import GeneTable, load_genes
from proteomr.tables.table import load_schema

CHROMOSOMES = {*map(str, range(1, 23)), "X", "Y", "MT"}


def gene(
    symbol: str, *aliases: str, uniprot: tuple[str, ...] = (), entrez: int = 0
) -> dict[str, object]:
    places = {"start": 10, "end": 20, "strand": 1}
    return {
        "symbol": symbol,
        "name": symbol.lower(),
        "aliases": list(aliases),
        "uniprot": list(uniprot),
        "ensembl": [f"ENSG{entrez:05d}"],
        "entrez": entrez,
        "chromosome": "7",
        **places,
        **{f"{name}_grch37": value for name, value in places.items()},
    }


def small_table() -> GeneTable:
    lists = pl.List(pl.String)
    frame = pl.DataFrame(
        [
            gene("HLA-DRA", uniprot=("P01903",), entrez=3122),
            gene("IL12A", "p35", "CLMF", uniprot=("P29459",), entrez=3592),
            gene("IL12B", "p40", "CLMF", uniprot=("P29460",), entrez=3593),
            gene("TF", "TFQTL1", uniprot=("P02787",), entrez=7018),
            gene("F3", "TF", "CD142", uniprot=("P13726",), entrez=2152),
            gene("C4A", uniprot=("P0C0L4",), entrez=720),
            gene("C4B", uniprot=("P0C0L4", "P0C0L5"), entrez=721),
            gene("IL1B", entrez=3553),
            gene("C4B_2", entrez=100293534),
        ],
        schema_overrides={
            "aliases": lists,
            "uniprot": lists,
            "strand": pl.Int8,
            "strand_grch37": pl.Int8,
        },
    )
    return GeneTable(frame)


SMALL = small_table()


def sense(name: str, table: GeneTable = SMALL) -> tuple[object, ...]:
    return table.resolve([name]).row(0)[1:]


@pytest.mark.parametrize(
    ("name", "symbol", "match"),
    [
        ("HLA-DRA", "HLA-DRA", "symbol"),
        ("hla_dra", "HLA-DRA", "symbol"),
        (" HLA.DRA ", "HLA-DRA", "symbol"),
        ("TF", "TF", "symbol"),  # also an alias of F3
        ("P-35", "IL12A", "alias"),
        ("p29460-2", "IL12B", "uniprot"),
        ("ENSG03122.14", "HLA-DRA", "ensembl"),
        ("2152", "F3", "entrez"),
        ("IL-1β", "IL1B", "symbol"),
        ("IL-1 beta", "IL1B", "symbol"),
        ("C4B_2", "C4B_2", "symbol"),
        ("P29459 IL-12A", "IL12A", "uniprot"),
    ],
)
def test_a_name_is_known_in_any_spelling(name: str, symbol: str, match: str) -> None:
    assert sense(name) == (symbol, match, [symbol])


def test_an_alias_of_several_genes_stays_ambiguous() -> None:
    assert sense("CLMF") == (None, "ambiguous", ["IL12A", "IL12B"])
    assert sense("P0C0L4") == (None, "ambiguous", ["C4A", "C4B"])


@pytest.mark.parametrize("name", ["IL12B_IL12A", "IL12B|IL12A", "IL-12B; p35", "P29460,IL12A"])
def test_names_of_several_genes_are_split_in_their_order(name: str) -> None:
    assert sense(name) == (None, "several", ["IL12B", "IL12A"])


@pytest.mark.parametrize("name", ["", "-", "NOPE", "IL12A|NOPE", "IL12A|CLMF", "|"])
def test_what_no_gene_is_called_is_unknown(name: str) -> None:
    assert sense(name) == (None, "unknown", [])


def test_names_keep_their_order_repeats_and_gaps() -> None:
    resolved = SMALL.resolve(["TF", None, "x", "TF"])
    assert resolved["name"].to_list() == ["TF", None, "x", "TF"]
    assert resolved["symbol"].to_list() == ["TF", None, None, "TF"]
    assert resolved["match"].to_list() == ["symbol", "unknown", "unknown", "symbol"]
    assert SMALL.resolve([]).columns == resolved.columns


def test_places_are_given_on_both_builds_and_null_for_what_is_no_symbol() -> None:
    for build in ("GRCh38", "GRCh37"):
        rows = SMALL.locate(["F3", "f3"], build=build).rows()
        assert rows == [("F3", "7", 10, 20, 1), ("f3", None, None, None, None)]
    misspelt: Any = "GRCh39"
    with pytest.raises(UsageError, match=r"no build 'GRCh39' \(did you mean"):
        SMALL.locate(["F3"], build=misspelt)


def label(gene: str | None, uniprot: str | None) -> tuple[object, ...]:
    assays = pl.DataFrame(
        {"protein": ["k"], "gene": [gene], "uniprot": [uniprot]},
        schema={"protein": pl.String, "gene": pl.String, "uniprot": pl.String},
    )
    labelled = SMALL.label_assays(assays)
    assert labelled.drop("gene", "assay").equals(assays.drop("gene"))
    return labelled.select("gene", "assay").row(0)


@pytest.mark.parametrize(
    ("name", "uniprot", "expected"),
    [
        ("IL12A", "P29459", ("IL12A", None)),
        ("hla_dra", None, ("HLA-DRA", "hla_dra")),
        ("TF", "P02787", ("TF", None)),
        ("TF", "P13726", ("F3", "TF")),
        ("TF", None, ("TF", None)),
        ("TF", "Q99999", ("TF", None)),
        ("CLMF", "P29460", ("IL12B", "CLMF")),
        ("CLMF", "P29459;P29460", ("IL12A;IL12B", "CLMF")),
        ("CLMF", None, ("CLMF", None)),
        ("p35", "P02787", ("TF", "p35")),
        ("C4B", "P0C0L4", ("C4B", None)),
        ("nothing", "P0C0L4", ("nothing", None)),
        ("nothing", "P0C0L5", ("C4B", "nothing")),
        (None, "P29459,P29460", ("IL12A;IL12B", None)),
        (None, "P29459 Q99999", (None, None)),
        ("IL12A_IL12B", "P29459_P29460", ("IL12A;IL12B", "IL12A_IL12B")),
        ("7018", None, ("7018", None)),
        (None, None, (None, None)),
    ],
)
def test_assays_are_labelled_by_name_and_accession(
    name: str | None, uniprot: str | None, expected: tuple[object, ...]
) -> None:
    assert label(name, uniprot) == expected


def test_the_spelling_of_the_source_is_kept_where_it_stands_already() -> None:
    assays = pl.DataFrame(
        {"gene": ["p35", "p40"], "uniprot": [None, None], "assay": ["IL-12", None]}
    )
    labelled = SMALL.label_assays(assays)
    assert labelled["gene"].to_list() == ["IL12A", "IL12B"]
    assert labelled["assay"].to_list() == ["IL-12", "p40"]


def test_labelling_needs_the_columns_and_is_the_same_twice() -> None:
    with pytest.raises(ColumnError, match=r"no column 'uniprot' \(did you mean 'UniProt'"):
        SMALL.label_assays(pl.DataFrame({"gene": ["TF"], "UniProt": ["P02787"]}))
    once = SMALL.label_assays(pl.DataFrame({"gene": ["p35", "TF"], "uniprot": [None, "P13726"]}))
    assert SMALL.label_assays(once).equals(once)


def test_a_table_of_other_columns_or_repeated_symbols_is_refused() -> None:
    with pytest.raises(ColumnError, match="'entrez' holds String; Int64 is needed"):
        GeneTable(SMALL.frame.with_columns(pl.col("entrez").cast(pl.String)))
    with pytest.raises(ColumnError, match="9 symbols stand more than once"):
        GeneTable(pl.concat([SMALL.frame, SMALL.frame]))


def test_the_order_of_genes_changes_nothing() -> None:
    turned = GeneTable(SMALL.frame.reverse())
    names = ["CLMF", "TF", "P0C0L4", "IL12B|IL12A", "hla_dra"]
    assert turned.resolve(names).equals(SMALL.resolve(names))


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("TRAIL-R2", "TNFRSF10B"),
        ("SKR3", "ACVRL1"),
        ("KIM1", "HAVCR1"),
        ("HAOX1", "HAO1"),
        ("IL8", "CXCL8"),
        ("IGJ", "JCHAIN"),
        ("IFIT1L", "IFIT1B"),
        ("IGLL3", "IGLL3P"),
        ("hla_dra", "HLA-DRA"),
        ("IL-6", "IL6"),
        ("TNF-R1", "TNFRSF1A"),
        ("NTproBNP", "NPPB"),
        ("P0DUB6", "AMY1A"),
        ("MT-CO2", "MT-CO2"),
    ],
)
def test_names_that_platforms_use_are_resolved(name: str, symbol: str) -> None:
    assert load_genes().resolve([name])["symbol"].to_list() == [symbol]


def test_cox2_is_not_taken_for_one_of_its_two_genes() -> None:
    assert sense("COX2", load_genes()) == (None, "ambiguous", ["MT-CO2", "PTGS2"])


def test_the_shipped_table_says_where_it_comes_from() -> None:
    genes = load_genes()
    assert genes.provenance["licence"] == "Artistic-2.0"
    assert genes.provenance["source"].startswith("org.Hs.eg.db 3.16.0")
    assert genes.frame["source_date"].unique().to_list() == ["2022-09-12"]
    assert load_genes() is genes


def test_the_shipped_table_holds_the_genome_and_no_impossible_place() -> None:
    frame = load_genes().frame
    assert frame.filter(pl.col("gene_type") == "protein-coding").height == 20_598
    assert set(frame["chromosome"].drop_nulls()) == CHROMOSOMES
    for suffix in ("", "_grch37"):
        start, end = frame[f"start{suffix}"], frame[f"end{suffix}"]
        assert start.null_count() == end.null_count()
        assert bool((start.drop_nulls() >= 1).all())
        assert bool(((end - start).drop_nulls() >= 0).all())
        assert set(frame[f"strand{suffix}"].drop_nulls()) == {1, -1}


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_spelling_never_changes_what_a_symbol_means(data: st.DataObject) -> None:
    genes = load_genes()
    symbol = data.draw(st.sampled_from(genes.frame["symbol"].to_list()))
    mark = data.draw(st.sampled_from(["_", ".", " ", ""]))
    assert genes.resolve([symbol, symbol.lower().replace("-", mark)])["symbol"].to_list() == [
        symbol,
        symbol,
    ]


def test_what_is_known_of_a_name_fits_its_schema() -> None:
    described = load_genes().describe(["GDF15", "p40", "IL12A_IL12B", "no such gene"])
    assert described.columns == list(load_schema("genes").names)
    assert described["candidates"].to_list()[2:] == ["IL12A;IL12B", ""]
    assert described["start"].null_count() == 3


def read_menu(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None)


MENUS = {
    "olink_explore_3072_assays.tsv": ("assay", "uniprot", 0.999),
    "olink_explore_ht_menu.tsv": ("Gene.name", "UniProt.ID", 0.987),
    "somascan_v4.1_menu.tsv": ("GeneID", "UniProt.ID", 0.998),
}


@pytest.mark.parametrize("file", MENUS)
def test_the_assays_of_a_platform_have_approved_symbols(reference: Path, file: str) -> None:
    name, uniprot, floor = MENUS[file]
    menu = read_menu(reference / "annotation" / file)
    genes = load_genes()
    labelled = genes.label_assays(
        menu.select(pl.col(name).alias("gene"), pl.col(uniprot).alias("uniprot"))
    )
    known = set(genes.frame["symbol"])
    resolved = [bool(text) and set(text.split(";")) <= known for text in labelled["gene"]]
    assert sum(resolved) / menu.height >= floor


def overlap(ours: pl.DataFrame, start: str, end: str) -> pl.Series:
    theirs = pl.col(start).cast(pl.Int64, strict=False), pl.col(end).cast(pl.Int64, strict=False)
    touching = (pl.col("start") <= theirs[1]) & (pl.col("end") >= theirs[0])
    return ours.select(touching.alias("touching"))["touching"]


def share(truths: pl.Series) -> float:
    return int(truths.sum()) / truths.len()


def test_genes_stand_where_olink_and_ensembl_have_them_on_grch38(reference: Path) -> None:
    genes = load_genes()
    olink = read_menu(reference / "annotation" / "olink_explore_3072_assays.tsv")
    olink = olink.filter(pl.col("gene") != "ANP32C")  # its end lacks a digit there
    ours = pl.concat(
        [
            genes.locate(olink["gene"]),
            olink.select(pl.exclude("gene", "strand")).rename({"chromosome": "theirs"}),
        ],
        how="horizontal",
    ).drop_nulls("start")
    assert ours.height / olink.height > 0.995
    assert bool((ours["chromosome"] == ours["theirs"]).all())
    assert share(overlap(ours, "gene_start_grch38", "gene_end_grch38")) > 0.998
    ensembl = read_menu(reference / "annotation" / "genes_grch38.tsv")
    ours = pl.concat([genes.locate(ensembl["HGNC"]), ensembl], how="horizontal").drop_nulls("start")
    assert ours.height / ensembl.height > 0.98
    assert bool((ours["chromosome"] == ours["Chromosome"]).all())
    assert share(overlap(ours, "GeneStart", "GeneEnd")) > 0.996
    assert (ours["start"] - ours["GeneStart"].cast(pl.Int64)).median() == 0


def test_genes_stand_where_somascan_has_them_on_grch37(reference: Path) -> None:
    somascan = read_menu(reference / "annotation" / "somascan_2016_grch37.tsv")
    somascan = somascan.rename({"start": "from", "end": "to"})
    ours = pl.concat(
        [load_genes().locate(somascan["entGene"], build="GRCh37"), somascan], how="horizontal"
    ).filter((pl.col("chromosome") == pl.col("chr")) & (pl.col("from") != "NA"))
    # genes of the MHC have a row for each haplotype there, with the place on that haplotype
    touching = (
        ours.with_columns(overlap(ours, "from", "to"))
        .group_by("symbol")
        .agg(pl.col("touching").any())
    )
    assert touching.height > 3300
    assert share(touching["touching"]) > 0.998
