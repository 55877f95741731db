"""Traits of a region as rows in order of place, those of a file some whole ones at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.gwas.region_columns import TraitForm
from proteomr.gwas.row_shelf import ShelvedRows
from proteomr.stats.distributions import z_from_neg_log10
from proteomr.tables import Drop, load_schema
from proteomr.tables.sumstats import CHROMOSOMES

__all__ = [
    "RegionTrait",
    "RegionTraits",
    "TraitChunk",
    "TraitForm",
    "TraitOutline",
    "sort_variants",
]


@dataclass(frozen=True, slots=True, eq=False)
class RegionTrait:
    """Rows of one trait, each variant once, in order of place and name.

    Parameters
    ----------
    name : of the trait.
    rows : columns of the schema ``sumstats`` and ``maf``; alleles are null where the file has none,
        ``beta`` and ``se`` where it tells P alone.
    form : what the rows tell.
    drops : rows that left, by reason.
    notes : what a user should know, one sentence each.
    """

    name: str
    rows: pl.DataFrame
    form: TraitForm
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]

    @property
    def height(self) -> int:
        """Variants."""
        return self.rows.height

    @property
    def has_alleles(self) -> bool:
        """Whether every variant tells both of its alleles."""
        return self.rows["effect_allele"].null_count() + self.rows["other_allele"].null_count() == 0

    @property
    def is_placed(self) -> bool:
        """Whether every variant tells chromosome and position; else the rows are one region."""
        return self.rows["chromosome"].null_count() + self.rows["position_bp"].null_count() == 0

    @property
    def z(self) -> F64:
        """(p,) effect over error; of P its size, without a sign."""
        if self.form == "effects":
            return self._numbers("beta") / self._numbers("se")
        return z_from_neg_log10(self._numbers("neg_log10_p"))

    @property
    def se(self) -> F64:
        """(p,) standard errors of the effects; NaN where P alone is told."""
        return self._numbers("se")

    @property
    def maf(self) -> F64:
        """(p,) frequencies of the rarer allele; NaN where none is told."""
        return self._numbers("maf")

    @property
    def n(self) -> F64:
        """(p,) people; NaN where none are told."""
        return self._numbers("n")

    def take(self, rows: pl.Series | pl.Expr) -> RegionTrait:
        """Return the trait with some of its variants."""
        kept = self.rows.filter(rows)
        return RegionTrait(self.name, kept, self.form, self.drops, self.notes)

    def _numbers(self, name: str) -> F64:
        return np.asarray(self.rows[name].fill_null(np.nan).to_numpy(), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class TraitOutline:
    """What is known of a trait without its rows.

    Attributes
    ----------
    name : of the trait.
    height, unplaced : rows, and those of them that lack a place.
    has_chromosomes : whether any row tells one.
    n, n_case, case_share : medians of the rows that tell people, cases, and both; None where no
        row does.
    """

    name: str
    height: int
    unplaced: int
    has_chromosomes: bool
    n: float | None
    n_case: float | None
    case_share: float | None

    @property
    def has_one_kind(self) -> bool:
        """Whether cases are told, and all people are cases, or none."""
        if self.n is None or self.n_case is None:
            return False
        return self.n_case <= 0 or self.n_case >= self.n


@dataclass(frozen=True, slots=True, eq=False)
class TraitChunk:
    """Rows of some whole traits, and what is known of these without them.

    Attributes
    ----------
    outlines : in order of the traits' names.
    rows : those of a trait together, in the order of ``outlines``.
    """

    outlines: tuple[TraitOutline, ...]
    rows: ShelvedRows


@dataclass(frozen=True, slots=True, eq=False)
class RegionTraits:
    """The traits of a file in order of their names, read anew each time that they are gone through.

    Parameters
    ----------
    chunks : some traits each, in order of their names.
    form : what the rows tell.
    drops : rows that left, by reason.
    notes : what a user should know, one sentence each.
    """

    chunks: tuple[TraitChunk, ...]
    form: TraitForm
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]

    @classmethod
    def empty(cls, name: str) -> RegionTraits:
        """Return a trait without rows, for a file that has none where it is looked at."""
        outline = TraitOutline(
            name, height=0, unplaced=0, has_chromosomes=True, n=None, n_case=None, case_share=None
        )
        frame = load_schema("sumstats").empty().with_columns(maf=pl.lit(None, pl.Float64))
        rows = ShelvedRows(frame, 0, frame.schema)
        return cls((TraitChunk((outline,), rows),), "effects", (), ())

    @property
    def outlines(self) -> tuple[TraitOutline, ...]:
        """What is known of each trait without its rows."""
        return tuple(outline for chunk in self.chunks for outline in chunk.outlines)

    @property
    def is_aside(self) -> bool:
        """Whether rows stand on disk."""
        return any(chunk.rows.is_aside for chunk in self.chunks)

    def __iter__(self) -> Iterator[RegionTrait]:
        """Yield the traits one by one."""
        return self.choose(lambda rows: np.ones(rows.height, np.bool_))

    def choose(self, judge: Callable[[pl.DataFrame], Bool]) -> Iterator[RegionTrait]:
        """Yield the traits one by one, also those of which no row is left.

        Parameters
        ----------
        judge : tells which rows of several traits stay.
        """
        for chunk in self.chunks:
            rows = chunk.rows.read()
            ends = np.cumsum([outline.height for outline in chunk.outlines])
            stays = judge(rows)
            if not stays.all():
                ends = np.concatenate([[0], np.cumsum(stays)])[ends]
                rows = rows.filter(pl.Series(stays))
            start = 0
            for outline, end in zip(chunk.outlines, ends.tolist(), strict=True):
                part = rows.slice(start, end - start)
                yield RegionTrait(outline.name, part, self.form, self.drops, self.notes)
                start = end


def sort_variants(
    rows: pl.DataFrame, *, before: Sequence[str] = (), after: Sequence[str] = ()
) -> pl.DataFrame:
    """Return variants in order of place, name and alleles, whatever order they had.

    Parameters
    ----------
    rows : columns of the schema ``sumstats``.
    before, after : further columns to sort by, ahead of the place and behind the alleles.

    Examples
    --------
    >>> rows = pl.DataFrame({
    ...     "chromosome": ["10", "2"], "position_bp": [1, 9], "variant_id": ["b", "a"],
    ...     "effect_allele": "A", "other_allele": "C"})
    >>> sort_variants(rows)["variant_id"].to_list()
    ['a', 'b']
    """
    place = pl.col("chromosome").replace_strict(
        {name: i for i, name in enumerate(CHROMOSOMES)}, default=None, return_dtype=pl.Int64
    )
    names = ("position_bp", "variant_id", "effect_allele", "other_allele", *after)
    return rows.sort(*before, place, *names, nulls_last=True, maintain_order=True)
