"""What leaves of a table's tests: errors, statistics, degrees of freedom, p values, corrections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.egress.copies import Copies, follow
from proteomr.egress.moved_errors import LENDERS, leave_df, move_errors
from proteomr.egress.policies import Policy
from proteomr.egress.reading import GivenTable
from proteomr.egress.recomputing import numbers, recompute_corrections, recompute_tests
from proteomr.egress.unwritten_df import keep_open
from proteomr.tables import ColumnSchema
from proteomr.tables import columns as c

__all__ = ["is_df", "move_associations", "release_tests"]

_P_COLUMNS: Final = (c.NEG_LOG10_P, c.P_VALUE, c.CONF_LOW, c.CONF_HIGH)
_CORRECTED: Final = (c.P_BONFERRONI, c.P_HOLM, c.Q_BH, c.Q_BY, c.Q_STOREY)

Columns = dict[str, pl.Series]


def is_df(kind: ColumnSchema) -> bool:
    """Tell whether a column has degrees of freedom that count people."""
    return (
        kind.name.startswith("df")
        and kind.disclosure == "count"
        and kind.dtype in {"integer", "float"}
    )


def move_associations(
    frame: pl.DataFrame, counts: Mapping[str, pl.Series], policy: Policy
) -> Columns:
    """Return the tests of associations as functions of the counts that leave.

    Parameters
    ----------
    frame : the table.
    counts : its columns of people as they leave.
    policy : that holds.
    """
    n, _ = _people_left(frame, counts)
    se = move_errors(frame, counts, digits=policy.extreme_digits)
    again = recompute_tests(frame, se, leave_df(numbers(frame, c.N), n, numbers(frame, c.DF)))
    return {name: again[name] for name in again.columns}


def release_tests(
    given: GivenTable, counts: Mapping[str, pl.Series], policy: Policy, copies: Copies
) -> tuple[Columns, Columns]:
    """Return what of tests is computed again, and what is kept where it leaves the people open.

    Empty are tests of tables whose degrees of freedom have a name that does not say whose they are.

    Parameters
    ----------
    given : the table.
    counts : its columns of people as they leave.
    policy : that holds.
    copies : of tests of the release.
    """
    frame, kinds = given.frame, () if given.schema is None else given.schema.columns
    df = [kind.name for kind in kinds if is_df(kind) and kind.name in frame.columns]
    unwritten = [k.name for k in kinds if k.disclosure == "test" and k.name in frame.columns]
    if df and df != [c.DF]:
        names = [*df, *(n for n in _P_COLUMNS if n in frame.columns)]
        return {n: pl.Series(n, [None] * frame.height, dtype=pl.Float64) for n in names}, {}
    table = "" if given.schema is None else given.schema.name
    if table in LENDERS:
        return _correct(frame, move_associations(frame, counts, policy)), {}
    n, told = _people_left(frame, counts)
    left = leave_df(numbers(frame, c.N), n, numbers(frame, c.DF))
    digits = policy.extreme_digits
    found = follow(frame, table, copies, df=left, told=told, digits=digits)
    made = {
        name: pl.Series(name, column, dtype=pl.Float64).fill_nan(None)
        for name, column in found.columns.items()
    }
    if not unwritten:
        return _correct(frame, made), {}
    return made, _keep_open(frame, unwritten, (made, found.lent), policy)


def _people_left(frame: pl.DataFrame, counts: Mapping[str, pl.Series]) -> tuple[F64, Bool]:
    """Return how many people each row is of as that leaves, and whether it stays."""
    if c.N not in counts:
        return np.full(frame.height, np.nan), np.zeros(frame.height, dtype=np.bool_)
    n = numbers(pl.DataFrame({c.N: counts[c.N]}), c.N)
    return n, np.isnan(n)


def _correct(frame: pl.DataFrame, tests: Columns) -> Columns:
    """Add the corrections of p values that are computed again."""
    held = any(name in frame.columns for name in _CORRECTED)
    if c.NEG_LOG10_P not in tests or not held:
        return tests
    corrected = recompute_corrections(frame, pl.DataFrame([tests[c.NEG_LOG10_P]]))
    return tests | {name: corrected[name] for name in corrected.columns}


def _keep_open(
    frame: pl.DataFrame,
    names: list[str],
    moved: tuple[Columns, Mapping[str, Bool]],
    policy: Policy,
) -> Columns:
    """Return p values of tests without their df, empty where they would tell the people.

    Corrections are of the p values that leave: each may be of any of them.
    """
    tests, lent = moved
    kept = keep_open(frame, names, digits=policy.digits, k=policy.k)
    made = {}
    for name in names:
        own = pl.Series(lent.get(name, np.zeros(frame.height, dtype=np.bool_)))
        made[name] = tests.get(name, frame[name]).set(kept[name].is_null() & ~own, None)
    return _correct(frame, made)
