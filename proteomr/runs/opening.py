"""What an output may do next: begin, continue, be replaced, or be left alone."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from proteomr.errors import RunFolderError
from proteomr.execute import Shard
from proteomr.files import create_file, replace_file, storage_errors, sync_folder
from proteomr.provenance import canonical_json, digest_file
from proteomr.runs.layout import Layout, Record, read_json
from proteomr.runs.lock import Lock, acquire_lock, refuse_live_lock

__all__ = [
    "commit_results",
    "is_complete",
    "lock_output",
    "open_run",
    "read_request",
    "roll_forward",
    "same_request",
]

_KEYS_NAMED = 5
_FILES_NAMED = 3
_log = logging.getLogger(__name__)


def read_request(out: str | Path) -> Mapping[str, object]:
    """Return what the run in a folder was asked, in progress or finished.

    Raises
    ------
    RunFolderError
        When the folder holds no run.

    Examples
    --------
    >>> read_request("no-such-folder")
    Traceback (most recent call last):
    ...
    proteomr.errors.RunFolderError: no-such-folder: holds no run; ...
    """
    layout = Layout(Path(out))
    request = layout.read_request()
    if request is not None:
        return request
    record = layout.read_record()
    if record is None:
        raise RunFolderError(f"{out}: holds no run; name the folder that was given to --out")
    return record.request


def lock_output(layout: Layout, *, shard: Shard | None) -> Lock:
    """Make the folder if need be and lock it; a whole run excludes every shard and the reverse."""
    layout.make()
    own = layout.lock(shard)
    lock = acquire_lock(own)
    try:
        for other in layout.locks():
            if other != own and (shard is None or other == layout.lock(None)):
                refuse_live_lock(other)
    except BaseException:
        lock.release()
        raise
    return lock


def open_run(
    layout: Layout,
    *,
    request: Mapping[str, object],
    names: Sequence[str],
    resume: bool,
    overwrite: bool,
    shard: Shard | None,
) -> bool:
    """Bring a locked output into the state from which the run goes on; True if it is finished."""
    completed = False
    if shard is None:
        layout.clear_aside()
        completed = roll_forward(layout)
    record, begun = layout.read_record(), layout.read_request()
    if completed and not overwrite and is_complete(layout, record, request):
        return True
    worth_keeping = begun is not None and (shard is not None or layout.has_parts())
    if begun is not None and same_request(begun, request) and (shard is not None or not overwrite):
        _refuse_unasked_resume(layout, resume=resume or not worth_keeping, shard=shard)
        if shard is None and is_complete(layout, record, request):
            layout.clear_parts()
            return True
        if shard is None:
            layout.clear_staged()
        return False
    if not overwrite:
        unfinished = begun if worth_keeping else None
        _refuse_other_run(layout, record=record, begun=unfinished, request=request, resume=resume)
        if is_complete(layout, record, request):
            layout.clear_parts()
            return True
    _refuse_foreign_files(layout, names, alone=record is None and begun is None)
    _begin(layout, request=request, shard=shard)
    return False


def commit_results(layout: Layout, names: Sequence[str]) -> None:
    """Put the staged results into their places, and remove what the replaced run left.

    The list of names is the commit: before it is written the old results stand, after it whoever
    opens the output next goes on with the renames. The old manifest leaves first and the new one
    comes last, so that nobody reads a mixture for a result.

    Parameters
    ----------
    layout : of the run, locked.
    names : results relative to the folder, the manifest among them.
    """
    replaced = layout.read_record()
    logs = layout.claimed()
    old = set() if replaced is None else {*replaced.outputs, *replaced.beside}
    plan = {"names": list(names), "remove": sorted(old - {*names} - logs)}
    text = json.dumps(plan, ensure_ascii=False).encode()
    with storage_errors(layout.staged):
        for name in names:
            (layout.staged / name).chmod(layout.mode(name))
    replace_file(layout.commit, lambda file: file.write(text))
    roll_forward(layout)


def same_request(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Tell whether two requests ask for the same numbers.

    Examples
    --------
    >>> same_request({"seed": 1, "sets": (1, 2)}, {"sets": [1, 2], "seed": 1})
    True
    """
    return canonical_json(one) == canonical_json(other)


def roll_forward(layout: Layout) -> bool:
    """Finish the renames of a run whose results were all written; True where there was one.

    Parameters
    ----------
    layout : of the run, locked.

    Examples
    --------
    >>> roll_forward(Layout(Path("nowhere")))
    False
    """
    plan = read_json(layout.commit)
    if not isinstance(plan, dict):
        return False
    names = [str(name) for name in plan["names"]]
    last = layout.manifest.name
    with storage_errors(layout.folder):
        if (layout.staged / last).exists():
            layout.manifest.unlink(missing_ok=True)
        for name in plan["remove"]:
            layout.path(str(name)).unlink(missing_ok=True)
        for name in sorted(names, key=lambda name: name == last):
            place = layout.path(name)
            place.parent.mkdir(mode=layout.folder_mode, parents=True, exist_ok=True)
            _move(layout.staged / name, place)
        sync_folder(layout.folder)
    layout.clear_parts()
    return True


