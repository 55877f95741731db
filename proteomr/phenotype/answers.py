"""Answers of people to one question, and for whoever has none, the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import polars as pl

__all__ = [
    "NOT_ASKED",
    "Answers",
    "Parts",
    "Reading",
    "Summary",
    "Takes",
    "decide",
    "fault_reason",
    "first_reason",
    "number_levels",
    "read_answers",
]

Summary: TypeAlias = Literal["levels", "mean"]
Takes: TypeAlias = Literal["anything", "numbers", "codes", "lists"]

NOT_ASKED: Final = "not asked or left empty"
_FAULT: Final = "data fault"


def fault_reason(what: str) -> str:
    """Return the reason under which a value is missing that cannot be an answer.

    Examples
    --------
    >>> fault_reason("below 0")
    'data fault: below 0'
    """
    return f"{_FAULT}: {what}"


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """A value or a reason for each of n people.

    Parameters
    ----------
    value : (n,) null where missing; a List where a question takes several answers.
    reason : (n,) text, null exactly where there is a value.
    low, high : (n,) the least and the largest that the value can be, equal to it where it is
        known; None where no such bounds exist.

    Examples
    --------
    >>> answers = Answers(pl.Series([1, None]), pl.Series([None, NOT_ASKED]))
    >>> answers.missing
    1
    """

    value: pl.Series
    reason: pl.Series
    low: pl.Series | None = None
    high: pl.Series | None = None

    @property
    def missing(self) -> int:
        """Number of people without a value."""
        return self.value.null_count()

    def bounded(self, least: float, largest: float) -> Answers:
        """Return the same answers with bounds where they are missing."""
        low, high = (
            self.value.cast(pl.Float64).fill_null(bound).alias("") for bound in (least, largest)
        )
        return Answers(self.value, self.reason, low, high)


Parts: TypeAlias = Sequence[tuple[str, Answers]]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the raw answers of a question are read, before any rule.

    Parameters
    ----------
    missing : codes that stand for no answer, each with what it means.
    replace : codes that stand for a number, such as -2 (unable to walk) for 0.
    minimum, maximum : range of an answer, ends included; None where open. What lies outside is a
        data fault: missing, and counted.

    Examples
    --------
    >>> Reading(missing={-3: "prefer not to answer"}, minimum=0.0).maximum is None
    True
    """

    missing: Mapping[int, str] = field(default_factory=dict[int, str])
    replace: Mapping[int, float] = field(default_factory=dict[int, float])
    minimum: float | None = None
    maximum: float | None = None


def read_answers(raw: pl.Series, reading: Reading) -> Answers:
    """Return the answers in a column: codes for no answer become missing, with their reason.

    Parameters
    ----------
    raw : (n,) codes, numbers, words or dates; or a List of codes, empty where nothing was said.
    reading : what stands for no answer, and the range of the others.

    Examples
    --------
    >>> reading = Reading({-3: "prefer not to answer"}, minimum=0.0)
    >>> answers = read_answers(pl.Series([1, -3, None, -9]), reading)
    >>> answers.value.to_list()
    [1, None, None, None]
    >>> answers.reason.to_list()[1:3]
    ['prefer not to answer (-3)', 'not asked or left empty']
    """
    if isinstance(raw.dtype, pl.List):
        return _read_lists(raw, reading)
    column = pl.col("raw")
    reasons = [pl.when(column.is_null()).then(pl.lit(NOT_ASKED))]
    if raw.dtype.is_numeric():
        not_replaced = ~column.is_in(list(reading.replace))
        for code, meaning in reading.missing.items():
            reasons.append(pl.when(column == code).then(pl.lit(f"{meaning} ({code})")))
        for bound, outside, word in (
            (reading.minimum, column.lt, "below"),
            (reading.maximum, column.gt, "above"),
        ):
            if bound is not None:
                text = pl.lit(fault_reason(f"{word} {bound:g}"))
                reasons.append(pl.when(not_replaced & outside(bound)).then(text))
    replaced = column.replace(dict(reading.replace)) if reading.replace else column
    frame = raw.to_frame("raw").select(value=replaced, reason=pl.coalesce(reasons))
    return _blank(frame)


