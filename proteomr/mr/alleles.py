"""Alleles of the same variants in two studies brought to one effect allele, as columns."""

from __future__ import annotations

import polars as pl

from proteomr.gwas.alleles import clean_allele, flip_strand, is_palindromic

__all__ = ["agree_on_alleles", "align_alleles"]

A1, A2 = pl.col("a1"), pl.col("a2")
B1, B2 = pl.col("b1"), pl.col("b2")


def align_alleles(frame: pl.DataFrame, *, tolerance: float) -> pl.DataFrame:
    """Return rows with the outcome's numbers per effect allele of the exposure.

    Where one study names but one allele, the frequencies must stand on the sides of a half that
    the alleles tell, or the row is ambiguous; where only the outcome names both, they are its
    alleles that stay, and the exposure's numbers are turned if need be.

    Parameters
    ----------
    frame : ``a1``, ``a2`` effect and other allele of the exposure and ``b1``, ``b2`` of the
        outcome, in capital letters or null; ``beta_a``, ``eaf_a``, ``beta_b``, ``eaf_b``.
    tolerance : half the width of the open band of frequencies around a half that tell no side.

    Returns
    -------
    aligned : the same rows, and ``case`` (``2-2``, ``2-1``, ``1-2``, ``1-1``, null without effect
        alleles), ``palindromic``, ``incompatible``, ``ambiguous``, ``turned`` (signs changed),
        ``flipped`` (strand changed) and ``opposite`` (frequencies on opposite sides of a half).

    Examples
    --------
    >>> frame = pl.DataFrame(
    ...     {"a1": ["A"], "a2": ["G"], "b1": ["C"], "b2": ["T"], "beta_a": [0.1], "eaf_a": [0.3],
    ...      "beta_b": [0.2], "eaf_b": [0.75]}
    ... )
    >>> align_alleles(frame, tolerance=0.08).select("b1", "b2", "beta_b", "eaf_b").row(0)
    ('A', 'G', -0.2, 0.25)
    """
    cases = frame.with_columns(_case().alias("case")).with_columns(_recode_indels())
    palindromic = pl.when(A2.is_null()).then(is_palindromic(B1, B2))
    marked = cases.with_columns(
        palindromic.otherwise(is_palindromic(A1, A2)).alias("palindromic"),
        _side("eaf_a", tolerance).alias("side_a"),
        _side("eaf_b", tolerance).alias("side_b"),
    )
    both = _align_two_and_two(marked.filter(case="2-2"), tolerance=tolerance)
    parts = [
        both,
        _align_two_and_one(marked.filter(case="2-1")),
        _align_one_and_two(marked.filter(case="1-2")),
        _align_one_and_one(marked.filter(pl.col("case") == "1-1")),
        _mark(marked.filter(pl.col("case").is_null()), incompatible=pl.lit(value=True)),
    ]
    return pl.concat([part.select(both.columns) for part in parts])


def agree_on_alleles(rows: pl.DataFrame) -> pl.Series:
    """Return whether the alleles of harmonised rows are those of one variant in one order.

    The other strand is another spelling where it cannot be another order: not of A/T and C/G. I and
    D are the longer and the shorter allele of the other side. What is not told agrees.

    Parameters
    ----------
    rows : ``effect_allele_exposure`` and ``effect_allele_outcome``; ``other_allele_exposure`` and
        ``other_allele_outcome`` where known.

    Examples
    --------
    >>> rows = pl.DataFrame(
    ...     {"effect_allele_exposure": ["A", "A", "A"], "other_allele_exposure": ["G", "G", "T"],
    ...      "effect_allele_outcome": ["T", "G", "T"], "other_allele_outcome": ["C", "A", "A"]}
    ... )
    >>> agree_on_alleles(rows).to_list()
    [True, False, False]
    """
    names = {"a1": "effect_allele_exposure", "a2": "other_allele_exposure"}
    names |= {"b1": "effect_allele_outcome", "b2": "other_allele_outcome"}
    alleles = rows.select(
        (clean_allele(pl.col(n)) if n in rows.columns else pl.lit(None, pl.String)).alias(short)
        for short, n in names.items()
    ).with_columns(_recode_indels())
    straight = (A1 == B1).fill_null(value=True) & (A2 == B2).fill_null(value=True)
    flipped = ((flip_strand(B1) == A1) & (flip_strand(B2) == A2)).fill_null(value=False)
    return alleles.select(straight | (flipped & ~is_palindromic(A1, A2))).to_series()


def _case() -> pl.Expr:
    known_a, known_b = A2.is_not_null(), B2.is_not_null()
    return pl.when(A1.is_not_null() & B1.is_not_null()).then(
        pl.when(known_a & known_b)
        .then(pl.lit("2-2"))
        .when(known_a)
        .then(pl.lit("2-1"))
        .when(known_b)
        .then(pl.lit("1-2"))
        .otherwise(pl.lit("1-1"))
    )


def _side(eaf: str, tolerance: float) -> pl.Expr:
    """Return -1 and 1 below and above the band around a half, 0 in it, at its ends, and unknown."""
    frequency = pl.col(eaf).fill_null(0.5)
    below, above = frequency < 0.5 - tolerance, frequency > 0.5 + tolerance
    return pl.when(below).then(-1).when(above).then(1).otherwise(0)


def _recode_indels() -> list[pl.Expr]:
    """Return alleles written I and D as the longer and the shorter one that the other study has."""
    return [
        *_spell_out(B1, B2, by=(A1, A2)),
        *_spell_out(A1, A2, by=(B1, B2)),
    ]


