"""What of a table leaves under a policy, column by column, and why the rest does not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from proteomr.egress.copies import Copies
from proteomr.egress.curves import count_curves, draw_curves, is_curve
from proteomr.egress.moved_errors import LENDERS, OF_PEOPLE, find_few
from proteomr.egress.pairs import round_pairs
from proteomr.egress.policies import Policy
from proteomr.egress.reading import GivenTable
from proteomr.egress.recomputing import recompute_shares
from proteomr.egress.relations import CountTable, Number, list_measured
from proteomr.egress.released_tests import is_df, move_associations, release_tests
from proteomr.tables import ColumnSchema
from proteomr.tables import columns as c

__all__ = ["ColumnVerdict", "TableVerdict", "copy_tests", "count_table", "judge_table"]

# Counts that the other numbers of a row rest on: below k, the row tells of these people alone.
_BASES: Final = (c.N, c.N_CASE, "people", "n1", "n2", "at_risk")
_TRAITS: Final = ("", "_exposure", "_outcome")  # whose alleles a row counts
_HALF: Final = 0.5  # copies are whole, and frequencies are written with few digits
# The first of these that a row has is how many people its level or group has.
_SIZES: Final = ("count", "people", "n", "at_risk")
_APART: Final = ("time", "cause", "horizon", "threshold")
_GROUPS: Final = ("level", "group", "stratum", "contrast")
_OF_PAIRS: Final = "to as many digits as any number of people agrees with"
_TESTS_KEPT: Final = "where the digits that leave agree with k people more or fewer; else empty"
_OF_PEOPLE_LEFT: Final = "of the people that leave, as they would give it"
_OF_FEW_DIGITS: Final = "of an error that has few digits, or left with its association"
_MEANS: Final = "with the people it is of, it tells how many have which value"
_ROUND_TIMES: Final = "round times alone, with the events up to each; the steps are persons'"
_WORDS: Final = "words that may hold a count"


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    """What becomes of a column.

    Attributes
    ----------
    file, column : which; column empty for a whole file.
    disclosure : its class; empty where it has none.
    action : leaves, rounded, recomputed, or withheld.
    cells : how many of its cells are empty in what leaves and were not; None for a whole file.
    reason : why.
    """

    file: str
    column: str
    disclosure: str
    action: str
    cells: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """What becomes of a table.

    Attributes
    ----------
    given : the table.
    leaving : what leaves of it; None where nothing does.
    columns : what becomes of each column.
    """

    given: GivenTable
    leaving: pl.DataFrame | None
    columns: tuple[ColumnVerdict, ...]


def count_table(given: GivenTable) -> CountTable:
    """Return the whole counts of people of a table, and the text that names its rows."""
    if is_curve(given):
        return count_curves(given)
    frame, kinds = given.frame, _columns_of(given)
    counts, keys = {}, {}
    for name in frame.columns:
        kind = kinds.get(name)
        if kind is None:
            continue
        if _is_count(kind) and not is_df(kind):
            counts[name] = _whole(frame[name])
        elif kind.dtype == "text" and kind.disclosure == "none" and name != c.STATUS:
            keys[name] = frame[name].to_list()
    apart: dict[str, Sequence[object]] = {
        name: frame[name].to_list() for name in _APART if name in frame.columns
    }
    return CountTable(given.schema.name if given.schema else "", counts, keys, apart=apart)


def copy_tests(
    tables: Sequence[GivenTable], policy: Policy, *, withheld: Collection[Number] = ()
) -> Copies:
    """Return the numbers of tests that other tables may hold again, each with what leaves of it.

    Parameters
    ----------
    tables : of a release.
    policy : that holds.
    withheld : counts that sums of the release would give away.
    """
    lenders = [given for given in tables if given.schema and given.schema.name in LENDERS]
    judged = (_Judged(one, policy, frozenset(withheld), _columns_of(one)) for one in lenders)
    return Copies.of((one.given.frame, one.moved_tests()) for one in judged)


def judge_table(
    given: GivenTable,
    policy: Policy,
    *,
    withheld: Collection[Number] = (),
    copies: Copies | None = None,
) -> TableVerdict:
    """Return what leaves of a table.

    Parameters
    ----------
    given : the table.
    policy : that holds.
    withheld : counts that sums of the release would give away.
    copies : of tests of the release (`copy_tests`); None where no other table has any.
    """
    if given.schema is None:
        return _refuse(given, "", "no schema says what its columns tell")
    kinds = _columns_of(given)
    if any(kind.disclosure == "person" for kind in kinds.values()):
        return _refuse(given, "person", "rows or values of single persons never leave")
    held = Copies.of(()) if copies is None else copies
    return _Judged(given, policy, frozenset(withheld), kinds, held).verdict()


def _refuse(given: GivenTable, disclosure: str, reason: str) -> TableVerdict:
    told = ColumnVerdict(given.file, "", disclosure, "withheld", None, reason)
    return TableVerdict(given, None, (told,))


def _columns_of(given: GivenTable) -> dict[str, ColumnSchema]:
    return {} if given.schema is None else {kind.name: kind for kind in given.schema.columns}


def _is_count(kind: ColumnSchema) -> bool:
    return kind.disclosure == "count" and kind.dtype in {"integer", "float"}


def _whole(column: pl.Series) -> list[int | None]:
    values = column.cast(pl.Float64).to_list()
    return [int(v) if v is not None and v >= 0.0 and v == v // 1 else None for v in values]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A table on its way out: its counts first, then all that is a function of them."""

    given: GivenTable
    policy: Policy
    withheld: frozenset[Number]
    kinds: Mapping[str, ColumnSchema]
    copies: Copies = field(default_factory=lambda: Copies.of(()))

    def moved_tests(self) -> pl.DataFrame:
        """Return the columns of tests of associations as they leave, before they are rounded."""
        counts = self._counts()
        small = self._small_rows(counts)
        tests = move_associations(self.given.frame, counts, self.policy)
        return pl.DataFrame([column.set(small, None) for column in tests.values()])

    def verdict(self) -> TableVerdict:
        frame = self.given.frame
        counts = self._counts()
        small, few = self._small_rows(counts), self._few_people(counts)
        tests, opened = release_tests(self.given, counts, self.policy, self.copies)
        digits, k = self.policy.digits, self.policy.k
        shares = recompute_shares(frame, counts, self._of("share"), digits=digits)
        pairs = round_pairs(frame, counts, digits=digits, k=k)
        if is_curve(self.given):
            curve = draw_curves(self.given, pl.DataFrame(counts), k=k, digits=digits)
            shares[curve.name] = curve
        leaving, told = [], []
        for name in frame.columns:
            column, action, reason = self._judge(name, counts, tests, shares)
            if column is not None and name in pairs:
                column, reason = pairs[name].round_sig_figs(digits), _OF_PAIRS
            if name in opened:
                column, action = opened[name].round_sig_figs(digits), "recomputed"
                reason = _TESTS_KEPT
            if column is not None and (told_by := self._tells_counts(name)).any():
                column, reason = column.set(told_by, None), f"{reason}; empty: {_MEANS}"
            if column is not None and name in _GROUPS and self.kinds[name].null:
                column = column.set(few, None)
            if column is not None and action != "leaves" and name not in counts:
                column = column.set(small, None)
            cells = _emptied(frame[name], column)
            kind = self.kinds.get(name)
            shown = "" if kind is None or kind.disclosure is None else kind.disclosure
            told.append(ColumnVerdict(self.given.file, name, shown, action, cells, reason))
            if column is not None:
                leaving.append(column.alias(name))
        return TableVerdict(self.given, pl.DataFrame(leaving), tuple(told))

    def _of(self, disclosure: str) -> list[str]:
        return [
            name
            for name in self.given.frame.columns
            if name in self.kinds and self.kinds[name].disclosure == disclosure
        ]

    def _counts(self) -> dict[str, pl.Series]:
        """Return the counts rounded down, empty below k and where sums would tell."""
        k, made = self.policy.k, {}
        frame = self.given.frame
        keys = {name: frame[name].to_list() for name in frame.columns}
        measured = list_measured(keys, frame.height)
        # a protein that nobody lacks counts whom a table without proteins counts
        withheld = self.withheld | {(None, value) for _, value in self.withheld}
        withheld |= {
            (one, value) for named, value in self.withheld if named is None for one in {*measured}
        }
        for name in self._of("count"):
            if not _is_count(self.kinds[name]) or is_df(self.kinds[name]):
                continue
            exact = frame[name]
            low = (exact.cast(pl.Float64) / k).floor() * k
            numbers = zip(measured, exact.to_list(), strict=True)
            told = pl.Series([number in withheld for number in numbers], dtype=pl.Boolean)
            hidden = (low < k) | told
            made[name] = low.set(hidden.fill_null(value=True), None).cast(exact.dtype)
        return made

    def _small_rows(self, counts: Mapping[str, pl.Series]) -> pl.Series:
        """Tell which rows rest on fewer than k people or alleles, or on all but fewer than k."""
        frame, k = self.given.frame, self.policy.k
        small = pl.Series([False] * frame.height, dtype=pl.Boolean)
        for name in _BASES:
            if name in counts:
                small |= (frame[name] < k).fill_null(value=False)
        if c.N in counts and c.N_CASE in counts:
            others = frame[c.N] - frame[c.N_CASE]
            small |= ((others > 0) & (others < k)).fill_null(value=False)
        if self._table in LENDERS:
            small |= pl.Series(find_few(frame, k=k), dtype=pl.Boolean)
        for of in _TRAITS:
            if {f"eaf{of}", f"n{of}"} <= set(frame.columns):
                rarer = pl.min_horizontal(pl.col(f"eaf{of}"), 1.0 - pl.col(f"eaf{of}"))
                copies = frame.select(2.0 * pl.col(f"n{of}") * rarer).to_series()
                small |= (copies < k - _HALF).fill_null(value=False)
        return small

    def _few_people(self, counts: Mapping[str, pl.Series]) -> pl.Series:
        """Tell which rows are of a level or a group of fewer than k people: its name may be one."""
        frame = self.given.frame
        sizes = [frame[name].cast(pl.Float64) for name in _SIZES if name in counts]
        few = pl.Series([False] * frame.height, dtype=pl.Boolean)
        if sizes:
            size = pl.select(pl.coalesce(sizes)).to_series()
            few |= (size < self.policy.k).fill_null(value=False)
        return few

    @property
    def _table(self) -> str:
        return "" if self.given.schema is None else self.given.schema.name

    def _tells_counts(self, name: str) -> pl.Series:
        """Tell the rows whose number determines counts of people, and has the class of counts.

        A mean of 0 and 1 times the people is how many have 1; n, mean and SD of three values are as
        many equations as there are counts. Whoever made the table has seen the values and says so;
        where a table does not say it, all of its numbers may.
        """
        frame = self.given.frame
        says = self.kinds[name].counts_where if name in self.kinds else ""
        if not says or says not in frame.columns:
            return pl.Series([bool(says)] * frame.height, dtype=pl.Boolean)
        return frame[says].fill_null(value=True)

    def _judge(
        self,
        name: str,
        counts: Mapping[str, pl.Series],
        tests: Mapping[str, pl.Series],
        shares: Mapping[str, pl.Series],
    ) -> tuple[pl.Series | None, str, str]:
        """Return what leaves of a column (None: not even its name), how, and why."""
        exact, kind = self.given.frame[name], self.kinds.get(name)
        if kind is None or kind.disclosure is None:
            return None, "withheld", "no schema says what it tells"
        if name in tests:
            made = tests[name]
            if name != c.DF:
                made = made.round_sig_figs(self.policy.digits)
            few = self._table in OF_PEOPLE
            return made, "recomputed", _OF_FEW_DIGITS if few else _OF_PEOPLE_LEFT
        if name in counts:
            base = self.policy.k
            return counts[name], "rounded", f"down to a multiple of {base}; fewer than {base} empty"
        return self._by_class(exact, kind, shares)

    def _by_class(
        self, exact: pl.Series, kind: ColumnSchema, shares: Mapping[str, pl.Series]
    ) -> tuple[pl.Series | None, str, str]:
        nothing = pl.Series(exact.name, [None] * len(exact), dtype=exact.dtype)
        if kind.disclosure == "none":
            at = is_curve(self.given) and kind.name == "time"
            return exact, "leaves", _ROUND_TIMES if at else "tells nothing of people"
        if kind.disclosure == "count":
            return nothing, "withheld", _WORDS
        if kind.disclosure == "share":
            if kind.name in shares:
                return shares[kind.name], "recomputed", "of the counts that leave"
            return nothing, "withheld", "with the people it is of, it tells a count"
        if exact.dtype != pl.Float64:
            return nothing, "withheld", "no number that could be rounded"
        extreme = kind.disclosure == "extreme"  # a test leaves as a statistic does, where it may
        digits = self.policy.extreme_digits if extreme else self.policy.digits
        return exact.round_sig_figs(digits), "rounded", f"to {digits} significant digits"


def _emptied(exact: pl.Series, leaving: pl.Series | None) -> int:
    if leaving is None:
        return len(exact) - exact.null_count()
    return int((exact.is_not_null() & leaving.is_null()).sum())
