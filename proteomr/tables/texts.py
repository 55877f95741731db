"""Texts made of columns."""

from __future__ import annotations

import polars as pl

__all__ = ["fill_text"]


def fill_text(form: str, *parts: pl.Expr | str) -> pl.Expr:
    """Return a text with parts in the places of ``{}``; null where one of them is.

    It is the ``format`` of polars, which in 2.1 breaks down where a chunk of a column is empty,
    as after a filter of a table of several chunks that has a row index.

    Parameters
    ----------
    form : with a ``{}`` for each part.
    parts : expressions, or names of columns.

    Examples
    --------
    >>> places = pl.DataFrame({"chromosome": ["1", None], "position_bp": [5, 6]})
    >>> places.select(fill_text("{}:{}", "chromosome", "position_bp").alias("place")).rows()
    [('1:5',), (None,)]
    """
    words = form.split("{}")
    if len(words) != len(parts) + 1:
        raise ValueError(f"{form!r} has {len(words) - 1} places for {len(parts)} parts")
    pieces = [pl.lit(words[0])] if words[0] else []
    for part, word in zip(parts, words[1:], strict=True):
        pieces.append(pl.col(part) if isinstance(part, str) else part)
        if word:
            pieces.append(pl.lit(word))
    return pl.concat_str(pieces)
