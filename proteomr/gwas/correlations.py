"""Correlations of variants as a study has them: found in a panel, signed by its effect alleles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.gwas.alleles import clean_allele, flip_strand, is_palindromic
from proteomr.gwas.panel import describe_panel, locate_in_panel, refuse_absence
from proteomr.io.genetics.genotypes import GenotypePanel, LdSource
from proteomr.io.genetics.ld_matrices import LdMatrix

__all__ = [
    "AlignedCorrelations",
    "OrientedVariants",
    "correlate_variants",
    "describe_losses",
    "explain_absence",
    "orient_variants",
    "refuse_unclear",
    "refuse_unsigned",
]

OTHER_ALLELES: Final = "alleles_differ_from_panel"
SAME_AS_ANOTHER: Final = "same_variant_of_panel"
CONSTANT: Final = "constant_in_panel"

# Frequencies nearer to a half than this do not tell the strand, as in harmonisation.
_AMBIGUOUS: Final = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class AlignedCorrelations:
    """Correlations of variants by the copies of their effect alleles.

    Parameters
    ----------
    places : positions (k,) of the variants that are correlated, among those asked for, ascending.
    r : (k, k) correlations, 1 on the diagonal.
    reasons : of every variant asked for, null where it is in ``places``: a reason of
        `proteomr.gwas.panel.locate_in_panel`, ``alleles_differ_from_panel``,
        ``same_variant_of_panel`` (another variant was found as the same one) or
        ``constant_in_panel``.
    n : people of whom the correlations are; None where the panel does not tell.
    frequencies : (k,) of the effect alleles in the panel; NaN where it does not tell.
    notes : what a user should know.
    """

    places: I64
    r: F64
    reasons: pl.Series
    n: int | None
    frequencies: F64
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class OrientedVariants:
    """Variants found in a panel, with the sign of their effect alleles there.

    Parameters
    ----------
    panel : where they were found.
    names : (k,) of the variants found.
    places : positions (k,) of these among those asked for, ascending.
    rows, signs : (k,) rows of the panel, and 1 where its allele 1 is the effect allele, else -1.
    reasons, n, frequencies, notes : see `AlignedCorrelations`.
    """

    panel: LdSource
    names: pl.Series
    places: I64
    rows: I64
    signs: F64
    reasons: pl.Series
    n: int | None
    frequencies: F64
    notes: tuple[str, ...]

    def correlate(self, variant: int, others: I64) -> F64:
        """Return the correlations of one variant with others.

        Parameters
        ----------
        variant, others : positions among the variants found.

        Raises
        ------
        InputError
            A pair has no correlation, as nobody has both genotypes.
        """
        r = self.panel.correlate(int(self.rows[variant]), self.rows[others])
        signed: F64 = r * self.signs[variant] * self.signs[others]
        gaps = np.flatnonzero(~np.isfinite(signed))
        if gaps.size:
            _refuse_gap(self.names[variant], self.names[int(others[gaps[0]])])
        return signed


def correlate_variants(variants: pl.DataFrame, panel: LdSource) -> AlignedCorrelations:
    """Return how the effect alleles of variants are correlated in a panel.

    A correlation changes its sign with each of its two variants whose effect allele is the panel's
    allele 2, on either strand. The strand of a palindromic variant is read from the frequencies of
    both where neither is within 0.08 of a half, else the letters are taken as they stand. Where a
    matrix names no alleles, or the variants have none, the correlations are taken as of the effect
    alleles, which is noted.

    Parameters
    ----------
    variants : ``variant_id``; where known ``rsid``, ``chromosome``, ``position_bp``,
        ``effect_allele``, ``other_allele``, ``eaf``.
    panel : as `proteomr.gwas.panel.open_panel` gives it; genotypes by ``measure="genotype"``,
        since effects of copies in one person are correlated by these.

    Raises
    ------
    ColumnError
        There is no column of names.
    InputError
        No variant is in the panel, or its correlations have no signs.

    Examples
    --------
    >>> from proteomr.io.genetics.ld_matrices import LdMatrix
    >>> panel = LdMatrix(
    ...     pl.DataFrame({"variant_id": ["rs1_A_G", "rs2_C_T"]}), np.array([[1.0, 0.6], [0.6, 1.0]])
    ... )
    >>> variants = pl.DataFrame(
    ...     {
    ...         "variant_id": ["1:5:A:G", "x", "y"],
    ...         "rsid": ["rs1", "rs2", "rs3"],
    ...         "effect_allele": ["A", "T", "A"],
    ...         "other_allele": ["G", "C", "C"],
    ...     }
    ... )
    >>> aligned = correlate_variants(variants, panel)
    >>> aligned.places.tolist(), aligned.r.tolist(), aligned.reasons[2]
    ([0, 1], [[1.0, -0.6], [-0.6, 1.0]], 'absent_from_panel')
    """
    found = orient_variants(variants, panel)
    r = panel.matrix(found.rows) * found.signs[:, None] * found.signs
    _refuse_gaps(r, variants["variant_id"].gather(found.places))
    return AlignedCorrelations(
        found.places, r, found.reasons, found.n, found.frequencies, found.notes
    )


def orient_variants(variants: pl.DataFrame, panel: LdSource) -> OrientedVariants:
    """Return where variants stand in a panel and by which sign, for correlations one by one.

    As `correlate_variants`, which computes all pairs; for so many variants that only some are
    needed.

    Parameters
    ----------
    variants, panel : see `correlate_variants`.

    Raises
    ------
    ColumnError, InputError
        As for `correlate_variants`.

    Examples
    --------
    >>> from proteomr.io.genetics.ld_matrices import LdMatrix
    >>> panel = LdMatrix(
    ...     pl.DataFrame({"variant_id": ["rs1_A_G", "rs2_C_T"]}), np.array([[1.0, 0.6], [0.6, 1.0]])
    ... )
    >>> variants = pl.DataFrame(
    ...     {"variant_id": ["rs1_A_G", "rs2_C_T"], "effect_allele": ["A", "T"],
    ...      "other_allele": ["G", "C"]}
    ... )
    >>> orient_variants(variants, panel).correlate(0, np.array([1])).tolist()
    [-0.6]
    """
    if "variant_id" not in variants.columns:
        hint = nearest("variant_id", variants.columns)
        raise ColumnError(f"variants: no column 'variant_id'{hint}")
    refuse_unsigned(panel)
    located = locate_in_panel(variants, panel.variants)
    refuse_absence(located)
    oriented = _orient(variants, located, panel)
    if isinstance(panel, LdMatrix) and oriented["reason"].null_count():
        panel.refuse_unclear()
    usable = oriented.filter(pl.col("reason").is_null())
    places: I64 = usable["_i"].to_numpy().astype(np.int64)
    rows: I64 = usable["panel_row"].to_numpy().astype(np.int64)
    signs: F64 = usable["sign"].to_numpy().astype(np.float64)
    shares: F64 = usable["share"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    reasons = oriented["reason"]
    n = None
    if isinstance(panel, GenotypePanel):
        n = panel.n
        varies = (shares > 0) & (shares < 1)
        reasons = reasons.scatter(places[~varies].tolist(), CONSTANT)
        places, rows = places[varies], rows[varies]
        signs, shares = signs[varies], shares[varies]
    notes = (*describe_panel(located, panel), *_describe_alleles(oriented))
    names = variants["variant_id"].gather(places)
    return OrientedVariants(panel, names, places, rows, signs, reasons, n, shares, notes)


def refuse_unclear(variants: pl.DataFrame, panel: LdSource) -> None:
    """Refuse a matrix of what may be squares, unless what is wrong with it is something else.

    Raises
    ------
    InputError
        The matrix is unclear; or, if it is, it has none of the variants, or none with its alleles.

    Parameters
    ----------
    variants, panel : see `correlate_variants`.

    Examples
    --------
    >>> from proteomr.io.genetics.ld_matrices import LdMatrix
    >>> variants = pl.DataFrame({"variant_id": ["rs1"]})
    >>> refuse_unclear(variants, LdMatrix(variants, np.ones((1, 1))))
    """
    if not isinstance(panel, LdMatrix) or not panel.unclear:
        return
    located = locate_in_panel(variants, panel.variants)
    refuse_absence(located)
    reasons = _orient(variants, located, panel)["reason"]
    if not reasons.null_count():
        raise InputError(f"none of the {variants.height} variants {explain_absence(reasons)}")
    panel.refuse_unclear()


def explain_absence(reasons: pl.Series) -> str:
    """Return why variants have no correlations, as the end of a sentence.

    Parameters
    ----------
    reasons : of `AlignedCorrelations`.

    Examples
    --------
    >>> explain_absence(pl.Series(["absent_from_panel", "absent_from_panel"]))
    'has correlations: 2 absent_from_panel'
    """
    counts = reasons.drop_nulls().value_counts(name="n").sort("n", reasons.name, descending=True)
    return "has correlations: " + ", ".join(f"{n:,} {reason}" for reason, n in counts.rows())


def describe_losses(reasons: pl.Series) -> tuple[str, ...]:
    """Return how many variants have no correlations and why; nothing where all have.

    Parameters
    ----------
    reasons : of `AlignedCorrelations`.

    Examples
    --------
    >>> describe_losses(pl.Series(["alleles_differ_from_panel", None]))
    ('1 of 2 variants have no correlations: 1 alleles_differ_from_panel',)
    """
    lost = reasons.len() - reasons.null_count()
    why = explain_absence(reasons).removeprefix("has correlations: ")
    said = f"{lost:,} of {reasons.len():,} variants have no correlations: {why}"
    return (said,) if lost else ()


def refuse_unsigned(panel: LdSource) -> None:
    """Refuse correlations of which only the squares are known.

    Raises
    ------
    InputError
        The signs are not known.

    Examples
    --------
    >>> from proteomr.io.genetics.ld_matrices import LdMatrix
    >>> refuse_unsigned(LdMatrix(pl.DataFrame({"variant_id": ["rs1"]}), np.ones((1, 1))))
    """
    if not panel.signed:
        raise InputError(
            "the matrix of --ld holds r2, without the signs of the correlations, which are needed "
            "here: give r (plink --r square), or genotypes"
        )


def _orient(variants: pl.DataFrame, located: pl.DataFrame, panel: LdSource) -> pl.DataFrame:
    """Return for each variant its row of the panel, the sign of its alleles, and why it leaves."""
    named = ("effect_allele", "other_allele")
    own = [
        clean_allele(pl.col(name)) if name in variants.columns else pl.lit(None, pl.String)
        for name in named
    ]
    eaf = pl.col("eaf") if "eaf" in variants.columns else pl.lit(None)
    asked = variants.select(
        own[0].alias("E"), own[1].alias("O"), eaf.cast(pl.Float64, strict=False).alias("eaf")
    )
    rows = located["panel_row"]
    there = panel.variants.select(
        clean_allele(pl.col("allele_1")).alias("A"), clean_allele(pl.col("allele_2")).alias("B")
    )[rows.fill_null(0)]
    share = _read_frequencies(panel, rows)
    both = pl.concat([asked, there, located], how="horizontal").with_columns(share)
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in "EOAB")
    flipped = [flip_strand(pl.col(name)) for name in "EO"]
    same = (pl.col("E") == pl.col("A")) & (pl.col("O") == pl.col("B"))
    turned = (pl.col("E") == pl.col("B")) & (pl.col("O") == pl.col("A"))
    same |= (flipped[0] == pl.col("A")) & (flipped[1] == pl.col("B")) & ~turned
    turned |= (flipped[0] == pl.col("B")) & (flipped[1] == pl.col("A")) & ~same
    palindromic = is_palindromic(pl.col("A"), pl.col("B"))
    apart = ((pl.col("eaf") - 0.5).abs() > _AMBIGUOUS) & (
        (pl.col("share") - 0.5).abs() > _AMBIGUOUS
    )
    agree = (pl.col("eaf") > 0.5) == (pl.col("share") > 0.5)
    by_letters = pl.when(same).then(1).when(turned).then(-1)
    sign = (
        pl.when(~known)
        .then(1)
        .when(palindromic & apart.fill_null(value=False) & (same | turned))
        .then(pl.when(agree).then(1).otherwise(-1))
        .otherwise(by_letters)
    )
    judged = both.with_columns(
        sign.alias("sign"),
        known.alias("known"),
        (palindromic & ~apart.fill_null(value=False) & known).alias("palindromic"),
    ).with_row_index("_i")
    fitting = pl.when(pl.col("sign").is_not_null()).then("panel_row")
    again = fitting.is_not_null() & ~fitting.is_first_distinct()
    return judged.with_columns(
        pl.when(pl.col("sign") < 0).then(1.0 - pl.col("share")).otherwise("share").alias("share"),
        pl.coalesce(
            "panel_reason",
            pl.when(pl.col("sign").is_null()).then(pl.lit(OTHER_ALLELES)),
            pl.when(again).then(pl.lit(SAME_AS_ANOTHER)),
        ).alias("reason"),
    )


def _read_frequencies(panel: LdSource, rows: pl.Series) -> pl.Series:
    """Return the frequencies of allele 1 in a panel of genotypes; null elsewhere."""
    if not isinstance(panel, GenotypePanel):
        return pl.Series("share", [None] * rows.len(), dtype=pl.Float64)
    found = rows.is_not_null()
    shares = np.full(rows.len(), np.nan)
    shares[found.to_numpy()] = panel.frequencies(rows.drop_nulls().to_numpy().astype(np.int64))
    return pl.Series("share", shares).fill_nan(None)


def _refuse_gaps(r: F64, names: pl.Series) -> None:
    """Refuse pairs of varying variants that have no correlation: nobody has both genotypes."""
    gaps = np.argwhere(~np.isfinite(r))
    if gaps.size:
        _refuse_gap(*(names[int(place)] for place in gaps[0]))


def _refuse_gap(first: str, second: str) -> NoReturn:
    raise InputError(
        f"variants {first!r} and {second!r} have no correlation in the panel: nobody has both "
        "genotypes; leave one of them out"
    )


def _describe_alleles(oriented: pl.DataFrame) -> tuple[str, ...]:
    """Return notes on alleles that could not be compared."""
    found = oriented.filter(pl.col("panel_reason").is_null())
    unknown = found.filter(~pl.col("known")).height
    by_letters = found.filter(pl.col("palindromic") & pl.col("reason").is_null()).height
    notes = []
    if unknown:
        notes.append(
            f"LD: the alleles of {unknown:,} of {found.height:,} variants are not known on both "
            "sides; their correlations are taken as of the effect alleles (a matrix tells them by "
            "names such as rs12_T_C)"
        )
    if by_letters:
        notes.append(
            f"LD: {by_letters:,} palindromic variants are taken on the strand of the panel, as "
            "frequencies do not tell it"
        )
    return tuple(notes)
