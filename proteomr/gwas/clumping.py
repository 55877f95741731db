"""Clumps of correlated variants around the most significant one of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.errors import ColumnError, InputError, UsageError, nearest
from proteomr.gwas.panel import describe_panel, locate_in_panel, refuse_absence
from proteomr.io.genetics.genotypes import LdSource

__all__ = ["CLUMP_VERSION", "Clumping", "assign_clumps", "clump_traits"]

CLUMP_VERSION: Final = 2  # of how clumps are made: raised when the same variants give others

_INDEX: Final = "index"
_CLUMPED: Final = "clumped"
_ABOVE: Final = "p_above_threshold"
_NO_P: Final = "no_p_value"
_NO_PLACE: Final = "no_position"
_TOLD: Final = (
    "variant_id",
    "chromosome",
    "position_bp",
    "neg_log10_p",
    "index_variant",
    "r2",
    "reason",
)


@dataclass(frozen=True, slots=True)
class Clumping:
    """How variants are clumped.

    Parameters
    ----------
    p1 : largest p value of a variant that starts a clump.
    p2 : largest p value of a variant that is taken into one; at least p1.
    r2 : smallest squared correlation with the index variant that takes a variant into its clump.
    kb : largest distance from the index variant, in 1,000 bp.

    Raises
    ------
    UsageError
        A threshold is out of its range, or p2 is below p1.

    Examples
    --------
    >>> Clumping(p1=1e-5).kb
    10000.0
    """

    p1: float = 5e-8
    p2: float = 1.0
    r2: float = 0.001
    kb: float = 10_000.0

    def __post_init__(self) -> None:
        for name, value in (("p1", self.p1), ("p2", self.p2), ("r2", self.r2)):
            if not 0 < value <= 1:
                raise UsageError(f"{name} is {value:g}; it lies above 0 and is at most 1")
        if self.p2 < self.p1:
            raise UsageError(f"p2 is {self.p2:g}, below p1 of {self.p1:g}; raise p2")
        if not self.kb >= 0:
            raise UsageError(f"kb is {self.kb:g}; a distance in 1,000 bp is needed")


def assign_clumps(
    variants: pl.DataFrame, ld: LdSource, *, options: Clumping | None = None
) -> pl.DataFrame:
    """Return to which clump each variant belongs, and which variants are left to stand for them.

    From the most significant variant on, each that is in no clump yet and has p <= p1 starts one,
    and takes in the variants with p <= p2 on its chromosome that are at most kb away, have
    r2 >= the threshold with it and are in no clump: ``plink --clump`` of PLINK 1.9 (Purcell and
    others 2007, doi:10.1086/519795), whose r2 is that of `proteomr.stats.linkage.
    haplotype_correlation`. Equal p values are ordered by chromosome, position and name. On X, men
    are taken to have two copies, which PLINK does not; a p value that equals p2 is taken in.

    Parameters
    ----------
    variants : ``variant_id`` and ``neg_log10_p``; ``rsid``, ``chromosome``, ``position_bp``,
        ``effect_allele`` and ``other_allele`` serve to find them in the panel, see
        `proteomr.gwas.panel.locate_in_panel`; places are used where the panel has none.
    ld : a panel of genotypes, or a matrix of correlations.
    options : thresholds.

    Returns
    -------
    clumps : one row per variant, by significance: ``variant_id``, ``chromosome``,
        ``position_bp``, ``neg_log10_p``, ``index_variant``, ``r2`` with it, and ``reason``:
        ``index`` for those to keep, ``clumped``, ``p_above_threshold`` (in no clump),
        ``absent_from_panel``, ``repeated_in_panel``, ``position_differs`` (from the panel's),
        ``no_position``, ``no_p_value``. A variant that does not vary in the panel is correlated
        with none.

    Raises
    ------
    ColumnError
        A column is absent.
    InputError
        A variant stands more than once, or the panel has none of them.

    Examples
    --------
    >>> from proteomr.io.genetics.ld_matrices import LdMatrix
    >>> hits = pl.DataFrame(
    ...     {"variant_id": ["a", "b"], "neg_log10_p": [9.0, 12.0], "chromosome": ["1", "1"],
    ...      "position_bp": [100, 5000]}
    ... )
    >>> ld = LdMatrix(hits.select("variant_id"), np.array([[1.0, 0.3], [0.3, 1.0]]))
    >>> assign_clumps(hits, ld).select("variant_id", "index_variant", "reason").rows()
    [('b', 'b', 'index'), ('a', 'b', 'clumped')]
    """
    _check(variants)
    places = locate_in_panel(variants, ld.variants)
    refuse_absence(places, ld)
    judged = _clump(_locate(variants, places, ld.variants), ld, options or Clumping())
    return judged.select(_TOLD)


def clump_traits(
    rows: pl.DataFrame, ld: LdSource, *, options: Clumping | None = None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the clumps of each trait, and how variants were found in the panel.

    Parameters
    ----------
    rows : as `clump` takes them, of one or several traits in ``trait``; two rows of a trait are of
        one variant where name and alleles are the same.
    ld, options : see `clump`.

    Returns
    -------
    clumps : the columns of `assign_clumps`, and ``trait`` and ``row``, the position among the rows
        given.
    notes : one sentence for each way but the name by which variants were found.

    Raises
    ------
    ColumnError, InputError
        As for `assign_clumps`.

    Examples
    --------
    >>> from proteomr.io.genetics.ld_matrices import LdMatrix
    >>> rows = pl.DataFrame(
    ...     {"variant_id": ["a", "a"], "neg_log10_p": [9.0, 12.0], "chromosome": ["1", "1"],
    ...      "position_bp": [100, 100], "trait": ["X", "Y"]}
    ... )
    >>> ld = LdMatrix(pl.DataFrame({"variant_id": ["a"]}), np.eye(1))
    >>> clump_traits(rows, ld)[0].select("trait", "row", "reason").rows()
    [('X', 0, 'index'), ('Y', 1, 'index')]
    """
    _need(rows)
    places = locate_in_panel(rows, ld.variants)
    refuse_absence(places, ld)
    located = _locate(rows, places, ld.variants)
    parts = []
    for (trait,), part in located.group_by("trait", maintain_order=True):
        _refuse_repeats(part)
        judged = _clump(part, ld, options or Clumping())
        parts.append(judged.with_columns(trait=pl.lit(trait, pl.String)))
    return pl.concat(parts).select(*_TOLD, "trait", "row"), describe_panel(places, ld)


def _clump(located: pl.DataFrame, ld: LdSource, options: Clumping) -> pl.DataFrame:
    """Return the variants of a trait by significance, with their clumps."""
    rows = _order(located)
    usable = rows["reason"].is_null().to_numpy()
    reason = rows["reason"].to_list()
    index, r2 = _take_greedily(rows, ld, usable, options)
    for i in np.flatnonzero(usable):
        reason[i] = _ABOVE if index[i] < 0 else _INDEX if index[i] == i else _CLUMPED
    names = rows["variant_id"]
    return rows.with_columns(
        pl.Series("index_variant", [names[int(i)] if i >= 0 else None for i in index], pl.String),
        pl.Series("r2", r2).fill_nan(None),
        pl.Series("reason", reason, dtype=pl.String),
    )


def _locate(variants: pl.DataFrame, places: pl.DataFrame, panel: pl.DataFrame) -> pl.DataFrame:
    """Return the variants with their row in the panel or why they have none, and their places."""
    there = panel.with_row_index("panel_row").select(
        pl.col("panel_row").cast(pl.Int64),
        pl.col("chromosome").cast(pl.String).alias("_chromosome"),
        pl.col("position_bp").cast(pl.Int64).alias("_position"),
    )
    absent = {
        name: pl.lit(None, dtype)
        for name, dtype in (("chromosome", pl.String), ("position_bp", pl.Int64))
        if name not in variants.columns
    }
    placed = pl.concat([variants.with_columns(**absent), places], how="horizontal")
    joined = placed.with_row_index("row").join(
        there, on="panel_row", how="left", maintain_order="left"
    )
    located = joined.with_columns(
        pl.coalesce("_chromosome", pl.col("chromosome").cast(pl.String)).alias("chromosome"),
        pl.coalesce("_position", pl.col("position_bp").cast(pl.Int64)).alias("position_bp"),
        pl.col("neg_log10_p").cast(pl.Float64).fill_nan(None),
    )
    no_place = pl.col("chromosome").is_null() | pl.col("position_bp").is_null()
    return located.with_columns(
        pl.when(pl.col("neg_log10_p").is_null())
        .then(pl.lit(_NO_P))
        .when(pl.col("panel_reason").is_not_null())
        .then("panel_reason")
        .when(no_place)
        .then(pl.lit(_NO_PLACE))
        .alias("reason")
    )


def _order(located: pl.DataFrame) -> pl.DataFrame:
    return located.sort(
        ["neg_log10_p", "chromosome", "position_bp", "variant_id"],
        descending=[True, False, False, False],
        nulls_last=True,
        maintain_order=True,
    )


def _check(variants: pl.DataFrame) -> None:
    _need(variants)
    _refuse_repeats(variants)


def _need(variants: pl.DataFrame) -> None:
    for name in ("variant_id", "neg_log10_p"):
        if name not in variants.columns:
            hint = nearest(name, variants.columns)
            raise ColumnError(f"variants to clump: no column {name!r}{hint}")


def _refuse_repeats(variants: pl.DataFrame) -> None:
    """Refuse a variant that stands twice; several pairs of alleles under one name are several."""
    alleles = [name for name in ("effect_allele", "other_allele") if name in variants.columns]
    keys = [pl.col("variant_id")]
    if len(alleles) == 2:
        keys += [pl.min_horizontal(alleles).alias("low"), pl.max_horizontal(alleles).alias("high")]
    if repeated := variants.height - variants.select(keys).n_unique():
        raise InputError(f"{repeated} variants stand more than once; clump one trait at a time")


def _take_greedily(
    rows: pl.DataFrame, ld: LdSource, usable: Bool, options: Clumping
) -> tuple[I64, F64]:
    """Return the index variant of each row, -1 for none, and r2 with it."""
    m = rows.height
    index, r2 = np.full(m, -1, dtype=np.int64), np.full(m, np.nan)
    p = rows["neg_log10_p"].fill_null(-1.0).to_numpy()
    places = rows["position_bp"].fill_null(-1).to_numpy()
    in_panel = rows["panel_row"].fill_null(0).to_numpy().astype(np.int64)
    groups = _group_by_place(rows, usable)
    starts = usable & (p >= -math.log10(options.p1))
    joins = usable & (p >= -math.log10(options.p2))
    for i in np.flatnonzero(starts):
        if index[i] >= 0:
            continue
        index[i], r2[i] = i, 1.0
        order, sorted_places = groups[rows["chromosome"][int(i)]]
        width = options.kb * 1000.0
        low = np.searchsorted(sorted_places, places[i] - width, side="left")
        high = np.searchsorted(sorted_places, places[i] + width, side="right")
        near = order[low:high]
        near = near[(index[near] < 0) & joins[near]]
        if near.size:
            r2_near = ld.correlate(int(in_panel[i]), in_panel[near]) ** 2
            taken = r2_near >= options.r2
            index[near[taken]], r2[near[taken]] = i, r2_near[taken]
    return index, r2


def _group_by_place(rows: pl.DataFrame, usable: Bool) -> dict[str, tuple[I64, F64]]:
    """Return the usable rows of each chromosome by position, and the positions."""
    places = rows.select("chromosome", "position_bp").with_row_index("_i").filter(usable)
    groups: dict[str, tuple[I64, F64]] = {}
    for (chromosome,), part in places.sort("position_bp", "_i").group_by("chromosome"):
        order = part["_i"].to_numpy().astype(np.int64)
        groups[str(chromosome)] = (order, part["position_bp"].to_numpy().astype(np.float64))
    return groups
