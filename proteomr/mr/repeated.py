"""A variant enters an analysis once: rows of a pair that repeat others are left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from proteomr.gwas.alleles import flip_strand
from proteomr.gwas.match import name_keys
from proteomr.gwas.repeats import REPEATED, mark_repeats
from proteomr.gwas.study import note_contradictions
from proteomr.tables.texts import fill_text

__all__ = ["keep_once", "mark_repeated_pairs", "note_repeats"]

_PAIR: Final = ("exposure", "outcome")
_ALLELES: Final = (
    ("effect_allele_exposure", "other_allele_exposure"),
    ("effect_allele", "other_allele"),
)
_PROXY: Final = "proxy_id_outcome"
_NUMBERS: Final = {"beta_exposure": "se_exposure", "beta_outcome": "se_outcome"}


def keep_once(table: pl.DataFrame) -> pl.DataFrame:
    """Return a harmonised table in which each pair keeps each variant once.

    Of rows that agree the first stays and the others get ``mr_keep`` false and the reason
    ``repeated``; of rows that contradict each other in an effect or error none stays, with the
    reason ``repeated_differently``, see `proteomr.gwas.repeats.mark_repeats`. A variant is a place
    with its alleles, whatever it is called there, or where the place is unknown a name with its
    alleles: rows of one name whose alleles are others are other variants. One that stands for
    others as their proxy, or that is there itself, stands for none but the first.

    Parameters
    ----------
    table : as `proteomr.mr.harmonise.harmonise_table` gives it.

    Examples
    --------
    >>> from proteomr.mr.harmonise import harmonise_table
    >>> study = pl.DataFrame(
    ...     {"variant_id": ["rs1"], "effect_allele": ["A"], "other_allele": ["G"], "beta": [0.1],
    ...      "se": [0.01]}
    ... )
    >>> turned = study.with_columns(effect_allele=pl.lit("T"), other_allele=pl.lit("C"))
    >>> table = harmonise_table(study, pl.concat([study, turned]))
    >>> keep_once(table)["reason"].to_list()
    ['alleles_agree', 'repeated']
    """
    return _leave_out(_leave_out(table, mark_repeated_pairs), _mark_repeated_proxies)


def _leave_out(table: pl.DataFrame, mark: Callable[[pl.DataFrame], pl.Series]) -> pl.DataFrame:
    """Return a table without the rows that a mark gives a reason against, among those kept."""
    marks = mark(table.filter("mr_keep"))
    if marks.null_count() == marks.len():
        return table
    rows = table["mr_keep"].arg_true()
    repeat = pl.repeat(None, table.height, dtype=pl.String, eager=True).scatter(rows, marks)
    return table.with_columns(
        (pl.col("mr_keep") & repeat.is_null()).alias("mr_keep"),
        repeat.zip_with(repeat.is_not_null(), table["reason"]).alias("reason"),
    )


def mark_repeated_pairs(rows: pl.DataFrame) -> pl.Series:
    """Return which rows of pairs repeat a variant, and how; null for those that do not.

    Parameters
    ----------
    rows : ``exposure``, ``outcome``, ``variant_id`` (null where a row has no name),
        ``beta_exposure``, ``se_exposure``, ``beta_outcome``, ``se_outcome``; alleles,
        ``chromosome`` and ``position_bp`` where known.

    Examples
    --------
    >>> rows = pl.DataFrame({"exposure": ["x"] * 2, "outcome": "y", "variant_id": "rs1"})
    >>> numbers = {"beta_exposure": 0.1, "se_exposure": 0.01, "se_outcome": 0.01}
    >>> rows = rows.with_columns(beta_outcome=pl.Series([0.1, 0.3]), **numbers)
    >>> mark_repeated_pairs(rows).to_list()
    ['repeated_differently', 'repeated_differently']
    """
    identified = rows.select(*_PAIR, _identify(rows))
    keys = identified.columns
    if not identified.select(pl.struct(keys).is_duplicated().any()).item():
        return pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    oriented = pl.concat([identified, rows.select(_orient(rows))], how="horizontal")
    return mark_repeats(oriented, keys=[*keys, "alleles"], numbers=_NUMBERS)


def _identify(rows: pl.DataFrame) -> pl.Expr:
    """Return what a variant is known by: its place, or its name; a row that has neither by itself.

    Rows without name and place are one variant where all their numbers are the same.
    """
    name = fill_text("name {}", pl.lit(name_keys(rows["variant_id"].cast(pl.String))))
    numbers = pl.concat_str(
        *(pl.col(name).cast(pl.Float64) for pair in _NUMBERS.items() for name in pair),
        separator=" ",
        ignore_nulls=True,
    )
    known = [name, fill_text("numbers {}", numbers)]
    if {"chromosome", "position_bp"} <= {*rows.columns} and _names_alleles(rows):
        position = pl.col("position_bp").cast(pl.Int64, strict=False)
        told = position.is_not_null() & (position > 0) & pl.col("chromosome").is_not_null()
        chromosome = pl.col("chromosome").cast(pl.String).str.replace("(?i)^chr", "")
        known.insert(0, pl.when(told).then(fill_text("place {}:{}", chromosome, position)))
    return pl.coalesce(known).alias("identity")


def _names_alleles(rows: pl.DataFrame) -> tuple[str, str] | None:
    return next((pair for pair in _ALLELES if {*pair} <= {*rows.columns}), None)


def _mark_repeated_proxies(rows: pl.DataFrame) -> pl.Series:
    """Return which proxies are variants of their pair already, as themselves or for others."""
    if _PROXY not in rows.columns or not rows[_PROXY].is_not_null().any():
        return pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    numbered = rows.select(
        *_PAIR,
        name_keys(pl.select(pl.coalesce(rows[_PROXY], rows["variant_id"])).to_series()).alias("of"),
        pl.lit(rows[_PROXY].is_not_null()).alias("proxy"),
    ).with_row_index("row")
    ordered = numbered.sort("proxy", "row")
    later = ~ordered.select(pl.struct(*_PAIR, "of").is_first_distinct()).to_series()
    marked = ordered.with_columns(later=later & ordered["proxy"]).sort("row")
    return marked.select(pl.when("later").then(pl.lit(REPEATED)).alias("repeat")).to_series()


def note_repeats(table: pl.DataFrame) -> tuple[str, ...]:
    """Return a note on variants of a harmonised table that stand in a pair with two answers.

    Parameters
    ----------
    table : ``reason`` and ``variant_id``, as `keep_once` gives them.

    Examples
    --------
    >>> note_repeats(pl.DataFrame({"reason": ["alleles_agree"], "variant_id": ["rs1"]}))
    ()
    """
    return note_contradictions(table["reason"], table["variant_id"].cast(pl.String))


def _orient(rows: pl.DataFrame) -> list[pl.Expr]:
    """Return the alleles of rows in one order and strand, and effects per the first of them."""
    names = _names_alleles(rows)
    numbers = [pl.col(name).cast(pl.Float64) for pair in _NUMBERS.items() for name in pair]
    if names is None:
        return [pl.lit(None, pl.String).alias("alleles"), *numbers]
    effect, other = (pl.col(name).cast(pl.String).str.to_uppercase() for name in names)
    straight = [fill_text("{}/{}", effect, other), fill_text("{}/{}", other, effect)]
    flipped = [
        fill_text("{}/{}", flip_strand(effect), flip_strand(other)),
        fill_text("{}/{}", flip_strand(other), flip_strand(effect)),
    ]
    palindromic = straight[0] == flipped[1]
    alleles = (
        pl.when(palindromic)
        .then(pl.min_horizontal(straight))
        .otherwise(pl.min_horizontal(*straight, *flipped))
    )
    first = (straight[0] == alleles) | ((flipped[0] == alleles) & ~palindromic)
    sign = pl.when(first.fill_null(value=True)).then(1.0).otherwise(-1.0)
    turned = [
        (pl.col(name).cast(pl.Float64) * sign).alias(name)
        if name in _NUMBERS
        else pl.col(name).cast(pl.Float64)
        for pair in _NUMBERS.items()
        for name in pair
    ]
    return [alleles.alias("alleles"), *turned]
