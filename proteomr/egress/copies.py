"""What rests on a moved error elsewhere: its copies, and functions of it, in the other tables.

Tables that compare, correct or combine results hold the errors and p values of `associations`
again, to the bit. Left as they were they would tell what moving them hides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.egress.moved_errors import OF_PEOPLE, round_digits
from proteomr.egress.recomputing import TEST_COLUMNS, numbers, recompute_tests
from proteomr.stats.distributions import neg_log10_p_chi2, p_from_neg_log10, quantile_normal
from proteomr.stats.e_values import Measure, e_values_of
from proteomr.tables import columns as c

__all__ = ["Copies", "Followed", "follow"]

# Copies are the same double, or went through a format of text. Of twenty thousand numbers and a
# million others fewer than one is a copy of another by chance.
_COPIED: Final = 1e-13
# Squares and tail probabilities of a statistic were computed in two ways, and agree to this.
_SAME: Final = 1e-9
_ENDS: Final = ("_a", "_b", "_discovery", "")
_ESTIMATES: Final = {"covariate_changes": "change"}
_ONE_EFFECT: Final = ("lr", "score", "wald", "contrasts")
_P_COLUMNS: Final = (c.NEG_LOG10_P, c.P_VALUE)
_LEVEL: Final = 0.95  # of limits that a table of E-values took from an error


@dataclass(frozen=True, slots=True)
class Followed:
    """What becomes of columns that rest on moved errors.

    Attributes
    ----------
    columns : by name, NaN where nothing leaves.
    lent : by name, the cells that are copies of what another table lets out.
    """

    columns: Mapping[str, F64]
    lent: Mapping[str, Bool]


@dataclass(frozen=True, slots=True)
class Copies:
    """Numbers of tests, sorted, each with what leaves in its place.

    Attributes
    ----------
    exact, left : (m,) each.
    effects : estimate, error and limits of each row of `associations`, exact and as they leave.
    """

    exact: F64
    left: F64
    effects: tuple[F64, F64]

    @classmethod
    def of(cls, tables: Iterable[tuple[pl.DataFrame, pl.DataFrame]]) -> Copies:
        """Return the numbers of tests of tables, each given with its columns as they leave."""
        exact, left = [np.empty(0)], [np.empty(0)]
        effects = [(np.empty((0, 4)), np.empty((0, 4)))]
        for before, after in tables:
            names = [name for name in TEST_COLUMNS if name in before.columns and name != c.DF]
            for name in names:
                exact.append(numbers(before, name))
                left.append(numbers(after, name))
            exact.append(np.square(numbers(before, c.ESTIMATE) / numbers(before, c.SE)))
            left.append(np.square(numbers(before, c.ESTIMATE) / numbers(after, c.SE)))
            wanted = (c.SE, c.CONF_LOW, c.CONF_HIGH)
            estimate = numbers(before, c.ESTIMATE)
            both = [
                np.column_stack([estimate, *(numbers(frame, name) for name in wanted)])
                for frame in (before, after)
            ]
            effects.append((both[0], both[1]))
        every, moved = np.concatenate(exact), np.concatenate(left)
        # whole numbers (p of 1, a statistic of 0) are copies of nothing
        kept = np.isfinite(every) & (every != np.rint(every))
        order = np.argsort(every[kept], kind="stable")
        joined = tuple(np.concatenate(side) for side in zip(*effects, strict=True))
        order_of = np.argsort(joined[0][:, 0], kind="stable")
        sides = (joined[0][order_of], joined[1][order_of])
        return cls(every[kept][order], moved[kept][order], sides)

    def find(self, values: F64, *, within: float = _COPIED) -> tuple[Bool, F64]:
        """Return which numbers are copies, and what leaves in place of them."""
        found, place = _find(self.exact, values, within)
        left = np.full(values.size, np.nan)
        left[found] = self.left[place[found]]
        return found, left

    def find_effects(self, estimates: F64) -> tuple[F64, F64]:
        """Return estimate, error and limits by estimates, exact and leaving; NaN where unknown."""
        found, place = _find(self.effects[0][:, 0], estimates, _COPIED)
        sides = []
        for side in self.effects:
            taken = np.full((estimates.size, side.shape[1]), np.nan)
            taken[found] = side[place[found]]
            sides.append(taken)
        return sides[0], sides[1]


def follow(
    exact: pl.DataFrame, table: str, copies: Copies, *, df: F64, told: Bool, digits: int
) -> Followed:
    """Return the columns of a table that rest on errors of people, as they may leave.

    Copies leave as what they are of does. Of other errors over people, of which no column says
    what formula of counts they are, few digits leave; statistics, p values and limits are those
    of the rounded error.

    Parameters
    ----------
    exact : the table.
    table : its name.
    copies : of what `associations` lets out.
    df : (m,) degrees of freedom that leave, NaN where none do.
    told : (m,) rows whose count of people stays, and with it the error.
    digits : significant ones of errors of unknown formulas.
    """
    lent, left = {}, {}
    within = _SAME if table == "joint_tests" else _COPIED
    for name in exact.columns:
        if exact[name].dtype == pl.Float64 and name != c.DF:
            found, moved = copies.find(numbers(exact, name), within=within)
            if found.any():
                lent[name], left[name] = found, moved
    made: dict[str, F64] = {}
    if table in OF_PEOPLE:
        made = _round_tests(exact, table, (lent, left), df=df, told=told, digits=digits)
    if table == "joint_tests":
        made = _round_joint_tests(exact, lent, digits=digits)
    if table == "e_values":
        made = _limit_e_values(exact, copies)
    for name, found in lent.items():
        made[name] = np.where(found, left[name], made.get(name, numbers(exact, name)))
    if table == "coefficients":
        _empty_intercepts(exact, made)
    return Followed(made, lent)


def _find(among: F64, values: F64, within: float) -> tuple[Bool, F64]:
    """Return which values stand in sorted numbers, and where."""
    if not among.size:
        return np.zeros(values.size, dtype=np.bool_), np.zeros(values.size, dtype=np.int64)
    right = np.clip(np.searchsorted(among, values), 0, among.size - 1)
    before = np.maximum(right - 1, 0)
    with np.errstate(invalid="ignore"):
        gap = [np.abs(among[place] - values) for place in (right, before)]
        place = np.where(gap[0] <= gap[1], right, before)
        found = np.minimum(*gap) <= within * np.abs(values)
    return found & np.isfinite(values) & (values != np.rint(values)), place


def _round_tests(
    exact: pl.DataFrame,
    table: str,
    copied: tuple[Mapping[str, Bool], Mapping[str, F64]],
    *,
    df: F64,
    told: Bool,
    digits: int,
) -> dict[str, F64]:
    lent, left = copied
    made: dict[str, F64] = {}
    for end in _ENDS:
        error = f"{c.SE}{end}"
        if error not in exact.columns:
            continue
        rounded = round_digits(numbers(exact, error), digits)
        if error in lent:
            rounded = np.where(lent[error], left[error], rounded)
        rounded = np.where(told, np.nan, rounded)
        own = _ESTIMATES.get(table, f"{c.ESTIMATE}{end}")
        held = [name for name in TEST_COLUMNS if f"{name}{end}" in exact.columns]
        plain = exact.select(
            pl.col(own).alias(c.ESTIMATE), *(pl.col(f"{name}{end}").alias(name) for name in held)
        )
        again = recompute_tests(plain, rounded, df)
        made |= {f"{name}{end}": numbers(again, name) for name in held}
    return made


def _round_joint_tests(
    exact: pl.DataFrame, lent: Mapping[str, Bool], *, digits: int
) -> dict[str, F64]:
    """Round tests of one effect as errors are: it is the estimate over its error, squared."""
    statistic, df = numbers(exact, c.STATISTIC), numbers(exact, c.DF)
    one = (df == 1.0) & exact["test"].is_in(_ONE_EFFECT).to_numpy()
    one &= ~lent.get(c.STATISTIC, np.zeros(one.size, dtype=np.bool_))
    rounded = np.where(one, round_digits(statistic, digits), statistic)
    made = {c.STATISTIC: rounded}
    minus_log = numbers(exact, c.NEG_LOG10_P)
    again, moved = (neg_log10_p_chi2(x, df) for x in (statistic, rounded))
    with np.errstate(invalid="ignore"):
        normal = np.abs(again - minus_log) <= _SAME * (1.0 + minus_log)
    moved = np.where(one, np.where(normal, moved, np.nan), minus_log)
    made[c.NEG_LOG10_P] = moved
    made[c.P_VALUE] = np.where(one, p_from_neg_log10(moved), numbers(exact, c.P_VALUE))
    return made


def _limit_e_values(exact: pl.DataFrame, copies: Copies) -> dict[str, F64]:
    """Compute E-values of limits again, where these are limits that leave; others are empty."""
    given = numbers(exact, "e_value_limit")
    before, after = copies.find_effects(numbers(exact, c.ESTIMATE))
    made = np.full(given.size, np.nan)
    reach = float(quantile_normal([0.5 + _LEVEL / 2.0])[0])
    for name in exact["measure"].unique().to_list():
        measure = cast("Measure", name)
        rows = np.flatnonzero((exact["measure"] == name).to_numpy())
        for own in (True, False):  # limits of the table, or of its error
            tried = []
            for side in (before[rows], after[rows]):
                estimate, se = side[:, 0], side[:, 1]
                low, high = side[:, 2], side[:, 3]
                if not own:
                    low, high = estimate - reach * se, estimate + reach * se
                tried.append(e_values_of(estimate, se, low, high, measure)[2])
            with np.errstate(invalid="ignore"):
                same = np.abs(tried[0] - given[rows]) <= _SAME * given[rows]
            made[rows[same]] = tried[1][same]
    return {"e_value_limit": made}


def _empty_intercepts(exact: pl.DataFrame, made: dict[str, F64]) -> None:
    """Empty the rows of intercepts: of a protein of mean 0 they are minus estimates times means.

    The mean of an exposure of two levels is the share of people who have it.
    """
    rows = (exact["coefficient"] == "(Intercept)").to_numpy()
    for name in (c.ESTIMATE, *TEST_COLUMNS):
        if name in exact.columns:
            made[name] = np.where(rows, np.nan, made.get(name, numbers(exact, name)))