def _move(staged: Path, target: Path) -> None:
    if not staged.exists():
        return
    if target.is_symlink() or target.is_dir():
        raise RunFolderError(
            f"{target}: a {'link' if target.is_symlink() else 'folder'} stands in the place of a "
            "result; move it away"
        )
    staged.replace(target)


def _begin(layout: Layout, *, request: Mapping[str, object], shard: Shard | None) -> None:
    for lock in layout.locks():
        if lock != layout.lock(shard):
            refuse_live_lock(lock)
            lock.unlink(missing_ok=True)
    layout.clear_parts(keep_claims=True)
    layout.clear_aside()
    with storage_errors(layout.parts):
        layout.parts.mkdir(mode=0o700, exist_ok=True)
    if create_file(layout.request, canonical_json(request)):
        return
    asked = layout.read_request() or {}
    if not same_request(asked, request):
        raise _differs(layout, asked, request, found="another run has just begun here")


def _refuse_unasked_resume(layout: Layout, *, resume: bool, shard: Shard | None) -> None:
    if not resume and shard is None:
        raise RunFolderError(
            f"{layout.title}: holds an unfinished run of this same request;"
            " continue it with --resume, or begin again with --overwrite"
        )


def _refuse_other_run(
    layout: Layout,
    *,
    record: Record | None,
    begun: Mapping[str, object] | None,
    request: Mapping[str, object],
    resume: bool,
) -> None:
    if begun is not None:
        raise _differs(layout, begun, request, found="holds an unfinished run of another request")
    if record is None:
        return
    if not resume:
        another = "folder" if layout.file is None else "name for -o"
        raise RunFolderError(
            f"{layout.title}: holds a finished result;"
            f" choose another {another}, or replace it with --overwrite"
        )
    if not same_request(record.request, request):
        raise _differs(layout, record.request, request, found="holds the result of another request")


def _differs(
    layout: Layout, old: Mapping[str, object], new: Mapping[str, object], *, found: str
) -> RunFolderError:
    one, other = _flatten(old), _flatten(new)
    keys = [key for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]
    keys = _without_keyed(keys, one, new)
    more = f" and {len(keys) - _KEYS_NAMED} more" if len(keys) > _KEYS_NAMED else ""
    return RunFolderError(
        f"{layout.title}: {found} (differs in {', '.join(keys[:_KEYS_NAMED])}{more});"
        " choose another folder, or replace it with --overwrite"
    )


def _without_keyed(
    keys: list[str], flat: Mapping[str, bytes], request: Mapping[str, object]
) -> list[str]:
    """Leave out lists of people where other inputs differ: their digests depend on these."""
    inputs = request.get("inputs")
    named = set(inputs) if isinstance(inputs, dict) else set[str]()
    keyed = {key for key in keys if b'"keyed":' in flat.get(key, b"")}
    return [key for key in keys if key not in keyed] if named & set(keys) - keyed else keys


def _flatten(request: Mapping[str, object]) -> dict[str, bytes]:
    """Return the parts of a request by the name that a user knows them by."""
    flat: dict[str, bytes] = {}
    for key, value in request.items():
        if key in {"asked", "inputs"} and isinstance(value, dict):
            for name, inner in value.items():
                flat[name] = flat.get(name, b"") + canonical_json(inner)
        else:
            flat[key] = canonical_json(value)
    return flat


def _refuse_foreign_files(layout: Layout, names: Sequence[str], *, alone: bool) -> None:
    """Refuse a new run among the files of others, and any run over a file of another."""
    own = layout.own()
    taken = [name for name in names if name not in own and os.path.lexists(layout.path(name))]
    if layout.file is None and alone:
        taken = layout.foreign()
    if not taken:
        return
    shown = ", ".join(taken[:_FILES_NAMED]) + (", ..." if len(taken) > _FILES_NAMED else "")
    many = "a file that is" if len(taken) == 1 else f"{len(taken)} files that are"
    them = "it" if len(taken) == 1 else "them"
    another = "an empty or a new folder" if layout.file is None else "another name for -o"
    raise RunFolderError(
        f"{layout.folder}: holds {many} not proteomr's ({shown}); move {them} away, or choose "
        f"{another}"
    )


def is_complete(layout: Layout, record: Record | None, request: Mapping[str, object]) -> bool:
    """Tell whether a finished run is of a request, and all its results are as they were written.

    Examples
    --------
    >>> from pathlib import Path
    >>> is_complete(Layout(Path("nowhere")), None, {"seed": 1})
    False
    """
    if record is None or not same_request(record.request, request):
        return False
    for name, digest in record.outputs.items():
        file = layout.path(name)
        try:
            altered = not file.is_file() or digest_file(file) != digest
        except OSError:  # a manifest may name what no disk can hold
            altered = True
        if altered:
            _log.warning("%s was altered since it was written; computing the run again", file)
            return False
    return True
