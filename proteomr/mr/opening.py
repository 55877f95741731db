"""The inputs of an analysis, read up to its blocks."""

from __future__ import annotations

import filecmp
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.errors import InputError, NothingToDo
from proteomr.gwas.correlations import refuse_unsigned
from proteomr.gwas.munging import MungeOptions
from proteomr.gwas.panel import open_panel
from proteomr.gwas.study import read_variant_list
from proteomr.io.genetics.genotypes import GenotypePanel, LdSource
from proteomr.mr.altering import Flagged, describe_altering, flag_altering, list_flagged
from proteomr.mr.blocks import Block, JointWork, PairWork, Work, cut_blocks, name_direction
from proteomr.mr.choice import build_methods, name_methods
from proteomr.mr.controls import read_controls
from proteomr.mr.genome_choice import count_drawn
from proteomr.mr.genome_wide import Genomes, read_genomes
from proteomr.mr.inputs import (
    InstrumentRule,
    Instruments,
    Outcomes,
    read_instruments,
    read_outcomes,
)
from proteomr.mr.instruments import label_cis
from proteomr.mr.linkage import Linkage
from proteomr.mr.multivariable.tables import read_joint
from proteomr.mr.named_pairs import NamedPairs
from proteomr.mr.outcome_names import name_outcomes_apart
from proteomr.mr.pairs import Pairs, ReadyPairs, StudyPairs
from proteomr.mr.request import MrRequest
from proteomr.mr.trait_sizes import check_names
from proteomr.tables import columns as c
from proteomr.tables.genes import Build

__all__ = ["Opened", "open_analysis"]

_log = logging.getLogger(__name__)
_MANY: Final = 1_000  # pairs, which take seconds to hours: said before the work


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """An analysis whose inputs are read.

    Attributes
    ----------
    work : makes the tables of a block.
    blocks : what it is done on.
    pairs : how many pairs there are; of several exposures at once, how many exposures.
    tables : those that are known before the blocks.
    controls : pairs of which the answer is known; None for none.
    notes : what a user should know of how the inputs were read.
    """

    work: Work
    blocks: Sequence[Block]
    pairs: int
    tables: Mapping[str, pl.DataFrame]
    controls: pl.DataFrame | None
    notes: tuple[str, ...] = ()


def open_analysis(request: MrRequest, scratch: Path) -> Opened:
    """Read the inputs of an analysis; the files are not needed afterwards.

    Parameters
    ----------
    request : what is asked.
    scratch : folder for frames that are read as files.

    Raises
    ------
    InputError, FormatError
        A file cannot be read.
    NothingToDo
        No instrument, or no harmonised variant, is left.
    """
    sources = [*filter(None, [request.exposure, *request.outcomes, request.harmonised])]
    _log.info("reading %s", ", ".join(source.name for source in sources))
    controls_file = request.controls
    controls = None if controls_file is None else read_controls(controls_file.on_disk(scratch))
    if request.joint:
        return _open_joint(request, scratch, controls)
    tables: dict[str, pl.DataFrame] = {}
    notes: tuple[str, ...] = ()
    altering: tuple[Flagged, ...] | None = None
    directions: tuple[Pairs, ...]
    genomes: Genomes | None = None
    linkage = _open_linkage(request, scratch)
    if request.harmonised is not None:
        path = request.harmonised.on_disk(scratch)
        ready = ReadyPairs.read(path, outcome_p=request.rule.outcome_p)
        if linkage is not None:
            linkage.refuse_strangers(ready.rows)
        directions = (ready,)
    else:
        studies, notes = _read_studies(request, scratch)
        flagged = [study.instruments.strength for study in studies]
        if request.altering is not None:
            flagged, said = _flag(request, scratch, flagged)
            notes, altering = (*notes, said), tuple(map(list_flagged, flagged))
        strength = [name_direction(rows, place) for place, rows in enumerate(flagged)]
        tables["instruments"] = label_placement(pl.concat(strength, how="diagonal_relaxed"))
        directions = studies
        genomes, said_of_genomes = _read_genomes(request, scratch, studies[0])
        notes = (*notes, *said_of_genomes)
    work = PairWork(
        directions,
        build_methods(request.methods),
        request.seed,
        request.steiger_filter,
        request.outcome_size,
        request.overlap,
        request.log_odds,
        {name: (cases, controls) for name, cases, controls in request.outcome_cases},
        linkage,
        request.prune_r2,
        altering,
        request.clusters,
        genomes,
    )
    if request.outcome_cases:
        check_names(request.outcome_cases, directions[0].outcome_names)
    count = sum(direction.count for direction in directions)
    level = logging.WARNING if count >= _MANY else logging.INFO
    _log.log(level, "note: %s pairs by %s", f"{count:,}", ", ".join(name_methods(work.methods)))
    return Opened(work, cut_blocks(directions), count, tables, controls, notes)


