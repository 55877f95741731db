"""What a table of people holds: Table 1, cross tables, rates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, nearest
from proteomr.stats.few_values import tell_counts
from proteomr.stats.group_differences import (
    assess_cross_table,
    estimate_rate,
    measure_difference,
    measure_difference_of_levels,
)

__all__ = ["Variables", "cross", "describe_people", "find_variables", "measure_rates"]

_LEVELS = 20  # of text; more are names or notes, and are counted alone
_FEW_NUMBERS = 2  # numbers of two values are levels
_HANDFUL = 30  # of so many people of a measure more than six values are seen
_YEARS = "_years"
_PER = 1000.0  # person-years


@dataclass(frozen=True, slots=True)
class Variables:
    """Columns by what they are.

    Attributes
    ----------
    numbers, factors : described by moments and quantiles, by the counts of levels.
    outcomes : events that have their years beside them.
    passed_over : text of too many values, and columns without any.
    order : of the numbers and factors, as the user or the table has them.
    """

    numbers: tuple[str, ...]
    factors: tuple[str, ...]
    outcomes: tuple[str, ...]
    passed_over: tuple[str, ...]
    order: tuple[str, ...] = ()


def find_variables(people: pl.DataFrame, *, id_name: str, only: Sequence[str] = ()) -> Variables:
    """Sort the columns of a table; those of ``only`` alone, where it names some.

    Raises
    ------
    ColumnError
        There is no column of a name.
    """
    names = [name for name in people.columns if name != id_name]
    for name in only:
        if name not in names:
            raise ColumnError(f"no column {name!r}{nearest(name, names)}")
    chosen = list(only) if only else names
    kinds: dict[str, list[str]] = {"numbers": [], "factors": [], "passed_over": []}
    for name in chosen:
        kinds[_kind_of(people[name])].append(name)
    outcomes = [
        name
        for name in kinds["factors"]
        if f"{name}{_YEARS}" in people.columns and _is_event(people[name])
    ]
    return Variables(
        tuple(kinds["numbers"]),
        tuple(kinds["factors"]),
        tuple(outcomes),
        tuple(kinds["passed_over"]),
        tuple(name for name in chosen if name not in kinds["passed_over"]),
    )


def describe_people(people: pl.DataFrame, variables: Variables, *, by: str | None) -> pl.DataFrame:
    """Return a row for each variable, level and group; the group null for everybody.

    Of two groups the standardised difference stands in the rows of everybody; of more, the largest
    of any two.
    """
    groups = _split(people, by)
    rows: list[dict[str, object]] = []
    for name in variables.order:
        if name == by:
            continue
        number = name in variables.numbers
        levels = [] if number else _levels_of(people[name])
        parts = [part for label, part in groups if label is not None]
        difference = _differ(parts, name, levels if not number else None)
        telling = not number or _tells_counts([part[name] for _, part in groups])
        for label, part in groups:
            head = {"by": by, "group": label, "variable": name}
            told = _measure(part[name]) if number else _count(part[name], levels)
            for row in told:
                smd = difference if label is None and row["level"] in {None, *levels[:1]} else None
                rows.append({**head, **row, "smd": smd, "tells_counts": telling})
    return pl.DataFrame(rows, infer_schema_length=None)


def cross(people: pl.DataFrame, variables: Variables, *, by: str, level: float) -> pl.DataFrame:
    """Return the test of each factor against the groups; of two by two, the odds ratio."""
    rows: list[dict[str, object]] = []
    for name in variables.factors:
        if name == by:
            continue
        counts = _cross_counts(people, by, name)
        found = assess_cross_table(counts, level=level)
        if found is None:
            continue
        ratio = {"odds_ratio": found.odds_ratio, "conf_low": found.low, "conf_high": found.high}
        rows.append(
            {
                "by": by,
                "variable": name,
                "n": int(counts.sum()),
                "statistic": found.statistic,
                "df": found.df,
                "neg_log10_p": found.neg_log10_p,
                "p_value": 10.0**-found.neg_log10_p,
                "least_expected": found.least_expected,
                **{key: None if math.isnan(value) else value for key, value in ratio.items()},
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def measure_rates(
    people: pl.DataFrame, variables: Variables, *, by: Sequence[str], level: float
) -> pl.DataFrame:
    """Return people, events, person-years and the rate in each group of each outcome."""
    rows: list[dict[str, object]] = []
    for name in variables.outcomes:
        years = f"{name}{_YEARS}"
        there = people.filter(pl.col(name).is_not_null() & (pl.col(years) > 0.0))
        for group_by in (None, *by):
            if group_by == name:
                continue
            for label, part in _split(there, group_by):
                if (label is None) != (group_by is None):
                    continue
                events, time = float(part[name].cast(pl.Float64).sum()), float(part[years].sum())
                rate = estimate_rate(events, time, level=level) if time > 0.0 else None
                scaled = (rate.rate, rate.low, rate.high) if rate else (None,) * 3
                rows.append(
                    {
                        "outcome": name,
                        "by": group_by,
                        "group": label,
                        "people": part.height,
                        "events": int(events),
                        "person_years": time,
                        **{
                            key: None if value is None else value * _PER
                            for key, value in zip(
                                ("rate", "conf_low", "conf_high"), scaled, strict=True
                            )
                        },
                    }
                )
    return pl.DataFrame(rows, infer_schema_length=None)


def _kind_of(column: pl.Series) -> str:
    distinct = column.drop_nulls().n_unique()
    if distinct == 0:
        return "passed_over"
    if column.dtype.is_numeric() and distinct > _FEW_NUMBERS:
        return "numbers"
    if column.dtype.is_temporal() or distinct > _LEVELS:
        return "passed_over"
    return "factors"


def _is_event(column: pl.Series) -> bool:
    values = set(column.drop_nulls().unique().to_list())
    return values <= {0, 1}


def _split(people: pl.DataFrame, by: str | None) -> list[tuple[str | None, pl.DataFrame]]:
    """Return everybody, then the groups; who is in none is among everybody alone."""
    groups: list[tuple[str | None, pl.DataFrame]] = [(None, people)]
    if by is not None:
        labels = people[by].cast(pl.String)
        groups += [(label, people.filter(labels == label)) for label in _levels_of(people[by])]
    return groups


def _levels_of(column: pl.Series) -> list[str]:
    levels = column.drop_nulls().unique().sort()
    return list(levels.cast(pl.String).to_list())


def _tells_counts(parts: Sequence[pl.Series]) -> bool:
    """Tell whether moments of everybody, or of a group, give counts away.

    One group speaks for all: its numbers are those of everybody less those of the others. That a
    handful of people have a handful of values says nothing of the scale.
    """
    everybody, *groups = (_finite(part) for part in parts)
    spoken = (part for part in groups if part.size > _HANDFUL)
    return tell_counts(everybody) or any(map(tell_counts, spoken))


def _finite(column: pl.Series) -> F64:
    values: F64 = column.drop_nulls().cast(pl.Float64).to_numpy()
    return values[np.isfinite(values)]


def _measure(column: pl.Series) -> Iterator[dict[str, object]]:
    values = _finite(column)
    some = values.size > 0
    q25, median, q75 = np.quantile(values, [0.25, 0.5, 0.75]).tolist() if some else [None] * 3
    yield {
        "level": None,
        "n": int(values.size),
        "missing": len(column) - int(values.size),
        "count": None,
        "percent": None,
        "mean": float(values.mean()) if some else None,
        "sd": float(values.std(ddof=1)) if values.size > 1 else None,
        "median": median,
        "q25": q25,
        "q75": q75,
    }


def _count(column: pl.Series, levels: Sequence[str]) -> Iterator[dict[str, object]]:
    there = column.drop_nulls().cast(pl.String)
    counts = dict(there.value_counts().rows())
    for label in levels:
        count = int(counts.get(label, 0))
        yield {
            "level": label,
            "n": there.len(),
            "missing": len(column) - there.len(),
            "count": count,
            "percent": 100.0 * count / there.len() if there.len() else None,
            **dict.fromkeys(("mean", "sd", "median", "q25", "q75")),
        }


def _differ(parts: Sequence[pl.DataFrame], name: str, levels: Sequence[str] | None) -> float | None:
    """Return the standardised difference of two groups, or the largest of any two."""
    found: list[float] = []
    for first, second in itertools.combinations(parts, 2):
        if levels is None:
            pair = (part[name].drop_nulls().cast(pl.Float64).to_numpy() for part in (first, second))
            found.append(measure_difference(*pair))
        else:
            rows = [_list_counts(part[name], levels) for part in (first, second)]
            found.append(measure_difference_of_levels(np.array(rows, dtype=np.int64)))
    finite = [value for value in found if math.isfinite(value)]
    return max(finite, key=abs) if finite else None


def _list_counts(column: pl.Series, levels: Sequence[str]) -> list[int]:
    counts = dict(column.drop_nulls().cast(pl.String).value_counts().rows())
    return [int(counts.get(label, 0)) for label in levels]


def _cross_counts(people: pl.DataFrame, by: str, name: str) -> I64:
    both = people.filter(pl.col(by).is_not_null() & pl.col(name).is_not_null())
    levels = _levels_of(people[name])
    rows = [
        _list_counts(part[name], levels) for label, part in _split(both, by) if label is not None
    ]
    return np.array(rows, dtype=np.int64)
