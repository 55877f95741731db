"""Strength of instruments: F statistics and variance explained."""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import ColumnError, nearest
from proteomr.gwas.alleles import clean_allele, is_palindromic
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.tables import load_schema

__all__ = ["WEAK_F", "TraitKind", "measure_instruments"]

TraitKind: TypeAlias = Literal["quantitative", "binary"]

WEAK_F: Final = 10.0
"""F statistic below which an instrument is weak (Staiger and Stock 1997, doi:10.2307/2171753)."""

_LOGISTIC_VARIANCE: Final = math.pi**2 / 3  # of a standard logistic variable


def measure_instruments(
    exposure: pl.DataFrame, *, kind: TraitKind = "quantitative"
) -> pl.DataFrame:
    r"""Return the strength of each instrument.

    .. math:: F = (\beta / se)^2, \qquad R^2 = \frac{F}{F + n - 2}

    for a quantitative exposure of any unit (Shim and others 2015,
    doi:10.1371/journal.pone.0120758, with the residual degrees of freedom), and on the scale of
    the liability of a logistic model for a binary one, whose beta is a log odds ratio,

    .. math:: R^2 = \frac{V}{V + \pi^2 / 3}, \qquad V = 2 f (1 - f) \beta^2.

    Parameters
    ----------
    exposure : ``variant_id``, ``effect_allele``, ``other_allele``, ``beta``, ``se``; where known
        ``eaf``, ``n``, ``neg_log10_p``, ``chromosome``, ``position_bp``, ``trait``.
    kind : quantitative, which needs n, or binary, which needs eaf; R2 is null without.

    Returns
    -------
    instruments : the columns of the schema ``instruments``, in the order given; further columns
        stay.

    Raises
    ------
    ColumnError
        A column is absent.

    Examples
    --------
    >>> exposure = pl.DataFrame(
    ...     {"variant_id": ["rs1"], "effect_allele": ["A"], "other_allele": ["T"], "beta": [0.1],
    ...      "se": [0.01], "eaf": [0.8], "n": [10_002]}
    ... )
    >>> row = measure_instruments(exposure).row(0, named=True)
    >>> round(row["f_statistic"], 6), round(row["r2"], 6), round(row["maf"], 6), row["palindromic"]
    (100.0, 0.009901, 0.2, True)
    """
    filled = _fill(exposure)
    beta, se, eaf = pl.col("beta"), pl.col("se"), pl.col("eaf")
    usable = beta.is_finite() & (se > 0)
    f = pl.when(usable).then((beta / se) ** 2)
    if kind == "quantitative":
        r2 = pl.when(pl.col("n") > 2).then(f / (f + pl.col("n") - 2.0))
    else:
        spread = 2.0 * eaf * (1.0 - eaf) * beta**2
        r2 = pl.when(usable).then(spread / (spread + _LOGISTIC_VARIANCE))
    measured = filled.with_columns(
        f.alias("f_statistic"),
        r2.alias("r2"),
        pl.min_horizontal(eaf, 1.0 - eaf).alias("maf"),
        is_palindromic(pl.col("effect_allele"), pl.col("other_allele")).alias("palindromic"),
        (f < WEAK_F).alias("weak"),
    )
    return load_schema("instruments").validate(measured)


def _fill(exposure: pl.DataFrame) -> pl.DataFrame:
    """Return an exposure with all columns of the schema that are not measured here."""
    for name in ("variant_id", "effect_allele", "other_allele", "beta", "se"):
        if name not in exposure.columns:
            raise ColumnError(f"exposure: no column {name!r}{nearest(name, exposure.columns)}")
    absent = {
        name: pl.lit(None, dtype)
        for name, dtype in (
            ("chromosome", pl.String), ("position_bp", pl.Int64), ("eaf", pl.Float64),
            ("n", pl.Float64), ("neg_log10_p", pl.Float64), ("trait", pl.String),
        )
        if name not in exposure.columns
    }  # fmt: skip
    numbers = ["beta", "se", "eaf", "n", "neg_log10_p"]
    filled = exposure.with_columns(**absent).with_columns(
        pl.col(numbers).cast(pl.Float64).fill_nan(None),
        clean_allele(pl.col("effect_allele")).alias("effect_allele"),
        clean_allele(pl.col("other_allele")).alias("other_allele"),
        pl.col("trait").cast(pl.String).fill_null("exposure").alias("exposure"),
    )
    z = (filled["beta"] / filled["se"]).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    computed = pl.Series("z", neg_log10_p_normal(z)).fill_nan(None)
    return filled.with_columns(pl.coalesce("neg_log10_p", computed).alias("neg_log10_p")).drop(
        "trait"
    )
