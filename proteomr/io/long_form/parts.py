"""One file as a table of coded columns, and the checks that need its lines."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias

import polars as pl

from proteomr.errors import FormatError
from proteomr.io.long_form.held_rows import code_text
from proteomr.io.long_form.vocabulary import ASSAY, ASSAY_ID
from proteomr.io.spreadsheets import is_damaged, restore_genes
from proteomr.io.text import MARKS
from proteomr.tables import columns as c

__all__ = [
    "EXTRA",
    "Part",
    "categories_of",
    "check_part",
    "collect",
    "mark",
    "refuse_twins",
]

EXTRA: Final = "extra:"
_MARKS: Final = re.compile(MARKS)

Layout: TypeAlias = Literal["long text", "long parquet", "long sheet", "wide sheet"]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The rows of one file, one for each sample and assay.

    Parameters
    ----------
    path : the file.
    layout : what kind of file it is.
    frame : columns under the names of their roles, further ones behind a prefix; text as Enum
        with its categories in order, null where missing; numbers as Float64, null where missing.
        Lazy, for its rows may lie on the disk.
    headings : what the file calls the columns, by role.
    single : whether the file holds its numbers in single precision.
    passed_over : columns that were not taken.
    notes : what a user should know.
    facts : what the file says of itself.
    find_line : line of a row, where rows are lines.
    """

    path: Path
    layout: Layout
    frame: pl.LazyFrame
    headings: Mapping[str, str]
    single: bool = False
    passed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    find_line: Callable[[int], int | None] | None = None


def mark(kind: pl.DataType, name: str, test: Callable[[str], bool]) -> pl.Expr:
    """Return whether the value of a coded column passes a test; False for null.

    Parameters
    ----------
    kind : Enum, whose few categories are tested in place of the rows.
    name : of the column.
    test : of a category.

    Examples
    --------
    >>> kind = pl.Enum(["a", "b"])
    >>> frame = pl.DataFrame({"panel": ["a", None, "b"]}, schema={"panel": kind})
    >>> frame.select(mark(kind, "panel", lambda text: text == "b")).to_series().to_list()
    [False, False, True]
    """
    passed = [value for value in categories_of(kind) if test(value)]
    if not passed:
        return pl.lit(value=False)
    return pl.col(name).is_in(pl.Series(passed, dtype=kind).implode()).fill_null(value=False)


def categories_of(kind: pl.DataType) -> Sequence[str]:
    """Return the values of a coded column; none of one that holds nothing."""
    return kind.categories.to_list() if isinstance(kind, pl.Enum) else []


def check_part(part: Part) -> Part:
    """Return a part with the names of its assays restored where a spreadsheet rewrote them.

    Refused are names that are missing or rewritten beyond repair, and what is no measurement.

    Raises
    ------
    FormatError
        With the line, where the file has lines.
    """
    part = _restore_names(part)
    kinds = part.frame.collect_schema()
    key = ASSAY_ID if ASSAY_ID in kinds else ASSAY
    missing, value = {role: pl.col(role).is_null() for role in (c.SAMPLE_ID, key)}, pl.col(c.VALUE)
    counts = collect(
        part.frame.select(
            pl.len().alias("rows"),
            *(test.sum().alias(f"{role}|missing") for role, test in missing.items()),
            value.is_infinite().sum().alias("infinite"),
            value.null_count().alias("empty"),
        )
    ).row(0, named=True)
    if not counts["rows"]:
        raise FormatError("a header and no rows", path=part.path)
    for role, test in missing.items():
        if n := counts[f"{role}|missing"]:
            message = f"{n} of {counts['rows']} rows have no name here; complete or remove them"
            _refuse(part, test, role, message)
        _refuse_names(part, kinds[role], role)
    if n := counts["infinite"]:
        _refuse(part, value.is_infinite(), c.VALUE, f"{n} infinite values; remove them")
    if counts["empty"] == counts["rows"]:
        there = f"; there are also {', '.join(part.passed_over)}" if part.passed_over else ""
        raise FormatError(
            f"no row has a value{there}; export the file with NPX",
            path=part.path,
            column=part.headings.get(c.VALUE, "NPX"),
        )
    return part


def collect(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return what was asked of rows, in bounded memory however many they are."""
    return rows.collect(engine="streaming")


def _refuse_names(part: Part, kind: pl.DataType, role: str) -> None:
    for test, what in (
        (
            lambda name: _MARKS.search(name) is not None,
            "hold a quotation mark or a line break; check the quotes",
        ),
        (
            is_damaged,
            "look rewritten by a spreadsheet (dates, 1E+05); export again with the column as text",
        ),
    ):
        kinds = sum(test(name) for name in categories_of(kind))
        if kinds:
            _refuse(part, mark(kind, role, test), role, f"{kinds} names {what}")


def refuse_twins(parts: Sequence[Part], sheets: Sequence[str]) -> None:
    """Refuse sheets of one workbook that hold the same samples and assays, as a copy does.

    Raises
    ------
    FormatError
        With the names of two such sheets.
    """
    keys = (c.SAMPLE_ID, ASSAY_ID, ASSAY, c.PANEL, c.PLATE)
    rows = []
    for part in parts:
        kinds = part.frame.collect_schema()
        names = [name for name in keys if name in kinds]
        rows.append(collect(part.frame.select(pl.col(names).cast(pl.String)).unique()))
    for (first, one), (second, other) in itertools.combinations(enumerate(rows), 2):
        if one.columns != other.columns:
            continue
        shared = one.join(other, on=one.columns, nulls_equal=True).height
        # Controls bear the same names on every plate, so that a few shared rows are no copy.
        if 2 * shared > min(one.height, other.height):
            message = f"sheets {sheets[first]!r} and {sheets[second]!r} hold the same samples and "
            remedy = "assays; save the one that is wanted as a file of its own"
            raise FormatError(message + remedy, path=parts[first].path)


def _restore_names(part: Part) -> Part:
    """Undo what a spreadsheet did to the names of assays, where they are keys."""
    frame = part.frame
    kinds = frame.collect_schema()
    if ASSAY_ID in kinds or c.UNIPROT not in kinds or ASSAY not in kinds:
        return part
    pairs = collect(frame.select(ASSAY, c.UNIPROT).unique()).sort(ASSAY, c.UNIPROT)
    restored = restore_genes(pairs[ASSAY], pairs[c.UNIPROT])
    if not restored.restored:
        return part
    names = restored.names.zip_with(restored.names.is_not_null(), pairs[ASSAY].cast(pl.String))
    pairs = pairs.with_columns(code_text(names).alias("restored"))
    joined = frame.join(
        pairs.lazy(), on=[ASSAY, c.UNIPROT], how="left", nulls_equal=True, maintain_order="left"
    )
    frame = joined.with_columns(pl.col("restored").alias(ASSAY)).drop("restored")
    return replace(part, frame=frame, notes=(*part.notes, *restored.notes))


def _refuse(part: Part, faulty: pl.Expr, role: str, message: str) -> NoReturn:
    at = part.frame.with_row_index("row").filter(faulty).select("row").head(1)
    row = int(collect(at).item())
    line = part.find_line(row) if part.find_line is not None else None
    if part.layout == "long parquet":
        message = f"row {row + 1}: {message}"
    raise FormatError(message, path=part.path, line=line, column=part.headings.get(role, role))
