"""The tables of finished runs below a folder, each with the schema that says what it tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from proteomr.border import reading
from proteomr.errors import InputError
from proteomr.runs import (
    check_table,
    is_unfinished,
    path_of_run,
    read_finished,
    read_stamp,
    refuse_altered,
)
from proteomr.runs.results import read_result
from proteomr.tables import Schema, load_schema, schema_names

__all__ = ["GivenTable", "Runs", "read_runs"]

_MANIFEST: Final = "manifest.json"
_TABLES: Final = (".parquet", ".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A table as a run wrote it.

    Attributes
    ----------
    file : its path below the folder that is judged.
    table : its name within the run.
    schema : what its columns tell; None where no schema is declared for it.
    frame : its rows; none of a table that does not say what made it.
    """

    file: str
    table: str
    schema: Schema | None
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Runs:
    """What lies below a folder.

    Attributes
    ----------
    tables : of finished runs, in the order of their paths.
    other : further files of these runs, by their paths below the folder.
    foreign : how many files belong to no run.
    commands : that ran, sorted.
    finished : day on which the last of the runs ended.
    """

    tables: tuple[GivenTable, ...]
    other: tuple[str, ...]
    foreign: int
    commands: tuple[str, ...]
    finished: str


def read_runs(folder: str | Path) -> Runs:
    """Return the tables of every finished run below a folder.

    Parameters
    ----------
    folder : of a run, of a study, or with run folders in it.

    Raises
    ------
    InputError
        There is no finished run, one has not finished, or a table was altered or is of another
        version of its schema.
    """
    place = Path(folder)
    if place.is_file():
        raise InputError(
            f"{place}: is a file; name the folder of a run or of a study, such as {place.parent}"
        )
    if not place.is_dir():
        raise InputError(f"{place}: no such folder; name that of a run or of a study")
    _refuse_unfinished(place)
    tables: list[GivenTable] = []
    own: set[Path] = set()
    commands, days = set(), [""]
    for manifest in sorted(place.rglob(f"*{_MANIFEST}")):
        facts = _read_manifest(manifest)
        found = read_finished(path_of_run(manifest))
        if found is None:
            continue
        commands.add(found.command)
        days.append(str(facts.get("finished", ""))[:10])
        tables += [_read_table(place, file, name) for name, file in found.tables.items()]
        own |= {manifest, *(manifest.parent / name for name in _names(facts))}
    if not commands:
        raise InputError(f"{place}: no finished run lies there")
    files = {file for file in place.rglob("*") if file.is_file()}
    held = {place / given.file for given in tables}
    other = sorted(file.relative_to(place).as_posix() for file in (own & files) - held)
    return Runs(
        tuple(sorted(tables, key=lambda given: given.file)),
        tuple(other),
        len(files - own),
        tuple(sorted(commands)),
        max(days),
    )


def _refuse_unfinished(place: Path) -> None:
    for folder in (place, *sorted(entry for entry in place.rglob("*") if entry.is_dir())):
        beside = folder.name.startswith(".") and folder.name.endswith(".parts")
        if is_unfinished(folder) or (beside and (folder / "request.json").is_file()):
            raise InputError(
                f"{folder}: its run has not finished; go on with it (--resume), or remove it"
            )


def _read_manifest(manifest: Path) -> dict[str, Any]:
    with reading(manifest):
        facts = json.loads(manifest.read_text("utf-8"))
    return facts if isinstance(facts, dict) else {}


def _names(facts: dict[str, Any]) -> Iterator[str]:
    for entry in facts.get("outputs", ()):
        yield str(entry["name"])
    yield from map(str, facts.get("beside", ()))


def _read_table(place: Path, file: Path, table: str) -> GivenTable:
    name = file.relative_to(place).as_posix()
    if file.suffix == ".parquet":
        if not _is_stamped(file):
            # people and proteins of `simulate`, the matrix of a store: no result, whatever is in it
            refuse_altered(file)
            return GivenTable(name, table, None, read_result(file, rows=0))
        known = check_table(file).schema
        return GivenTable(name, table, load_schema(known) if known else None, read_result(file))
    refuse_altered(file)
    known = table.rpartition("/")[2]
    schema = load_schema(known) if known in schema_names() else None
    frame = read_result(file)
    if schema is not None:
        with reading(file):
            frame = schema.validate(_in_types(frame, schema))
    return GivenTable(name, table, schema, frame)


def _is_stamped(file: Path) -> bool:
    with reading(file):
        return bool(read_stamp(file))


def _in_types(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return a table of text in declared types: a column without a value has none of its own."""
    stored = {column.name: column.stored for column in schema.columns}
    return frame.with_columns(
        pl.col(name).cast(stored[name])
        for name in frame.columns
        if name in stored and frame[name].dtype != pl.Boolean and stored[name] != pl.Boolean
    )
