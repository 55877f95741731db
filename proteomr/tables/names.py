"""Names that come from data: which of them may stand in messages, in tables and in files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from proteomr.errors import FormatError, printable

__all__ = ["UNSAFE", "refuse_names"]

UNSAFE: Final = r"^[=@]|[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
"""What no name of a protein, a column, an exposure or an outcome holds.

Control characters and line breaks part rows and colour terminals; marks of direction show another
name than the one that is there; a spreadsheet that opens a table computes a cell that begins with
``=`` or ``@``. The signs + and - may begin a name: numbers do too, and csv written for R keeps its
names as they are.
"""
_UNSAFE: Final = re.compile(UNSAFE)


def refuse_names(names: Iterable[str], *, what: str, path: str | Path | None = None) -> None:
    r"""Refuse names that cannot stand in a table as they are.

    Parameters
    ----------
    names : from data.
    what : what they are names of, for the message.
    path : the file, where known.

    Raises
    ------
    FormatError
        A name holds a control character, or begins as a formula of a spreadsheet.

    Examples
    --------
    >>> refuse_names(["GDF15", "HLA-DRA"], what="a protein")
    >>> refuse_names(["=1+1"], what="a protein")
    Traceback (most recent call last):
    ...
    proteomr.errors.FormatError: the name of a protein, '=1+1', begins as a formula ...
    """
    for name in names:
        held = _UNSAFE.search(name)
        if held is None:
            continue
        begins = "begins as a formula of a spreadsheet (= or @)"
        fault = begins if held[0] in "=@" else "holds a character that does not print"
        shown = printable(name, width=40)
        raise FormatError(f"the name of {what}, '{shown}', {fault}; rename it", path=path)
