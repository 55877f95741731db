"""Rucker's framework: which of four models the heterogeneity of the variants asks for."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
import polars as pl

from proteomr.errors import InputError
from proteomr.mr.methods.radial import share_heterogeneity
from proteomr.mr.methods.units import bring_to_size
from proteomr.stats.distributions import (
    neg_log10_p_chi2,
    neg_log10_p_normal,
    neg_log10_p_t,
    p_from_neg_log10,
)
from proteomr.stats.weighted_lines import fit_lines, fit_slopes
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["choose_models", "find_outliers"]

_FEWEST = 3  # a line with an intercept needs a degree of freedom


def choose_models(pairs: Iterable[Harmonised], *, alpha: float = 0.05) -> pl.DataFrame:
    r"""Return inverse-variance weighted and Egger estimates with fixed and random effects.

    Random effects are chosen where Q exceeds its degrees of freedom at level alpha, and Egger's
    model where :math:`Q - Q'` exceeds a chi-squared with one degree of freedom (Rucker et al. 2011,
    doi:10.1093/biostatistics/kxq046; Bowden et al. 2017, doi:10.1002/sim.7221). Fixed effects have
    the standard errors of a residual variance of one, random ones those multiplied by
    :math:`\max(1, \hat\sigma)`. TwoSampleMR's ``mr_rucker`` inflates the fixed ones too.

    Returns
    -------
    table : the schema ``rucker``, four rows a pair; pairs of fewer than three variants have none.

    Examples
    --------
    >>> choose_models([]).height
    0
    """
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        if pair.m >= _FEWEST and (pair.x != 0).any():
            found = bring_to_size(pair)
            rows += [] if found is None else _choose(*found, alpha)
    declared = load_schema("rucker")
    return declared.validate(pl.DataFrame(rows) if rows else declared.empty())


def find_outliers(pairs: Iterable[Harmonised], *, alpha: float = 0.05) -> pl.DataFrame:
    """Return each variant's share of Q in the radial regression, and whether it is an outlier.

    The level is divided by the number of variants (Bowden et al. 2018, doi:10.1093/ije/dyy101).

    Returns
    -------
    table : the schema ``outliers``; pairs of fewer than three variants have no rows.

    Examples
    --------
    >>> find_outliers([]).height
    0
    """
    kept, shares = [], []
    for pair in pairs:
        if pair.m < _FEWEST or not (pair.x != 0).any():
            continue
        found = bring_to_size(pair)
        if found is None:
            continue
        with suppress(InputError):
            shares.append(share_heterogeneity(found[0]))
            kept.append(pair)
    declared = load_schema("outliers")
    if not kept:
        return declared.empty()
    m = np.array([pair.m for pair in kept])
    place = pl.Series(np.repeat(np.arange(m.size), m))
    names = (
        (c.EXPOSURE, [pair.exposures[0] for pair in kept]),
        (c.OUTCOME, [pair.outcome for pair in kept]),
        (c.DIRECTION, [str(pair.direction) for pair in kept]),
    )
    q = np.concatenate(shares)
    minus_log = neg_log10_p_chi2(q, 1.0)
    frame = pl.DataFrame(
        {
            **{key: pl.Series(texts, dtype=pl.String).gather(place) for key, texts in names},
            c.VARIANT_ID: pl.concat([pair.variants[c.VARIANT_ID].cast(pl.String) for pair in kept]),
            "q": pl.Series(q).fill_nan(None),
            c.NEG_LOG10_P: pl.Series(minus_log).fill_nan(None),
            "outlier": p_from_neg_log10(minus_log) < alpha / np.repeat(m, m),
        }
    )
    return declared.validate(frame)


def _choose(pair: Harmonised, unit: int, alpha: float) -> list[dict[str, Any]]:
    """Return the rows of a pair whose effects have the size of one.

    Parameters
    ----------
    unit : power of two by which estimates are multiplied to be in the units of the data.
    """
    w = pair.se_y**-2.0
    slope = fit_slopes(pair.x, pair.beta_y, weights=w)
    sign = np.where(pair.x < 0, -1.0, 1.0)
    line = fit_lines(np.abs(pair.x), sign * pair.beta_y, weights=w)
    q, q_line = float(slope.q), float(line.q)
    df = pair.m - 1
    names = {
        c.EXPOSURE: pair.exposures[0],
        c.OUTCOME: pair.outcome,
        c.DIRECTION: pair.direction,
        c.NSNP: pair.m,
    }
    egger = bool(np.isfinite(line.slope)) and _below(q - q_line, 1, alpha)
    random = _below(q_line, df - 1, alpha) if egger else _below(q, df, alpha)
    chosen = ("egger" if egger else "ivw") + ("_random" if random else "_fixed")
    rows = []
    for model, value, se, total, degrees in (
        ("ivw", float(slope.slope), float(slope.se), q, df),
        ("egger", float(line.slope), float(line.se), q_line, df - 1),
    ):
        inflated = se * max(1.0, float(np.sqrt(total / degrees)))
        if not all(_fits(number, unit) for number in (value, se, inflated)):
            continue
        for kind, error in (("fixed", se), ("random", inflated)):
            statistic = value / error
            minus_log = (
                neg_log10_p_t(statistic, degrees)
                if model == "egger"
                else neg_log10_p_normal(statistic)
            )
            rows.append(
                {
                    **names,
                    "model": f"{model}_{kind}",
                    c.ESTIMATE: float(np.ldexp(value, unit)),
                    c.SE: float(np.ldexp(error, unit)),
                    c.NEG_LOG10_P: float(minus_log),
                    c.P_VALUE: float(p_from_neg_log10(np.array([minus_log]))[0]),
                    "q": total,
                    "q_df": degrees,
                    "selected": f"{model}_{kind}" == chosen,
                }
            )
    return rows


def _fits(value: float, unit: int) -> bool:
    """Whether a number is one and stays one in other units: not infinite, nor lost as zero."""
    with np.errstate(over="ignore", under="ignore"):
        there = float(np.ldexp(value, unit))
    return bool(np.isfinite(there)) and (there != 0.0 or value == 0.0)


def _below(q: float, df: int, alpha: float) -> bool:
    return df > 0 and float(neg_log10_p_chi2(max(q, 0.0), df)) > -np.log10(alpha)
