"""Variants of one study found in another, with the alleles of both held against each other."""

from __future__ import annotations

from typing import Final

import polars as pl

from proteomr.errors import InputError
from proteomr.gwas.alleles import clean_allele, flip_strand
from proteomr.gwas.match import add_keys, contradict_positions, is_number_or_place
from proteomr.gwas.shared_places import shows_one_build

__all__ = ["VARIANT_COLUMNS", "pair_variants"]

VARIANT_COLUMNS: Final = (
    "variant_id",
    "rsid",
    "chromosome",
    "position_bp",
    "build",
    "effect_allele",
    "other_allele",
)
"""What a variant is known by."""

ABSENT: Final = "not_in_first_study"
ALLELES: Final = "alleles_differ"
ELSEWHERE: Final = "position_differs"
REPEATED: Final = "several_of_one_variant"

_KEYS: Final = {"name": "_name", "rsid": "_rsid", "position": "_place"}


def pair_variants(first: pl.DataFrame, other: pl.DataFrame, *, path: object) -> pl.DataFrame:
    """Return where each variant of a study stands in the first, and how its alleles lie there.

    A variant is looked for by its name, then by its rsid, then, where both studies tell one build,
    by its position. Where both tell both alleles they must be the same, in either order and on
    either strand; a pair of alleles under one name is one variant, another pair another. Where one
    study has no alleles the name decides.

    Parameters
    ----------
    first, other : unique rows with `VARIANT_COLUMNS`.
    path : of the other study, for messages.

    Returns
    -------
    places : a row for each of ``other``: ``row`` in ``first`` or null; ``sign`` -1 where effects
        are to be turned, else 1; ``reason`` where there is no row: ``not_in_first_study``,
        ``alleles_differ``, ``position_differs`` or ``several_of_one_variant``.

    Raises
    ------
    InputError
        The studies are on two builds of the genome.

    Examples
    --------
    >>> columns = {"rsid": None, "chromosome": None, "position_bp": None, "build": None}
    >>> first = pl.DataFrame(
    ...     {"variant_id": ["rs1", "rs2"], **columns, "effect_allele": ["A", "C"],
    ...      "other_allele": ["G", "T"]}
    ... )
    >>> other = first.with_columns(effect_allele=pl.Series(["G", "A"]),
    ...                            other_allele=pl.Series(["A", "G"]))
    >>> pair_variants(first, other, path="other.tsv").rows()
    [(0, -1, None), (1, -1, None)]
    """
    keyed = [_add_all(frame) for frame in (first, other)]
    builds = [set(frame["build"].drop_nulls().unique()) for frame in keyed]
    if builds[0] and builds[1] and builds[0] != builds[1]:
        raise InputError(
            f"{path}: is on {', '.join(sorted(builds[1]))}, the first study on "
            f"{', '.join(sorted(builds[0]))}; lift one with gwas munge --liftover"
        )
    one_build = len(builds[0] & builds[1]) == 1
    found = [_join(*keyed, key=key) for key in _KEYS if key != "position" or one_build]
    pairs = pl.concat([part.with_columns(turn=pl.lit(i)) for i, part in enumerate(found)])
    if pairs.height and shows_one_build(pairs.filter(pl.col("turn") < 2)) is False:
        raise InputError(
            f"{path}: its variants stand at other positions than those of the first study: the "
            "files are on two builds of the genome; lift one with gwas munge --liftover"
        )
    judged = pairs.with_columns(contradict_positions(pairs).alias("elsewhere"))
    return _choose(judged, other.height)


