"""Numbers for the variants of many files, in order of place: one variant has one number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from proteomr.colocalisation.matching import VARIANT_COLUMNS, pair_variants
from proteomr.gwas.region_traits import sort_variants
from proteomr.gwas.row_shelf import RowShelf, ShelvedRows
from proteomr.gwas.trait_piles import AT_ONCE
from proteomr.tables import Drop

__all__ = ["SAME_VARIANT", "CodedVariants", "add_pair", "code_variants", "list_once"]

_TOLD: Final = ("rsid", "build")  # beside place and alleles
SAME_VARIANT: Final = ("variant_id", "rsid", "chromosome", "position_bp", "build", "_low", "_high")
"""Columns in which rows of one variant agree, those of `add_pair` among them."""

_AT_ONCE: Final = AT_ONCE


@dataclass(frozen=True, slots=True, eq=False)
class CodedVariants:
    """Every variant of some files once, and its number in each of them.

    Attributes
    ----------
    variants : `VARIANT_COLUMNS`; a row's place is its code.
    drops : rows of no variant that the first file has, by reason.
    """

    variants: pl.DataFrame
    drops: tuple[Drop, ...]
    _first: pl.DataFrame
    _others: Sequence[ShelvedRows]
    _alone: pl.DataFrame

    def tables(self) -> Iterator[pl.DataFrame]:
        """Yield the variants of each file with ``code``, and ``sign`` -1 for turned effects."""
        yield self._first
        codes = self._first["code"]
        for some in _in_batches(self._others):
            read = [rows.read().with_columns(_file=pl.lit(i)) for i, rows in enumerate(some)]
            every = pl.concat(read)
            shared = every.filter(pl.col("row").is_not_null())
            held = shared.with_columns(codes.gather(shared["row"]).alias("code"))
            lone = every.filter(pl.col("row").is_null()).join(
                self._alone, on=SAME_VARIANT, how="left", nulls_equal=True, maintain_order="left"
            )
            turned = (pl.col("effect_allele") != pl.col("_told")).fill_null(value=False)
            lone = lone.with_columns(pl.when(turned).then(-1).otherwise(1).alias("sign"))
            parts = pl.concat([held, lone.drop("_told")]).partition_by(
                "_file", include_key=False, as_dict=True
            )
            none = held.clear().drop("_file")
            yield from (parts.get((i,), none) for i in range(len(some)))


def code_variants(frames: Iterable[tuple[str, pl.DataFrame]], *, shelf: RowShelf) -> CodedVariants:
    """Return the variants of some files, each once, in order of place and name.

    The variants of each file are looked for among those of the first, see `pair_variants`, and
    go by its alleles. What is not there stands in the list by itself: once where several files tell
    it in the same words (name, rsid, place, build and alleles), by the alleles that sort first.
    So the order of the further files changes nothing.

    Parameters
    ----------
    frames : a path for messages and what `list_once` gives, of each file; the first file first.
    shelf : for the variants of files that are many.

    Raises
    ------
    InputError
        Two files are on two builds of the genome.
    StorageError
        The disk refused.
    """
    each = iter(frames)
    _, first = next(each)
    alone = _Collected(first.clear())
    others: list[ShelvedRows] = []
    drops: list[Drop] = []
    for path, frame in each:
        places = pair_variants(first, frame, path=path)
        counts = places["reason"].drop_nulls().value_counts(name="n").sort("reason").rows()
        drops += [Drop(f"match {path}", reason, n) for reason, n in counts]
        alone.add(frame.filter(places["row"].is_null()))
        others.append(shelf.put(pl.concat([frame, places.drop("reason")], how="horizontal")))
    told = [first.with_columns(_own=True), alone.finish().with_columns(_own=False)]
    every = sort_variants(pl.concat(told), after=_TOLD).with_row_index("code")
    every = every.with_columns(pl.col("code").cast(pl.Int64))
    of_first = every.filter("_own").drop("_own").with_columns(sign=1)
    return CodedVariants(
        every.select(VARIANT_COLUMNS),
        tuple(drops),
        of_first,
        others,
        every.filter(~pl.col("_own")).select(
            *SAME_VARIANT, "code", pl.col("effect_allele").alias("_told")
        ),
    )


def list_once(rows: pl.DataFrame) -> pl.DataFrame:
    """Return variants each once, in order of place and name, with `SAME_VARIANT`.

    Parameters
    ----------
    rows : `VARIANT_COLUMNS`.
    """
    return _once(add_pair(rows))


def add_pair(rows: pl.DataFrame) -> pl.DataFrame:
    """Add both alleles in one order: traits of one file may tell effects per either."""
    alleles = ("effect_allele", "other_allele")
    return rows.with_columns(
        pl.min_horizontal(alleles).alias("_low"), pl.max_horizontal(alleles).alias("_high")
    )


class _Collected:
    """Variants of many files, each once; memory holds twice those that are different, or little."""

    def __init__(self, none: pl.DataFrame) -> None:
        self._once = none
        self._more: list[pl.DataFrame] = []
        self._height = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take the variants of a further file."""
        self._more.append(rows)
        self._height += rows.height
        if self._height > max(_AT_ONCE, self._once.height):
            self.finish()

    def finish(self) -> pl.DataFrame:
        """Return all that are different."""
        self._once = _once(pl.concat([self._once, *self._more]))
        self._more, self._height = [], 0
        return self._once


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    return sort_variants(rows, after=_TOLD).unique(SAME_VARIANT, keep="first", maintain_order=True)


def _in_batches(shelved: Sequence[ShelvedRows]) -> Iterator[Sequence[ShelvedRows]]:
    """Yield tables, some of them at a time."""
    some: list[ShelvedRows] = []
    height = 0
    for rows in shelved:
        some.append(rows)
        height += rows.height
        if height >= _AT_ONCE:
            yield some
            some, height = [], 0
    if some:
        yield some
