"""The column of a file that parts rows of one variant: several traits that were taken for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from proteomr.io.sumstats.source import SumStatsFile

__all__ = ["choose_parting_column", "find_parting_column"]

_ROWS: Final = 2_000_000  # enough to see the traits of any file, and a bound for memory
_SHARE: Final = 0.5  # a trait has two variants or more, on average
_IDENTITY: Final = ("variant_id", "rsid", "chromosome", "position_bp", "trait")


def find_parting_column(opened: SumStatsFile) -> str | None:
    r"""Return the column of text, not read so far, by which no variant stands twice any more.

    Of several such columns the one with the fewest words is taken; a column with more words than
    half of the rows names rows and no trait.

    Parameters
    ----------
    opened : a file in which variants stand several times.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.sumstats import open_sumstats
    >>> with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
    ...     size = file.write("gene snp ea oa beta se\nA rs1 A G 1 1\nB rs1 A G 2 1\n")
    ...     size = file.write("A rs2 A G 1 1\nB rs3 A G 1 1\n")
    ...     file.flush()
    ...     find_parting_column(open_sumstats(file.name))
    'gene'
    """
    sources = [
        assignment.source for to in _IDENTITY if (assignment := opened.layout.get(to)) is not None
    ]
    identity = list(dict.fromkeys(sources))
    others = [name for name in opened.names if name not in opened.columns_read()]
    if opened.layout.traits or not others:
        return None
    parts, rows = list[pl.DataFrame](), 0
    for batch in opened.raw([*identity, *others]):
        parts.append(batch.cast(pl.String))
        rows += batch.height
        if rows >= _ROWS:
            break
    return choose_parting_column(pl.concat(parts), identity=identity, candidates=others)


def choose_parting_column(
    frame: pl.DataFrame, *, identity: Sequence[str], candidates: Sequence[str]
) -> str | None:
    """Return the column of text by which no row repeats another's identity any more.

    Parameters
    ----------
    frame : the rows.
    identity : columns that say which variant a row is of.
    candidates : columns to choose from.

    Examples
    --------
    >>> columns = {"snp": ["rs1", "rs1", "rs2", "rs3"], "lipid": ["ldl", "hdl", "ldl", "hdl"]}
    >>> frame = pl.DataFrame(columns)
    >>> choose_parting_column(frame, identity=["snp"], candidates=["lipid"])
    'lipid'
    """
    several = frame.filter(pl.struct(identity).is_duplicated())
    fitting = [
        (frame[name].n_unique(), name)
        for name in candidates
        if several.height
        and _is_text(frame[name])
        and frame[name].n_unique() <= _SHARE * frame.height
        and not several.select(pl.struct(*identity, name).is_duplicated().any()).item()
    ]
    return min(fitting)[1] if fitting else None


def _is_text(cells: pl.Series) -> bool:
    """Tell whether most cells that hold something hold no number."""
    held = cells.drop_nulls()
    if held.dtype != pl.String or not held.len():
        return False
    return held.cast(pl.Float64, strict=False).null_count() > held.len() / 2
