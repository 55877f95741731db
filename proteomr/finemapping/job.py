"""The job of `finemap`: a trait, and correlations, to probabilities and credible sets."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import polars as pl

from proteomr.errors import InputError
from proteomr.execute import Executor
from proteomr.finemapping.mapping import MapWork
from proteomr.finemapping.request import TABLES, FinemapRequest, Unmappable, Windows
from proteomr.finemapping.variances import find_variances
from proteomr.finemapping.windows import Unit, cut_regions
from proteomr.gwas.correlations import refuse_unclear, refuse_unsigned
from proteomr.gwas.gene_regions import Region
from proteomr.gwas.panel import open_panel
from proteomr.gwas.prior_weights import read_prior_weights
from proteomr.gwas.region_traits import RegionTrait
from proteomr.gwas.regions import read_region_traits
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.io.genetics.genotypes import GenotypePanel, LdSource
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import (
    Data,
    Forecast,
    Ledger,
    Outcome,
    Results,
    TableFormat,
    call_job,
    open_scratch,
    pack_tables,
    unpack_tables,
)
from proteomr.runs.timing import peak_memory
from proteomr.stats.susie import SusieOptions
from proteomr.tables import Drop

__all__ = ["WITHOUT_ANSWER", "FinemapJob", "finemap"]

_BLOCK: Final = "block"
WITHOUT_ANSWER: Final = (
    "too_few",
    "nothing_shared",
    "not_identified",
    "not_positive",
    "prior_too_large",
    "not_converged",
    "needs_sample_size",
    "infinite",
)
"""Statuses of regions that have no answer, or none that may be used."""


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """The inputs, read: the regions and what works through them."""

    work: MapWork
    units: tuple[Unit, ...]
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FinemapJob:
    """Fine mapping of one region or of many, each kept as it is done."""

    main: ClassVar[str] = "finemap"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: FinemapRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of the tables."""
        return tuple(f"{name}.parquet" for name in TABLES)

    def plan(self, *, threads: int) -> Forecast:
        """Read the inputs and fine map the first region."""
        started = time.process_time()
        opened = self._open()
        read = time.process_time() - started
        began = time.process_time()
        first = opened.work(opened.units[0])
        each = time.process_time() - began
        count = len(opened.units)
        sizes = [unit.take(opened.work.traits[unit.trait]).height for unit in opened.units]
        scale = sum(size**2 for size in sizes) / max(sizes[0], 1) ** 2
        return Forecast(
            units={"traits": len(opened.work.traits), "regions": count, "variants": sum(sizes)},
            seconds=read + each * scale,
            elapsed=read + each * max(1.0, scale / min(threads, count)),
            memory_bytes=float(peak_memory()),
            lines=(
                ("method", str(first["finemap"]["method"][0])),
                ("timed", f"{opened.units[0].label}, {sizes[0]:,} variants"),
            ),
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Fine map the regions that the ledger lacks; join and write the tables."""
        opened = self._open()
        pending = ledger.parts.pending(len(opened.units))
        units = [opened.units[index] for index in pending]
        with contextlib.closing(executor.map(opened.work, units)) as finished:
            for position, tables in finished:
                ledger.parts.save(pending[position], {_BLOCK: pack_tables(tables)})
        parts = [unpack_tables(part[_BLOCK]) for part in ledger.parts.load_all(len(opened.units))]
        joined = {name: pl.concat([part[name] for part in parts]) for name in (*TABLES, "drops")}
        for name in TABLES:
            ledger.write_table(name, joined[name])
        ledger.count_drops([*opened.drops, *_sum_drops(joined["drops"])])
        statuses = joined["finemap"]["status"]
        return Outcome(
            units=len(opened.units),
            failed=int(statuses.is_in(WITHOUT_ANSWER).sum()),
            notes=(*opened.notes, *_gather_notes(parts)),
        )

    def _open(self) -> _Opened:
        with open_scratch() as scratch:
            return _open(self.request, scratch)


def finemap(
    trait: Data,
    ld: Data | None = None,
    *,
    ld_values: LdValues = "auto",
    read: ReadOptions | None = None,
    facts: TraitFacts | None = None,
    region: Region | None = None,
    windows: Windows | None = None,
    susie: SusieOptions | None = None,
    unmappable: Unmappable = "none",
    remove_mismatched: bool = False,
    check_mismatch: bool = True,
    prior_weights: Data | None = None,
    p1: float = 1e-4,
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return which variants of a region are likely causal, and credible sets of them.

    With correlations by sums of single effects, see `proteomr.stats.susie.fit_susie`; without by
    Wakefield's Bayes factors for one causal variant, see `proteomr.stats.wakefield`.

    Parameters
    ----------
    trait : summary statistics in any known format, or coloc's own columns; a path or a frame. A
        column ``trait`` parts several.
    ld : prefix of genotypes, or a matrix of correlations as a path or a frame.
    ld_values : what the numbers of a matrix are: r, r2, or auto, as they show.
    read : how the trait is read.
    facts : kind of trait, people, spread, share of cases.
    region : the stretch wanted; None for the whole file where it is one locus or tells no places,
        else windows around leads.
    windows : these.
    susie : effects, coverage, purity, prior and residual variance.
    unmappable : ``inf`` for small effects of all variants besides (SuSiE-inf).
    remove_mismatched : leave out variants whose effect is likely of the other allele.
    check_mismatch : hold statistics against correlations; without, regions are ``unchecked``.
    prior_weights : table with ``snp`` and ``weight``; a path or a frame.
    p1 : prior probability of a variant to be causal, without correlations.
    out : run folder; None keeps the tables in memory.
    formats : of the tables, parquet first; the others stand beside it.
    threads : regions at once; None for all processors.
    resume, overwrite : go on with a run of this same request, or replace what is there.

    Returns
    -------
    results : tables ``finemap`` (a row for each region), ``pips`` and ``credible_sets``.

    Raises
    ------
    UsageError
        An option does nothing here, or lacks another.
    InputError, FormatError
        A file cannot be read, or its columns contradict each other.
    NothingToDo
        No row is in the region, or no variant is a lead.
    RunFolderError
        The folder is in use, or holds what is not this request's.

    Examples
    --------
    >>> rows = pl.DataFrame({
    ...     "snp": ["s1", "s2"], "position": [5, 9], "beta": [0.5, -0.1], "varbeta": [0.0025] * 2})
    >>> r = pl.DataFrame({"s1": [1.0, -0.2], "s2": [-0.2, 1.0]})
    >>> mapped = finemap(rows, r, facts=TraitFacts(n=1000))
    >>> mapped.table("pips")["pip"].round(3).to_list()
    [1.0, 0.0]
    """
    request = FinemapRequest.of(
        trait,
        ld,
        ld_values=ld_values,
        read=read,
        facts=facts,
        region=region,
        windows=windows,
        susie=susie,
        unmappable=unmappable,
        remove_mismatched=remove_mismatched,
        check_mismatch=check_mismatch,
        prior_weights=prior_weights,
        p1=p1,
    )
    return call_job(
        FinemapJob(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )


def _open(asked: FinemapRequest, scratch: Path) -> _Opened:
    """Read the trait, the panel and the weights, and find the regions."""
    panel = None if asked.ld is None else _open_panel(asked.ld.on_disk(scratch), asked.ld_values)
    traits = read_region_traits(asked.trait.on_disk(scratch), options=asked.reading)
    if panel is not None and traits[0].form == "p_values":
        raise InputError(
            f"{asked.trait.name}: tells P without effects, and with --ld their signs are needed: "
            "add beta and its error, or leave --ld out"
        )
    if panel is None:
        _refuse_unscaled(traits, asked)
    weights = None
    if asked.prior_weights is not None:
        weights = read_prior_weights(asked.prior_weights.on_disk(scratch))
        _refuse_weightless(traits, weights, asked.prior_weights.name)
    units = cut_regions(traits, region=asked.region, windows=asked.windows)
    if panel is not None:
        refuse_unclear(pl.concat(trait.rows for trait in traits), panel)
    work = MapWork(
        traits,
        panel,
        asked.facts,
        asked.susie,
        asked.unmappable,
        asked.remove_mismatched,
        asked.check_mismatch,
        asked.p1,
        weights,
    )
    notes = (*traits[0].notes, *_advise(asked, traits), *_tell_idle(asked.windows, units))
    return _Opened(work, units, traits[0].drops, notes)


def _open_panel(path: Path, values: LdValues) -> LdSource:
    panel = open_panel(path, values=values)
    refuse_unsigned(panel)
    return replace(panel, measure="genotype") if isinstance(panel, GenotypePanel) else panel


def _refuse_unscaled(traits: tuple[RegionTrait, ...], asked: FinemapRequest) -> None:
    """Refuse traits of which none tells the scale of its effects, in any of its regions."""
    faults = []
    for trait in traits:
        try:
            find_variances(trait, asked.facts)
        except InputError as fault:
            faults.append(fault)
    if len(faults) == len(traits):
        raise InputError(f"{asked.trait.name}: {faults[0]}")


def _refuse_weightless(
    traits: tuple[RegionTrait, ...], weights: Mapping[str, float], name: str
) -> None:
    """Refuse a table of weights that names no variant of the trait."""
    for trait in traits:
        known = trait.rows["variant_id"].is_in(list(weights))
        if not known.any():
            raise InputError(f"{name}: names none of the {trait.height:,} variants of {trait.name}")


def _advise(asked: FinemapRequest, traits: tuple[RegionTrait, ...]) -> tuple[str, ...]:
    """Return notes on what would make the answer better."""
    if asked.ld is None or asked.facts.n is not None:
        return ()
    told = np.concatenate([trait.n for trait in traits])
    told = told[np.isfinite(told)]
    known = f" (the file tells {np.median(told):,.0f})" if told.size else ""
    note = "without --n statistics are taken as of endlessly many people; add it, even a rough one"
    return (note + known,)


def _tell_idle(windows: Windows, units: Sequence[Unit]) -> tuple[str, ...]:
    """Return a note where windows are described, and traits are one region each without any."""
    whole = [unit.label for unit in units if unit.region is None]
    if not (windows.chosen and whole):
        return ()
    traits = len({unit.trait for unit in units})
    which = f"{len(whole):,} of {traits:,} traits" if len(whole) < traits else "what is read"
    options = ", ".join(windows.chosen)
    return (f"{options} has no effect on {which}: a single locus, or no places",)


def _sum_drops(drops: pl.DataFrame) -> list[Drop]:
    summed = drops.group_by("step", "reason", maintain_order=True).agg(pl.col("n").sum())
    return [Drop(step, reason, n) for step, reason, n in summed.rows()]


def _gather_notes(parts: Sequence[Mapping[str, pl.DataFrame]]) -> tuple[str, ...]:
    """Return the notes of regions, each once."""
    return tuple(dict.fromkeys(note for part in parts for note in part["notes"]["note"]))
