"""What a file is, told by its content: present, readable, compressed, whole, text or parquet."""

from __future__ import annotations

import contextlib
import glob
import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from proteomr.border import reads
from proteomr.errors import FormatError, InputError
from proteomr.files import read_errors
from proteomr.io.foreign import name_foreign

__all__ = [
    "Kind",
    "damaged_gzip",
    "decompress",
    "find_files",
    "inspect_file",
    "lacks_line_end",
    "read_head",
]

Kind: TypeAlias = Literal["parquet", "text"]

GZIP: Final = b"\x1f\x8b"
PARQUET: Final = b"PAR1"
_HEAD_BYTES: Final = 1 << 16
_ZIP: Final = b"PK\x03\x04"
_LONGEST_LINE: Final = 1 << 26


@reads
def find_files(paths: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    """Return the files that paths and quoted globs name, each once, globs in alphabetical order.

    Parameters
    ----------
    paths : one path or several; ``*``, ``?`` and ``[]`` are expanded where no file has the name,
        and in the names of folders that do not exist so.

    Raises
    ------
    InputError
        No path is given, or a glob matches no file.

    Examples
    --------
    >>> find_files("olink.csv")
    (PosixPath('olink.csv'),)
    """
    named = [paths] if isinstance(paths, str | Path) else list(paths)
    files: dict[Path, None] = {}
    for path in named:
        if glob.has_magic(str(path)) and not Path(path).exists():
            files.update(dict.fromkeys(_expand(Path(path))))
        else:
            files[Path(path)] = None
    if not files:
        raise InputError("no protein file is named; give one or several")
    return tuple(files)


@reads
def inspect_file(path: str | Path) -> tuple[Kind, bool]:
    r"""Return what a file holds, and whether it is compressed with gzip.

    Parameters
    ----------
    path : the file; its content decides, not its name.

    Raises
    ------
    InputError
        There is no such file, it is a folder, or it may not be read.
    FormatError
        It is empty, cut off, or of a kind that is not read here.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"sample_id,age\n1,50\n")
    ...     file.flush()
    ...     inspect_file(file.name)
    ('text', False)
    """
    path = Path(path)
    with _readable(path), path.open("rb") as file:
        start = file.read(8)
    compressed = start.startswith(GZIP)
    head = read_head(path, compressed=compressed)
    if not head:
        raise FormatError("the file is empty", path=path)
    if head.startswith(PARQUET):
        if not compressed:
            _check_parquet_end(path)
        return "parquet", compressed
    _refuse_foreign(head, path)
    if b"\n" not in head and b"\r" not in head and len(head) == _HEAD_BYTES:
        _refuse_endless_line(path, compressed=compressed)
    return "text", compressed


@reads
def read_head(path: Path, *, compressed: bool, size: int = _HEAD_BYTES) -> bytes:
    """Return the first bytes of a file, decompressed.

    Raises
    ------
    FormatError
        The compressed stream is damaged within these bytes.
    """
    with _readable(path):
        if not compressed:
            with path.open("rb") as file:
                return file.read(size)
        try:
            with gzip.open(path) as stream:
                return stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
            raise damaged_gzip(path) from fault


def lacks_line_end(path: Path) -> bool:
    """Tell whether the last line of a text file has no end: a cut in its last cell shows so alone.

    A compressed file is read to its end. Parquet and whatever else is no text has none.

    Raises
    ------
    FormatError
        The compressed stream is cut off or damaged.
    """
    try:
        kind, compressed = inspect_file(path)
    except FormatError:
        return False
    if kind != "text":
        return False
    if compressed:
        last = b""
        try:
            with gzip.open(path) as stream:
                while chunk := stream.read(1 << 22):
                    last = chunk
        except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
            raise damaged_gzip(path) from fault
        return bool(last) and last[-1:] not in b"\r\n"
    with _readable(path), path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) not in b"\r\n"


def decompress(source: Path, target: Path) -> None:
    """Write the decompressed content of a gzip file to another file, in bounded memory.

    Raises
    ------
    FormatError
        The compressed stream is cut off or damaged.
    """
    try:
        with gzip.open(source) as stream, target.open("wb") as file:
            while chunk := stream.read(1 << 22):
                file.write(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise damaged_gzip(source) from fault


def damaged_gzip(path: Path) -> FormatError:
    """Return the error for a gzip stream that is cut off or fails its checksum."""
    return FormatError(
        "the gzip stream is cut off or damaged; copy or download the file again", path=path
    )


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn the refusals of the file system into one line with the remedy."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    with read_errors(path):
        yield


def _expand(pattern: Path) -> list[Path]:
    root = next(folder for folder in pattern.parents if _is_there(folder))
    matches = sorted(root.glob(str(pattern.relative_to(root))))
    if not matches:
        raise InputError(f"{pattern}: no file matches; check the folder and the pattern")
    return matches


def _is_there(folder: Path) -> bool:
    """Tell whether a folder of this very name exists, whose letters then are no pattern."""
    return folder in {Path(), Path(folder.anchor)} or folder.is_dir()


def _check_parquet_end(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        end = file.read()
    length = int.from_bytes(end[:4], "little")
    if size < 12 or not end.endswith(PARQUET) or length + 12 > size:
        raise FormatError(
            "the parquet file is cut off (no footer); copy or write it again", path=path
        )


def _refuse_endless_line(path: Path, *, compressed: bool) -> None:
    head = read_head(path, compressed=compressed, size=_LONGEST_LINE)
    if len(head) == _LONGEST_LINE and b"\n" not in head and b"\r" not in head:
        message = f"a line of more than {_LONGEST_LINE >> 20} MB, which no table has"
        raise FormatError(message, path=path, line=1)


def _refuse_foreign(head: bytes, path: Path) -> None:
    if head.startswith(_ZIP):
        raise FormatError("is an Excel workbook or a zip archive; save it as csv", path=path)
    what = name_foreign(head)
    if what is not None:
        raise FormatError(f"is {what}", path=path)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormatError("is UTF-16 text; save it as UTF-8", path=path)
    if b"\x00" in head:
        line = head[: head.index(b"\x00")].count(b"\n") + 1
        raise FormatError(
            "holds a NUL byte: UTF-16 or binary content; save it as UTF-8 text",
            path=path,
            line=line,
        )
