"""Converted files in the temporary folder, removed at the end; after a kill, by the next run."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from proteomr.errors import RunFolderError
from proteomr.files import storage_errors
from proteomr.runs.lock import acquire_lock, refuse_live_lock

__all__ = ["open_scratch"]

_PREFIX = "proteomr-scratch-"
_LOCK = ".lock"


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
    _sweep(home)
    with storage_errors(home):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
    try:
        acquire_lock(folder / _LOCK)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(home: Path) -> None:
    """Remove the folders of processes that no longer live."""
    with contextlib.suppress(OSError):
        for folder in home.glob(f"{_PREFIX}*"):
            if folder.is_symlink() or folder.lstat().st_uid != os.getuid():
                continue
            # A folder whose lock is not there yet was made this instant, or is being removed.
            if (folder / _LOCK).exists() and not _lives(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _lives(folder: Path) -> bool:
    try:
        refuse_live_lock(folder / _LOCK)
    except RunFolderError:
        return True
    return False
