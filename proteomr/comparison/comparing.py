"""What two tables of effects of the same proteins have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.comparison.result_tables import KEYS
from proteomr.errors import ColumnError, InputError
from proteomr.stats.distributions import neg_log10_p_normal, quantile_normal
from proteomr.stats.effect_agreement import (
    allowed_correlation,
    correlate,
    fit_line_through_errors,
    limits_of_correlation,
)
from proteomr.tables import columns as c
from proteomr.tables.texts import fill_text

__all__ = ["compare_effects", "pair_effects"]

_SHOWN = 3


def pair_effects(
    a: pl.DataFrame, b: pl.DataFrame, *, by: Sequence[str], names: tuple[str, str]
) -> pl.DataFrame:
    """Return a row for each effect that both tables have, of the same model.

    Keys that both tables share values of identify the model; of a key with one value in each table
    these are set against each other.

    Parameters
    ----------
    a, b : of :func:`proteomr.comparison.result_tables.read_effects`.
    by : columns that say what an effect is of.
    names : of the tables, for messages.

    Raises
    ------
    InputError
        They share no effect, or one of a table stands for several of the other.
    """
    keys = [key for key in KEYS if key in a.columns and key in b.columns]
    joined = [key for key in keys if _share(a, b, key)]
    apart = [key for key in keys if key not in joined]
    for key in apart:
        for table, name in ((a, names[0]), (b, names[1])):
            values = sorted(map(str, table[key].unique().to_list()))
            if len(values) > 1:
                raise InputError(
                    f"{name}: several values of {key!r} ({', '.join(values[:_SHOWN])}), none of "
                    "them in the other table; choose rows of one (--where-rows)"
                )
    for table, name in ((a, names[0]), (b, names[1])):
        _refuse_repeats(table, [*by, *joined], keys, name)
    on = [*by, *joined]
    pairs = a.join(b, on=on, how="inner", suffix="_b", nulls_equal=True, maintain_order="left")
    if not pairs.height:
        raise InputError(f"{names[0]} and {names[1]}: no effect is in both, by {', '.join(on)}")
    for key in apart:
        said = fill_text("{} vs {}", pl.col(key).fill_null("-"), pl.col(f"{key}_b").fill_null("-"))
        pairs = pairs.with_columns(said.alias(key))
    given = {name: f"{name}_a" for name in (c.ESTIMATE, c.SE, c.NEG_LOG10_P)}
    genes = [c.GENE] if c.GENE in pairs.columns and c.GENE not in by else []
    values = list(given.values())
    second = [f"{name}_b" for name in given]
    return pairs.rename(given).select(*keys, *by, *genes, *values, *second)


def compare_effects(
    a: pl.DataFrame,
    b: pl.DataFrame,
    *,
    by: Sequence[str],
    names: tuple[str, str],
    effective: float | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a row for each model, and the pairs of effects with their differences and hits.

    Parameters
    ----------
    a, b, by, names : as of :func:`pair_effects`.
    effective : share of the pairs to which the independent ones amount; None where the correlations
        of the proteins are not known.
    alpha : of a hit, after Bonferroni's correction over the effects of a table in a model, and of
        a difference, after that over the pairs.
    level : coverage of the intervals.
    """
    pairs = pair_effects(a, b, by=by, names=names)
    keys = [key for key in KEYS if key in pairs.columns]
    joined = [key for key in keys if _share(a, b, key)]
    counts = [_count(table, joined) for table in (a, b)]
    rows, tested = [], []
    for group in _split(pairs, keys):
        key = {name: group[name][0] for name in keys}
        place = tuple(key[name] for name in joined)
        judged = _judge(group, (counts[0][place], counts[1][place]), alpha)
        tested.append(judged)
        rows.append({**key, **_measure(judged, effective, alpha, level)})
    kinds = dict.fromkeys(keys, pl.String)
    return pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None), pl.concat(tested)


def _count(table: pl.DataFrame, keys: Sequence[str]) -> dict[tuple[object, ...], int]:
    """Return how many effects a table has of each model."""
    if not keys:
        return {(): table.height}
    return {tuple(row[:-1]): int(row[-1]) for row in table.group_by(keys).len().rows()}


