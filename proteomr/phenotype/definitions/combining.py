"""Rules over several others: sums, products, weighted sums, all of, any of, crosses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

import polars as pl

from proteomr.phenotype.answers import (
    Answers,
    Parts,
    Summary,
    Takes,
    decide,
    fault_reason,
    first_reason,
    number_levels,
)
from proteomr.phenotype.keys import Keys

__all__ = ["AllOf", "AnyOf", "Cross", "Linear", "Product", "Sum"]


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of all sources; missing where one of them is.

    Examples
    --------
    >>> item = Answers(pl.Series([1, 0]), pl.Series([None, None], dtype=pl.String))
    >>> Sum().apply([("a", item), ("b", item)]).value.to_list()
    [2, 0]
    """

    kind: ClassVar[str] = "sum"
    summary: ClassVar[Summary] = "levels"
    takes: ClassVar[Takes] = "numbers"
    parts: ClassVar[tuple[int, int | None]] = (2, None)

    @classmethod
    def parse(cls, _keys: Keys, /) -> Sum:
        """Take no keys."""
        return cls()

    def apply(self, parts: Parts) -> Answers:
        """Return the sum, and its bounds where all sources have some."""
        value = reduce(lambda total, part: total + part[1].value, parts[1:], parts[0][1].value)
        reason = first_reason(parts)
        lows = [part.low for _, part in parts if part.low is not None]
        highs = [part.high for _, part in parts if part.high is not None]
        if len(lows) < len(parts) or len(highs) < len(parts):
            return Answers(value, reason)
        low = reduce(lambda total, part: total + part, lows)
        high = reduce(lambda total, part: total + part, highs)
        return Answers(value, reason, low, high)


@dataclass(frozen=True, slots=True)
class Product:
    """The product of all sources; missing where one of them is.

    Parameters
    ----------
    zero_decides : a source that is 0 makes 0, whatever is missing: who walks on no day of the week
        is not asked for how long.

    Examples
    --------
    >>> none = pl.Series([None, None], dtype=pl.String)
    >>> days, minutes = Answers(pl.Series([0, 2]), none), Answers(pl.Series([None, 30]), none)
    >>> Product(zero_decides=True).apply([("days", days), ("minutes", minutes)]).value.to_list()
    [0, 60]
    """

    kind: ClassVar[str] = "product"
    summary: ClassVar[Summary] = "mean"
    takes: ClassVar[Takes] = "numbers"
    parts: ClassVar[tuple[int, int | None]] = (2, None)

    zero_decides: bool = False

    @classmethod
    def parse(cls, keys: Keys, /) -> Product:
        """Take the key `zero_decides`."""
        return cls(keys.yes("zero_decides"))

    def apply(self, parts: Parts) -> Answers:
        """Return the product."""
        value = reduce(lambda total, part: total * part[1].value, parts[1:], parts[0][1].value)
        if self.zero_decides:
            zeros = pl.DataFrame({str(i): part.value == 0 for i, (_, part) in enumerate(parts)})
            zero = zeros.select(pl.any_horizontal(pl.all().fill_null(value=False)))
            value = value.set(zero.to_series(), 0)
        frame = pl.DataFrame({"value": value, "reason": first_reason(parts)})
        reason = frame.select(pl.when(pl.col("value").is_null()).then("reason"))
        return Answers(value, reason.to_series())


@dataclass(frozen=True, slots=True)
class Linear:
    """A weighted sum of other rules; missing where one of them is.

    Parameters
    ----------
    weights : number for each rule, by its name.

    Examples
    --------
    >>> hours = Answers(pl.Series([2.0]), pl.Series([None], dtype=pl.String))
    >>> Linear({"walking": 3.3}).apply([("walking", hours)]).value.to_list()
    [6.6]
    """

    kind: ClassVar[str] = "linear"
    summary: ClassVar[Summary] = "mean"
    takes: ClassVar[Takes] = "numbers"
    parts: ClassVar[tuple[int, int | None]] = (1, None)

    weights: Mapping[str, float]

    @classmethod
    def parse(cls, keys: Keys, /) -> Linear:
        """Take the key `weights`, whose names are the sources."""
        return cls(keys.weights("weights"))

    def apply(self, parts: Parts) -> Answers:
        """Return the weighted sum."""
        terms = [self.weights[name] * part.value for name, part in parts]
        return Answers(reduce(lambda total, term: total + term, terms), first_reason(parts))


