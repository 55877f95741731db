"""Long tables, one row for each sample and assay: delimited text and parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from proteomr.border import reads
from proteomr.errors import FormatError, IdentifierError
from proteomr.io.blocks import holds_numbers
from proteomr.io.conversion import refuse_cell
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.identifiers import normalise_ids
from proteomr.io.long_form.cells import convert_numbers, holds_range
from proteomr.io.long_form.held_rows import HeldRows
from proteomr.io.long_form.parts import EXTRA, Part
from proteomr.io.long_form.vocabulary import (
    NUMERIC,
    Roles,
    Vocabulary,
    add_unit,
    constant_columns,
    find_roles,
    identifying,
)
from proteomr.io.parquet_faults import parquet_faults
from proteomr.io.text import TextLayout, find_layout, locate_line, stream_text
from proteomr.tables import columns as c

__all__ = ["read_long_parquet", "read_long_text"]

_FACTS: Final = ("Product", "ProjectName", "SampleMatrix", "DataFileType", "FileVersion")
_CODED: Final = pa.dictionary(pa.int32(), pa.string())
_ROWS_AT_ONCE: Final = 1 << 18  # of a parquet file: some 30 MB with a dozen columns


@reads
def read_long_text(
    source: Source, vocabulary: Vocabulary, *, options: IngestOptions, scratch: Path
) -> Part:
    r"""Return the rows of a long table in delimited text.

    Parameters
    ----------
    source : the file.
    vocabulary : what the laboratory calls its columns.
    options : columns named by the user.
    scratch : folder for rows that are too many for memory.

    Raises
    ------
    FormatError
        A column is missing or repeated, a row is ragged, or a cell holds no number; with the line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from proteomr.io.formats import open_source
    >>> from proteomr.io.olink.spellings import OLINK
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "npx.csv"
    ...     size = file.write_text("SampleID;OlinkID;NPX\nA1;OID1;0.5\n")
    ...     part = read_long_text(
    ...         open_source(file), OLINK, options=IngestOptions(), scratch=Path(folder)
    ...     )
    >>> part.frame.collect()["value"].to_list()
    [0.5]
    """
    layout = find_layout(source.path, compressed=source.compressed)
    roles = find_roles(layout.names, vocabulary, path=source.path, options=options)
    further = constant_columns(_first_rows(layout, roles), roles) if roles.further else ()
    wanted = {**roles.names, **{EXTRA + name: name for name in further}}
    texts = {role: name for role, name in wanted.items() if role not in NUMERIC}
    numbers = {role: name for role, name in wanted.items() if role in NUMERIC}
    words = None
    try:
        rows = _hold_text(layout, texts, numbers, scratch)
    except pa.ArrowInvalid:  # a number spelt unusually, or none: look at each that is told apart
        rows = _hold_text(layout, {**texts, **numbers}, {}, scratch)
        words = convert_numbers(rows, refuse=partial(_refuse_cell, layout))
    _refuse_line_breaks(rows, layout)
    return Part(
        path=source.path,
        layout="long text",
        frame=add_unit(rows.finish(words), roles),
        headings=wanted,
        passed_over=(*roles.passed_over, *(set(roles.further) - set(further))),
        find_line=partial(locate_line, layout),
    )


@reads
def read_long_parquet(
    source: Source, vocabulary: Vocabulary, *, options: IngestOptions, scratch: Path
) -> Part:
    """Return the rows of a long table in parquet, as Explore HT and Reveal are delivered.

    Parameters
    ----------
    source : the file.
    vocabulary : what the laboratory calls its columns.
    options : columns named by the user.
    scratch : folder for rows that are too many for memory.

    Raises
    ------
    FormatError
        The file is damaged, a column is missing or repeated, or holds no numbers.
    """
    path = source.path
    for position, name in enumerate(source.columns):
        if name in source.columns[:position]:
            raise FormatError("the name stands twice; rename one", path=path, column=name)
    roles = find_roles(source.columns, vocabulary, path=path, options=options)
    with parquet_faults(path):
        # Texts come as codes: a name stands once in memory and not once a row.
        named = [roles.names[role] for role in roles.names if role not in NUMERIC]
        texts = _text_columns(path, [*named, roles.names[c.VALUE], *roles.further])
        file = pyarrow.parquet.ParquetFile(
            path, read_dictionary=texts, page_checksum_verification=True
        )
        _refuse_text(file.schema_arrow, roles, path)
        further = _first_group_constants(file, roles)
        wanted = {**roles.names, **{EXTRA + name: name for name in further}}
        value = roles.names[c.VALUE]
        kind = file.schema_arrow.field(value).type
        rows = _hold_parquet(file, wanted, path, scratch)
    words = None
    if c.VALUE in rows.texts:
        if not holds_range(rows):
            raise _text_fault(path, value)
        words = convert_numbers(rows, refuse=partial(_refuse_row, path))
    return Part(
        path=path,
        layout="long parquet",
        frame=add_unit(rows.finish(words), roles),
        headings=wanted,
        single=kind == pa.float32(),
        passed_over=(*roles.passed_over, *(set(roles.further) - set(further))),
        facts={key: value for key, value in source.metadata if key in _FACTS},
    )


def _hold_text(
    layout: TextLayout, texts: Mapping[str, str], numbers: Mapping[str, str], scratch: Path
) -> HeldRows:
    types = {
        **dict.fromkeys(texts.values(), _CODED),
        **dict.fromkeys(numbers.values(), pa.float64()),
    }
    rows = HeldRows(texts, numbers, scratch)
    try:
        for batch in stream_text(layout, types=types):
            rows.add(batch)
    except pa.ArrowInvalid:  # it is read a second time, and the disk has room for one
        rows.discard()
        raise
    return rows


def _hold_parquet(
    file: pyarrow.parquet.ParquetFile, wanted: Mapping[str, str], path: Path, scratch: Path
) -> HeldRows:
    schema = file.schema_arrow
    numbers = {
        role: name
        for role, name in wanted.items()
        if role in NUMERIC and not pa.types.is_dictionary(schema.field(name).type)
    }
    texts = {role: name for role, name in wanted.items() if role not in numbers}
    rows = HeldRows(texts, numbers, scratch)
    for batch in file.iter_batches(columns=list(wanted.values()), batch_size=_ROWS_AT_ONCE):
        batch.validate(full=True)  # codes without a text would end the process
        rows.add(_name_samples(batch, texts[c.SAMPLE_ID], path))
    return rows


def _name_samples(batch: pa.RecordBatch, column: str, path: Path) -> pa.RecordBatch:
    """Return rows whose samples have names, where numbers with decimals are no names."""
    place = batch.schema.get_field_index(column)
    if not pa.types.is_floating(batch.schema.field(place).type):
        return batch
    names = _whole_names(pl.Series(pl.from_arrow(batch.column(place))), column, path)
    return batch.set_column(place, column, names.to_arrow().cast(pa.string()))


def _refuse_line_breaks(rows: HeldRows, layout: TextLayout) -> None:
    """A line break inside a cell is rare in data and usual behind a stray quote: look again."""
    for role, name in rows.texts.items():
        if rows.texts_of(role).str.contains(r"[\n\r]").any():
            for _ in stream_text(layout, types={name: pa.string()}):
                pass  # raises with the line where the quotes are at fault
            return


def _first_rows(layout: TextLayout, roles: Roles) -> pl.DataFrame:
    """Return the further columns, the sample and the assay of the first block of rows."""
    names = [*roles.further, *identifying(roles)]
    batches = stream_text(layout, types=dict.fromkeys(names, pa.string()))
    first = next(batches, None)
    if first is None:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return pl.DataFrame(pl.from_arrow(first))


def _first_group_constants(file: pyarrow.parquet.ParquetFile, roles: Roles) -> tuple[str, ...]:
    if not roles.further or not file.num_row_groups:
        return ()
    names = [*roles.further, *identifying(roles)]
    plain = [name for name in names if not pa.types.is_nested(file.schema_arrow.field(name).type)]
    rows = file.read_row_group(0, columns=plain)
    rows.validate(full=True)
    return constant_columns(pl.DataFrame(pl.from_arrow(rows)), roles)


def _text_columns(path: Path, names: Sequence[str]) -> list[str]:
    schema: pa.Schema = pyarrow.parquet.read_schema(path)
    types = pa.types
    return [
        name
        for name in names
        if types.is_string(kind := schema.field(name).type) or types.is_large_string(kind)
    ]


def _refuse_text(schema: pa.Schema, roles: Roles, path: Path) -> None:
    types = pa.types
    for role in NUMERIC:
        if role not in roles.names:
            continue
        kind = schema.field(roles.names[role]).type
        is_text = _is_text(kind.value_type if types.is_dictionary(kind) else kind)
        if not holds_numbers(kind) and not (is_text and role == c.VALUE):
            raise _text_fault(path, roles.names[role], content="text" if is_text else str(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _text_fault(path: Path, column: str, *, content: str = "text") -> FormatError:
    message = f"holds {content} where numbers are needed; write the column as numbers"
    return FormatError(message, path=path, column=column)


def _refuse_row(path: Path, row: int, column: str, cell: str) -> NoReturn:
    del cell  # of which nothing is known, so that it stands in no message
    message = f"row {row + 1}: text where a number is needed; leave the cell empty if it is missing"
    raise FormatError(message, path=path, column=column)


def _refuse_cell(layout: TextLayout, row: int, column: str, cell: str) -> NoReturn:
    refuse_cell(layout, record=row, column=column, cell=cell)


def _whole_names(ids: pl.Series, name: str, path: Path) -> pl.Series:
    values = ids.fill_nan(None)
    seen = values.drop_nulls().unique()
    if not seen.len():
        return values.cast(pl.String)
    try:
        texts = normalise_ids(seen.alias(name))
    except IdentifierError as fault:
        raise FormatError(str(fault), path=path) from None
    return values.replace_strict(seen, texts, default=None)
