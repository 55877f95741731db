"""The correlations of the variants of analyses, from a panel or a matrix."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.gwas.correlations import (
    AlignedCorrelations,
    correlate_variants,
    refuse_unclear,
)
from proteomr.gwas.ld_agreement import judge_agreement
from proteomr.gwas.panel import locate_in_panel, refuse_absence
from proteomr.io.genetics.genotypes import LdSource
from proteomr.mr.caveats import CORRELATED
from proteomr.mr.outputs import LD_REASON
from proteomr.tables import Drop, Harmonised
from proteomr.tables import columns as c

__all__ = ["Linkage", "account_for_linkage", "describe_linkage", "select_named"]

_COLUMNS: Final = {
    "effect_allele": ("effect_allele_exposure", "effect_allele", "effect_allele_outcome"),
    "other_allele": ("other_allele_exposure", "other_allele", "other_allele_outcome"),
    "eaf": ("eaf_exposure", "eaf", "eaf_outcome"),
    "chromosome": ("chromosome", "chr", "chr_exposure", "chr_outcome"),
    "position_bp": ("position_bp", "pos", "pos_exposure", "pos_outcome"),
    "rsid": ("rsid", "rsID"),
}
"""Names that harmonised files have for what a panel is searched by, the first known one taken."""
_NUMBERS: Final = {"eaf": pl.Float64(), "position_bp": pl.Int64()}
_LINKED: Final = 0.01  # r2: above it the error of an estimate is off by per cents
_EMPTY: Final = pl.DataFrame(schema={"note": pl.Boolean, "text": pl.String, "n": pl.Int64})


@dataclass(frozen=True, slots=True, eq=False)
class Linkage:
    """A panel whose correlations serve the methods for correlated variants.

    Parameters
    ----------
    panel : genotypes with the correlations of copies in one person, or a matrix.
    ridge : share by which correlations between variants are shrunk to zero, which a caveat says.
    """

    panel: LdSource
    ridge: float = 0.0

    def attach(self, pairs: Sequence[Harmonised]) -> list[Harmonised]:
        """Return analyses with the correlations of their variants, signed by their effect alleles.

        Variants that are not in the panel have none, and why not in the column ``ld_reason``.

        Parameters
        ----------
        pairs : of one exposure each; those of the same variants are looked up once.
        """
        found: dict[Hashable, AlignedCorrelations | str] = {}
        return [self._attach(pair, found) for pair in pairs]

    def refuse_strangers(self, variants: pl.DataFrame) -> None:
        """Refuse a panel that has none of the variants of all analyses, or of unclear numbers.

        Raises
        ------
        InputError
            It has none; or its numbers may be squares.

        Parameters
        ----------
        variants : as `select_named` takes them.
        """
        wanted = select_named(variants)
        refuse_absence(locate_in_panel(wanted, self.panel.variants))
        refuse_unclear(wanted, self.panel)

    def _attach(
        self, pair: Harmonised, found: dict[Hashable, AlignedCorrelations | str]
    ) -> Harmonised:
        if not pair.m:
            return pair
        wanted = select_named(pair.variants)
        key = tuple(wanted.select("variant_id", "effect_allele", "other_allele").rows())
        if key not in found:
            found[key] = self._correlate(wanted)
        aligned = found[key]
        ld = np.full((pair.m, pair.m), np.nan)
        if isinstance(aligned, str):
            reasons = pl.Series(LD_REASON, [aligned] * pair.m, dtype=pl.String)
            return replace(pair, ld=ld, variants=pair.variants.with_columns(reasons))
        ld[np.ix_(aligned.places, aligned.places)] = self._shrink(aligned.r)
        caveats = dict.fromkeys([*pair.caveats, *_warn(aligned.r)])
        people = float("nan") if aligned.n is None else float(aligned.n)
        reasons = aligned.reasons.alias(LD_REASON).cast(pl.String)
        return replace(
            pair,
            ld=ld,
            ld_people=people,
            variants=pair.variants.with_columns(reasons),
            caveats=tuple(caveats),
            ld_doubt=_doubt(pair, aligned),
        )

    def _correlate(self, wanted: pl.DataFrame) -> AlignedCorrelations | str:
        """Return the correlations of variants, or why there are none."""
        refuse_unclear(wanted, self.panel)
        try:
            return correlate_variants(wanted, self.panel)
        except InputError as fault:  # of these variants; other pairs are not concerned
            reasons = locate_in_panel(wanted, self.panel.variants)["panel_reason"].drop_nulls()
            absent = reasons.len() == wanted.height
            return str(reasons.mode().sort()[0]) if absent else str(fault)

    def _shrink(self, r: F64) -> F64:
        shrunk = (1.0 - self.ridge) * r
        np.fill_diagonal(shrunk, 1.0)
        return np.asarray(shrunk)


def _doubt(pair: Harmonised, aligned: AlignedCorrelations) -> str:
    """Return what speaks against correlations: effects on the exposure that they do not allow."""
    z = (pair.x / pair.sx)[aligned.places]
    agreement = judge_agreement(z, aligned.r)
    return agreement.message if agreement.contradicts else ""


def _warn(r: F64) -> tuple[str, ...]:
    """Return what methods for independent variants are to be warned of."""
    return (CORRELATED,) if (np.triu(r, 1) ** 2 > _LINKED).any() else ()


def select_named(variants: pl.DataFrame) -> pl.DataFrame:
    """Return variants under the names that a panel is searched by, null where nothing is known.

    Parameters
    ----------
    variants : ``variant_id``; alleles, frequencies and places of the exposure before those of the
        outcome.

    Examples
    --------
    >>> select_named(pl.DataFrame({"variant_id": ["rs1"], "effect_allele_exposure": ["A"]})).row(0)
    ('rs1', 'A', None, None, None, None, None)
    """
    selected = [pl.col(c.VARIANT_ID).cast(pl.String)]
    for name, known in _COLUMNS.items():
        dtype = _NUMBERS.get(name, pl.String())
        there = [pl.col(one).cast(dtype, strict=False) for one in known if one in variants.columns]
        empty = pl.lit(None, dtype)
        selected.append((pl.coalesce(there) if there else empty).alias(name))
    return variants.select(selected)


def describe_linkage(pairs: Sequence[Harmonised], linkage: Linkage) -> pl.DataFrame:
    """Return what is to be said of the correlations of analyses, and how many have none.

    Parameters
    ----------
    pairs : as `Linkage.attach` gives them.
    linkage : that gave them.

    Returns
    -------
    account : ``note`` whether the row is a sentence, ``text`` the sentence or a reason, ``n`` how
        many variants of pairs have the reason.
    """
    rows = [
        pair.variants.filter(pl.col(LD_REASON).is_not_null()).select(LD_REASON)
        for pair in pairs
        if pair.m and LD_REASON in pair.variants.columns
    ]
    parts = [_EMPTY]
    if rows:
        counts = pl.concat(rows)[LD_REASON].value_counts(name="n")
        parts.append(
            counts.select(
                pl.lit(value=False).alias("note"),
                pl.col(LD_REASON).alias("text"),
                pl.col("n").cast(pl.Int64),
            )
        )
    notes = {note for pair in pairs if pair.m for note in _note(pair, linkage)}
    parts += [pl.DataFrame({"note": [True], "text": [note], "n": [1]}) for note in sorted(notes)]
    return pl.concat(parts)


def account_for_linkage(parts: Sequence[pl.DataFrame]) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
    """Return what all blocks left out for want of correlations, and the notes, each once.

    Parameters
    ----------
    parts : as `describe_linkage` gives them.

    Examples
    --------
    >>> account_for_linkage([])
    ((), ())
    """
    whole = pl.concat([_EMPTY, *parts])
    counts = whole.filter(~pl.col("note")).group_by("text").agg(pl.col("n").sum()).sort("text")
    notes = whole.filter("note")["text"].unique().sort().to_list()
    step = "correlations (methods that take them alone)"
    drops = tuple(Drop(step, reason, n) for reason, n in counts.rows())
    return drops, tuple(notes)


def _note(pair: Harmonised, linkage: Linkage) -> tuple[str, ...]:
    """Return what holds of the correlations of a pair: which alleles are known."""
    wanted = select_named(pair.variants)
    told = wanted.select(pl.all_horizontal(pl.col("effect_allele", "other_allele").is_not_null()))
    of_panel = linkage.panel.variants["allele_1"].is_not_null().any()
    notes = []
    if not (of_panel and told.to_series().any()):
        notes.append(
            "LD: alleles are not known on both sides; correlations are taken as of the effect "
            "alleles of the variants (a matrix tells them by names such as rs12_T_C)"
        )
    if linkage.ridge:
        notes.append(
            f"LD: correlations between variants are shrunk by {linkage.ridge:g} (--ld-ridge)"
        )
    return tuple(notes)
