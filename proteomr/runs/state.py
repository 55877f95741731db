"""What a run folder may do next: begin, continue, be replaced, or be left alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from proteomr.errors import RunFolderError
from proteomr.execute import Shard
from proteomr.files import create_file, replace_file, storage_errors
from proteomr.provenance import canonical_json, digest_file
from proteomr.runs.layout import Layout, Record
from proteomr.runs.lock import Lock, acquire_lock, refuse_live_lock

__all__ = ["close_run", "lock_folder", "open_run", "read_request"]

_KEYS_NAMED = 5
_FILES_NAMED = 3
_log = logging.getLogger(__name__)


def read_request(path: str | Path) -> Mapping[str, object]:
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
    layout = Layout(Path(path))
    request = layout.read_request()
    if request is not None:
        return request
    record = layout.read_record()
    if record is None:
        raise RunFolderError(f"{path}: holds no run; name the folder that was given to --out")
    return record.request


def lock_folder(layout: Layout, *, shard: Shard | None) -> Lock:
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
    resume: bool,
    overwrite: bool,
    shard: Shard | None,
) -> bool:
    """Bring a locked folder into the state from which the run goes on; True if it is finished."""
    if shard is None:
        layout.clear_aside()
    record, begun = layout.read_record(), layout.read_request()
    if begun is not None and same_request(begun, request) and (shard is not None or not overwrite):
        _refuse_unasked_resume(layout, resume=resume, shard=shard)
        return resume and _is_complete(layout, record, request)
    if not overwrite:
        _refuse_other_run(layout, record=record, begun=begun, request=request, resume=resume)
    if not overwrite and _is_complete(layout, record, request):
        layout.clear_parts()
        return True
    if record is None and begun is None:
        _refuse_foreign_files(layout)
    _begin(layout, request=request, shard=shard)
    return False


def close_run(
    layout: Layout, *, request: Mapping[str, object], written: Mapping[str, bool]
) -> None:
    """Make the results final: drop those replaced, record the new ones, remove the parts.

    ``written`` maps each name to whether its content is fixed, and so has a digest.
    """
    replaced = layout.read_record()
    logs = layout.begun_by_shards()
    stale = layout.begun_outputs(None).union(replaced.outputs if replaced else ())
    for name in sorted(stale - logs - written.keys()):
        with storage_errors(layout.path / name):
            (layout.path / name).unlink(missing_ok=True)
    outputs: dict[str, str | None] = dict.fromkeys(sorted(logs))
    for name, fixed in written.items():
        outputs[name] = digest_file(layout.path / name) if fixed else None
    facts = {"request": request, "outputs": outputs}
    text = json.dumps(facts, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    replace_file(layout.record, lambda file: file.write(f"{text}\n".encode()))
    layout.clear_parts()


def same_request(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Tell whether two requests ask for the same numbers.

    Examples
    --------
    >>> same_request({"seed": 1, "sets": (1, 2)}, {"sets": [1, 2], "seed": 1})
    True
    """
    return canonical_json(one) == canonical_json(other)


def _begin(layout: Layout, *, request: Mapping[str, object], shard: Shard | None) -> None:
    for lock in layout.locks():
        if lock != layout.lock(shard):
            refuse_live_lock(lock)
            lock.unlink(missing_ok=True)
    layout.clear_parts()
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
            f"{layout.path}: holds an unfinished run of this same request;"
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
        raise RunFolderError(
            f"{layout.path}: holds a finished result;"
            " choose another folder, or replace it with --overwrite"
        )
    if not same_request(record.request, request):
        raise _differs(layout, record.request, request, found="holds the result of another request")


def _differs(
    layout: Layout, old: Mapping[str, object], new: Mapping[str, object], *, found: str
) -> RunFolderError:
    keys = [key for key in sorted(old.keys() | new.keys()) if _value(old, key) != _value(new, key)]
    more = f" and {len(keys) - _KEYS_NAMED} more" if len(keys) > _KEYS_NAMED else ""
    return RunFolderError(
        f"{layout.path}: {found} (differs in {', '.join(keys[:_KEYS_NAMED])}{more});"
        " choose another folder, or replace it with --overwrite"
    )


def _value(request: Mapping[str, object], key: str) -> bytes | None:
    return canonical_json(request[key]) if key in request else None


def _refuse_foreign_files(layout: Layout) -> None:
    foreign = layout.foreign()
    if foreign:
        shown = ", ".join(foreign[:_FILES_NAMED]) + (", ..." if len(foreign) > _FILES_NAMED else "")
        raise RunFolderError(
            f"{layout.path}: holds {len(foreign)} files that are not proteomr's ({shown});"
            " choose an empty or a new folder"
        )


def _is_complete(layout: Layout, record: Record | None, request: Mapping[str, object]) -> bool:
    if record is None or not same_request(record.request, request):
        return False
    for name, digest in record.outputs.items():
        file = layout.path / name
        if not file.is_file() or (digest is not None and digest_file(file) != digest):
            _log.warning("%s was altered since it was written; computing the run again", file)
            return False
    return True
