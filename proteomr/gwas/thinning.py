"""Jobs that thin summary statistics to variants that stand for others: `gwas clump` and `leads`."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.execute import Executor
from proteomr.gwas.clumping import Clumping, clump_traits
from proteomr.gwas.lead_variants import find_leads
from proteomr.gwas.munge_job import require_parquet
from proteomr.gwas.munging import MungeOptions
from proteomr.gwas.panel import open_panel
from proteomr.gwas.study import Study, filter_rows, read_hits, read_study
from proteomr.gwas.thinning_requests import ClumpRequest, LeadsRequest
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import (
    Data,
    Forecast,
    Ledger,
    Outcome,
    Results,
    call_job,
    open_scratch,
)
from proteomr.stats.linkage import LdMeasure
from proteomr.tables import Drop

__all__ = ["ClumpJob", "LeadsJob", "clump", "leads"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Thinned:
    """The rows that stay, and what became of the others."""

    rows: pl.DataFrame
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]
    n: int
    clumps: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class ClumpJob:
    """The most significant variant of each clump of correlated ones, trait by trait."""

    main: ClassVar[str] = "index_variants"
    as_file: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ()

    request: ClumpRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of what stands beside the table."""
        return ("clumps.parquet",)

    def plan(self, *, threads: int) -> Forecast:
        """Clump the variants, and say how many would stay."""
        del threads
        started = time.perf_counter()
        return _forecast(self._thin(), "clumps", started=started)

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Clump the variants, and write the index variants and where each went."""
        del executor
        return _write(self._thin(), ledger, main=self.main)

    def _thin(self) -> _Thinned:
        asked = self.request
        with open_scratch() as scratch:
            panel = open_panel(
                asked.ld.on_disk(scratch), measure=asked.measure, values=asked.ld_values
            )
            study = read_hits(asked.study.on_disk(scratch), asked.read)
        clumps, found_by = clump_traits(study.rows, panel, options=asked.clumping)
        counted = clumps["reason"].value_counts(name="n")
        counts = counted.sort("n", "reason", descending=[True, False]).rows()
        index = clumps.filter(clumps["reason"] == "index")
        if not index.height:
            reasons = ", ".join(f"{n} {reason}" for reason, n in counts)
            raise NothingToDo(
                f"{asked.study.name}: no variant has p <= {asked.clumping.p1:g} and is in the "
                f"panel ({reasons})"
            )
        names = index.select("index_variant", "reason")
        left_out = (Drop("clump", reason, n) for reason, n in counts if reason != "index")
        return _Thinned(
            pl.concat([study.rows[index["row"]], names], how="horizontal"),
            (*study.drops, *left_out),
            (*study.notes, *found_by),
            study.rows.height,
            clumps.drop("row"),
        )


@dataclass(frozen=True, slots=True)
class LeadsJob:
    """The strongest variant of each stretch of a study; linkage is not looked at."""

    main: ClassVar[str] = "leads"
    as_file: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ()

    request: LeadsRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of what stands beside the table."""
        return ()

    def plan(self, *, threads: int) -> Forecast:
        """Look for leads, and say how many there are."""
        del threads
        started = time.perf_counter()
        return _forecast(self._thin(), "leads", started=started)

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Look for leads, and write them."""
        del executor
        return _write(self._thin(), ledger, main=self.main)

    def _thin(self) -> _Thinned:
        asked = self.request
        with open_scratch() as scratch:
            study = _read(asked.study.on_disk(scratch), asked.read)
        lead_rows = find_leads(
            study.rows.lazy(), p_value=asked.p_value, distance_bp=asked.distance_bp
        ).frame
        if not lead_rows.height:
            raise NothingToDo(
                f"{asked.study.name}: no variant with a position has p <= {asked.p_value:g}; "
                "raise --p"
            )
        n = study.rows.height
        drops = (*study.drops, Drop("leads", "no_lead", n - lead_rows.height))
        return _Thinned(lead_rows, drops, study.notes, n)


def clump(
    study: Data,
    ld: Data,
    *,
    measure: LdMeasure | None = None,
    clumping: Clumping | None = None,
    read: ReadOptions | None = None,
    ld_values: LdValues = "auto",
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return the most significant variant of each clump of correlated ones, trait by trait.

    Parameters
    ----------
    study : summary statistics, or a table with columns SNP and P; a path or a frame.
    ld : prefix of genotypes, or a matrix of correlations as a path or a frame.
    measure : haplotype (as PLINK) or genotype correlations; None for the first.
    clumping : thresholds.
    read : how the study is read.
    ld_values : what the numbers of a matrix are: r, r2, or auto, as they show.
    out : file of the table, whose name ends in .parquet; None keeps the tables in memory.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : take the result of this same request that is there, or replace what is.

    Returns
    -------
    results : tables ``index_variants``, ``clumps`` (to which clump each variant went) and
        ``drops``.

    Raises
    ------
    InputError
        A file cannot be read, or the panel has none of the variants.
    NothingToDo
        No variant is significant enough.
    RunFolderError
        The output is in use, or holds what is not this request's.

    Examples
    --------
    >>> hits = pl.DataFrame({
    ...     "rsid": ["rs1", "rs2"], "chromosome": ["1", "1"], "position_bp": [5, 9],
    ...     "effect_allele": ["A", "A"], "other_allele": ["G", "G"], "beta": [1.0, 2.0],
    ...     "se": [0.1, 0.1]})
    >>> r = pl.DataFrame({"rs1": [1.0, 0.9], "rs2": [0.9, 1.0]})
    >>> clump(hits, r).table()["rsid"].to_list()
    ['rs2']
    """
    require_parquet(out)
    request = ClumpRequest.of(
        study, ld, measure=measure, clumping=clumping, read=read, ld_values=ld_values
    )
    return call_job(ClumpJob(request), out=out, threads=threads, resume=resume, overwrite=overwrite)


