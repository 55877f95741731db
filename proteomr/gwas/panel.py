"""Panels of linkage disequilibrium: opened by any of their files, and variants found in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.border import reads
from proteomr.errors import InputError, UsageError
from proteomr.gwas.alleles import clean_allele, flip_strand
from proteomr.gwas.match import (
    Key,
    add_keys,
    contradict_positions,
    is_number_or_place,
    read_places,
)
from proteomr.gwas.shared_places import shows_one_build
from proteomr.io.genetics.genotypes import LdSource, open_genotypes, read_pgen
from proteomr.io.genetics.ld_matrices import LdMatrix, LdValues, read_ld_matrix
from proteomr.runs import Data, Source
from proteomr.runs.notes import add_note
from proteomr.stats.linkage import LdMeasure
from proteomr.tables.texts import fill_text

__all__ = [
    "describe_panel",
    "locate_in_panel",
    "name_panel",
    "narrow_rows",
    "open_panel",
    "refuse_absence",
]

ABSENT: Final = "absent_from_panel"
REPEATED: Final = "repeated_in_panel"
ELSEWHERE: Final = "position_differs"

_PGEN: Final = {".pgen", ".pvar", ".psam"}
_GENOTYPES: Final = {".bed", ".bim", ".fam", *_PGEN}
# Up to this size names are brought to one spelling for all rows, which takes a microsecond each.
_SMALL: Final = 200_000
# On another build half a per cent of places meet a variant with their alleles by chance.
_ENOUGH: Final = 0.5


def name_panel(data: Data) -> Source:
    """Return a panel as the input of a job: a matrix, or all files of a set of genotypes.

    Parameters
    ----------
    data : a path as `open_panel` takes it; or a matrix of correlations as a frame, with a column
        for each variant, named after it.

    Examples
    --------
    >>> name_panel("panel").name
    'panel'
    """
    if not isinstance(data, str | Path):
        return Source.of(data, name="panel")
    path = Path(data)
    if path.suffix not in _GENOTYPES:
        return Source.of_prefix(path, sorted(_GENOTYPES))
    stem = path.with_name(path.stem)
    parts = [stem.with_name(stem.name + ending) for ending in sorted(_GENOTYPES)]
    return Source(str(path), tuple(part for part in parts if part.is_file()) or (path,))


@reads
def open_panel(
    path: str | Path, *, measure: LdMeasure | None = None, values: LdValues = "auto"
) -> LdSource:
    r"""Return a panel from genotypes or from a matrix of correlations.

    Parameters
    ----------
    path : any of the files of PLINK 1 (bed, bim, fam) or PLINK 2 (pgen, pvar, psam) or their common
        prefix; or a square matrix of r as text (also gz), npz or parquet.
    measure : how genotypes are correlated, see `GenotypePanel`; None for
        haplotypes, and for matrices.
    values : what the numbers of a matrix are, see
        `proteomr.io.genetics.ld_matrices.read_ld_matrix`.

    Raises
    ------
    UsageError
        A measure is named for a matrix, or values for genotypes.
    InputError
        There are no such files.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder) / "pair.csv"
    ...     size = place.write_text("rs1,rs2\n1,0.2\n0.2,1\n")
    ...     open_panel(place).variants["variant_id"].to_list()
    ['rs1', 'rs2']
    """
    path = Path(path)
    if path.is_file() and path.suffix not in _GENOTYPES:
        if measure is not None:
            raise UsageError("--measure is for genotypes; a matrix holds what it holds")
        matrix = read_ld_matrix(path, values=values)
        if not matrix.unclear and (text := matrix.contradict()):
            add_note(f"{path}: {text}; an analysis that needs the whole says so")
        return replace(matrix, variants=_place(matrix.variants))
    if values != "auto":
        raise UsageError("--ld-values is for matrices; genotypes are correlated here")
    reader = read_pgen if path.suffix in _PGEN else open_genotypes
    return reader(path, measure=measure or "haplotype")


def locate_in_panel(variants: pl.DataFrame, panel: pl.DataFrame) -> pl.DataFrame:
    """Return where each variant stands in a panel, or why nowhere.

    A variant is looked for by its name, then by its rsid, and by its position with both alleles
    where the panel is on the same build: as the variants found by name show, or, where none is, as
    at least half of the variants lying at their positions shows. Of several rows of the panel the
    one with the variant's alleles is taken, on either strand.

    Parameters
    ----------
    variants : ``variant_id``; where known ``rsid``, ``chromosome``, ``position_bp``,
        ``effect_allele``, ``other_allele``.
    panel : ``variant_id``, ``chromosome``, ``position_bp``, ``allele_1``, ``allele_2``.

    Returns
    -------
    places : a row for each variant: ``panel_row``; ``panel_key`` by which it was found; and
        ``panel_reason`` where it was not: ``absent_from_panel``, ``repeated_in_panel``,
        ``position_differs``.

    Examples
    --------
    >>> variants = pl.DataFrame({"variant_id": ["1:5:A:G", "x"], "rsid": ["rs5", None]})
    >>> panel = pl.DataFrame({"variant_id": ["rs4", "rs5"]})
    >>> locate_in_panel(variants, panel).rows()
    [(1, 'rsid', None), (None, None, 'absent_from_panel')]
    """
    wanted = _with_alleles(add_keys(variants), ("effect_allele", "other_allele"))
    wanted = wanted.with_row_index("_i")
    rows = narrow_rows(panel.with_row_index("_row"), wanted)
    there = _with_alleles(_spell_alleles(add_keys(rows, what="panel")), ("allele_1", "allele_2"))
    placed = pl.col("_position") > 0  # a panel writes chromosome 0, position 0 where unknown
    word = pl.col("_name_shared") & ~is_number_or_place(pl.col("_name"))
    shared = there.filter(word)["_name"].unique()
    there = there.with_columns(
        pl.when(~word).then("_name").alias("_name"),
        *(
            pl.when(placed).then(pl.col(name)).alias(name)
            for name in ("_position", "_chromosome", "_place")
        ),
    )
    pairs = _pair(wanted, there, "name")
    further_keys: tuple[Key, ...] = ("rsid", "position")
    for key in further_keys:
        unplaced = wanted.join(pairs.select("_i").unique(), on="_i", how="anti")
        further = _pair(unplaced, there, key)
        if key == "position" and not _shows_build(pairs, further, unplaced):
            continue
        pairs = pl.concat([pairs, further])
    return _choose(pairs, wanted["_name"].is_in(shared.implode()))


def describe_panel(places: pl.DataFrame, ld: LdSource | None = None) -> tuple[str, ...]:
    """Return notes on variants that were found otherwise than by their names.

    A matrix of few variants in which nothing is negative gets a note, too: its numbers may be
    squares.

    Examples
    --------
    >>> describe_panel(pl.DataFrame({"panel_key": ["rsid", "rsid", "name", None]}))
    ('2 of 4 variants are in the panel by rsid',)
    """
    keys: tuple[Key, ...] = ("rsid", "position")
    counts = {key: int((places["panel_key"] == key).sum()) for key in keys}
    doubtful = isinstance(ld, LdMatrix) and ld.doubtful
    doubt = "no correlation of the matrix is negative; if they are squares, give --ld-values r2"
    return (
        *(
            f"{n:,} of {places.height:,} variants are in the panel by {key}"
            for key, n in counts.items()
            if n
        ),
        *[doubt] * doubtful,
    )


def refuse_absence(places: pl.DataFrame, ld: LdSource | None = None) -> None:
    """Refuse variants of which a panel has none, then a matrix of unclear numbers.

    Raises
    ------
    InputError
        No variant stands in the panel; or the panel is a matrix of what may be squares.

    Examples
    --------
    >>> refuse_absence(pl.DataFrame({"panel_reason": [None, "absent_from_panel"]}))
    """
    if places.height and bool((places["panel_reason"] == ABSENT).fill_null(value=False).all()):
        raise InputError(
            f"none of the {places.height} variants is in the panel; are both named by the same "
            "kind of identifier?"
        )
    if isinstance(ld, LdMatrix):
        ld.refuse_unclear()


def _place(variants: pl.DataFrame) -> pl.DataFrame:
    """Return the variants of a matrix with the places that their names tell."""
    places = read_places(variants["variant_id"])
    names = ("chromosome", "position_bp")
    return variants.with_columns(pl.coalesce(pl.col(n), places[n]).alias(n) for n in names)


def _spell_alleles(there: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a panel with the alleles that their names tell, if in no certain order."""
    places = read_places(there["variant_id"])
    known = [name for name in ("allele_1", "allele_2") if name in there.columns]
    return there.with_columns(
        pl.coalesce(pl.col(name), places[name]) if name in known else places[name]
        for name in ("allele_1", "allele_2")
    )


