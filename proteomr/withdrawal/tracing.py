"""Which results were computed with people who have withdrawn since, by the digests of inputs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from proteomr.border import reading
from proteomr.errors import ProteomrError
from proteomr.io.people_lists import PeopleList, read_people_list
from proteomr.provenance import digest_file, digest_results
from proteomr.runs.people_digests import digest_keyed, key_content
from proteomr.withdrawal.holders import Run, Stock
from proteomr.withdrawal.rows import TABLES, find_rows

__all__ = ["PURGED", "describe_before", "find_computed", "find_untraced"]

PURGED: Final = "purged"
"""What a manifest says of the tables that were rewritten, and of their digests before."""
_WHOLE: Final = "."
# Tables that tell of no more than the rows of the others: a store is whole without the people.
_OF_NOBODY: Final = frozenset({"drops", "assays", "limits"})


def describe_before(run: Run) -> dict[str, str]:
    """Return the digests of what is rewritten, by name, and of the folder as an input has it."""
    before = {rows.file.relative_to(run.folder).as_posix() for rows in run.held}
    digests = {name: digest for name, digest in run.outputs.items() if name in before}
    if run.path.is_dir():
        digests[_WHOLE] = digest_results(run.path)
    return digests


def find_computed(stock: Stock, people: PeopleList) -> list[Run]:
    """Return the runs whose numbers rest on listed people, also through results of other runs.

    An input is known by its digest, whatever its path was. Runs that left this very list out, or
    one that names all of these people, do not rest on them.

    Parameters
    ----------
    stock : what lies there.
    people : the list.
    """
    tainted = {digest_file(rows.file) for rows in stock.others}
    for run in stock.runs:
        tainted |= {*describe_before(run).values()} if run.held else set()
        for entry in run.facts.get(PURGED, ()):
            tainted |= set(map(str, entry.get("before", {}).values()))
    known = {digest for run in stock.runs for digest in run.outputs.values()} | tainted
    tainted |= _find_outside(stock, people, known)
    computed = [run for run in stock.runs if _is_partly_rewritten(run)]
    while True:
        for run in computed:
            tainted |= set(run.outputs.values())
            if run.path.is_dir():
                tainted.add(digest_results(run.path))
        done = {run.path for run in computed}
        more = [
            run
            for run in stock.runs
            if run.path not in done
            and not _is_whole(run)
            and _rests_on(run, tainted)
            and not _leaves_out(run, people)
        ]
        if not more:
            break
        computed += more
    return [run for run in stock.runs if run in computed]


def find_untraced(stock: Stock, computed: Collection[Run]) -> list[Run]:
    """Return runs that read people from files which are no longer where they were."""
    known = {digest for run in stock.runs for digest in run.outputs.values()}
    for run in stock.runs:
        for entry in run.facts.get(PURGED, ()):
            known |= set(map(str, entry.get("before", {}).values()))
    done = {run.path for run in computed}
    return [
        run
        for run in stock.runs
        if run.path not in done
        and _reads_people(run)
        and any(sha not in known and not Path(name).exists() for name, sha in _inputs(run) if sha)
    ]


def _inputs(run: Run) -> list[tuple[str, str | None]]:
    return [(str(one["name"]), one.get("sha256")) for one in run.facts.get("inputs", ())]


def _rests_on(run: Run, tainted: Collection[str]) -> bool:
    return any(sha in tainted for _, sha in _inputs(run))


def _reads_people(run: Run) -> bool:
    asked = run.facts["request"].get("asked", {})
    return isinstance(asked, dict) and "withdrawn" in asked


def _is_partly_rewritten(run: Run) -> bool:
    """Tell whether a run that read something has tables of people, and others that rest on them."""
    touched = bool(run.held) or PURGED in run.facts
    return touched and bool(_inputs(run)) and not _is_whole(run)


def _is_whole(run: Run) -> bool:
    """Tell whether a run is as if it had been made without the people, once it is rewritten."""
    personal = {rows.file.relative_to(run.folder).as_posix() for rows in run.personal}
    rest = [name for name in run.outputs if name not in personal and name.endswith(TABLES)]
    return bool(personal) and all(_table(name) in _OF_NOBODY for name in rest)


def _table(name: str) -> str:
    return Path(name).name.split(".")[-2]


def _find_outside(stock: Stock, people: PeopleList, known: Collection[str]) -> set[str]:
    """Return digests of inputs elsewhere that hold listed people and are as they were read."""
    found = set()
    asked = {entry for run in stock.runs for entry in _inputs(run)}
    for name, sha in sorted(asked, key=str):
        file = Path(name)
        if sha is None or sha in known or not (name.endswith(TABLES) and file.is_file()):
            continue
        try:
            rows = find_rows(file, people)
        except ProteomrError:
            continue
        if rows is not None and rows.people and digest_file(file) == sha:
            found.add(sha)
    return found


def _leaves_out(run: Run, people: PeopleList) -> bool:
    """Tell whether the list that a run left out names everybody of this one."""
    given: Any = run.facts["request"].get("inputs", {}).get("withdrawn")
    try:
        keyed = {one["keyed"] for source in given for one in source}
        files = [Path(name) for name, sha in _inputs(run) if sha is not None]
        key = key_content(files)
        lists = [people.path, *(Path(name) for name, sha in _inputs(run) if sha is None)]
    except (TypeError, KeyError, ProteomrError):
        return False
    wanted = set(people.ids)
    for path in lists:
        try:
            with reading(path):
                content = path.read_bytes()
            if digest_keyed(content, key=key) in keyed:
                return wanted <= set(read_people_list(path).ids)
        except ProteomrError:
            continue
    return False