def leads(
    study: Data,
    *,
    p_value: float = 5e-8,
    distance_bp: int = 500_000,
    read: ReadOptions | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return the strongest variant of each stretch of a study; linkage is not looked at.

    Parameters
    ----------
    study : summary statistics; a path or a frame.
    p_value : largest of a lead.
    distance_bp : least distance of two leads.
    read : how the study is read.
    out : file of the table, whose name ends in .parquet; None keeps the tables in memory.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : take the result of this same request that is there, or replace what is.

    Returns
    -------
    results : tables ``leads`` and ``drops``.

    Raises
    ------
    InputError
        The file cannot be read.
    NothingToDo
        No variant is significant enough.
    RunFolderError
        The output is in use, or holds what is not this request's.

    Examples
    --------
    >>> hits = pl.DataFrame({
    ...     "rsid": ["rs1", "rs2"], "chromosome": ["1", "1"], "position_bp": [5, 9],
    ...     "effect_allele": ["A", "A"], "other_allele": ["G", "G"], "beta": [1.0, 2.0],
    ...     "se": [0.1, 0.1]})
    >>> leads(hits).table()["rsid"].to_list()
    ['rs2']
    """
    require_parquet(out)
    request = LeadsRequest.of(study, p_value=p_value, distance_bp=distance_bp, read=read)
    return call_job(LeadsJob(request), out=out, threads=threads, resume=resume, overwrite=overwrite)


def _read(path: Path, options: ReadOptions) -> Study:
    _log.info("reading %s", path)
    return read_study(path, options=MungeOptions(read=options))


def _forecast(thinned: _Thinned, what: str, *, started: float) -> Forecast:
    return Forecast(
        units={"variants": thinned.n, what: thinned.rows.height},
        seconds=time.perf_counter() - started,
        lines=tuple(
            ("left out", f"{drop.n:,} {drop.reason} ({drop.step})")
            for drop in thinned.drops
            if drop.n
        ),
        parallel=False,
    )


def _write(thinned: _Thinned, ledger: Ledger, *, main: str) -> Outcome:
    ledger.write_table(main, thinned.rows)
    if thinned.clumps is not None:
        ledger.write_table("clumps", thinned.clumps)
    ledger.count_drops(thinned.drops)
    unread = [drop for drop in thinned.drops if drop.step == "munge" and drop.n]
    rows = thinned.rows.height + sum(drop.n for drop in thinned.drops)
    return Outcome(
        filters=filter_rows(rows, thinned.drops),
        notes=(*(f"left out: {drop.n:,} {drop.reason}" for drop in unread), *thinned.notes),
    )
