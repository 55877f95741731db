"""What a job is asked: frozen, complete, and with one digest however it was worded."""

from __future__ import annotations

import abc
import enum
import functools
import hashlib
import io
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import polars as pl

from proteomr.errors import InputError, UsageError
from proteomr.files import read_errors
from proteomr.provenance import InputFile, canonical_json, digest_results
from proteomr.runs.people_digests import digest_keyed, key_content

__all__ = [
    "Data",
    "Described",
    "Request",
    "Source",
    "describe_request",
    "digest_asked",
    "digest_request",
]

_LARGEST_WHOLE = 2**53  # up to here every integer is a double, so that none changes its value

Data: TypeAlias = Any
"""A path, or a frame of polars, pandas or pyarrow."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One input of a job: files or folders on the disk, or a frame in memory.

    Attributes
    ----------
    name : what messages call it: the path as given, or the name of the frame.
    files : the files or folders; empty for a frame.
    frame : the rows; None for files.
    lists_people : whether it is little more than identifiers of people. Neither its digest nor its
        size is then kept, which short lists are guessed from in seconds, but a digest keyed with
        the content of the other inputs: it tells a changed list from the same, and means nothing
        without the data of the people.
    """

    name: str
    files: tuple[Path, ...] = ()
    frame: pl.DataFrame | None = None
    lists_people: bool = False

    @classmethod
    def of(cls, data: Data, *, name: str = "frame") -> Self:
        """Take a path, or a frame of polars, pandas or pyarrow.

        Parameters
        ----------
        data : the path or the frame; a Source is returned as it is.
        name : what a frame is called in messages and, where a file's name would give one, as a
            trait.

        Raises
        ------
        UsageError
            It is neither.

        Examples
        --------
        >>> Source.of("samples.csv").files[0].name
        'samples.csv'
        >>> Source.of(pl.DataFrame({"age": [61]}), name="samples").frame.height
        1
        """
        if isinstance(data, cls):
            return data
        if isinstance(data, str | Path):
            return cls(str(data), (Path(data),))
        return cls(name, (), _as_polars(data, name=name))

    @classmethod
    def of_people(cls, data: Data | None, *, name: str) -> Self | None:
        """Take a list of identifiers of people; None where there is none.

        Examples
        --------
        >>> Source.of_people("withdrawn.csv", name="withdrawn").lists_people
        True
        """
        return None if data is None else replace(cls.of(data, name=name), lists_people=True)

    @classmethod
    def of_prefix(cls, prefix: str | Path, endings: Sequence[str]) -> Self:
        """Take the files of one prefix, such as the three of a set of genotypes.

        Examples
        --------
        >>> Source.of_prefix("nowhere", (".bed", ".bim", ".fam")).name
        'nowhere'
        """
        path = Path(prefix)
        named = [path.with_name(path.name + ending) for ending in ("", *endings)]
        there = tuple(file for file in named if file.is_file())
        return cls(str(prefix), there or (path,))

    @property
    def path(self) -> Path:
        """The path as it was given.

        Raises
        ------
        UsageError
            The source is a frame.
        """
        if self.frame is not None:
            raise UsageError(f"{self.name}: is a frame, and a file is needed here")
        return Path(self.name)

    def on_disk(self, scratch: Path) -> Path:
        """Return a path that readers can open; a frame is written to the scratch folder first.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Source.of(pl.DataFrame({"a": [1]}), name="x").on_disk(Path(folder))
        ...     path.name, pl.read_parquet(path).item()
        ('x.parquet', 1)
        """
        if self.frame is None:
            return Path(self.name)
        folder = scratch / hashlib.sha256(self.name.encode()).hexdigest()[:8]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = folder / f"{Path(self.name).name}.parquet"
        self.frame.write_parquet(target)
        return target

    def read_records(self) -> tuple[InputFile, ...]:
        """Take the records of the files, with their digests; a frame is digested by its content.

        Raises
        ------
        InputError
            A file does not exist or cannot be read.

        Examples
        --------
        >>> Source.of(pl.DataFrame({"a": [1]}), name="x").read_records()[0].name
        'x'
        """
        if self.frame is None:
            read = _read_hidden if self.lists_people else _read_record
            return tuple(read(file) for file in self.files)
        if self.lists_people:
            return (InputFile(name=self.name, size_bytes=None, sha256=None, modified=""),)
        content = _encode_frame(self.frame)
        digest = hashlib.sha256(content).hexdigest()
        return (InputFile(self.name, len(content), digest, modified=""),)

    def contents(self) -> tuple[Path | bytes, ...]:
        """Return the files, or of a frame the bytes of names, types and cells, however chunked.

        Examples
        --------
        >>> Source.of("samples.csv").contents()
        (PosixPath('samples.csv'),)
        """
        if self.frame is None:
            return self.files
        return (_encode_frame(self.frame),)


def _read_record(file: Path) -> InputFile:
    record = InputFile.read(file)
    if not file.is_dir():
        return record
    return InputFile(record.name, record.size_bytes, digest_results(file), record.modified)


