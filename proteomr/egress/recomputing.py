"""Numbers that depend on how many people there are, computed again from the counts that leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Final

import numpy as np
import polars as pl
from scipy import special

from proteomr._typing import F64, Bool
from proteomr.stats.distributions import (
    neg_log10_p_normal,
    neg_log10_p_t,
    p_from_neg_log10,
    quantile_t,
    z_from_neg_log10,
)
from proteomr.stats.multiple import Adjustment, adjust
from proteomr.tables import columns as c

__all__ = [
    "TEST_COLUMNS",
    "numbers",
    "recompute_corrections",
    "recompute_shares",
    "recompute_tests",
]

TEST_COLUMNS: Final = (
    *(c.SE, c.STATISTIC, c.DF, c.NEG_LOG10_P, c.P_VALUE, c.CONF_LOW, c.CONF_HIGH),
)
"""Columns from which a standard error, or its degrees of freedom, can be found."""

_CORRECTIONS: Final[Mapping[str, Adjustment]] = {
    c.P_BONFERRONI: "bonferroni",
    c.P_HOLM: "holm",
    c.Q_BH: "bh",
    c.Q_BY: "by",
    c.Q_STOREY: "storey",
}
# What a run computed is found again to this, or is not taken to be understood: p values, limits
# and corrections carry rounding errors of 1e-13 to 1e-10 through logarithms and quantiles.
_SAME: Final = 1e-7
_LEVEL_DIGITS: Final = 4  # of the coverage of an interval: 0.95, 0.9975


def recompute_tests(exact: pl.DataFrame, se: F64, df: F64) -> pl.DataFrame:
    """Return the columns of tests as functions of estimate and of errors and df that leave.

    Statistics are divided by what the error has grown, and limits move away from the estimate by
    it. Of t tests p values and limits are those of the degrees of freedom that leave; where
    estimate over error does not give what the table has, these are empty. Of others the normal
    deviate that has the p value is divided as the statistic is.

    Parameters
    ----------
    exact : with estimate and se, and df where tests are t tests (else empty or infinite).
    se : (m,) that leave, NaN where none do.
    df : (m,) that leave, NaN where none do.
    """
    names = [name for name in TEST_COLUMNS if name in exact.columns]
    old = {name: numbers(exact, name) for name in (*names, c.DF)}
    tested = np.isfinite(old[c.DF])
    estimate, before = numbers(exact, c.ESTIMATE), numbers(exact, c.SE)
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.where(before > 0.0, se / before, np.nan)
    known = tested & np.isfinite(df) & (df > 0.0) & (grown > 0.0)
    made = {name: np.where(tested, np.nan, column) for name, column in old.items()}
    made[c.DF][tested & (df > 0.0)] = df[tested & (df > 0.0)]
    made[c.SE] = se
    with np.errstate(divide="ignore", invalid="ignore"):
        made[c.STATISTIC] = old.get(c.STATISTIC, np.full(se.size, np.nan)) / grown
        if {c.NEG_LOG10_P, c.P_VALUE} & set(names):
            _move_p(made, old, (estimate / before, estimate / se), known)
            _move_normal_p(made, old, grown, ~tested)
    if {c.CONF_LOW, c.CONF_HIGH} <= set(names):
        _move_t_limits(made, old, estimate, (before, se), known=known)
        _move_limits(made, old, estimate, grown, ~tested)
    columns = [pl.Series(name, made[name], dtype=pl.Float64).fill_nan(None) for name in names]
    return pl.DataFrame(columns)


def numbers(frame: pl.DataFrame, name: str) -> F64:
    """Return a column as numbers, NaN where it is empty or is not there."""
    if name not in frame.columns:
        return np.full(frame.height, np.nan)
    return frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy().copy()


def _read_minus_log(old: Mapping[str, F64]) -> F64:
    if c.NEG_LOG10_P in old:
        return old[c.NEG_LOG10_P]
    with np.errstate(divide="ignore"):
        return -np.log10(old[c.P_VALUE])


def _write_p(made: dict[str, F64], minus_log: F64, rows: Bool) -> None:
    if c.NEG_LOG10_P in made:
        made[c.NEG_LOG10_P][rows] = minus_log[rows]
    if c.P_VALUE in made:
        made[c.P_VALUE][rows] = p_from_neg_log10(minus_log[rows])


def _move_p(made: dict[str, F64], old: Mapping[str, F64], t: tuple[F64, F64], known: Bool) -> None:
    given = _read_minus_log(old)
    again = np.full(given.size, np.nan)
    again[known] = neg_log10_p_t(t[0][known], old[c.DF][known])
    same = known & (np.abs(again - given) <= _SAME * (1.0 + np.abs(given)))
    minus_log = np.full(given.size, np.nan)
    minus_log[same] = neg_log10_p_t(t[1][same], made[c.DF][same])
    _write_p(made, minus_log, same)


def _move_normal_p(made: dict[str, F64], old: Mapping[str, F64], grown: F64, rows: Bool) -> None:
    _write_p(made, neg_log10_p_normal(z_from_neg_log10(_read_minus_log(old)) / grown), rows)


def _move_limits(
    made: dict[str, F64], old: Mapping[str, F64], estimate: F64, grown: F64, rows: Bool
) -> None:
    """Move limits away from the estimate: by factors where they lie around it so (synergy)."""
    low, high = old[c.CONF_LOW], old[c.CONF_HIGH]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        above, below = high / estimate, estimate / low
        by_factors = (low > 0.0) & (np.abs(above - below) <= _SAME * above)
        for name, limit in ((c.CONF_LOW, low), (c.CONF_HIGH, high)):
            by_sums = estimate + (limit - estimate) * grown
            moved = np.where(by_factors, estimate * (limit / estimate) ** grown, by_sums)
            made[name][rows] = moved[rows]


def _move_t_limits(
    made: dict[str, F64],
    old: Mapping[str, F64],
    estimate: F64,
    se: tuple[F64, F64],
    *,
    known: Bool,
) -> None:
    rows = np.flatnonzero(known & np.isfinite(old[c.CONF_HIGH]) & np.isfinite(old[c.CONF_LOW]))
    if not rows.size:
        return
    df = old[c.DF][rows]
    reach = (old[c.CONF_HIGH][rows] - estimate[rows]) / se[0][rows]
    upper = 0.5 + np.round(2.0 * special.stdtr(df, reach) - 1.0, _LEVEL_DIGITS) / 2.0
    inside = (upper > 0.5) & (upper < 1.0)
    rows, df, reach, upper = rows[inside], df[inside], reach[inside], upper[inside]
    low = (estimate[rows] - old[c.CONF_LOW][rows]) / se[0][rows]
    again = quantile_t(upper, df)
    same = (np.abs(again - reach) <= _SAME * reach) & (np.abs(again - low) <= _SAME * reach)
    rows = rows[same]
    half = quantile_t(upper[same], made[c.DF][rows]) * se[1][rows]
    made[c.CONF_LOW][rows] = estimate[rows] - half
    made[c.CONF_HIGH][rows] = estimate[rows] + half


def recompute_corrections(exact: pl.DataFrame, leaving: pl.DataFrame) -> pl.DataFrame:
    """Return corrected p values of the p values that leave; empty where the rule is not found.

    The tests that were corrected together are looked for among adjustment sets, strata, terms,
    exposures and outcomes: those count by which the exact table comes out again.

    Parameters
    ----------
    exact : with -log10 p and corrected p values.
    leaving : the same rows, with the -log10 p that leaves.
    """
    names = [name for name in _CORRECTIONS if name in exact.columns]
    made = []
    for name in names:
        found = next(
            (keys for keys in _families(exact) if _is_family(exact, name, keys)),
            None,
        )
        empty = pl.Series(name, [None] * exact.height, dtype=pl.Float64)
        made.append(empty if found is None else _correct(exact, leaving, name, found))
    return pl.DataFrame(made)


def _families(exact: pl.DataFrame) -> list[pl.Series]:
    """Return candidates of what tells families of tests apart, as one column each."""
    present = [n for n in (c.ADJUSTMENT, c.STRATUM, "split", "half") if n in exact.columns]
    targets = [n for n in (c.EXPOSURE, c.OUTCOME) if n in exact.columns]
    terms = [n for n in (c.TERM,) if n in exact.columns]
    named = (c.EXPOSURE, c.OUTCOME, c.PROTEIN)
    main = [pl.col(c.TERM) == pl.col(n) for n in named if terms and n in exact.columns]
    is_main = pl.any_horizontal(*main).fill_null(value=False) if main else pl.lit(value=True)
    frame = exact.with_columns(is_main.cast(pl.String).alias("\0main"), pl.lit("").alias("\0all"))
    choices: tuple[list[str], ...] = (
        [*present, "\0main"],
        [*present, *targets, "\0main"],
        ["\0all", *present],
        ["\0all"],
    )
    return [
        frame.select(
            pl.concat_str(
                [pl.col(n).cast(pl.String).fill_null("\1") for n in names], separator="\0"
            )
        ).to_series()
        for names in choices
    ]


def _is_family(exact: pl.DataFrame, name: str, family: pl.Series) -> bool:
    again = _correct(exact, exact, name, family)
    given = exact[name]
    both = given.is_not_null() & again.is_not_null()
    if (given.is_not_null() != again.is_not_null()).any() or not both.any():
        return False
    gap = (given.filter(both) - again.filter(both)).abs()
    return bool((gap <= _SAME * (given.filter(both).abs() + _SAME)).all())


def _correct(exact: pl.DataFrame, leaving: pl.DataFrame, name: str, family: pl.Series) -> pl.Series:
    given = numbers(exact, c.NEG_LOG10_P)
    minus_log = numbers(leaving, c.NEG_LOG10_P)
    minus_log = np.where(exact[name].is_null().to_numpy(), np.nan, minus_log)
    made = np.full(exact.height, np.nan)
    labels = family.to_numpy()
    for label in dict.fromkeys(labels):
        rows = np.flatnonzero(labels == label)
        tests = int(np.isfinite(given[rows]).sum())
        if np.isfinite(minus_log[rows]).any() and _CORRECTIONS[name] != "storey":
            made[rows] = adjust(minus_log[rows], method=_CORRECTIONS[name], n_tests=tests)
    return pl.Series(name, made, dtype=pl.Float64).fill_nan(None)


def recompute_shares(
    exact: pl.DataFrame, leaving: Mapping[str, pl.Series], names: Sequence[str], *, digits: int
) -> dict[str, pl.Series]:
    """Return the shares that are a quotient of two counts of their rows, of the counts that leave.

    Parameters
    ----------
    exact : the table.
    leaving : its counts as they leave, by name.
    names : columns of shares.
    digits : significant ones.
    """
    made = {}
    for name in names:
        given = numbers(exact, name)
        for above, below in permutations(leaving, 2):
            top, bottom = numbers(exact, above), numbers(exact, below)
            with np.errstate(divide="ignore", invalid="ignore"):
                quotient = top / bottom
            for unit in (1.0, 100.0):
                same = np.abs(unit * quotient - given) <= _SAME * unit
                if np.isfinite(given).any() and same[np.isfinite(given)].all():
                    a, b = (leaving[one].cast(pl.Float64) for one in (above, below))
                    share = (unit * a / b).set(exact[name].is_null(), None)
                    made[name] = share.round_sig_figs(digits).alias(name)
    return made
