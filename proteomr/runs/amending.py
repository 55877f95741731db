"""Finished results of which some tables are written anew, and parts that are taken away."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from proteomr.errors import RunFolderError
from proteomr.files import replace_file, storage_errors
from proteomr.provenance import InputFile
from proteomr.runs.layout import Layout, read_json
from proteomr.runs.lock import Lock
from proteomr.runs.opening import lock_output, roll_forward

__all__ = ["amend_results", "drop_parts", "find_begun", "is_committed"]

_REQUEST = "request.json"
_COMMIT = "commit.json"


def find_begun(folder: str | Path) -> list[Path]:
    """Return the outputs below a folder in which a run is under way or was stopped.

    Examples
    --------
    >>> find_begun("nowhere")
    []
    """
    found = []
    for entry in sorted(Path(folder).rglob("*parts")):
        if entry.is_symlink() or not ((entry / _REQUEST).exists() or (entry / _COMMIT).exists()):
            continue
        if entry.name == "parts":
            found.append(entry.parent)
        elif entry.name.startswith("."):
            stem = entry.name.removeprefix(".").removesuffix(".parts")
            found.append(entry.parent / f"{stem}.parquet")
    return found


def is_committed(path: Path) -> bool:
    """Tell whether results were all written, and the process stopped before they stood in place.

    Examples
    --------
    >>> is_committed(Path("nowhere"))
    False
    """
    return _layout(path).commit.exists()


def drop_parts(path: Path) -> None:
    """Remove what a run has kept of its work; results that it was putting into place go there.

    Parameters
    ----------
    path : the output, see `find_begun`.

    Raises
    ------
    RunFolderError
        A process is at work there.
    """
    layout = _layout(path)
    lock = lock_output(layout, shard=None)
    try:
        if not roll_forward(layout):
            layout.clear_aside()
            layout.clear_parts()
    finally:
        lock.release()
        layout.remove_if_empty()


def amend_results(
    path: Path,
    *,
    tables: Mapping[str, Callable[[BinaryIO], object]],
    account: Callable[[dict[str, Any]], dict[str, Any]],
    remove: Collection[str] = (),
) -> None:
    """Write some results of a finished run anew, with its manifest: all of them or none.

    As when a run ends, the results are written aside, and the list of their names is the commit: a
    process that is killed before it leaves the old results, one that is killed after it leaves
    renames that whoever opens the output next goes on with.

    Parameters
    ----------
    path : folder or file of the run.
    tables : what writes each of the files, by its name in the folder; none of them is new.
    account : changes what the manifest says; the digests of the files are set before it is asked.
    remove : results that go, by name.

    Raises
    ------
    RunFolderError
        A process is at work there, or a run was begun there and stopped.
    StorageError
        The disk refused; the old results stand.
    """
    layout = _layout(path)
    lock = lock_output(layout, shard=None)
    try:
        roll_forward(layout)
        if layout.read_request() is not None:
            raise RunFolderError(
                f"{path}: a run was begun there and not finished; go on with it (--resume) first"
            )
        layout.clear_aside()
        layout.clear_parts()
        try:
            _stage(layout, tables, account, lock, remove)
        except BaseException:
            layout.clear_parts()
            raise
        names = [*tables, layout.manifest.name]
        plan = json.dumps({"names": names, "remove": sorted(remove)}, ensure_ascii=False).encode()
        replace_file(layout.commit, lambda file: file.write(plan))
        roll_forward(layout)
    finally:
        lock.release()


def _layout(path: Path) -> Layout:
    return Layout(path) if path.is_dir() else Layout(path.parent, path.name)


def _stage(
    layout: Layout,
    tables: Mapping[str, Callable[[BinaryIO], object]],
    account: Callable[[dict[str, Any]], dict[str, Any]],
    lock: Lock,
    remove: Collection[str],
) -> None:
    for name, write in tables.items():
        _write_aside(layout, name, write)
        lock.show_life()
    facts = read_json(layout.manifest)
    if not isinstance(facts, dict):
        raise RunFolderError(f"{layout.manifest}: cannot be read; run the command again")
    outputs: Sequence[dict[str, Any]] = facts["outputs"]
    facts["outputs"] = [
        asdict(InputFile.read(layout.staged / one["name"])) | {"name": one["name"]}
        if one["name"] in tables
        else one
        for one in outputs
        if one["name"] not in remove
    ]
    text = json.dumps(account(facts), sort_keys=True, indent=2, ensure_ascii=False)
    _write_aside(layout, layout.manifest.name, lambda file: file.write(f"{text}\n".encode()))


def _write_aside(layout: Layout, name: str, write: Callable[[BinaryIO], object]) -> None:
    staged = layout.staged / name
    with storage_errors(staged.parent):
        staged.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = layout.path(name).stat().st_mode & 0o777
    replace_file(staged, write, mode=mode)
