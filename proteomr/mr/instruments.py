"""Instruments of an exposure: chosen, and labelled cis or trans."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from proteomr.errors import ColumnError, NothingToDo, UsageError, nearest
from proteomr.gwas.gene_regions import CIS_WINDOW_BP, Region, locate_genes
from proteomr.gwas.match import is_listed
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.tables.genes import Build, GeneTable

__all__ = [
    "Selection",
    "drop_outcome_hits",
    "label_cis",
    "select_instruments",
]

_STEP: Final = "instruments"


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Variants that were chosen, and how many were not.

    Parameters
    ----------
    kept : rows of the exposure.
    drops : ``step``, ``reason`` and ``n`` of those left out, by the first reason that applies.
    """

    kept: pl.DataFrame
    drops: pl.DataFrame


def select_instruments(
    exposure: pl.DataFrame,
    *,
    p: float | None = 5e-8,
    region: Region | None = None,
    variants: Sequence[str] | None = None,
) -> Selection:
    """Return the variants of an exposure that pass every condition given.

    Parameters
    ----------
    exposure : ``variant_id``, ``beta``, ``se``; ``neg_log10_p`` or it is computed from them;
        ``chromosome`` and ``position_bp`` where a region is asked for.
    p : largest p value; None for any.
    region : where they lie; None for anywhere.
    variants : which they are, by name or rsid; None for all.

    Raises
    ------
    ColumnError
        A column is absent.
    UsageError
        The p value is not above 0 and at most 1.

    Examples
    --------
    >>> exposure = pl.DataFrame(
    ...     {"variant_id": ["rs1", "rs2"], "beta": [0.1, 0.02], "se": [0.01, 0.01]}
    ... )
    >>> chosen = select_instruments(exposure)
    >>> chosen.kept["variant_id"].to_list(), chosen.drops.rows()
    (['rs1'], [('instruments', 'p_above_threshold', 1)])
    """
    if p is not None and not 0 < p <= 1:
        raise UsageError(f"p is {p:g}; it lies above 0 and is at most 1")
    _need(exposure, "exposure", "variant_id", "beta", "se")
    tested = exposure.with_columns(_significance(exposure))
    conditions: list[tuple[pl.Expr, str]] = []
    if variants is not None:
        conditions.append((pl.lit(is_listed(exposure, variants)), "not_in_list"))
    if region is not None:
        _need(exposure, "exposure", "chromosome", "position_bp")
        inside = _plain(pl.col("chromosome")) == region.chromosome
        inside &= pl.col("position_bp").is_between(region.start_bp, region.end_bp)
        conditions.append((inside, "outside_region"))
    if p is not None:
        conditions.append((pl.col("neg_log10_p") >= -math.log10(p), "p_above_threshold"))
    reason = pl.lit(None, pl.String)
    for condition, text in reversed(conditions):
        reason = pl.when(condition.fill_null(value=False)).then(reason).otherwise(pl.lit(text))
    judged = tested.with_columns(reason.alias("_reason"))
    selected = judged.filter(pl.col("_reason").is_null()).drop("_reason")
    counted = judged.filter(pl.col("_reason").is_not_null())["_reason"].value_counts(name="n")
    counts = dict(counted.iter_rows())
    rows = [(_STEP, text, counts[text]) for _, text in conditions if text in counts]
    schema = {"step": pl.String, "reason": pl.String, "n": pl.Int64}
    return Selection(selected, pl.DataFrame(rows, schema=schema, orient="row"))