def _add_all(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the keys of names, and clean alleles, to rows."""
    return (
        add_keys(frame.select(VARIANT_COLUMNS))
        .with_columns(
            clean_allele(pl.col("effect_allele").cast(pl.String)).alias("_e"),
            clean_allele(pl.col("other_allele").cast(pl.String)).alias("_o"),
        )
        .with_row_index("_i")
    )


def _join(first: pl.DataFrame, other: pl.DataFrame, *, key: str) -> pl.DataFrame:
    """Return the pairs of rows that share a key, with what speaks for and against them."""
    column = _KEYS[key]
    names = ["_i", column, "_chromosome", "_position", "build", "_e", "_o"]
    both = (
        other.select(names)
        .drop_nulls(column)
        .join(first.select(names).drop_nulls(column), on=column, how="inner", suffix="_first")
    )
    known = pl.all_horizontal(
        pl.col(name).is_not_null() for name in ("_e", "_o", "_e_first", "_o_first")
    )
    long = pl.any_horizontal(
        pl.col(n).str.len_bytes() > 1 for n in ("_e", "_o", "_e_first", "_o_first")
    ).fill_null(value=False)
    word = ~is_number_or_place(pl.col(column)) if key == "name" else pl.lit(value=False)
    return both.select(
        pl.col("_i").cast(pl.Int64).alias("i"),
        pl.col("_i_first").cast(pl.Int64).alias("row"),
        pl.when(~known).then(1).otherwise(_compare_alleles()).alias("sign"),
        pl.col("_chromosome").alias("chromosome"),
        pl.col("_position").alias("position_bp"),
        pl.col("build"),
        pl.col("_chromosome_first").alias("chromosome_right"),
        pl.col("_position_first").alias("position_bp_right"),
        pl.col("build_first").alias("build_right"),
        long.alias("indel"),
        word.alias("word"),
    )


def _compare_alleles() -> pl.Expr:
    """Return 1 for the same alleles, -1 for turned ones, null for others.

    As they are written first, then on the other strand: so letters decide on palindromic variants.
    """
    ways = [
        (e == pl.col(one)) & (o == pl.col(two))
        for e, o in (
            (pl.col("_e"), pl.col("_o")),
            (flip_strand(pl.col("_e")), flip_strand(pl.col("_o"))),
        )
        for one, two in (("_e_first", "_o_first"), ("_o_first", "_e_first"))
    ]
    same, turned, same_flipped, turned_flipped = ways
    return (
        pl.when(same)
        .then(1)
        .when(turned)
        .then(-1)
        .when(same_flipped)
        .then(1)
        .when(turned_flipped)
        .then(-1)
    )


def _choose(judged: pl.DataFrame, height: int) -> pl.DataFrame:
    """Return the pair of each row that is left once, and why others have none."""
    fits = judged.filter(pl.col("sign").is_not_null() & ~pl.col("elsewhere"))
    best = fits.sort("i", "turn", "row").unique("i", keep="first", maintain_order=True)
    rivals = fits.group_by("i", "turn").agg(pl.col("row").n_unique().alias("k"))
    counted = best.join(rivals, on=["i", "turn"], how="left", maintain_order="left")
    # One row of the first study is one variant: the surest of those that claim it has it.
    held = counted.sort("row", "turn", "i").with_columns(
        pl.col("row").is_first_distinct().alias("first")
    )
    tried = judged.group_by("i").agg(
        (pl.col("sign").is_null() & ~pl.col("elsewhere")).any().alias("other_alleles")
    )
    every = pl.DataFrame({"i": pl.Series(range(height), dtype=pl.Int64)})
    joined = every.join(held, on="i", how="left", maintain_order="left").join(
        tried, on="i", how="left", maintain_order="left"
    )
    reason = (
        pl.when((pl.col("k") > 1) | ~pl.col("first"))
        .then(pl.lit(REPEATED))
        .when(pl.col("row").is_not_null())
        .then(None)
        .when(pl.col("other_alleles").is_null())
        .then(pl.lit(ABSENT))
        .when("other_alleles")
        .then(pl.lit(ALLELES))
        .otherwise(pl.lit(ELSEWHERE))
        .alias("reason")
    )
    told = joined.with_columns(reason)
    return told.select(
        pl.when(pl.col("reason").is_null()).then("row").alias("row"),
        pl.when(pl.col("reason").is_null()).then("sign").otherwise(1).alias("sign"),
        "reason",
    )
