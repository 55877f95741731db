"""Long tables of Olink, one row for each sample and assay: delimited text and parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from proteomr.border import reads
from proteomr.errors import FormatError, IdentifierError
from proteomr.io.blocks import holds_numbers
from proteomr.io.conversion import convert_text
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.identifiers import normalise_ids
from proteomr.io.olink.parts import EXTRA, Part, code_text, code_values
from proteomr.io.olink.spellings import ASSAY, OLINK_ID, Roles, find_roles
from proteomr.io.text import TextLayout, find_layout, locate_line, stream_text
from proteomr.tables import columns as c

__all__ = ["read_long_parquet", "read_long_text"]

_NUMERIC: Final = (c.VALUE, c.LOD)
_FACTS: Final = ("Product", "ProjectName", "SampleMatrix", "DataFileType", "FileVersion")
_CODED: Final = pa.dictionary(pa.int32(), pa.string())


@reads
def read_long_text(source: Source, *, options: IngestOptions, scratch: Path) -> Part:
    r"""Return the rows of a long table in delimited text.

    Parameters
    ----------
    source : the file.
    options : columns named by the user.
    scratch : folder for a converted copy, needed where numbers are spelt unusually.

    Raises
    ------
    FormatError
        A column is missing or repeated, a row is ragged, or a cell holds no number; with the line.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.formats import open_source
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "npx.csv"
    ...     size = file.write_text("SampleID;OlinkID;NPX\nA1;OID1;0.5\n")
    ...     part = read_long_text(
    ...         open_source(file), options=IngestOptions(), scratch=Path(folder)
    ...     )
    >>> part.frame["value"].to_list()
    [0.5]
    """
    layout = find_layout(source.path, compressed=source.compressed)
    roles = find_roles(layout.names, path=source.path, options=options)
    further = _constant_columns(_first_rows(layout, roles), roles) if roles.further else ()
    wanted = {**roles.names, **{EXTRA + name: name for name in further}}
    texts = {role: name for role, name in wanted.items() if role not in _NUMERIC}
    numbers = {role: name for role, name in wanted.items() if role in _NUMERIC}
    try:
        table = _read_text(layout, list(texts.values()), list(numbers.values()))
    except pa.ArrowInvalid:  # a number spelt unusually, or none: look at each cell
        copy = convert_text(
            layout,
            id_column=roles.names[c.SAMPLE_ID],
            proteins=list(numbers.values()),
            scratch=scratch,
        )
        numeric = pyarrow.parquet.read_table(copy, columns=list(numbers.values()))
        copy.unlink()
        table = _read_text(layout, list(texts.values()), [])
        for name in numbers.values():
            table = table.append_column(name, numeric.column(name))
    _refuse_line_breaks(table, layout)
    return Part(
        path=source.path,
        layout="long text",
        frame=_frame(table, wanted, roles, source.path),
        headings=wanted,
        passed_over=(*roles.passed_over, *(set(roles.further) - set(further))),
        find_line=partial(locate_line, layout),
    )


@reads
def read_long_parquet(source: Source, *, options: IngestOptions) -> Part:
    """Return the rows of a long table in parquet, as Explore HT and Reveal are delivered.

    Parameters
    ----------
    source : the file.
    options : columns named by the user.

    Raises
    ------
    FormatError
        The file is damaged, a column is missing or repeated, or holds no numbers.
    """
    path = source.path
    for position, name in enumerate(source.columns):
        if name in source.columns[:position]:
            raise FormatError("the name stands twice; rename one", path=path, column=name)
    roles = find_roles(source.columns, path=path, options=options)
    with _damage(path):
        # Texts come as codes: a name stands once in memory and not once a row.
        named = [roles.names[role] for role in roles.names if role not in _NUMERIC]
        texts = _text_columns(path, [*named, *roles.further])
        file = pyarrow.parquet.ParquetFile(
            path, read_dictionary=texts, page_checksum_verification=True
        )
        _refuse_text(file.schema_arrow, roles, path)
        further = _first_group_constants(file, roles)
        wanted = {**roles.names, **{EXTRA + name: name for name in further}}
        table = file.read(columns=list(wanted.values()))
        table.validate(full=True)  # codes without a text would end the process
    single = table.schema.field(roles.names[c.VALUE]).type == pa.float32()
    with _damage(path):
        frame = _frame(table, wanted, roles, source.path)
    return Part(
        path=path,
        layout="long parquet",
        frame=frame,
        headings=wanted,
        single=single,
        passed_over=(*roles.passed_over, *(set(roles.further) - set(further))),
        facts={key: value for key, value in source.metadata if key in _FACTS},
    )


def _read_text(layout: TextLayout, texts: Sequence[str], numbers: Sequence[str]) -> pa.Table:
    types = {**dict.fromkeys(texts, _CODED), **dict.fromkeys(numbers, pa.float64())}
    batches = list(stream_text(layout, types=types))
    return pa.Table.from_batches(batches, schema=pa.schema(list(types.items())))


def _refuse_line_breaks(table: pa.Table, layout: TextLayout) -> None:
    """A line break inside a cell is rare in data and usual behind a stray quote: look again."""
    for name in table.column_names:
        if not pa.types.is_dictionary(table.schema.field(name).type):
            continue
        for chunk in table.column(name).chunks:
            letters = chunk.dictionary.buffers()[2]
            held = letters.to_pybytes() if letters is not None else b""
            if b"\n" in held or b"\r" in held:
                for _ in stream_text(layout, types={name: pa.string()}):
                    pass  # raises with the line where the quotes are at fault
                return


def _first_rows(layout: TextLayout, roles: Roles) -> pl.DataFrame:
    """Return the further columns, the sample and the assay of the first block of rows."""
    names = [*roles.further, *_identifying(roles)]
    batches = stream_text(layout, types=dict.fromkeys(names, pa.string()))
    first = next(batches, None)
    if first is None:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return pl.DataFrame(pl.from_arrow(first))


def _first_group_constants(file: pyarrow.parquet.ParquetFile, roles: Roles) -> tuple[str, ...]:
    if not roles.further or not file.num_row_groups:
        return ()
    names = [*roles.further, *_identifying(roles)]
    plain = [name for name in names if not pa.types.is_nested(file.schema_arrow.field(name).type)]
    rows = file.read_row_group(0, columns=plain)
    rows.validate(full=True)
    return _constant_columns(pl.DataFrame(pl.from_arrow(rows)), roles)


def _identifying(roles: Roles) -> list[str]:
    return [roles.names[role] for role in (c.SAMPLE_ID, OLINK_ID, ASSAY) if role in roles.names]


def _constant_columns(rows: pl.DataFrame, roles: Roles) -> tuple[str, ...]:
    """Return the further columns that may say something of a sample or of an assay.

    What differs among the first rows of one sample and of one assay is a measurement, and is not
    worth the memory of reading it whole.
    """
    present = [name for name in roles.further if name in rows.columns]
    names: set[str] = set()
    for by in _identifying(roles):
        constant = rows.group_by(by).agg(pl.col(present).drop_nulls().n_unique() <= 1)
        names.update(name for name in present if bool(constant[name].all()))
    return tuple(name for name in present if name in names)


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
    for role in _NUMERIC:
        if role not in roles.names:
            continue
        kind = schema.field(roles.names[role]).type
        if not holds_numbers(kind):
            content = "text" if types.is_string(kind) or types.is_large_string(kind) else kind
            message = f"holds {content} where numbers are needed; write the column as numbers"
            raise FormatError(message, path=path, column=roles.names[role])


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as fault:
        message = "the parquet file is damaged or of a kind that is not read; write it again"
        raise FormatError(message, path=path) from fault


def _frame(table: pa.Table, wanted: dict[str, str], roles: Roles, path: Path) -> pl.DataFrame:
    columns = []
    for role, name in wanted.items():
        stored = table.column(name)
        if pa.types.is_dictionary(stored.type):
            column = _code_dictionary(stored)
        else:
            column = _code_plain(pl.Series(pl.from_arrow(stored)), role, name, path)
        columns.append(column.alias(role))
    frame = pl.DataFrame(columns)
    if roles.unit is not None:
        frame = frame.with_columns(pl.lit(roles.unit, dtype=pl.Enum([roles.unit])).alias(c.UNIT))
    return frame


def _code_dictionary(column: pa.ChunkedArray) -> pl.Series:
    if not column.num_chunks:
        return code_text(pl.Series([], dtype=pl.String))
    whole = column.unify_dictionaries()
    values = pl.Series(pl.from_arrow(whole.chunk(0).dictionary))
    codes = pa.chunked_array([chunk.indices for chunk in whole.chunks])
    return code_values(values, pl.Series(pl.from_arrow(codes)))


def _code_plain(column: pl.Series, role: str, name: str, path: Path) -> pl.Series:
    if role in _NUMERIC:
        return column.cast(pl.Float64).fill_nan(None)
    if role == c.SAMPLE_ID and column.dtype.is_float():
        return code_text(_whole_names(column, name, path))
    return code_text(column)


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
