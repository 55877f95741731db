"""The order in which estimators take variants: by their numbers, not by the rows of files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from proteomr._typing import F64, I64
from proteomr.mr.methods.base import Estimate, FurtherRows
from proteomr.tables import Harmonised

__all__ = ["order_numbers", "order_variants", "place_back"]


def order_numbers(x: F64, sx: F64, y: F64, sy: F64) -> I64:
    """Return the order of variants by effect on the exposure, its error, then those on the outcome.

    Where several answers are equally good, as with two camps of variants of the same weight, a
    method takes the first that it meets; and its draws go to variants in turn. Effects are those of
    the allele that raises the exposure, so that alleles change nothing.

    Parameters
    ----------
    x, sx, y, sy : (..., m), the last axis is ordered.

    Examples
    --------
    >>> x, y = np.array([-0.3, 0.1, 0.3]), np.array([0.2, 0.0, 0.2])
    >>> order_numbers(x, np.ones(3), y, np.ones(3)).tolist()
    [1, 0, 2]
    """
    sign = np.where(x < 0, -1.0, 1.0)
    order: I64 = np.lexsort((sy, y * sign, sx, x * sign), axis=-1).astype(np.int64)
    return order


def order_variants(data: Harmonised) -> I64:
    """Return the order of the variants of an analysis.

    By the first exposure as `order_numbers` has it, then the others; of variants with the same
    numbers by name, as their correlations may differ.

    Parameters
    ----------
    data : of one or several exposures.

    Examples
    --------
    >>> import polars as pl
    >>> same = np.full((2, 1), 0.1)
    >>> order_variants(Harmonised(("x",), "y", pl.DataFrame({"variant_id": ["b", "a"]}),
    ...     same, same, same[:, 0], same[:, 0])).tolist()
    [1, 0]
    """
    sign = np.where(data.beta_x[:, 0] < 0, -1.0, 1.0)
    keys: list[F64 | I64] = []
    for exposure in range(len(data.exposures)):
        keys += [data.beta_x[:, exposure] * sign, data.se_x[:, exposure]]
    keys += [data.beta_y * sign, data.se_y]
    order: I64 = np.lexsort(keys[::-1]).astype(np.int64)
    alike = np.all([key[order[1:]] == key[order[:-1]] for key in keys], axis=0)
    if alike.any():
        names = data.variants["variant_id"].cast(str).fill_null("").to_numpy()
        ranks = np.unique(names.astype(str), return_inverse=True)[1].astype(np.int64)
        order = np.lexsort([ranks, *keys[::-1]]).astype(np.int64)
    return order


def place_back(found: Estimate, order: I64) -> Estimate:
    """Return an estimate of ordered variants in the positions that these had before.

    Parameters
    ----------
    found : of the variants in the order given.
    order : as `order_variants` gives it.
    """
    used = None if found.used is None else tuple(sorted(int(order[place]) for place in found.used))
    return replace(
        found, used=used, further=tuple(_place_rows(rows, order) for rows in found.further)
    )


def _place_rows(rows: FurtherRows, order: I64) -> FurtherRows:
    """Return rows about variants with these in their former places, in order where they were."""
    if rows.variants is None:
        return rows
    places = [int(order[place]) for place in rows.variants]
    if any(a >= b for a, b in zip(rows.variants, rows.variants[1:], strict=False)):
        return replace(rows, variants=tuple(places))
    turn = np.argsort(places).tolist()
    columns = {name: [cells[k] for k in turn] for name, cells in rows.columns.items()}
    return replace(rows, columns=columns, variants=tuple(places[k] for k in turn))
