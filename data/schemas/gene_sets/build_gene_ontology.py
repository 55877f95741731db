# /// script
# requires-python = ">=3.11"
# dependencies = ["polars", "proteomr"]
# ///
r"""Build gene_ontology.parquet, the terms of the Gene Ontology that are shipped with proteomr.

The sources are the SQLite files of the Bioconductor packages GO.db and org.Hs.eg.db, as Debian
distributes them. What they hold of the ontology and of its annotations is under CC BY 4.0 (Gene
Ontology Consortium)::

    apt-get download r-bioc-go.db r-bioc-org.hs.eg.db
    for file in *.deb; do dpkg -x "$file" unpacked; done
    library=unpacked/usr/lib/R/site-library
    python build_gene_ontology.py $library/GO.db/extdata/GO.sqlite \
        $library/org.Hs.eg.db/extdata/org.Hs.eg.sqlite --release 3.16.0

Rules
-----
A row for each term that has a human gene of ``genes.parquet``, itself or by a term that leads to
it. Parents are those by is_a and part_of in the same ontology; what a term regulates, by any kind
of regulates, stands apart. Genes are those annotated to the very term, as Entrez numbers,
``curated`` where a person has judged any evidence, ``electronic`` where all is inferred
electronically (IEA); evidence ND says that there is none, and is left out. Annotations reach the
ancestors when the file is read. org.Hs.eg.db tells no qualifiers, such as NOT.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.tables.genes import load_genes

HERE: Final = Path(__file__).parent
LICENCE: Final = "CC BY 4.0, Gene Ontology Consortium, geneontology.org"
ONTOLOGIES: Final = ("bp", "cc", "mf")
UP: Final = ("isa", "part of")
REGULATES: Final = ("regulates", "positively regulates", "negatively regulates")

_TERMS: Final = "SELECT go_id, term AS name FROM go_term WHERE ontology = '{0}'"
_PARENTS: Final = """
    SELECT c.go_id AS child, p.go_id AS parent, r.relationship_type AS kind
    FROM go_{0}_parents r JOIN go_term c USING (_id) JOIN go_term p ON p._id = r._parent_id
"""
_GENES: Final = """
    SELECT g.gene_id AS entrez, a.go_id, a.evidence FROM go_{0} a JOIN genes g USING (_id)
"""


def query(database: sqlite3.Connection, text: str) -> pl.DataFrame:
    """Return the rows of a query."""
    return pl.read_database(text, database, infer_schema_length=None)


def build_ontology(name: str, terms: sqlite3.Connection, genes: sqlite3.Connection) -> pl.DataFrame:
    """Return the terms of one ontology with their parents and genes."""
    named = query(terms, _TERMS.format(name.upper()))
    edges = query(terms, _PARENTS.format(name)).filter(
        pl.col("parent").is_in(named["go_id"].implode())
    )
    links = edges.filter(pl.col("kind").is_in(UP))
    regulated = edges.filter(pl.col("kind").is_in(REGULATES)).join(
        links, on=["child", "parent"], how="anti"
    )
    known = load_genes().frame["entrez"].implode()
    held = (
        query(genes, _GENES.format(name))
        .with_columns(pl.col("entrez").cast(pl.Int64))
        .filter((pl.col("evidence") != "ND") & pl.col("entrez").is_in(known))
        .group_by("go_id", "entrez")
        .agg((pl.col("evidence") != "IEA").any().alias("judged"))
    )
    used = set(held["go_id"])
    if unknown := used.difference(named["go_id"]):
        sys.exit(f"{len(unknown)} terms of the genes are not in the ontology {name}")
    reached = set(used)
    while reached:
        up = edges.filter(pl.col("child").is_in(list(reached)))["parent"]
        reached = set(up) - used
        used |= reached
    parents = links.group_by("child").agg(pl.col("parent").unique().sort().alias("parents"))
    targets = regulated.group_by("child").agg(pl.col("parent").unique().sort().alias("regulates"))
    lists = held.group_by("go_id").agg(
        pl.col("entrez").filter("judged").sort().cast(pl.Int32).alias("curated"),
        pl.col("entrez").filter(~pl.col("judged")).sort().cast(pl.Int32).alias("electronic"),
    )
    number = pl.col("go_id").str.slice(3).cast(pl.Int32)
    return (
        named.filter(pl.col("go_id").is_in(list(used)))
        .join(parents, left_on="go_id", right_on="child", how="left")
        .join(targets, left_on="go_id", right_on="child", how="left")
        .join(lists, on="go_id", how="left")
        .select(
            pl.lit(name).alias("ontology"),
            number.alias("term"),
            "name",
            pl.col("parents", "regulates")
            .list.eval(pl.element().str.slice(3).cast(pl.Int32))
            .fill_null([]),
            pl.col("curated", "electronic").fill_null([]),
        )
        .sort("term")
    )


def main() -> None:
    """Read the arguments and write the table."""
    parser = argparse.ArgumentParser(description="Build gene_ontology.parquet.")
    parser.add_argument("ontology", type=Path, help="GO.sqlite")
    parser.add_argument("genes", type=Path, help="org.Hs.eg.sqlite")
    parser.add_argument("--release", required=True, help="version of both packages, as 3.16.0")
    parser.add_argument("--out", type=Path, default=HERE / "gene_ontology.parquet")
    given = parser.parse_args()
    opened = [f"{file.resolve().as_uri()}?mode=ro" for file in (given.ontology, given.genes)]
    with (
        closing(sqlite3.connect(opened[0], uri=True)) as terms,
        closing(sqlite3.connect(opened[1], uri=True)) as genes,
    ):
        table = pl.concat([build_ontology(name, terms, genes) for name in ONTOLOGIES])
        dates = dict(query(genes, "SELECT name, value FROM metadata").iter_rows())
    table.write_parquet(
        given.out,
        compression="zstd",
        compression_level=19,
        metadata={
            "source": f"GO.db and org.Hs.eg.db {given.release} (Bioconductor, by Debian)",
            "version": given.release,
            "date": dates["GOSOURCEDATE"],
            "annotations": f"NCBI Gene, {dates['GOEGSOURCEDATE']}",
            "licence": LICENCE,
        },
    )
    sys.stdout.write(f"{table.height} terms, {given.out.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