def _with_alleles(frame: pl.DataFrame, names: tuple[str, str]) -> pl.DataFrame:
    """Add both alleles in one order and strand; null unless both are known."""
    absent = [pl.lit(None, pl.String).alias(name) for name in names if name not in frame.columns]
    whole = frame.with_columns(absent)
    first, second = (clean_allele(pl.col(name)) for name in names)
    flipped = [flip_strand(allele) for allele in (first, second)]
    return whole.with_columns(
        fill_text(
            "{}/{}", pl.min_horizontal(first, second), pl.max_horizontal(first, second)
        ).alias("_a"),
        fill_text("{}/{}", pl.min_horizontal(*flipped), pl.max_horizontal(*flipped)).alias("_b"),
        ((first.str.len_bytes() > 1) | (second.str.len_bytes() > 1) | first.is_in(["I", "D"]))
        .fill_null(value=False)
        .alias("_indel"),
        (first.is_not_null() & second.is_not_null()).alias("_known"),
    ).with_columns(pl.when("_known").then(pl.col(name)).alias(name) for name in ("_a", "_b"))


def narrow_rows(rows: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a large table that can be of any of the variants wanted.

    Parameters
    ----------
    rows : ``variant_id``; where known ``rsid``, ``position_bp``.
    wanted : with the columns of `proteomr.gwas.match.add_keys`.

    Examples
    --------
    >>> few = pl.DataFrame({"variant_id": ["rs1"]})
    >>> narrow_rows(few, add_keys(few)).height
    1
    """
    if rows.height <= _SMALL:
        return rows
    names = pl.concat([wanted["variant_id"], wanted["_rsid"]]).drop_nulls().unique()
    rsids = wanted["_rsid"].drop_nulls().unique()
    listed = pl.col("variant_id").is_in(names.implode())
    listed |= pl.col("variant_id").str.extract(r"^(rs[0-9]+)").is_in(rsids.implode())
    if "rsid" in rows.columns:
        listed |= pl.col("rsid").is_in(rsids.implode()).fill_null(value=False)
    listed = listed.fill_null(value=False)
    if "position_bp" in rows.columns:
        places = wanted["_position"].drop_nulls().unique()
        listed |= pl.col("position_bp").is_in(places.implode()).fill_null(value=False)
    return rows.filter(listed)


def _pair(wanted: pl.DataFrame, there: pl.DataFrame, key: Key) -> pl.DataFrame:
    """Return variants with rows of the panel that share a key with them."""
    column = {"name": "_name", "rsid": "_rsid", "position": "_place"}[key]
    names = ["_chromosome", "_position", "_a", "_indel"]
    asked = wanted.select("_i", column, "_b", "build", *names).drop_nulls(column)
    other = there.select("_row", column, *names).drop_nulls(column)
    both = asked.join(other, on=column, how="inner", maintain_order="left_right", suffix="_there")
    fits = (pl.col("_a") == pl.col("_a_there")) | (pl.col("_b") == pl.col("_a_there"))
    paired = both.select(
        "_i",
        "_row",
        pl.lit(key).alias("panel_key"),
        fits.alias("fits"),
        pl.col("_chromosome").alias("chromosome"),
        pl.col("_position").alias("position_bp"),
        pl.col("build"),
        pl.col("_chromosome_there").alias("chromosome_right"),
        pl.col("_position_there").alias("position_bp_right"),
        pl.lit(None, pl.String).alias("build_right"),
        (pl.col("_indel") | pl.col("_indel_there")).alias("indel"),
        _is_word(key).alias("word"),
    )
    return paired.filter(pl.col("fits")) if key == "position" else paired


def _is_word(key: Key) -> pl.Expr:
    """Tell which pairs share a word that is neither an rs number nor a place."""
    if key != "name":
        return pl.lit(value=False)
    return ~is_number_or_place(pl.col("_name")).fill_null(value=True)


def _shows_build(pairs: pl.DataFrame, further: pl.DataFrame, unplaced: pl.DataFrame) -> bool:
    """Tell whether positions may be compared: variants and panel are on one build."""
    shown = shows_one_build(pairs)
    if shown is not None:
        return shown
    n_placed = further["_i"].n_unique()
    return 0 < n_placed >= _ENOUGH * unplaced.height


def _choose(pairs: pl.DataFrame, shared: pl.Series) -> pl.DataFrame:
    """Return the row of the panel of each variant, or the reason against all."""
    variants = pl.DataFrame({"shared": shared.fill_null(value=False)}).with_row_index("_i")
    judged = pairs.with_columns(contradict_positions(pairs).alias("contradicts"))
    good = judged.filter(~pl.col("contradicts"))
    fits = pl.col("fits").fill_null(value=False)
    best = good.filter(fits | ~fits.any().over("_i"))
    counted = best.group_by("_i").agg(
        pl.col("_row").first(), pl.col("panel_key").first(), pl.col("_row").n_unique().alias("k")
    )
    apart = judged.group_by("_i").agg(pl.col("contradicts").all().alias("elsewhere"))
    reason = (
        pl.when((pl.col("k") > 1) | (pl.col("shared") & pl.col("_row").is_null()))
        .then(pl.lit(REPEATED))
        .when("elsewhere")
        .then(pl.lit(ELSEWHERE))
        .when(pl.col("_row").is_null())
        .then(pl.lit(ABSENT))
    )
    return (
        variants.join(counted, on="_i", how="left", maintain_order="left")
        .join(apart, on="_i", how="left", maintain_order="left")
        .with_columns(reason.alias("panel_reason"))
        .select(
            pl.when(pl.col("panel_reason").is_null())
            .then(pl.col("_row").cast(pl.Int64))
            .alias("panel_row"),
            pl.when(pl.col("panel_reason").is_null()).then("panel_key").alias("panel_key"),
            "panel_reason",
        )
    )
