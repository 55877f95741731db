"""What the columns of a plain table hold, told by the beginning of the file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from proteomr.border import reads
from proteomr.errors import FormatError, UsageError
from proteomr.io.blocks import holds_numbers
from proteomr.io.column_names import names_protein
from proteomr.io.formats import Source
from proteomr.io.parquet_faults import parquet_faults
from proteomr.io.text import MISSING, TextLayout, find_layout, locate_line, stream_text
from proteomr.io.wide_or_long.cells import Judgement, judge_cells

__all__ = [
    "Glance",
    "glance_at",
    "looks_long",
    "names_people",
    "place",
    "read_cells",
    "refuse_doubtful",
    "show_column",
]

_LEADING_ZERO: Final = r"^[+-]?0\d+$"
_COMMA: Final = r"^[+-]?\d*,\d+$"
_THOUSANDS: Final = r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$"
_POINTED: Final = r"^[+-]?\d+(\.\d*)?$"
_INDEX: Final = "__index_level_"
_IDENTIFIER: Final = re.compile(
    r"[efimps]?id|pidn|.*[ _.-]id|.*barcode"
    r"|(sample|subject|patient|person|participant|individual)[ _.-]?(id|nr|no|number)?",
    re.IGNORECASE,
)
_LONG_WIDTH: Final = 40
_LISTED: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """A table as its beginning shows it.

    Parameters
    ----------
    path : the file.
    layout : of text; None for parquet.
    head : the first rows: text as it stands, parquet in its types.
    numeric : names of the columns of numbers.
    other : names of the columns that hold something else.
    single : whether the numbers are stored in single precision, all of them.
    doubtful : columns that may be assays or facts about samples, which only the user can tell:
        they are among the others, and refused unless the user names them.
    codes : columns of text of whole numbers of one width, with zeros in front.
    padded : columns of numbers of which some have zeros in front, and how many.
    """

    path: Path
    layout: TextLayout | None
    head: pl.DataFrame
    numeric: tuple[str, ...]
    other: tuple[str, ...]
    single: bool = False
    doubtful: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    padded: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(self.head.columns)


def names_people(column: pl.Series) -> bool:
    """Tell whether a column of whole numbers has one of the usual names of identifiers.

    Examples
    --------
    >>> names_people(pl.Series("PIDN", [7, 8])), names_people(pl.Series("BID", [0.5, 1.5]))
    (True, False)
    """
    if _IDENTIFIER.fullmatch(column.name) is None:
        return False
    texts = column.cast(pl.String).str.strip_chars(' \t"')
    cells = texts.filter(~texts.is_in(MISSING))
    return cells.len() > 0 and bool(cells.str.contains(r"^\d+(\.0*)?$").all())


@reads
def glance_at(source: Source) -> Glance:
    """Return what the columns of a file hold, by the rule of `judge_cells` where it is text.

    Raises
    ------
    FormatError
        The file has no rows, its layout is broken, or its numbers have decimal commas.
    """
    if source.kind == "parquet":
        return _glance_at_parquet(source.path)
    layout = find_layout(source.path, compressed=source.compressed)
    types = dict.fromkeys(layout.names, pa.string())
    batch = next(stream_text(layout, types=types), None)
    if batch is None or not batch.num_rows:
        raise FormatError("a header and no rows", path=source.path)
    head = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
    found = {
        name: _judge(head[name], column, layout)
        for name, column in zip(layout.names, batch.columns, strict=True)
    }
    numeric = tuple(name for name, told in found.items() if told.content == "numbers")
    return Glance(
        path=source.path,
        layout=layout,
        head=head,
        numeric=numeric,
        other=tuple(name for name in found if name not in numeric),
        doubtful=tuple(name for name, told in found.items() if told.content == "doubtful"),
        codes=tuple(name for name, told in found.items() if told.content == "codes"),
        padded={name: found[name].padded for name in numeric if found[name].padded},
    )


def looks_long(glance: Glance, ids: pl.Series) -> UsageError | None:
    """Return the error for a long table of which nobody named the columns; None for a wide one.

    A table looks long where most identifiers are repeated, at most forty columns stand beside
    them, and one of these is text that may name the assays.

    Parameters
    ----------
    glance : the table.
    ids : its identifiers, all of them or those of its beginning.
    """
    names = [name for name in glance.other if name != ids.name]
    numbers = [name for name in glance.numeric if name != ids.name]
    present = ids.drop_nulls()
    repeated = present.len() - present.n_unique()
    if len(glance.names) > _LONG_WIDTH or 2 * repeated < present.len() or not names or not numbers:
        return None
    return UsageError(
        f"{glance.path}: looks like a long table ({len(glance.names)} columns, most identifiers "
        f"repeated): name its columns with --assay ({', '.join(names[:_LISTED])}?) and --value "
        f"({', '.join(numbers[:_LISTED])}?)"
    )


def refuse_doubtful(glance: Glance, names: Collection[str]) -> None:
    """Raise where one of the columns named may be an assay or a fact about the samples.

    Raises
    ------
    FormatError
        With the first cell that raises the doubt.
    """
    name = next((name for name in glance.doubtful if name in names), None)
    if name is None:
        return
    if glance.layout is None:
        message = (
            "is stored as text, and most of its values are numbers; store it as numbers, or name "
            "it with --sample-column if it is no assay"
        )
        raise FormatError(message, path=glance.path, column=show_column(name, glance.names))
    padded = glance.head[name].str.strip_chars(' \t"').str.contains(_LEADING_ZERO)
    message = (
        "whole numbers, some with zeros in front: name the column with --sample-column if they are "
        "codes, or write them without these zeros if it is an assay"
    )
    raise place(glance, padded.fill_null(value=False).arg_max() or 0, message=message, column=name)


@reads
def read_cells(glance: Glance, names: Sequence[str]) -> pl.DataFrame:
    """Return whole columns: of text as it stands, of parquet in their types."""
    if glance.layout is None:
        with parquet_faults(glance.path), pyarrow.parquet.ParquetFile(glance.path) as file:
            stored = file.read(columns=list(names), use_threads=False)
            stored.validate(full=True)
        return pl.DataFrame(pl.from_arrow(stored)).select(names)
    types = dict.fromkeys(names, pa.string())
    table = pa.Table.from_batches(stream_text(glance.layout, types=types))
    return pl.DataFrame(pl.from_arrow(table)).select(names)


def place(glance: Glance, row: int, *, message: str, column: str) -> FormatError:
    """Return the error for one cell, with its line in text or its row in parquet.

    A column whose name may be a person's is named by its number: proteins may stand in rows.
    """
    shown = show_column(column, glance.names)
    if glance.layout is None:
        return FormatError(f"row {row + 1}: {message}", path=glance.path, column=shown)
    line = locate_line(glance.layout, row)
    return FormatError(message, path=glance.path, line=line, column=shown)


def show_column(name: str, names: Sequence[str]) -> str:
    """Return the name of a column for a message, or its number where it may name a person.

    Examples
    --------
    >>> show_column("GDF15", ["ID", "GDF15"]), show_column("PT-0017", ["gene", "PT-0017"])
    ('GDF15', 'number 2')
    """
    if not re.search(r"\d{4}", name) or name not in names or names_protein(name):
        return (
            name  # P001 is a protein's name as often as a person's, and thousands have four digits
        )
    return f"number {names.index(name) + 1}"


def _glance_at_parquet(path: Path) -> Glance:
    with parquet_faults(path), pyarrow.parquet.ParquetFile(path) as file:
        schema: pa.Schema = file.schema_arrow
        rows = next(file.iter_batches(batch_size=10_000), None)
        if rows is not None:
            rows.validate(full=True)
    if len(set(schema.names)) < len(schema.names):
        name = next(name for name in schema.names if schema.names.count(name) > 1)
        raise FormatError("the name stands twice; rename one", path=path, column=name)
    if rows is None or not rows.num_rows:
        raise FormatError("a header and no rows", path=path)
    kinds = {
        field.name: holds_numbers(field.type) and not field.name.startswith(_INDEX)
        for field in schema
    }
    small = (pa.float32(), pa.float16())
    head = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([rows])))
    texts = (column for column in head.iter_columns() if column.dtype == pl.String)
    return Glance(
        path=path,
        layout=None,
        head=head,
        numeric=tuple(name for name, numeric in kinds.items() if numeric),
        other=tuple(name for name, numeric in kinds.items() if not numeric),
        single=all(field.type in small for field in schema if pa.types.is_floating(field.type)),
        doubtful=tuple(column.name for column in texts if judge_cells(column).decimals > 0.5),
    )


def _holds_plain_numbers(cells: pa.Array) -> bool:
    """Tell at once of most columns of numbers that they are; the others are looked at closely."""
    try:
        cells.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    zeros = pyarrow.compute.match_substring_regex(cells, _LEADING_ZERO)
    return not pyarrow.compute.any(zeros).as_py()


def _judge(column: pl.Series, cells: pa.Array, layout: TextLayout) -> Judgement:
    if _holds_plain_numbers(cells):
        return Judgement("numbers")
    if layout.delimiter != "," or names_protein(column.name):  # else "1,3" may be two answers
        message = "decimal comma; write numbers with a decimal point"
        _refuse_commas(column, layout, form=_COMMA, others=r"^[+-]?\d+$", message=message)
        message = "commas between thousands; write numbers without them"
        _refuse_commas(column, layout, form=_THOUSANDS, others=_POINTED, message=message)
    return judge_cells(column)


def _refuse_commas(
    column: pl.Series, layout: TextLayout, *, form: str, others: str, message: str
) -> None:
    """Refuse a column of which all cells are numbers, some of them with commas of a form."""
    text = column.str.strip_chars(' \t"')
    cells = text.set(text.is_in(MISSING), None).drop_nulls()
    commas = cells.str.contains(form)
    if commas.any() and bool((commas | cells.str.contains(others)).all()):
        first = text.str.contains(form).fill_null(value=False).arg_max() or 0
        line = locate_line(layout, first)
        shown = show_column(column.name, layout.names)
        raise FormatError(message, path=layout.path, line=line, column=shown)
