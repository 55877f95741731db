"""Correlations of the variants of an atlas, where a panel has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.colocalisation.traits import Atlas, Trait
from proteomr.gwas.panel import locate_in_panel
from proteomr.io.genetics.genotypes import LdSource

__all__ = ["HitLink", "describe_variants"]


@dataclass(frozen=True, slots=True, eq=False)
class HitLink:
    """Squared correlations of pairs of variants.

    Attributes
    ----------
    panel : of genotypes or of correlations.
    rows : (n,) where each variant of the atlas stands in it, -1 for nowhere.
    """

    panel: LdSource
    rows: I64

    @classmethod
    def of(cls, atlas: Atlas, panel: LdSource) -> HitLink:
        """Look for the variants of an atlas in a panel."""
        places = locate_in_panel(atlas.variants, panel.variants)
        return cls(panel, places["panel_row"].fill_null(-1).to_numpy().astype(np.int64))

    def square(self, first: int, second: int) -> float | None:
        """Return r2 of two variants; None where the panel does not tell."""
        one, two = int(self.rows[first]), int(self.rows[second])
        if one < 0 or two < 0:
            return None
        r = float(self.panel.correlate(one, np.array([two]))[0])
        return r * r if np.isfinite(r) else None

    def squares(self, first: int, others: I64) -> F64:
        """Return r2 of a variant with others; NaN where the panel does not tell."""
        found = np.full(others.size, np.nan)
        one, rows = int(self.rows[first]), self.rows[others]
        there = rows >= 0
        if one >= 0 and there.any():
            found[there] = self.panel.correlate(one, rows[there]) ** 2
        return found


def describe_variants(atlas: Atlas, trait: Trait, rows: I64) -> pl.DataFrame:
    """Return variants of a trait as panels are asked for them, effects per the atlas's allele.

    Parameters
    ----------
    atlas : the list of variants.
    trait : whose frequencies are taken.
    rows : of the trait.
    """
    share = np.where(trait.sign[rows] > 0.0, trait.eaf[rows], 1.0 - trait.eaf[rows])
    variants = atlas.variants[trait.codes[rows]]
    return variants.with_columns(eaf=pl.Series(share).fill_nan(None))
