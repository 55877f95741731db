"""Files that a platform delivers: what each holds, told by its content, and who reads it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import pyarrow as pa
import pyarrow.parquet

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.archives import name_members
from proteomr.io.foreign import name_foreign_archive
from proteomr.io.parquet_faults import parquet_faults, refuse_wide_decimals
from proteomr.io.sources import inspect_file, read_head
from proteomr.tables import Measurements, Platform

__all__ = [
    "IngestOptions",
    "Orientation",
    "PlatformReader",
    "Replicates",
    "Source",
    "open_source",
]

Replicates: TypeAlias = Literal["refuse", "first", "mean"]
Orientation: TypeAlias = Literal["auto", "rows", "columns"]
SourceKind: TypeAlias = Literal["parquet", "text", "workbook", "archive", "h5ad"]

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second is of an archive that holds nothing
_HDF = b"\x89HDF\r\n\x1a\n"
_WORKBOOK = "xl/workbook.xml"
_HEAD_BYTES = 1 << 16
_LARGEST_WORKBOOK = 1 << 32


@dataclass(frozen=True, slots=True)
class Source:
    r"""A file, and what its beginning shows.

    Parameters
    ----------
    path : the file.
    kind : parquet, text, workbook (xlsx), h5ad (HDF5), or a zip archive of files, which is unpacked
        before it is read.
    compressed : whether it is compressed with gzip as a whole.
    head : text: the first 64 kB, decoded, without a byte-order mark; else empty.
    columns : parquet: names of the columns; else empty.
    metadata : parquet: what the writer noted in the footer; else empty.

    Examples
    --------
    >>> Source(Path("npx.csv"), "text", False, "SampleID;NPX\nA1;0.5\n").first_line
    'SampleID;NPX'
    """

    path: Path
    kind: SourceKind
    compressed: bool = False
    head: str = ""
    columns: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def first_line(self) -> str:
        """The first line that is not blank; empty where there is none."""
        return next((line for line in self.head.splitlines() if line.strip()), "")


@reads
def open_source(path: str | Path) -> Source:
    r"""Return what a file is, from its content alone.

    Raises
    ------
    InputError
        There is no such file, or it may not be read.
    FormatError
        It is empty, cut off, no UTF-8 text, or of a kind that is not read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"SampleID;NPX\nA1;0.5\n")
    ...     file.flush()
    ...     open_source(file.name).kind
    'text'
    """
    path = Path(path)
    zipped = _zip_kind(path)
    if zipped is not None:
        return Source(path, zipped)
    if _starts_with(path, _HDF):
        return Source(path, "h5ad")
    kind, compressed = inspect_file(path)
    if kind == "text":
        head = read_head(path, compressed=compressed, size=_HEAD_BYTES)
        return Source(path, "text", compressed, _decode(head, path))
    if compressed:
        raise FormatError("is parquet inside gzip; decompress it first (gunzip)", path=path)
    with parquet_faults(path), pyarrow.parquet.ParquetFile(path) as file:
        schema: pa.Schema = file.schema_arrow
        refuse_wide_decimals(schema, path)
    noted = schema.metadata or {}
    metadata = tuple(
        (key.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
        for key, value in sorted(noted.items())
        if not key.startswith((b"ARROW:", b"pandas"))
    )
    return Source(path, "parquet", columns=tuple(schema.names), metadata=metadata)


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What the user says about the files.

    Parameters
    ----------
    id_column : name of the column of samples; None for the usual names of the format.
    assay_column, value_column : of a long table; one of no known format needs both.
    instance : visit of UK Biobank whose measurements are taken.
    log2 : take the logarithm of values that the platform delivers on a linear scale.
    replicates : what to do where a sample was measured twice under one name.
    sample_columns : columns of numbers in a wide table of no known format that are no assays.
    proteins_in : where the proteins of such a table stand: in columns, in rows, or where their
        names are found.
    """

    id_column: str | None = None
    assay_column: str | None = None
    value_column: str | None = None
    instance: int = 0
    log2: bool = False
    replicates: Replicates = "refuse"
    sample_columns: tuple[str, ...] = ()
    proteins_in: Orientation = "auto"


class PlatformReader(Protocol):
    """A platform: recognises its files and reads them."""

    @property
    def name(self) -> Platform:
        """Name of the platform."""

    def matches(self, source: Source, /) -> bool:
        """Tell from its content whether a file is one of the platform's."""

    def read(
        self, sources: tuple[Source, ...], /, *, options: IngestOptions, scratch: Path
    ) -> Measurements:
        """Return the measurements of files that all match.

        Parameters
        ----------
        sources : the files.
        options : what the user says about them.
        scratch : folder for converted files; the caller removes it after the last read.
        """


def _starts_with(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) == mark
    except OSError:
        return False  # inspect_file says what is wrong with it


def _zip_kind(path: Path) -> Literal["workbook", "archive"] | None:
    """Return what a zip file is, None where the file is none."""
    try:
        with path.open("rb") as file:
            if file.read(4) not in _ZIP:
                return None
    except OSError:
        return None  # inspect_file says what is wrong with it
    names = name_members(path)
    if _WORKBOOK in names:
        _refuse_large(path)
        return "workbook"
    what = name_foreign_archive(names)
    if what is not None:
        raise FormatError(f"is {what}", path=path)
    return "archive"


def _refuse_large(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > _LARGEST_WORKBOOK:
        size = f"{unpacked >> 30} GB when unpacked, no sheet of a laboratory"
        raise FormatError(f"{size}; save it as csv", path=path)


def _decode(head: bytes, path: Path) -> str:
    whole = head[: head.rindex(b"\n") + 1] if b"\n" in head else head
    try:
        return whole.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = whole[: fault.start].count(b"\n") + 1
        raise FormatError(
            "is not UTF-8 text; save the file as UTF-8", path=path, line=line
        ) from None