def label_cis(
    exposure: pl.DataFrame,
    *,
    build: Build,
    gene_column: str = "gene",
    window_bp: int = CIS_WINDOW_BP,
    genes: GeneTable | None = None,
) -> pl.DataFrame:
    """Return variants with ``placement``: cis where they lie near their protein's gene, else trans.

    Parameters
    ----------
    exposure : ``chromosome``, ``position_bp`` and the name of the gene; several genes of one
        protein (``A;B``) are cis if any is near.
    build : genome build of the positions.
    gene_column : column with the names of genes.
    window_bp : largest distance from either end of the gene.
    genes : names and places; None for those shipped.

    Returns
    -------
    labelled : the same rows and ``placement``, null where the gene or its place is not known, or
        the variant has no position.

    Raises
    ------
    ColumnError
        A column is absent.

    Examples
    --------
    >>> exposure = pl.DataFrame(
    ...     {"variant_id": ["a", "b"], "chromosome": ["19", "2"], "position_bp": [18_400_000, 1],
    ...      "gene": ["GDF15", "GDF15"]}
    ... )
    >>> label_cis(exposure, build="GRCh38")["placement"].to_list()
    ['cis', 'trans']
    """
    _need(exposure, "exposure", "chromosome", "position_bp", gene_column)
    names = exposure[gene_column].cast(pl.String)
    places = locate_genes(names.drop_nulls().unique().sort().to_list(), build=build, genes=genes)
    rows = exposure.select(
        pl.int_range(pl.len()).alias("_row"),
        _plain(pl.col("chromosome")).alias("chromosome"),
        pl.col("position_bp"),
        pl.col(gene_column).cast(pl.String).alias("gene"),
    ).join(places, on="gene", how="left")
    near = (pl.col("chromosome") == pl.col("gene_chromosome")) & pl.col("position_bp").is_between(
        pl.col("start") - window_bp, pl.col("end") + window_bp
    )
    placed = pl.col("start").is_not_null() & pl.col("position_bp").is_not_null()
    placed &= pl.col("chromosome").is_not_null()
    judged = rows.group_by("_row").agg(
        placed.all().alias("known"), near.fill_null(value=False).any().alias("near")
    )
    placement = (
        pl.when("near").then(pl.lit("cis")).when("known").then(pl.lit("trans")).alias("placement")
    )
    return exposure.with_columns(judged.sort("_row").select(placement).to_series())


def drop_outcome_hits(table: pl.DataFrame, *, p: float = 5e-8) -> pl.DataFrame:
    """Return a harmonised table without variants that are significant for the outcome.

    Such a variant may act on the outcome by itself; to leave it out is a choice that changes
    results, so it is never made unasked. Left-out rows stay, with ``mr_keep`` false and the reason
    ``significant_for_outcome``.

    Parameters
    ----------
    table : as `proteomr.mr.harmonise.harmonise_table` gives it.
    p : p value for the outcome from which downwards a variant is left out.

    Raises
    ------
    ColumnError
        A column is absent.
    UsageError
        The p value is not above 0 and at most 1.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {"variant_id": ["rs1"], "beta_outcome": [1.0], "se_outcome": [0.1],
    ...      "neg_log10_p_outcome": [None], "mr_keep": [True], "reason": ["alleles_agree"]}
    ... )
    >>> drop_outcome_hits(table)["reason"].to_list()
    ['significant_for_outcome']
    """
    if not 0 < p <= 1:
        raise UsageError(f"p is {p:g}; it lies above 0 and is at most 1")
    columns = ("beta_outcome", "se_outcome", "neg_log10_p_outcome", "mr_keep", "reason")
    _need(table, "harmonised table", *columns)
    z = (table["beta_outcome"] / table["se_outcome"]).cast(pl.Float64).fill_null(math.nan)
    stated = table["neg_log10_p_outcome"].cast(pl.Float64)
    computed = pl.Series(neg_log10_p_normal(z.to_numpy())).fill_nan(None)
    hits = pl.select(pl.coalesce(stated, computed) >= -math.log10(p)).to_series()
    out = pl.col("mr_keep") & hits.fill_null(value=False)
    return table.with_columns(
        (pl.col("mr_keep") & ~out).alias("mr_keep"),
        pl.when(out)
        .then(pl.lit("significant_for_outcome"))
        .otherwise(pl.col("reason"))
        .alias("reason"),
    )


def _need(frame: pl.DataFrame, what: str, *names: str) -> None:
    if what == "exposure" and not frame.height:
        raise NothingToDo("the exposure has no variants")
    for name in names:
        if name not in frame.columns:
            raise ColumnError(f"{what}: no column {name!r}{nearest(name, frame.columns)}")


def _plain(chromosome: pl.Expr) -> pl.Expr:
    return chromosome.cast(pl.String).str.replace("(?i)^chr", "").str.to_uppercase()


def _significance(exposure: pl.DataFrame) -> pl.Series:
    z = (exposure["beta"] / exposure["se"]).cast(pl.Float64).fill_null(math.nan).to_numpy()
    computed = pl.Series("neg_log10_p", neg_log10_p_normal(z)).fill_nan(None)
    if "neg_log10_p" not in exposure.columns:
        return computed
    stated = exposure["neg_log10_p"].cast(pl.Float64).fill_nan(None)
    return pl.select(pl.coalesce(stated, computed).alias("neg_log10_p")).to_series()
