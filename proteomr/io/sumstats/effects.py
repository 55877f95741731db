"""Effect, standard error and p of canonical rows, each made from the others where it is absent."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.io.sumstats.cells import ABSENT, P_KINDS, parse_numbers, read_p
from proteomr.io.sumstats.digits import half_units
from proteomr.io.sumstats.work import Work
from proteomr.stats.distributions import neg_log10_p_normal, z_from_neg_log10

__all__ = ["HALF_WIDTH", "set_effect"]

HALF_WIDTH: Final = 1.959963984540054
"""Standard errors from an estimate to its limit of 95 %."""

_PER_NEG_LOG10: Final = {
    "neg_log10": 1.0,
    "log10": -1.0,
    "neg_ln": 1.0 / math.log(10.0),
    "ln": -1.0 / math.log(10.0),
}
_UPPER_TAIL: Final = 1e-3  # of one-sided p, below which 1 - p has too few digits
_COARSE: Final = 0.25  # share of z by which rounding of p may leave it open


def set_effect(work: Work) -> None:
    r"""Set ``beta``, ``se``, ``neg_log10_p`` and ``p_origin``.

    A standard error that is absent is made from the limits U and L of 95 %,
    :math:`s = (\ln U - \ln L) / (2 \cdot 1.959964)` of a ratio; else, in a file that tells no
    errors at all, from p, :math:`s = |b| / z_p`, but not where p is 1 or 0 or has too few digits to
    tell z to a quarter.
    """
    cells = work.source("beta")
    if cells is None:
        work.columns["beta"] = work.empty(pl.Float64())
        beta = np.full(work.raw.height, math.nan)
    else:
        values, mended = parse_numbers(cells)
        work.mark("typographic_minus", mended)
        beta = values.fill_null(math.nan).to_numpy()
    beta, se = _convert(work, beta)
    se = _fill_from_limits(work, se, ratio=work.by("beta") == "log")
    k = work.facts.case_share
    scale = 1.0 if k is None else 1.0 / (k * (1.0 - k))
    beta, se = beta * scale, se * scale
    work.columns["beta"] = pl.Series(beta, dtype=pl.Float64).fill_nan(None)
    work.columns["se"] = pl.Series(se, dtype=pl.Float64).fill_nan(None)
    _set_p(work)
    _fill_from_p(work)


def _convert(work: Work, beta: F64) -> tuple[F64, F64]:
    """Return effects and errors on the scale of effects."""
    se, by = work.array("se"), work.by("se")
    how = work.by("beta")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if how == "log":
            beta = np.where(beta > 0, np.log(beta), math.nan)
        elif how == "percent":
            beta = beta / 100.0
        if by == "ratio":
            se = se / np.exp(beta)
        elif by == "variance":
            se = np.sqrt(se)
        elif by == "weight":
            se = 1.0 / np.sqrt(se)
        elif by == "statistic":
            se = np.abs(beta / se)
        elif by == "half_width":
            se = se / HALF_WIDTH
        if how == "z":
            f = work.array("eaf")
            weight = np.where(np.isnan(f), 1.0, 2.0 * f * (1.0 - f))
            se = 1.0 / np.sqrt(weight * (work.array("n") + beta * beta))
            beta = beta * se
    return beta, se


def _fill_from_limits(work: Work, se: F64, *, ratio: bool) -> F64:
    """Return errors, made from the limits of 95 % where none is told."""
    cells = [work.source(to) for to in ("conf_low", "conf_high")]
    absent = np.isnan(se)
    if cells[0] is None or cells[1] is None or not absent.any():
        return se
    low, high = (
        parse_numbers(part)[0].fill_null(math.nan).to_numpy() for part in cells if part is not None
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.log(high) - np.log(low) if ratio else high - low
    made = absent & np.isfinite(width) & (width > 0)
    work.mark("se_from_limits", made)
    return np.where(made, width / (2.0 * HALF_WIDTH), se)


def _set_p(work: Work) -> None:
    cells, by = work.source("neg_log10_p"), work.by("neg_log10_p")
    rows = work.raw.height
    neg_log10_p = np.full(rows, math.nan)
    bound = zero = outside = np.zeros(rows, dtype=np.bool_)
    if cells is not None and by in ("p_text", "one_sided"):
        neg_log10_p, kind, mended = read_p(cells)
        bound, zero, outside, small, none = (
            kind == P_KINDS.index(name) for name in ("bound", "zero", "outside", "small", "")
        )
        neg_log10_p[none | zero | outside] = math.nan
        if by == "one_sided":
            neg_log10_p = _two_sided(neg_log10_p)
        work.mark("p_below_doubles", small)
        work.mark("typographic_minus", mended)
        if none.any():
            absent = cells.is_null() | cells.cast(pl.String).is_in(ABSENT)
            none &= ~absent.to_numpy()
        work.mark("p_unreadable", none)
    elif cells is not None:
        values, mended = parse_numbers(cells)
        work.mark("typographic_minus", mended)
        neg_log10_p = values.fill_null(math.nan).to_numpy() * _PER_NEG_LOG10[by] + 0.0
        zero, outside = np.isposinf(neg_log10_p), neg_log10_p < 0
        neg_log10_p = np.where(zero | outside, math.nan, neg_log10_p)
    for name, flags in (("p_bound", bound), ("p_zero", zero), ("p_outside", outside)):
        work.mark(name, flags)
    _fill_p(work, neg_log10_p, bound, outside)


def _two_sided(neg_log10_p: F64) -> F64:
    """Return two-sided -log10 p of one-sided ones, in whichever direction they are.

    NaN where p is so near 1 that its digits do not tell how near.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.power(10.0, -neg_log10_p)
        upper = -np.log10(2.0 * (1.0 - p))
    lower = neg_log10_p - math.log10(2.0)
    told = np.where(p > 0.5, upper, lower) + 0.0
    return np.where(p > 1.0 - _UPPER_TAIL, math.nan, told)


