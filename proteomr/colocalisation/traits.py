"""Traits as arrays on one list of variants, the atlas of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.colocalisation.coded_traits import Trait, TraitShelf
from proteomr.colocalisation.matching import VARIANT_COLUMNS
from proteomr.colocalisation.variant_codes import (
    SAME_VARIANT,
    add_pair,
    code_variants,
    list_once,
)
from proteomr.gwas.region_traits import RegionTrait
from proteomr.gwas.row_shelf import RowShelf
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.tables import Drop

__all__ = ["SAME_DATA", "Atlas", "Named", "NamedFile", "Trait", "build_atlas", "is_same"]

SAME_DATA: Final = "effects and errors are the same: a study beside itself"
"""Why nothing can be said of two traits with the very same statistics."""

_NUMBERS: Final = ("beta", "se", "maf", "eaf", "n", "neg_log10_p")
_ROWS: Final = 100_000  # brought to codes at a time: some 50 MB


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A trait as it was read, its name in this analysis, and what is said of it.

    Attributes
    ----------
    name : that no other trait on its side has.
    read : its rows.
    facts : kind, people, spread and share of cases.
    """

    name: str
    read: RegionTrait
    facts: TraitFacts


@dataclass(frozen=True, slots=True, eq=False)
class NamedFile:
    """The traits of a file, which may be too many for memory.

    Attributes
    ----------
    path : the file, for messages.
    is_aside : whether their rows stand on disk.
    go_through : yields them in order of their names, rows that are not compared left out.
    """

    path: str
    is_aside: bool
    go_through: Callable[[], Iterator[Named]]


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """Every variant of an analysis once, in order of place, and the traits on it.

    Attributes
    ----------
    variants : `VARIANT_COLUMNS`, alleles as the first study that has the variant tells them.
    names : of the traits.
    traits : as `build_atlas` was given them; on a shelf where they are too many for memory.
    drops : rows that are of no variant that others could share, by reason.
    """

    variants: pl.DataFrame
    names: tuple[str, ...]
    traits: Sequence[Trait]
    drops: tuple[Drop, ...] = ()
    _starts: dict[str, tuple[int, F64]] = field(default_factory=dict[str, tuple[int, F64]])

    def __post_init__(self) -> None:
        placed = self.variants.select("chromosome", "position_bp").with_row_index("_i")
        for (name,), part in placed.drop_nulls().group_by("chromosome", maintain_order=True):
            self._starts[str(name)] = (int(part["_i"][0]), part["position_bp"].to_numpy())

    def codes_within(self, chromosome: str, start_bp: int, end_bp: int) -> tuple[int, int]:
        """Return the first code of a region, and the one behind its last."""
        head, places = self._starts.get(chromosome, (0, np.empty(0)))
        low = int(np.searchsorted(places, start_bp, side="left"))
        high = int(np.searchsorted(places, end_bp, side="right"))
        return head + low, head + high


def is_same(traits: Sequence[Trait], rows: Sequence[I64]) -> bool:
    """Tell whether several variants have the very same statistics in two studies.

    Parameters
    ----------
    traits : two.
    rows : (k,) of each, of the same variants.
    """
    one, two = (np.abs(trait.z[own]) for trait, own in zip(traits, rows, strict=True))
    return one.size > 1 and np.array_equal(one, two)


def build_atlas(files: Sequence[NamedFile], *, folder: Path) -> Atlas:
    """Return all variants of some traits in one list, each once, and the traits on it.

    See `proteomr.colocalisation.variant_codes.code_variants` for which variants are one.

    Parameters
    ----------
    files : their traits, the first file first.
    folder : for the numbers of traits that are too many for memory; it outlives the atlas.

    Raises
    ------
    InputError
        Two files are on two builds of the genome.
    StorageError
        The disk refused.
    """
    listed = ((file.path, _list_variants(file)) for file in files)
    coded = code_variants(listed, shelf=RowShelf(folder, name="variants"))
    aside = any(file.is_aside for file in files)
    shelf = TraitShelf(folder / "traits.bin") if aside else list[Trait]()
    names: list[str] = []
    for file, table in zip(files, coded.tables(), strict=True):
        for some in _take(file, table):
            shelf.extend(some)
            names += [trait.name for trait in some]
    return Atlas(coded.variants, tuple(names), shelf, coded.drops)


def _list_variants(file: NamedFile) -> pl.DataFrame:
    """Return the variants of a file's traits, each once."""
    rows: list[pl.DataFrame] = []
    for some in _in_chunks(file):
        more = pl.concat(trait.read.rows for trait in some).select(VARIANT_COLUMNS)
        rows = [pl.concat([*rows, more]).unique(maintain_order=True)]
    return list_once(rows[0])


def _in_chunks(file: NamedFile) -> Iterator[Sequence[Named]]:
    """Yield traits, some of them at a time: what is made of their rows is as wide as these."""
    some: list[Named] = []
    size = 0
    for trait in file.go_through():
        some.append(trait)
        size += trait.read.height
        if size >= _ROWS:
            yield some
            some, size = [], 0
    if some:
        yield some


def _take(file: NamedFile, variants: pl.DataFrame) -> Iterator[Sequence[Trait]]:
    """Yield the numbers of some of a file's traits, in order of their codes, each code once."""
    known = variants.select(*SAME_VARIANT, "code", "sign", pl.col("effect_allele").alias("_first"))
    for some in _in_chunks(file):
        yield _take_some(some, known)


def _take_some(named: Sequence[Named], known: pl.DataFrame) -> list[Trait]:
    every = pl.concat(trait.read.rows for trait in named)
    z = replace(named[0].read, rows=every).z
    heights = [trait.read.height for trait in named]
    rows = every.select(
        *VARIANT_COLUMNS,
        *_NUMBERS,
        z=pl.Series(z, dtype=pl.Float64),
        _trait=pl.Series(np.repeat(np.arange(len(named)), heights)),
    )
    turned = (pl.col("effect_allele") != pl.col("_first")).fill_null(value=False)
    keys = ["_trait", "code"]
    again = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in keys)
    coded = (
        add_pair(rows)
        .join(known, on=SAME_VARIANT, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.when(turned).then(-pl.col("sign")).otherwise("sign").alias("sign"))
        .sort(keys, maintain_order=True)
        .filter(~again)
    )
    bounds = np.searchsorted(coded["_trait"].to_numpy(), np.arange(len(named) + 1))
    codes = coded["code"].to_numpy().astype(np.int64)
    numbers = {
        name: np.asarray(coded[name].cast(pl.Float64).fill_null(np.nan).to_numpy())
        for name in ("sign", "z", *_NUMBERS)
    }
    numbers["n"] = np.where(numbers["n"] > 0, numbers["n"], np.nan)  # 0 is no number of people
    traits: list[Trait] = []
    for i, trait in enumerate(named):
        own = slice(int(bounds[i]), int(bounds[i + 1]))
        held = {name: values[own] for name, values in numbers.items()}
        if trait.facts.n is not None:
            held["n"] = np.full(codes[own].size, trait.facts.n)
        traits.append(Trait(trait.name, trait.facts, trait.read.form, codes[own], **held))
    return traits
