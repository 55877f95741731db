"""Covariates that have their own column for each protein, or for each panel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr.errors import InputError
from proteomr.io.cohort import choose_id
from proteomr.io.identifiers import match_ids
from proteomr.io.proteins import open_proteins
from proteomr.tables import Cohort, ProteinCovariate
from proteomr.tables import columns as c

__all__ = ["read_protein_covariate"]

_EXAMPLES: Final = 3


def read_protein_covariate(
    name: str,
    path: str | Path,
    *,
    cohort: Cohort,
    scratch: Path,
    id_column: str | None = None,
) -> ProteinCovariate:
    r"""Return a covariate that has its own column for each protein, or for each panel.

    A protein takes the column of its own name; where there is none, the column of its panel,
    compared without spaces and letter case. People whom the file lacks have missing values.

    Parameters
    ----------
    name : name of the covariate in a formula.
    path : the identifier and one numeric column per protein or per panel.
    cohort : the people and proteins to align to; its assays tell the panels.
    scratch : folder for a converted text file; the caller removes it after the last read.
    id_column : name of the identifier; None for the usual names.

    Raises
    ------
    InputError
        Proteins have no column, with their count and examples.
    IdentifierError
        The file shares nobody with the cohort.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io import read_cohort
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     size = (folder / "samples.csv").write_text("ID,age\n1,50\n2,61\n")
    ...     size = (folder / "olink.csv").write_text("ID,ADM\n1,0.5\n2,1.5\n")
    ...     size = (folder / "gap.csv").write_text("ID,ADM\n2,7.25\n")
    ...     cohort = read_cohort(folder / "samples.csv", folder / "olink.csv", scratch=folder)
    ...     gap = read_protein_covariate("gap", folder / "gap.csv", cohort=cohort, scratch=folder)
    ...     gap.values.read(slice(0, 1)).T
    array([[ nan, 7.25]])
    """
    own = choose_id(Path(path), id_column)
    opened = open_proteins(path, scratch=scratch, id_column=own)
    ids = cohort.samples[cohort.id_column]
    match = match_ids(ids, opened.ids, names=("cohort", f"file of {name!r}"))
    stored = opened.proteins.select_rows(match.row)
    column_of = _resolve_columns(name, stored.names, cohort=cohort, path=path)
    return ProteinCovariate(name, stored, column_of)


def _resolve_columns(
    name: str, columns: Sequence[str], *, cohort: Cohort, path: str | Path
) -> tuple[int, ...]:
    own = {column: position for position, column in enumerate(columns)}
    by_panel = {_plain(column): position for position, column in enumerate(columns)}
    panels: Sequence[str | None] = [None] * len(cohort.proteins.names)
    if c.PANEL in cohort.assays.columns:
        panels = cohort.assays[c.PANEL].cast(pl.String).to_list()
    positions = [
        own.get(protein, by_panel.get(_plain(panel), -1) if panel else -1)
        for protein, panel in zip(cohort.proteins.names, panels, strict=True)
    ]
    lacking = [cohort.proteins.names[i] for i in np.flatnonzero(np.array(positions) < 0)]
    if lacking:
        shown = ", ".join(repr(protein) for protein in lacking[:_EXAMPLES])
        remedy = (
            "name the columns after proteins or panels"
            if c.PANEL in cohort.assays.columns
            else "name the columns after proteins, or give the assays with their panels (--assays)"
        )
        raise InputError(
            f"{path}: {len(lacking)} of {len(positions)} proteins have no column for {name!r}, "
            f"such as {shown}; {remedy}"
        )
    return tuple(positions)


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()
