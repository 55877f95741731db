"""Archives of one protein: members with a chromosome each, read from the stream of the tar."""

from __future__ import annotations

import gzip
import itertools
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Final, cast

import polars as pl
import pyarrow as pa

from proteomr.border import reads
from proteomr.errors import FormatError, printable
from proteomr.io.sources import GZIP
from proteomr.io.sumstats.delimited import RawTable, find_delimiter, split_line, stream_member

__all__ = ["describe_members", "is_archive", "open_archive"]

_CHROMOSOME: Final = re.compile(r"(?:^|[_.-])chr([0-9]{1,2}|X|Y|MT?)(?=[_.-]|$)", re.IGNORECASE)
_ENDS: Final = (".gz", ".bgz", ".regenie", ".txt", ".tsv")
_MAGIC: Final = (257, b"ustar")
_MOST_MEMBERS: Final = 1000  # of a protein: 24 chromosomes, in parts at most
_LONGEST_LINE: Final = 1 << 20
_EXPECTED: Final = (*map(str, range(1, 23)), "X")
_NUMBERED: Final = {"23": "X", "24": "Y", "26": "MT", "M": "MT"}


def is_archive(path: Path) -> bool:
    """Tell whether a file is a tar, by its content; compressed ones are told by their name.

    Examples
    --------
    >>> is_archive(Path("no such file"))
    False
    """
    if not path.is_file():
        return False
    if path.name.casefold().endswith((".tar", ".tar.gz", ".tgz")):
        return True
    with path.open("rb") as file:
        file.seek(_MAGIC[0])
        return file.read(5) == _MAGIC[1]