def _fill_p(work: Work, neg_log10_p: F64, bound: Bool, outside: Bool) -> None:
    """Compute p where none is told, and where only a bound is."""
    needed = (np.isnan(neg_log10_p) | bound) & ~outside
    origin = np.zeros(neg_log10_p.size, dtype=np.int64)
    work.columns["p_origin"] = work.empty(pl.String())
    if needed.any():
        beta, se = work.array("beta")[needed], work.array("se")[needed]
        good = np.isfinite(beta) & np.isfinite(se) & (se > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            computed = np.where(good, neg_log10_p_normal(np.where(good, beta / se, 0.0)), math.nan)
        limit = neg_log10_p[needed]
        neg_log10_p = neg_log10_p.copy()
        neg_log10_p[needed] = np.fmax(computed, limit)
        origin[needed] = np.where(limit >= computed, 2, np.where(good, 1, 0))
        origin[bound & (origin == 0)] = 2
        names = pl.Series([None, "computed", "bound"], dtype=pl.String)
        work.columns["p_origin"] = names.gather(origin)
    work.columns["neg_log10_p"] = pl.Series(neg_log10_p).fill_nan(None)


def _fill_from_p(work: Work) -> None:
    """Make errors from effects and p where neither column nor limits tell one."""
    cells = work.source("neg_log10_p")
    if cells is None or not work.facts.without_errors:
        return
    beta, se, p = (work.array(name) for name in ("beta", "se", "neg_log10_p"))
    reported = work.columns["p_origin"].is_null().to_numpy()
    absent = np.isnan(se) & np.isfinite(beta) & (beta != 0) & np.isfinite(p) & reported
    if not absent.any():
        return
    low, high = (z_from_neg_log10(end) for end in _rounded(cells, work.by("neg_log10_p"), p))
    z = z_from_neg_log10(p)
    with np.errstate(divide="ignore", invalid="ignore"):
        made = absent & (z > 0) & (high - low <= 2.0 * _COARSE * z)
        se = np.where(made, np.abs(beta) / z, se)
    work.mark("se_from_p", made)
    work.columns["se"] = pl.Series(se).fill_nan(None)


def _rounded(cells: pl.Series, by: str, neg_log10_p: F64) -> tuple[F64, F64]:
    """Return the least and the largest -log10 p that print as the cells do."""
    values = parse_numbers(cells)[0].fill_null(math.nan).to_numpy()
    half = half_units(cells, values)
    if by in _PER_NEG_LOG10:
        width = half * abs(_PER_NEG_LOG10[by])
        return np.maximum(neg_log10_p - width, 0.0), neg_log10_p + width
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(values > 0, np.minimum(half / values, 0.99), 0.0)
    low, high = neg_log10_p - np.log10(1.0 + share), neg_log10_p - np.log10(1.0 - share)
    return np.maximum(low, 0.0), high