def first_reason(parts: Sequence[tuple[str, Answers]]) -> pl.Series:
    """Return for each person the first part that is missing, in words; null where none is.

    Parameters
    ----------
    parts : names and answers of the parts, in the order in which they are looked at.

    Examples
    --------
    >>> asked = Answers(pl.Series([1, None]), pl.Series([None, NOT_ASKED]))
    >>> first_reason([("lives_alone", asked)]).to_list()
    [None, 'missing item lives_alone']
    """
    frame = pl.DataFrame({str(i): part.value.is_null() for i, (_, part) in enumerate(parts)})
    texts = [
        pl.when(pl.col(str(i))).then(pl.lit(f"missing item {name}"))
        for i, (name, _) in enumerate(parts)
    ]
    return frame.select(pl.coalesce(texts).alias("reason"))["reason"]


def decide(value: pl.Series, reason: pl.Series, *, low: pl.Series, high: pl.Series) -> Answers:
    """Return answers with the missing ones filled in whose two bounds are the same.

    Parameters
    ----------
    value, reason : (n,) what is known, and why the rest is not.
    low, high : (n,) bounds of the value.

    Examples
    --------
    >>> value, reason = pl.Series([1, None, None]), pl.Series([None, NOT_ASKED, NOT_ASKED])
    >>> low, high = pl.Series([1, 0, 0]), pl.Series([1, 0, 1])
    >>> decide(value, reason, low=low, high=high).value.to_list()
    [1, 0, None]
    """
    frame = pl.DataFrame({"value": value, "reason": reason, "low": low, "high": high})
    certain = pl.when(pl.col("low") == pl.col("high")).then(pl.col("low"))
    settled = frame.with_columns(value=pl.coalesce("value", certain).cast(pl.Int64)).with_columns(
        reason=pl.when(pl.col("value").is_null()).then("reason")
    )
    return Answers(settled["value"], settled["reason"], low, high)


def number_levels(levels: pl.Series, reason: pl.Series, *, names: Sequence[str]) -> Answers:
    """Return levels, as whole numbers with their bounds where all of their names are such.

    Parameters
    ----------
    levels, reason : (n,) names of levels, and why there is none.
    names : all the levels there are.

    Examples
    --------
    >>> answers = number_levels(pl.Series(["1"]), pl.Series([None]), names=("0", "1"))
    >>> answers.value.to_list()
    [1]
    """
    if not all(name.removeprefix("-").isdecimal() for name in names):
        return Answers(levels, reason)
    numbers = [int(name) for name in names]
    return Answers(levels.cast(pl.Int64), reason).bounded(min(numbers), max(numbers))


def _read_lists(raw: pl.Series, reading: Reading) -> Answers:
    column = pl.col("raw")
    empty = column.is_null() | (column.list.len() == 0)
    reasons = [pl.when(empty).then(pl.lit(NOT_ASKED))]
    for code, meaning in reading.missing.items():
        has_code = column.list.contains(code)
        alone = has_code & (column.list.n_unique() == 1)
        beside = pl.lit(fault_reason(f"an answer beside {code}"))
        reasons.append(pl.when(alone).then(pl.lit(f"{meaning} ({code})")))
        reasons.append(pl.when(has_code).then(beside))
    frame = raw.to_frame("raw").select(value=column, reason=pl.coalesce(reasons))
    return _blank(frame)


def _blank(frame: pl.DataFrame) -> Answers:
    value = pl.when(pl.col("reason").is_null()).then(pl.col("value"))
    answers = frame.select(value=value, reason=pl.col("reason"))
    return Answers(answers["value"], answers["reason"])
