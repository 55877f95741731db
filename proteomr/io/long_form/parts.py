"""One file as a table of coded columns, and the checks that need its lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import Bool
from proteomr.errors import FormatError
from proteomr.io.long_form.vocabulary import ASSAY, ASSAY_ID
from proteomr.io.spreadsheets import is_damaged, restore_genes
from proteomr.io.text import MARKS, MISSING
from proteomr.tables import columns as c

__all__ = ["EXTRA", "Part", "check_part", "code_text", "code_values", "mark"]

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
    headings : what the file calls the columns, by role.
    single : whether the file holds its numbers in single precision.
    passed_over : columns that were not taken.
    notes : what a user should know.
    facts : what the file says of itself.
    find_line : line of a row, where rows are lines.
    """

    path: Path
    layout: Layout
    frame: pl.DataFrame
    headings: Mapping[str, str]
    single: bool = False
    passed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    find_line: Callable[[int], int | None] | None = None


def code_text(cells: pl.Series) -> pl.Series:
    """Return text as codes over its sorted values, trimmed, with null for what is missing.

    Examples
    --------
    >>> code_text(pl.Series("panel", ["b ", "NA", "a", "b"])).to_physical().to_list()
    [1, None, 0, 1]
    """
    texts = cells.cast(pl.String)
    seen = texts.drop_nulls().unique()
    codes = texts.cast(pl.Enum(seen)).to_physical()
    return code_values(seen, codes).alias(cells.name)


def code_values(values: pl.Series, codes: pl.Series) -> pl.Series:
    """Return text given as codes over any values as codes over the sorted and trimmed ones.

    Parameters
    ----------
    values : texts; those that become one by trimming are one.
    codes : for each row a position among the values, null where missing.

    Examples
    --------
    >>> code_values(pl.Series(["b ", "a"]), pl.Series([1, None, 0])).to_list()
    ['a', None, 'b']
    """
    trimmed = values.cast(pl.String).str.strip_chars()
    trimmed = trimmed.set(trimmed.is_in(MISSING), None)
    coded = trimmed.cast(pl.Enum(trimmed.drop_nulls().unique().sort()))
    # A gather from the few values: a cast would go through the text of every row.
    return coded.gather(codes.cast(pl.UInt32))


def mark(column: pl.Series, test: Callable[[str], bool]) -> Bool:
    """Return for each row of a coded column whether its value passes a test; False for null.

    Examples
    --------
    >>> mark(code_text(pl.Series(["a", "NA", "b"])), lambda text: text == "b").tolist()
    [False, False, True]
    """
    passed = [test(value) for value in _categories(column)]
    codes = column.to_physical().cast(pl.UInt32).fill_null(len(passed)).to_numpy()
    answer: Bool = np.array([*passed, False], dtype=np.bool_)[codes]
    return answer


def check_part(part: Part) -> Part:
    """Return a part with the names of its assays restored where a spreadsheet rewrote them.

    Refused are names that are missing or rewritten beyond repair, and what is no measurement.

    Raises
    ------
    FormatError
        With the line, where the file has lines.
    """
    if not part.frame.height:
        raise FormatError("a header and no rows", path=part.path)
    part = _restore_names(part)
    frame = part.frame
    key = ASSAY_ID if ASSAY_ID in frame.columns else ASSAY
    for role in (c.SAMPLE_ID, key):
        names = frame[role]
        if missing := names.null_count():
            message = f"{missing} of {frame.height} rows have no name here; complete or remove them"
            _refuse(part, names.is_null().to_numpy(), role, message)
        quoted = mark(names, lambda name: _MARKS.search(name) is not None)
        if quoted.any():
            kinds = names.filter(pl.Series(quoted)).n_unique()
            message = f"{kinds} names hold a quotation mark or a line break; check the quotes"
            _refuse(part, quoted, role, message)
        damaged = mark(names, is_damaged)
        if damaged.any():
            kinds = names.filter(pl.Series(damaged)).n_unique()
            message = (
                f"{kinds} names look rewritten by a spreadsheet (dates, 1E+05); "
                "export again and keep the column as text"
            )
            _refuse(part, damaged, role, message)
    infinite = frame[c.VALUE].is_infinite().fill_null(value=False)
    if infinite.any():
        _refuse(
            part, infinite.to_numpy(), c.VALUE, f"{infinite.sum()} infinite values; remove them"
        )
    if frame[c.VALUE].null_count() == frame.height:
        there = f"; there are also {', '.join(part.passed_over)}" if part.passed_over else ""
        raise FormatError(
            f"no row has a value{there}; export the file with NPX",
            path=part.path,
            column=part.headings.get(c.VALUE, "NPX"),
        )
    return part


def _restore_names(part: Part) -> Part:
    """Undo what a spreadsheet did to the names of assays, where they are keys."""
    frame = part.frame
    if ASSAY_ID in frame.columns or c.UNIPROT not in frame.columns or ASSAY not in frame.columns:
        return part
    pairs = frame.select(ASSAY, c.UNIPROT).unique().sort(ASSAY, c.UNIPROT)
    restored = restore_genes(pairs[ASSAY], pairs[c.UNIPROT])
    if not restored.restored:
        return part
    names = restored.names.zip_with(restored.names.is_not_null(), pairs[ASSAY].cast(pl.String))
    pairs = pairs.with_columns(code_text(names).alias("restored"))
    joined = frame.join(
        pairs, on=[ASSAY, c.UNIPROT], how="left", nulls_equal=True, maintain_order="left"
    )
    frame = frame.with_columns(joined["restored"].alias(ASSAY))
    return replace(part, frame=frame, notes=(*part.notes, *restored.notes))


def _refuse(part: Part, faulty: Bool, role: str, message: str) -> NoReturn:
    row = int(faulty.argmax())
    line = part.find_line(row) if part.find_line is not None else None
    if part.layout == "long parquet":
        message = f"row {row + 1}: {message}"
    raise FormatError(message, path=part.path, line=line, column=part.headings.get(role, role))


def _categories(column: pl.Series) -> Sequence[str]:
    dtype = column.dtype
    return dtype.categories.to_list() if isinstance(dtype, pl.Enum) else []
