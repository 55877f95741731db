"""Stores, results and parts that still hold people of a list: named, and rewritten without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import InputError
from proteomr.io.people_lists import PeopleList, read_people_list
from proteomr.io.store import is_store
from proteomr.provenance import utc_now
from proteomr.runs import (
    FIGURES,
    amend_results,
    drop_parts,
    find_begun,
    is_committed,
    refuse_altered,
)
from proteomr.runs.encoding import write_text
from proteomr.runs.results import read_result
from proteomr.tables import Drop, load_schema, tabulate_drops
from proteomr.withdrawal.holders import Begun, Run, Stock, take_stock
from proteomr.withdrawal.rows import write_without
from proteomr.withdrawal.tracing import PURGED, describe_before, find_computed, find_untraced

__all__ = ["Action", "Holding", "purge"]

Kind: TypeAlias = Literal["store", "results", "parts", "yours"]
Action: TypeAlias = Literal["rewrite", "remove", "run again", "look", "keep"]
_DROPS: Final = "drops.tsv"
_STEP: Final = "purge"


@dataclass(frozen=True, slots=True)
class Holding:
    """Something below a folder that holds listed people, or was computed with them.

    Attributes
    ----------
    path : below the folder.
    kind : a store, results of another command, what a run keeps of its work, or a file of yours.
    people : how many of the listed it holds; 0 where its numbers alone rest on them.
    action : what becomes of it: rewritten without them, removed; or what is left to its owner: to
        run it again, to look at it. Parts that were begun after the list are kept.
    reason : why, in words.
    """

    path: str
    kind: Kind
    people: int
    action: Action
    reason: str


def purge(
    folder: str | Path,
    *,
    withdrawn: str | Path,
    id_column: str | None = None,
    dry_run: bool = False,
) -> tuple[Holding, ...]:
    """Take people who have withdrawn out of all that proteomr wrote below a folder.

    Each table of a finished run that holds listed people is written again without their rows, all
    tables of a run and its manifest together: a process that is killed leaves every run as it was
    or as it becomes, and the next call goes on. The drops of the run count them, and its manifest
    says when and what was rewritten. Figures of these tables, which have a point for each person,
    go with them. What runs have kept from before the list is removed. Nothing that proteomr did not
    write is touched: it is named.

    Parameters
    ----------
    folder : of stores and results, at any depth.
    withdrawn : the list, one identifier a line.
    id_column : a further name of the column of identifiers, in the list and in tables.
    dry_run : tell what would be done, and do nothing.

    Returns
    -------
    holdings : what was found, with what became of it.

    Raises
    ------
    InputError
        There is no such folder, the list cannot be read, or a table was altered since it was
        written.
    IdentifierError
        Somebody of the list stands in a table in another spelling.
    RunFolderError
        A process is at work in one of the outputs.
    """
    place = Path(folder)
    if not place.is_dir():
        what = "is a file; name the folder that holds it" if place.is_file() else "no such folder"
        raise InputError(f"{place}: {what}")
    people = read_people_list(withdrawn, id_column=id_column)
    if not dry_run:
        _go_on(place)
    stock = take_stock(place, people, id_column=id_column)
    held = [run for run in stock.runs if run.held]
    for rows in (rows for run in held for rows in run.held):
        refuse_altered(rows.file)  # a table that was changed by hand must not become a result
    computed = find_computed(stock, people)
    parts = [_tell_begun(place, begun) for begun in stock.begun]
    tables = [_tell_rewritten(place, run) for run in held]
    left = _tell_left(place, stock, computed)
    if not dry_run:
        for begun, told in zip(stock.begun, parts, strict=True):
            if told.action == "remove":
                drop_parts(begun.path)
        for run, told in zip(held, tables, strict=True):
            if told.action == "rewrite":
                _rewrite(run, people)
    return (*parts, *tables, *left)


def _go_on(place: Path) -> None:
    """Put into place what a purge that was stopped had written."""
    for path in find_begun(place):
        if is_committed(path):
            drop_parts(path)


def _below(place: Path, path: Path) -> str:
    return path.relative_to(place).as_posix()


def _tell_begun(place: Path, begun: Begun) -> Holding:
    action: Action = "remove" if begun.older or begun.people else "keep"
    reason = "begun before the list was written" if begun.older else "begun after the list"
    if begun.people:
        reason = "a run that has not finished holds them"
    if is_committed(begun.path):
        action, reason = "rewrite", "written without them, and not yet in place"
    return Holding(_below(place, begun.path), "parts", begun.people, action, reason)


def _tell_left(place: Path, stock: Stock, computed: Sequence[Run]) -> list[Holding]:
    """Return what is left to its owner."""
    told: list[Holding] = []

    def look(path: Path, kind: Kind, people: int, reason: str) -> None:
        told.append(Holding(_below(place, path), kind, people, "look", reason))

    for run in computed:
        reason = "computed with them: run it again, with --withdrawn or on what was rewritten"
        told.append(Holding(_below(place, run.path), _kind(run), 0, "run again", reason))
    for run in find_untraced(stock, computed):
        reason = "its inputs are no longer where they were: it may have been computed with them"
        look(run.path, _kind(run), 0, reason)
    for rows in stock.others:
        look(rows.file, "yours", rows.people, "not written by proteomr")
    for file in stock.unread:
        look(file, "yours", 0, "cannot be read as a table with these identifiers")
    return told


def _kind(run: Run) -> Kind:
    return "store" if is_store(run.path) else "results"


def _tell_rewritten(place: Path, run: Run) -> Holding:
    names = ", ".join(rows.file.name for rows in run.held)
    if _kind(run) == "store" and any(rows.all and rows.file.stem == "samples" for rows in run.held):
        names = "everybody in it is on the list: remove it"
        return Holding(_below(place, run.path), "store", run.people, "look", names)
    return Holding(_below(place, run.path), _kind(run), run.people, "rewrite", names)


def _rewrite(run: Run, people: PeopleList) -> None:
    tables: dict[str, Callable[[BinaryIO], object]] = {
        rows.file.relative_to(run.folder).as_posix(): partial(write_without, rows, people)
        for rows in run.held
    }
    drops = [name for name in run.outputs if name == _DROPS or name.endswith(f".{_DROPS}")]
    for name in drops:
        tables[name] = partial(_write_drops, run.folder / name, run.people)
    before = describe_before(run)
    account = partial(_tell, run=run, before=before)
    amend_results(run.path, tables=tables, account=account, remove=_list_figures(run))


def _list_figures(run: Run) -> list[str]:
    """Return the figures of the tables that are written anew: a point of each is a person."""
    tables = {rows.file.stem for rows in run.held}
    found = []
    for name in run.outputs:
        folder, _, file = name.rpartition("/")
        if folder == FIGURES and file.partition("-")[0] in tables:
            found.append(name)
    return found


def _write_drops(file: Path, people: int, out: BinaryIO) -> None:
    more = tabulate_drops([Drop(_STEP, "withdrawn", people)])
    before = read_result(file)
    told = load_schema("drops").validate(pl.concat([before, more])) if before.height else more
    write_text(told, out, separator="\t")


def _tell(facts: dict[str, Any], *, run: Run, before: dict[str, str]) -> dict[str, Any]:
    entry = {"at": utc_now(), "people": run.people, "before": before}
    return {**facts, PURGED: [*facts.get(PURGED, []), entry]}
