"""What is wrong or remarkable in rows of summary statistics."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.gwas.policy import VariantPolicy
from proteomr.stats.distributions import z_from_neg_log10
from proteomr.tables.sumstats import CHROMOSOME_LENGTHS, GenomeBuild

__all__ = ["examine", "key_variants"]

_GENOME_WIDE: Final = -math.log10(5e-8)
_SEQUENCE: Final = r"^[ACGT]+$"
_PAIRS: Final = ("AT", "TA", "CG", "GC")


def examine(frame: pl.DataFrame, *, policy: VariantPolicy) -> dict[str, Bool]:
    r"""Return what is found in canonical rows: by name of a finding, the rows that it holds for.

    The statistic of effect and error is compared with that of the p-value,

    .. math:: \left| |b / s| - z_p \right| > t \max(z_p, 1)

    with the tolerance t of the policy, where a p-value is given and no bound.

    Parameters
    ----------
    frame : r rows with the columns of the schema ``sumstats``.
    policy : thresholds.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> sorted(examine(load_schema("sumstats").empty(), policy=VariantPolicy()))[0]
    'allele_code'
    """
    beta, se, eaf, p = (
        frame[name].fill_null(math.nan).to_numpy() for name in ("beta", "se", "eaf", "neg_log10_p")
    )
    findings: dict[str, Bool] = {
        "unnamed": frame["variant_id"].is_null().to_numpy(),
        "effect_missing": ~np.isfinite(beta),
        "se_missing": ~np.isfinite(se),
        "se_not_positive": np.isfinite(se) & (se <= 0),
        "eaf_outside": ~np.isnan(eaf) & ~((eaf > 0) & (eaf < 1)),
        "p_missing": np.isnan(p),
        "chromosome_unknown": frame["chromosome"].is_null().to_numpy(),
    }
    findings |= _examine_alleles(frame)
    findings |= _examine_p(beta, se, p, frame["p_origin"].is_null().to_numpy(), policy)
    if policy.min_maf is not None:
        findings["maf_low"] = np.minimum(eaf, 1.0 - eaf) < policy.min_maf
    if policy.min_info is not None:
        findings["info_low"] = (frame["info"] < policy.min_info).fill_null(value=False).to_numpy()
    findings["beyond_chromosome"] = _beyond(frame)
    return findings


def _examine_alleles(frame: pl.DataFrame) -> dict[str, Bool]:
    effect, other = pl.col("effect_allele"), pl.col("other_allele")
    long = (effect.str.len_bytes() > 1) | (other.str.len_bytes() > 1)
    coded = ~(effect.str.contains(_SEQUENCE) & other.str.contains(_SEQUENCE))
    flags = frame.select(
        allele_missing=effect.is_null() | other.is_null(),
        alleles_equal=effect == other,
        allele_code=coded & ~(effect.is_null() | other.is_null()),
        indel=long | effect.is_in(["D", "I"]),
        palindromic=(effect + other).is_in(_PAIRS),
    )
    return {column.name: column.fill_null(value=False).to_numpy() for column in flags}


def _examine_p(
    beta: F64, se: F64, p: F64, reported: Bool, policy: VariantPolicy
) -> dict[str, Bool]:
    compared = reported & np.isfinite(beta) & np.isfinite(se) & (se > 0) & np.isfinite(p)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(np.where(compared, beta / se, math.nan))
        of_p = z_from_neg_log10(np.where(compared, p, math.nan))
        apart = np.abs(z - of_p) > policy.max_disagreement * np.maximum(of_p, 1.0)
        size = np.abs(beta / se)
    return {
        "p_disagrees": apart,
        "p_significant_z_below_5": (size < 5) & (p > _GENOME_WIDE),
    }


def _beyond(frame: pl.DataFrame) -> Bool:
    """Tell which positions lie beyond the end of their chromosome on the build that is told."""
    builds: tuple[GenomeBuild, ...] = ("GRCh37", "GRCh38")
    out = np.zeros(frame.height, dtype=np.bool_)
    for build in builds:
        here = frame["build"] == build
        if here.any():
            ends = frame["chromosome"].replace_strict(
                dict(CHROMOSOME_LENGTHS[build]), default=None, return_dtype=pl.Int64
            )
            past = here & (frame["position_bp"] > ends)
            out |= past.fill_null(value=False).to_numpy()
    return out


def key_variants(frame: pl.DataFrame) -> pl.DataFrame:
    """Return 64-bit numbers that are the same for the same variant, and for the same place.

    Beside them stand the effect per the allele that sorts last, and its error, by which rows of one
    variant are compared; 32 bits hold a hundredth of a standard error up to z of 100,000.

    A variant is a trait, a place and a pair of alleles in any order; where the place is unknown,
    a name instead, and where an allele is, a name alone. Among ten million variants two share a
    number by chance in 3 of a million tables.

    Returns
    -------
    keys : ``variant``, ``site``, ``effect`` and ``error``, one row for each of the table.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> key_variants(load_schema("sumstats").empty()).columns
    ['variant', 'site', 'effect', 'error']
    """
    place = ("trait", "chromosome", "position_bp")
    low = pl.min_horizontal("effect_allele", "other_allele")
    high = pl.max_horizontal("effect_allele", "other_allele")
    pair = (low.alias("low"), high.alias("high"))
    named = pl.struct("trait", "variant_id").hash(seed=0)
    unplaced = pl.struct("trait", "variant_id", *pair).hash(seed=0)
    placed = pl.col("chromosome").is_not_null() & pl.col("position_bp").is_not_null()
    paired = pl.col("effect_allele").is_not_null() & pl.col("other_allele").is_not_null()
    exact = pl.struct(*place, *pair).hash(seed=0)
    turned = (pl.col("effect_allele") < pl.col("other_allele")).fill_null(value=False)
    return frame.select(
        variant=pl.when(placed & paired).then(exact).when(paired).then(unplaced).otherwise(named),
        site=pl.when(placed).then(pl.struct(*place).hash(seed=0)).otherwise(named),
        effect=pl.when(turned).then(-pl.col("beta")).otherwise("beta").cast(pl.Float32),
        error=pl.col("se").cast(pl.Float32),
    )
