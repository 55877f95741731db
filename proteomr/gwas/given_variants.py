"""Variants of a list found among those of a study, in the order of the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from proteomr.gwas.match import add_keys

__all__ = ["Found", "find_variants"]


@dataclass(frozen=True, slots=True)
class Found:
    """Where the variants of a list stand.

    Parameters
    ----------
    rows : positions of the variants found, in the order of the list, each once.
    absent : names that stand for none.
    shared : names that stand for several.
    """

    rows: tuple[int, ...]
    absent: tuple[str, ...]
    shared: tuple[str, ...]


def find_variants(rows: pl.DataFrame, names: Sequence[str]) -> Found:
    """Return where variants stand, by their names, and those not found by name by rsid.

    Parameters
    ----------
    rows : ``variant_id``, and ``rsid`` where known.
    names : of variants, or rsids.

    Examples
    --------
    >>> rows = pl.DataFrame({"variant_id": ["1:5:A:G", "x"], "rsid": ["rs5", "rs6"]})
    >>> find_variants(rows, ["rs6", "chr1:5:G:A", "y"])
    Found(rows=(1, 0), absent=('y',), shared=())
    """
    listed = add_keys(pl.DataFrame({"variant_id": list(names)}, schema={"variant_id": pl.String}))
    keyed = add_keys(rows)
    places = dict[str, dict[str, list[int]]]()
    for key in ("_name", "_rsid"):
        grouped = keyed.select(key).with_row_index("_i").drop_nulls().group_by(key).agg("_i")
        places[key] = {str(name): list(at) for name, at in grouped.iter_rows()}
    found, absent, shared = dict[int, None](), list[str](), list[str]()
    for given, name, rsid in zip(names, listed["_name"], listed["_rsid"], strict=True):
        there = places["_name"].get(name) or places["_rsid"].get(rsid) or []
        if len(there) == 1:
            found[there[0]] = None
        else:
            (shared if there else absent).append(given)
    return Found(tuple(found), tuple(absent), tuple(shared))