def _encode_frame(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.rechunk().write_parquet(content, compression="uncompressed", statistics=False)
    return content.getvalue()


def _read_hidden(file: Path) -> InputFile:
    with read_errors(file):
        moment = datetime.fromtimestamp(file.stat().st_mtime, tz=UTC)
    return InputFile(str(file), None, None, moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _as_polars(data: Any, *, name: str) -> pl.DataFrame:
    if isinstance(data, pl.DataFrame):
        return data
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    home = type(data).__module__.partition(".")[0]
    try:
        if home == "pandas":
            return pl.DataFrame(pl.from_pandas(data))
        if home == "pyarrow":
            converted = pl.from_arrow(data)
            return converted if isinstance(converted, pl.DataFrame) else converted.to_frame()
    except (pl.exceptions.PolarsError, TypeError, ValueError) as fault:
        raise InputError(f"{name}: cannot be taken as a table ({fault})") from None
    raise UsageError(
        f"{name}: a path or a frame of polars, pandas or pyarrow is needed, not a "
        f"{type(data).__name__}"
    )


@dataclass(frozen=True, slots=True)
class Request(abc.ABC):
    """All that determines the numbers of a job; each command has a frozen subclass.

    Inputs are :class:`Source` fields, alone, in tuples or in mappings. Whatever changes no number
    (threads, formats, where the results go) is no field of a request.
    """

    command: ClassVar[str]

    @abc.abstractmethod
    def formulas(self) -> Mapping[str, int]:
        """Return the version of every method and table schema that determines the results."""

    def sources(self) -> tuple[Source, ...]:
        """Return the inputs, in the order of the fields.

        Examples
        --------
        >>> Request.sources.__name__
        'sources'
        """
        return tuple(_sources_in([getattr(self, entry.name) for entry in fields(self)]))


@dataclass(frozen=True, slots=True)
class Described:
    """A request in JSON values, its digest, and the records of its inputs."""

    facts: Mapping[str, object]
    digest: str
    inputs: tuple[InputFile, ...]


def describe_request(request: Request) -> Described:
    """Return a request as JSON values, inputs by name and digest; every input is read once.

    Two requests have the same digest exactly when they ask for the same numbers: the same options,
    resolved, on inputs of the same content and name, by the same versions of the formulas.

    Raises
    ------
    InputError
        An input does not exist or cannot be read.
    TypeError
        A field holds what has no place in a request.
    """
    key = functools.cache(lambda: _make_key(request.sources()))
    asked: dict[str, object] = {}
    inputs: dict[str, list[object]] = {}
    records: list[InputFile] = []
    for entry in fields(request):
        value = getattr(request, entry.name)
        asked[entry.name] = _plain(value)
        for source in _sources_in([value]):
            read = source.read_records()
            records += read
            known = [{"name": Path(r.name).name, "sha256": r.sha256} for r in read]
            if source.lists_people:
                known = [{"name": k["name"], "keyed": _digest_list(source, key())} for k in known]
            inputs.setdefault(entry.name, []).append(known)
    facts = {
        "command": request.command,
        "formulas": dict(request.formulas()),
        "asked": asked,
        "inputs": inputs,
    }
    digest = hashlib.sha256(canonical_json(facts)).hexdigest()
    return Described(facts, digest, tuple(records))


def _make_key(sources: Sequence[Source]) -> bytes:
    """Return the key for lists of people; without data of people, one that is never met again."""
    data = [part for source in sources if not source.lists_people for part in source.contents()]
    return key_content(data) if data else secrets.token_bytes(32)


def _digest_list(source: Source, key: bytes) -> str:
    parts: list[bytes] = []
    for part in source.contents():
        with read_errors(source.name):
            parts.append(part if isinstance(part, bytes) else part.read_bytes())
    return digest_keyed(b"".join(parts), key=key)


def digest_asked(facts: Mapping[str, object]) -> str:
    """Return the digest of what a described request asks, whatever it asks it of.

    Tables are stamped with it, and not with that of the whole request: rows of an input in another
    order give the same table, byte for byte.

    Examples
    --------
    >>> digest_asked({"command": "demo", "inputs": {"a": 1}}) == digest_asked({"command": "demo"})
    True
    """
    asked = {name: value for name, value in facts.items() if name != "inputs"}
    return hashlib.sha256(canonical_json(asked)).hexdigest()


def digest_request(request: Request) -> str:
    """Return the digest of a request, see :func:`describe_request`."""
    return describe_request(request).digest


def _sources_in(values: Sequence[object]) -> list[Source]:
    collected: list[Source] = []
    for value in values:
        if isinstance(value, Source):
            collected.append(value)
        elif isinstance(value, Mapping):
            collected += _sources_in([value[key] for key in sorted(value)])
        elif isinstance(value, tuple | list):
            collected += _sources_in(value)
        elif is_dataclass(value) and not isinstance(value, type):
            collected += _sources_in([getattr(value, entry.name) for entry in fields(value)])
    return collected


def _plain(value: object) -> object:
    """Return a value of a request as JSON holds it; inputs, which are told elsewhere, are 1."""
    if isinstance(value, Source):
        return 1
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(str(_plain(item)) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(_facts_of(value))
    return _plain_scalar(value)


def _facts_of(value: Any) -> Mapping[str, object]:
    """Return the fields of a dataclass, in its own words where it has them.

    Where the order of a mapping counts, for one, only the class knows it.
    """
    if hasattr(value, "to_dict"):
        facts: Mapping[str, object] = value.to_dict()
        return facts
    return {entry.name: getattr(value, entry.name) for entry in fields(value)}


def _plain_scalar(value: object) -> object:
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, float):
        return _plain_number(value)
    if value is None or isinstance(value, bool | int | str | float):
        return value
    raise TypeError(f"a request cannot hold a {type(value).__name__}")


def _plain_number(value: float) -> float | int | str:
    """Return a number as JSON holds it: a whole one as an integer, which asks for the same."""
    if not math.isfinite(value):
        return repr(value)
    return int(value) if value.is_integer() and abs(value) <= _LARGEST_WHOLE else value
