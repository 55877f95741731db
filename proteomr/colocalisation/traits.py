"""Traits as arrays on one list of variants, the atlas of an analysis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.colocalisation.matching import VARIANT_COLUMNS, pair_variants
from proteomr.gwas.regions import RegionTrait, TraitForm
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.tables import Drop
from proteomr.tables.sumstats import CHROMOSOMES

__all__ = ["SAME_DATA", "Atlas", "Named", "Trait", "build_atlas", "is_same"]

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
    file : number of its file, from 0.
    path : that file, for messages.
    """

    name: str
    read: RegionTrait
    facts: TraitFacts
    file: int
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Trait:
    """Numbers of one trait, by the codes of its variants.

    Attributes
    ----------
    name : of the trait.
    facts : what is said of it.
    form : effects, or P alone.
    codes : (k,) rows of the atlas, ascending.
    sign : (k,) -1 where effects here are per the other allele than the atlas's.
    beta, se, z : (k,) per the study's own effect allele; NaN where P alone is told, but z, which
        then has no sign.
    maf, eaf, n, neg_log10_p : (k,), NaN where unknown.
    """

    name: str
    facts: TraitFacts
    form: TraitForm
    codes: I64
    sign: F64
    beta: F64
    se: F64
    z: F64
    maf: F64
    eaf: F64
    n: F64
    neg_log10_p: F64

    def rows_between(self, low: int, high: int) -> slice:
        """Return the rows whose codes are low or more and below high."""
        start, end = np.searchsorted(self.codes, [low, high])
        return slice(int(start), int(end))


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """Every variant of an analysis once, in order of place, and the traits on it.

    Attributes
    ----------
    variants : `VARIANT_COLUMNS`, alleles as the first study that has the variant tells them.
    traits : as `build_atlas` was given them.
    drops : rows that are of no variant that others could share, by reason.
    """

    variants: pl.DataFrame
    traits: tuple[Trait, ...]
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


def build_atlas(named: Sequence[Named]) -> Atlas:
    """Return all variants of some traits in one list, each once, and the traits on it.

    The variants of each file are looked for among those of the first, see `pair_variants`; what is
    not there stands in the list by itself. Several files but the first may so have variants in
    common that count as two; each is compared with the first file alone.

    Parameters
    ----------
    named : traits; those of the first file first.

    Raises
    ------
    InputError
        Two files are on two builds of the genome.
    """
    files = list(dict.fromkeys(trait.file for trait in named))
    frames = [_list_variants([t for t in named if t.file == file]) for file in files]
    paths = {trait.file: trait.path for trait in named}
    coded, drops = _code_variants(frames, [paths[file] for file in files])
    traits: dict[int, Trait] = {}
    for file, table in zip(files, coded, strict=True):
        places = [place for place, trait in enumerate(named) if trait.file == file]
        held = _take([named[place] for place in places], table)
        traits.update(zip(places, held, strict=True))
    every = pl.concat(table.filter(pl.col("row").is_null()) for table in coded).sort("code")
    return Atlas(
        every.select(VARIANT_COLUMNS), tuple(traits[place] for place in range(len(named))), drops
    )


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
    coded = []
    for i, table in enumerate(tables):
        own = ordered.filter(file=i).select("local", pl.col("code").alias("own"))
        joined = table.join(own, on="local", how="left", maintain_order="left")
        shared = first_codes.gather(joined["row"].fill_null(0))
        code = pl.when(pl.col("row").is_null()).then("own").otherwise(shared)
        coded.append(joined.with_columns(code.cast(pl.Int64).alias("code")))
    return coded, tuple(drops)


def _list_variants(named: Sequence[Named]) -> pl.DataFrame:
    """Return the variants of a file's traits, each once, with their number there."""
    rows = named[0].read.rows.select(VARIANT_COLUMNS).clear()
    for some in _in_chunks(named):
        more = [trait.read.rows.select(VARIANT_COLUMNS) for trait in some]
        rows = pl.concat([rows, *more]).unique(maintain_order=True)
    every = _sort(_add_pair(rows))
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


def _in_chunks(named: Sequence[Named]) -> Iterator[Sequence[Named]]:
    """Yield traits, some of them at a time: what is made of their rows is as wide as these."""
    low = size = 0
    for place, trait in enumerate(named):
        size += trait.read.height
        if size >= _ROWS or place == len(named) - 1:
            yield named[low : place + 1]
            low, size = place + 1, 0


def _take(named: Sequence[Named], variants: pl.DataFrame) -> list[Trait]:
    """Return the numbers of a file's traits in order of their codes, each code once."""
    known = variants.select(*_SAME, "code", "sign", pl.col("effect_allele").alias("_first"))
    return [trait for some in _in_chunks(named) for trait in _take_some(some, known)]


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
