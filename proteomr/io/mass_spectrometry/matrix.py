"""Matrices of mass spectrometry: a row for each protein group, a column for each sample."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.formats import Source
from proteomr.io.mass_spectrometry.books import MatrixBook
from proteomr.io.mass_spectrometry.groups import find_accessions, find_flags, name_runs
from proteomr.io.protein_rows import ProteinRows, parse_row
from proteomr.io.sources import damaged_gzip
from proteomr.tables import columns as c

__all__ = ["describe_groups", "read_header", "read_matrix"]

_DELIMITERS: Final = ("\t", ",", ";")
_YES: Final = ("+", "true", "yes", "1")


@dataclass(frozen=True, slots=True)
class _Lines:
    """How a text of proteins in rows is laid out."""

    path: Path
    compressed: bool
    delimiter: str
    quoted: bool

    @property
    def quoting(self) -> Literal[0, 3]:
        """The way of quoting as the csv module has it."""
        return csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the records that are not blank, each with the line on which it begins."""
        opener = gzip.open if self.compressed else open
        try:
            with opener(self.path, "rb") as file:
                text = io.TextIOWrapper(file, "utf-8-sig", newline="" if self.quoted else None)
                if not self.quoted:  # a cell may be longer than the csv module takes
                    lines = ((line, row.removesuffix("\n")) for line, row in enumerate(text, 1))
                    yield from ((at, row.split(self.delimiter)) for at, row in lines if row)
                    return
                before = 0
                reader = csv.reader(text, delimiter=self.delimiter, strict=True)
                for record in reader:
                    if record:
                        yield before + 1, record
                    before = reader.line_num
        except csv.Error as fault:
            message = "a quote is not closed, or a cell is far too long"
            raise FormatError(message, path=self.path) from fault
        except UnicodeDecodeError as fault:
            message = "is not UTF-8 text; save the file as UTF-8"
            raise FormatError(message, path=self.path) from fault
        except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
            raise damaged_gzip(self.path) from fault


def read_header(source: Source) -> tuple[str, ...]:
    """Return the names of the columns of a file; none where it is no text or parquet.

    The first may be empty: names of rows. A first line may be longer than what `Source` shows.
    """
    if source.kind == "parquet":
        return source.columns
    if source.kind != "text" or not source.head.strip():
        return ()
    lines = _find_lines(source)
    if "\n" not in source.head:
        try:
            return tuple(name.strip() for name in next(lines.records(), (1, []))[1])
        except FormatError:  # no table of ours; who reads it says what is wrong
            return ()
    reader = csv.reader([source.first_line], delimiter=lines.delimiter, quoting=lines.quoting)
    return tuple(name.strip() for name in next(reader, []))


@reads
def read_matrix(
    source: Source, book: MatrixBook, *, value: str | None
) -> tuple[ProteinRows, str, int]:
    """Return the intensities of a matrix, which quantity they are, and how many were zero.

    Zeros are missing values. Empty cells that the program cut off at the end of a line are missing
    where the format is known for it.

    Raises
    ------
    FormatError
        A line has too many or too few fields, or a cell is no number; with its place.
    UsageError
        The quantity that the user names is not there.
    """
    lines = _find_lines(source)
    records = lines.records()
    line, header = next(records)
    names = [name.strip() for name in header]
    _check_names(names, source.path, line)
    quantity, samples = book.choose(names, value)
    places = [place for place, name in enumerate(names) if name in samples]
    told: list[list[str]] = []
    values: list[F64] = []
    others = [place for place in range(len(names)) if place not in set(places)]
    for line, record in records:
        cells = _fill(record, len(names), source.path, line, ragged=book.ragged)
        numbers, fault = parse_row([cells[place] for place in places])
        if fault is not None:
            _refuse(cells[places[fault]], places[fault], source.path, line)
        values.append(numbers)
        told.append([cells[place] for place in others])
    if not values:
        raise FormatError("a header and no rows", path=source.path)
    matrix = np.vstack(values)
    zeros = int((matrix == 0).sum())
    matrix[matrix == 0] = np.nan
    _refuse_negative(matrix, places, source.path)
    frame = pl.DataFrame(
        {names[place]: [row[at].strip() for row in told] for at, place in enumerate(others)},
        schema={names[place]: pl.String for place in others},
    )
    runs = name_runs([samples[names[place]] for place in places])
    proteins, assays, flags = describe_groups(frame, book, path=source.path)
    return ProteinRows(proteins, runs, matrix, assays, flags=flags), quantity.name, zeros


