"""The SHA-256 of files, and of large ones while other work waits for something else.

Hashing needs no interpreter: what a command reads can be hashed by a thread of its own while the
libraries are imported that will read it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

__all__ = ["begin_digests", "sha256_of"]

# Beside imports, which hold the interpreter for up to five milliseconds at a time, a piece has to
# take longer than that, or most of the time is spent waiting for the next.
_PIECE = 16_000_000
# A smaller file is hashed sooner than a thread is begun, and imports are not held up for it.
_LARGE = 32_000_000


class _Stamp(NamedTuple):
    """What tells that a file is still the same: device, number, size, last change."""

    device: int
    number: int
    size: int
    changed: int


_begun: dict[_Stamp, Future[str]] = {}


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; each begun ahead serves once.

    Raises
    ------
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "abc"
    ...     _ = file.write_bytes(b"abc")
    ...     sha256_of(file)[:12]
    'ba7816bf8f01'
    """
    ahead = _begun.pop(_stamp(file), None)
    if ahead is not None:
        try:
            digest = ahead.result()
        except (OSError, MemoryError):  # of then; what it is now is told below
            return _hash(file)
        if digest:
            return digest
    return _hash(file)


def begin_digests(files: Iterable[Path]) -> threading.Thread | None:
    """Hash the large ones of some files, in order, in a thread that ends with the process.

    A file that changes meanwhile is hashed anew when it is asked for.

    Returns
    -------
    The thread; None where no file is large.
    """
    begun: list[tuple[Path, _Stamp, Future[str]]] = []
    for file in files:
        try:
            stamp = _stamp(file)
        except (OSError, ValueError):  # no file, which is told where it is read
            continue
        if stamp.size >= _LARGE and file.is_file() and stamp not in _begun:
            _begun[stamp] = Future()
            begun.append((file, stamp, _begun[stamp]))
    if not begun:
        return None
    thread = threading.Thread(target=_hash_all, args=(begun,), daemon=True)
    thread.start()
    return thread


def _hash_all(begun: list[tuple[Path, _Stamp, Future[str]]]) -> None:
    for file, stamp, ahead in begun:
        try:
            digest = _hash(file)
            same = _stamp(file) == stamp
        except (OSError, MemoryError) as fault:
            ahead.set_exception(fault)
            continue
        ahead.set_result(digest if same else "")


def _hash(file: Path) -> str:
    hashed = hashlib.sha256()
    with file.open("rb", buffering=0) as content:
        room = bytearray(min(_PIECE, max(_stamp(file).size, 1)))
        view = memoryview(room)
        while count := content.readinto(room):
            hashed.update(view[:count])
    return hashed.hexdigest()


def _stamp(file: Path) -> _Stamp:
    fact = file.stat()
    return _Stamp(fact.st_dev, fact.st_ino, fact.st_size, fact.st_mtime_ns)
