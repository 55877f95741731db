"""The job of `gwas cojo`: variants chosen jointly, and all others given these."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import polars as pl

from proteomr.errors import InputError, NothingToDo
from proteomr.execute import Executor
from proteomr.gwas.conditional import analyse_unit
from proteomr.gwas.conditional_requests import CojoRequest
from proteomr.gwas.conditional_units import CojoOptions, TraitVariants, Unit, divide_trait
from proteomr.gwas.given_variants import Found, find_variants
from proteomr.gwas.munging import MungeOptions
from proteomr.gwas.panel import open_panel
from proteomr.gwas.regions import open_coloc_lists, read_region_traits
from proteomr.gwas.study import Study, filter_rows, read_study, read_variant_list
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
)
from proteomr.stats.distributions import z_from_neg_log10
from proteomr.status import Status
from proteomr.tables import Drop, load_schema

__all__ = ["CojoJob", "cojo"]

_TABLES: Final = ("cojo", "cojo_conditional")
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """A chromosome of a trait, and what it is conditioned on; None chooses that."""

    unit: Unit
    given: tuple[int, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """What there is to work through, and what is known before."""

    blocks: tuple[_Block, ...]
    refused: pl.DataFrame
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]
    variants: int
    traits: int


@dataclass(frozen=True, slots=True)
class CojoJob:
    """Joint effects of the variants that count, and those of all others given these."""

    main: ClassVar[str] = "cojo"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: CojoRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of what stands beside the table."""
        return ("cojo_conditional.parquet",)

    def plan(self, *, threads: int) -> Forecast:
        """Read the inputs, and work through the first chromosome."""
        del threads
        started = time.perf_counter()
        opened = self._open()
        read = time.perf_counter() - started
        if opened.blocks:
            self._work(opened.blocks[0])
        first = time.perf_counter() - started - read
        return Forecast(
            units={
                "traits": opened.traits,
                "variants": opened.variants,
                "chromosomes": len(opened.blocks),
            },
            seconds=read + first * len(opened.blocks),
            lines=tuple(("left out", f"{d.n:,} {d.reason} ({d.step})") for d in opened.drops),
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Work through the chromosomes that the ledger lacks, and write both tables."""
        opened = self._open()
        pending = ledger.parts.pending(len(opened.blocks))
        blocks = [opened.blocks[index] for index in pending]
        with contextlib.closing(executor.map(self._work, blocks)) as finished:
            for position, tables in finished:
                ledger.parts.save(pending[position], tables)
        parts = ledger.parts.load_all(len(opened.blocks))
        tables = {
            name: pl.concat(
                [load_schema(name).empty(), *(part[name] for part in parts)], how="diagonal_relaxed"
            )
            for name in _TABLES
        }
        tables["cojo"] = pl.concat([tables["cojo"], opened.refused], how="diagonal_relaxed")
        for name, table in tables.items():
            ledger.write_table(name, table)
        ledger.count_drops(opened.drops)
        without = ~pl.col("status").is_in([Status.ok.name, Status.mismatched.name])
        failed = tables["cojo"].filter(without).height
        left = sum(drop.n for drop in opened.drops)
        return Outcome(
            units=tables["cojo"].height,
            failed=failed,
            filters=filter_rows(opened.variants + left, opened.drops),
            notes=(*opened.notes, *_list_messages(tables["cojo"])),
        )

    def _work(self, block: _Block) -> dict[str, pl.DataFrame]:
        return analyse_unit(block.unit, self.request.options, given=block.given)

    def _open(self) -> _Opened:
        asked = self.request
        with open_scratch() as scratch:
            panel = open_panel(asked.ld.on_disk(scratch), values=asked.ld_values)
            study = _read(asked.study.on_disk(scratch), asked)
            names = None
            if asked.condition is not None:
                names = read_variant_list(asked.condition.path)
        if isinstance(panel, GenotypePanel):
            # Effects of copies in one person are correlated as these are.
            panel = replace(panel, measure="genotype")
        return _choose_blocks(study, panel, asked, names=names)


def cojo(
    study: Data,
    ld: Data,
    *,
    condition: str | Path | None = None,
    options: CojoOptions | None = None,
    read: ReadOptions | None = None,
    ld_values: LdValues = "auto",
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return the variants of a study that count beside each other, and all others given these.

    GCTA-COJO's analysis of summary statistics (Yang and others 2012, doi:10.1038/ng.2213): see
    `proteomr.stats.joint_effects` for the equations and `proteomr.stats.stepwise` for the choice.

    Parameters
    ----------
    study : summary statistics with sample sizes; a path or a frame.
    ld : prefix of genotypes, or a matrix of correlations as a path or a frame.
    condition : file with names of variants to condition on, one a line; None chooses them.
    options : how variants are chosen and conditioned on.
    read : how the study is read; its ``n`` stands for a column of sizes.
    ld_values : what the numbers of a matrix are: r, r2, or auto, as they show.
    out : run folder; None keeps the tables in memory.
    formats : of the tables, parquet first.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : go on with, or replace, what an earlier run left.

    Returns
    -------
    results : tables ``cojo`` (the variants chosen or given, with their joint effects),
        ``cojo_conditional`` (all variants of their windows, given these) and ``drops``.

    Raises
    ------
    InputError
        A file cannot be read, there are no sizes, or the panel has none of the variants.
    NothingToDo
        No variant is significant enough.
    RunFolderError
        The folder is in use, or holds what is not this request's.

    Examples
    --------
    >>> hits = pl.DataFrame({
    ...     "rsid": ["rs1", "rs2"], "chromosome": ["1", "1"], "position_bp": [5, 9],
    ...     "effect_allele": ["A", "A"], "other_allele": ["G", "G"], "beta": [1.0, 0.9],
    ...     "se": [0.1, 0.1], "n": [900, 900]})
    >>> r = pl.DataFrame({"rs1": [1.0, -0.5], "rs2": [-0.5, 1.0]})
    >>> cojo(hits, r).table()["bJ"].round(3).to_list()
    [1.939, 1.86]
    """
    request = CojoRequest.of(
        study, ld, condition=condition, options=options, read=read, ld_values=ld_values
    )
    return call_job(
        CojoJob(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )


def _read(path: Path, asked: CojoRequest) -> Study:
    """Return the rows of a study, also of one with coloc's own columns.

    Raises
    ------
    InputError
        It tells no effects, or frequencies without their allele where these count.
    """
    table = open_coloc_lists(path, asked.read)
    if table is None:
        return read_study(path, options=MungeOptions(read=asked.read))
    names = {name.casefold() for name in table.names}
    minor = "maf" in names and "eaf" not in names
    if minor and asked.options.sizes == "effective":
        raise InputError(
            f"{asked.study.name}: --sizes effective needs the frequencies of the effect alleles, "
            "and 'MAF' is of the rarer ones: add a column 'eaf'"
        )
    traits = read_region_traits(path, options=asked.read)
    if traits[0].form == "p_values":
        raise InputError(
            f"{asked.study.name}: tells P and MAF and no effects, of which no joint effects can be "
            "made: add 'beta' and 'varbeta'"
        )
    rows = pl.concat(
        [
            one.rows.with_columns(pl.lit(one.name or None, pl.String).alias("trait"))
            for one in traits
        ]
    )
    if minor:  # of another allele than the panel's may be
        rows = rows.with_columns(pl.lit(None, pl.Float64).alias("eaf"))
    return Study(rows.drop("maf"), traits[0].drops, traits[0].notes)


def _choose_blocks(
    study: Study, panel: LdSource, asked: CojoRequest, *, names: Sequence[str] | None
) -> _Opened:
    """Return the chromosomes of all traits on which something is to be done.

    Raises
    ------
    InputError
        No trait can be analysed.
    NothingToDo
        No variant is significant enough.
    """
    blocks, refused, faults = list[_Block](), list[pl.DataFrame](), list[InputError]()
    drops, notes, variants = list(study.drops), list(study.notes), 0
    rows = study.rows.with_columns(pl.col("trait").fill_null(asked.study.name))
    traits = rows.partition_by("trait", maintain_order=True)
    for part in sorted(traits, key=lambda part: str(part["trait"][0])):
        trait = str(part["trait"][0])
        try:
            divided = divide_trait(part, panel, trait=trait, options=asked.options)
            given = None if names is None else _find_given(divided, names)
        except InputError as fault:
            faults.append(fault)
            refused.append(_refuse(trait, str(fault)))
            continue
        blocks += _cut(divided, asked.options, given)
        drops += divided.drops
        notes += divided.notes
        variants += divided.rows.height
    if len(faults) == len(traits):
        raise faults[0]
    if not blocks:
        counted = ", ".join(f"{drop.n:,} {drop.reason}" for drop in _add_up(drops) if drop.n)
        left = f" (left out: {counted})" if counted else ""
        raise NothingToDo(
            f"{asked.study.name}: no variant in the panel has p <= {asked.options.p:g}{left}; "
            "raise --p"
        )
    empty = load_schema("cojo").empty()
    return _Opened(
        tuple(blocks),
        pl.concat([empty, *refused], how="diagonal_relaxed"),
        _add_up(drops),
        tuple(dict.fromkeys(notes)),
        variants,
        len(traits),
    )


def _find_given(divided: TraitVariants, names: Sequence[str]) -> tuple[int, ...]:
    """Return the rows of the variants to condition on.

    Raises
    ------
    InputError
        One of them is not among the variants, or its name stands for several.
    """
    found: Found = find_variants(divided.rows, names)
    for lost, why in (
        (found.absent, "is no variant that can be used of both study and panel"),
        (found.shared, "stands for several variants; name it with its alleles"),
    ):
        if lost:
            shown = ", ".join(repr(name) for name in lost[:_SHOWN])
            more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
            raise InputError(f"{divided.trait}: --condition: {shown}{more} {why}")
    return found.rows


def _cut(
    divided: TraitVariants, options: CojoOptions, given: tuple[int, ...] | None
) -> list[_Block]:
    """Return the chromosomes on which a variant is given, or significant enough to begin with."""
    z = (divided.rows["beta"] / divided.rows["se"]).abs().to_numpy()
    least = float(z_from_neg_log10(-math.log10(options.p)))
    blocks = []
    for unit in divided.units(options):
        if given is None and z[unit.start : unit.stop].max() >= least:
            blocks.append(_Block(unit, None))
        elif given is not None:
            own = [row - unit.start for row in given if unit.start <= row < unit.stop]
            blocks += [_Block(unit, tuple(own))] * bool(own)
    return blocks


def _list_messages(table: pl.DataFrame) -> list[str]:
    """Return what is said of fitted variants, once for each chromosome."""
    fitted = pl.col("status").is_in([Status.ok.name, Status.mismatched.name])
    told = table.filter(fitted).drop_nulls("message")
    places = told.unique(["trait", "chromosome", "message"], maintain_order=True)
    return [
        f"{trait}, chromosome {chromosome or 'unknown'}: {message}"
        for trait, chromosome, message in places.select(
            "trait", "chromosome", "message"
        ).iter_rows()
    ]


def _refuse(trait: str, why: str) -> pl.DataFrame:
    """Return the row of a trait that cannot be analysed."""
    status = Status.not_identified.name
    return pl.DataFrame({"trait": [trait], "status": [status], "message": [why]})


def _add_up(drops: Sequence[Drop]) -> tuple[Drop, ...]:
    """Return what was left out of all traits by reason."""
    counts = dict[tuple[str, str], int]()
    for drop in drops:
        key = (drop.step, drop.reason)
        counts[key] = counts.get(key, 0) + drop.n
    return tuple(Drop(step, reason, n) for (step, reason), n in counts.items())
