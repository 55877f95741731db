"""Instruments of each protein's own: a list of proteins and variants, and their dosages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from proteomr._typing import I64
from proteomr.errors import ColumnError, FormatError, InputError, nearest
from proteomr.io.cohort import choose_id
from proteomr.io.genetics.dosages import Dosages, open_dosages
from proteomr.io.identifiers import match_ids
from proteomr.io.tables import read_table
from proteomr.runs.notes import add_note
from proteomr.tables import ArrayProteins, Cohort, ProteinInstruments

__all__ = ["read_protein_instruments"]

_COLUMNS = ("protein", "variant")


def read_protein_instruments(
    listing: str | Path,
    genotypes: str | Path | None = None,
    *,
    cohort: Cohort,
    scratch: Path,
    id_column: str | None = None,
) -> ProteinInstruments:
    r"""Return the instruments that a list gives to each protein.

    Parameters
    ----------
    listing : a table with the columns protein and variant, a row for each pair.
    genotypes : as :func:`proteomr.io.genetics.dosages.open_dosages` takes them; None where the
        variants are columns of the samples.
    cohort : the people and proteins to align to.
    scratch : folder for a converted text file; the caller removes it after the last read.
    id_column : name of the identifier in a table of dosages; None for the usual names.

    Raises
    ------
    FormatError
        The list lacks a column.
    InputError
        No protein of the cohort has a variant that is there.
    IdentifierError
        The genotypes share nobody with the cohort.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io import read_cohort
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     size = (folder / "samples.csv").write_text("ID,rs1\n1,0\n2,2\n")
    ...     size = (folder / "olink.csv").write_text("ID,ADM\n1,0.5\n2,1.5\n")
    ...     size = (folder / "cis.csv").write_text("protein,variant\nADM,rs1\n")
    ...     cohort = read_cohort(folder / "samples.csv", folder / "olink.csv", scratch=folder)
    ...     read_protein_instruments(folder / "cis.csv", cohort=cohort, scratch=folder).names_of(0)
    ('rs1',)
    """
    pairs = _read_pairs(Path(listing), cohort)
    wanted = pairs["variant"].unique(maintain_order=True).to_list()
    if genotypes is None:
        dosages, rows = _take_samples(cohort, wanted), np.arange(cohort.n)
    else:
        own = choose_id(Path(genotypes), id_column)
        dosages = open_dosages(genotypes, wanted, scratch=scratch, id_column=own)
        ids = cohort.samples[cohort.id_column]
        rows = match_ids(ids, dosages.ids, names=("cohort", "genotypes")).row
    return _assign(pairs, dosages, rows, cohort, listing=listing)


def _read_pairs(path: Path, cohort: Cohort) -> pl.DataFrame:
    """Return the rows of the list about proteins that are there, each once."""
    table = read_table(path)
    for name in _COLUMNS:
        if name not in table.columns:
            hint = nearest(name, table.columns)
            raise FormatError(f"has no column {name!r}{hint}; protein and variant", path=path)
    pairs = table.select(pl.col(*_COLUMNS).cast(pl.String).str.strip_chars())
    empty = pairs.filter(pl.any_horizontal(pl.all().is_null() | (pl.all() == "")))
    if empty.height:
        raise FormatError(f"{empty.height} rows without a protein or a variant", path=path)
    known = pairs.filter(pl.col("protein").is_in(list(cohort.proteins.names)))
    if not known.height:
        example = pairs["protein"][0] if pairs.height else ""
        raise InputError(
            f"{path}: none of its proteins is among the {len(cohort.proteins.names)} of the cohort"
            f"{nearest(example, cohort.proteins.names)}; name them as the protein matrix does"
        )
    lost = pairs["protein"].n_unique() - known["protein"].n_unique()
    if lost:
        add_note(f"{path}: {lost} proteins are not among those of the cohort")
    return known.unique(maintain_order=True)


def _take_samples(cohort: Cohort, wanted: list[str]) -> Dosages:
    """Return variants that are columns of the samples."""
    there = [name for name in wanted if name in cohort.samples.columns]
    for name in there:
        if not cohort.samples[name].dtype.is_numeric():
            raise ColumnError(f"variant {name!r} is {cohort.samples[name].dtype}, not numbers")
    columns = [cohort.samples[name].cast(pl.Float64).to_numpy() for name in there]
    values = np.column_stack(columns) if columns else np.empty((cohort.n, 0))
    return Dosages(cohort.samples[cohort.id_column], ArrayProteins(tuple(there), np.array(values)))


def _assign(
    pairs: pl.DataFrame, dosages: Dosages, rows: I64, cohort: Cohort, *, listing: str | Path
) -> ProteinInstruments:
    place = {name: at for at, name in enumerate(dosages.values.names)}
    wanted = pairs["variant"].n_unique()
    if not place:
        example = pairs["variant"][0]
        raise InputError(
            f"{listing}: none of its {wanted} variants, such as {example!r}, is among the "
            "genotypes; name them as the genotypes do (--genotypes), or as columns of the samples"
        )
    if len(place) < wanted:
        add_note(f"{listing}: {wanted - len(place)} of {wanted} variants are not in the genotypes")
    columns: dict[str, list[int]] = {}
    for protein, variant in pairs.select(_COLUMNS).iter_rows():
        if variant in place:
            columns.setdefault(protein, []).append(place[variant])
    found = ProteinInstruments(
        dosages.values.select_rows(rows),
        tuple(tuple(columns.get(name, ())) for name in cohort.proteins.names),
        rows >= 0,
    )
    without = len(cohort.proteins.names) - found.count
    if without:
        add_note(f"{without} of {len(cohort.proteins.names)} proteins have no instrument")
    return found
