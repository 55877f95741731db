"""Traits as arrays on one list of variants, the atlas of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.colocalisation.coded_traits import Trait, TraitShelf
from proteomr.colocalisation.matching import VARIANT_COLUMNS, pair_variants
from proteomr.gwas.regions import RegionTrait
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.tables import Drop
from proteomr.tables.sumstats import CHROMOSOMES

__all__ = ["SAME_DATA", "Atlas", "Named", "NamedFile", "Trait", "build_atlas", "is_same"]

SAME_DATA: Final = "effects and errors are the same: a study beside itself"
"""Why nothing can be said of two traits with the very same statistics."""

_NUMBERS: Final = ("beta", "se", "maf", "eaf", "n", "neg_log10_p")
_ROWS: Final = 100_000  # brought to codes at a time: some 50 MB
_SAME: Final = ("variant_id", "rsid", "chromosome", "position_bp", "build", "_low", "_high")


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

    The variants of each file are looked for among those of the first, see `pair_variants`; what is
    not there stands in the list by itself. Several files but the first may so have variants in
    common that count as two; each is compared with the first file alone.

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
    frames = [_list_variants(file) for file in files]
    coded, drops = _code_variants(frames, [file.path for file in files])
    aside = any(file.is_aside for file in files)
    shelf = TraitShelf(folder / "traits.bin") if aside else list[Trait]()
    names: list[str] = []
    for file, table in zip(files, coded, strict=True):
        for trait in _take(file, table):
            shelf.append(trait)
            names.append(trait.name)
    every = pl.concat(table.filter(pl.col("row").is_null()) for table in coded).sort("code")
    return Atlas(every.select(VARIANT_COLUMNS), tuple(names), shelf, drops)


def _code_variants(
    frames: Sequence[pl.DataFrame], paths: Sequence[str]
) -> tuple[list[pl.DataFrame], tuple[Drop, ...]]:
    """Return the variants of each file with their codes: that of the same in the first file.

    ``row`` is null for the variants that no file before has.
    """
    first = frames[0]
    tables = [first.with_columns(pl.lit(None, pl.Int64).alias("row"), pl.lit(1).alias("sign"))]
    drops: list[Drop] = []
    for frame, path in zip(frames[1:], paths[1:], strict=True):
        places = pair_variants(first, frame, path=path)
        counts = places["reason"].drop_nulls().value_counts(name="n").sort("reason").rows()
        drops += [Drop(f"match {path}", reason, n) for reason, n in counts]
        tables.append(pl.concat([frame, places.drop("reason")], how="horizontal"))
    every = pl.concat(
        [table.with_columns(pl.lit(i).alias("file")) for i, table in enumerate(tables)]
    )
    ordered = _sort(every.filter(pl.col("row").is_null())).with_row_index("code")
    first_codes = ordered.filter(file=0).sort("local")["code"]
    named = ordered.select("file", "local", pl.col("code").alias("own"))
    parts = named.partition_by("file", include_key=False, as_dict=True)
    none = named.clear().drop("file")
    coded = []
    for i, table in enumerate(tables):
        own = parts.get((i,), none)
        joined = table.join(own, on="local", how="left", maintain_order="left")
        shared = first_codes.gather(joined["row"].fill_null(0))
        code = pl.when(pl.col("row").is_null()).then("own").otherwise(shared)
        coded.append(joined.with_columns(code.cast(pl.Int64).alias("code")))
    return coded, tuple(drops)


def _list_variants(file: NamedFile) -> pl.DataFrame:
    """Return the variants of a file's traits, each once, with their number there."""
    rows: list[pl.DataFrame] = []
    for some in _in_chunks(file):
        more = [trait.read.rows.select(VARIANT_COLUMNS) for trait in some]
        rows = [pl.concat([*rows, *more]).unique(maintain_order=True)]
    every = _sort(_add_pair(rows[0]))
    return every.unique(_SAME, keep="first", maintain_order=True).with_row_index("local")


def _add_pair(rows: pl.DataFrame) -> pl.DataFrame:
    """Add both alleles in one order: traits of one file may tell effects per either."""
    alleles = ("effect_allele", "other_allele")
    return rows.with_columns(
        pl.min_horizontal(alleles).alias("_low"), pl.max_horizontal(alleles).alias("_high")
    )


def _sort(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in order of place and name, whatever order the files have."""
    place = pl.col("chromosome").replace_strict(
        {name: i for i, name in enumerate(CHROMOSOMES)}, default=None, return_dtype=pl.Int64
    )
    return rows.sort(
        place,
        "position_bp",
        "variant_id",
        "effect_allele",
        "other_allele",
        nulls_last=True,
        maintain_order=True,
    )


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


def _take(file: NamedFile, variants: pl.DataFrame) -> Iterator[Trait]:
    """Yield the numbers of a file's traits in order of their codes, each code once."""
    known = variants.select(*_SAME, "code", "sign", pl.col("effect_allele").alias("_first"))
    for some in _in_chunks(file):
        yield from _take_some(some, known)


def _take_some(named: Sequence[Named], known: pl.DataFrame) -> list[Trait]:
    rows = pl.concat(
        [
            trait.read.rows.select(
                *VARIANT_COLUMNS,
                *_NUMBERS,
                z=pl.Series(trait.read.z, dtype=pl.Float64),
                _trait=pl.lit(i),
            )
            for i, trait in enumerate(named)
        ]
    )
    turned = (pl.col("effect_allele") != pl.col("_first")).fill_null(value=False)
    keys = ["_trait", "code"]
    every = (
        _add_pair(rows)
        .join(known, on=_SAME, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.when(turned).then(-pl.col("sign")).otherwise("sign").alias("sign"))
        .sort(keys, maintain_order=True)
        .unique(keys, keep="first", maintain_order=True)
    )
    bounds = np.searchsorted(every["_trait"].to_numpy(), np.arange(len(named) + 1))
    codes = every["code"].to_numpy().astype(np.int64)
    numbers = {
        name: np.asarray(every[name].cast(pl.Float64).fill_null(np.nan).to_numpy())
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
