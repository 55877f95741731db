"""The long file of the UK Biobank Showcase: one line for each person, visit and protein."""

from __future__ import annotations

import contextlib
import contextvars
import gzip
import zlib
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NoReturn

import polars as pl
import pyarrow as pa
import pyarrow.csv

from proteomr.border import reads
from proteomr.errors import FormatError, nearest
from proteomr.io.formats import Replicates, Source
from proteomr.io.sources import damaged_gzip
from proteomr.io.streams import count_lines, describe_cut
from proteomr.io.text import MISSING, TextLayout, find_layout, locate_line, stream_text
from proteomr.io.ukbiobank.protein_names import protein_key
from proteomr.io.ukbiobank.proteins import ProteinValues, no_instance
from proteomr.io.ukbiobank.scatter import Scatter
from proteomr.runs.notes import add_note
from proteomr.tables import Drop

__all__ = ["LONG_COLUMNS", "read_coding", "read_long"]

LONG_COLUMNS: Final = ("eid", "ins_index", "protein_id", "result")
CODING_COLUMNS: Final = ("coding", "meaning")
_KINDS: Final = (pa.int32(), pa.int8(), pa.int32(), pa.float64())
_RANGES: Final = (2**31, 2**7, 2**31)
_CHUNK_BYTES: Final = 1 << 25
_PARSE_BYTES: Final = 1 << 22
_LARGEST_CODE: Final = 1_000_000  # beyond it lie identifiers, which no message may hold
_LISTED: Final = 5
_COMMA_NUMBER: Final = r"^[+-]?\d*,\d+([eE][+-]?\d+)?$"


@reads
def read_coding(path: Path, *, compressed: bool = False) -> dict[int, str]:
    r"""Return the key of the protein of each code, from the table of coding 143.

    Parameters
    ----------
    path : text with the columns coding and meaning, where meaning is the gene, a semicolon, and
        words about it.
    compressed : whether it is compressed with gzip.

    Raises
    ------
    FormatError
        A code is no whole number or stands twice, a gene is missing or stands twice.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".tsv") as file:
    ...     size = file.write(b"coding\tmeaning\n3\tHLA-DRA;HLA class II\n0\tGDF15;Growth\n")
    ...     file.flush()
    ...     read_coding(Path(file.name))
    {3: 'HLA_DRA', 0: 'GDF15'}
    """
    layout = find_layout(path, compressed=compressed)
    columns = _find_columns(layout, CODING_COLUMNS)
    coding: dict[int, str] = {}
    owner: set[str] = set()
    for record, (code, meaning) in enumerate(_read_rows(layout, columns)):
        text, key = (code or "").strip(), protein_key((meaning or "").split(";")[0])
        fault = ""
        if not text.isdecimal() or int(text) > _LARGEST_CODE:
            fault = "the code is no whole number"
        elif not key:
            fault = "a code without a gene"
        elif int(text) in coding or key in owner:
            fault = f"the {'code' if int(text) in coding else 'gene'} stands twice; remove one"
        if fault:
            raise FormatError(fault, path=path, line=locate_line(layout, record))
        coding[int(text)] = key
        owner.add(key)
    if not coding:
        raise FormatError("a header and no rows", path=path)
    return coding


