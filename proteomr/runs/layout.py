"""Where things lie that one run owns, and which of the files there are its own."""

from __future__ import annotations

import contextlib
import json
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proteomr.errors import RunFolderError, StorageError
from proteomr.execute import Shard
from proteomr.files import is_aside, shared_mode, storage_errors

__all__ = ["EVERYTHING", "FIGURES", "MANIFEST", "Layout", "Record", "read_json"]

EVERYTHING: Final = "*"
FIGURES: Final = "figures"
MANIFEST: Final = "manifest.json"

_PLAIN_NAME = re.compile(r"(?!.*(^|/)\.)[^/\\\x00]+(/[^/\\\x00]+)*")
_PARTS = re.compile(
    r"part-[0-9]{5,}(-[A-Za-z0-9_]+)?\.(parquet|json)|(claims|notes)(-[0-9]+-of-[0-9]+)?\.json"
    r"|request\.json|facts\.json|call\.json|commit\.json"
)


@dataclass(frozen=True, slots=True)
class Record:
    """What the manifest of a finished run says of it.

    Attributes
    ----------
    request : what was asked, as JSON values.
    outputs : digest of each result, by name.
    beside : own files whose content is not fixed, such as logs.
    """

    request: Mapping[str, object]
    outputs: Mapping[str, str]
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a run: a folder of its own, or one file and what stands beside it.

    Parameters
    ----------
    folder : where the results are.
    file : name of the file that holds the main table; None where the folder is the run's own.
        Everything else then bears the stem of that name: ``cohort.parquet`` has beside it
        ``cohort.counts.tsv``, ``cohort.manifest.json`` and, while it is written, ``.cohort.parts``.
    people : names of the tables that hold rows of people, which their owner alone may read; with
        ``EVERYTHING`` among them, all that the run writes is so. The rest follows the umask.
    """

    folder: Path
    file: str | None = None
    people: frozenset[str] = frozenset({EVERYTHING})

    @classmethod
    def of(
        cls, out: Path, *, as_file: bool, main: str = "", people: Collection[str] = (EVERYTHING,)
    ) -> Layout:
        """Return the layout of an output whose main table and tables of people are named."""
        if not as_file:
            return cls(out, people=frozenset(people))
        return cls(out.parent, out.name, frozenset("" if name == main else name for name in people))

    def mode(self, name: str) -> int:
        """Return the permission bits of a file, by its name in the folder.

        A figure has those of the table that its name begins with, up to a hyphen.

        Examples
        --------
        >>> layout = Layout.of(Path("c.parquet"), as_file=True, main="cohort", people=["cohort"])
        >>> [oct(layout.mode(name)) for name in ("c.parquet", "c.tsv")]
        ['0o600', '0o600']
        >>> layout.mode("c.counts.tsv") == shared_mode()
        True
        """
        first, _, rest = name.partition("/")
        own = rest.partition("-")[0] if first == FIGURES else first
        table = own if self.file is None else self._table_of(name)
        held = {EVERYTHING, table.partition(".")[0]} & self.people
        return 0o600 if held else shared_mode()

    def _table_of(self, name: str) -> str:
        """Return the table that a file beside the main one holds; empty for the main table."""
        rest = name.removeprefix(f"{self.stem}.")
        return rest if "." in rest else ""

    @property
    def folder_mode(self) -> int:
        """Permission bits of a folder of the run's own, before the umask."""
        return 0o700 if self.people and self.file is None else 0o777

    @property
    def stem(self) -> str:
        """What the names of a run's files begin with, empty for a folder of its own."""
        return "" if self.file is None else Path(self.file).stem

    @property
    def title(self) -> Path:
        """The path that the user gave."""
        return self.folder if self.file is None else self.folder / self.file

    def name(self, result: str) -> str:
        """Return the name of a result, relative to the folder.

        Examples
        --------
        >>> Layout(Path("out")).name("drops.tsv")
        'drops.tsv'
        >>> Layout(Path("out"), "cohort.parquet").name("drops.tsv")
        'cohort.drops.tsv'
        """
        return result if self.file is None else f"{self.stem}.{result}"

    def place(self, result: str, *, main: str) -> str:
        """Return the name of a result, where the main table may be the file of the layout itself.

        Parameters
        ----------
        result : its name with its ending.
        main : the main table in its first format; in another it bears the stem alone.

        Raises
        ------
        ValueError
            It is not the name of a result.

        Examples
        --------
        >>> layout = Layout(Path("out"), "cohort.csv")
        >>> [layout.place(name, main="people.csv") for name in ("people.csv", "people.tsv")]
        ['cohort.csv', 'cohort.tsv']
        """
        if _PLAIN_NAME.fullmatch(result) is None or result.partition("/")[0] == "parts":
            raise ValueError(f"{result!r} is not the name of a result")
        if self.file is None:
            return result
        if result == main:
            return self.file
        table, _, ending = result.rpartition(".")
        return f"{self.stem}.{ending}" if table == main.rpartition(".")[0] else self.name(result)

    def path(self, name: str) -> Path:
        """Return the place of a name."""
        return self.folder / name

    @property
    def parts(self) -> Path:
        """Folder of what the run has done so far."""
        return self.folder / ("parts" if self.file is None else f".{self.stem}.parts")

    @property
    def staged(self) -> Path:
        """Folder of results that are written and not yet in their places."""
        return self.parts / "results"

    @property
    def request(self) -> Path:
        """What the run in progress was asked."""
        return self.parts / "request.json"

    @property
    def facts(self) -> Path:
        """What the run in progress has learnt and its end needs."""
        return self.parts / "facts.json"

    @property
    def call(self) -> Path:
        """How the run in progress was called."""
        return self.parts / "call.json"

    @property
    def commit(self) -> Path:
        """The results that go to their places, once all are written."""
        return self.parts / "commit.json"

    @property
    def manifest(self) -> Path:
        """The account of the finished run."""
        return self.folder / self.name(MANIFEST)

    def part(self, index: int, table: str) -> Path:
        """One table of the result of one block."""
        return self.parts / f"part-{index:05d}-{table}.parquet"

    def part_digests(self, index: int) -> Path:
        """Digests of the tables of one block; written last."""
        return self.parts / f"part-{index:05d}.json"

    def lock(self, shard: Shard | None) -> Path:
        """Lock of the whole run, or of one shard."""
        return self.folder / f"{self._lock_name}{'' if shard is None else f'-{shard.label}'}"

    def claims(self, shard: Shard | None) -> Path:
        """Names of own files that are written in place, such as logs."""
        return self.parts / ("claims.json" if shard is None else f"claims-{shard.label}.json")

    def notes(self, shard: Shard | None) -> Path:
        """What the process of a shard, or of a whole run, has said of the files."""
        return self.parts / ("notes.json" if shard is None else f"notes-{shard.label}.json")

    def all_notes(self) -> list[Path]:
        """What every process has said, that of a whole run first."""
        return sorted(file for file in self._entries(self.parts) if file.name.startswith("notes"))

    def locks(self) -> list[Path]:
        """All locks of the run, of the whole and of shards."""
        return [entry for entry in self._entries(self.folder) if self._is_lock(entry.name)]

    def make(self) -> None:
        """Make the folder and refuse a path that cannot be one, in words."""
        with storage_errors(self.title):
            if self.folder.exists() and not self.folder.is_dir():
                raise RunFolderError(f"{self.folder}: is a file; choose a folder for the results")
            if self.file is not None and self.title.is_dir():
                raise RunFolderError(f"{self.title}: is a folder; name a file for the result")
        if self.folder.is_symlink() and not self.folder.exists():
            remedy = "a broken link stands in its place; remove it, or choose another folder"
            raise StorageError(f"{self.folder}: {remedy}")
        try:
            with storage_errors(self.folder):
                self.folder.mkdir(mode=self.folder_mode, parents=True, exist_ok=True)
        except StorageError as fault:
            if isinstance(fault.__cause__, FileNotFoundError):
                remedy = "no folder can be made there; choose one that can be written"
                raise StorageError(f"{self.folder}: {remedy}") from None
            raise
        if self.parts.is_symlink():
            raise RunFolderError(
                f"{self.parts}: is a symbolic link, which proteomr does not follow; remove it"
            )

    def read_record(self) -> Record | None:
        """Return what the finished run left; None without one."""
        facts = read_json(self.manifest)
        if not isinstance(facts, dict) or not {"request", "outputs"} <= facts.keys():
            return None
        request, outputs = facts["request"], facts["outputs"]
        if not isinstance(request, dict) or not request or not isinstance(outputs, list):
            return None
        with contextlib.suppress(KeyError, TypeError):
            digests = {str(entry["name"]): str(entry["sha256"]) for entry in outputs}
            return Record(request, digests, tuple(map(str, facts.get("beside", ()))))
        return None

    def read_request(self) -> Mapping[str, object] | None:
        """Return what the run in progress was asked; None without one."""
        facts = read_json(self.request)
        return facts if isinstance(facts, dict) else None

    def claimed(self) -> set[str]:
        """Names that the run in progress, or a shard of it, writes in place."""
        files = [file for file in self._entries(self.parts) if file.name.startswith("claims")]
        return set[str]().union(*map(_names_in, files))

    def has_parts(self) -> bool:
        """Tell whether any block was finished."""
        return any(file.name.startswith("part-") for file in self._entries(self.parts))

    def own(self) -> set[str]:
        """Names that this run, or the finished one before it, wrote or writes."""
        record = self.read_record()
        own = self.claimed()
        if record is not None:
            own |= {*record.outputs, *record.beside, self.manifest.name}
        return own

    def foreign(self) -> list[str]:
        """Names in the run's own folder that proteomr did not make, sorted; empty folders apart."""
        own = self.own()
        heads = {name.partition("/")[0] for name in own}
        names = []
        for entry in self._entries(self.folder):
            if entry.name in own or is_aside(entry.name) or self._is_lock(entry.name):
                continue
            if entry == self.parts and self._parts_are_own():
                continue
            if _is_hollow(entry):
                continue
            if entry.name in heads and entry.is_dir() and not entry.is_symlink():
                inside = (file.relative_to(self.folder).as_posix() for file in _files_in(entry))
                names += [name for name in inside if name not in own and not is_aside(name)]
                continue
            names.append(entry.name)
        return sorted(names)

    def clear_parts(self, *, keep_claims: bool = False) -> None:
        """Remove the parts; the commit and the request last, so that a kill on the way is seen.

        The claims stay where another run begins: what they name is proteomr's own.
        """
        _remove_files(self.staged)
        files = [file for file in self._entries(self.parts) if _is_part(file.name)]
        if keep_claims:
            files = [file for file in files if not file.name.startswith("claims")]
        with storage_errors(self.parts):
            order = {self.commit: 1, self.request: 2}
            for file in sorted(files, key=lambda file: order.get(file, 0)):
                file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # foreign files keep the folder alive
                self.parts.rmdir()

    def clear_staged(self) -> None:
        """Remove results that were never put into their places."""
        _remove_files(self.staged)

    def clear_aside(self) -> None:
        """Remove what a killed run was in the middle of writing."""
        for folder in (self.folder, self.parts):
            for file in self._entries(folder):
                mine = self.file is None or folder == self.parts or self.stem in file.name
                if mine and is_aside(file.name) and stat.S_ISREG(file.lstat().st_mode):
                    file.unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Remove the folder when nothing is in it."""
        if self.file is None:
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    @property
    def _lock_name(self) -> str:
        return ".lock" if self.file is None else f".{self.stem}.lock"

    def _is_lock(self, name: str) -> bool:
        rest = name.removeprefix(self._lock_name)
        return rest != name and re.fullmatch(r"(-[0-9]+-of-[0-9]+)?", rest) is not None

    def _parts_are_own(self) -> bool:
        entries = self._entries(self.parts)
        return self.parts.is_dir() and all(
            _is_part(entry.name) or entry == self.staged for entry in entries
        )

    def _entries(self, folder: Path) -> list[Path]:
        with storage_errors(folder):
            return sorted(folder.iterdir()) if folder.is_dir() else []


def read_json(file: Path) -> object:
    """Return what a JSON file holds; None where there is none, or it is torn."""
    try:
        value: object = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None
    return value


def _names_in(file: Path) -> set[str]:
    names = read_json(file)
    return {str(name) for name in names} if isinstance(names, list) else set()


def _is_part(name: str) -> bool:
    return is_aside(name) or _PARTS.fullmatch(name) is not None


def _is_hollow(entry: Path) -> bool:
    """Tell whether it is a folder of nothing but folders, as workflows make before a step."""
    if entry.is_symlink() or not entry.is_dir():
        return False
    return next(_files_in(entry), None) is None


def _files_in(folder: Path) -> Iterator[Path]:
    return (entry for entry in folder.rglob("*") if not entry.is_dir() or entry.is_symlink())


def _remove_files(folder: Path) -> None:
    """Remove a folder of the run's own, links not followed."""
    if folder.is_symlink() or not folder.is_dir():
        return
    with storage_errors(folder):
        for entry in sorted(folder.rglob("*"), reverse=True):
            if entry.is_dir() and not entry.is_symlink():
                entry.rmdir()
            else:
                entry.unlink(missing_ok=True)
        folder.rmdir()