@dataclass(frozen=True, slots=True)
class AllOf:
    """1 where all sources are 1, else 0; missing where one of them is.

    Examples
    --------
    >>> none = pl.Series([None, None], dtype=pl.String)
    >>> alone, unvisited = Answers(pl.Series([1, 1]), none), Answers(pl.Series([1, 0]), none)
    >>> AllOf().apply([("alone", alone), ("unvisited", unvisited)]).value.to_list()
    [1, 0]
    """

    kind: ClassVar[str] = "all_of"
    summary: ClassVar[Summary] = "levels"
    takes: ClassVar[Takes] = "numbers"
    parts: ClassVar[tuple[int, int | None]] = (2, None)

    @classmethod
    def parse(cls, _keys: Keys, /) -> AllOf:
        """Take no keys."""
        return cls()

    def apply(self, parts: Parts) -> Answers:
        """Return 0 and 1; also where bounds leave no doubt."""
        return _extreme(parts, largest=False)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """1 where one of the sources is 1, else 0; missing where one of them is.

    Examples
    --------
    >>> none = pl.Series([None, None], dtype=pl.String)
    >>> alone, unvisited = Answers(pl.Series([1, 0]), none), Answers(pl.Series([0, 0]), none)
    >>> AnyOf().apply([("alone", alone), ("unvisited", unvisited)]).value.to_list()
    [1, 0]
    """

    kind: ClassVar[str] = "any_of"
    summary: ClassVar[Summary] = "levels"
    takes: ClassVar[Takes] = "numbers"
    parts: ClassVar[tuple[int, int | None]] = (2, None)

    @classmethod
    def parse(cls, _keys: Keys, /) -> AnyOf:
        """Take no keys."""
        return cls()

    def apply(self, parts: Parts) -> Answers:
        """Return 0 and 1; also where bounds leave no doubt."""
        return _extreme(parts, largest=True)


@dataclass(frozen=True, slots=True)
class Cross:
    """The group that the values of all sources make together.

    Parameters
    ----------
    levels : for each group the value of each source, in their order.

    Examples
    --------
    >>> none = pl.Series([None, None], dtype=pl.String)
    >>> isolated, lonely = Answers(pl.Series([0, 1]), none), Answers(pl.Series([0, 0]), none)
    >>> rule = Cross({"neither": (0, 0), "isolated": (1, 0)})
    >>> rule.apply([("isolation", isolated), ("loneliness", lonely)]).value.to_list()
    ['neither', 'isolated']
    """

    kind: ClassVar[str] = "cross"
    summary: ClassVar[Summary] = "levels"
    takes: ClassVar[Takes] = "anything"
    parts: ClassVar[tuple[int, int | None]] = (2, None)

    levels: Mapping[str, tuple[int | str, ...]]

    @classmethod
    def parse(cls, keys: Keys, /) -> Cross:
        """Take the key `levels`."""
        levels = keys.levels("levels")
        if not levels:
            raise keys.fault("is needed: the values of the sources for each group", key="levels")
        sizes = {len(values) for values in levels.values()}
        if sizes != {len(keys.texts("rules"))}:
            raise keys.fault("each group needs one value for each of the rules", key="levels")
        return cls(levels)

    def apply(self, parts: Parts) -> Answers:
        """Return the name of the group; a combination that has none is a data fault."""
        frame = pl.DataFrame({str(i): part.value for i, (_, part) in enumerate(parts)})
        group = pl.lit(None, dtype=pl.String)
        for name, values in reversed(list(self.levels.items())):
            here = pl.all_horizontal([pl.col(str(i)) == value for i, value in enumerate(values)])
            group = pl.when(here).then(pl.lit(name)).otherwise(group)
        groups = frame.select(group=group)["group"]
        return number_levels(groups, _reasons(groups, parts), names=tuple(self.levels))


def _reasons(value: pl.Series, parts: Parts) -> pl.Series:
    """Return why a value is missing: a source that is, or values that no group has."""
    frame = pl.DataFrame({"value": value, "reason": first_reason(parts)})
    foreign = pl.lit(fault_reason("a combination without a group"))
    reason = pl.when(pl.col("value").is_null()).then(pl.coalesce("reason", foreign))
    return frame.select(reason=reason)["reason"]


def _extreme(parts: Parts, *, largest: bool) -> Answers:
    """Return the largest or the least of 0 and 1 over the sources, missing where one is."""
    pick = pl.max_horizontal if largest else pl.min_horizontal
    frame = pl.DataFrame({str(i): part.value for i, (_, part) in enumerate(parts)})
    whole = pl.all_horizontal(pl.all().is_not_null())
    value = frame.select(value=pl.when(whole).then(pick(pl.all())))["value"]
    reason = first_reason(parts)
    lows = {str(i): part.low for i, (_, part) in enumerate(parts) if part.low is not None}
    highs = {str(i): part.high for i, (_, part) in enumerate(parts) if part.high is not None}
    if len(lows) < len(parts) or len(highs) < len(parts):
        return Answers(value, reason)
    low, high = (pl.DataFrame(ends).select(pick(pl.all())).to_series() for ends in (lows, highs))
    return decide(value, reason, low=low, high=high)
