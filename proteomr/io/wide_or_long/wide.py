"""Wide tables, one row per sample: numbers are proteins, everything else describes the sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, FormatError, IdentifierError, UsageError, nearest
from proteomr.io.blocks import ParquetProteins
from proteomr.io.column_names import find_facts, sounds_like_sample
from proteomr.io.controls_apart import set_controls_apart
from proteomr.io.formats import IngestOptions
from proteomr.io.identifiers import ID_COLUMNS, find_id_column, locate_ids, normalise_ids
from proteomr.io.proteins import name_file, open_proteins
from proteomr.io.tables import infer_column
from proteomr.io.text import MARKS
from proteomr.io.ukbiobank.names import find_fields, is_of_participants
from proteomr.io.wide_or_long.layout import (
    Glance,
    looks_long,
    names_people,
    place,
    read_cells,
    refuse_doubtful,
)
from proteomr.tables import Measurements, Proteins
from proteomr.tables import columns as c

__all__ = ["LogProteins", "describe_assays", "read_wide"]

_COLUMNS_AT_ONCE: Final = 64
_LARGEST_LOGARITHM: Final = 30.0
_LISTED: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class LogProteins:
    """Binary logarithms of proteins, taken as they are read.

    Parameters
    ----------
    linear : the proteins, all above zero.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> LogProteins(ArrayProteins(("ADM",), np.array([[8.0]]))).read(slice(0, 1)).tolist()
    [[3.0]]
    """

    linear: Proteins

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the proteins."""
        return self.linear.names

    @property
    def n(self) -> int:
        """Number of people."""
        return self.linear.n

    def read(self, columns: slice, /) -> F64:
        """Return the logarithms of a slice, (n, b), Fortran-ordered, NaN = missing."""
        block = self.linear.read(columns)
        return np.log2(block, out=block)

    def select_rows(self, rows: I64) -> LogProteins:
        """Return the same proteins for chosen people, in the order given; -1 is nobody."""
        return LogProteins(self.linear.select_rows(rows))

    def select_columns(self, names: Sequence[str]) -> LogProteins:
        """Return chosen proteins, in the order given."""
        return LogProteins(self.linear.select_columns(names))


def read_wide(glances: Sequence[Glance], *, options: IngestOptions, scratch: Path) -> Measurements:
    """Return the measurements of wide tables, joined on the identifier.

    Parameters
    ----------
    glances : the tables.
    options : ``id_column``, ``log2`` and ``sample_columns``.
    scratch : folder for converted files; the caller removes it after the last read.

    Raises
    ------
    UsageError
        A table looks long, or a logarithm is asked for of logarithms.
    InputError
        A file is damaged, a value is no finite number, identifiers do not match, or files
        contradict each other.
    """
    glances = _set_apart(glances, options.sample_columns)
    keys = [_find_id(glance, options) for glance in glances]
    for glance, key in zip(glances, keys, strict=True):
        _refuse_no_proteins(glance, key)
        refuse_doubtful(glance, {*glance.other} - {key, *options.sample_columns})
    others = {
        name
        for glance, key in zip(glances, keys, strict=True)
        for name in glance.other
        if name != key
    }
    try:
        opened = open_proteins(
            [glance.path for glance in glances],
            scratch=scratch,
            id_column=options.id_column,
            exclude=others,
            remedy="; name the column with --sample-column if it is no assay",
        )
    except IdentifierError:
        for glance, key in zip(glances, keys, strict=True):
            # A long table that is sorted by assay shows no repetition at its beginning.
            if fault := looks_long(glance, read_cells(glance, [key])[key]):
                raise fault from None
        raise
    if marked := int(opened.ids.str.contains(MARKS).sum()):
        message = f"{marked} identifiers hold a quotation mark or a line break; check the quotes"
        raise IdentifierError(message)
    order = opened.ids.arg_sort().to_numpy().astype(np.int64)
    ids = opened.ids.gather(order.tolist()).alias(c.SAMPLE_ID)
    proteins = opened.proteins.select_rows(order).select_columns(sorted(opened.proteins.names))
    _check_values(proteins, glances, log2=options.log2)
    samples = _collect_samples(ids, glances, keys, others)
    single = all(glance.single for glance in glances) and not options.log2
    measured = Measurements(
        platform="table",
        samples=samples,
        proteins=LogProteins(proteins) if options.log2 else proteins,
        assays=describe_assays(proteins.names, log2=options.log2),
        precision="float32" if single and not _has_whole(proteins) else "float64",
        notes=(*_notes(samples, proteins.names), *_padded_notes(glances, proteins.names)),
        parameters={"layout": "wide", "log2": options.log2, "files": len(glances)},
    )
    return set_controls_apart(measured)