def _share(a: pl.DataFrame, b: pl.DataFrame, key: str) -> bool:
    return bool(set(a[key].unique().to_list()) & set(b[key].unique().to_list()))


def _refuse_repeats(table: pl.DataFrame, on: Sequence[str], keys: Sequence[str], name: str) -> None:
    repeated = table.filter(table.select(on).is_duplicated())
    if not repeated.height:
        return
    first = repeated.row(0, named=True)
    what = " ".join(str(first[key]) for key in on if first[key] is not None)
    more = [key for key in keys if key not in on]
    choice = f"; choose rows by {' or '.join(more)}" if more else ""
    raise ColumnError(f"{name}: {what} stands more than once{choice} (--where-rows)")


def _split(pairs: pl.DataFrame, keys: Sequence[str]) -> Iterator[pl.DataFrame]:
    if not keys:
        yield pairs
        return
    yield from pairs.partition_by(keys, maintain_order=True)


def _judge(group: pl.DataFrame, tests: tuple[int, int], alpha: float) -> pl.DataFrame:
    """Add differences, their p values, and which effects are hits."""
    difference = pl.col("estimate_b") - pl.col("estimate_a")
    z = difference / (pl.col("se_a") ** 2 + pl.col("se_b") ** 2).sqrt()
    group = group.with_columns(
        difference.alias("difference"),
        z.alias("z_difference"),
        *(
            (pl.col(f"{c.NEG_LOG10_P}_{which}") > -math.log10(alpha / n))
            .fill_null(value=False)
            .alias(f"hit_{which}")
            for which, n in zip("ab", tests, strict=True)
        ),
        (pl.col("estimate_a").sign() == pl.col("estimate_b").sign()).alias("same_sign"),
    )
    p = neg_log10_p_normal(group["z_difference"].to_numpy())
    return group.with_columns(pl.Series("neg_log10_p_difference", p).fill_nan(None))


def _measure(
    group: pl.DataFrame, effective: float | None, alpha: float, level: float
) -> dict[str, object]:
    a, se_a, b, se_b = (
        group[name].to_numpy() for name in ("estimate_a", "se_a", "estimate_b", "se_b")
    )
    n = float(group.height) if effective is None else effective * group.height
    r, allowed = correlate(a, b), allowed_correlation((a, se_a), (b, se_b))
    low, high = limits_of_correlation(r, n, level=level)
    either = group.filter(pl.col("hit_a") | pl.col("hit_b"))
    differ = group["neg_log10_p_difference"] > -math.log10(alpha / group.height)
    return {
        "proteins": group.height,
        "r": _or_none(r),
        "r_low": _or_none(low),
        "r_high": _or_none(high),
        "n_effective": n,
        "r_allowed": _or_none(allowed),
        "r_corrected": _or_none(r / allowed if allowed else math.nan),
        **_measure_line(a, se_a, b, se_b, level),
        "sign_agreement": float(group["same_sign"].mean()),  # type: ignore[arg-type]
        "sign_agreement_hits": _or_none(_mean(either["same_sign"])),
        "hits_a": int(group["hit_a"].sum()),
        "hits_b": int(group["hit_b"].sum()),
        "hits_both": int((group["hit_a"] & group["hit_b"]).sum()),
        "differ": int(differ.sum()),
    }


def _measure_line(a: F64, se_a: F64, b: F64, se_b: F64, level: float) -> dict[str, float | None]:
    line = fit_line_through_errors(a, se_a, b, se_b)
    if line is None:
        names = ("slope", "slope_se", "slope_low", "slope_high", "intercept", "scatter")
        return dict.fromkeys(names)
    reach = line.slope_se * float(quantile_normal([0.5 + level / 2.0])[0])
    return {
        "slope": line.slope,
        "slope_se": line.slope_se,
        "slope_low": line.slope - reach,
        "slope_high": line.slope + reach,
        "intercept": line.intercept,
        "scatter": line.scatter,
    }


def _mean(values: pl.Series) -> float:
    return float(np.mean(values.to_numpy())) if len(values) else math.nan


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