def label_placement(instruments: pl.DataFrame) -> pl.DataFrame:
    """Return instruments with ``placement``: cis or trans where the exposure is named as a gene.

    It is null where the name is no gene's, or the build of the positions is not known.

    Parameters
    ----------
    instruments : the schema ``instruments``, and ``build`` where known.

    Examples
    --------
    >>> rows = pl.DataFrame(
    ...     {"exposure": ["GDF15", "GDF15"], "chromosome": ["19", "2"],
    ...      "position_bp": [18_400_000, 1], "build": ["GRCh38"] * 2}
    ... )
    >>> label_placement(rows)["placement"].to_list()
    ['cis', 'trans']
    """
    empty = pl.lit(None, pl.String).alias("placement")
    if "build" not in instruments.columns or not instruments.height:
        return instruments.with_columns(empty)
    known: dict[object, Build] = {"GRCh37": "GRCh37", "GRCh38": "GRCh38"}
    parts = [
        label_cis(part, build=known[build], gene_column=c.EXPOSURE)
        if build in known
        else part.with_columns(empty)
        for (build,), part in instruments.with_row_index("_row").group_by("build")
    ]
    return pl.concat(parts).sort("_row").drop("_row")


def _flag(
    request: MrRequest, scratch: Path, instruments: Sequence[pl.DataFrame]
) -> tuple[list[pl.DataFrame], str]:
    """Return instruments with what they may stand for, and a note on these."""
    listed = () if request.altering is None else read_variant_list(request.altering.path)
    ld, width = _open_ld(request, scratch), request.rule.clumping.kb * 1000.0
    flagged = [flag_altering(rows, listed, ld=ld, width_bp=width) for rows in instruments]
    together = pl.concat(flagged, how="diagonal_relaxed")
    return flagged, describe_altering(together, listed, ld=ld)


def _open_joint(request: MrRequest, scratch: Path, controls: pl.DataFrame | None) -> Opened:
    path = Path() if request.harmonised is None else request.harmonised.on_disk(scratch)
    data = read_joint(path)
    work = JointWork(data, request.methods, request.seed)
    return Opened(work, [Block(0, (0, 1))], len(data.exposures), {}, controls)


def _read_studies(
    request: MrRequest, scratch: Path
) -> tuple[tuple[StudyPairs | NamedPairs, ...], tuple[str, ...]]:
    """Read exposure and outcomes, and choose instruments, both ways if asked; and notes."""
    rule = request.rule
    if request.instruments is not None:
        rule = replace(rule, variants=read_variant_list(request.instruments.path))
    ld = _open_ld(request, scratch)
    if request.exposure is None:
        return (), ()
    exposure = request.exposure.on_disk(scratch)
    outcomes = [source.on_disk(scratch) for source in request.outcomes]
    _refuse_twice(outcomes)
    sides = _set_options(request)
    instruments = read_instruments([exposure], rule=rule, ld=ld, options=sides[0])
    kind: type[StudyPairs | NamedPairs] = NamedPairs if request.pair_by == "name" else StudyPairs
    forward = kind.of(
        instruments, _look_up(instruments, outcomes, rule=rule, ld=ld, options=sides[1]), rule=rule
    )
    if not request.reverse:
        return (forward,), ()
    try:
        instruments = _read_each(outcomes, rule=rule, ld=ld, options=sides[1])
        found = _look_up(instruments, [exposure], rule=rule, ld=ld, options=sides[0])
        backward = kind.of(instruments, found, rule=rule)
    except NothingToDo as reason:
        return (forward,), (f"--reverse: {reason}; the table has one direction alone",)
    return (forward, backward), ()


