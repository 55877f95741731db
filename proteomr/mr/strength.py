"""Strength of instruments: F statistics, variance explained, and dilution in MR-Egger."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.gwas.alleles import clean_allele, is_palindromic
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.tables import load_schema

__all__ = [
    "InstrumentStrength",
    "TraitKind",
    "measure_i2_gx",
    "measure_instruments",
    "summarise_strength",
]

TraitKind: TypeAlias = Literal["quantitative", "binary"]

_WEAK: Final = 10.0  # Staiger and Stock 1997, doi:10.2307/2171753
_LOGISTIC_VARIANCE: Final = math.pi**2 / 3  # of a standard logistic variable
_CURSE: Final = (
    "effects on the exposure are too large on average if the study that chose the variants also "
    "gives their effects (winner's curse): F and R2 are then upper bounds; take the effects from "
    "another sample where there is one"
)


@dataclass(frozen=True, slots=True)
class InstrumentStrength:
    """How strong the instruments of one exposure are together.

    Parameters
    ----------
    exposure : its name.
    nsnp : instruments with an effect.
    mean_f, median_f, min_f : of the F statistics of the variants.
    n_weak : variants of an F below 10.
    r2 : sum of the variants' R2, which holds for independent variants; NaN where one is unknown.
    overall_f : F of all variants together, (n - k - 1) / k r2 / (1 - r2), by the mean n.
    i2_gx : see `measure_i2_gx`, unweighted.
    n_palindromic : A/T and C/G variants.
    note : what the numbers cannot tell.
    """

    exposure: str
    nsnp: int
    mean_f: float
    median_f: float
    min_f: float
    n_weak: int
    r2: float
    overall_f: float
    i2_gx: float
    n_palindromic: int
    note: str = _CURSE


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
        (f < _WEAK).alias("weak"),
    )
    return load_schema("instruments").validate(measured)


def summarise_strength(instruments: pl.DataFrame) -> list[InstrumentStrength]:
    """Return the strength of all instruments of each exposure.

    Parameters
    ----------
    instruments : as `measure_instruments` gives them.

    Examples
    --------
    >>> exposure = pl.DataFrame(
    ...     {"variant_id": ["rs1", "rs2"], "effect_allele": ["A", "C"], "other_allele": ["G", "T"],
    ...      "beta": [0.1, 0.3], "se": [0.01, 0.01], "n": [1_000, 1_000]}
    ... )
    >>> strength = summarise_strength(measure_instruments(exposure))[0]
    >>> strength.nsnp, strength.mean_f, strength.n_weak
    (2, 500.0, 0)
    """
    parts = instruments.partition_by("exposure", as_dict=True)
    return [_summarise(str(key[0]), parts[key]) for key in sorted(parts)]


def measure_i2_gx(beta_x: F64, se_x: F64, *, se_y: F64 | None = None) -> float:
    r"""Return I2_GX: 1 less the share of dilution of an MR-Egger slope by error in the exposure.

    .. math:: I^2_{GX} = \max\left(0, \frac{Q - (m - 1)}{Q}\right)

    with Q Cochran's statistic of the m absolute effects on the exposure (Bowden and others 2016,
    doi:10.1093/ije/dyw220; ``Isq`` of TwoSampleMR).

    Parameters
    ----------
    beta_x, se_x : (m,) effects on the exposure and their standard errors.
    se_y : (m,) standard errors of the effects on the outcome; given, both are divided by them, as
        the weights of MR-Egger do.

    Raises
    ------
    InputError
        Lengths differ, or a standard error is not above zero.

    Examples
    --------
    >>> round(measure_i2_gx(np.array([0.1, -0.2, 0.4]), np.array([0.01, 0.01, 0.02])), 4)
    0.9894
    """
    y, s = np.abs(np.asarray(beta_x, dtype=np.float64)), np.asarray(se_x, dtype=np.float64)
    scale = np.ones_like(y) if se_y is None else np.asarray(se_y, dtype=np.float64)
    if not y.shape == s.shape == scale.shape or not ((s > 0) & (scale > 0)).all():
        raise InputError("one effect and one standard error above zero are needed per variant")
    if y.size < 2:
        return math.nan
    y, s = y / scale, s / scale
    w = 1.0 / s**2
    centre = float((w * y).sum() / w.sum())
    q = float((w * (y - centre) ** 2).sum())
    return max(0.0, (q - (y.size - 1)) / q) if q > 0 else 0.0


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


def _summarise(exposure: str, part: pl.DataFrame) -> InstrumentStrength:
    with_effect = part.filter(pl.col("f_statistic").is_not_null())
    f = with_effect["f_statistic"].to_numpy()
    k = f.size
    complete = k > 0 and not with_effect["r2"].null_count()
    r2 = float(with_effect["r2"].sum()) if complete else math.nan
    n = with_effect["n"].drop_nulls().to_numpy()
    free = float(n.mean()) - k - 1 if n.size else math.nan
    return InstrumentStrength(
        exposure=exposure,
        nsnp=k,
        mean_f=float(f.mean()) if k else math.nan,
        median_f=float(np.median(f)) if k else math.nan,
        min_f=float(f.min()) if k else math.nan,
        n_weak=int((f < _WEAK).sum()),
        r2=r2,
        overall_f=free / k * r2 / (1.0 - r2) if complete and r2 < 1 else math.nan,
        i2_gx=measure_i2_gx(with_effect["beta"].to_numpy(), with_effect["se"].to_numpy()),
        n_palindromic=int(part["palindromic"].sum()),
    )
