"""Files written whole or not at all, and the refusals of a disk in words."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from proteomr.errors import InputError, ProteomrError, StorageError, nearest

__all__ = [
    "create_file",
    "is_aside",
    "read_errors",
    "refuse_pipe",
    "replace_file",
    "shared_mode",
    "storage_errors",
    "sync_folder",
]

_ASIDE = ".writing-"
_TOLD_IN_TEXT = re.compile(r"\b(?:os error |[Ee]rrno )(\d+)\b")
_REMEDIES = {
    errno.ENOSPC: ("the disk is full", "free some space, or choose a folder on another disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or choose a folder elsewhere"),
    errno.EROFS: ("the file system is read-only", "choose a folder that can be written"),
    errno.EACCES: ("permission denied", "choose a folder that you may write to"),
    errno.EPERM: ("operation not permitted", "choose a folder that you may write to"),
    errno.EIO: ("the disk reported a fault", "check the disk, or choose a folder elsewhere"),
    errno.EFBIG: ("the file is larger than allowed here", "raise the limit (ulimit -f)"),
    errno.ELOOP: (
        "a symbolic link stands in its place",
        "remove the link, or choose another folder",
    ),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
    errno.ENOENT: ("the folder does not exist", "create it first, or correct the path"),
    errno.ENOTDIR: ("part of the path is a file", "choose a folder that is one"),
    errno.EISDIR: ("a folder stands in its place", "remove it, or choose another name"),
    errno.EEXIST: ("a file stands in its place", "remove it, or choose another name"),
    errno.ESTALE: ("the network folder went away", "mount it again, then resume"),
    errno.ENODEV: ("the device went away", "mount it again, then resume"),
}


@contextlib.contextmanager
def storage_errors(path: str | Path) -> Iterator[None]:
    """Turn the refusals of a disk inside the block into one line that names the file and a remedy.

    Parameters
    ----------
    path : the file or folder being written.

    Raises
    ------
    StorageError
        For any refusal that has a remedy, as an ``OSError`` or in the words of a library: disk
        full, over quota, read-only, no permission, a fault of the device, a name that is too long,
        a link or folder in the way.

    Examples
    --------
    >>> import errno
    >>> with storage_errors("result.parquet"):
    ...     raise OSError(errno.ENOSPC, "No space left on device")
    Traceback (most recent call last):
    ...
    proteomr.errors.StorageError: result.parquet: the disk is full; free some space, ...
    """
    try:
        yield
    except ProteomrError:
        raise
    except Exception as fault:
        number = _number_of(fault)
        if number not in _REMEDIES:
            raise
        found, remedy = _REMEDIES[number]
        raise StorageError(f"{path}: {found}; {remedy}") from fault


def _number_of(fault: Exception) -> int | None:
    """Return the number of a refusal by the system; libraries in Rust tell it in their text."""
    if isinstance(fault, OSError) and fault.errno is not None:
        return fault.errno
    told = _TOLD_IN_TEXT.search(str(fault))
    return None if told is None else int(told[1])


@contextlib.contextmanager
def read_errors(path: str | Path) -> Iterator[None]:
    """Turn the refusals of a file that is read inside the block into one line with the remedy.

    Parameters
    ----------
    path : the file or folder being read.

    Raises
    ------
    InputError
        It does not exist, may not be read, is a pipe or a device, or the disk fails.

    Examples
    --------
    >>> with read_errors("sample.csv"):
    ...     raise FileNotFoundError
    Traceback (most recent call last):
    ...
    proteomr.errors.InputError: sample.csv: there is no such file...
    """
    refuse_pipe(path)
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        if Path(path).is_symlink():
            remedy = f"is a link to {Path(path).readlink()}, which is not there"
            raise InputError(f"{path}: {remedy}") from None
        raise InputError(f"{path}: there is no such file{_name_neighbours(Path(path))}") from None
    except PermissionError:
        remedy = "may not be read (permission denied); ask its owner for access"
        raise InputError(f"{path}: {remedy}") from None
    except ValueError as fault:
        if "null" not in str(fault):
            raise
        raise InputError(f"{path}: is no name of a file (it holds a NUL)") from fault
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror or fault})") from fault


def refuse_pipe(path: str | Path) -> None:
    """Refuse what can be read once alone: files are looked at, digested and read, each by itself.

    Raises
    ------
    InputError
        It is a pipe, a socket or a device.

    Examples
    --------
    >>> refuse_pipe("/dev/null")
    Traceback (most recent call last):
    ...
    proteomr.errors.InputError: /dev/null: is no file but a pipe or a device...
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(
            f"{path}: is no file but a pipe or a device, which can be read once alone; write what "
            "comes from it to a file, and name that"
        )


