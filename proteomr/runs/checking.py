"""Whether a table is one that proteomr wrote, in the form that this version writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from proteomr.border import reads
from proteomr.errors import ColumnError, FormatError, InputError
from proteomr.provenance import digest_file, tool_versions
from proteomr.runs.encoding import read_stamp
from proteomr.runs.layout import Layout, read_json
from proteomr.runs.request import digest_asked
from proteomr.tables import load_schema, schema_names

__all__ = [
    "CheckedTable",
    "check_table",
    "is_unfinished",
    "make_stamp",
    "refuse_altered",
    "refuse_newer",
]


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """What a table says of itself.

    Attributes
    ----------
    schema : name of its schema; empty where none is declared.
    version : of the schema.
    producer : version and command of proteomr that wrote it.
    request : digest of all that determined its numbers.
    rows : how many there are.
    recorded : whether a manifest beside it holds its digest, which then agrees.
    """

    schema: str
    version: int
    producer: str
    request: str
    rows: int
    recorded: bool


def make_stamp(request: Mapping[str, object], table: str) -> dict[str, str]:
    """Return what a parquet table says of itself: who made it, for which request and schema.

    Parameters
    ----------
    request : described, see :func:`proteomr.runs.describe_request`.
    table : name of the table; of a schema only where one is declared.

    Examples
    --------
    >>> make_stamp({"command": "demo"}, "drops")["schema"]
    'drops/1'
    """
    producer = f"proteomr {tool_versions()['proteomr']} {request.get('command', '')}".strip()
    stamp = {"request": digest_asked(request), "producer": producer}
    if table in schema_names():
        stamp["schema"] = f"{table}/{load_schema(table).version}"
    return stamp


@reads
def check_table(path: str | Path) -> CheckedTable:
    """Return what a table says of itself, held against its schema and the manifest beside it.

    Raises
    ------
    FormatError
        It is no parquet file.
    InputError
        It was not written by proteomr, by a version with another schema, or altered since.
    ColumnError
        It breaks its own schema.

    Examples
    --------
    >>> check_table("no-such.parquet")
    Traceback (most recent call last):
    ...
    proteomr.errors.FormatError: no-such.parquet: there is no such file
    """
    file = Path(path)
    if not file.is_file():
        raise FormatError("there is no such file", path=file)
    try:
        stamp = read_stamp(file)
        frame = pl.read_parquet(file, glob=False)
    except (OSError, pl.exceptions.PolarsError):
        message = "is no parquet file, which alone says what made it"
        raise FormatError(message, path=file) from None
    if not {"request", "producer"} <= stamp.keys():
        raise InputError(f"{file}: was not written by proteomr, or its columns were renamed")
    name, _, version = stamp.get("schema", "").partition("/")
    if name:
        _check_schema(file, frame, name, int(version))
    recorded = refuse_altered(file)
    return CheckedTable(
        name, int(version or 0), stamp["producer"], stamp["request"], frame.height, recorded
    )


def _check_schema(file: Path, frame: pl.DataFrame, name: str, version: int) -> None:
    if name not in schema_names():
        raise InputError(f"{file}: table {name!r} is unknown to this version of proteomr")
    schema = load_schema(name)
    _refuse_version(file, name, version)
    if schema.version != version:
        raise InputError(
            f"{file}: is version {version} of table {name!r}, and this proteomr has version "
            f"{schema.version}; run the command that wrote it again"
        )
    try:
        schema.validate(frame)
    except ColumnError as fault:
        raise ColumnError(f"{file}: {fault}") from None


def refuse_newer(file: Path) -> None:
    """Refuse a parquet table of proteomr's whose schema is of a later version than this one knows.

    Its columns may mean something else, so that reading them would give numbers that are wrong in
    silence.

    Raises
    ------
    InputError
        It was written by a later version.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder) / "own.parquet"
    ...     pl.DataFrame({"protein": ["ADM"]}).write_parquet(table)
    ...     refuse_newer(table)
    """
    name, _, version = read_stamp(file).get("schema", "").partition("/")
    if name in schema_names() and version.isdecimal():
        _refuse_version(file, name, int(version))


def _refuse_version(file: Path, name: str, version: int) -> None:
    known = load_schema(name).version
    if version > known:
        raise InputError(
            f"{file}: is version {version} of table {name!r}, written by a later proteomr than "
            f"this one, which knows version {known}; update proteomr"
        )


def refuse_altered(file: Path) -> bool:
    """Refuse a result whose digest is not that of the manifest beside it.

    Returns
    -------
    recorded : whether a manifest beside the file records it at all.

    Raises
    ------
    InputError
        It was altered or damaged since it was written.

    Examples
    --------
    >>> refuse_altered(Path("nowhere") / "samples.parquet")
    False
    """
    for manifest in sorted(file.parent.glob("*manifest.json")):
        if not file.name.startswith(manifest.name.removesuffix("manifest.json")):
            continue  # of another stem: a folder may hold those of thousands of studies
        facts = read_json(manifest)
        outputs = facts.get("outputs") if isinstance(facts, dict) else None
        for entry in outputs if isinstance(outputs, list) else []:
            if isinstance(entry, dict) and entry.get("name") == file.name:
                if entry.get("sha256") != digest_file(file):
                    raise InputError(
                        f"{file}: was altered since it was written, or damaged: its digest is not "
                        f"that of {manifest.name}; run the command that wrote it again, or keep "
                        "a table that you changed in a folder of its own"
                    )
                return True
    return False


def is_unfinished(folder: str | Path) -> bool:
    """Tell whether a run is writing its first results into a folder, or was stopped while it did.

    A run that replaces a finished result leaves it whole until its own is complete.

    Examples
    --------
    >>> is_unfinished("nowhere")
    False
    """
    layout = Layout(Path(folder))
    return layout.read_request() is not None and layout.read_record() is None
