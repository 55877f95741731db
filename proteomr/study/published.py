"""What a study found beside what was published: counts of names, and single estimates."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from proteomr.design import parse_condition
from proteomr.errors import ColumnError, ProteomrError, UsageError, nearest
from proteomr.io import read_table
from proteomr.study.choosing import FindTable, choose
from proteomr.study.study import Finding, From
from proteomr.tables import load_schema

__all__ = ["compare_published"]


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
    found, expected, message = None, None, None
    try:
        found = (
            _count(finding.found, find) if finding.kind == "count" else _read(finding.found, find)
        )
        expected = None if finding.expected is None else _sum(finding.expected, find)
    except ProteomrError as fault:
        message = str(fault)
    return {
        "finding": finding.what,
        "published": finding.published,
        "published_low": finding.low,
        "published_high": finding.high,
        "expected": expected,
        "found": found,
        "rule": finding.found.rule,
        "message": message,
    }


def _count(taken: From, find: FindTable) -> float:
    return float(len(choose(taken, find).values))


def _read(taken: From, find: FindTable) -> float | None:
    values = _take_rows(taken, find)
    if values.len() != 1:
        raise UsageError(f"{values.len()} rows, and one is needed: {taken.rule}")
    return None if values[0] is None else float(values[0])


def _sum(taken: From, find: FindTable) -> float:
    return float(_take_rows(taken, find).sum())


def _take_rows(taken: From, find: FindTable) -> pl.Series:
    frame = read_table(find(taken.stage, taken.table))
    column = str(taken.column)
    if column not in frame.columns:
        raise ColumnError(
            f"no column {column!r} in {taken.stage!r}{nearest(column, frame.columns)}"
        )
    for text in taken.where:
        condition = parse_condition(text).with_words(frame.columns)
        frame = frame.filter(condition.judge(frame, among=f"columns of {taken.stage}"))
    return frame[column]
