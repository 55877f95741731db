"""The tables of a block as one, so that a block is one file, which is synced once."""

from __future__ import annotations

import io
from collections.abc import Mapping

import polars as pl

from proteomr.runs.encoding import write_encoded

__all__ = ["pack_tables", "read_packed", "unpack_tables"]


def pack_tables(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return several tables as one, for `proteomr.runs.Parts.save`.

    Every file of a part is synced to the disk, which on a slow one takes longer than many a block.

    Parameters
    ----------
    tables : by name.

    Examples
    --------
    >>> packed = pack_tables({"fits": pl.DataFrame({"n": [4]}), "drops": pl.DataFrame()})
    >>> packed["name"].to_list()
    ['fits', 'drops']
    """
    contents: list[bytes] = []
    for table in tables.values():
        content = io.BytesIO()
        write_encoded(table, content, format="parquet")
        contents.append(content.getvalue())
    kinds = {"name": pl.String, "content": pl.Binary}
    return pl.DataFrame({"name": list(tables), "content": contents}, schema=kinds)


def read_packed(packed: pl.DataFrame, name: str) -> bytes:
    """Return a table that `pack_tables` put into one as it stands there, in parquet.

    Examples
    --------
    >>> packed = pack_tables({"fits": pl.DataFrame({"n": [4]})})
    >>> pl.read_parquet(io.BytesIO(read_packed(packed, "fits"))).item()
    4
    """
    return bytes(packed.filter(pl.col("name") == name)["content"].item())


def unpack_tables(packed: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the tables that `pack_tables` put into one.

    Examples
    --------
    >>> unpack_tables(pack_tables({"fits": pl.DataFrame({"n": [4]})}))["fits"].item()
    4
    """
    return {name: pl.read_parquet(io.BytesIO(content)) for name, content in packed.iter_rows()}
