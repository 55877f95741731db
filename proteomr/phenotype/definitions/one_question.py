"""Rules with one question: its answer as it is, by codes, by a bound, by groups, by its place."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from proteomr.errors import ColumnError
from proteomr.phenotype.answers import (
    Answers,
    Parts,
    Summary,
    Takes,
    decide,
    fault_reason,
    number_levels,
)
from proteomr.phenotype.keys import Code, Keys

__all__ = ["Component", "Copy", "Cut", "Recode", "Threshold"]


@dataclass(frozen=True, slots=True)
class Copy:
    """The answer itself; of several sources, the first that has one.

    Parameters
    ----------
    zero_below : numbers below count as 0; None for none.
    cap : numbers above count as this; None for none.

    Examples
    --------
    >>> minutes = Answers(pl.Series([5, 300]), pl.Series([None, None], dtype=pl.String))
    >>> Copy(zero_below=10, cap=240).apply([("minutes", minutes)]).value.to_list()
    [0.0, 240.0]
    """

    kind: ClassVar[str] = "copy"
    summary: ClassVar[Summary] = "mean"
    takes: ClassVar[Takes] = "anything"
    parts: ClassVar[tuple[int, int | None]] = (1, None)

    zero_below: float | None = None
    cap: float | None = None

    @classmethod
    def parse(cls, keys: Keys, /) -> Copy:
        """Take the keys `zero_below` and `cap`."""
        return cls(keys.maybe_number("zero_below"), keys.maybe_number("cap"))

    def apply(self, parts: Parts) -> Answers:
        """Return the first answer, cut to the range."""
        frame = pl.DataFrame(
            {f"v{i}": part.value for i, (_, part) in enumerate(parts)}
            | {f"r{i}": part.reason for i, (_, part) in enumerate(parts)}
        )
        value = pl.coalesce([f"v{i}" for i in range(len(parts))])
        if self.zero_below is not None:
            value = pl.when(value < self.zero_below).then(0.0).otherwise(value)
        if self.cap is not None:
            value = pl.when(value > self.cap).then(self.cap).otherwise(value)
        answers = frame.select(
            value=value, reason=pl.coalesce([f"r{i}" for i in range(len(parts))])
        )
        reason = answers.select(pl.when(pl.col("value").is_null()).then(pl.col("reason")))
        return Answers(answers["value"], reason["reason"])


@dataclass(frozen=True, slots=True)
class Recode:
    """The first level, in the order written, of which a person gave one of the codes.

    Parameters
    ----------
    levels : codes of each level.
    alone : codes that exclude every other answer; beside another one they are a data fault.

    Examples
    --------
    >>> none = pl.Series([None] * 3, dtype=pl.String)
    >>> activities = Answers(pl.Series([[-7], [1, 4], [-7, 2]]), none)
    >>> rule = Recode({"1": (-7,), "0": (1, 2, 3, 4, 5)}, alone=(-7,))
    >>> rule.apply([("activities", activities)]).value.to_list()
    [1, 0, None]
    """

    kind: ClassVar[str] = "recode"
    summary: ClassVar[Summary] = "levels"
    takes: ClassVar[Takes] = "codes"
    parts: ClassVar[tuple[int, int | None]] = (1, 1)

    levels: Mapping[str, tuple[Code, ...]]
    alone: tuple[Code, ...] = ()

    @classmethod
    def parse(cls, keys: Keys, /) -> Recode:
        """Take the keys `levels` and `alone`."""
        levels, alone = keys.levels("levels"), keys.codes("alone")
        if not levels:
            raise keys.fault("is needed: a list of codes for each level", key="levels")
        seen: dict[Code, str] = {}
        for level, codes in levels.items():
            for code in codes:
                if code in seen:
                    both = f"{seen[code]!r} and {level!r}"
                    raise keys.fault(f"code {code!r} stands in the levels {both}", key="levels")
                seen[code] = level
        if unknown := [code for code in alone if code not in seen]:
            raise keys.fault(f"code {unknown[0]!r} stands in no level", key="alone")
        return cls(levels, alone)

    @property
    def codes(self) -> tuple[Code, ...]:
        """All codes that have a level."""
        return tuple(code for codes in self.levels.values() for code in codes)

    def apply(self, parts: Parts) -> Answers:
        """Return the level of each person, whole numbers where all levels are."""
        answers = parts[0][1]
        several = isinstance(answers.value.dtype, pl.List)
        frame = pl.DataFrame({"value": answers.value, "reason": answers.reason})
        column = pl.col("value")
        if several:
            foreign = column.list.eval(~pl.element().is_in(list(self.codes))).list.any()
            beside = self._has(self.alone, several=True) & (column.list.n_unique() > 1)
        else:
            foreign, beside = ~column.is_in(list(self.codes)), pl.lit(value=False)
        reason = (
            pl.when(column.is_null())
            .then(pl.col("reason"))
            .when(foreign)
            .then(pl.lit(fault_reason("a code without a level")))
            .when(beside)
            .then(pl.lit(fault_reason("an answer beside one that excludes all others")))
        )
        level = pl.lit(None, dtype=pl.String)
        for name, codes in reversed(list(self.levels.items())):
            level = pl.when(self._has(codes, several=several)).then(pl.lit(name)).otherwise(level)
        levels = frame.select(reason=reason, level=level).select(
            "reason", level=pl.when(pl.col("reason").is_null()).then("level")
        )
        return number_levels(levels["level"], levels["reason"], names=tuple(self.levels))

    def _has(self, codes: Sequence[Code], *, several: bool) -> pl.Expr:
        column = pl.col("value")
        if not codes:
            return pl.lit(value=False)
        if not several:
            return column.is_in(list(codes))
        return pl.any_horizontal([column.list.contains(code) for code in codes])


@dataclass(frozen=True, slots=True)
class Threshold:
    """1 where a number lies on one side of a bound, 0 where it does not.

    Parameters
    ----------
    relation : on which side.
    bound : the number.

    Examples
    --------
    >>> household = Answers(pl.Series([1, 4]), pl.Series([None, None], dtype=pl.String))
    >>> Threshold("at_most", 1).apply([("household", household)]).value.to_list()
    [1, 0]
    """

    kind: ClassVar[str] = "threshold"
    summary: ClassVar[Summary] = "levels"
    takes: ClassVar[Takes] = "numbers"
    parts: ClassVar[tuple[int, int | None]] = (1, 1)

    relation: str
    bound: float

    @classmethod
    def parse(cls, keys: Keys, /) -> Threshold:
        """Take one of the keys `at_most`, `at_least`, `below` and `above`."""
        names = ("at_most", "at_least", "below", "above")
        bounds = [name for name in names if keys.has(name)]
        if len(bounds) != 1:
            raise keys.fault(f"exactly one of {', '.join(names)} is needed")
        return cls(bounds[0], keys.number(bounds[0]))

    def apply(self, parts: Parts) -> Answers:
        """Return 0 and 1; also where bounds leave no doubt about a number that is missing."""
        (_, answers) = parts[0]
        value = self._split(answers.value)
        if answers.low is None or answers.high is None:
            return Answers(value, answers.reason).bounded(0, 1)
        low, high = self._split(answers.low), self._split(answers.high)
        return decide(value, answers.reason, low=low, high=high)

    def _split(self, number: pl.Series) -> pl.Series:
        outcome = {
            "at_most": number.le,
            "at_least": number.ge,
            "below": number.lt,
            "above": number.gt,
        }[self.relation](self.bound)
        return outcome.cast(pl.Int64)


@dataclass(frozen=True, slots=True)
class Cut:
    """The group in which a number lies; each group begins with its break.

    Parameters
    ----------
    breaks : k ascending numbers.
    groups : k + 1 names, from the lowest group.

    Examples
    --------
    >>> age = Answers(pl.Series([59, 60]), pl.Series([None, None], dtype=pl.String))
    >>> Cut((60.0,), ("under60", "from60")).apply([("age", age)]).value.to_list()
    ['under60', 'from60']
    """

    kind: ClassVar[str] = "cut"
    summary: ClassVar[Summary] = "levels"
    takes: ClassVar[Takes] = "numbers"
    parts: ClassVar[tuple[int, int | None]] = (1, 1)

    breaks: tuple[float, ...]
    groups: tuple[str, ...]

    @classmethod
    def parse(cls, keys: Keys, /) -> Cut:
        """Take the keys `breaks` and `groups`."""
        breaks, groups = keys.numbers("breaks"), keys.texts("groups")
        if not breaks or any(b <= a for a, b in itertools.pairwise(breaks)):
            raise keys.fault("ascending numbers are needed", key="breaks")
        if len(groups) != len(breaks) + 1:
            message = f"{len(breaks) + 1} names are needed for {len(breaks)} breaks"
            raise keys.fault(f"{message}, {len(groups)} were found", key="groups")
        return cls(breaks, groups)

    def apply(self, parts: Parts) -> Answers:
        """Return the name of the group."""
        (_, answers) = parts[0]
        value = pl.col("value")
        lower = [
            pl.when(value < bound).then(pl.lit(group))
            for bound, group in zip(self.breaks, self.groups[:-1], strict=True)
        ]
        highest = pl.when(value.is_not_null()).then(pl.lit(self.groups[-1]))
        group = pl.coalesce(*lower, highest)
        groups = answers.value.to_frame("value").select(group=group)["group"]
        return number_levels(groups, answers.reason, names=self.groups)


@dataclass(frozen=True, slots=True)
class Component:
    """One number of a list, by its place.

    Parameters
    ----------
    place : from 1.

    Examples
    --------
    >>> components = Answers(pl.Series([[0.5, -1.0]]), pl.Series([None], dtype=pl.String))
    >>> Component(2).apply([("components", components)]).value.to_list()
    [-1.0]
    """

    kind: ClassVar[str] = "component"
    summary: ClassVar[Summary] = "mean"
    takes: ClassVar[Takes] = "lists"
    parts: ClassVar[tuple[int, int | None]] = (1, 1)

    place: int

    @classmethod
    def parse(cls, keys: Keys, /) -> Component:
        """Take the key `count`: a rule of n components becomes n rules, the last of which is it."""
        count = keys.whole("count")
        if not 1 <= count <= 1000:
            raise keys.fault("a number from 1 to 1000 is needed", key="count")
        return cls(count)

    def apply(self, parts: Parts) -> Answers:
        """Return the number at the place.

        Raises
        ------
        ColumnError
            Nobody's list is as long.
        """
        name, answers = parts[0]
        frame = pl.DataFrame({"value": answers.value, "reason": answers.reason})
        longest = answers.value.list.len().max()
        if isinstance(longest, int) and longest < self.place:
            raise ColumnError(
                f"{name} holds {longest} components, {self.place} are needed; ask for more of "
                "them, or lower the key 'count' of the rule"
            )
        value = pl.col("value").list.get(self.place - 1, null_on_oob=True)
        short = pl.lit(fault_reason("fewer components than the others"))
        reason = pl.coalesce("reason", pl.when(value.is_null()).then(short))
        components = frame.select(value=value, reason=reason)
        return Answers(components["value"], components["reason"])
