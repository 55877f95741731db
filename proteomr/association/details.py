"""The further tables of a family's fits, from the parts of a scan."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from proteomr.models import OWN_NAME
from proteomr.scan import DETAILS, MODEL_KEYS, PART_ORDER
from proteomr.tables import load_schema
from proteomr.tables.columns import PROTEIN

__all__ = ["collect_details"]


def collect_details(parts: Iterable[pl.DataFrame], name: str) -> pl.DataFrame:
    """Return a further table of a scan, checked, in the order of its associations.

    Parameters
    ----------
    parts : of :func:`proteomr.scan.fit_blocks` or a run folder.
    name : of the table, one of those that the family names.
    """
    listed = f"{DETAILS}{name}"
    frame = pl.concat(parts).filter(pl.col(listed).is_not_null()).sort(PART_ORDER)
    rows = frame.select(*MODEL_KEYS, listed).explode(listed).unnest(listed)
    schema = load_schema(name)
    texts = [c.name for c in schema.columns if c.dtype == "text" and c.name not in MODEL_KEYS]
    rows = rows.with_columns(
        pl.when(pl.col(text) == OWN_NAME).then(pl.col(PROTEIN)).otherwise(pl.col(text)).alias(text)
        for text in texts
    )
    return schema.validate(rows.select(schema.names))
