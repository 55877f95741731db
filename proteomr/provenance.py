"""What was run, on which files, with which versions: enough to repeat it and to see a change.

Nothing here identifies a person or a machine: neither user nor host is named.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path

from proteomr.digests import sha256_of
from proteomr.files import read_errors

__all__ = [
    "BlasLibrary",
    "InputFile",
    "Manifest",
    "RowFilter",
    "blas_in_use",
    "canonical_json",
    "digest_file",
    "digest_results",
    "host_platform",
    "list_results",
    "tool_versions",
    "utc_now",
]

_TOOLS = (
    "proteomr",
    "numpy",
    "scipy",
    "polars",
    "pyarrow",
    "statsmodels",
    "linearmodels",
    "threadpoolctl",
    "typer",
)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file or folder as it was when it was read or written.

    Parameters
    ----------
    name : the path as the user gave it.
    size_bytes : its size; of a folder, that of the files in it; None where it would give people
        away.
    sha256 : digest of the content, see `digest_file`; None where it would give people away.
    modified : when it was last changed, UTC, ISO 8601.
    """

    name: str
    size_bytes: int | None
    sha256: str | None
    modified: str

    @classmethod
    def read(cls, path: str | Path) -> InputFile:
        """Take the record of a file or folder.

        Raises
        ------
        InputError
            When it does not exist or cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "samples.csv"
        ...     _ = file.write_text("id")
        ...     InputFile.read(file).size_bytes
        2
        """
        digest = digest_file(path)
        files = _files_of(Path(path))
        facts = [file.stat() for _, file in files] or [Path(path).stat()]
        return cls(
            name=str(path),
            size_bytes=sum(fact.st_size for fact in facts) if files else 0,
            sha256=digest,
            modified=_iso(max(fact.st_mtime for fact in facts)),
        )


@dataclass(frozen=True, slots=True)
class RowFilter:
    """One step that rows had to pass: its name, and how many went in and came out."""

    step: str
    rows_in: int
    rows_out: int


@dataclass(frozen=True, slots=True)
class BlasLibrary:
    """One linear-algebra library loaded in the process."""

    name: str
    version: str
    architecture: str
    threads: int


