"""Numbers in text columns of a long table, and what stands for those beyond a limit."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from proteomr.io.conversion import convert_cells, refuse_cell
from proteomr.io.long_form.beyond import find_range
from proteomr.io.long_form.parts import code_values
from proteomr.io.long_form.vocabulary import RANGE
from proteomr.io.text import MISSING, TextLayout
from proteomr.tables import columns as c

__all__ = ["convert_numbers", "decode"]


def convert_numbers(
    table: pa.Table, numbers: dict[str, str], layout: TextLayout
) -> tuple[pa.Table, pl.Series | None]:
    """Return the table with numbers for text, and what stands for values beyond a limit."""
    beyond, faults = None, list[tuple[int, str, str]]()
    for role, name in numbers.items():
        place = table.schema.get_field_index(name)
        texts, codes = decode(table.column(place))
        words = texts.map_elements(find_range, return_dtype=pl.String, skip_nulls=True)
        in_range = words.is_null() if role == c.VALUE else pl.Series([True] * texts.len())
        plain = texts.set(~in_range, None)
        values = pl.Series(pl.from_arrow(convert_cells(plain.to_arrow())[0]), dtype=pl.Float64)
        empty = plain.is_null() | plain.str.strip_chars(' \t"').is_in(MISSING)
        faulty = pl.Series((values.is_null() & ~empty).to_numpy()).gather(codes.fill_null(0))
        faulty = faulty.fill_null(value=False) & codes.is_not_null()
        if faulty.any():
            row = int(faulty.arg_max() or 0)
            faults.append((row, name, str(texts[int(codes[row])]).strip(' \t"')))
        column = values.gather(codes)
        table = table.set_column(place, name, column.to_arrow())
        if role == c.VALUE and not in_range.all():
            beyond = code_values(texts.set(in_range, None), codes).alias(RANGE)
    if faults:
        row, name, cell = min(faults)
        refuse_cell(layout, record=row, column=name, cell=cell)
    return table, beyond


def decode(column: pa.ChunkedArray) -> tuple[pl.Series, pl.Series]:
    """Return the distinct texts of a coded column, and the code of each row."""
    if not column.num_chunks:
        return pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.UInt32)
    whole = column.unify_dictionaries()
    texts = pl.Series(pl.from_arrow(whole.chunk(0).dictionary))
    codes = pa.chunked_array([chunk.indices for chunk in whole.chunks])
    return texts, pl.Series(pl.from_arrow(codes)).cast(pl.UInt32)
