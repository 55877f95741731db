"""What lies below a folder and holds listed people: runs, what they keep, and files of others."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proteomr.border import reading
from proteomr.errors import ProteomrError
from proteomr.io.people_lists import PeopleList
from proteomr.runs import find_begun, path_of_run
from proteomr.runs.layout import MANIFEST
from proteomr.withdrawal.rows import TABLES, Rows, find_rows

__all__ = ["Begun", "Run", "Stock", "take_stock"]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A finished run, and what its tables hold of listed people.

    Attributes
    ----------
    path : its folder, or the file of its main table.
    folder : where its results lie.
    facts : its manifest.
    personal : its tables with a column of identifiers.
    """

    path: Path
    folder: Path
    facts: dict[str, Any]
    personal: tuple[Rows, ...]

    @property
    def held(self) -> tuple[Rows, ...]:
        """Its tables with listed people."""
        return tuple(rows for rows in self.personal if rows.people)

    @property
    def people(self) -> int:
        """How many of the listed are in the table that holds most of them."""
        return max((rows.people for rows in self.held), default=0)

    @property
    def outputs(self) -> dict[str, str]:
        """Digests of its results, by name."""
        return {str(one["name"]): str(one["sha256"]) for one in self.facts.get("outputs", ())}


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that has not finished, with what it has kept.

    Attributes
    ----------
    path : its output.
    older : whether it was begun before the list was written.
    people : how many of the listed are in a table that it keeps.
    """

    path: Path
    older: bool
    people: int


@dataclass(frozen=True, slots=True)
class Stock:
    """All that lies below a folder and may hold people.

    Attributes
    ----------
    runs, begun : of proteomr.
    others : tables that proteomr did not write, with listed people.
    unread : tables of others that cannot be read, or spell identifiers in another way.
    """

    runs: tuple[Run, ...]
    begun: tuple[Begun, ...]
    others: tuple[Rows, ...]
    unread: tuple[Path, ...]


def take_stock(folder: Path, people: PeopleList, *, id_column: str | None = None) -> Stock:
    """Return what lies below a folder, with what it holds of listed people.

    Parameters
    ----------
    folder : of results, at any depth. Links are not followed.
    people : the list; its own file does not count.
    id_column : a further name of columns of identifiers.

    Raises
    ------
    FormatError
        A table of a run cannot be read.
    IdentifierError
        Somebody of the list stands in a table in another spelling.
    """
    kept = [(path, _parts_of(path)) for path in find_begun(folder)]
    begun = tuple(_look_at(path, parts, people, id_column) for path, parts in kept)
    inside = {file for _, parts in kept for file in parts.rglob("*")}
    runs = tuple(_find_runs(folder, people, id_column, inside))
    own = {run.folder / name for run in runs for name in run.outputs} | inside
    others, unread = [], []
    for file in _list_tables(folder):
        if file in own or file.resolve() == people.path.resolve():
            continue
        try:
            rows = find_rows(file, people, id_column=id_column)
        except ProteomrError:
            unread.append(file)
            continue
        if rows is not None and rows.people:
            others.append(rows)
    return Stock(runs, begun, tuple(others), tuple(unread))


def _find_runs(
    folder: Path, people: PeopleList, id_column: str | None, kept: Collection[Path]
) -> Iterator[Run]:
    for manifest in sorted(folder.rglob(f"*{MANIFEST}")):
        if manifest in kept:
            continue
        with reading(manifest):
            facts = json.loads(manifest.read_text("utf-8"))
        if not isinstance(facts, dict) or not {"request", "outputs"} <= facts.keys():
            continue
        names = [str(one["name"]) for one in facts["outputs"]]
        tables = [manifest.parent / name for name in names if name.endswith(TABLES)]
        found = _look_into(tables, people, id_column)
        yield Run(path_of_run(manifest), manifest.parent, facts, found)


def _look_into(
    tables: Sequence[Path], people: PeopleList, id_column: str | None
) -> tuple[Rows, ...]:
    found = (find_rows(file, people, id_column=id_column) for file in tables if file.is_file())
    return tuple(rows for rows in found if rows is not None)


def _parts_of(path: Path) -> Path:
    return path / "parts" if path.is_dir() else path.parent / f".{path.stem}.parts"


def _look_at(path: Path, parts: Path, people: PeopleList, id_column: str | None) -> Begun:
    files = [file for file in parts.rglob("*") if file.is_file()]
    last = max(file.stat().st_mtime for file in files)
    held = _look_into([file for file in files if file.name.endswith(TABLES)], people, id_column)
    older = last < people.path.stat().st_mtime
    return Begun(path, older, max((rows.people for rows in held), default=0))


def _list_tables(folder: Path) -> list[Path]:
    files = (file for file in folder.rglob("*") if file.name.endswith(TABLES))
    return sorted(file for file in files if file.is_file() and not file.is_symlink())
