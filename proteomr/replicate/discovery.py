"""Associations of another cohort: corrected for their selection, and held against those here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import ndtr

from proteomr._typing import F64, Bool
from proteomr.association import ModelSpec, Plan, collect, name_effect
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.replicate.agreement import ALPHA, MODEL, measure_agreement
from proteomr.runs.results import read_result
from proteomr.stats.distributions import neg_log10_p_normal, quantile_normal
from proteomr.stats.winners_curse import (
    correct_by_density,
    correct_by_fdr,
    correct_conditionally,
    limit_conditionally,
    weigh_conditionally,
)
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["Compared", "compare_cohorts", "read_discovery", "refuse_mismatch"]

_NEEDED = (c.PROTEIN, c.ADJUSTMENT, c.ESTIMATE, c.SE)
_TEXTS = (*MODEL, c.PROTEIN)
_DISCOVERY = "_discovery"
_NAMED = 3  # of what a message lists


@dataclass(frozen=True, slots=True)
class Compared:
    """The tables of a comparison, and how many of the fits here failed."""

    replication: pl.DataFrame
    against: pl.DataFrame
    associations: pl.DataFrame
    units: int
    failed: int
    family_of_tests: str
    notes: tuple[str, ...]


def read_discovery(path: Path) -> pl.DataFrame:
    """Return the associations of another cohort: model, protein, estimate, se, n and -log10 p.

    Parameters
    ----------
    path : a table as `associate` writes it, parquet, csv or tsv; rows of strata are passed over.

    Raises
    ------
    InputError
        It lacks a column that is needed, repeats a fit, or holds no estimate.
    """
    frame = read_result(path)
    for name in _NEEDED:
        if name not in frame.columns:
            raise ColumnError(
                f"{path}: no column {name!r}{nearest(name, frame.columns)}; a table is needed as "
                "associate writes it"
            )
    if c.EXPOSURE not in frame.columns and c.OUTCOME not in frame.columns:
        raise ColumnError(f"{path}: a column 'exposure' or 'outcome' is needed")
    absent = [pl.lit(None, dtype=pl.String).alias(x) for x in MODEL if x not in frame.columns]
    frame = frame.with_columns(absent)
    if c.STRATUM in frame.columns:
        frame = frame.filter(pl.col(c.STRATUM).is_null())
    if {c.DIRECTION, c.TERM} <= set(frame.columns):
        frame = frame.with_columns(name_effect())
    frame = frame.with_columns(
        pl.col(_TEXTS).cast(pl.String), pl.col(c.ESTIMATE, c.SE).cast(pl.Float64)
    )
    usable = frame.filter(
        pl.col(c.ESTIMATE).is_finite() & pl.col(c.SE).is_finite() & (pl.col(c.SE) > 0.0)
    )
    if not usable.height:
        raise InputError(f"{path}: holds no estimate with a standard error")
    if usable.select(_TEXTS).is_duplicated().any():
        raise InputError(f"{path}: holds fits of one protein, target and set twice")
    n = (
        pl.col(c.N).cast(pl.Int64)
        if c.N in frame.columns
        else pl.lit(None, dtype=pl.Int64).alias(c.N)
    )
    known = [name for name in (c.FAMILY, c.DIRECTION) if name in frame.columns]
    return usable.select(*_TEXTS, c.ESTIMATE, c.SE, n, *known)


def refuse_mismatch(plan: Plan, discovery: pl.DataFrame, *, name: str) -> None:
    """Refuse a table none of whose fits is one of a scan, before anything is fitted.

    Parameters
    ----------
    discovery : of :func:`read_discovery`.
    name : of its file.

    Raises
    ------
    InputError
        It has no target, no adjustment set or no protein of the scan, or is of another family of
        regressions, whose estimates are of something else; the message says what each has.
    """
    family = plan.spec.family
    if c.FAMILY in discovery.columns and not (others := discovery[c.FAMILY]).eq(family).all():
        was = _show(others.filter(others != family))
        raise InputError(
            f"{name}: was fitted by {was}, whose estimates are on another scale than those of "
            f"{family!r} here; give the same --family"
        )
    if c.DIRECTION in discovery.columns and plan.spec.direction not in discovery[c.DIRECTION]:
        raise InputError(
            f"{name}: was fitted as {_show(discovery[c.DIRECTION])}, and here as "
            f"{plan.spec.direction!r}: exposures go with --exposure, outcomes with --outcome"
        )
    targets = {target.name for target in plan.targets}
    there = discovery.with_columns(pl.coalesce(c.EXPOSURE, c.OUTCOME).alias("target"))
    models = there.filter(
        pl.col("target").is_in(targets), pl.col(c.ADJUSTMENT).is_in(plan.reading.labels)
    )
    if not models.height:
        raise InputError(
            f"{name}: none of its fits is of a target and an adjustment set here: it has "
            f"{_show(there['target'])} in {_show(there[c.ADJUSTMENT])}, here are "
            f"{_show(pl.Series(sorted(targets)))} in {_show(pl.Series(plan.reading.labels))}"
        )
    if not models[c.PROTEIN].is_in(plan.cohort.proteins.names).any():
        raise InputError(f"{name}: none of its {models.height:,} fits is of a protein here")


def _show(names: pl.Series) -> str:
    return ", ".join(map(repr, names.drop_nulls().unique().sort().head(_NAMED).to_list()))


def compare_cohorts(
    spec: ModelSpec, parts: Sequence[pl.DataFrame], discovery: pl.DataFrame, *, name: str
) -> Compared:
    """Hold the fits of a scan against those of another cohort.

    Hits are those below 0.05 after Bonferroni's correction over the tests of the other cohort.

    Parameters
    ----------
    spec : of the scan.
    parts : its fits.
    discovery : of :func:`read_discovery`.
    name : of its file.

    Raises
    ------
    InputError
        None of its fits is one of the scan.
    """
    here = collect(parts, spec).frame.with_columns(name_effect())
    models = here.select(MODEL).unique()
    asked = discovery.join(models, on=MODEL, how="semi", nulls_equal=True, maintain_order="left")
    if not asked.height:
        raise InputError(f"{name}: none of its fits is of an effect or a contrast here")
    asked = _correct(asked, joint=spec.test_family == "joint")
    joined = asked.join(
        here.select(*_TEXTS, c.GENE, c.N, c.ESTIMATE, c.SE, c.P_VALUE, c.P_BONFERRONI, c.STATUS),
        on=_TEXTS,
        how="left",
        nulls_equal=True,
        suffix="_here",
        maintain_order="left",
    )
    against = _judge(joined)
    label = Path(name).stem
    schema = load_schema("replication")
    rows = [{c.SPLIT: label, **row, **sizes} for row, sizes in _measure(joined)]
    kinds = dict.fromkeys((c.SPLIT, *MODEL), pl.String)
    replication = pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None)
    absent = int(joined[c.STATUS].null_count())
    notes = (f"{absent:,} fits of {name} are of proteins that are not here",) if absent else ()
    pooled = [name for name in c.POOLED if name in here.columns]
    associations = here.select(*c.ASSOCIATIONS, *pooled)
    return Compared(
        schema.validate(replication.select(schema.names)),
        against,
        load_schema("associations").validate(associations),
        associations.height,
        associations.filter(pl.col(c.STATUS) != "ok").height,
        "Bonferroni over the tests of the other cohort, and over its hits here",
        notes,
    )


def _correct(discovery: pl.DataFrame, *, joint: bool) -> pl.DataFrame:
    """Return the fits with their hits, and the estimates corrected for being chosen."""
    family = [c.ADJUSTMENT, c.EFFECT, *([] if joint else [c.EXPOSURE, c.OUTCOME])]
    groups = discovery.partition_by(family, maintain_order=True)
    return pl.concat([_correct_family(group) for group in groups])


def _correct_family(fits: pl.DataFrame) -> pl.DataFrame:
    se = fits[c.SE].to_numpy()
    z = fits[c.ESTIMATE].to_numpy() / se
    threshold = float(quantile_normal(1.0 - ALPHA / fits.height / 2.0))
    hit: Bool = np.abs(z) > threshold
    chosen = np.full((4, z.size), np.nan)
    if hit.any():
        mu = correct_conditionally(z[hit], threshold=threshold)
        limits = limit_conditionally(z[hit], threshold=threshold)
        chosen[:, hit] = mu, weigh_conditionally(z[hit], mu), *limits
    columns = {
        c.NEG_LOG10_P + _DISCOVERY: neg_log10_p_normal(z),
        "estimate_fiqt": correct_by_fdr(z) * se,
        "estimate_conditional": chosen[0] * se,
        "estimate_weighted": chosen[1] * se,
        "conditional_low": chosen[2] * se,
        "conditional_high": chosen[3] * se,
        "estimate_bayes": correct_by_density(z) * se,
    }
    numbers = [pl.Series(k, v, dtype=pl.Float64).fill_nan(None) for k, v in columns.items()]
    return fits.with_columns(*numbers, pl.Series("hit", hit))


def _judge(joined: pl.DataFrame) -> pl.DataFrame:
    """Return each fit of the other cohort beside that here."""
    hits = int(joined.filter(pl.col("hit") & pl.col("estimate_here").is_not_null()).height)
    alpha = ALPHA / max(hits, 1)
    se = joined["se_here"].to_numpy().astype(np.float64)
    shrunk = joined["estimate_fiqt"].to_numpy().astype(np.float64)
    same = pl.col(c.ESTIMATE).sign() == pl.col("estimate_here").sign()
    schema = load_schema("against")
    return schema.validate(
        joined.with_columns(
            same.alias("same_sign"),
            pl.Series("power", _find_power(shrunk, se, alpha), dtype=pl.Float64).fill_nan(None),
            pl.when(pl.col("hit"))
            .then(same & (pl.col(c.P_VALUE) < alpha))
            .otherwise(None)
            .alias("replicated"),
        )
        .rename(
            {
                c.ESTIMATE: c.ESTIMATE + _DISCOVERY,
                c.SE: c.SE + _DISCOVERY,
                c.N: c.N + _DISCOVERY,
                "estimate_here": c.ESTIMATE,
                "se_here": c.SE,
                "n_here": c.N,
            }
        )
        .select(schema.names)
    )


def _find_power(effect: F64, se: F64, alpha: float) -> F64:
    """Return the power of a two-sided test of an effect."""
    z = float(quantile_normal(1.0 - alpha / 2.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        along = np.abs(effect) / se
    return np.asarray(ndtr(along - z) + ndtr(-along - z))


def _measure(joined: pl.DataFrame) -> list[tuple[dict[str, object], dict[str, object]]]:
    """Return the agreement of each model, and the people of both cohorts."""
    there = joined.filter(pl.col(c.STATUS).is_not_null())
    measured = []
    for group in there.partition_by(MODEL, maintain_order=True):
        first = group.select(*MODEL, c.ESTIMATE, c.SE)
        second = group.select(
            *MODEL, pl.col("estimate_here").alias(c.ESTIMATE), pl.col("se_here").alias(c.SE)
        )
        hits = (group["hit"], (group[c.P_BONFERRONI] < ALPHA).fill_null(value=False))
        [row] = measure_agreement(first, second, hits=hits)
        sizes: dict[str, object] = {c.N1: group[c.N].max(), c.N2: group["n_here"].max()}
        measured.append((row, sizes))
    return measured
