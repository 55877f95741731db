"""Tables of no known format with proteins in rows and samples in columns: known, and turned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, FormatError, InputError, UsageError
from proteomr.io.column_names import (
    is_protein,
    names_protein,
    share_of_proteins,
    sounds_like_sample,
)
from proteomr.io.controls_apart import set_controls_apart
from proteomr.io.formats import IngestOptions
from proteomr.io.identifiers import ID_COLUMNS
from proteomr.io.mass_spectrometry.groups import find_flags
from proteomr.io.protein_rows import ProteinRows, measure_rows, parse_row
from proteomr.io.tables import infer_column
from proteomr.io.wide_or_long.annotations import KNOWN
from proteomr.io.wide_or_long.layout import Glance, place, read_cells, refuse_doubtful
from proteomr.tables import Measurements
from proteomr.tables import columns as c

__all__ = ["find_orientation", "read_rows"]

_MOST: Final = 0.5
_SOME: Final = 0.2
_LARGEST_LOGARITHM: Final = 30.0
_LISTED: Final = 5
_RESERVED: Final = (c.PROTEIN, c.KIND, c.PLATFORM, c.UNIT)
_FACTS: Final = frozenset(
    {"length", "mass", "mw", "weight", "kda", "qvalue", "pvalue", "pep", "score", "coverage"}
    | {"peptides", "peptide", "probability", "entrez", "start", "end", "position", "lod", "lloq"}
    | {"uloq", "dilution", "charge", "count", "spectra", "psms", "psm", "index", "rank", "fdr"}
    | {"chromosome", "proteotypic", "missingfreq"}
)


def find_orientation(glance: Glance, options: IngestOptions) -> str | None:
    """Return the column that names the proteins where they stand in rows; None for columns.

    Raises
    ------
    UsageError
        Names of proteins, or something like them, stand both in the header and in a column.
    ColumnError
        The column that the user names is not there.
    """
    if options.id_column is not None and options.id_column not in glance.names:
        return None  # who looks for the identifier says so
    if options.proteins_in == "columns":
        return None
    texts = _texts(glance, options)
    if options.proteins_in == "rows":
        if not texts:
            raise ColumnError(f"{glance.path}: no column of text that may name proteins in rows")
        return max(texts, key=lambda name: _share(glance.head[name]))
    candidates = [name for name in texts if _is_distinct(glance.head[name])]
    in_header = _share_of_header([name for name in glance.numeric if not _is_fact(name)])
    shares = {name: _share(glance.head[name]) for name in candidates}
    key = max(shares, key=lambda name: shares[name], default=None)
    if key is None or shares[key] < _SOME or (shares[key] < _MOST and in_header):
        return None
    if shares[key] >= _MOST and in_header < _SOME:
        return key
    raise UsageError(
        f"{glance.path}: names of proteins stand in column {key!r} ({shares[key]:.0%} of it) and "
        f"in the header ({in_header:.0%}); say with --proteins-in rows or columns which they are"
    )


def read_rows(glance: Glance, key: str, *, options: IngestOptions) -> Measurements:
    """Return the measurements of a table with proteins in rows.

    Columns of numbers are samples, but for those whose names sound like facts about proteins
    (length, q-value, score, ...), which go with the assays, as text does. Rows of words, or of
    names that sound like facts about samples, above the first protein go with the samples.

    Parameters
    ----------
    glance : the table.
    key : column that names the proteins.
    options : ``log2``.

    Raises
    ------
    InputError
        A protein or a sample stands twice, or a value is no finite number.
    UsageError
        Options of tables with proteins in columns are given, or a logarithm of logarithms.
    """
    if options.sample_columns:
        raise UsageError(
            f"{glance.path}: proteins stand in rows, where no column is a fact about the samples; "
            "leave out --sample-column"
        )
    numbers = [name for name in glance.numeric if name != key]
    facts = [name for name in numbers if _is_fact(name)]
    samples = [name for name in numbers if name not in facts]
    refuse_doubtful(glance, {*glance.other} - {key})
    if not samples:
        raise FormatError("no column of numbers is a sample", path=glance.path)
    cells = read_cells(glance, list(glance.names))
    top = _count_facts(cells.select(key, *samples))
    about = _turn_facts(cells.select(key, *samples)[:top])
    cells = cells[top:]
    proteins = _names(cells[key], glance, top)
    values = _read_values(cells.select(samples), glance, top, log2=options.log2)
    told = [name for name in glance.names if name not in samples and name != key]
    marks = [find_flags(protein) for protein in proteins]
    assays = _describe(key, proteins, cells.select(told), marks)
    flags = [
        (protein, flag) for protein, of_row in zip(proteins, marks, strict=True) for flag in of_row
    ]
    rows = ProteinRows(proteins, samples, values, assays, about, flags)
    try:
        measured = measure_rows(
            rows,
            platform="table",
            unit="log2" if options.log2 else None,
            notes=tuple(_notes(key, told, about.columns)),
            parameters={"layout": "rows", "log2": options.log2, "files": 1},
        )
    except InputError as fault:
        raise InputError(f"{glance.path}: {fault}") from None
    return set_controls_apart(measured)


def _texts(glance: Glance, options: IngestOptions) -> list[str]:
    """Return the columns of text that may name proteins: the identifier, if there is one."""
    usual = next((name for name in ID_COLUMNS if name in glance.names), None)
    named = options.id_column or usual
    return [
        name
        for name in glance.other
        if (named is None or name == named) and glance.head[name].dtype == pl.String
    ]


def _is_distinct(column: pl.Series) -> bool:
    known = column.drop_nulls()
    return known.len() > 1 and known.n_unique() == column.len()


def _share(column: pl.Series) -> float:
    known = [text for text in column.drop_nulls() if text.strip()]
    return share_of_proteins(known)


def _share_of_header(names: Sequence[str]) -> float:
    """Return which share of the columns of numbers is named as proteins."""
    return share_of_proteins(names, known=names_protein)


def _is_fact(name: str) -> bool:
    words = {word.casefold() for word in re.split(r"[^A-Za-z]+", name) if word}
    return bool(words & _FACTS) or name.casefold().replace("_", "").replace(".", "") in _FACTS


def _read_values(cells: pl.DataFrame, glance: Glance, top: int, *, log2: bool) -> F64:
    """Return the values (p, n), or their binary logarithms."""
    values: F64 = np.empty((cells.height, cells.width))
    for at, column in enumerate(cells.iter_columns()):
        values[:, at] = _numbers(column, glance, top, log2=log2)
    if not log2:
        return values
    if np.nanmax(values, initial=-np.inf) < _LARGEST_LOGARITHM:
        raise UsageError(
            f"no value is above {_LARGEST_LOGARITHM:g}: they look like logarithms already; leave "
            "out --log2"
        )
    return np.log2(values)


def _count_facts(cells: pl.DataFrame) -> int:
    """Return how many rows above the first protein hold facts about samples."""
    if cells.dtypes[1] != pl.String:
        return 0
    names = [name or "" for name in cells.to_series(0)]
    first = next((at for at, name in enumerate(names) if is_protein(name)), 0)
    count = 0
    for at, row in enumerate(cells[:first].iter_rows()):
        if (
            sounds_like_sample(names[at])
            or parse_row([cell or "" for cell in row[1:]])[1] is not None
        ):
            count = at + 1
    return count


def _turn_facts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each sample and a column for each row of facts."""
    columns = []
    for name, *cells in rows.iter_rows():
        texts = pl.Series((name or "").strip(' \t"'), cells, dtype=pl.String)
        columns.append(infer_column(texts.str.strip_chars(' \t"')))
    return pl.DataFrame(columns)


