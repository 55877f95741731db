"""Zip archives as laboratories deliver them: the tables in them, held against their checksums."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from proteomr.border import reads
from proteomr.errors import FormatError, InputError
from proteomr.files import storage_errors

__all__ = ["Unpacked", "name_members", "unpack"]

_CHECKSUM: Final = re.compile(r"checksum|(^|[^a-z])(md5|sha-?(1|256|512))|\.(md5|sha\d*)(sum)?$")
_ASIDE: Final = re.compile(r"read[-_ ]?me|licen[cs]e|copying|release[-_ ]?notes|changelog")
_NO_TABLE: Final = (
    *(".pdf", ".html", ".htm", ".doc", ".docx", ".png", ".jpg", ".jpeg", ".svg", ".log", ".md"),
    *(".json", ".xml", ".yaml", ".yml", ".r", ".rmd", ".ini"),
)
_DIGEST: Final = re.compile(r"(?<![0-9a-fA-F])([0-9a-fA-F]{128}|[0-9a-fA-F]{32,64})(?![0-9a-fA-F])")
_KINDS: Final = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_CHUNK: Final = 1 << 20
_LARGEST_TEXT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an archive held.

    Parameters
    ----------
    names : the tables as they were unpacked, each with its name in the archive.
    notes : which checksums were right, and what was passed over.
    """

    names: Mapping[Path, str]
    notes: tuple[str, ...]


def name_members(path: Path) -> list[str]:
    """Return the names of the files in a zip archive.

    Raises
    ------
    FormatError
        It is cut off or damaged.
    """
    with _damage(path), zipfile.ZipFile(path) as archive:
        return [entry.filename for entry in archive.infolist() if not entry.is_dir()]


@reads
def unpack(path: Path, *, scratch: Path) -> Unpacked:
    """Return the tables of an archive, unpacked, each held against the checksum that goes with it.

    Passed over are texts about the files, such as README, and what is no table by its name.

    Parameters
    ----------
    path : the archive.
    scratch : folder for the tables; the caller removes it after the last read.

    Raises
    ------
    FormatError
        It is damaged or has a password, holds no table, or a checksum is another.
    InputError
        There is no room for what it holds.
    StorageError
        The disk refused a file.
    """
    with _damage(path), zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if _is_content(entry)]
        checksums = [entry for entry in entries if _CHECKSUM.search(_base(entry).casefold())]
        tables = [entry for entry in entries if entry not in checksums and _is_table(entry)]
        if not tables:
            held = ", ".join(map(_base, entries[:5])) or "nothing"
            raise FormatError(f"no table in the archive: it holds {held}", path=path)
        _check_room(path, tables, scratch)
        digests = [
            digest for entry in checksums for digest in _read_digests(archive, entry, tables, path)
        ]
        with storage_errors(scratch):
            folder = Path(tempfile.mkdtemp(prefix="archive-", dir=scratch))
        unpacked, found = {}, dict[str, dict[str, str]]()
        for number, entry in enumerate(tables):
            target = folder / str(number) / _base(entry)
            kinds = {kind for kind, _, _ in digests}
            found[entry.filename] = _extract(archive, entry, target, kinds)
            unpacked[target] = entry.filename
    notes = [_compare(path, tables, found, digest) for digest in digests]
    aside = [_base(entry) for entry in entries if entry not in tables and entry not in checksums]
    if aside:
        notes.append(f"passed over in {path.name}: {', '.join(sorted(aside)[:5])}")
    if checksums and not digests:
        notes.append(f"the file of checksums in {path.name} holds none: nothing was compared")
    return Unpacked(unpacked, tuple(dict.fromkeys(notes)))


def _base(entry: zipfile.ZipInfo) -> str:
    return PurePosixPath(entry.filename.replace("\\", "/")).name


def _is_content(entry: zipfile.ZipInfo) -> bool:
    hidden = entry.filename.startswith("__MACOSX/") or _base(entry).startswith(".")
    return not (entry.is_dir() or hidden)


def _is_table(entry: zipfile.ZipInfo) -> bool:
    name = _base(entry).casefold()
    return not name.endswith(_NO_TABLE) and _ASIDE.search(name) is None


def _check_room(path: Path, tables: Sequence[zipfile.ZipInfo], scratch: Path) -> None:
    needed = sum(entry.file_size for entry in tables)
    if needed > shutil.disk_usage(scratch).free:
        message = f"{path}: {needed / 1e9:.1f} GB when unpacked, more than the temporary folder"
        raise InputError(f"{message} has room for; unpack it and name the files")


def _read_digests(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    tables: Sequence[zipfile.ZipInfo],
    path: Path,
) -> Iterator[tuple[str, str, str | None]]:
    """Yield kind, digest and the table that each line of a file of checksums is about."""
    with archive.open(entry) as file:
        text = file.read(_LARGEST_TEXT).decode("utf-8-sig", errors="replace").replace("\x00", "")
    names = {_base(table).casefold(): table.filename for table in tables}
    for line in text.splitlines():
        digest = _DIGEST.search(line)
        if digest is None or len(digest[1]) not in _KINDS:
            continue
        named = next((names[name] for name in names if name in line.casefold()), None)
        rest = (line[: digest.start()] + line[digest.end() :]).strip(' \t*:=-"')
        other = re.search(r"\.(csv|txt|tsv|parquet|xlsx|adat|zip)\b", rest.casefold())
        if named is None and other is not None:
            message = f"{_base(entry)} has the checksum of a file that is not in the archive"
            raise FormatError(f"{message}; download it again", path=path)
        yield _KINDS[len(digest[1])], digest[1].casefold(), named


def _extract(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, kinds: set[str]
) -> dict[str, str]:
    """Write a member to a file, and return its digests by kind."""
    digests = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("wb")
    with file, archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            for digest in digests.values():
                digest.update(chunk)
            with storage_errors(target):
                file.write(chunk)
    return {kind: digest.hexdigest() for kind, digest in digests.items()}


def _compare(
    path: Path,
    tables: Sequence[zipfile.ZipInfo],
    found: Mapping[str, Mapping[str, str]],
    stated: tuple[str, str, str | None],
) -> str:
    kind, digest, named = stated
    about = [named] if named is not None else [table.filename for table in tables]
    for name in about:
        if found[name][kind] == digest:
            return f"{PurePosixPath(name).name} has the {kind.upper()} that its laboratory states"
    what = f"{PurePosixPath(about[0]).name}: " if len(about) == 1 else ""
    message = f"{what}the {kind.upper()} checksum in the archive is another than the file's"
    raise FormatError(f"{message}; download the archive again", path=path)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError) as fault:
        message = "the workbook or zip archive is cut off or damaged; copy or save it again"
        raise FormatError(message, path=path) from fault
    except (RuntimeError, NotImplementedError) as fault:
        message = "the archive has a password, or is packed in a way that is not read; unpack it"
        raise FormatError(message, path=path) from fault