def describe_assays(names: Sequence[str], *, log2: bool) -> pl.DataFrame:
    """Return assays of which nothing is known but the name.

    Examples
    --------
    >>> describe_assays(["ADM"], log2=False)["kind"].to_list()
    ['protein']
    """
    empty = pl.lit(None, dtype=pl.String)
    return pl.DataFrame({c.PROTEIN: pl.Series(names, dtype=pl.String)}).select(
        c.PROTEIN,
        empty.alias(c.GENE),
        empty.alias(c.UNIPROT),
        empty.alias(c.PANEL),
        pl.lit("table").alias(c.PLATFORM),
        (pl.lit("log2") if log2 else empty).alias(c.UNIT),
        pl.lit(None, dtype=pl.Float64).alias(c.LOD),
        pl.lit("protein").alias(c.KIND),
    )


def _set_apart(glances: Sequence[Glance], columns: Sequence[str]) -> list[Glance]:
    """Count identifiers, and columns that the user names, among what describes the samples."""
    names = [name for glance in glances for name in glance.names]
    for name in columns:
        if name not in names:
            raise ColumnError(f"no column {name!r}{nearest(name, names)} to set apart")
    return [_without(glance, columns) for glance in glances]


def _without(glance: Glance, columns: Sequence[str]) -> Glance:
    fields = find_fields(glance.names)
    apart = {
        name
        for name in glance.numeric
        if name in columns or name in fields or names_people(glance.head[name])
    }
    return replace(
        glance,
        numeric=tuple(name for name in glance.numeric if name not in apart),
        other=tuple(name for name in glance.names if name in apart or name in glance.other),
    )


def _refuse_no_proteins(glance: Glance, key: str) -> None:
    """Refuse a table of participants or of covariates in place of proteins."""
    assays = [name for name in glance.numeric if name != key]
    if is_of_participants(glance.names):
        message = (
            "holds fields of UK Biobank's participants, and there is no protein table beside it; "
            "`proteomr phenotype` reads the answers of participants"
        )
        raise FormatError(message, path=glance.path)
    if assays and len(find_facts(assays)) == len(assays):
        message = (
            f"no column of numbers is a protein by its name: {_list(assays)} sound like facts "
            "about the samples; give the table of the proteins, or rename what is one"
        )
        raise FormatError(message, path=glance.path)


def _find_id(glance: Glance, options: IngestOptions) -> str:
    with name_file(glance.path):
        if options.id_column is None and not set(ID_COLUMNS).intersection(glance.names):
            _ask_for_id(glance)
        key = find_id_column(glance.names, id_column=options.id_column)
    if key != c.SAMPLE_ID and c.SAMPLE_ID in glance.names:
        raise FormatError("a name that is needed; rename it", path=glance.path, column=c.SAMPLE_ID)
    if fault := looks_long(glance, glance.head[key]):
        raise fault
    return key


def _ask_for_id(glance: Glance) -> None:
    """Ask for the identifier by the columns of words: those of numbers may be named as people."""
    try:
        find_id_column(glance.other)
    except IdentifierError as fault:
        hint = "; where proteins stand in rows, say --proteins-in rows"
        raise IdentifierError(f"{fault}{hint}") from None


