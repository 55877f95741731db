"""How much of a file is taken into memory at once, so that no small file fills it."""

from __future__ import annotations

import gzip
import re
import tokenize
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from numpy.lib import format as array_format

from proteomr.border import reading
from proteomr.errors import FormatError
from proteomr.io.sources import damaged_gzip

__all__ = ["check_arrays", "read_whole", "refuse_far_cells"]

_LARGEST_ARRAYS: Final = 1 << 33  # a matrix of 32,768 variants in double precision
_MOST_CELLS: Final = 25_000_000  # of a sheet, blank ones too: 5,000 samples of 5,000 assays
_CHUNK: Final = 1 << 22
_CELL: Final = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
_ROW: Final = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="([0-9]{1,7})"')
_LONGEST_TAG: Final = 1 << 10
_NO_ARCHIVE: Final = (OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_NO_ARRAYS: Final = (*_NO_ARCHIVE, ValueError, SyntaxError, TypeError, tokenize.TokenError)


def read_whole(path: Path, *, compressed: bool, megabytes: int) -> bytes:
    r"""Return the whole content of a file, decompressed, that is small by its nature.

    Parameters
    ----------
    path : the file.
    compressed : whether it is compressed with gzip.
    megabytes : the most that such a file can hold.

    Raises
    ------
    FormatError
        It holds more, or the compressed stream is damaged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".txt") as file:
    ...     size = file.write(b"rs1\n")
    ...     file.flush()
    ...     read_whole(Path(file.name), compressed=False, megabytes=1)
    b'rs1\n'
    """
    most = megabytes << 20
    held = bytearray()
    with reading(path):
        try:
            with gzip.open(path) if compressed else path.open("rb") as file:
                while len(held) <= most and (chunk := file.read(_CHUNK)):
                    held += chunk
        except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
            raise damaged_gzip(path) from fault
    if len(held) > most:
        raise FormatError(f"holds more than {megabytes:,} MB, too much for its kind", path=path)
    return bytes(held)


def check_arrays(path: Path) -> None:
    """Refuse an npz file whose arrays say that they are larger than they are, or than any matrix.

    What is no archive of arrays is left to the reader, who says so.

    Parameters
    ----------
    path : the file; of an archive the heads of the arrays are read, of anything else nothing.

    Raises
    ------
    FormatError
        An array is not as large as its head says, or all together take more than 8 GB.
    """
    with suppress(*_NO_ARRAYS), zipfile.ZipFile(path) as archive:
        total = sum(entry.file_size for entry in archive.infolist())
        if total > _LARGEST_ARRAYS:
            size = f"{total / 1e9:,.0f} GB of arrays"
            raise FormatError(f"{size}; choose fewer variants", path=path)
        for entry in archive.infolist():
            with archive.open(entry) as file:
                version = array_format.read_magic(file)
                read = array_format.read_array_header_1_0
                if version != (1, 0):
                    read = array_format.read_array_header_2_0
                shape, _, kind = read(file)
            told = kind.itemsize
            for extent in shape:
                told *= extent
            if told > entry.file_size:
                sides = " x ".join(f"{extent:,}" for extent in shape)
                name = entry.filename.removesuffix(".npy")
                message = f"array {name!r} says that it has {sides} numbers, and holds fewer"
                raise FormatError(message, path=path)


def refuse_far_cells(path: Path) -> None:
    """Refuse a workbook in which a stray cell lies far out: its reader holds all cells before it.

    An archive that is damaged is left to the reader, who says so.

    Parameters
    ----------
    path : the workbook (xlsx).

    Raises
    ------
    FormatError
        The rows and columns up to the last cells of a sheet are more than 25 million cells; with
        the cell.
    """
    with suppress(*_NO_ARCHIVE), zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith("xl/worksheets/") and entry.filename.endswith(".xml"):
                with archive.open(entry) as sheet:
                    column, row = _find_corner(sheet)
                if row * _number(column) > _MOST_CELLS:
                    raise FormatError(
                        f"a sheet reaches to column {column.decode()} and row {row:,}: is there a "
                        "stray cell? delete the rows and columns beyond the table, or save the "
                        "sheet as csv",
                        path=path,
                    )


def _find_corner(sheet: IO[bytes]) -> tuple[bytes, int]:
    """Return the last column and the last row that a sheet names a cell of."""
    columns, row, rest = {b"A"}, 1, b""
    while chunk := sheet.read(_CHUNK):
        text = rest + chunk
        cells = _CELL.findall(text)
        columns.update({column for column, _ in cells})
        named = [int(number) for number in {number for _, number in cells}]
        row = max([row, *named, *map(int, _ROW.findall(text))])
        rest = text[-_LONGEST_TAG:]
    return max(columns, key=_number), row


def _number(column: bytes) -> int:
    place = 0
    for letter in column:
        place = place * 26 + letter - 64
    return place