@reads
def read_long(
    sources: Sequence[Source],
    coding: Mapping[int, str],
    *,
    instance: int = 0,
    replicates: Replicates = "refuse",
) -> ProteinValues:
    r"""Return the proteins of one instance from the long file, whatever the order of its lines.

    A chunk of lines is scattered into the matrix while the next is parsed: the matrix and two
    chunks are all that is held.

    Parameters
    ----------
    sources : the file, or its pieces: eid, ins_index, protein_id, result.
    coding : key of the protein of each code, as `read_coding` gives it.
    instance : visit whose measurements are taken.
    replicates : where a person's protein stands twice: refuse it, take the line that comes first
        in the files, or the mean of all.

    Raises
    ------
    FormatError
        A file is damaged; a cell is no number, with its line; codes are not in the coding; values
        stand twice; or there is none of the instance.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.formats import open_source
    >>> with tempfile.NamedTemporaryFile(suffix=".txt") as file:
    ...     size = file.write(b"eid\tins_index\tprotein_id\tresult\n1000012\t0\t7\t0.25\n")
    ...     file.flush()
    ...     values = read_long([open_source(file.name)], {7: "GDF15"})
    ...     values.proteins.names, values.proteins.read(slice(0, 1)).tolist()
    (('GDF15',), [[0.25]])
    """
    ordered = sorted(sources, key=lambda source: str(source.path))
    scatter = Scatter(coding, instance=instance, replicates=replicates)
    for source in ordered:
        layout = find_layout(source.path, compressed=source.compressed)
        columns = _find_columns(layout, LONG_COLUMNS)
        with contextlib.closing(_read_ahead(_parse_chunks(layout, columns))) as chunks:
            for chunk in chunks:
                _add(scatter, chunk, source.path)
    path = ordered[0].path
    _check(scatter, path, replicates)
    scatter.average_repeats()
    ids, proteins = scatter.finish()
    unmeasured = len(scatter.keys) - len(proteins.names)
    counts = (
        ("line of another instance", scatter.visits.total() - scatter.visits[instance]),
        ("line with a negative identifier: withdrawn", scatter.negative),
        ("line without a result", scatter.empty),
        ("protein of coding 143 without a value", unmeasured),
    )
    drops = tuple(Drop("read", reason, count) for reason, count in counts if count)
    notes: list[str] = []
    if scatter.repeated:
        rule = "the mean is taken" if replicates == "mean" else "the first line is taken"
        notes.append(f"{scatter.repeated} values stand again for the same protein; {rule}")
    return ProteinValues(ids, proteins, "float64", drops, tuple(notes))


def _add(scatter: Scatter, chunk: pl.DataFrame, path: Path) -> None:
    try:
        scatter.add(chunk)
    except FormatError as fault:
        raise FormatError(str(fault), path=path, column=chunk.columns[0]) from None


def _check(scatter: Scatter, path: Path, replicates: Replicates) -> None:
    if not scatter.visits[scatter.instance]:
        raise no_instance(scatter.instance, sorted(scatter.visits), path)
    if scatter.unknown:
        codes = sorted(scatter.unknown)
        if max(map(abs, codes)) > _LARGEST_CODE:
            message = "holds numbers that are no codes of proteins; are columns exchanged?"
            raise FormatError(message, path=path, column=LONG_COLUMNS[2])
        shown = ", ".join(map(str, codes[:_LISTED])) + (", ..." if len(codes) > _LISTED else "")
        message = (
            f"{scatter.unknown.total()} lines have a code that coding 143 lacks ({shown}); take "
            "the coding and the data of one release"
        )
        raise FormatError(message, path=path, column=LONG_COLUMNS[2])
    if scatter.repeated and replicates == "refuse":
        message = (
            f"{scatter.repeated} lines stand again for the same person, instance and protein; "
            "remove them, or choose --replicates first or mean"
        )
        raise FormatError(message, path=path)
    if not scatter.n:
        raise FormatError("no line holds a result", path=path)


