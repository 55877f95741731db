"""The rows of all files in one table, with a key for each assay and what is a control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from proteomr.errors import InputError
from proteomr.io.controls import (
    ControlSamples,
    find_control_names,
    is_control_type,
    may_be_control_name,
)
from proteomr.io.long_form.parts import Part, collect, mark
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
from proteomr.tables.texts import fill_text

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

    rows: pl.LazyFrame
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
    kinds = [part.frame.collect_schema() for part in parts]
    with_id = sum(ASSAY_ID in columns for columns in kinds)
    if 0 < with_id < len(parts):
        raise InputError(
            f"{with_id} of {len(parts)} {vocabulary.maker} files have {vocabulary.id_name}s and "
            "the others none; read them separately"
        )
    # Files of other columns give one order of columns, whichever is named first.
    headers = sorted((list(columns) for columns in kinds), key=lambda held: (-len(held), held))
    names = dict.fromkeys(name for header in headers for name in header)
    names.update(dict.fromkeys((*_ALWAYS, c.LOD)))
    joint = {name: _join_kinds(kinds, name) for name in names}
    rows = pl.concat(
        part.frame.select(_recode(name, columns.get(name), kind) for name, kind in joint.items())
        for part, columns in zip(parts, kinds, strict=True)
    )
    note: tuple[str, ...] = ()
    if with_id:
        rows = rows.rename({ASSAY_ID: c.PROTEIN})
    else:
        rows, note = _add_key(rows, vocabulary)
    rows, more = _add_controls(rows, vocabulary)
    return Stack(rows, (*note, *more))


def _join_kinds(kinds: Sequence[pl.Schema], name: str) -> pl.DataType:
    """Return the kind of a column that holds what any file has in it."""
    if name in NUMERIC:
        return pl.Float64()
    held = [columns[name] for columns in kinds if name in columns]
    values = [kind.categories for kind in held if isinstance(kind, pl.Enum)]
    return pl.Enum(pl.concat(values).unique().sort() if values else [])


def _recode(name: str, held: pl.DataType | None, kind: pl.DataType) -> pl.Expr:
    """Return a column of one file as of all; missing where the file has none."""
    if held is None:
        return pl.lit(None, dtype=kind).alias(name)
    return pl.col(name) if held == kind else pl.col(name).cast(kind)


def _add_key(rows: pl.LazyFrame, vocabulary: Vocabulary) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    pairs = collect(rows.select(ASSAY, c.PANEL).unique()).sort(ASSAY, c.PANEL)
    shared = pl.col(c.PANEL).n_unique().over(ASSAY) > 1
    names = pairs.select(
        ASSAY,
        c.PANEL,
        pl.when(shared)
        .then(fill_text("{}:{}", pl.col(c.PANEL).cast(pl.String).fill_null(""), ASSAY))
        .otherwise(pl.col(ASSAY).cast(pl.String))
        .alias(c.PROTEIN),
    )
    kind = pl.Enum(names[c.PROTEIN].unique().sort())
    names = names.with_columns(pl.col(c.PROTEIN).cast(kind))
    keyed = rows.join(
        names.lazy(), on=[ASSAY, c.PANEL], how="left", nulls_equal=True, maintain_order="left"
    )
    repeated = int((names[c.PROTEIN].cast(pl.String) != names[ASSAY].cast(pl.String)).sum())
    what = f"the panel before it for {repeated} assays of several panels" if repeated else ""
    if vocabulary.id_name is None:
        return keyed, ((f"the key of an assay is its name, with {what}",) if repeated else ())
    said = f"no {vocabulary.id_name}: the name of the assay is its key"
    return keyed, (f"{said}, with {what}" if repeated else said,)


def _add_controls(
    rows: pl.LazyFrame, vocabulary: Vocabulary
) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    kinds = rows.collect_schema()
    samples = collect(rows.select(c.SAMPLE_ID, c.SAMPLE_TYPE).unique()).drop_nulls(c.SAMPLE_ID)
    typed = pl.col(c.SAMPLE_TYPE).is_not_null()
    by_type = mark(kinds[c.SAMPLE_TYPE], c.SAMPLE_TYPE, is_control_type)
    untyped = samples.filter(~typed)[c.SAMPLE_ID].unique().cast(pl.String)
    certain = find_control_names(samples[c.SAMPLE_ID].unique().cast(pl.String))
    known = certain.union(filter(vocabulary.own_name, untyped))
    by_name = mark(kinds[c.SAMPLE_ID], c.SAMPLE_ID, known.__contains__) & ~typed
    doubtful = sum(may_be_control_name(name) for name in untyped if name not in known)
    named = samples.filter(by_name)[c.SAMPLE_ID]
    notes = [*ControlSamples(named.is_not_null(), named.n_unique(), doubtful).notes]
    others = samples.filter(typed & ~by_type)[c.SAMPLE_TYPE].unique().cast(pl.String).sort()
    unusual = [kind for kind in others if not kind.upper().startswith("SAMPLE")]
    if unusual:
        notes.append(f"{len(unusual)} types of samples other than SAMPLE are taken for samples")
    typed_assay = pl.col(ASSAY_TYPE).is_not_null()
    control = mark(kinds[ASSAY_TYPE], ASSAY_TYPE, lambda kind: kind.casefold() != "assay")
    named_so = mark(kinds[ASSAY], ASSAY, vocabulary.control_assay) & ~typed_assay
    marked = rows.with_columns(
        (by_type | by_name).alias(CONTROL_SAMPLE), (control | named_so).alias(CONTROL_ASSAY)
    )
    return marked, tuple(notes)
