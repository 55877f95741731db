"""Where things lie in a run folder, and which of the files in it are proteomr's own."""

from __future__ import annotations

import contextlib
import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proteomr.errors import RunFolderError, StorageError
from proteomr.execute import Shard
from proteomr.files import is_aside, storage_errors

__all__ = ["Layout", "Record"]

_PARTS = "parts"
_RECORD = ".run.json"
_LOCK = re.compile(r"\.lock(-[0-9]+-of-[0-9]+)?")
_PART = re.compile(r"part-[0-9]{5,}\.(parquet|sha256)")
_OUTPUTS = re.compile(r"outputs(-[0-9]+-of-[0-9]+)?\.json")


@dataclass(frozen=True, slots=True)
class Record:
    """What a finished run leaves: its request, and the digest of each result (None: not fixed)."""

    request: Mapping[str, object]
    outputs: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths inside a run folder."""

    path: Path

    @property
    def parts(self) -> Path:
        """Folder of the parts done so far."""
        return self.path / _PARTS

    @property
    def request(self) -> Path:
        """What the run in progress was asked."""
        return self.parts / "request.json"

    @property
    def record(self) -> Path:
        """What the finished run was asked, and what it wrote."""
        return self.path / _RECORD

    def part(self, index: int) -> Path:
        """Result of one block."""
        return self.parts / f"part-{index:05d}.parquet"

    def part_digest(self, index: int) -> Path:
        """Digest of the result of one block."""
        return self.parts / f"part-{index:05d}.sha256"

    def lock(self, shard: Shard | None) -> Path:
        """Lock of the whole run, or of one shard."""
        return self.path / (".lock" if shard is None else f".lock-{shard.label}")

    def outputs(self, shard: Shard | None) -> Path:
        """Names of the results that a run in progress has begun to write."""
        return self.parts / ("outputs.json" if shard is None else f"outputs-{shard.label}.json")

    def locks(self) -> list[Path]:
        """All locks in the folder, of the whole run and of shards."""
        return [entry for entry in self._entries(self.path) if _LOCK.fullmatch(entry.name)]

    def make(self) -> None:
        """Make the folder and refuse a path that cannot be one, in words."""
        if self.path.exists() and not self.path.is_dir():
            raise RunFolderError(f"{self.path}: is a file; choose a folder for the results")
        try:
            with storage_errors(self.path):
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            raise StorageError(f"{self.path}: a broken link stands in its place") from None
        if self.parts.is_symlink():
            raise RunFolderError(
                f"{self.parts}: is a symbolic link, which proteomr does not follow; remove it"
            )

    def read_record(self) -> Record | None:
        """Return what the finished run in the folder left; None without one."""
        facts = _read_json(self.record)
        if not isinstance(facts, dict) or not {"request", "outputs"} <= facts.keys():
            return None
        return Record(request=facts["request"], outputs=facts["outputs"])

    def read_request(self) -> Mapping[str, object] | None:
        """Return what the run in progress was asked; None without one."""
        facts = _read_json(self.request)
        return facts if isinstance(facts, dict) else None

    def begun_outputs(self, shard: Shard | None) -> set[str]:
        """Names of the results that the run in progress, or one shard of it, has begun to write."""
        return _names_in(self.outputs(shard))

    def begun_by_shards(self) -> set[str]:
        """Names of the files that all shards of the run in progress have begun to write."""
        whole = self.outputs(None)
        files = [file for file in self._entries(self.parts) if _is_outputs(file) and file != whole]
        return set[str]().union(*map(_names_in, files))

    def foreign(self) -> list[str]:
        """Names in the folder that proteomr did not make, sorted."""
        record = self.read_record()
        own = self.begun_outputs(None) | self.begun_by_shards()
        own |= set(record.outputs) if record else set()
        return sorted(
            entry.name
            for entry in self._entries(self.path)
            if not (
                entry.name in own
                or entry.name == _RECORD
                or is_aside(entry.name)
                or _LOCK.fullmatch(entry.name)
                or (entry.name == _PARTS and self._parts_are_own())
            )
        )

    def clear_parts(self) -> None:
        """Remove the parts, the request last: a kill on the way leaves no nameless parts."""
        files = [file for file in self._entries(self.parts) if _is_part_file(file)]
        with storage_errors(self.parts):
            for file in sorted(files, key=lambda file: file == self.request):
                file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # foreign files keep the folder alive
                self.parts.rmdir()

    def clear_aside(self) -> None:
        """Remove what a killed run was in the middle of writing."""
        for folder in (self.path, self.parts):
            for file in self._entries(folder):
                if is_aside(file.name) and stat.S_ISREG(file.lstat().st_mode):
                    file.unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Remove the folder when nothing is in it."""
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def _parts_are_own(self) -> bool:
        return self.parts.is_dir() and all(map(_is_part_file, self._entries(self.parts)))

    def _entries(self, folder: Path) -> list[Path]:
        with storage_errors(folder):
            return sorted(folder.iterdir()) if folder.is_dir() else []


def _names_in(file: Path) -> set[str]:
    names = _read_json(file)
    return {str(name) for name in names} if isinstance(names, list) else set()


def _is_outputs(file: Path) -> bool:
    return _OUTPUTS.fullmatch(file.name) is not None


def _is_part_file(file: Path) -> bool:
    name = file.name
    known = name == "request.json" or is_aside(name)
    return known or _PART.fullmatch(name) is not None or _is_outputs(file)


def _read_json(file: Path) -> object:
    try:
        value: object = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value