def _find_columns(layout: TextLayout, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the names that the wanted columns have in the file, in the order wanted."""
    names = {name.casefold(): name for name in layout.names}
    for name in wanted:
        if name not in names:
            message = f"no column {name!r}{nearest(name, layout.names)}; "
            remedy = f"needed: {', '.join(wanted)}"
            raise FormatError(message + remedy, path=layout.path, line=layout.header_lines)
    return tuple(names[name] for name in wanted)


def _read_rows(layout: TextLayout, columns: Sequence[str]) -> Iterator[tuple[str | None, ...]]:
    for batch in stream_text(layout, types=dict.fromkeys(columns, pa.string())):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _read_ahead(frames: Iterator[pl.DataFrame]) -> Generator[pl.DataFrame]:
    """Yield frames while another thread makes the next one."""
    context = contextvars.copy_context()  # what is noted there is noted here

    def make() -> pl.DataFrame | None:
        return context.run(next, frames, None)

    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(make)
        while (frame := coming.result()) is not None:
            coming = pool.submit(make)
            yield frame


def _parse_chunks(layout: TextLayout, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    read = pyarrow.csv.ReadOptions(block_size=_PARSE_BYTES, column_names=list(layout.columns))
    parse = pyarrow.csv.ParseOptions(delimiter=layout.delimiter)
    convert = pyarrow.csv.ConvertOptions(
        column_types=dict(zip(columns, _KINDS, strict=True)),
        include_columns=list(columns),
        null_values=list(MISSING),
    )
    for lines in _read_chunks(layout):
        try:
            table = pyarrow.csv.read_csv(
                pa.BufferReader(lines),
                read_options=read,
                parse_options=parse,
                convert_options=convert,
            )
        except pa.ArrowInvalid:
            _refuse(layout, columns)
        if any(table.column(position).null_count for position in range(3)):
            _refuse(layout, columns)
        is_ended = lines.endswith(b"\n")
        if b'"' in lines and table.num_rows != count_lines(lines) + (not is_ended):
            deque(stream_text(layout, types={columns[0]: pa.string()}), maxlen=0)
        if not is_ended:
            add_note(describe_cut(layout.path.name))
        if table.num_rows:
            yield pl.DataFrame(pl.from_arrow(table, rechunk=True))


def _read_chunks(layout: TextLayout) -> Iterator[bytes]:
    """Yield the text below the header in pieces that end with a line."""
    opener = gzip.open if layout.compressed else open
    rest = b""
    try:
        with opener(layout.path, "rb") as file:
            for _ in range(layout.header_lines):
                file.readline()
            while read := file.read(_CHUNK_BYTES):
                end = read.rfind(b"\n") + 1
                if end:
                    yield rest + read[:end]
                    rest = b""
                rest += read[end:]
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise damaged_gzip(layout.path) from fault
    except OSError as fault:
        raise FormatError("cannot be read to its end", path=layout.path) from fault
    if rest.strip():
        yield rest


def _refuse(layout: TextLayout, columns: Sequence[str]) -> NoReturn:
    """Read again, slowly, and raise the first fault with its line."""
    before = 0
    for batch in stream_text(layout, types=dict.fromkeys(columns, pa.string())):
        texts = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
        faults = [
            (record, position)
            for position, name in enumerate(columns)
            if (record := _first_fault(texts[name], position)) is not None
        ]
        if faults:
            record, position = min(faults)
            raise FormatError(
                _describe(texts[columns[position]][record], position),
                path=layout.path,
                line=locate_line(layout, before + record),
                column=columns[position],
            )
        before += batch.num_rows
    message = "cannot be read as delimited text; check the quotes and the end of the file"
    raise FormatError(message, path=layout.path)


def _first_fault(text: pl.Series, position: int) -> int | None:
    """Return the first record of a column that is not what it must be."""
    text = text.str.strip_chars()
    if position < len(_RANGES):
        number = text.cast(pl.Int64, strict=False)
        limit = _RANGES[position]
        wrong = ~number.is_between(-limit, limit - 1).fill_null(value=False)
    else:
        wrong = text.is_not_null() & text.cast(pl.Float64, strict=False).is_null()
    return wrong.arg_max() if bool(wrong.any()) else None


def _describe(cell: str | None, position: int) -> str:
    if cell is None:
        return "the cell is empty; a whole number is needed"
    if position < len(_RANGES):
        return "no whole number of the size needed here"
    if pl.Series([cell]).str.contains(_COMMA_NUMBER)[0]:
        return "decimal comma; write numbers with a decimal point"
    return "text where a number is needed; leave the cell empty if it is missing"
