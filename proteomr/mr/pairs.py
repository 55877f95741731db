"""Pairs of exposures and outcomes that are harmonised a stretch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol, Self, TypeAlias

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.mr.caveats import caution
from proteomr.mr.frequencies import check_frequencies, note_frequencies
from proteomr.mr.harmonise import describe_outcomes, harmonise_table, to_harmonised
from proteomr.mr.harmonised_files import drop_significant, gather_pairs, judge_harmonised
from proteomr.mr.inputs import InstrumentRule, Instruments, Outcomes
from proteomr.mr.instruments import drop_outcome_hits
from proteomr.mr.outputs import list_harmonised
from proteomr.mr.repeated import keep_once, note_repeats
from proteomr.tables import Drop, Harmonised
from proteomr.tables import columns as c

__all__ = [
    "Pairs",
    "ReadyPairs",
    "Stretch",
    "StudyPairs",
    "account_for",
    "harmonise_rows",
    "refuse_nothing",
]

Stretch: TypeAlias = tuple[int, int]
"""Positions of the first pair and of the one behind the last."""

_REASONS_SHOWN: Final = 3  # what fits into one line of an error


class Pairs(Protocol):
    """Pairs in a fixed order, of which any stretch can be had without the others."""

    @property
    def count(self) -> int:
        """How many pairs there are."""
        ...

    @property
    def outcome_names(self) -> Sequence[str]:
        """Names of the outcomes, each once."""
        ...

    def cut(self, size: int) -> list[Stretch]:
        """Return stretches of about so many pairs, in their order."""
        ...

    def take(self, stretch: Stretch) -> tuple[pl.DataFrame, list[Harmonised]]:
        """Return every variant of a stretch, kept or not, and its analyses."""
        ...

    def account(self, table: pl.DataFrame) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
        """Return what was left out until the variants of all stretches, and notes."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class StudyPairs:
    """All pairs of some exposures and outcomes, harmonised from their summary statistics.

    The order is that of the exposures' names, and within one of the outcomes'.

    Parameters
    ----------
    instruments, outcomes : the rows of both, and what was left out when they were read.
    rule : how they are harmonised.
    exposures : names of the exposures, in alphabetical order.
    described : what the whole studies tell of each outcome.
    """

    instruments: Instruments
    outcomes: Outcomes
    rule: InstrumentRule
    exposures: tuple[str, ...]
    described: pl.DataFrame

    @classmethod
    def of(cls, instruments: Instruments, outcomes: Outcomes, *, rule: InstrumentRule) -> Self:
        """Return the pairs of instruments and outcomes.

        Raises
        ------
        NothingToDo
            No variant is left of any pair.
        """
        named = instruments.rows["trait"].fill_null("exposure").unique().sort()
        described = describe_outcomes(instruments.rows, outcomes.rows)
        pairs = cls(instruments, outcomes, rule, tuple(named), described)
        refuse_nothing(pairs._harmonise(stretch) for stretch in pairs.cut(1 << 10))
        return pairs

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return len(self.exposures) * self.described.height

    @property
    def outcome_names(self) -> Sequence[str]:
        """Names of the outcomes, each once."""
        return self.described["outcome"].to_list()

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Names of exposure and outcome of each pair, in order."""
        return tuple((x, y) for x in self.exposures for y in self.outcome_names)

    def cut(self, size: int) -> list[Stretch]:
        """Return stretches that are some exposures by all outcomes, or one by some outcomes."""
        each = self.described.height
        if each > size:
            part = -(-each // -(-each // size))  # in equal parts, none of a few pairs
            rows = range(0, self.count, each)
            starts = [row + first for row in rows for first in range(0, each, part)]
        else:
            starts = list(range(0, self.count, each * (size // each)))
        return list(pairwise([*starts, self.count]))

    def take(self, stretch: Stretch) -> tuple[pl.DataFrame, list[Harmonised]]:
        """Return every variant of a stretch of `cut`, kept or not, and its analyses."""
        table = self._harmonise(stretch)
        return table, caution(to_harmonised(table), self.instruments.strength)

    def account(self, table: pl.DataFrame) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
        """Return what was left out until the variants of all stretches, and notes."""
        return account_for(table, self.instruments, self.outcomes)

    def _harmonise(self, stretch: Stretch) -> pl.DataFrame:
        each = self.described.height
        (first, start), (last, end) = (divmod(stretch[0], each), divmod(stretch[1] - 1, each))
        exposures = self.exposures[first : last + 1]
        described = self.described[start : end + 1] if first == last else self.described
        rows = self.instruments.rows
        x = rows.filter(pl.col("trait").fill_null("exposure").is_in(exposures))
        y = self.outcomes.rows
        if described.height < each:
            wanted = described["outcome"].implode()
            y = y.filter(pl.col("trait").fill_null("outcome").is_in(wanted))
        if x.height < rows.height:
            y = y.join(x.select(c.VARIANT_ID).unique(), on=c.VARIANT_ID, how="semi")
        return harmonise_rows(x, y, self.rule, described)


@dataclass(frozen=True, slots=True, eq=False)
class ReadyPairs:
    """Pairs of variants that were harmonised before.

    Parameters
    ----------
    rows : as `proteomr.mr.harmonised_files.judge_harmonised` gives them.
    starts : position of the first row of each pair, and behind the last one.
    outcome_p : drop variants whose p value for the outcome is below; None for no such filter.
    """

    rows: pl.DataFrame
    starts: tuple[int, ...]
    outcome_p: float | None

    @classmethod
    def read(cls, path: Path, *, outcome_p: float | None) -> Self:
        """Return the pairs of a file.

        Raises
        ------
        ColumnError, FormatError, InputError, NothingToDo
            As for `proteomr.mr.harmonised_files.judge_harmonised`.
        """
        rows = judge_harmonised(path)
        lengths = rows.group_by(c.EXPOSURE, c.OUTCOME, maintain_order=True).len()["len"]
        return cls(rows, (0, *lengths.cum_sum()), outcome_p)

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return len(self.starts) - 1

    @property
    def outcome_names(self) -> Sequence[str]:
        """Names of the outcomes, each once."""
        return self.rows[c.OUTCOME].cast(pl.String).unique(maintain_order=True).to_list()

    def cut(self, size: int) -> list[Stretch]:
        """Return stretches of so many pairs."""
        return list(pairwise([*range(0, self.count, size), self.count]))

    def take(self, stretch: Stretch) -> tuple[pl.DataFrame, list[Harmonised]]:
        """Return every variant of a stretch, kept or not, and its analyses."""
        first, behind = (self.starts[place] for place in stretch)
        pairs = gather_pairs(self.rows[first:behind])
        if self.outcome_p is not None:
            pairs = [drop_significant(pair, p=self.outcome_p) for pair in pairs]
        return list_harmonised(pairs), pairs

    def account(self, table: pl.DataFrame) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
        """Return what was left out until the variants of all stretches, and notes."""
        notes = note_frequencies(self.rows.filter(pl.col("reason").is_null()))
        return _count_left_out(table, "harmonised"), (*note_repeats(table), *notes)


def harmonise_rows(
    x: pl.DataFrame, y: pl.DataFrame, rule: InstrumentRule, described: pl.DataFrame
) -> pl.DataFrame:
    """Return the variants of some exposures and outcomes as a rule has them, kept or not.

    Parameters
    ----------
    x, y : rows of the exposures and the outcomes.
    rule : how they are harmonised.
    described : what the whole studies tell of these outcomes.
    """
    table = keep_once(harmonise_table(x, y, action=rule.action, outcomes=described))
    return table if rule.outcome_p is None else drop_outcome_hits(table, p=rule.outcome_p)


def account_for(
    table: pl.DataFrame, instruments: Instruments, outcomes: Outcomes
) -> tuple[tuple[Drop, ...], tuple[str, ...]]:
    """Return what was left out until harmonised variants, and notes.

    Parameters
    ----------
    table : the variants of all pairs, kept or not.
    instruments, outcomes : as they were read.
    """
    checks = check_frequencies(table)
    swapped = [check.message for check in checks if check.swapped and check.message]
    return (
        (*instruments.drops, *outcomes.drops, *_count_left_out(table, "harmonise")),
        (*instruments.notes, *outcomes.notes, *note_repeats(table), *swapped),
    )


def refuse_nothing(tables: Iterable[pl.DataFrame]) -> None:
    """Refuse pairs of which none has a variant; usually the first table has one.

    Raises
    ------
    NothingToDo
        No variant is left.
    """
    reasons: list[pl.DataFrame] = []
    for table in tables:
        if table["mr_keep"].any():
            return
        reasons.append(table["reason"].value_counts(name="n"))
    counts = pl.concat(reasons).group_by("reason").agg(pl.col("n").sum())
    ordered = counts.sort("n", "reason", descending=[True, False])
    shown = ", ".join(f"{n} {reason}" for reason, n in ordered.rows()[:_REASONS_SHOWN])
    raise NothingToDo(f"no variant is left of {counts['n'].sum()}: {shown}")


def _count_left_out(table: pl.DataFrame, step: str) -> tuple[Drop, ...]:
    counts = table.filter(~pl.col("mr_keep"))["reason"].value_counts(name="n")
    ordered = counts.sort("n", "reason", descending=[True, False])
    return tuple(Drop(step, reason, n) for reason, n in ordered.rows())
