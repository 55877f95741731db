"""Numbers in text columns of a long table, and what stands for those beyond a limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import polars as pl

from proteomr.io.conversion import convert_cells
from proteomr.io.long_form.beyond import find_range
from proteomr.io.long_form.held_rows import HeldRows, Words, sort_texts
from proteomr.io.long_form.vocabulary import NUMERIC, RANGE
from proteomr.io.text import MISSING
from proteomr.tables import columns as c

__all__ = ["convert_numbers", "holds_range"]


def convert_numbers(
    rows: HeldRows, *, refuse: Callable[[int, str, str], NoReturn]
) -> dict[str, Words]:
    """Return the number of each text of the columns of numbers, and what lies beyond a limit.

    Parameters
    ----------
    rows : with columns of numbers as text.
    refuse : raises the error for the first cell that is neither, told its row, column and text.
    """
    words: dict[str, Words] = {}
    faults: list[tuple[int, str, str]] = []
    for role in NUMERIC:
        if role not in rows.texts:
            continue
        texts = rows.texts_of(role)
        numbers = pl.Series(pl.from_arrow(convert_cells(texts.to_arrow())[0]), dtype=pl.Float64)
        empty = texts.is_null() | texts.str.strip_chars(' \t"').is_in(MISSING)
        worded = numbers.is_null() & ~empty
        # Few distinct texts are no numbers, where millions may be.
        told = [find_range(text) is not None for text in texts.filter(worded)]
        beyond = pl.Series([False] * texts.len(), dtype=pl.Boolean)
        if role == c.VALUE and any(told):
            beyond = beyond.scatter(worded.arg_true(), told)
        faulty = (worded & ~beyond).arg_true()
        found = rows.find_first(role, faulty.to_list()) if faulty.len() else None
        if found is not None:
            faults.append((found[0], rows.texts[role], found[1].strip(' \t"')))
        others = (sort_texts(texts.set(~beyond, None)).alias(RANGE),) if beyond.any() else ()
        words[role] = Words(numbers.fill_nan(None), others)
    if faults:
        refuse(*min(faults))
    return words


def holds_range(rows: HeldRows) -> bool:
    """Tell whether the values, held as text, have a word for one beyond a limit."""
    texts = rows.texts_of(c.VALUE)
    words = texts.filter(texts.str.strip_chars().cast(pl.Float64, strict=False).is_null())
    return any(find_range(word) is not None for word in words)
