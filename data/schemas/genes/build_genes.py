# /// script
# requires-python = ">=3.11"
# dependencies = ["polars", "proteomr"]
# ///
r"""Build genes.parquet, the gene and alias table that is shipped with proteomr.

The source is the SQLite file of the Bioconductor package org.Hs.eg.db (Marc Carlson; licence
Artistic-2.0), as Debian distributes it::

    apt-get download r-bioc-org.hs.eg.db && dpkg -x r-bioc-org.hs.eg.db_*.deb unpacked
    python build_genes.py unpacked/usr/lib/R/site-library/org.Hs.eg.db/extdata/org.Hs.eg.sqlite \
        GRCh38_to_GRCh37.chain.gz --release 3.16.0

Rules
-----
Genes: those of type protein-coding at NCBI; the segments of immunoglobulins and T-cell receptors;
and the few others that ``extra_aliases.toml`` names. Symbols are the source's, with HGNC's names
for the mitochondrial genes. UniProt accessions: the older form first, of which most are reviewed.
Uncharacterised loci (LOC and a number) do not have what a named gene has too: its symbol as an
alias, or its accession.

Positions on GRCh38: one-based, both ends included (the source's starts are zero-based, as UCSC's).
Only whole chromosomes count, no alternative loci and patches; X for the pseudoautosomal genes.
Locations of a gene less than 100 kb apart make one locus and its span. Of several loci the one is
taken that lifts to GRCh37 (some sequences of 21p are false copies in GRCh38), then the one with
most locations, then the longest, then the first. The source has no locations on MT.

Positions on GRCh37: by liftover of both ends through the chain file; where an end has no
counterpart, of the outermost of 1,001 evenly spaced positions that has one. Empty where the ends
leave the chromosome or each other: strands that differ, or a length that changes more than twofold.
The strand is given for each build, because some stretches were turned round in between.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import sys
import tomllib
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr._typing import I64
from proteomr.io.genetics.chains import Chain, read_chain

HERE: Final = Path(__file__).parent
CHROMOSOMES: Final = (*map(str, range(1, 23)), "X", "Y", "MT")
SEGMENT: Final = r"^(IG[HKL]|TR[ABDG])([VDJC].*|A[12]|D|E|G[1-4]|M)$"
GAP_BP: Final = 100_000
PROBES: Final = 1001
LICENCE: Final = "Artistic-2.0"

_LOCUS: Final = pl.col("symbol").str.contains(r"^LOC\d+$")
_GENES: Final = """
    SELECT g.gene_id AS entrez, i.symbol, i.gene_name AS name, t.gene_type
    FROM genes g JOIN gene_info i USING (_id) JOIN genetype t USING (_id)
"""
_NAMES: Final = "SELECT g.gene_id AS entrez, {0} AS value FROM genes g JOIN {1} USING (_id)"
_LOCATIONS: Final = """
    SELECT g.gene_id AS entrez, l.seqname AS chromosome, ABS(l.start_location) + 1 AS start,
           ABS(l.end_location) AS end, CASE WHEN l.end_location < 0 THEN -1 ELSE 1 END AS strand
    FROM genes g JOIN chromosome_locations l USING (_id)
"""


@dataclass(frozen=True, slots=True)
class Source:
    """The tables of the source that are used, one row per gene and value."""

    genes: pl.DataFrame
    aliases: pl.DataFrame
    uniprot: pl.DataFrame
    ensembl: pl.DataFrame
    chromosomes: pl.DataFrame
    locations: pl.DataFrame
    dates: dict[str, str]


def read_source(path: Path) -> Source:
    """Return the tables of the SQLite file of org.Hs.eg.db."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:

        def query(text: str) -> pl.DataFrame:
            return pl.read_database(text, database, infer_schema_length=None)

        return Source(
            genes=query(_GENES),
            aliases=query(_NAMES.format("alias_symbol", "alias")),
            uniprot=query(_NAMES.format("uniprot_id", "uniprot")),
            ensembl=query(_NAMES.format("ensembl_id", "ensembl")),
            chromosomes=query(_NAMES.format("chromosome", "chromosomes")),
            locations=query(_LOCATIONS).filter(pl.col("chromosome").is_in(CHROMOSOMES)),
            dates=dict(query("SELECT name, value FROM metadata").iter_rows()),
        )