def digest_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, or of a folder's files with their relative names.

    Parameters
    ----------
    path : a file; or a folder, whose digest is that of the lines ``<sha256>  <relative name>`` of
        all files in it, sorted by name.

    Raises
    ------
    InputError
        When it does not exist or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "empty"
    ...     file.touch()
    ...     digest_file(file)[:12]
    'e3b0c44298fc'
    """
    given = Path(path)
    with read_errors(path):
        if not given.is_dir():
            return sha256_of(given)
        lines = [f"{sha256_of(file)}  {name}\n" for name, file in _files_of(given)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def digest_results(folder: str | Path) -> str:
    """Return the digest of the files in a run folder, without its account, logs and hidden files.

    Subfolders are other matters: figures, exports, results of further runs. Two runs of one request
    differ in the times that manifest and log tell, and in nothing else.

    Raises
    ------
    InputError
        The folder does not exist or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as name:
    ...     empty = digest_results(name)
    ...     _ = (Path(name) / "manifest.json").write_text("{}")
    ...     digest_results(name) == empty
    True
    """
    with read_errors(folder):
        lines = [f"{sha256_of(file)}  {file.name}\n" for file in list_results(Path(folder))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def tool_versions() -> dict[str, str]:
    """Return the versions of proteomr, Python and the libraries that its numbers pass through.

    Examples
    --------
    >>> sorted(tool_versions())[:3]
    ['linearmodels', 'numpy', 'polars']
    """
    return dict(_find_versions())


@functools.cache  # a table's stamp asks for it, and the search takes longer than the table
def _find_versions() -> tuple[tuple[str, str], ...]:
    versions = [("python", platform.python_version())]
    for tool in _TOOLS:
        try:
            versions.append((tool, importlib.metadata.version(tool)))
        except importlib.metadata.PackageNotFoundError:
            versions.append((tool, "not installed"))
    return tuple(versions)


def blas_in_use() -> tuple[BlasLibrary, ...]:
    """Describe the BLAS libraries loaded so far: numpy's and scipy's copies each count.

    Examples
    --------
    >>> import numpy as np
    >>> all(library.threads >= 1 for library in blas_in_use())
    True
    """
    from threadpoolctl import threadpool_info

    libraries = (
        BlasLibrary(
            name=str(found["internal_api"]),
            version=str(found["version"]),
            architecture=str(found.get("architecture", "unknown")),
            threads=int(found["num_threads"]),
        )
        for found in threadpool_info()
        if found["user_api"] == "blas"
    )
    return tuple(sorted(libraries, key=lambda library: (library.name, library.version)))


def host_platform() -> dict[str, str]:
    """Describe the kind of machine, without its name.

    Examples
    --------
    >>> sorted(host_platform())
    ['machine', 'python_implementation', 'release', 'system']
    """
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "python_implementation": sys.implementation.name,
    }


def utc_now() -> str:
    """Return the present moment, UTC, ISO 8601 to the second.

    Examples
    --------
    >>> len(utc_now())
    20
    """
    return _iso(datetime.now(UTC).timestamp())


def canonical_json(value: object) -> bytes:
    """Return the one JSON text of a value: keys sorted, no spaces; equal values, equal digests.

    Raises
    ------
    TypeError
        When JSON cannot hold the value.
    ValueError
        When it holds a number that is not finite.

    Examples
    --------
    >>> canonical_json({"b": (1, 2), "a": None})
    b'{"a":null,"b":[1,2]}'
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The account of one run, stored beside its results.

    Parameters
    ----------
    command : the stage that ran, such as ``associate``.
    main : name of its main table.
    arguments : the command line as given.
    configuration : every option as resolved, defaults included; JSON values.
    inputs, outputs : the files read and written.
    beside : own files whose content is not fixed, such as logs.
    request : all that determines the numbers, inputs by name and digest; the folder is this run's.
    request_sha256 : its digest.
    units, failed : what was estimated (fits, pairs), and how many of them have no estimate.
    filters : rows in and out of each step that drops any.
    family_of_tests : in words, what the correction for multiple testing spans.
    effective_tests : for each method the effective number of tests and its threshold; empty where
        they were not asked for.
    seed : of the random numbers; None where there are none.
    threads : workers that ran the blocks.
    started, finished : UTC, ISO 8601.
    exit_status : the exit code of the command.
    notes : what the user was told of the inputs and the results.
    versions, blas, platform : filled in from the running process.

    Examples
    --------
    >>> text = Manifest(command="demo", started="2026-01-01T00:00:00Z").to_json()
    >>> '"seed": null' in text
    True
    """

    command: str
    main: str = ""
    arguments: tuple[str, ...] = ()
    configuration: Mapping[str, object] = field(default_factory=dict[str, object])
    inputs: tuple[InputFile, ...] = ()
    outputs: tuple[InputFile, ...] = ()
    beside: tuple[str, ...] = ()
    request: Mapping[str, object] = field(default_factory=dict[str, object])
    request_sha256: str = ""
    units: int = 0
    failed: int = 0
    filters: tuple[RowFilter, ...] = ()
    family_of_tests: str = ""
    effective_tests: Sequence[Mapping[str, object]] = ()
    seed: int | None = None
    threads: int = 1
    started: str = ""
    finished: str = ""
    exit_status: int = 0
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=tool_versions)
    blas: tuple[BlasLibrary, ...] = field(default_factory=blas_in_use)
    platform: Mapping[str, str] = field(default_factory=host_platform)

    def to_json(self) -> str:
        """Write the manifest as JSON with sorted keys: the same facts give the same text.

        Raises
        ------
        TypeError
            When the configuration holds something that JSON cannot.
        ValueError
            When it holds a number that is not finite.

        Examples
        --------
        >>> '"command": "demo"' in Manifest(command="demo").to_json()
        True
        """
        facts = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        text = json.dumps(
            facts, default=_plain, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False
        )
        return text + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"JSON cannot hold a {type(value).__name__}")


def _iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def list_results(folder: Path) -> list[Path]:
    """Return the files of a run folder without its account, logs and hidden files.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     list_results(Path(folder))
    []
    """
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return [
        file
        for file in files
        if not (file.name.startswith(".") or file.name == "manifest.json" or _is_log(file.name))
    ]


def _is_log(name: str) -> bool:
    return name == "log.txt" or (name.startswith("log-") and name.endswith(".txt"))


def _files_of(path: Path) -> list[tuple[str, Path]]:
    if not path.is_dir():
        return [(path.name, path)]
    found = (file for file in path.rglob("*") if file.is_file())
    return sorted((file.relative_to(path).as_posix(), file) for file in found)