def _spell_out(first: pl.Expr, second: pl.Expr, *, by: tuple[pl.Expr, pl.Expr]) -> list[pl.Expr]:
    by_first, by_second = by
    coded = first.is_in(["I", "D"]) & (second.is_null() | second.is_in(["I", "D"]))
    longer_first = by_first.str.len_bytes() > by_second.str.len_bytes()
    differ = by_first.str.len_bytes() != by_second.str.len_bytes()
    longer = pl.when(longer_first).then(by_first).otherwise(by_second)
    shorter = pl.when(longer_first).then(by_second).otherwise(by_first)
    # one long allele against I and D can only be the insertion
    alone = by_second.is_null() & (by_first.str.len_bytes() > 1)
    return [
        pl.when(coded & differ)
        .then(pl.when(allele == "I").then(longer).when(allele == "D").then(shorter))
        .when(coded & alone & (allele == "I"))
        .then(by_first)
        .otherwise(allele)
        .alias(name)
        for allele, name in ((first, first.meta.output_name()), (second, second.meta.output_name()))
    ]


def _mark(
    frame: pl.DataFrame,
    *,
    incompatible: pl.Expr | None = None,
    ambiguous: pl.Expr | None = None,
    turned: pl.Expr | None = None,
    flipped: pl.Expr | None = None,
) -> pl.DataFrame:
    no = pl.lit(value=False)
    marks = {
        "incompatible": incompatible,
        "ambiguous": ambiguous,
        "turned": turned,
        "flipped": flipped,
    }
    opposite = pl.col("side_a") * pl.col("side_b") == -1
    return frame.with_columns(
        *(
            (no if mark is None else mark.fill_null(value=False)).alias(name)
            for name, mark in marks.items()
        ),
        opposite.alias("opposite"),
    )


def _turn(side: str, which: pl.Expr) -> list[pl.Expr]:
    """Return the numbers of a study per its other allele, where asked."""
    beta, eaf = pl.col(f"beta_{side}"), pl.col(f"eaf_{side}")
    return [
        pl.when(which).then(-beta).otherwise(beta).alias(f"beta_{side}"),
        pl.when(which).then(1.0 - eaf).otherwise(eaf).alias(f"eaf_{side}"),
    ]


def _align_two_and_two(frame: pl.DataFrame, *, tolerance: float) -> pl.DataFrame:
    same, exchanged = (A1 == B1) & (A2 == B2), (A1 == B2) & (A2 == B1)
    flip = ~(same | exchanged) & ~pl.col("palindromic")
    strand = frame.with_columns(
        flip.alias("flipped"),
        *(
            pl.when(flip).then(flip_strand(allele)).otherwise(allele).alias(name)
            for allele, name in ((B1, "b1"), (B2, "b2"))
        ),
    )
    turned = strand.with_columns((exchanged & ~same).alias("turned"))
    turn = pl.col("turned")
    aligned = turned.with_columns(
        *_turn("b", turn),
        pl.when(turn).then(B2).otherwise(B1).alias("b1"),
        pl.when(turn).then(B1).otherwise(B2).alias("b2"),
    ).with_columns(_side("eaf_b", tolerance).alias("side_b"))
    unsure = (pl.col("side_a") == 0) & _inside("eaf_a", tolerance)
    unsure |= (pl.col("side_b") == 0) & _inside("eaf_b", tolerance)
    return _mark(
        aligned,
        incompatible=~((A1 == B1) & (A2 == B2)),
        ambiguous=pl.col("palindromic") & unsure,
        turned=turn,
        flipped=pl.col("flipped"),
    )


def _inside(eaf: str, tolerance: float) -> pl.Expr:
    frequency = pl.col(eaf).fill_null(0.5)
    return (frequency > 0.5 - tolerance) & (frequency < 0.5 + tolerance)


def _align_two_and_one(frame: pl.DataFrame) -> pl.DataFrame:
    flip = (B1 != A1) & (B1 != A2)
    flipped = frame.with_columns(
        flip.alias("flipped"), pl.when(flip).then(flip_strand(B1)).otherwise(B1).alias("b1")
    )
    same, other = B1 == A1, (B1 == A2) & (B1 != A1)
    marked = _mark(
        flipped,
        incompatible=~(same | other) | pl.col("palindromic"),
        ambiguous=_sides_disagree(same, other),
        turned=other,
        flipped=pl.col("flipped"),
    )
    turn, matched = pl.col("turned"), same | other
    return marked.with_columns(
        *_turn("b", turn),
        pl.when(matched).then(A1).otherwise(B1).alias("b1"),
        pl.when(matched).then(A2).alias("b2"),
    )


def _align_one_and_two(frame: pl.DataFrame) -> pl.DataFrame:
    flip = (A1 != B1) & (A1 != B2)
    flipped = frame.with_columns(
        flip.alias("flipped"), pl.when(flip).then(flip_strand(A1)).otherwise(A1).alias("a1")
    )
    same, other = A1 == B1, (A1 == B2) & (A1 != B1)
    marked = _mark(
        flipped,
        incompatible=~(same | other) | pl.col("palindromic"),
        ambiguous=_sides_disagree(same, other),
        turned=other,
        flipped=pl.col("flipped"),
    )
    turn, matched = pl.col("turned"), same | other
    return marked.with_columns(
        *_turn("a", turn),
        pl.when(matched).then(B1).otherwise(A1).alias("a1"),
        pl.when(matched).then(B2).alias("a2"),
    )


def _sides_disagree(same: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Return where an allele and the frequencies disagree, or the strand was changed."""
    product = pl.col("side_a") * pl.col("side_b")
    return pl.col("flipped") | (same & (product != 1)) | (other & (product != -1))


def _align_one_and_one(frame: pl.DataFrame) -> pl.DataFrame:
    agree = pl.col("side_a") * pl.col("side_b") == 1
    return _mark(frame, incompatible=A1 != B1, ambiguous=(A1 == B1) & ~agree)
