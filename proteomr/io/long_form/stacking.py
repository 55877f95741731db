"""The rows of all files in one table, with a key for each assay and what is a control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

import polars as pl

from proteomr.errors import InputError
from proteomr.io.controls import (
    ControlSamples,
    find_control_names,
    is_control_type,
    may_be_control_name,
)
from proteomr.io.long_form.parts import Part, mark
from proteomr.io.long_form.vocabulary import (
    ASSAY,
    ASSAY_ID,
    ASSAY_QC,
    ASSAY_TYPE,
    BLOCK,
    NORMALIZATION,
    NUMERIC,
    SAMPLE_QC,
    Vocabulary,
)
from proteomr.tables import columns as c

__all__ = ["CONTROL_ASSAY", "CONTROL_SAMPLE", "Stack", "stack_parts"]

CONTROL_SAMPLE: Final = "control_sample"
CONTROL_ASSAY: Final = "control_assay"

_ALWAYS: Final = (
    *(c.SAMPLE_TYPE, c.PLATE, c.WELL, c.BATCH, ASSAY, c.GENE, c.UNIPROT, c.PANEL, ASSAY_TYPE),
    *(BLOCK, c.UNIT, NORMALIZATION, SAMPLE_QC, ASSAY_QC),
)


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """The rows of all files.

    Parameters
    ----------
    rows : the columns of the parts, those that a part lacks filled with null; ``protein``, the
        key of the assay; and whether sample and assay are controls.
    notes : what a user should know.
    """

    rows: pl.DataFrame
    notes: tuple[str, ...] = field(default=())


def stack_parts(parts: Sequence[Part], vocabulary: Vocabulary) -> Stack:
    """Return the rows of all parts with the key of each assay.

    The key is the identifier that the laboratory gives an assay; without one it is the name of the
    assay, with the panel before it where several panels have an assay of that name.

    Parameters
    ----------
    parts : the files, in any order.
    vocabulary : what the laboratory calls things.

    Raises
    ------
    InputError
        Some files have identifiers of the assays and others none.
    """
    with_id = sum(ASSAY_ID in part.frame.columns for part in parts)
    if 0 < with_id < len(parts):
        raise InputError(
            f"{with_id} of {len(parts)} {vocabulary.maker} files have {vocabulary.id_name}s and "
            "the others none; read them separately"
        )
    names = dict.fromkeys(name for part in parts for name in part.frame.columns)
    names.update(dict.fromkeys((*_ALWAYS, c.LOD)))
    rows = pl.DataFrame([_stack_column(parts, name) for name in names])
    note: tuple[str, ...] = ()
    if with_id:
        rows = rows.rename({ASSAY_ID: c.PROTEIN})
    else:
        rows, note = _add_key(rows, vocabulary)
    rows, more = _add_controls(rows, vocabulary)
    return Stack(rows, (*note, *more))


def _stack_column(parts: Sequence[Part], name: str) -> pl.Series:
    if name in NUMERIC:
        kind: pl.DataType = pl.Float64()
    else:
        held = [part.frame[name].dtype for part in parts if name in part.frame.columns]
        values = [kind.categories for kind in held if isinstance(kind, pl.Enum)]
        kind = pl.Enum(pl.concat(values).unique().sort() if values else [])
    columns = [
        _recode(part.frame[name], kind)
        if name in part.frame.columns
        else pl.Series(name, [None], dtype=kind).new_from_index(0, part.frame.height)
        for part in parts
    ]
    return pl.concat(columns).alias(name) if len(columns) > 1 else columns[0].alias(name)


def _recode(column: pl.Series, kind: pl.DataType) -> pl.Series:
    if column.dtype == kind or not isinstance(column.dtype, pl.Enum):
        return column.cast(kind)
    return column.dtype.categories.cast(kind).gather(column.to_physical().cast(pl.UInt32))


def _add_key(rows: pl.DataFrame, vocabulary: Vocabulary) -> tuple[pl.DataFrame, tuple[str, ...]]:
    pairs = rows.select(ASSAY, c.PANEL).unique().sort(ASSAY, c.PANEL)
    shared = pl.col(c.PANEL).n_unique().over(ASSAY) > 1
    names = pairs.select(
        ASSAY,
        c.PANEL,
        pl.when(shared)
        .then(pl.format("{}:{}", pl.col(c.PANEL).cast(pl.String).fill_null(""), ASSAY))
        .otherwise(pl.col(ASSAY).cast(pl.String))
        .alias(c.PROTEIN),
    )
    kind = pl.Enum(names[c.PROTEIN].unique().sort())
    names = names.with_columns(pl.col(c.PROTEIN).cast(kind))
    keyed = rows.join(
        names, on=[ASSAY, c.PANEL], how="left", nulls_equal=True, maintain_order="left"
    )
    repeated = int((names[c.PROTEIN].cast(pl.String) != names[ASSAY].cast(pl.String)).sum())
    what = f"the panel before it for {repeated} assays of several panels" if repeated else ""
    if vocabulary.id_name is None:
        return keyed, ((f"the key of an assay is its name, with {what}",) if repeated else ())
    said = f"no {vocabulary.id_name}: the name of the assay is its key"
    return keyed, (f"{said}, with {what}" if repeated else said,)


def _add_controls(
    rows: pl.DataFrame, vocabulary: Vocabulary
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    typed = rows[c.SAMPLE_TYPE].is_not_null()
    by_type = pl.Series(mark(rows[c.SAMPLE_TYPE], is_control_type))
    untyped = rows[c.SAMPLE_ID].filter(~typed).drop_nulls().unique().cast(pl.String)
    certain = find_control_names(rows[c.SAMPLE_ID].drop_nulls().unique().cast(pl.String))
    known = certain.union(filter(vocabulary.own_name, untyped))
    by_name = pl.Series(mark(rows[c.SAMPLE_ID], known.__contains__)) & ~typed
    doubtful = sum(may_be_control_name(name) for name in untyped if name not in known)
    named = rows[c.SAMPLE_ID].filter(by_name).n_unique()
    notes = [*ControlSamples(by_name, named, doubtful).notes]
    kinds = rows[c.SAMPLE_TYPE].filter(typed & ~by_type).unique().cast(pl.String).sort()
    unusual = [kind for kind in kinds if not kind.upper().startswith("SAMPLE")]
    if unusual:
        notes.append(f"{len(unusual)} types of samples other than SAMPLE are taken for samples")
    typed_assay = rows[ASSAY_TYPE].is_not_null()
    controls = [
        pl.Series(mark(rows[ASSAY_TYPE], lambda kind: kind.casefold() != "assay")),
        pl.Series(mark(rows[ASSAY], vocabulary.control_assay)) & ~typed_assay,
    ]
    marked = rows.with_columns(
        (by_type | by_name).alias(CONTROL_SAMPLE),
        reduce(lambda first, second: first | second, controls).alias(CONTROL_ASSAY),
    )
    return marked, tuple(notes)