@reads
def open_archive(path: Path, *, chromosomes: frozenset[str] = frozenset()) -> RawTable:
    """Return the members of a tar as one table; nothing is written to the disk.

    Parameters
    ----------
    path : the tar, plain or compressed.
    chromosomes : those wanted; members whose name tells another are passed over; empty for all.

    Raises
    ------
    FormatError
        A member is a link or device or points outside the archive, headers differ, the tar or a
        member is cut off, or no member holds a table.
    """
    for name, file in _members(path, chromosomes=chromosomes):
        with _located(path, name):
            lines = [_decode(_read_line(file, path, name)) for _ in range(21)]
            lines = [line for line in lines if line.strip()]
            if len(lines) < 2:
                continue
            delimiter = find_delimiter(lines) or " "
            names = split_line(lines[0], delimiter)
            rows = [split_line(line, delimiter) for line in lines[1:]]
            rows = [row for row in rows if len(row) == len(names)]
            sample = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
        break
    else:
        raise FormatError("no member of the archive holds a table", path=path)

    def read(wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        for member, opened in _members(path, chromosomes=chromosomes):
            with _located(path, member):
                header = split_line(_decode(_read_line(opened, path, member)), delimiter)
                if header != names:
                    message = f"member {member!r} has another header than the first"
                    raise FormatError(message, path=path)
                yield from stream_member(opened, names, delimiter, wanted, path=path, member=member)

    return RawTable(path, names, sample, read)


def _members(path: Path, *, chromosomes: frozenset[str]) -> Iterator[tuple[str, BinaryIO]]:
    """Yield name and content, decompressed, of each member that is wanted."""
    try:
        with tarfile.open(path, mode="r|*") as archive:
            for member in archive:
                if not _is_wanted(member, path, chromosomes):
                    continue
                content = archive.extractfile(member)
                if content is not None:
                    yield PurePosixPath(member.name).name, _decompressed(content)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as fault:
        message = "the archive is cut off or damaged; copy or download it again"
        raise FormatError(message, path=path) from fault


def _is_wanted(member: tarfile.TarInfo, path: Path, chromosomes: frozenset[str]) -> bool:
    inside = PurePosixPath(member.name.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts or re.match(r"^[A-Za-z]:/", str(inside)):
        raise FormatError(f"member {member.name!r} points outside the archive", path=path)
    if member.isdir():
        return False
    if not member.isreg():
        raise FormatError(f"member {member.name!r} is a link or a device, no file", path=path)
    if inside.name.startswith(".") or not inside.name.casefold().endswith(_ENDS):
        return False
    chromosome = _chromosome_of(inside.name)
    return not chromosomes or chromosome is None or chromosome in chromosomes


def _chromosome_of(name: str) -> str | None:
    match = _CHROMOSOME.search(name)
    return None if match is None else _NUMBERED.get(match[1].upper(), match[1].upper())


def describe_members(path: Path) -> tuple[str, ...]:
    """Return what is to be said of an archive: its chromosomes, those it lacks, what is no table.

    Parameters
    ----------
    path : the tar; of one that is compressed the whole is read.

    Raises
    ------
    FormatError
        It is cut off or damaged, or has more members than any protein.
    """
    try:
        with tarfile.open(path) as archive:
            members = list(itertools.islice(archive, _MOST_MEMBERS + 1))
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as fault:
        message = "the archive is cut off or damaged; copy or download it again"
        raise FormatError(message, path=path) from fault
    if len(members) > _MOST_MEMBERS:
        raise FormatError(f"more than {_MOST_MEMBERS:,} members, which no protein has", path=path)
    names = [PurePosixPath(member.name).name for member in members if member.isreg()]
    shown = [name for name in names if not name.startswith(".")]
    tables = [name for name in shown if name.casefold().endswith(_ENDS)]
    notes = []
    held = {chromosome for name in tables if (chromosome := _chromosome_of(name)) is not None}
    if held:
        absent = [name for name in _EXPECTED if name not in held]
        whole = "a member for each of 1-22 and X"
        lacks = f"no member for {_list_runs(absent)}" if absent else whole
        notes.append(f"chromosomes {_list_runs(held)}; {lacks}")
    if unread := [name for name in shown if name not in set(tables)]:
        named = ", ".join(f"'{printable(name, width=40)}'" for name in unread[:3])
        more = f" and {len(unread) - 3} more" if len(unread) > 3 else ""
        ends = ", ".join(_ENDS)
        notes.append(f"passed over, by their names no tables ({ends}): {named}{more}")
    return tuple(notes)


def _list_runs(names: Collection[str]) -> str:
    """Return chromosomes in order, those that follow each other as ``2-6``."""
    numbers = sorted(int(name) for name in names if name.isdigit())
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    shown = [f"{first}" if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join([*shown, *sorted(name for name in names if not name.isdigit())])


def _read_line(file: BinaryIO, path: Path, member: str) -> bytes:
    line = file.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        message = f"member {member!r} has a line of more than 1 MB, which no table has"
        raise FormatError(message, path=path)
    return line


def _decompressed(content: IO[bytes]) -> BinaryIO:
    """Return a member as plain text; a tar in a stream cannot go back, so its start is kept."""
    started = _Restarted(content.read(2), content)
    if started.start == GZIP:
        return cast("BinaryIO", gzip.GzipFile(fileobj=cast("BinaryIO", started), mode="rb"))
    return cast("BinaryIO", _Buffered(started))


class _Restarted:
    """A stream whose first bytes have been looked at."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self.start = start
        self._held = start
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        held, self._held = self._held, b""
        if size < 0:
            return held + self._rest.read()
        if len(held) >= size:
            self._held = held[size:]
            return held[:size]
        return held + self._rest.read(size - len(held))


class _Buffered:
    """A stream of bytes with lines."""

    closed = False

    def __init__(self, source: _Restarted) -> None:
        self._source = source
        self._held = b""

    def readline(self, size: int = _LONGEST_LINE) -> bytes:
        while b"\n" not in self._held[:size] and (more := self._source.read(1 << 16)):
            self._held += more
            if len(self._held) >= size:
                break
        end = self._held.find(b"\n", 0, size) + 1 or min(size, len(self._held))
        line, self._held = self._held[:end], self._held[end:]
        return line

    def read(self, size: int = -1) -> bytes:
        held, self._held = self._held, b""
        if size < 0:
            return held + self._source.read()
        if len(held) > size:
            self._held = held[size:]
            return held[:size]
        return held + self._source.read(size - len(held))

    def close(self) -> None:
        self.closed = True


def _decode(line: bytes) -> str:
    return line.decode("utf-8-sig", "replace").rstrip("\r\n")


@contextmanager
def _located(path: Path, member: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as fault:
        message = f"member {member!r}: a row has more or fewer fields than the header"
        raise FormatError(message, path=path) from fault
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.ReadError, OSError) as fault:
        message = f"member {member!r} is cut off or damaged; copy or download the archive again"
        raise FormatError(message, path=path) from fault
