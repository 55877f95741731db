"""Numbers in text columns of a long table, and what stands for those beyond a limit."""

from __future__ import annotations

import polars as pl

from proteomr.io.conversion import convert_cells, refuse_cell
from proteomr.io.long_form.beyond import find_range
from proteomr.io.long_form.held_rows import HeldRows, Words, sort_texts
from proteomr.io.long_form.vocabulary import NUMERIC, RANGE
from proteomr.io.text import MISSING, TextLayout
from proteomr.tables import columns as c

__all__ = ["convert_numbers"]


def convert_numbers(rows: HeldRows, layout: TextLayout) -> dict[str, Words]:
    """Return the number of each text of the columns of numbers, and what lies beyond a limit.

    Raises
    ------
    FormatError
        A text is neither; with the line of the first row that has one.
    """
    words: dict[str, Words] = {}
    faults: list[tuple[int, str, str]] = []
    for role in NUMERIC:
        if role not in rows.texts:
            continue
        texts = rows.texts_of(role)
        ranges = texts.map_elements(find_range, return_dtype=pl.String, skip_nulls=True)
        in_range = ranges.is_null() if role == c.VALUE else pl.Series([True] * texts.len())
        plain = texts.set(~in_range, None)
        numbers = pl.Series(pl.from_arrow(convert_cells(plain.to_arrow())[0]), dtype=pl.Float64)
        empty = plain.is_null() | plain.str.strip_chars(' \t"').is_in(MISSING)
        faulty = (numbers.is_null() & ~empty).arg_true()
        found = rows.find_first(role, faulty.to_list()) if faulty.len() else None
        if found is not None:
            faults.append((found[0], rows.texts[role], found[1].strip(' \t"')))
        others: tuple[pl.Series, ...] = ()
        if role == c.VALUE and not in_range.all():
            others = (sort_texts(texts.set(in_range, None)).alias(RANGE),)
        words[role] = Words(numbers.fill_nan(None), others)
    if faults:
        row, name, cell = min(faults)
        refuse_cell(layout, record=row, column=name, cell=cell)
    return words
