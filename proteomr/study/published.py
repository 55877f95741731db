"""What a study found beside what was published: counts, shares, and single estimates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import polars as pl

from proteomr.design import parse_condition
from proteomr.errors import ColumnError, ProteomrError, UsageError, nearest
from proteomr.io import read_table
from proteomr.study.choosing import FindTable, choose
from proteomr.study.findings import Finding
from proteomr.study.taking import From
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["compare_published"]

Limits: TypeAlias = tuple[float | None, float | None]

_UNKNOWN = "the published number is not known to us"


def compare_published(findings: Sequence[Finding], find: FindTable) -> pl.DataFrame:
    """Return the published numbers of a study beside those that its stages found.

    Parameters
    ----------
    findings : what was published, and where the same is found.
    find : says where tables lie.

    Returns
    -------
    frame : see the schema ``published``; what cannot be found is null, with the reason.

    Examples
    --------
    >>> from pathlib import Path
    >>> compare_published([], lambda stage, table: Path(stage)).height
    0
    """
    schema = load_schema("published")
    rows = [_compare(one, find) for one in findings]
    return schema.validate(pl.DataFrame(rows, schema=schema.empty().schema))


def _compare(finding: Finding, find: FindTable) -> dict[str, object]:
    found: float | None = None
    limits: Limits = (None, None)
    bounded = finding.low is not None or finding.high is not None
    notes = [_UNKNOWN] if finding.published is None and not bounded else []
    try:
        found, limits = _find(finding, find)
    except ProteomrError as fault:
        notes.append(str(fault))
    expected: float | None = None
    about: Limits = (None, None)
    if finding.expected is not None:
        try:
            expected, about = _expect(finding, find)
        except ProteomrError as fault:
            notes.append(f"what is expected: {fault}")
    return {
        "finding": finding.what,
        "published": finding.published,
        "published_low": finding.low,
        "published_high": finding.high,
        "expected": expected,
        "expected_low": about[0],
        "expected_high": about[1],
        "found": found,
        "found_low": limits[0],
        "found_high": limits[1],
        "within_published": _is_within(found, finding.low, finding.high),
        "holds_expected": (
            _is_within(expected, *limits) if about == (None, None) else _is_within(found, *about)
        ),
        "rule": finding.found.rule,
        "message": "; ".join(notes) or None,
    }


def _is_within(value: float | None, low: float | None, high: float | None) -> bool | None:
    """Tell whether a number lies between two limits; None where it, or both of them, are not."""
    if value is None or math.isnan(value) or (low is None and high is None):
        return None
    return (low is None or low <= value) and (high is None or value <= high)


def _find(finding: Finding, find: FindTable) -> tuple[float | None, Limits]:
    """Return what is found, and the limits of a single value where its row has them."""
    none: Limits = (None, None)
    if finding.kind == "count":
        return float(len(choose(finding.found, find).values)), none
    rows = _take_rows(finding.found, find)
    if finding.kind == "rows":
        return float(rows.height), none
    if finding.of is not None:
        among = _take_rows(finding.of, find).height
        if not among:
            raise UsageError(f"a share of no rows: {finding.of.rule}")
        return rows.height / among, none
    values = _read_column(rows, finding.found)
    if finding.kind == "value":
        if values.len() != 1:
            raise UsageError(f"{values.len()} rows, and one is needed: {finding.found.rule}")
        return values[0], _read_limits(rows, finding.found)
    values = values.drop_nulls()
    if not values.len():
        raise UsageError(f"no row has a value: {finding.found.rule}")
    return _reduce(values, finding.kind), none


def _reduce(values: pl.Series, kind: str) -> float:
    made = {"mean": values.mean, "least": values.min, "largest": values.max}[kind]()
    return float(made)  # type: ignore[arg-type]  # of numbers, of which there is one


def _expect(finding: Finding, find: FindTable) -> tuple[float | None, Limits]:
    """Return what is expected, and the limits that stand beside a single number of a truth."""
    taken = finding.expected
    if taken is None:
        return None, (None, None)
    rows = _take_rows(taken, find)
    names = [f"{taken.column}{end}" for end in ("_low", "_high")]
    if rows.height == 1 and set(names) <= set(rows.columns):
        return _sum_expected(finding, rows, taken), (rows[names[0]][0], rows[names[1]][0])
    return _sum_expected(finding, rows, taken), (None, None)


def _sum_expected(finding: Finding, rows: pl.DataFrame, taken: From) -> float | None:
    values = _read_column(rows, taken)
    if finding.kind in ("count", "rows"):
        return float(values.sum())
    if finding.kind == "value" and values.len() != 1:
        raise UsageError(f"{values.len()} rows, and one is needed: {taken.rule}")
    values = values.drop_nulls()
    if not values.len():
        return None
    return _reduce(values, "mean" if finding.kind in ("share", "value") else finding.kind)


def _read_limits(rows: pl.DataFrame, taken: From) -> Limits:
    """Return the limits of an estimate, or of the ratio that is its exponential."""
    names = (c.CONF_LOW, c.CONF_HIGH)
    if taken.column not in (c.ESTIMATE, c.RATIO) or not set(names) <= set(rows.columns):
        return None, None
    ends = [rows[name][0] for name in names]
    if taken.column == c.RATIO:
        ends = [None if end is None else math.exp(end) for end in ends]
    return ends[0], ends[1]


def _read_column(rows: pl.DataFrame, taken: From) -> pl.Series:
    column = str(taken.column)
    if column not in rows.columns:
        hint = nearest(column, rows.columns)
        raise ColumnError(f"no column {column!r} in {taken.stage!r}{hint}")
    return rows[column].cast(pl.Float64)


def _take_rows(taken: From, find: FindTable) -> pl.DataFrame:
    frame = read_table(find(taken.stage, taken.table))
    for text in taken.where:
        condition = parse_condition(text).with_words(frame.columns)
        frame = frame.filter(condition.judge(frame, among=f"columns of {taken.stage}"))
    return frame
