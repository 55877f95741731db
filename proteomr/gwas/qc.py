"""What is wrong or remarkable in rows of summary statistics."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.gwas.policy import VariantPolicy
from proteomr.io.sumstats.distinct import find_letters, map_runs
from proteomr.stats.distributions import z_from_neg_log10
from proteomr.tables.sumstats import CHROMOSOME_LENGTHS, GenomeBuild

__all__ = ["examine"]

_GENOME_WIDE: Final = -math.log10(5e-8)
_SEQUENCE: Final = r"^[ACGT]+$"
_PAIRS: Final = ("AT", "TA", "CG", "GC")
_TABLE_ENDS: Final = 40
_PER_UNIT: Final = 256  # steps of the table: an error of 1/256^2/8 of the curvature, at most 6.7
_GUARD: Final = 1e-3  # nearer to the tolerance than this the statistic of p is computed itself
_BASE: Final = np.full(256, -1, dtype=np.int8)  # of a letter: its place among the bases
_BASE[[ord(base) for base in "ACGT"]] = range(4)
_COMPLEMENTARY: Final = 3  # sum of the places of two bases that are each other's complement


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
    """Examine single bases by their codes, and what is no pair of them as text."""
    bases = [_BASE[find_letters(frame[name])] for name in ("effect_allele", "other_allele")]
    rest = np.flatnonzero((bases[0] < 0) | (bases[1] < 0))
    single = {
        "alleles_equal": bases[0] == bases[1],
        "palindromic": bases[0] + bases[1] == _COMPLEMENTARY,
    }
    others = _examine_text(frame.select("effect_allele", "other_allele")[rest])
    flags: dict[str, Bool] = {}
    for name, held in others.items():
        flags[name] = single.get(name, np.zeros(frame.height, dtype=np.bool_))
        flags[name][rest] = held
    return flags


def _examine_text(frame: pl.DataFrame) -> dict[str, Bool]:
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
        size = np.abs(beta / se)
        apart, near = _compare(size, _look_up_z(np.where(compared, p, 0.0)), policy, _GUARD)
        rows = np.flatnonzero(compared & (near | (p < 0) | (p > _TABLE_ENDS)))
        apart &= compared
        apart[rows], _ = _compare(size[rows], z_from_neg_log10(p[rows]), policy, 0.0)
    return {
        "p_disagrees": apart,
        "p_significant_z_below_5": (size < 5) & (p > _GENOME_WIDE),
    }


def _compare(z: F64, of_p: F64, policy: VariantPolicy, guard: float) -> tuple[Bool, Bool]:
    """Return which statistics differ too much, and for which that is closer than a guard."""
    excess = np.abs(z - of_p) - policy.max_disagreement * np.maximum(of_p, 1.0)
    return excess > 0, np.abs(excess) <= guard


def _look_up_z(neg_log10_p: F64) -> F64:
    """Return the statistics of -log10 p from 0 to 40, to 1.3e-5, a fifth of the time."""
    table = _tabulate_z()
    at = np.clip(neg_log10_p, 0.0, _TABLE_ENDS) * _PER_UNIT
    low = at.astype(np.int64)
    return np.asarray(table[low] + (at - low) * (table[low + 1] - table[low]))


@cache
def _tabulate_z() -> F64:
    return z_from_neg_log10(np.arange(_TABLE_ENDS * _PER_UNIT + 2) / _PER_UNIT)


def _beyond(frame: pl.DataFrame) -> Bool:
    """Tell which positions lie beyond the end of their chromosome on the build that is told."""
    builds: tuple[GenomeBuild, ...] = ("GRCh37", "GRCh38")
    out = np.zeros(frame.height, dtype=np.bool_)
    for build in builds:
        here = frame["build"] == build
        if here.any():
            lengths = dict(CHROMOSOME_LENGTHS[build])
            ends = map_runs(
                frame["chromosome"],
                partial(pl.Series.replace_strict, old=lengths, default=None, return_dtype=pl.Int64),
            )
            past = here & (frame["position_bp"] > ends)
            out |= past.fill_null(value=False).to_numpy()
    return out
