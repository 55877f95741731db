"""Numbers that depend on how many people there are, computed again from the counts that leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Final

import numpy as np
import polars as pl
from scipy import special

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_t, p_from_neg_log10, quantile_t
from proteomr.stats.multiple import Adjustment, adjust
from proteomr.tables import columns as c

__all__ = ["T_COLUMNS", "recompute_corrections", "recompute_shares", "recompute_t_tests"]

T_COLUMNS: Final = (c.DF, c.NEG_LOG10_P, c.P_VALUE, c.CONF_LOW, c.CONF_HIGH)
"""Columns of a t test from which its degrees of freedom, and so its people, can be found."""

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


def recompute_t_tests(exact: pl.DataFrame, n: pl.Series) -> pl.DataFrame:
    """Return the columns of t tests as functions of estimate, error and the people that leave.

    Degrees of freedom become ``n' - (n - df)``: the known number of coefficients less than the
    rounded count n'. Rows of normal tests (df empty or infinite) keep theirs; where estimate over
    error does not give the p value and the limits that the table has, these are empty.

    Parameters
    ----------
    exact : with estimate, se and df, and n people where the table has it.
    n : people that leave, empty where none do.
    """
    names = [name for name in T_COLUMNS if name in exact.columns]
    old = {name: exact[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in names}
    tested = np.isfinite(old[c.DF])
    df = _move_df(exact, n, old[c.DF])
    estimate, se = (_numbers(exact, name) for name in (c.ESTIMATE, c.SE))
    known = tested & np.isfinite(df) & (df > 0.0) & (se > 0.0)
    made = {name: np.where(tested, np.nan, column) for name, column in old.items()}
    made[c.DF][known] = df[known]
    if {c.NEG_LOG10_P, c.P_VALUE} & set(names):
        _move_p(made, old, estimate / np.where(se > 0.0, se, np.nan), known)
    if {c.CONF_LOW, c.CONF_HIGH} <= set(names):
        _move_limits(made, old, estimate, se, known=known)
    columns = [pl.Series(k, v, dtype=pl.Float64).fill_nan(None) for k, v in made.items()]
    return pl.DataFrame(columns).select(names)


def _numbers(frame: pl.DataFrame, name: str) -> F64:
    if name not in frame.columns:
        return np.full(frame.height, np.nan)
    return frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _move_df(exact: pl.DataFrame, n: pl.Series, df: F64) -> F64:
    if c.N not in exact.columns:
        return np.full(exact.height, np.nan)
    left = n.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return left - (_numbers(exact, c.N) - df)


def _move_p(
    made: dict[str, F64], old: Mapping[str, F64], t: F64, known: np.ndarray[tuple[int], np.dtype]
) -> None:
    given = old.get(c.NEG_LOG10_P)
    if given is None:
        with np.errstate(divide="ignore"):
            given = -np.log10(old[c.P_VALUE])
    again = np.full(t.size, np.nan)
    again[known] = neg_log10_p_t(t[known], old[c.DF][known])
    same = known & (np.abs(again - given) <= _SAME * (1.0 + np.abs(given)))
    minus_log = np.full(t.size, np.nan)
    minus_log[same] = neg_log10_p_t(t[same], made[c.DF][same])
    if c.NEG_LOG10_P in made:
        made[c.NEG_LOG10_P][same] = minus_log[same]
    if c.P_VALUE in made:
        made[c.P_VALUE][same] = p_from_neg_log10(minus_log[same])


def _move_limits(
    made: dict[str, F64],
    old: Mapping[str, F64],
    estimate: F64,
    se: F64,
    *,
    known: np.ndarray[tuple[int], np.dtype],
) -> None:
    rows = np.flatnonzero(known & np.isfinite(old[c.CONF_HIGH]) & np.isfinite(old[c.CONF_LOW]))
    if not rows.size:
        return
    df = old[c.DF][rows]
    reach = (old[c.CONF_HIGH][rows] - estimate[rows]) / se[rows]
    below = np.where(np.isinf(df), special.ndtr(reach), special.stdtr(df, reach))
    upper = 0.5 + np.round(2.0 * below - 1.0, _LEVEL_DIGITS) / 2.0
    inside = (upper > 0.5) & (upper < 1.0)
    rows, df, reach, upper = rows[inside], df[inside], reach[inside], upper[inside]
    low = (estimate[rows] - old[c.CONF_LOW][rows]) / se[rows]
    again = quantile_t(upper, df)
    same = (np.abs(again - reach) <= _SAME * reach) & (np.abs(again - low) <= _SAME * reach)
    rows = rows[same]
    half = quantile_t(upper[same], made[c.DF][rows]) * se[rows]
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
    present = [n for n in (c.ADJUSTMENT, c.STRATUM) if n in exact.columns]
    targets = [n for n in (c.EXPOSURE, c.OUTCOME) if n in exact.columns]
    terms = [n for n in (c.TERM,) if n in exact.columns]
    named = (c.EXPOSURE, c.OUTCOME, c.PROTEIN)
    main = [pl.col(c.TERM) == pl.col(n) for n in named if terms and n in exact.columns]
    is_main = pl.any_horizontal(*main).fill_null(value=False) if main else pl.lit(value=True)
    frame = exact.with_columns(is_main.cast(pl.String).alias("\0main"))
    choices: tuple[list[str], ...] = (
        [*present, "\0main"],
        [*present, *targets, "\0main"],
        present,
        [],
    )
    return [
        frame.select(
            pl.concat_str(
                [pl.col(n).fill_null("\1") for n in names] or [pl.lit("")], separator="\0"
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
    given = _numbers(exact, c.NEG_LOG10_P)
    minus_log = _numbers(leaving, c.NEG_LOG10_P)
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
        given = _numbers(exact, name)
        for above, below in permutations(leaving, 2):
            top, bottom = _numbers(exact, above), _numbers(exact, below)
            with np.errstate(divide="ignore", invalid="ignore"):
                quotient = top / bottom
            for unit in (1.0, 100.0):
                same = np.abs(unit * quotient - given) <= _SAME * unit
                if np.isfinite(given).any() and same[np.isfinite(given)].all():
                    a, b = (leaving[one].cast(pl.Float64) for one in (above, below))
                    share = (unit * a / b).set(exact[name].is_null(), None)
                    made[name] = share.round_sig_figs(digits).alias(name)
    return made