def describe_groups(
    frame: pl.DataFrame, book: MatrixBook, *, path: Path
) -> tuple[list[str], pl.DataFrame, list[tuple[str, str]]]:
    """Return the names of protein groups, what is told of them, and their flags.

    A decoy or a contaminant is of the kind ``control``.
    """
    proteins = frame[_first(book.protein, frame.columns) or ""].to_list()
    if unnamed := sum(not protein for protein in proteins):
        message = f"{unnamed} rows have no protein; remove them"
        raise FormatError(message, path=path, column=book.protein[0] or None)
    marked = [frozenset(flags) for flags in _marks(frame, book)]
    flags = [
        (protein, flag)
        for protein, of_row in zip(proteins, marked, strict=True)
        for flag in sorted(of_row)
    ]
    controls = [bool(of_row & {"decoy", "contaminant"}) for of_row in marked]
    description = _first(book.description, frame.columns)
    texts = [None] * frame.height if description is None else frame[description].to_list()
    assays = pl.DataFrame(
        {
            c.GENE: _find_genes(frame, book, texts),
            c.UNIPROT: [find_accessions(protein) for protein in proteins],
            c.KIND: ["control" if control else "protein" for control in controls],
            **({} if description is None else {"description": [text or None for text in texts]}),
        },
        schema_overrides={c.GENE: pl.String, c.UNIPROT: pl.String},
    )
    return proteins, assays, flags


def _marks(frame: pl.DataFrame, book: MatrixBook) -> Iterator[set[str]]:
    shown = [name for name in (*book.protein[:1], *book.flagged) if name in frame.columns]
    ruled = [
        (rule.flag, frame[name].to_list())
        for rule in book.flags
        for name in rule.columns
        if name in frame.columns
    ]
    for row, texts in enumerate(frame.select(shown).iter_rows()):
        marks = {flag for text in texts for flag in find_flags(text or "")}
        yield marks | {flag for flag, cells in ruled if (cells[row] or "").casefold() in _YES}


def _find_genes(
    frame: pl.DataFrame, book: MatrixBook, descriptions: Sequence[str | None]
) -> list[str | None]:
    column = _first(book.gene, frame.columns)
    if column is not None:
        return [text or None for text in frame[column]]
    if not book.gene_pattern:
        return [None] * frame.height
    found = (dict.fromkeys(re.findall(book.gene_pattern, text or "")) for text in descriptions)
    return [";".join(genes) or None for genes in found]


def _first(wanted: Sequence[str], columns: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in columns), None)


def _find_lines(source: Source) -> _Lines:
    head = source.head.lstrip("\ufeff")
    line = next((line for line in head.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=line.count)
    return _Lines(source.path, source.compressed, delimiter, '"' in line or delimiter != "\t")


def _check_names(names: Sequence[str], path: Path, line: int) -> None:
    if "" in names[1:]:
        place = names.index("", 1) + 1
        raise FormatError(f"column {place} has no name; name it", path=path, line=line)
    if len(set(names)) < len(names):
        place = next(place for place, name in enumerate(names) if name in names[:place])
        message = "the name of the column stands twice; rename one"
        raise FormatError(message, path=path, line=line, column=_number(place))


def _number(place: int) -> str:
    """Return the number of a column, whose name may be that of a person's sample."""
    return f"number {place + 1}"


def _fill(record: list[str], width: int, path: Path, line: int, *, ragged: bool) -> list[str]:
    if len(record) > width or (len(record) < width and not ragged):
        message = f"{len(record)} fields where the header has {width}; complete the row"
        raise FormatError(message, path=path, line=line)
    return [*record, *[""] * (width - len(record))]


def _refuse(cell: str, place: int, path: Path, line: int) -> NoReturn:
    message = "text where an intensity is needed; leave the cell empty if it is missing"
    if re.fullmatch(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?", cell.strip()):
        message = "decimal comma; write numbers with a decimal point"
    if cell.strip().lstrip("+-").casefold() in ("inf", "infinity"):
        message = "an infinite value; leave the cell empty if it is missing"
    raise FormatError(message, path=path, line=line, column=_number(place))


def _refuse_negative(matrix: F64, places: Sequence[int], path: Path) -> None:
    negative = matrix < 0
    if negative.any():
        place = places[int(np.nonzero(negative.any(axis=0))[0][0])]
        message = (
            f"{int(negative.sum())} intensities are negative: logarithms already? name the table "
            "as --platform table"
        )
        raise FormatError(message, path=path, column=_number(place))
