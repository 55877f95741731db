"""The genes of a contrast, and the columns that measure them.

The conserved transcriptional response to adversity has 19 pro-inflammatory genes (+1), 31 of the
interferon response and 3 of antibodies (-1): Fredrickson et al. 2013, doi:10.1073/pnas.1305419110;
without IL6 in Fredrickson et al. 2015, doi:10.1371/journal.pone.0121839.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.ctra.specification import GeneSet
from proteomr.design import Formula
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.io import read_table
from proteomr.runs.notes import add_note
from proteomr.tables import Cohort
from proteomr.tables import columns as c

__all__ = ["COMPONENTS", "Contrast", "add_transcripts", "find_contrast", "read_genes"]

_COLUMNS: Final = ("gene_published", "gene_current", "group", "weight")
COMPONENTS: Final = {"proinflammatory": "inflammatory"}
"""What groups of the published list are called as components, where it is not their own name."""
_LARGEST_LOG: Final = 50.0  # logarithms to base 2 of counts and intensities stay below 40
_NAMED: Final = 12  # genes that a note lists; the table ctra_genes has all


@dataclass(frozen=True, slots=True)
class Contrast:
    """Genes that are measured.

    Attributes
    ----------
    values : ``(n, G)``, each gene's sign times its value; NaN where missing.
    names : the G genes, by their published names.
    groups : of each.
    listed : all genes asked for, with the columns found and what became of each.
    """

    values: F64
    names: tuple[str, ...]
    groups: tuple[str, ...]
    listed: pl.DataFrame

    def choose(self, places: Sequence[int]) -> Contrast:
        """Return some of the genes."""
        chosen = list(places)
        return Contrast(
            self.values[:, chosen],
            tuple(self.names[at] for at in chosen),
            tuple(self.groups[at] for at in chosen),
            self.listed,
        )


def read_genes(path: Path | None, *, named: GeneSet) -> pl.DataFrame:
    """Return the genes of a contrast: published and current name, group, weight.

    Raises
    ------
    ColumnError, InputError
        A column is not there, a gene stands twice, or a weight is no number.

    Examples
    --------
    >>> read_genes(None, named="ctra53")["weight"].sum()
    -15.0
    >>> read_genes(None, named="ctra52").height
    52
    """
    if path is None:
        home = importlib.resources.files("proteomr.schemas") / "ctra" / "genes.csv"
        with importlib.resources.as_file(home) as shipped:
            frame = read_table(shipped)
        if named == "ctra52":
            frame = frame.filter(pl.col("gene_published") != "IL6")
    else:
        frame = read_table(path)
    for name in _COLUMNS:
        if name not in frame.columns:
            raise ColumnError(f"{path}: no column {name!r}{nearest(name, frame.columns)}")
    if not frame["weight"].dtype.is_numeric() or frame["weight"].null_count():
        raise ColumnError(f"{path}: column 'weight' holds what is no number; 1 and -1 are needed")
    frame = frame.select(pl.col(_COLUMNS[:3]).cast(pl.String), pl.col("weight").cast(pl.Float64))
    frame = frame.with_columns(
        pl.col("gene_current").fill_null(pl.col("gene_published")),
        pl.col("group").fill_null("all"),
    )
    if frame["gene_published"].null_count():
        raise ColumnError(f"{path}: rows have no gene_published")
    twice = frame.filter(frame["gene_published"].is_duplicated())["gene_published"]
    if twice.len():
        raise InputError(f"{path}: {twice[0]} stands twice")
    if not (frame["weight"] != 0.0).all():
        raise InputError(f"{path}: a weight of 0 says nothing; leave the gene out")
    return frame


def find_contrast(cohort: Cohort, genes: pl.DataFrame, *, log2: bool = False) -> Contrast:
    """Find the genes among the columns of a cohort, and tell which are missing or given twice.

    A column is a gene by its published or current name, whatever the case, by the gene that its
    assay names (a store of Olink or SomaScan), or with a number behind a mark (``IL8_2``), as
    several probes of one gene have; their mean is taken.

    Raises
    ------
    InputError
        No gene is measured, or values are no logarithms.
    """
    places = _list_places(cohort)
    values, rows = [], []
    for gene in genes.iter_rows(named=True):
        found = _match(gene, places)
        cells = [cohort.proteins.read(slice(at, at + 1))[:, 0] for at in found]
        if log2:
            cells = [_take_logarithms(cell, gene["gene_published"]) for cell in cells]
        column, status = _join(cells)
        if column is not None:
            _refuse_counts(column, gene["gene_published"])
            values.append(column * gene["weight"])
        names = [cohort.proteins.names[at] for at in found]
        rows.append(
            {**gene, "columns": ", ".join(names) or None, "probes": len(names), "found": status}
        )
    listed = pl.DataFrame(rows, schema_overrides={"columns": pl.String, "found": pl.String})
    used = listed.filter(pl.col("found") == "used")
    _tell(listed)
    if not used.height:
        raise InputError(
            f"none of the {genes.height} genes is measured; columns are named as "
            f"{', '.join(cohort.proteins.names[:3])}"
        )
    return Contrast(
        np.column_stack(values),
        tuple(used["gene_published"].to_list()),
        tuple(used["group"].to_list()),
        listed,
    )


def add_transcripts(
    cohort: Cohort, formulas: Iterable[Formula], *, log2: bool = False
) -> pl.DataFrame:
    """Return the samples with the transcripts that covariates name and the samples lack.

    Leukocyte markers (CD3D, CD19, CD14 and others) stand among the genes of an expression matrix;
    several columns of one are averaged, as those of the contrast. A column of the samples comes
    first.

    Raises
    ------
    InputError
        A transcript has no values, one value, or none that are logarithms.
    FormulaError
        A column is in neither.
    """
    places: dict[str, list[int]] = {}
    for at, name in enumerate(cohort.proteins.names):
        places.setdefault(name, []).append(at)
    if c.GENE in cohort.assays.columns:
        for at, gene in enumerate(cohort.assays[c.GENE].to_list()):
            if gene is not None and at not in places.setdefault(gene, []):
                places[gene].append(at)
    samples = cohort.samples
    known = [*samples.columns, *(name for name in places if name not in samples.columns)]
    named = [name for formula in formulas for name in formula.resolve(known).variables]
    wanted = [name for name in dict.fromkeys(named) if name not in samples.columns]
    columns = []
    for name in wanted:
        cells = [cohort.proteins.read(slice(at, at + 1))[:, 0] for at in places[name]]
        cells = [_take_logarithms(cell, name) for cell in cells] if log2 else cells
        column, status = _join(cells)
        if column is None:
            said = "constant" if status == "constant" else "without a value"
            raise InputError(f"covariate {name!r} is {said} in the expression matrix")
        _refuse_counts(column, name)
        columns.append(pl.Series(name, column).fill_nan(None))
    if wanted:
        add_note(f"covariates from the expression matrix: {', '.join(wanted)}")
    return samples.with_columns(columns)


def _list_places(cohort: Cohort) -> dict[str, list[int]]:
    """Return the columns of each name in capitals, by name and by the gene of an assay."""
    places: dict[str, list[int]] = {}
    genes: list[str | None] = [None] * len(cohort.proteins.names)
    if c.GENE in cohort.assays.columns:
        genes = cohort.assays[c.GENE].to_list()
    for at, (name, gene) in enumerate(zip(cohort.proteins.names, genes, strict=True)):
        stem, mark, probe = name.replace(".", "_").rpartition("_")
        spelt = {name.upper(), *((gene or "").upper().split("|"))}
        if mark and probe.isdigit():
            spelt.add(stem.upper())
        for one in spelt - {""}:
            places.setdefault(one.strip(), []).append(at)
    return places


def _match(gene: dict[str, str], places: dict[str, list[int]]) -> list[int]:
    names = {gene["gene_published"].upper(), gene["gene_current"].upper()}
    return sorted({at for name in names for at in places.get(name, [])})


def _join(cells: Sequence[F64]) -> tuple[F64 | None, str]:
    """Return the mean over the columns of a gene, and what became of it."""
    if not cells:
        return None, "missing"
    stacked = np.column_stack(cells)
    stacked[~np.isfinite(stacked)] = np.nan
    there = np.isfinite(stacked)
    count = there.sum(axis=1)
    if not count.any():
        return None, "all_missing"
    mean = np.where(there, stacked, 0.0).sum(axis=1) / np.where(count, count, 1)
    column = np.where(count > 0, mean, np.nan)
    seen = column[np.isfinite(column)]
    if seen.size < 2 or seen.min() == seen.max():
        return None, "constant"
    return column, "used"


def _take_logarithms(column: F64, gene: str) -> F64:
    seen = column[np.isfinite(column)]
    if seen.size and seen.min() <= 0.0:
        raise InputError(
            f"{gene} has values down to {seen.min():g}, which have no logarithm; leave --log2 out "
            "where values are logarithms already"
        )
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log2(column))


def _refuse_counts(column: F64, gene: str) -> None:
    largest = float(np.nanmax(column))
    if largest > _LARGEST_LOG:
        raise InputError(
            f"{gene} has values up to {largest:,.0f}, which are no logarithms to base 2; --log2 "
            "takes the logarithms of values above 0"
        )


def _tell(listed: pl.DataFrame) -> None:
    """Say which genes lack and which are given twice."""
    words = {"missing": "not measured", "all_missing": "without a value", "constant": "constant"}
    for status, word in words.items():
        names = listed.filter(pl.col("found") == status)["gene_published"].to_list()
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            shown = ", ".join(names[:_NAMED])
            add_note(f"{len(names)} of {listed.height} genes {word}: {shown}{more}")
    used = set(listed.filter(pl.col("found") == "used")["group"].to_list())
    without = [name for name in listed["group"].unique(maintain_order=True) if name not in used]
    if used and without:
        add_note(
            f"no gene of {' and '.join(without)} is measured: what is left is "
            f"{', '.join(sorted(used))} alone, and no contrast with them"
        )
    twice = listed.filter(pl.col("probes") > 1)["gene_published"].to_list()
    if twice:
        add_note(
            f"given by several columns, of which the mean is taken: {', '.join(twice[:_NAMED])}"
        )
