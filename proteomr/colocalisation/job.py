"""`coloc` as jobs: pairs of traits, or many at once, region by region, block by block."""

from __future__ import annotations

import abc
import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

import polars as pl

from proteomr.colocalisation.collecting import (
    BLOCK,
    collect_tables,
    describe_outcome,
    read_long,
    write_long,
)
from proteomr.colocalisation.linkage import HitLink
from proteomr.colocalisation.many import ClusterWork, ConfigurationWork
from proteomr.colocalisation.multiple_signals import ConditionalSignals, SusieSignals
from proteomr.colocalisation.opening import Places, open_panels, open_traits, pair_stretches
from proteomr.colocalisation.pairs import PairBlock, PairTask, PairWork
from proteomr.colocalisation.prior_weights import read_weights
from proteomr.colocalisation.request import ColocMethod, ColocRequest
from proteomr.colocalisation.signals import Separator, SingleSignal
from proteomr.colocalisation.smr_pairs import SmrWork
from proteomr.colocalisation.traits import Atlas
from proteomr.errors import NothingToDo, UsageError
from proteomr.execute import Executor
from proteomr.gwas.conditional_units import CojoOptions
from proteomr.gwas.correlations import refuse_unclear
from proteomr.io.genetics.genotypes import LdSource
from proteomr.runs import (
    Forecast,
    Ledger,
    Outcome,
    describe_request,
    open_scratch,
    pack_tables,
)
from proteomr.runs.timing import Spent, Stopwatch, peak_memory
from proteomr.stats.smr import SmrOptions
from proteomr.tables import Drop

__all__ = ["ClusterJob", "ColocJob", "ConfigurationJob", "Draw", "SmrJob", "make_job"]

_log = logging.getLogger(__name__)

# A block is what a kill costs: a second or less of pairs, some seconds of credible sets.
_PAIRS_IN_BLOCK: Final = 256
_FITS_IN_BLOCK: Final = 4


class Draw(Protocol):
    """Draws figures from the tables of a run into a folder."""

    def __call__(self, tables: Mapping[str, pl.DataFrame], *, folder: Path) -> tuple[str, ...]:
        """Draw, and return notes on what is not drawn."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A colocalisation whose inputs are read: what is to be done, on which blocks.

    Blocks are loaded one by one, by the process that hands them out: traits may stand on its disk.
    """

    work: Callable[[Any], dict[str, pl.DataFrame]]
    blocks: Sequence[Sequence[Any]]
    places: Places
    units: Mapping[str, int]
    load: Callable[[Sequence[Any]], Any] = lambda block: block


@dataclass(frozen=True, slots=True, eq=False)
class _Loading:
    """Blocks that are loaded as they are drawn; their number is known."""

    opened: _Opened
    pending: Sequence[int]

    def __len__(self) -> int:
        return len(self.pending)

    def __iter__(self) -> Iterator[Any]:
        return (self.opened.load(self.opened.blocks[index]) for index in self.pending)


