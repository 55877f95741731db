"""Proxies: correlated variants that stand for those an outcome lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, UsageError, nearest
from proteomr.gwas.alleles import clean_allele, flip_strand, is_palindromic
from proteomr.gwas.match import add_keys
from proteomr.gwas.panel import locate_in_panel, narrow_rows
from proteomr.io.genetics.genotypes import LdSource

__all__ = ["Proxies", "find_proxies"]

_NEEDED: Final = ("variant_id", "effect_allele", "other_allele", "beta", "se")
_FOUND: Final = {
    "variant_id": pl.String(),
    "effect_allele": pl.String(),
    "other_allele": pl.String(),
    "proxy_id": pl.String(),
    "outcome_row": pl.UInt32(),
    "proxy_r2": pl.Float64(),
    "proxy_effect_allele": pl.String(),
    "proxy_other_allele": pl.String(),
}


@dataclass(frozen=True, slots=True, eq=False)
class Proxies:
    """Rows of an outcome that stand for variants it lacks.

    Parameters
    ----------
    rows : the proxies' rows of the outcome under the names and alleles of the variants that they
        stand for, with ``proxy_id``, ``proxy_r2``, ``proxy_effect_allele`` and
        ``proxy_other_allele``; may be put under the outcome's rows.
    unresolved : ``variant_id`` and ``reason`` of those for which there is none.
    """

    rows: pl.DataFrame
    unresolved: pl.DataFrame


def find_proxies(
    exposure: pl.DataFrame,
    outcome: pl.DataFrame,
    *,
    panel: LdSource,
    r2: float = 0.8,
    kb: float = 1_000.0,
) -> Proxies:
    """Return the best proxy in the outcome for each variant of the exposure that it lacks.

    The best has the highest squared correlation, then is nearest, then first by name. Which of its
    alleles stands for which allele of the variant follows from the sign of the correlation. The
    alleles of the variant and of the proxy must be those of the panel, on either strand; a proxy
    that is palindromic is never taken, and a palindromic variant is not replaced, since their
    strand would be a guess.

    Parameters
    ----------
    exposure : ``variant_id``, ``effect_allele``, ``other_allele``; ``rsid`` and places serve to
        find it in the panel, see `proteomr.gwas.panel.locate_in_panel`.
    outcome : ``variant_id``, ``effect_allele``, ``other_allele``, ``beta``, ``se`` of one outcome;
        further columns stay. Its frequency is that of the proxy's allele.
    panel : genotypes, or a matrix whose correlations are signed by ``allele_1``.
    r2 : smallest squared correlation.
    kb : largest distance, in 1,000 bp.

    Raises
    ------
    ColumnError
        A column is absent.
    UsageError
        r2 is not above 0 and at most 1.

    Examples
    --------
    >>> from proteomr.io.genetics.ld_matrices import LdMatrix
    >>> panel = LdMatrix(
    ...     pl.DataFrame(
    ...         {"variant_id": ["rs1", "rs2"], "chromosome": ["1", "1"], "position_bp": [10, 20],
    ...          "allele_1": ["A", "C"], "allele_2": ["G", "T"]}
    ...     ),
    ...     np.array([[1.0, -0.95], [-0.95, 1.0]]),
    ... )
    >>> exposure = pl.DataFrame({"variant_id": "rs1", "effect_allele": ["A"], "other_allele": "G"})
    >>> outcome = pl.DataFrame(
    ...     {"variant_id": ["rs2"], "effect_allele": ["C"], "other_allele": "T", "beta": [0.2],
    ...      "se": [0.1]}
    ... )
    >>> proxies = find_proxies(exposure, outcome, panel=panel).rows
    >>> proxies.select("variant_id", "effect_allele", "beta", "proxy_id").row(0)
    ('rs1', 'G', 0.2, 'rs2')
    """
    if not 0 < r2 <= 1:
        raise UsageError(f"r2 is {r2:g}; it lies above 0 and is at most 1")
    for what, frame, names in (("exposure", exposure, _NEEDED[:3]), ("outcome", outcome, _NEEDED)):
        for name in names:
            if name not in frame.columns:
                raise ColumnError(f"{what}: no column {name!r}{nearest(name, frame.columns)}")
    missing = exposure.join(outcome, on="variant_id", how="anti").unique(
        "variant_id", keep="first", maintain_order=True
    )
    variants = _place_by_studies(panel.variants, exposure, outcome).with_row_index("row")
    targets = _match_panel(missing, variants)
    near = _surround(targets, variants, width=kb * 1000.0)
    numbered = outcome.with_row_index("outcome_row")
    candidates = _match_panel(narrow_rows(numbered, add_keys(near)), near).filter(
        pl.col("fits") & ~is_palindromic(pl.col("allele_1"), pl.col("allele_2"))
    )
    groups = {
        str(key[0]): part.sort("position_bp", "variant_id")
        for key, part in candidates.group_by("chromosome")
    }
    chosen: list[tuple[object, ...]] = []
    unresolved: list[tuple[str, str]] = []
    for target in targets.sort("variant_id").iter_rows(named=True):
        reason = _refusal(target)
        pick = None if reason else _pick(target, groups, panel=panel, r2=r2, width=kb * 1000.0)
        if pick is None:
            unresolved.append((target["variant_id"], reason or "no_proxy"))
        else:
            chosen.append(pick)
    return Proxies(_carry_over(numbered, chosen), _frame_reasons(unresolved))


def _place_by_studies(
    variants: pl.DataFrame, exposure: pl.DataFrame, outcome: pl.DataFrame
) -> pl.DataFrame:
    """Return the variants of a matrix that tells no positions with those of the studies."""
    names = ("chromosome", "position_bp")
    if variants["position_bp"].is_not_null().any():
        return variants
    told = []
    for study in (exposure, narrow_rows(outcome, add_keys(variants))):
        if {*names} <= {*study.columns}:
            row = locate_in_panel(study, variants)["panel_row"]
            placed = study.select(*names).with_columns(row.alias("row"))
            told.append(placed.cast({"chromosome": pl.String, "position_bp": pl.Int64}))
    if not told:
        return variants
    places = pl.concat(told).drop_nulls().unique("row", keep="first", maintain_order=True)
    numbered = variants.drop(names).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    return numbered.join(places, on="row", how="left", maintain_order="left").drop("row")


def _frame_reasons(unresolved: list[tuple[str, str]]) -> pl.DataFrame:
    schema = {"variant_id": pl.String, "reason": pl.String}
    return pl.DataFrame(unresolved, schema=schema, orient="row")


def _surround(targets: pl.DataFrame, panel: pl.DataFrame, *, width: float) -> pl.DataFrame:
    """Return the rows of the panel that lie near enough to any target to stand for it."""
    parts = [panel.clear()]
    for (chromosome,), part in targets.drop_nulls("position_bp").group_by("chromosome"):
        here = panel.filter(pl.col("chromosome") == chromosome)
        places = part["position_bp"].sort().to_numpy()
        position = here["position_bp"].to_numpy()
        after = np.searchsorted(places, position - width, side="left")
        parts.append(here.filter(pl.Series(np.append(places, np.inf)[after] <= position + width)))
    return pl.concat(parts)


def _match_panel(frame: pl.DataFrame, panel: pl.DataFrame) -> pl.DataFrame:
    """Return variants with their panel row, and which panel allele the effect allele is."""
    there = panel.select(
        pl.int_range(pl.len()).cast(pl.Int64).alias("panel_row"),
        pl.col("row").cast(pl.Int64),
        pl.col("chromosome", "position_bp"),
        clean_allele(pl.col("allele_1")).alias("allele_1"),
        clean_allele(pl.col("allele_2")).alias("allele_2"),
    )
    places = locate_in_panel(frame, panel.drop("row"))
    row = [name for name in ("outcome_row",) if name in frame.columns]
    placed = frame.select(
        "variant_id",
        *row,
        clean_allele(pl.col("effect_allele")).alias("one"),
        clean_allele(pl.col("other_allele")).alias("two"),
        places["panel_row"],
        places["panel_reason"],
    ).join(there, on="panel_row", how="left", maintain_order="left")
    first, second = pl.col("allele_1"), pl.col("allele_2")

    def agree(effect: pl.Expr, other: pl.Expr) -> pl.Expr:
        return ((effect == first) & (other == second)).fill_null(value=False)

    effect, other = pl.col("one"), pl.col("two")
    straight = agree(effect, other) | agree(flip_strand(effect), flip_strand(other))
    exchanged = agree(other, effect) | agree(flip_strand(other), flip_strand(effect))
    return placed.with_columns(
        (straight | exchanged).alias("fits"),
        straight.alias("effect_is_allele_1"),
        is_palindromic(effect, other).alias("palindromic"),
    )


def _refusal(target: dict[str, object]) -> str | None:
    if target["panel_reason"] is not None:
        return str(target["panel_reason"])
    if target["position_bp"] is None:
        return "no_position"
    if not target["fits"]:
        return "alleles_differ_from_panel"
    return "palindromic" if target["palindromic"] else None


def _pick(
    target: dict[str, object],
    groups: dict[str, pl.DataFrame],
    *,
    panel: LdSource,
    r2: float,
    width: float,
) -> tuple[object, ...] | None:
    """Return the proxy of a variant: names, r2, and the variant's alleles that its alleles mean."""
    near = groups.get(str(target["chromosome"]))
    if near is None:
        return None
    place = float(str(target["position_bp"]))
    near = near.filter(pl.col("position_bp").is_between(place - width, place + width))
    if not near.height:
        return None
    rows: I64 = near["row"].to_numpy()
    r: F64 = panel.correlate(int(str(target["row"])), rows)
    squares = np.nan_to_num(r**2, nan=-1.0)
    distance = np.abs(near["position_bp"].to_numpy() - place)
    best = int(np.lexsort((np.arange(rows.size), distance, -squares))[0])
    if squares[best] < r2:
        return None
    proxy = near.row(best, named=True)
    own = [target["one"], target["two"]]
    first, second = own if target["effect_is_allele_1"] else own[::-1]
    same = bool(proxy["effect_is_allele_1"]) == (r[best] > 0)
    effect, other = (first, second) if same else (second, first)
    return (
        target["variant_id"],
        effect,
        other,
        proxy["variant_id"],
        proxy["outcome_row"],
        float(squares[best]),
        proxy["one"],
        proxy["two"],
    )


def _carry_over(outcome: pl.DataFrame, chosen: list[tuple[object, ...]]) -> pl.DataFrame:
    """Return the rows of the outcome that were chosen, named as the variants they stand for."""
    proxies = pl.DataFrame(chosen, schema=_FOUND, orient="row")
    numbers = outcome.drop("effect_allele", "other_allele", "variant_id")
    rows = proxies.join(numbers, on="outcome_row", how="left", maintain_order="left")
    places = [name for name in ("rsid", "chromosome", "position_bp") if name in rows.columns]
    added = ["proxy_id", "proxy_r2", "proxy_effect_allele", "proxy_other_allele"]
    names = [name for name in outcome.columns if name != "outcome_row"]
    return rows.select(*names, *added).with_columns(
        pl.lit(None, rows.schema[name]).alias(name) for name in places
    )