def choose_genes(source: Source, extra: dict[str, Any]) -> pl.DataFrame:
    """Return the genes of the table, with the names of HGNC."""
    named = [entry["symbol"] for entry in extra["genes"]]
    segment = (pl.col("gene_type") == "other") & pl.col("symbol").str.contains(SEGMENT)
    kept = (pl.col("gene_type") == "protein-coding") | segment | pl.col("symbol").is_in(named)
    genes = source.genes.filter(kept)
    if absent := set(named).difference(genes["symbol"]):
        sys.exit(f"extra_aliases.toml names genes that the source lacks: {sorted(absent)}")
    place = {name: number for number, name in enumerate(CHROMOSOMES)}
    homes = (
        source.chromosomes.filter(pl.col("value").is_in(CHROMOSOMES))
        .sort(pl.col("value").replace_strict(place, return_dtype=pl.Int32))
        .unique("entrez", keep="first", maintain_order=True)
        .rename({"value": "chromosome"})
    )
    mitochondrial = pl.col("chromosome") == "MT"
    return genes.join(homes, on="entrez", how="left").with_columns(
        pl.when(mitochondrial).then("symbol").alias("former"),
        pl.when(mitochondrial)
        .then(pl.col("symbol").replace(extra["symbols"]))
        .otherwise("symbol")
        .alias("symbol"),
    )


def list_names(genes: pl.DataFrame, source: Source, extra: dict[str, Any]) -> pl.DataFrame:
    """Return aliases, UniProt and Ensembl identifiers of each gene as sorted lists."""
    entrez = genes.select("symbol", "entrez")
    former = genes.select("entrez", pl.col("former").alias("value")).drop_nulls()
    aliases = pl.concat([source.aliases, former, _extra_names(extra["aliases"], "aliases", entrez)])
    uniprot = pl.concat([source.uniprot, _extra_names(extra["genes"], "uniprot", entrez)])
    older = ~pl.col("value").str.contains("^[OPQ]"), pl.col("value").str.len_chars()
    joined = entrez
    for name, values, order in (
        ("aliases", aliases, ()),
        ("uniprot", uniprot, (older[1], older[0])),
        ("ensembl", source.ensembl, ()),
    ):
        held = values.join(entrez, on="entrez")
        named = held.filter(~_LOCUS)["value"] if name == "uniprot" else entrez["symbol"]
        lists = (
            held.filter(pl.col("value") != pl.col("symbol"))
            .filter(~(_LOCUS & pl.col("value").is_in(named.implode())))
            .unique(["entrez", "value"])
            .sort("entrez", *order, "value")
            .group_by("entrez", maintain_order=True)
            .agg(pl.col("value").alias(name))
        )
        joined = joined.join(lists, on="entrez", how="left")
    empty = pl.lit([], dtype=pl.List(pl.String))
    return joined.drop("symbol").with_columns(
        pl.col("aliases", "uniprot", "ensembl").fill_null(empty)
    )


def _extra_names(entries: list[dict[str, Any]], key: str, genes: pl.DataFrame) -> pl.DataFrame:
    rows = [(entry["symbol"], value) for entry in entries for value in entry[key]]
    frame = pl.DataFrame(rows, schema={"symbol": pl.String, "value": pl.String}, orient="row")
    found = frame.join(genes, on="symbol", how="left")
    if found["entrez"].null_count():
        sys.exit(f"extra_aliases.toml names a gene that the table lacks under {key}")
    return found.select("entrez", "value")


def place_genes(genes: pl.DataFrame, source: Source, chain: Chain) -> pl.DataFrame:
    """Return the one locus of each gene on both builds."""
    same = ["entrez", "chromosome"]
    known = genes.select(same)
    ordered = source.locations.join(known, on=same).sort(*same, "start", "end", "strand")
    reached = pl.col("end").cum_max().shift(1).over(same)
    loci = (
        ordered.with_columns(
            ((pl.col("start") - reached) > GAP_BP)
            .fill_null(value=False)
            .cum_sum()
            .over(same)
            .alias("locus")
        )
        .group_by(*same, "locus", maintain_order=True)
        .agg(
            pl.col("start").min(),
            pl.col("end").max(),
            pl.when(pl.col("strand").sum() < 0).then(-1).otherwise(1).cast(pl.Int8).alias("strand"),
            pl.len().alias("locations"),
        )
    )
    lifted = pl.concat([loci, lift_spans(loci, chain)], how="horizontal")
    return (
        lifted.sort(
            "entrez",
            pl.col("start_grch37").is_null(),
            -pl.col("locations").cast(pl.Int64),
            pl.col("start") - pl.col("end"),
            "start",
        )
        .unique("entrez", keep="first", maintain_order=True)
        .drop("chromosome", "locus", "locations")
    )


def lift_spans(spans: pl.DataFrame, chain: Chain) -> pl.DataFrame:
    """Return start, end and strand of spans on the other build, null where they fall apart.

    Some stretches of GRCh37 are turned round in GRCh38: there a gene is on the other strand.
    """
    first, turn = _lift_end(spans, chain, "start", "end")
    last, other_turn = _lift_end(spans, chain, "end", "start")
    low, high = np.minimum(first, last), np.maximum(first, last)
    length = (spans["end"] - spans["start"] + 1).to_numpy()
    lifted = high - low + 1
    kept = (low > 0) & (turn == other_turn) & ((last - first) * turn >= 0)
    kept &= (2 * lifted >= length) & (lifted <= 2 * length)
    strand = (spans["strand"] * pl.Series(turn)).cast(pl.Int8)
    columns = {"start_grch37": low, "end_grch37": high, "strand_grch37": strand}
    return pl.DataFrame(columns).with_columns(pl.when(pl.Series(kept)).then(pl.all()))


