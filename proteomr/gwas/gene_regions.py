"""Regions of a genome that are asked for: as written, or around a gene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from proteomr.errors import UsageError
from proteomr.io.sumstats.selection import parse_region
from proteomr.tables.genes import Build, GeneTable, load_genes
from proteomr.tables.sumstats import name_build

__all__ = ["CIS_WINDOW_BP", "Region", "choose_region", "find_cis_region", "locate_genes"]

CIS_WINDOW_BP: Final = 1_000_000
"""On both sides of a gene, as the plasma proteome of UK Biobank counts a variant as cis."""


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a chromosome.

    Parameters
    ----------
    chromosome : 1-22, X, Y or MT.
    start_bp, end_bp : first and last position, both included.

    Raises
    ------
    UsageError
        It ends before it starts.

    Examples
    --------
    >>> Region("19", 100, 200).end_bp
    200
    """

    chromosome: str
    start_bp: int
    end_bp: int

    def __post_init__(self) -> None:
        if self.end_bp < self.start_bp:
            raise UsageError(f"region {self.chromosome}:{self.start_bp}-{self.end_bp} is empty")


def choose_region(
    text: str | None = None,
    *,
    gene: str | None = None,
    build: str | None = None,
    kb: float | None = None,
) -> Region | None:
    """Return the stretch that is asked for: as written, or around a gene; None for any.

    Parameters
    ----------
    text : ``CHR`` or ``CHR:FROM-TO``.
    gene : see `find_cis_region`.
    build : of the positions around a gene, in any spelling; None for GRCh38.
    kb : on both sides of a gene, in 1,000 bp; None for 1,000.

    Raises
    ------
    UsageError
        Both are given, one of them is no region, or no gene is there that the build or the distance
        is for.

    Examples
    --------
    >>> choose_region("7:1000-2000")
    Region(chromosome='7', start_bp=1000, end_bp=2000)
    """
    if text is not None and gene is not None:
        raise UsageError("--region and --cis both say which stretch is meant: give one")
    if gene is not None:
        window_bp = CIS_WINDOW_BP if kb is None else round(1000 * kb)
        return find_cis_region(gene, build=name_build(build or "GRCh38"), window_bp=window_bp)
    for option, given in (("--cis-kb", kb), ("--build", build)):
        if given is not None:
            text = given if isinstance(given, str) else f"{given:g}"
            raise UsageError(f"{option} {text} is of --cis GENE, which is not given")
    if text is None:
        return None
    region = parse_region(text)
    return Region(region.chromosome, region.start, region.end)


def find_cis_region(
    gene: str,
    *,
    build: Build = "GRCh38",
    window_bp: int = CIS_WINDOW_BP,
    genes: GeneTable | None = None,
) -> Region:
    """Return the stretch around a gene in which its variants are called cis.

    Parameters
    ----------
    gene : symbol, alias or accession of one gene.
    build : genome build of the positions.
    window_bp : added on both sides of the gene.
    genes : names and places; None for those shipped.

    Raises
    ------
    UsageError
        The name is not of one gene with a place on this build, or the distance is below 0.

    Examples
    --------
    >>> find_cis_region("GDF15", build="GRCh37", window_bp=500_000).start_bp
    17996968
    """
    if window_bp < 0:
        raise UsageError(f"--cis-kb {window_bp / 1000:g}: 0 or more is needed")
    places = locate_genes([gene], build=build, genes=genes).drop_nulls("start")
    if places.height != 1:
        raise UsageError(
            f"gene {gene!r} is not one gene with a place on {build}; name an approved symbol, or "
            "give the region itself"
        )
    row = places.row(0, named=True)
    start, end = int(row["start"]) - window_bp, int(row["end"]) + window_bp
    return Region(str(row["gene_chromosome"]), max(1, start), end)


def locate_genes(names: list[str], *, build: Build, genes: GeneTable | None) -> pl.DataFrame:
    """Return the places of the genes that each name means; null where that is not settled.

    Parameters
    ----------
    names : symbols, aliases or accessions.
    build : genome build of the positions.
    genes : names and places; None for those shipped.

    Returns
    -------
    places : ``gene``, ``gene_chromosome``, ``start``, ``end``; a row for each gene of a name.

    Examples
    --------
    >>> locate_genes(["GDF15"], build="GRCh38", genes=None)["gene_chromosome"].to_list()
    ['19']
    """
    table = genes if genes is not None else load_genes()
    resolved = table.resolve(names).with_columns(
        pl.when(pl.col("match") == "ambiguous")
        .then(pl.lit([None], pl.List(pl.String)))
        .otherwise(pl.col("candidates"))
        .alias("candidates")
    )
    each = resolved.select(pl.col("name").alias("gene"), pl.col("candidates")).explode("candidates")
    located = table.locate(each["candidates"].fill_null(""), build=build)
    return each.select("gene").with_columns(
        located["chromosome"].alias("gene_chromosome"), located["start"], located["end"]
    )