@dataclass(frozen=True, slots=True)
class _Job(abc.ABC):
    """What all jobs of colocalisation do.

    Parameters
    ----------
    request : what is asked.
    draw : draws figures; None for none.
    only : names of the first and the further trait of the pairs that are compared; None for all.
    """

    main: ClassVar[str] = "coloc"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: ColocRequest
    draw: Draw | None = None
    only: frozenset[tuple[str, str]] | None = None

    @property
    def results(self) -> Sequence[str]:
        """Names of the tables."""
        return tuple(f"{name}.parquet" for name in self.request.tables)

    def plan(self, *, threads: int) -> Forecast:
        """Read the inputs, find the regions, and work through the first block."""
        watch, started = Stopwatch(), time.process_time()
        describe_request(self.request)  # the run digests its inputs first
        with self._open() as opened:
            read = Spent(started, started) + watch.read()
            opened.work(opened.load(opened.blocks[0]))
            worked = watch.read()
        return self._forecast(opened, read, worked, threads)

    def _forecast(self, opened: _Opened, read: Spent, worked: Spent, threads: int) -> Forecast:
        sizes = [len(block) for block in opened.blocks]
        worked = worked.times(sum(sizes) / sizes[0])
        spent = read + worked
        saved = worked.elapsed * (1.0 - 1.0 / min(threads, len(sizes)))
        drops = [drop for drop in opened.places.drops if drop.n]
        return Forecast(
            units=opened.units,
            path=self.request.method,
            seconds=spent.processors,
            elapsed=spent.elapsed - saved,
            memory_bytes=peak_memory(),
            lines=(
                ("variants", f"{opened.places.atlas.variants.height:,} in the regions"),
                ("blocks", f"{len(sizes)}, of up to {max(sizes)}"),
                *(("left out", f"{drop.n:,} {drop.reason} ({drop.step})") for drop in drops),
            ),
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Work through the blocks that the ledger lacks, join and write them."""
        with self._open() as opened:
            self._work(opened, ledger, executor)
            places, count = opened.places, len(opened.blocks)
        with open_scratch() as folder:
            tables, pieces = collect_tables(ledger, count, self.request.tables, folder=folder)
            for name, table in tables.items():
                ledger.write_table(name, table)
            for name, files in pieces.items():
                write_long(ledger, name, files)
            outcome = describe_outcome(tables[self.main], ledger, places=places)
            if self.draw is None:
                return outcome
            long = {name: read_long(files) for name, files in pieces.items()}
        notes = _draw_figures(self.draw, tables | long, ledger)
        return replace(outcome, notes=(*outcome.notes, *notes))

    def _work(self, opened: _Opened, ledger: Ledger, executor: Executor) -> None:
        """Work through the blocks that the ledger lacks."""
        pending = ledger.parts.pending(len(opened.blocks))
        blocks = _Loading(opened, pending)
        with contextlib.closing(executor.map(opened.work, blocks)) as finished:
            for position, tables in finished:
                ledger.parts.save(pending[position], {BLOCK: pack_tables(tables)})

    @contextlib.contextmanager
    def _open(self) -> Iterator[_Opened]:
        """Read the inputs; what is too much for memory stands on disk until the end."""
        with open_scratch() as scratch:
            panels = open_panels(self.request, scratch)
            places = open_traits(self.request, scratch, panels=panels)
            for panel in dict.fromkeys(filter(None, panels)):
                refuse_unclear(places.atlas.variants, panel)
            opened = self._lay_out(places, panels, scratch)
            if not any(opened.blocks):
                text = "no region is left to compare traits in; see drops and --long-range"
                raise NothingToDo(text)
            for label, n in opened.units.items():
                _log.info("%s: %s", label, f"{n:,}")
            yield opened

    @abc.abstractmethod
    def _lay_out(
        self, places: Places, panels: tuple[LdSource | None, LdSource | None], scratch: Path
    ) -> _Opened:
        """Return the work on the traits that were read."""


@dataclass(frozen=True, slots=True)
class ColocJob(_Job):
    """Pairs of traits: the evidence that they share a causal variant."""

    main: ClassVar[str] = "coloc"

    def _lay_out(
        self, places: Places, panels: tuple[LdSource | None, LdSource | None], scratch: Path
    ) -> _Opened:
        request, atlas = self.request, places.atlas
        tasks, places, units = _list_pairs(places, request, self.only)
        weights = tuple(read_weights(source, atlas, scratch) for source in request.weights)
        link = None if panels[0] is None else HitLink.of(atlas, panels[0])
        alone = replace(atlas, traits=())
        separators = (self._separator(alone, panels[0]), self._separator(alone, panels[1]))
        work = PairWork(alone, request.rule, separators, (weights[0], weights[1]), link)
        size = _PAIRS_IN_BLOCK if request.method == "abf" else _FITS_IN_BLOCK
        return _Opened(work, _cut(tasks, size), places, units, partial(PairBlock.load, atlas=atlas))

    def _separator(self, atlas: Atlas, panel: LdSource | None) -> Separator:
        """Return what finds the signals of a side."""
        if self.request.method == "abf":
            return SingleSignal()
        if panel is None:
            raise UsageError(f"--method {self.request.method} needs --ld")
        options = CojoOptions(p=self.request.windows.p)
        conditional = ConditionalSignals(atlas, panel, options)
        if self.request.method == "conditional":
            return conditional
        return SusieSignals(atlas, panel, self.request.susie, conditional)


@dataclass(frozen=True, slots=True)
class SmrJob(_Job):
    """Pairs of traits: the effect of the first on the second by its top variant, and HEIDI."""

    main: ClassVar[str] = "smr"

    def _lay_out(
        self, places: Places, panels: tuple[LdSource | None, LdSource | None], scratch: Path
    ) -> _Opened:
        del scratch
        if panels[0] is None:
            raise UsageError("--method smr needs --ld")
        tasks, places, units = _list_pairs(places, self.request, self.only)
        atlas = places.atlas
        alone = replace(atlas, traits=())
        work = SmrWork(alone, panels[0], SmrOptions(p=self.request.windows.p))
        load = partial(PairBlock.load, atlas=atlas)
        return _Opened(work, _cut(tasks, _PAIRS_IN_BLOCK), places, units, load)


@dataclass(frozen=True, slots=True)
class ClusterJob(_Job):
    """Many traits: clusters that share a causal variant."""

    main: ClassVar[str] = "coloc_clusters"

    def _lay_out(
        self, places: Places, panels: tuple[LdSource | None, LdSource | None], scratch: Path
    ) -> _Opened:
        del panels, scratch
        work = ClusterWork(_hold(places.atlas), self.request.clusters, self.request.rule.coverage)
        return _lay_out_many(work, places, self.request)


@dataclass(frozen=True, slots=True)
class ConfigurationJob(_Job):
    """Two to four traits: every way in which they share causal variants."""

    main: ClassVar[str] = "coloc_configurations"

    def _lay_out(
        self, places: Places, panels: tuple[LdSource | None, LdSource | None], scratch: Path
    ) -> _Opened:
        del panels, scratch
        count = len(places.atlas.names)
        if not 2 <= count <= len(self.request.configured):
            raise UsageError(
                f"--method moloc compares two to four traits, and here are {count}; hyprcoloc "
                "takes any number"
            )
        work = ConfigurationWork(_hold(places.atlas), self.request.configured)
        return _lay_out_many(work, places, self.request)


_JOBS: Final[Mapping[ColocMethod, type[_Job]]] = {
    "abf": ColocJob,
    "susie": ColocJob,
    "conditional": ColocJob,
    "smr": SmrJob,
    "hyprcoloc": ClusterJob,
    "moloc": ConfigurationJob,
}


def make_job(
    request: ColocRequest,
    *,
    draw: Draw | None = None,
    only: frozenset[tuple[str, str]] | None = None,
) -> _Job:
    """Return the job of a request, by its method.

    Parameters
    ----------
    request, draw, only : what is asked, what draws figures, and the pairs compared; None for all.

    Examples
    --------
    >>> make_job(ColocRequest.of("a.tsv", "b.tsv")).main
    'coloc'
    """
    return _JOBS[request.method](request, draw, only)


def _draw_figures(
    draw: Draw, tables: Mapping[str, pl.DataFrame], ledger: Ledger
) -> tuple[str, ...]:
    """Draw into the folder ``figures``; return notes."""
    with open_scratch() as scratch:
        folder = scratch / "figures"
        folder.mkdir()
        notes = draw(tables, folder=folder)
        for file in sorted(folder.iterdir()):
            shutil.copyfile(file, ledger.place(f"figures/{file.name}"))
    return notes


def _list_pairs(
    places: Places, request: ColocRequest, only: frozenset[tuple[str, str]] | None
) -> tuple[list[PairTask], Places, dict[str, int]]:
    """Return the pairs of a first and a further trait with their regions."""
    tasks: list[PairTask] = []
    dropped = pairs = 0
    names = places.atlas.names
    count = len(names)
    for first in range(places.firsts):
        for second in range(places.firsts, count):
            if only is not None and (names[first], names[second]) not in only:
                continue
            pairs += 1
            stretches, lost = pair_stretches(places, (first, second), request)
            dropped += lost
            tasks += [PairTask(first, second, stretch) for stretch in stretches]
    units = {"traits": count, "pairs": pairs, "regions of pairs": len(tasks)}
    return tasks, _count_long_range(places, dropped), units


def _lay_out_many(
    work: Callable[[Any], dict[str, pl.DataFrame]], places: Places, request: ColocRequest
) -> _Opened:
    """Return the work on all traits at once."""
    count = len(places.atlas.names)
    stretches, lost = pair_stretches(places, range(count), request)
    units = {"traits": count, "regions": len(stretches)}
    return _Opened(work, _cut(stretches, _FITS_IN_BLOCK), _count_long_range(places, lost), units)


def _hold(atlas: Atlas) -> Atlas:
    """Return an atlas whose traits are in memory: work on all of them at once needs them all."""
    return replace(atlas, traits=tuple(atlas.traits))


def _count_long_range(places: Places, lost: int) -> Places:
    if not lost:
        return places
    drop = Drop("windows", "long-range linkage disequilibrium (--long-range drop)", lost)
    return replace(places, drops=(*places.drops, drop))


def _cut(tasks: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Return the tasks in blocks; only their number decides."""
    return [tasks[low : low + size] for low in range(0, len(tasks), size)]