def _lift_end(spans: pl.DataFrame, chain: Chain, near: str, far: str) -> tuple[I64, I64]:
    """Return the image of one end, or of the next position inwards that has one, and its strand."""
    here, there = spans[near].to_numpy(), spans[far].to_numpy()
    found, turn = _lift_within(spans["chromosome"], here, chain)
    lost = np.flatnonzero(found < 0)
    steps = np.arange(PROBES) / (PROBES - 1)
    probes = np.rint(here[lost, None] + (there - here)[lost, None] * steps).astype(np.int64)
    names = spans["chromosome"].gather(np.repeat(lost, PROBES))
    images, turns = _lift_within(names, probes.ravel(), chain)
    outermost = np.arange(lost.size) * PROBES + np.argmax(images.reshape(probes.shape) > 0, axis=1)
    found[lost], turn[lost] = images[outermost], turns[outermost]
    return found, turn


def _lift_within(chromosome: pl.Series, position: I64, chain: Chain) -> tuple[I64, I64]:
    """Return positions on the same chromosome of the other build, -1 for others, and strands."""
    lifted = chain.lift(chromosome, position)
    away = ~(lifted["chromosome"] == chromosome).fill_null(value=False)
    strand = lifted["strand"].cast(pl.Int64).fill_null(0).to_numpy().copy()
    return lifted["position"].set(away, -1).to_numpy().copy(), strand


def build(source: Source, chain: Chain, extra: dict[str, Any], *, release: str) -> pl.DataFrame:
    """Return the table."""
    genes = choose_genes(source, extra)
    names = list_names(genes, source, extra)
    places = place_genes(genes, source, chain)
    date = _iso_date(source.dates["EGSOURCEDATE"])
    return (
        genes.join(names, on="entrez", how="left")
        .join(places, on="entrez", how="left")
        .select(
            "symbol",
            "name",
            "gene_type",
            "aliases",
            "uniprot",
            "ensembl",
            pl.col("entrez").cast(pl.Int64),
            "chromosome",
            "start",
            "end",
            "strand",
            "start_grch37",
            "end_grch37",
            "strand_grch37",
            pl.lit(f"org.Hs.eg.db {release}").alias("source"),
            pl.lit(date).alias("source_date"),
        )
        .sort("symbol")
    )


def _iso_date(text: str) -> str:
    """Return ``2022-Sep12`` as ``2022-09-12``."""
    return datetime.strptime(text, "%Y-%b%d").replace(tzinfo=UTC).date().isoformat()


def describe(source: Source, *, release: str, chain: Path) -> dict[str, str]:
    """Return what stands in the metadata of the file."""
    dates = source.dates
    return {
        "source": f"org.Hs.eg.db {release} (Bioconductor; Debian r-bioc-org.hs.eg.db)",
        "licence": LICENCE,
        "genes": f"{dates['EGSOURCENAME']}, {_iso_date(dates['EGSOURCEDATE'])}",
        "positions": f"{dates['GPSOURCENAME']}, {_iso_date(dates['GPSOURCEDATE'])}, GRCh38",
        "ensembl": f"{dates['ENSOURCENAME']}, {_iso_date(dates['ENSOURCEDATE'])}",
        "uniprot": f"{dates['UPSOURCENAME']}, {dates['UPSOURCEDATE']}",
        "grch37": f"by liftover through {re.sub(r'[^A-Za-z0-9_.-]', '', chain.name)}",
    }


def main() -> None:
    """Read the arguments and write the table."""
    parser = argparse.ArgumentParser(description="Build genes.parquet.")
    parser.add_argument("sqlite", type=Path, help="org.Hs.eg.sqlite")
    parser.add_argument("chain", type=Path, help="chain file from GRCh38 to GRCh37")
    parser.add_argument("--release", required=True, help="version of org.Hs.eg.db, as 3.16.0")
    parser.add_argument("--out", type=Path, default=HERE / "genes.parquet")
    given = parser.parse_args()
    source = read_source(given.sqlite)
    extra = tomllib.loads((HERE / "extra_aliases.toml").read_text(encoding="utf-8"))
    table = build(source, read_chain(given.chain), extra, release=given.release)
    table.write_parquet(
        given.out,
        compression="zstd",
        compression_level=19,
        metadata=describe(source, release=given.release, chain=given.chain),
    )
    sys.stdout.write(f"{table.height} genes, {given.out.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
