"""A variant enters an analysis once: rows of a pair that repeat another are left out."""

from __future__ import annotations

from typing import Final

import polars as pl

from proteomr.gwas.alleles import flip_strand
from proteomr.gwas.repeats import mark_repeats
from proteomr.gwas.study import note_contradictions

__all__ = ["keep_once", "mark_repeated_pairs", "note_repeats"]

_PAIR: Final = ("exposure", "outcome")
_ALLELES: Final = (
    ("effect_allele_exposure", "other_allele_exposure"),
    ("effect_allele", "other_allele"),
)
_NUMBERS: Final = {"beta_exposure": "se_exposure", "beta_outcome": "se_outcome"}


def keep_once(table: pl.DataFrame) -> pl.DataFrame:
    """Return a harmonised table in which each pair keeps each variant once.

    The first row stays; the others get ``mr_keep`` false and the reason ``repeated``, or
    ``repeated_differently`` where an effect or error differs, see
    `proteomr.gwas.repeats.mark_repeats`. Rows of one name whose alleles are others are other
    variants.

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
    used = table.filter("mr_keep")
    marks = mark_repeated_pairs(used)
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
    rows : ``exposure``, ``outcome``, ``variant_id``, ``beta_exposure``, ``se_exposure``,
        ``beta_outcome``, ``se_outcome``; alleles where known.

    Examples
    --------
    >>> rows = pl.DataFrame({"exposure": ["x"] * 2, "outcome": "y", "variant_id": "rs1"})
    >>> numbers = {"beta_exposure": 0.1, "se_exposure": 0.01, "se_outcome": 0.01}
    >>> rows = rows.with_columns(beta_outcome=pl.Series([0.1, 0.3]), **numbers)
    >>> mark_repeated_pairs(rows).to_list()
    [None, 'repeated_differently']
    """
    keys = [*_PAIR, "variant_id"]
    if not rows.select(pl.struct(keys).is_duplicated().any()).item():
        return pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    oriented = rows.select(*keys, *_orient(rows))
    return mark_repeats(oriented, keys=[*keys, "alleles"], numbers=_NUMBERS)


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
    names = next((pair for pair in _ALLELES if {*pair} <= {*rows.columns}), None)
    numbers = [pl.col(name).cast(pl.Float64) for pair in _NUMBERS.items() for name in pair]
    if names is None:
        return [pl.lit(None, pl.String).alias("alleles"), *numbers]
    effect, other = (pl.col(name).cast(pl.String).str.to_uppercase() for name in names)
    straight = [pl.format("{}/{}", effect, other), pl.format("{}/{}", other, effect)]
    flipped = [
        pl.format("{}/{}", flip_strand(effect), flip_strand(other)),
        pl.format("{}/{}", flip_strand(other), flip_strand(effect)),
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
