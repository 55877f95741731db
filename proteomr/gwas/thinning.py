"""Files of summary statistics thinned to the variants that stand for others: clumps and leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.gwas.clump import Clumping, clump_traits
from proteomr.gwas.leads import leads
from proteomr.gwas.munge import MungeOptions
from proteomr.gwas.panel import open_panel
from proteomr.gwas.study import Study, read_names_and_p, read_study
from proteomr.io.sumstats.source import ReadOptions
from proteomr.stats.linkage import LdMeasure
from proteomr.tables import Drop

__all__ = ["ClumpRequest", "LeadsRequest", "Thinned", "clump_file", "find_leads"]


@dataclass(frozen=True, slots=True)
class ClumpRequest:
    """What is to be clumped, and how.

    Parameters
    ----------
    path : file of summary statistics, or a table with columns SNP and P.
    ld : panel, see `proteomr.gwas.panel.open_panel`.
    measure : how its genotypes are correlated; None as PLINK does.
    clumping : thresholds.
    read : how the file is read.
    """

    path: Path
    ld: Path
    measure: LdMeasure | None = None
    clumping: Clumping = field(default_factory=Clumping)
    read: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True, slots=True)
class LeadsRequest:
    """Where leads are looked for, and how.

    Parameters
    ----------
    path : file of summary statistics.
    p_value, distance_bp : see `proteomr.gwas.leads.leads`.
    read : how the file is read.
    """

    path: Path
    p_value: float = 5e-8
    distance_bp: int = 500_000
    read: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True, slots=True, eq=False)
class Thinned:
    """The rows that stay, and what became of the others.

    Parameters
    ----------
    table : rows that stand for others.
    tables : further tables by name: ``clumps``, to which clump each variant went.
    drops : what was left out, with reasons.
    notes : what a user should know, one sentence each.
    n : rows that were looked at.
    inputs : the files that were read.
    """

    table: pl.DataFrame
    tables: Mapping[str, pl.DataFrame]
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]
    n: int
    inputs: tuple[Path, ...]


def clump_file(request: ClumpRequest) -> Thinned:
    r"""Return the most significant variant of each clump of correlated ones, trait by trait.

    Raises
    ------
    InputError
        A file cannot be read, or the panel has none of the variants.
    NothingToDo
        No variant is significant enough.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file, ld = Path(folder) / "x.txt", Path(folder) / "ld.csv"
    ...     size = ld.write_text("rs1,rs2\n1,0.9\n0.9,1\n")
    ...     read = ReadOptions(trait="x")
    ...     size = file.write_text(
    ...         "snp chr pos ea oa beta se\nrs1 1 5 A G 1 0.1\nrs2 1 9 A G 2 0.1\n"
    ...     )
    ...     clump_file(ClumpRequest(file, ld, read=read)).table["rsid"].to_list()
    ['rs2']
    """
    panel = open_panel(request.ld, measure=request.measure)
    study = _read_hits(request)
    clumps, found_by = clump_traits(study.rows, panel.ld, options=request.clumping)
    counts = clumps["reason"].value_counts(sort=True).rows()
    index = clumps.filter(clumps["reason"] == "index")
    if not index.height:
        told = ", ".join(f"{n} {reason}" for reason, n in counts)
        p1 = request.clumping.p1
        raise NothingToDo(
            f"{request.path}: no variant has p <= {p1:g} and is in the panel ({told})"
        )
    kept = pl.concat(
        [study.rows[index["row"]], index.select("index_variant", "reason")], how="horizontal"
    )
    left_out = (Drop("clump", reason, n) for reason, n in counts if reason != "index")
    return Thinned(
        table=kept,
        tables={"clumps": clumps.drop("row")},
        drops=(*study.drops, *left_out),
        notes=(*study.notes, *found_by),
        n=study.rows.height,
        inputs=(request.path, *panel.files),
    )


def find_leads(request: LeadsRequest) -> Thinned:
    r"""Return the strongest variant of each stretch of a file; linkage is not looked at.

    Raises
    ------
    InputError
        The file cannot be read.
    NothingToDo
        No variant is significant enough.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
    ...     size = file.write("snp chr pos ea oa beta se\nrs1 1 5 A G 1 0.1\nrs2 1 9 A G 2 0.1\n")
    ...     file.flush()
    ...     find_leads(LeadsRequest(Path(file.name))).table["rsid"].to_list()
    ['rs2']
    """
    study = read_study(request.path, options=MungeOptions(read=request.read))
    found = leads(study.rows.lazy(), p_value=request.p_value, distance_bp=request.distance_bp).frame
    if not found.height:
        raise NothingToDo(
            f"{request.path}: no variant with a position has p <= {request.p_value:g}; raise --p"
        )
    n = study.rows.height
    drops = (*study.drops, Drop("leads", "no_lead", n - found.height))
    return Thinned(found, {}, drops, study.notes, n, (request.path,))


def _read_hits(request: ClumpRequest) -> Study:
    """Return canonical rows, or names and p values alone of a table with columns SNP and P."""
    rows = read_names_and_p(request.path, request.read)
    if rows is None:
        return read_study(request.path, options=MungeOptions(read=request.read))
    note = f"{request.path.name}: no effects; columns 'SNP' and 'P' alone are taken"
    return Study(rows, (), (note,))
