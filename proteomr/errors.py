"""The exceptions that a user of proteomr can act on, and the exit code that each one stands for.

::

    ProteomrError                 1
    ├── UsageError                2   the request itself cannot be carried out as worded
    │   └── FormulaError              a model formula that the grammar does not allow
    ├── InputError                3   a file or a table is not what the analysis needs
    │   ├── FormatError               a file cannot be read as its format: file, line, column
    │   ├── ColumnError               a named column is absent or has the wrong content
    │   └── IdentifierError           person identifiers are absent, duplicated or do not match
    ├── NothingToDo               5   the request is valid and selects no work
    ├── RunFolderError            3   a run folder is in use, or holds another run
    ├── LowMemoryError            71  the system gave no more memory
    └── StorageError              74  the disk refused to keep the result

Each message is one line that says what was found, where, what was needed, and the nearest remedy;
what it quotes of a file stands in its printable form. No message ever carries the identifier of a
person.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "FAILED_UNITS",
    "INTERRUPTED",
    "ColumnError",
    "FormatError",
    "FormulaError",
    "IdentifierError",
    "InputError",
    "LowMemoryError",
    "NothingSelected",
    "NothingToDo",
    "ProteomrError",
    "RunFolderError",
    "StorageError",
    "UsageError",
    "nearest",
    "need_columns",
    "printable",
    "rows_have",
]


_LONGEST_MESSAGE = 580  # with "error: " before it a message stays under 600 characters

FAILED_UNITS = 4
"""Exit code of a run that finished with units (fits, pairs) that have no estimate."""

INTERRUPTED = 130
"""Exit code of a run that was interrupted, with what was finished kept."""


class ProteomrError(Exception):
    r"""A fault with a remedy in the hands of the user.

    Parameters
    ----------
    message : one line; see `printable` for what becomes of anything else.

    Examples
    --------
    >>> print(UsageError("no column 'a\nb'"))
    no column 'a\nb'
    """

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message, width=_LONGEST_MESSAGE))


class UsageError(ProteomrError):
    """The request cannot be carried out as worded."""

    exit_code = 2


class FormulaError(UsageError):
    """A model formula that the grammar does not allow, or that names an unknown column."""


class InputError(ProteomrError):
    """A file or a table is not what the analysis needs."""

    exit_code = 3


class FormatError(InputError):
    """A file that cannot be read as its format.

    Parameters
    ----------
    message : what was found and what was needed.
    path : the file.
    line : one-based line in the file, where known.
    column : name of the column, where known.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        column: str | None = None,
    ) -> None:
        where = [str(path)] if path is not None else []
        if line is not None:
            where.append(f"line {line}")
        if column is not None:
            where.append(f"column {column!r}")
        super().__init__(f"{', '.join(where)}: {message}" if where else message)
        self.path = Path(path) if path is not None else None
        self.line = line
        self.column = column


class ColumnError(InputError):
    """A named column is absent or has the wrong content."""


class IdentifierError(InputError):
    """Person identifiers are absent, duplicated or do not match between files."""


class NothingToDo(ProteomrError):
    """The request is valid and selects no work."""

    exit_code = 5


class NothingSelected(NothingToDo):
    """No row of a file lies where rows are asked for."""


class RunFolderError(ProteomrError):
    """A run folder is in use by another run, or holds the result of another request."""

    exit_code = 3


class LowMemoryError(ProteomrError):
    """The system gave no more memory."""

    exit_code = 71


class StorageError(ProteomrError):
    """The disk refused to keep the result (full, read-only, over quota)."""

    exit_code = 74


def printable(text: str, *, width: int | None = None) -> str:
    r"""Return a text from a file as it may be printed: on one line, and no longer than a width.

    Every message and every printed table shows names and cells in this form. What does not print
    (control characters, line breaks, marks of direction, half characters) stands as its escape; of
    what is too long the beginning and the end stay, parted by an ellipsis.

    Parameters
    ----------
    text : what a file holds.
    width : the most characters; None for no limit.

    Examples
    --------
    >>> print(printable("\x1b[31mIL6\n"), printable("GDF15" * 9, width=12))
    \x1b[31mIL6\n GDF15G…GDF15
    """
    shown = text
    if not text.isprintable():
        shown = "".join(mark if mark.isprintable() else _escape(mark) for mark in text)
    if width is None or len(shown) <= width:
        return shown
    kept = width - 1
    return f"{shown[: kept - kept // 2]}…{shown[len(shown) - kept // 2 :]}"


def _escape(mark: str) -> str:
    return mark.encode("unicode_escape", "surrogatepass").decode("ascii")


def rows_have(count: int) -> str:
    """Return the beginning of a sentence on rows of a file.

    >>> rows_have(1), rows_have(1200)
    ('1 row has', '1,200 rows have')
    """
    return "1 row has" if count == 1 else f"{count:,} rows have"


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the candidates nearest to a name; empty without any.

    >>> nearest("smokng", ["age", "smoking"])
    " (did you mean 'smoking'?)"
    """
    known = {candidate.casefold(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.casefold(), known, n=3, cutoff=0.6)
    if not close:
        return ""
    return f" (did you mean {' or '.join(repr(known[match]) for match in close)}?)"


def need_columns(needed: Iterable[str], columns: Iterable[str]) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    ColumnError
        It names the first that is not there, and those that are nearest to it.

    Examples
    --------
    >>> need_columns(["estimate", "se"], ["protein", "se", "estimate"])
    """
    there = list(columns)
    for name in needed:
        if name not in there:
            raise ColumnError(f"no column {name!r} in the table{nearest(name, there)}")
