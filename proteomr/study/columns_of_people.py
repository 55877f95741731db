"""What the columns of a table of people may be in a study: guesses from names and values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from proteomr.io.recognising import Recognised

__all__ = ["ColumnsOfPeople", "sort_columns"]

_TERM: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_YEARS: Final = "_years"  # what `phenotype` and `survive` call the time of an outcome
_AGE: Final = re.compile(r"age|age_.*|.*_age|age(at|years).*", re.IGNORECASE)
_SEX: Final = re.compile(r"sex|gender|female|male|sex_.*", re.IGNORECASE)
_COVARIATE: Final = re.compile(
    r"bmi|body_?mass.*|ethnicity|race|ancestry|education.*|income.*|smok.*|alcohol.*|drink.*"
    r"|site|cent(re|er)|batch|plate.*|season|fasting.*|townsend.*|deprivation.*",
    re.IGNORECASE,
)
_COMPONENT: Final = re.compile(r"PC(\d{1,3})", re.IGNORECASE)
_EXPOSURE: Final = re.compile(
    r".*(isolat|lonel|expos|treat|case|group|status|arm|disease|diagnos|outcome).*", re.IGNORECASE
)
_TECHNICAL: Final = re.compile(
    r"(site|cent(re|er)|batch|plate.*|season|race|ethnicity)", re.IGNORECASE
)
_MOST_LEVELS: Final = 40  # of a factor: with more, a column of text is no covariate
_MOST_GROUPS, _MOST_EXPOSURES = 6, 4
_FEWEST_PEOPLE: Final = 10  # with both values of an exposure


@dataclass(frozen=True, slots=True)
class ColumnsOfPeople:
    """What the columns may be.

    Attributes
    ----------
    adjust : adjustment sets, as TOML writes them.
    exposures : chosen.
    further : other columns that may be exposures.
    outcomes : with a time to them, and the code of the event where there are several.
    """

    adjust: str
    exposures: tuple[str, ...]
    further: tuple[str, ...]
    outcomes: Mapping[str, int | None]


def sort_columns(people: Recognised) -> ColumnsOfPeople:
    """Return what the columns of a table of people may be.

    Outcomes are columns of 0, 1 (and further codes) with a column NAME_years beside them. Age, sex
    and what bears the usual name of a covariate go into adjustment sets, text and numbered sites or
    batches as factors. Of the rest, columns of two values may be exposures, else columns of
    numbers; those whose names say so are chosen, else the first.

    Parameters
    ----------
    people : a table of people that was recognised.

    Examples
    --------
    >>> from pathlib import Path
    >>> frame = pl.DataFrame({"eid": range(40), "age": range(40), "lonely": [0, 1] * 20})
    >>> sorted_columns = sort_columns(Recognised(Path("a"), "people", "", ("age", "lonely"), frame))
    >>> sorted_columns.exposures, sorted_columns.adjust
    (('lonely',), '{ simple = "age" }')
    """
    frame = people.people
    if frame is None:
        return ColumnsOfPeople('{ unadjusted = "1" }', (), (), {})
    frame = frame.select(name for name in people.columns if name in frame.columns)
    varying = [name for name in frame.columns if frame[name].drop_nulls().n_unique() > 1]
    outcomes = _find_outcomes(frame, varying)
    timed = {f"{name}{_YEARS}" for name in outcomes}
    left = [name for name in varying if name not in outcomes and name not in timed]
    simple, full = _find_covariates(frame, left)
    used = {*simple, *full}
    rest = [name for name in left if name not in used and not _COMPONENT.fullmatch(name)]
    exposures, further = _choose_exposures(frame, rest)
    return ColumnsOfPeople(
        _write_sets(frame, simple, full, left), exposures, further, dict(outcomes)
    )


def _find_outcomes(frame: pl.DataFrame, varying: Sequence[str]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for name in varying:
        if f"{name}{_YEARS}" not in frame.columns or not frame[name].dtype.is_numeric():
            continue
        codes = frame[name].drop_nulls().unique().sort().to_list()
        if codes == [0, 1]:
            found[name] = None
        elif codes[:2] == [0, 1] and len(codes) <= 5:
            found[name] = 1
    return found


def _find_covariates(
    frame: pl.DataFrame, left: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return age and sex, and what else bears the name of a covariate."""
    terms = [name for name in left if _TERM.fullmatch(name) and _fits(frame[name])]
    ages = [name for name in terms if _AGE.fullmatch(name) and frame[name].dtype.is_numeric()][:1]
    sexes = [name for name in terms if _SEX.fullmatch(name)][:1]
    further = [name for name in terms if _COVARIATE.fullmatch(name)]
    return (*ages, *sexes), tuple(name for name in further if name not in {*ages, *sexes})


def _fits(column: pl.Series) -> bool:
    return column.dtype.is_numeric() or column.n_unique() <= _MOST_LEVELS


def _choose_exposures(
    frame: pl.DataFrame, rest: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    pairs = [name for name in rest if _has_two_values(frame[name])]
    numbers = [name for name in rest if frame[name].dtype.is_numeric() and name not in pairs]
    groups = [name for name in rest if name not in pairs and _parts(frame[name])]
    likely = [name for name in (*pairs, *groups) if _EXPOSURE.fullmatch(name)]
    chosen = (likely or pairs[:1] or numbers[:1])[:_MOST_EXPOSURES]
    return tuple(chosen), tuple(name for name in (*pairs, *groups, *numbers) if name not in chosen)


def _parts(column: pl.Series) -> bool:
    """Tell whether text parts people into a few groups."""
    return not column.dtype.is_numeric() and 2 < column.drop_nulls().n_unique() <= _MOST_GROUPS


def _has_two_values(column: pl.Series) -> bool:
    counts = column.drop_nulls().value_counts()["count"]
    return counts.len() == 2 and int(counts.to_numpy().min()) >= _FEWEST_PEOPLE


def _write_sets(
    frame: pl.DataFrame, simple: Sequence[str], full: Sequence[str], left: Sequence[str]
) -> str:
    components = [int(m[1]) for name in left if (m := _COMPONENT.fullmatch(name))]
    run = len(components)
    straight = components == list(range(1, run + 1)) and run > 1
    prefix = next((name[:2] for name in left if _COMPONENT.fullmatch(name)), "PC")
    ancestry = [f"{prefix}1..{prefix}{run}"] if straight else []
    first = [*(_write_term(frame[name]) for name in simple), *ancestry]
    more = [_write_term(frame[name]) for name in full]
    if not first and not more:
        return '{ unadjusted = "1" }'
    sets = [f"simple = {json.dumps(' + '.join(first))}"] if first else []
    if more:
        terms = ["simple", *more] if first else more
        sets.append(f"full = {json.dumps(' + '.join(terms))}")
    return "{ " + ", ".join(sets) + " }"


def _write_term(column: pl.Series) -> str:
    coded = _TECHNICAL.fullmatch(column.name) is not None and column.n_unique() <= _MOST_LEVELS
    text = not column.dtype.is_numeric() and column.n_unique() > 2
    return f"C({column.name})" if text or (coded and column.n_unique() > 2) else column.name
