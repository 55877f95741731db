"""What a laboratory writes in place of a value that lies beyond a limit."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["FLAGS", "find_range"]

ABOVE_ULOQ: Final = "above_uloq"
BELOW_LLOQ: Final = "below_lloq"
BELOW_LOD: Final = "below_lod"
FLAGS: Final = {
    ABOVE_ULOQ: "above the upper limit of quantification",
    BELOW_LLOQ: "below the lower limit of quantification",
    BELOW_LOD: "below the limit of detection",
}
"""Flags of values that are missing because they lie beyond a limit, and what each means."""

_ABOVE: Final = r"(>=?|≥|&gt;=?|above|over|higher than|greater than|exceeds?)"
_BELOW: Final = r"(<=?|≤|&lt;=?|below|under|lower than|less than)"
_UPPER: Final = r"(the )?(u?loq|alq|upper( limit( of quantification)?)?)"
_LOWER: Final = (
    r"(the )?(l?loq|lql|blq|lower( limit( of quantification)?)?|lowest quantifiable level)"
)
_DETECTION: Final = r"((the )?l?lod|limit of detection|detection limit)"
_PATTERNS: Final = {
    ABOVE_ULOQ: re.compile(rf"{_ABOVE} ?{_UPPER}|u-?loq|aloq|alq|aql|oor ?>|> ?oor"),
    BELOW_LLOQ: re.compile(rf"{_BELOW} ?{_LOWER}|l-?loq|bloq|blq|bql|oor ?<|< ?oor"),
    BELOW_LOD: re.compile(rf"{_BELOW} ?{_DETECTION}|l?lod|blod"),
}


def find_range(text: str) -> str | None:
    """Return the flag of a cell that says beyond which limit its value lies; None for any other.

    Examples
    --------
    >>> find_range("> ULOQ"), find_range("<lloq"), find_range("Below LOD"), find_range("high")
    ('above_uloq', 'below_lloq', 'below_lod', None)
    """
    plain = " ".join(text.casefold().replace("_", " ").strip(" \"'().").split())
    return next((flag for flag, form in _PATTERNS.items() if form.fullmatch(plain)), None)
