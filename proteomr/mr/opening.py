"""The inputs of an analysis, read up to its blocks."""

from __future__ import annotations

import filecmp
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import polars as pl

from proteomr.errors import InputError
from proteomr.gwas.munging import MungeOptions
from proteomr.gwas.panel import open_panel
from proteomr.gwas.study import read_variant_list
from proteomr.io.genetics.genotypes import LdSource
from proteomr.mr.blocks import Block, JointWork, PairWork, Work, cut_blocks
from proteomr.mr.choice import build_methods, name_methods
from proteomr.mr.controls import read_controls
from proteomr.mr.inputs import InstrumentRule, read_instruments, read_outcomes
from proteomr.mr.multivariable.tables import read_joint
from proteomr.mr.pairs import Pairs, ReadyPairs, StudyPairs
from proteomr.mr.request import MrRequest
from proteomr.runs import Source

__all__ = ["Opened", "open_analysis"]

_log = logging.getLogger(__name__)


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
    """

    work: Work
    blocks: Sequence[Block]
    pairs: int
    tables: Mapping[str, pl.DataFrame]
    controls: pl.DataFrame | None


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
    directions: tuple[Pairs, ...]
    if request.harmonised is not None:
        path = request.harmonised.on_disk(scratch)
        directions = (ReadyPairs.read(path, outcome_p=request.rule.outcome_p),)
    else:
        studies = _read_studies(request, scratch)
        strength = [study.instruments.strength for study in studies]
        tables["instruments"] = pl.concat(strength, how="diagonal_relaxed")
        directions = studies
    work = PairWork(
        directions,
        build_methods(request.methods),
        request.seed,
        request.steiger_filter,
        request.outcome_size,
        request.overlap,
    )
    count = sum(direction.count for direction in directions)
    _log.info("%s pairs by %s", count, ", ".join(name_methods(work.methods)))
    return Opened(work, cut_blocks(directions), count, tables, controls)


def _open_joint(request: MrRequest, scratch: Path, controls: pl.DataFrame | None) -> Opened:
    path = Path() if request.harmonised is None else request.harmonised.on_disk(scratch)
    data = read_joint(path)
    work = JointWork(data, request.methods, request.seed)
    return Opened(work, [Block(0, (0, 1))], len(data.exposures), {}, controls)


def _read_studies(request: MrRequest, scratch: Path) -> tuple[StudyPairs, ...]:
    """Read exposure and outcomes, and choose instruments, both ways if asked."""
    rule = request.rule
    if request.instruments is not None:
        rule = replace(rule, variants=read_variant_list(request.instruments.path))
    ld = None if request.ld is None else open_panel(request.ld.on_disk(scratch))
    exposure = request.exposure
    _refuse_twice([source.on_disk(scratch) for source in request.outcomes])
    sides = (
        MungeOptions(read=request.read_exposure, map_option="--exposure-map"),
        MungeOptions(read=request.read_outcome, map_option="--outcome-map"),
    )
    ways: list[tuple[Source, Sequence[Source], tuple[MungeOptions, MungeOptions]]] = []
    if exposure is not None:
        ways.append((exposure, request.outcomes, sides))
        turned = (sides[1], sides[0])
        ways += [(source, [exposure], turned) for source in request.outcomes if request.reverse]
    return tuple(
        _read_pairs(
            first.on_disk(scratch),
            [other.on_disk(scratch) for other in others],
            options=options,
            rule=rule,
            ld=ld,
        )
        for first, others, options in ways
    )


def _refuse_twice(outcomes: Sequence[Path]) -> None:
    """Refuse a file that is given for two outcomes, under one name or two."""
    for first, second in combinations(outcomes, 2):
        if not first.is_file() or not second.is_file():
            continue  # a glob of several files
        if filecmp.cmp(first, second, shallow=False):
            raise InputError(f"{first} and {second} hold the same; give each outcome once")


def _read_pairs(
    exposure: Path,
    outcomes: Sequence[Path],
    *,
    options: tuple[MungeOptions, MungeOptions],
    rule: InstrumentRule,
    ld: LdSource | None,
) -> StudyPairs:
    instruments = read_instruments([exposure], rule=rule, ld=ld, options=options[0])
    panel = ld if rule.proxies else None
    outcome_rows = read_outcomes(
        outcomes, instruments, options=options[1], panel=panel, match=rule.match
    )
    return StudyPairs.of(instruments, outcome_rows, rule=rule)
