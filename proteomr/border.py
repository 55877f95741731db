"""The border that every file of a user crosses: whatever its reading raises becomes one line.

A reader is written for the files of its format. What it meets beside them is known in part (a cut
end, a wrong encoding), and it says so itself; the rest is whatever its libraries raise, among them
faults that are no ``Exception``. At the border all of it becomes a `FormatError` that names the
file. The border lies around the reading alone: a fault in a computation keeps its traceback.
"""

from __future__ import annotations

import errno
import functools
import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec, TypeVar, cast

from proteomr.errors import FormatError, InputError, LowMemoryError, ProteomrError, StorageError
from proteomr.files import read_errors, refuse_pipe, storage_errors

__all__ = ["low_memory", "read_each", "read_toml", "reading", "reads", "refused_by_system"]

Given = ParamSpec("Given")
Read = TypeVar("Read")

_LEAVES: Final = (ProteomrError, KeyboardInterrupt, SystemExit, GeneratorExit)
_OF_WRITING: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_OF_MEMORY: Final = re.compile(
    r"can't start new thread|launch worker thread|[Cc]annot allocate|out of memory|bad_alloc"
)
_TOML_BYTES: Final = 1_000_000
_TOML_PARTS: Final = 32
_PART: Final = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*"""
_MANY_PARTS: Final = re.compile(rf"^[ \t\[]*(?:{_PART}){{{_TOML_PARTS}}}", re.MULTILINE)
_MORE_MEMORY: Final = (
    "use fewer --threads or a smaller selection, or ask for a larger share of memory (ulimit -v, "
    "the scheduler's limit)"
)
_LOOP: Final = re.compile(r"Symlink loop from '(.*)'")  # Path.resolve of Python 3.11 and 3.12
_AT_ITSELF: Final = "the link leads back to itself; correct or remove it"
_END: Final = object()


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn whatever is raised inside the block into one line that names the file being read.

    Parameters
    ----------
    path : the file; the block reads it and does nothing else.

    Raises
    ------
    FormatError
        The file is damaged, or holds what its reader cannot take; the fault is the cause.
    InputError
        It does not exist, is a folder, or may not be read.
    StorageError
        The disk refused a file that the reader wrote on the way.
    LowMemoryError
        It needs more memory than the system gives.

    Examples
    --------
    >>> with reading("panel.bim"):
    ...     [].pop()
    Traceback (most recent call last):
    ...
    proteomr.errors.FormatError: panel.bim: is damaged, or not laid out as its format asks ...
    """
    refuse_pipe(path)
    try:
        yield
    except _LEAVES:
        raise
    except OSError as fault:
        _refuse_for_system(path, fault)
    except BaseException as fault:  # noqa: BLE001 - panics of Rust are no Exception
        _refuse(path, fault)


def read_each(path: str | Path, items: Iterable[Read]) -> Iterator[Read]:
    """Pass on what a reader yields; its faults cross the border, those of the consumer do not.

    Parameters
    ----------
    path : the file that the items come from.
    items : the reader, closed when the consumer stops early.

    Examples
    --------
    >>> list(read_each("a.csv", iter([1, 2])))
    [1, 2]
    """
    source = iter(items)
    try:
        while True:
            with reading(path):
                item = next(source, _END)
            if item is _END:
                return
            yield cast("Read", item)
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


