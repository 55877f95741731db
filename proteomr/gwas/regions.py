"""Traits of a region: the rows that fine mapping and colocalisation take, of any known format."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.border import reads
from proteomr.errors import InputError, NothingSelected
from proteomr.gwas.alleles import flip_strand
from proteomr.gwas.munging import MungeOptions
from proteomr.gwas.region_columns import TraitForm, is_of_coloc, read_of_coloc
from proteomr.gwas.region_traits import (
    RegionTrait,
    RegionTraits,
    TraitChunk,
    TraitOutline,
    sort_variants,
)
from proteomr.gwas.repeats import mark_repeats
from proteomr.gwas.row_shelf import RowShelf
from proteomr.gwas.study import note_contradictions, pile_study
from proteomr.gwas.trait_piles import AT_ONCE, TraitPile
from proteomr.io.sumstats.archive import is_archive
from proteomr.io.sumstats.delimited import RawTable, open_delimited
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import open_scratch
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.tables import Drop
from proteomr.tables.sumstats import SUMSTATS
from proteomr.tables.texts import fill_text

__all__ = [
    "REGION_TRAIT_VERSION",
    "open_coloc_lists",
    "open_region_traits",
    "read_region_traits",
]

REGION_TRAIT_VERSION: Final = 2  # of how rows are read and judged: raised when a file gives others

_COLUMNS: Final = (*SUMSTATS, "maf")
_PLACE: Final = ("chromosome", "position_bp", "variant_id", "effect_allele", "other_allele")
_AT_ONCE: Final = AT_ONCE


@reads
def read_region_traits(
    path: Path, *, options: ReadOptions | None = None, step: str = "munge"
) -> tuple[RegionTrait, ...]:
    r"""Return the traits of a file, in the order of their names.

    Files of summary statistics are read as all commands read them
    (`proteomr.gwas.study.read_study`). Coloc's own columns (``snp``, ``position``, ``beta``,
    ``varbeta``, ``MAF``, ``pvalue``, ``N``; also ``chromosome``, ``effect_allele``,
    ``other_allele``) are read as lists of that package are: without alleles, and without a
    chromosome as one region. There effect over error is held against P where both are told, so
    that a standard error in the place of a variance is found and named.

    Rows leave, counted by reason, without a name, an effect or a finite error above 0; without P
    where it is all that there is, or with a P of 0, of which no size is known; and repeats.

    Parameters
    ----------
    path : one file.
    options : how it is read.
    step : name of the step under which drops are counted.

    Raises
    ------
    InputError, FormatError, NothingToDo
        As for `proteomr.gwas.munging.munge_files`; columns lack or contradict each other; no row
        is left.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     size = file.write("snp,position,beta,varbeta\ns2,9,0.1,0.01\ns1,5,0.4,0.04\n")
    ...     file.flush()
    ...     trait, = read_region_traits(Path(file.name))
    >>> trait.rows["variant_id"].to_list(), trait.z.tolist(), trait.has_alleles
    (['s1', 's2'], [2.0, 1.0], False)
    """
    with open_scratch() as folder:
        return tuple(open_region_traits(path, options=options, step=step, folder=folder))


@reads
def open_region_traits(
    path: Path,
    *,
    folder: Path,
    options: ReadOptions | None = None,
    step: str = "munge",
    shelf: RowShelf | None = None,
) -> RegionTraits:
    """Return the traits of a file, of which no more than some are in memory at a time.

    Parameters
    ----------
    path, options, step : see `read_region_traits`.
    folder : for the rows of files that are large; it outlives the traits.
    shelf : that several files share, as many small ones are a large one; None for one of its own.

    Raises
    ------
    InputError, FormatError, NothingToDo, StorageError
        As for `read_region_traits`.
    """
    asked = options or ReadOptions()
    table = open_coloc_lists(path, asked)
    form: TraitForm = "effects"
    drops: tuple[Drop, ...] = ()
    own = Path(tempfile.mkdtemp(prefix="traits-", dir=folder))
    if table is not None:
        rows, form, notes = read_of_coloc(table, asked)
        pile = TraitPile.of(rows)
    else:
        munging = MungeOptions(read=asked)
        pile, drops, notes = pile_study(path, folder=own, options=munging, step=step)
    if not pile.height:
        raise NothingSelected(f"{path}: no row is in the selection")
    held = shelf or RowShelf(own, name="judged", at_once=_AT_ONCE)
    found = _judge(pile, form, path=path, drops=drops, notes=notes, step=step, shelf=held)
    for part in pile.parts:
        part.path.unlink()
    return found


def open_coloc_lists(path: Path, options: ReadOptions) -> RawTable | None:
    """Return a file that has coloc's own columns; None for any other.

    Parameters
    ----------
    path : one file.
    options : how it is read; a format that is named is none of coloc's.
    """
    if is_archive(path) or options.format != "auto":
        return None
    table = open_delimited(path)
    return table if is_of_coloc(table.names) else None


def _judge(
    pile: TraitPile,
    form: TraitForm,
    *,
    path: Path,
    drops: tuple[Drop, ...],
    notes: tuple[str, ...],
    step: str,
    shelf: RowShelf,
) -> RegionTraits:
    """Let rows go that tell nothing, and part the others by trait."""
    gone: list[pl.DataFrame] = []
    chunks: list[TraitChunk] = []
    for some in pile.chunks(at_once=_AT_ONCE):
        told = some.with_columns(maf=pl.min_horizontal("eaf", 1.0 - pl.col("eaf")))
        ordered = sort_variants(told, before=["trait"])
        reasons = _find_reasons(ordered, form).alias("_reason")
        gone.append(ordered.select(*_PLACE, reasons).drop_nulls("_reason"))
        kept = _add_p(ordered.filter(reasons.is_null())).select(_COLUMNS)
        if kept.height:
            chunks.append(TraitChunk(_outline(kept), shelf.put(kept)))
    left = sort_variants(pl.concat(gone))
    counted = left["_reason"].value_counts(name="n").sort("n", "_reason", descending=[True, False])
    counts = [(str(reason), int(n)) for reason, n in counted.rows()]
    if not chunks:
        said = ", ".join(f"{n:,} {reason}" for reason, n in counts)
        raise InputError(f"{path}: none of its {pile.height:,} rows can be used: {said}")
    notes += note_contradictions(left["_reason"], left["variant_id"])
    drops += tuple(Drop(step, reason, n) for reason, n in counts)
    return RegionTraits(tuple(chunks), form, drops, notes)


def _outline(rows: pl.DataFrame) -> tuple[TraitOutline, ...]:
    """Return what is known of traits whose rows stand together."""
    placed = pl.col("chromosome").is_not_null()
    found = rows.group_by("trait", maintain_order=True).agg(
        height=pl.len(),
        unplaced=(~(placed & pl.col("position_bp").is_not_null())).sum(),
        has_chromosomes=placed.any(),
        n=pl.col("n").median(),
        n_case=pl.col("n_case").median(),
        case_share=(pl.col("n_case") / pl.col("n")).median(),
    )
    return tuple(TraitOutline(*row) for row in found.iter_rows())


def _find_reasons(rows: pl.DataFrame, form: TraitForm) -> pl.Series:
    """Return for each row why it leaves, null for those that stay."""
    se, beta, p = pl.col("se"), pl.col("beta"), pl.col("neg_log10_p")
    told = (
        pl.when(beta.is_null() | ~beta.is_finite())
        .then(pl.lit("effect_missing"))
        .when(se.is_null())
        .then(pl.lit("se_missing"))
        .when(~se.is_finite())
        .then(pl.lit("se_infinite"))
        .when(se <= 0)
        .then(pl.lit("se_not_positive"))
    )
    if form == "p_values":
        told = (
            pl.when(p.is_null())
            .then(pl.lit("p_missing"))
            .when(pl.col("eaf").is_null())
            .then(pl.lit("maf_missing"))
        )
    eaf = pl.col("eaf")
    reason = (
        pl.when(pl.col("variant_id").is_null())
        .then(pl.lit("unnamed"))
        .when(((eaf <= 0) | (eaf >= 1)).fill_null(value=False))
        .then(pl.lit("eaf_outside"))
        .otherwise(told)
    )
    first = rows.select(reason.alias("reason")).to_series()
    good = first.is_null()
    named = rows.filter(good)
    several = named.select(pl.struct("trait", "variant_id").is_duplicated()).to_series()
    if not several.any():
        return first
    keys = ["trait", "variant_id", "_alleles"]
    numbers = {"beta": "se"} if form == "effects" else {"neg_log10_p": "eaf"}
    repeats = mark_repeats(_orient(named.filter(several)), keys=keys, numbers=numbers)
    return first.scatter(good.arg_true().filter(several), repeats)


def _orient(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the alleles in one order and on one strand, and turn effects to the first of them."""
    effect, other = pl.col("effect_allele"), pl.col("other_allele")
    ways = [
        fill_text("{}/{}", one, two)
        for e, o in ((effect, other), (flip_strand(effect), flip_strand(other)))
        for one, two in ((e, o), (o, e))
    ]
    # Strands look alike on palindromic variants: there the letters tell the order.
    turned = pl.col("_alleles").is_in(pl.concat_list(ways[1::2])) & (ways[0] != pl.col("_alleles"))
    return rows.with_columns(pl.min_horizontal(ways).alias("_alleles")).with_columns(
        pl.when(turned.fill_null(value=False)).then(-pl.col("beta")).otherwise("beta").alias("beta")
    )


def _add_p(rows: pl.DataFrame) -> pl.DataFrame:
    """Fill P where effects tell it."""
    if not rows["neg_log10_p"].null_count():
        return rows
    z = (rows["beta"] / rows["se"]).to_numpy()
    return rows.with_columns(pl.col("neg_log10_p").fill_null(pl.Series(neg_log10_p_normal(z))))