def _names(column: pl.Series, glance: Glance, top: int) -> list[str]:
    text = column.cast(pl.String).str.strip_chars(' \t"')
    missing = text.is_null() | (text == "")
    if missing.any():
        message = "the name of the protein is missing"
        raise place(glance, top + (missing.arg_max() or 0), message=message, column=column.name)
    return text.to_list()


def _numbers(column: pl.Series, glance: Glance, top: int, *, log2: bool) -> F64:
    """Return the values of a sample; a fault names its line, and no sample."""
    where = f"number {glance.names.index(column.name) + 1}"
    if column.dtype == pl.String:
        values, fault = parse_row(column.fill_null("").to_list())
        if fault is not None:
            message = "no finite number where one is needed; leave the cell empty if it is missing"
            raise place(glance, top + fault, message=message, column=where)
    else:
        values = column.cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)
        if np.isinf(values).any():
            message = "an infinite value; leave the cell empty if it is missing"
            raise place(glance, int(np.isinf(values).argmax()), message=message, column=where)
    if log2 and (values <= 0).any():
        message = "a value that is zero or negative has no logarithm; leave out --log2"
        raise place(glance, top + int((values <= 0).argmax()), message=message, column=where)
    return values


def _describe(
    key: str, proteins: Sequence[str], told: pl.DataFrame, marks: Sequence[Sequence[str]]
) -> pl.DataFrame:
    """Return what the table says of its proteins; their own names fill in what they are."""
    own = KNOWN.get(key.casefold())
    if own not in (c.GENE, c.UNIPROT):
        accessions = [re.match(r"[A-Z0-9]{6,10}(?:[-;,]|$)", name) for name in proteins]
        own = c.UNIPROT if sum(map(bool, accessions)) * 2 > len(proteins) else c.GENE
    columns = {own: pl.Series(own, proteins, dtype=pl.String)}
    for column in told.iter_columns():
        target = KNOWN.get(column.name.casefold(), column.name)
        if target in _RESERVED or (target in columns and target != own):
            continue
        text = column.cast(pl.String).str.strip_chars(' \t"')
        texts = text.set(text == "", None).alias(target)
        if target == c.LOD:
            columns[target] = texts.cast(pl.Float64, strict=False)
        else:
            columns[target] = texts if target in KNOWN.values() else infer_column(texts)
    kinds = ["control" if of_row else "protein" for of_row in marks]
    return pl.DataFrame([*columns.values(), pl.Series(c.KIND, kinds, dtype=pl.String)])


def _notes(key: str, told: Sequence[str], about: Sequence[str]) -> Iterator[str]:
    yield (
        f"proteins stand in rows, named by column {key!r}, and samples in columns: the table was "
        "turned (--proteins-in columns reads it as it stands)"
    )
    if told:
        more = f", ... ({len(told)} columns)" if len(told) > _LISTED else ""
        yield f"columns that go with the assays: {', '.join(told[:_LISTED])}{more}"
    if about:
        more = f", ... ({len(about)} rows)" if len(about) > _LISTED else ""
        yield f"rows that go with the samples: {', '.join(about[:_LISTED])}{more}"