def _name_neighbours(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"; the folder {str(folder)!r} does not exist either"
    if not os.access(folder, os.R_OK):
        return ""
    return nearest(path.name, sorted(entry.name for entry in folder.iterdir()))


def replace_file(
    path: str | Path,
    write: Callable[[BinaryIO], object],
    *,
    mode: int = 0o600,
    durable: bool = True,
) -> None:
    """Put a new file in place of an old one, whole or not at all.

    The content is written to a file aside in the same folder, synced to the disk, renamed over the
    target, and the folder synced: whatever happens, the path holds the old content or the new one.
    A symbolic link in place of the target is refused and its target left alone.

    Parameters
    ----------
    path : the file to write; its folder exists.
    write : receives the open binary file and writes the content.
    mode : permission bits of the new file, by default readable by its owner alone.
    durable : sync. Without, a loss of power soon after may leave any content under the path, but a
        killed process none but the old or the new: for files that are told by a digest and made
        again.

    Raises
    ------
    StorageError
        The disk refused; the old file stands as it was and nothing is left beside it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "hits.txt"
    ...     replace_file(target, lambda file: file.write(b"GDF15"))
    ...     target.read_bytes()
    b'GDF15'
    """
    target = Path(path)
    with storage_errors(target):
        _refuse_what_is_no_file(target)
        with _written_aside(target, write, mode=mode, durable=durable) as aside:
            aside.replace(target)
        if durable:
            sync_folder(target.parent)


def create_file(path: str | Path, content: bytes, *, mode: int = 0o600) -> bool:
    """Create a file with its content in one step, and tell whether it was this call that did so.

    Of several processes that create the same path at the same moment exactly one is told True, and
    none ever sees a part of the content. On file systems without hard links (FAT, some FUSE mounts)
    two calls within the same instant may both be told True; the content is whole there too.

    Parameters
    ----------
    path : the file to create; its folder exists.
    content : what it holds.
    mode : permission bits of the new file.

    Raises
    ------
    StorageError
        The disk refused.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "claim"
    ...     create_file(target, b"first"), create_file(target, b"second"), target.read_bytes()
    (True, False, b'first')
    """
    target = Path(path)
    if os.path.lexists(target):
        return False
    with (
        storage_errors(target),
        _written_aside(target, lambda file: file.write(content), mode=mode) as aside,
    ):
        try:
            os.link(aside, target, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as fault:
            if fault.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
                raise
            aside.replace(target)
        try:
            sync_folder(target.parent)
        except OSError:  # what could not be claimed is not claimed
            target.unlink(missing_ok=True)
            raise
    return True


def shared_mode() -> int:
    """Return the permission bits of a file that others may read as far as the umask lets them.

    Examples
    --------
    >>> before = os.umask(0o027)
    >>> oct(shared_mode()), os.umask(before) == 0o027
    ('0o640', True)
    """
    mask = os.umask(0o077)  # there is no other way to read it; what is made meanwhile is private
    os.umask(mask)
    return 0o666 & ~mask


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a loss of power, where the file system can do so.

    Examples
    --------
    >>> from pathlib import Path
    >>> sync_folder(Path())
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as fault:
        if fault.errno not in (errno.EINVAL, errno.ENOTSUP):  # network and FUSE folders
            raise
    finally:
        os.close(handle)


def is_aside(name: str) -> bool:
    """Tell whether a name is that of a file being written aside, left behind by a killed run.

    Examples
    --------
    >>> is_aside(".writing-result.parquet-0a1b2c3d"), is_aside("result.parquet")
    (True, False)
    """
    return name.startswith(_ASIDE)


@contextlib.contextmanager
def _written_aside(
    target: Path, write: Callable[[BinaryIO], object], *, mode: int, durable: bool = True
) -> Iterator[Path]:
    aside = target.with_name(f"{_ASIDE}{target.name}-{secrets.token_hex(4)}")
    try:
        with _open_new(aside, mode=mode) as file:
            try:
                write(file)
            except Exception:
                _tell_refusal(file)
                raise
            file.flush()
            if durable:
                os.fsync(file.fileno())
        yield aside
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _tell_refusal(file: BinaryIO) -> None:
    """Raise what the disk says where a library has put its own words in place of it."""
    for _ in range(2):  # a first write may still fit in part
        os.write(file.fileno(), bytes(1 << 16))


def _open_new(path: Path, *, mode: int) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(path, flags, mode)
    try:
        os.fchmod(handle, mode)
        return os.fdopen(handle, "wb")
    except BaseException:
        os.close(handle)
        raise


def _refuse_what_is_no_file(target: Path) -> None:
    try:
        kind = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(kind):
        raise OSError(errno.ELOOP, "symbolic link")
    if stat.S_ISDIR(kind):
        raise OSError(errno.EISDIR, "folder")
