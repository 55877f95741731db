"""The further tables of a family's fits, from the parts of a scan."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from proteomr.models import OWN_NAME
from proteomr.scan import DETAILS, MODEL_KEYS, PART_ORDER
from proteomr.tables import columns as c
from proteomr.tables import load_schema

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
    names = [column.name for column in schema.columns if not column.optional]
    texts = [n for n in names if rows.schema[n] == pl.String and n not in MODEL_KEYS]
    return schema.validate(rows.with_columns(map(_name_protein, texts)).select(names))


def _name_protein(column: str) -> pl.Expr:
    """Put the name of the protein in its place at the beginning of a text."""
    text = pl.col(column)
    named = pl.concat_str(pl.col(c.PROTEIN), text.str.strip_prefix(OWN_NAME))
    return pl.when(text.str.starts_with(OWN_NAME)).then(named).otherwise(text).alias(column)
