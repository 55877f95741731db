"""Converted files in the temporary folder, removed at the end; after a kill, by the next run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from proteomr.errors import RunFolderError
from proteomr.files import storage_errors
from proteomr.runs.lock import acquire_lock, refuse_live_lock

__all__ = ["open_scratch", "sweep_scratch"]

_PREFIX: Final = "proteomr-scratch-"
_LOCK: Final = ".lock"
_UNLOCKED_SECONDS: Final = 600.0
"""So long a folder may be without its lock: while it is made, and while it is removed."""


@contextlib.contextmanager
def open_scratch() -> Iterator[Path]:
    """Make a folder for converted files in the system's temporary folder, and remove it at the end.

    Folders that killed processes of the same user have left there are removed first.

    Raises
    ------
    StorageError
        The disk refused.

    Examples
    --------
    >>> with open_scratch() as folder:
    ...     there = folder.is_dir()
    >>> there, folder.exists()
    (True, False)
    """
    home = Path(tempfile.gettempdir())
    sweep_scratch()
    with storage_errors(home):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
    try:
        acquire_lock(folder / _LOCK)
        with _held_open(folder / _LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_scratch() -> None:
    """Remove what killed processes of the same user have left: individual data may be in it.

    Examples
    --------
    >>> sweep_scratch()
    """
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            if folder.is_symlink() or folder.lstat().st_uid != os.getuid():
                continue
            if not _lives(folder):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _held_open(lock: Path) -> Iterator[None]:
    """Hold the lock file by the system, which lets go of it when the process dies.

    So a process of another container, whose number means nothing here, is seen to live.
    """
    handle = os.open(lock, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # file systems may not offer it
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _lives(folder: Path) -> bool:
    lock = folder / _LOCK
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - folder.lstat().st_mtime < _UNLOCKED_SECONDS
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refuse_live_lock(lock)
    except (BlockingIOError, RunFolderError):
        return True
    finally:
        os.close(handle)
    return False