def reads(function: Callable[Given, Read]) -> Callable[Given, Read]:
    """Decorate a reader, so that its faults name the file: its first argument, or the path of it.

    Parameters
    ----------
    function : takes a path, what has one (``.path``), or several of these; may be a generator.

    Examples
    --------
    >>> @reads
    ... def read_words(path):
    ...     return {"a": 1}["b"]
    >>> read_words("words.txt")
    Traceback (most recent call last):
    ...
    proteomr.errors.FormatError: words.txt: is damaged, or not laid out as its format asks ...
    """
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def stream(*given: Given.args, **named: Given.kwargs) -> Any:
            items = cast("Iterable[Any]", function(*given, **named))
            yield from read_each(_path_of(given, named), items)

        return cast("Callable[Given, Read]", stream)

    @functools.wraps(function)
    def read(*given: Given.args, **named: Given.kwargs) -> Read:
        with reading(_path_of(given, named)):
            return function(*given, **named)

    return read


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the content of a TOML file, within bounds: 1 MB, and keys of 32 parts.

    Raises
    ------
    InputError
        There is no such file, or it may not be read.
    FormatError
        It is no TOML, no UTF-8 text, too large or too deep.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
    ...     size = file.write('family = "linear"')
    ...     file.flush()
    ...     read_toml(file.name)
    {'family': 'linear'}
    """
    place = Path(path)
    with reading(place), place.open("rb") as file:
        content = file.read(_TOML_BYTES + 1)
        if len(content) > _TOML_BYTES:
            raise FormatError("is larger than 1 MB, which no settings are", path=place)
        text = _decode(content, place)
        deep = _MANY_PARTS.search(text)
        if deep is not None:
            line = text.count("\n", 0, deep.start()) + 1
            message = f"a key of more than {_TOML_PARTS} parts"
            raise FormatError(message, path=place, line=line)
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as fault:
            raise FormatError(f"is not TOML: {fault}", path=place) from None
        except ValueError as fault:
            raise FormatError("holds a number of too many digits", path=place) from fault
        except RecursionError as fault:
            raise FormatError("is nested too deeply for settings", path=place) from fault


def low_memory(fault: BaseException) -> LowMemoryError | None:
    """Return the error in words for a fault that a lack of memory caused; None for any other.

    Parameters
    ----------
    fault : what was raised: ``MemoryError``, or what a library makes of a refused allocation.

    Examples
    --------
    >>> print(low_memory(MemoryError()))
    the system gave no more memory; use fewer --threads or a smaller selection, or ask for ...
    >>> low_memory(KeyError("beta")) is None
    True
    """
    refused = isinstance(fault, OSError) and fault.errno == errno.ENOMEM
    if refused or isinstance(fault, MemoryError) or _OF_MEMORY.search(str(fault)) is not None:
        return LowMemoryError(f"the system gave no more memory; {_MORE_MEMORY}")
    return None


def refused_by_system(fault: BaseException) -> ProteomrError | None:
    """Return the error in words for a refusal met outside of readers and writers; else None.

    A name that is too long, or links that lead to each other, are met wherever a path is looked
    at first; a full disk also where the terminal's libraries print.

    Parameters
    ----------
    fault : what was raised: an ``OSError``, or what ``pathlib`` makes of it.

    Examples
    --------
    >>> print(refused_by_system(OSError(errno.ELOOP, "", "loop.csv")))
    loop.csv: the link leads back to itself; correct or remove it
    >>> refused_by_system(KeyError("beta")) is None
    True
    """
    loop = _LOOP.fullmatch(str(fault)) if isinstance(fault, RuntimeError) else None
    if loop is not None:
        return InputError(f"{loop[1]}: {_AT_ITSELF}")
    if not isinstance(fault, OSError):
        return None
    if fault.errno in _OF_WRITING:
        try:
            with storage_errors(fault.filename or "output"):
                raise fault
        except StorageError as told:
            return told
    said = {errno.ENAMETOOLONG: "the name is too long for a file", errno.ELOOP: _AT_ITSELF}
    found = None if fault.filename is None else said.get(fault.errno or 0)
    return None if found is None else InputError(f"{fault.filename}: {found}")


def _path_of(given: tuple[Any, ...], named: dict[str, Any]) -> str | Path:
    subject = given[0] if given else next(iter(named.values()))
    if isinstance(subject, list | tuple) and subject:
        subject = subject[0]
    subject = subject if isinstance(subject, str | Path) else getattr(subject, "path", "the input")
    return cast("str | Path", subject)


def _refuse_for_system(path: str | Path, fault: OSError) -> NoReturn:
    if low_memory(fault) is not None:
        _refuse_for_memory(path, fault)
    if fault.errno in _OF_WRITING:
        with storage_errors(fault.filename or path):
            raise fault
    if fault.errno is None and not isinstance(fault, FileNotFoundError | PermissionError):
        _refuse(path, fault)  # of a library, on the content
    if _is_folder(path):
        raise InputError(f"{path}: is a folder, and a file is needed") from fault
    with read_errors(fault.filename if isinstance(fault.filename, str) else path):
        raise fault
    raise StorageError(f"{path}: cannot be read") from fault  # not reached: the block raises


def _is_folder(path: str | Path) -> bool:
    with suppress(OSError):  # of a name that is too long
        return Path(path).is_dir()
    return False


def _refuse(path: str | Path, fault: BaseException) -> NoReturn:
    if low_memory(fault) is not None:
        _refuse_for_memory(path, fault)
    if isinstance(fault, UnicodeEncodeError):
        message = "the name of the file is no UTF-8; rename the file"
        raise FormatError(message, path=path) from fault
    if isinstance(fault, ValueError) and "embedded null" in str(fault):
        raise InputError(f"{path}: is no name of a file (it holds a NUL)") from fault
    if isinstance(fault, RecursionError):
        raise FormatError("is nested too deeply", path=path) from fault
    kind = type(fault).__name__
    message = f"is damaged, or not laid out as its format asks ({kind}; -v shows where); "
    message += "copy, export or write it again"
    raise FormatError(message, path=path, line=_line_of(fault)) from fault


def _line_of(fault: BaseException) -> int | None:
    line = getattr(fault, "lineno", None)
    return line if isinstance(line, int) else None


def _refuse_for_memory(path: str | Path, fault: BaseException) -> NoReturn:
    message = f"{path}: reading it takes more memory than the system gives; {_MORE_MEMORY}"
    raise LowMemoryError(message) from fault


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        message = "is not UTF-8 text; save the file as UTF-8"
        raise FormatError(message, path=path, line=line) from None