def _check_values(proteins: ParquetProteins, glances: Sequence[Glance], *, log2: bool) -> None:
    """Refuse infinite values, and what has no logarithm or is one where it is asked for."""
    largest = -np.inf
    for start in range(0, len(proteins.names), _COLUMNS_AT_ONCE):
        block = proteins.read(slice(start, start + _COLUMNS_AT_ONCE))
        broken = np.isinf(block)
        message = "an infinite value; leave the cell empty if it is missing"
        if log2 and not broken.any():
            broken = block <= 0
            message = "a value that is zero or negative has no logarithm; leave out --log2"
            largest = max(largest, np.nanmax(block, initial=-np.inf))
        if broken.any():
            at, row = (int(positions[0]) for positions in np.nonzero(broken.T))
            column = proteins.columns[start + at]
            in_file = int(proteins.rows[column.file][row])
            raise place(glances[column.file], in_file, message=message, column=column.name)
    if log2 and largest < _LARGEST_LOGARITHM:
        raise UsageError(
            f"no value is above {_LARGEST_LOGARITHM:g}: they look like logarithms already; leave "
            "out --log2"
        )


def _has_whole(proteins: ParquetProteins) -> bool:
    """Tell whether a protein is stored as whole numbers, which need double precision."""
    kinds = (
        proteins.files[column.file].schema.field(column.name).type for column in proteins.columns
    )
    return any(str(kind) not in {"float", "halffloat", "null"} for kind in kinds)


def _collect_samples(
    ids: pl.Series, glances: Sequence[Glance], keys: Sequence[str], others: set[str]
) -> pl.DataFrame:
    """Return what the tables say of the samples; text that is wholly numeric becomes numbers."""
    merged: dict[str, pl.Series] = {}
    for glance, key in zip(glances, keys, strict=True):
        wanted = [name for name in glance.names if name in others and name != key]
        if not wanted:
            continue
        frame = read_cells(glance, [key, *wanted])
        own = infer_column(frame[key]) if glance.layout is not None else frame[key]
        rows = locate_ids(ids, among=normalise_ids(own))
        take = pl.Series(rows).set(pl.Series(rows < 0), None).cast(pl.UInt32)
        for column in frame.select(wanted).select(pl.all().gather(take)).iter_columns():
            merged[column.name] = _merge(merged.get(column.name), column, glance.path)
    columns = [infer_column(each) if each.dtype == pl.String else each for each in merged.values()]
    return pl.DataFrame([ids, *sorted(columns, key=lambda column: column.name)])


def _merge(before: pl.Series | None, column: pl.Series, path: Path) -> pl.Series:
    if before is None:
        return column
    if before.dtype != column.dtype:
        before, column = before.cast(pl.String), column.cast(pl.String)
    differing = int((before != column).fill_null(value=False).sum())
    if differing:
        raise ColumnError(
            f"{path}: column {column.name!r} differs from another file in {differing} samples; "
            "rename one of them"
        )
    return before.zip_with(before.is_not_null(), column)


def _notes(samples: pl.DataFrame, proteins: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if columns := samples.columns[1:]:
        notes.append(f"columns that are no assays and go with the samples: {_list(columns)}")
    if odd := [name for name in proteins if sounds_like_sample(name)]:
        notes.append(
            "taken as assays, as every column of numbers is, though the names sound like facts "
            f"about samples: {_list(odd)}; name those that are no protein with --sample-column"
        )
    return tuple(notes)


def _padded_notes(glances: Sequence[Glance], proteins: Sequence[str]) -> tuple[str, ...]:
    padded = {name: n for glance in glances for name, n in glance.padded.items()}
    names = [name for name in proteins if name in padded]
    if not names:
        return ()
    cells = sum(padded[name] for name in names)
    return (f"{cells} values have zeros in front and are read as numbers, in {_list(names)}",)


def _list(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} columns)" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
