"""A file that says who is using a folder, and whether that process still lives."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import platform
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from proteomr.errors import RunFolderError
from proteomr.files import create_file, replace_file, storage_errors

__all__ = [
    "SILENCE_SECONDS",
    "Holder",
    "Lock",
    "acquire_lock",
    "refuse_live_lock",
]

SILENCE_SECONDS = 600.0
"""A lock set on another machine counts as abandoned after this long without a sign of life."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MACHINE = Path("/etc/machine-id")
_PROCESS_SPACE = Path("/proc/self/ns/pid")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock: its number is unique only with boot, space and start.

    Parameters
    ----------
    process : process number.
    started : start of the process in clock ticks since boot; empty where the system does not say.
    boot : identity of the running boot of the system.
    space : identity of the space of process numbers (containers have their own).
    machine : digest that tells machines apart without naming them.
    nonce : random, so that no two locks are equal.
    """

    process: int
    started: str
    boot: str
    space: str
    machine: str
    nonce: str

    @classmethod
    def current(cls) -> Holder:
        """Describe the running process.

        Examples
        --------
        >>> Holder.current().process > 0
        True
        """
        return cls(
            process=os.getpid(),
            started=_process_start(os.getpid()) or "",
            boot=_text_of(_BOOT),
            space=str(_PROCESS_SPACE.readlink()) if _PROCESS_SPACE.is_symlink() else "",
            machine=hashlib.sha256(f"{_text_of(_MACHINE)} {platform.node()}".encode()).hexdigest()[
                :16
            ],
            nonce=secrets.token_hex(8),
        )


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that this process holds, until released."""

    path: Path
    holder: Holder

    def show_life(self) -> None:
        """Refresh the time of the lock, for processes on other machines.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     acquire_lock(Path(folder) / ".lock").show_life()
        """
        with contextlib.suppress(OSError):
            os.utime(self.path, follow_symlinks=False)

    def release(self) -> None:
        """Remove the lock file, unless another process has taken it over.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     lock = acquire_lock(Path(folder) / ".lock")
        ...     lock.release()
        ...     lock.path.exists()
        False
        """
        if _read_holder(self.path) == self.holder:
            with storage_errors(self.path):
                self.path.unlink(missing_ok=True)


def acquire_lock(path: Path) -> Lock:
    """Take a lock, over from a dead process if need be.

    Parameters
    ----------
    path : the lock file; its folder exists.

    Raises
    ------
    RunFolderError
        When a living process holds it.
    StorageError
        When the disk refuses the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lock = acquire_lock(Path(folder) / ".lock")
    ...     acquire_lock(Path(folder) / ".lock")
    Traceback (most recent call last):
    ...
    proteomr.errors.RunFolderError: ...: in use by another run (process ...); wait for it to end...
    """
    holder = Holder.current()
    content = json.dumps(asdict(holder), sort_keys=True).encode()
    while not create_file(path, content):
        if _take_over(path, content):
            break
    return Lock(path, holder)


def refuse_live_lock(path: Path) -> None:
    """Raise when a living process holds the lock; a missing or abandoned one is no hindrance.

    Raises
    ------
    RunFolderError
        When a living process holds it.

    Examples
    --------
    >>> from pathlib import Path
    >>> refuse_live_lock(Path("no-such-lock"))
    """
    reason = _sign_of_life(path)
    if reason:
        raise RunFolderError(f"{path.parent}: {reason}")


def _take_over(path: Path, content: bytes) -> bool:
    """Replace an abandoned lock; False when it changed meanwhile and the caller tries again."""
    with _held_open(path) as unchanged:
        if not unchanged:
            return False
        refuse_live_lock(path)
        _log.warning("took over the lock of a run that ended without removing it")
        replace_file(path, lambda file: file.write(content))
        return True


@contextlib.contextmanager
def _held_open(path: Path) -> Iterator[bool]:
    """Hold an existing lock file against others that would take it over in the same instant."""
    with storage_errors(path):
        try:
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            yield False
            return
    try:
        with contextlib.suppress(OSError):  # network folders may not offer it
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            unchanged = path.lstat().st_ino == os.fstat(handle).st_ino
        except FileNotFoundError:
            unchanged = False
        yield unchanged
    finally:
        os.close(handle)


def _sign_of_life(path: Path) -> str:
    """Return why a lock must be honoured, or an empty string where it need not."""
    try:
        silent_for = time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return ""
    holder = _read_holder(path)
    own = Holder.current()
    if holder is None:
        return ""
    if (holder.boot, holder.space) == (own.boot, own.space):
        if _process_start(holder.process) != holder.started:
            return ""
        return f"in use by another run (process {holder.process}); wait for it to end, or stop it"
    if holder.machine == own.machine or silent_for > SILENCE_SECONDS:
        return ""
    return (
        f"in use by a run on another machine, last heard of {max(silent_for, 0):.0f} seconds ago;"
        f" wait for it to end, or remove {path.name} if it no longer runs"
    )


def _read_holder(path: Path) -> Holder | None:
    try:
        facts = json.loads(path.read_text())
        return Holder(**facts)
    except (OSError, ValueError, TypeError):
        return None


def _process_start(process: int) -> str | None:
    """Return when a living process started, an empty string if unknown, None if it is dead."""
    try:
        facts = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _alive_without_proc(process)
    except OSError:
        return ""
    after_name = facts.rpartition(")")[2].split()
    return None if after_name[0] in "ZX" else after_name[19]


def _alive_without_proc(process: int) -> str | None:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""
    return ""


def _text_of(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