def _read_genomes(
    request: MrRequest, scratch: Path, pairs: StudyPairs | NamedPairs
) -> tuple[Genomes, tuple[str, ...]]:
    """Return the genomes of pairs of studies where a method rests on them, and notes."""
    draws = count_drawn(request)
    if draws is None or request.exposure is None:
        return {}, ()
    return read_genomes(
        request.exposure.on_disk(scratch),
        [source.on_disk(scratch) for source in request.outcomes],
        pairs=pairs.names,
        draws=draws,
        seed=request.seed,
        rule=request.rule,
        options=_set_options(request),
        ld=_open_ld(request, scratch),
    )


def _set_options(request: MrRequest) -> tuple[MungeOptions, MungeOptions]:
    return (
        MungeOptions(read=request.read_exposure, map_option="--exposure-map"),
        MungeOptions(read=request.read_outcome, map_option="--outcome-map"),
    )


def _refuse_twice(outcomes: Sequence[Path]) -> None:
    """Refuse a file that is given for two outcomes, under one name or two."""
    for first, second in combinations(outcomes, 2):
        if not first.is_file() or not second.is_file():
            continue  # a glob of several files
        if filecmp.cmp(first, second, shallow=False):
            raise InputError(f"{first} and {second} hold the same; give each outcome once")


def _read_each(
    paths: Sequence[Path], *, rule: InstrumentRule, ld: LdSource | None, options: MungeOptions
) -> Instruments:
    """Return the instruments of several files together, those of one trait's name kept apart.

    A file without an instrument is a note, as long as another has one.
    """
    found: list[tuple[Path, Instruments]] = []
    notes: list[str] = []
    for path in paths:
        try:
            found.append((path, read_instruments([path], rule=rule, ld=ld, options=options)))
        except NothingToDo as reason:
            notes.append(f"--reverse: {reason}")
    if not found:
        raise NothingToDo("; ".join(note.removeprefix("--reverse: ") for note in notes))
    reaches = [each.stretches for _, each in found]
    apart = name_outcomes_apart([(path, each.rows) for path, each in found], stretches=reaches)
    strength = [
        each.strength.with_columns(
            pl.col(c.EXPOSURE).replace(
                dict(zip(each.rows["trait"].drop_nulls(), rows["trait"].drop_nulls(), strict=True))
            )
        )
        for (_, each), rows in zip(found, apart.frames, strict=True)
    ]
    return Instruments(
        pl.concat(apart.frames, how="diagonal_relaxed"),
        pl.concat(strength, how="diagonal_relaxed"),
        tuple(drop for _, each in found for drop in each.drops),
        (*notes, *(note for _, each in found for note in each.notes), *apart.notes),
        pl.concat(reaches),
        apart.own_names,
    )


def _open_ld(request: MrRequest, scratch: Path) -> LdSource | None:
    if request.ld is None:
        return None
    panel = open_panel(request.ld.on_disk(scratch), values=request.ld_values)
    if request.rule.proxies and not panel.signed:
        raise InputError(
            f"{request.ld.name}: squares have no signs; --proxies needs correlations or genotypes"
        )
    if request.rule.proxies and panel.variants["allele_1"].is_null().all():
        raise InputError(
            f"{request.ld.name}: does not tell which alleles are correlated, as --proxies needs; "
            "name variants as rs7_A_G (the allele counted first), or give genotypes"
        )
    return panel


def _open_linkage(request: MrRequest, scratch: Path) -> Linkage | None:
    """Return the correlations for methods that take them: of genotypes those of copies in people.

    Effects of copies in one person are correlated by these, while variants are clumped by
    haplotypes, as PLINK does.
    """
    if request.ld is None or not request.correlated:
        return None
    panel = open_panel(request.ld.on_disk(scratch), values=request.ld_values)
    if isinstance(panel, GenotypePanel):
        panel = replace(panel, measure="genotype")
    refuse_unsigned(panel)
    return Linkage(panel, ridge=request.ld_ridge)


def _look_up(
    instruments: Instruments,
    outcomes: Sequence[Path],
    *,
    rule: InstrumentRule,
    ld: LdSource | None,
    options: MungeOptions,
) -> Outcomes:
    panel = ld if rule.proxies else None
    return read_outcomes(outcomes, instruments, options=options, panel=panel, match=rule.match)
