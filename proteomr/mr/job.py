"""The job of `mr`: studies or harmonised variants to estimates and diagnostics, block by block."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import ClassVar, Protocol

import polars as pl

from proteomr.errors import UsageError
from proteomr.execute import Executor, Threads, available_threads
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.mr.analysis import TraitSize
from proteomr.mr.blocks import Block, PairWork
from proteomr.mr.collecting import BLOCK, collect_blocks, write_tables
from proteomr.mr.estimate import DEFAULT_METHODS
from proteomr.mr.inputs import InstrumentRule
from proteomr.mr.methods.base import Convention
from proteomr.mr.methods.gsmr import Heidi
from proteomr.mr.named_pairs import PairBy
from proteomr.mr.opening import Opened, open_analysis
from proteomr.mr.outputs import ColumnStyle
from proteomr.mr.request import MrRequest
from proteomr.mr.trait_sizes import NamedCases
from proteomr.mr.verdict import PairKey
from proteomr.runs import (
    Account,
    Data,
    Forecast,
    Ledger,
    Outcome,
    Output,
    Results,
    TableFormat,
    describe_request,
    open_scratch,
    pack_tables,
    run_job,
)
from proteomr.runs.timing import Spent, Stopwatch, peak_memory
from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["Draw", "MrJob", "run_mr"]

_FEW_PAIRS, _IN_A_BOOK = 6, 40  # figures of each pair up to the first, else of the strongest hits
_LEVEL = 0.05  # of the q values of the pairs in a book

_PAIR_BYTES = 3e5  # measured: a pair of 8 variants
_log = logging.getLogger(__name__)


class Draw(Protocol):
    """What draws pairs from the tables of an analysis."""

    def __call__(
        self,
        pairs: Sequence[Harmonised],
        tables: Mapping[str, pl.DataFrame],
        *,
        folder: Path,
        book: bool,
    ) -> tuple[str, ...]:
        """Draw into a folder, all into one book if asked; return notes on what is not drawn."""
        ...


@dataclass(frozen=True, slots=True)
class MrJob:
    """Mendelian randomisation of one pair or of thousands, in blocks of pairs that are kept.

    Parameters
    ----------
    request : what is asked.
    columns : names of the columns of the estimates, proteomr's own or TwoSampleMR's.
    draw : draws figures of the pairs; None for no figures.
    """

    main: ClassVar[str] = "estimates"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: MrRequest
    columns: ColumnStyle = "native"
    draw: Draw | None = None

    def __post_init__(self) -> None:
        if self.draw is not None and self.request.joint:
            raise UsageError(
                "--figures draws one exposure at a time: leave it out with mv_ methods"
            )

    @property
    def results(self) -> Sequence[str]:
        """Names of the tables; what figures there will be the estimates decide."""
        return tuple(f"{name}.parquet" for name in self.request.tables)

    def plan(self, *, threads: int) -> Forecast:
        """Read the inputs and work through the first block of pairs."""
        watch, started = Stopwatch(), time.process_time()
        describe_request(self.request)  # the run digests its inputs first
        opened = self._open()
        read = Spent(started, started) + watch.read()
        sizes = [entry.stretch[1] - entry.stretch[0] for entry in opened.blocks]
        opened.work(opened.blocks[0])
        first = further = watch.read()
        if len(sizes) > 1:  # the first block loads what all share
            opened.work(opened.blocks[1])
            further = watch.read().times(sum(sizes[1:]) / sizes[1])
        spent = read + first + (further if len(sizes) > 1 else Spent())
        saved = further.elapsed * (1.0 - 1.0 / min(threads, max(1, len(sizes) - 1)))
        largest = max(sizes)
        chosen = opened.tables.get("instruments")
        return Forecast(
            units={
                "pairs": opened.pairs,
                **({} if chosen is None else {"instruments": chosen.height}),
                "methods": len(self.request.methods),
            },
            seconds=spent.processors,
            elapsed=spent.elapsed - (saved if len(sizes) > 1 else 0.0),
            memory_bytes=peak_memory() + _PAIR_BYTES * largest * (min(threads, len(sizes)) - 1),
            lines=(
                ("methods", ", ".join(self.request.methods)),
                ("blocks", f"{len(sizes)}, of up to {largest} pairs"),
                ("timed", f"{sum(sizes[:2])} pairs"),
            ),
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Work through the blocks that the ledger lacks; join them, test and write."""
        return self.estimate(ledger, executor)[1]

    def estimate(
        self, ledger: Ledger, executor: Executor
    ) -> tuple[Mapping[str, pl.DataFrame], Outcome]:
        """Do what `run` does, and return the tables as well, for a job that goes on from them."""
        opened = self._open()
        pending = ledger.parts.pending(len(opened.blocks))
        blocks = [opened.blocks[index] for index in pending]
        with contextlib.closing(executor.map(opened.work, blocks)) as finished:
            for position, tables in finished:
                ledger.parts.save(pending[position], {BLOCK: pack_tables(tables)})
        tables, outcome = collect_blocks(opened, ledger)
        own = self.request.harmonised is not None
        write_tables(tables, ledger, columns=self.columns, own=own)
        if self.draw is not None and isinstance(opened.work, PairWork):
            notes = _draw_figures(self.draw, opened, opened.work, tables, ledger)
            outcome = replace(outcome, notes=(*outcome.notes, *notes))
        return tables, outcome

    def _open(self) -> Opened:
        with open_scratch() as scratch:
            return open_analysis(self.request, scratch)


def run_mr(
    exposure: Data | None = None,
    outcomes: Data | Sequence[Data] = (),
    *,
    harmonised: Data | None = None,
    read_exposure: ReadOptions | None = None,
    read_outcome: ReadOptions | None = None,
    methods: str | Sequence[str] = DEFAULT_METHODS,
    convention: Convention = "twosamplemr",
    bootstraps: int = 1000,
    rule: InstrumentRule | None = None,
    instruments: str | Path | None = None,
    ld: Data | None = None,
    ld_values: LdValues = "auto",
    ld_people: float | None = None,
    ld_ridge: float = 0.0,
    prune_r2: Sequence[float] = (),
    heidi: Heidi | None = None,
    pair_by: PairBy = "all",
    reverse: bool = False,
    steiger_filter: bool = False,
    outcome_size: TraitSize | None = None,
    outcome_cases: NamedCases = (),
    overlap: float | None = None,
    log_odds: bool = False,
    controls: Data | None = None,
    altering: str | Path | None = None,
    clusters: bool = False,
    seed: int = 1,
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    columns: ColumnStyle = "native",
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return causal estimates of exposures on outcomes, with their diagnostics.

    The estimators and their sources are listed by `proteomr.mr.choice.list_methods`. Effects are
    in units of the outcome per unit of the exposure.

    Parameters
    ----------
    exposure, outcomes : summary statistics in any known format, paths or frames (polars, pandas,
        pyarrow); a column ``trait`` parts several in one. A path may be a quoted glob.
    harmonised : instead of both, variants that were harmonised before; a path or a frame.
    read_exposure, read_outcome : how the files of each are read: format, columns, build.
    methods : names of methods, alone or with parameters: ``["ivw", "weighted_mode(phi=0.5)"]``.
    convention : R package whose defaults the methods follow: twosamplemr, mendelianrandomization.
    bootstraps : draws of medians and modes.
    rule : how instruments are chosen and found in the outcomes.
    instruments : file with names of the only variants that may serve, one a line.
    ld : prefix of genotypes, or a matrix of correlations as a path or a frame, for clumping and
        for the methods that take correlations.
    ld_values : what the numbers of a matrix are: r, r2, or auto, as they show.
    ld_people : people behind the correlations, for gsmr; None for those of the genotypes.
    ld_ridge : share by which correlations between variants are shrunk for these methods.
    prune_r2 : thresholds of r2 at which these methods are repeated, table ``pruning_grid``.
    heidi : outliers that gsmr leaves out: off, v1, v2; None for v1.
    pair_by : all, or name for an exposure with the outcomes of its own name alone.
    reverse : the other direction as well.
    altering : file with names of protein-altering variants, one a line: instruments that may stand
        for one are flagged, and estimated without in ``without_altering``.
    clusters : part the variants into clusters of one slope each, tables ``cluster_estimates`` and
        ``variant_clusters``.
    steiger_filter : drop variants that explain more of the outcome than of the exposure.
    outcome_size : cases, controls and prevalence of binary outcomes, for the direction.
    outcome_cases : name, cases and controls of each outcome, where they differ.
    overlap : share of the larger study that is in the other one, to bound the bias.
    log_odds : whether effects on the outcomes are log odds, where no cases tell so.
    controls : pairs of which the answer is known: exposure, outcome, expected (up, down, none).
    seed : of all random numbers.
    out : run folder; None keeps the tables in memory.
    formats : of the tables, parquet first; the others stand beside it.
    columns : native, or the names of the R package TwoSampleMR for the estimates.
    threads : blocks of pairs at once; None for all processors.
    resume, overwrite : go on with a run of this same request, or replace what is there.

    Returns
    -------
    results : tables ``estimates``, ``heterogeneity``, ``pleiotropy``, ``singlesnp``,
        ``leaveoneout``, ``rucker``, ``outliers``, ``steiger``, ``verdict``, ``reach``,
        ``instruments`` and ``harmonised`` (every variant, kept or dropped, with the reason), and
        those of single methods, such as ``confidence_sets``, ``heidi``, ``pruning_grid``,
        ``presso`` and ``presso_outliers``; of several exposures at once ``estimates``,
        ``conditional_strength`` and ``harmonised``.

    Raises
    ------
    UsageError
        Inputs are absent, exclude each other, or a method is not known.
    InputError, FormatError
        A file cannot be read, or nothing shows that the instruments are independent.
    NothingToDo
        No instrument, or no harmonised variant, is left.
    RunFolderError
        The folder is in use, or holds what is not this request's.

    Examples
    --------
    >>> variants = pl.DataFrame({
    ...     "SNP": ["rs1"], "beta_exposure": [0.1], "se_exposure": [0.01],
    ...     "beta_outcome": [0.05], "se_outcome": [0.02]})
    >>> run_mr(harmonised=variants, methods="wald").table()["estimate"].to_list()
    [0.5]
    """
    request = MrRequest.of(
        exposure,
        outcomes,
        harmonised=harmonised,
        read_exposure=read_exposure,
        read_outcome=read_outcome,
        methods=methods,
        convention=convention,
        bootstraps=bootstraps,
        rule=rule,
        instruments=instruments,
        ld=ld,
        ld_values=ld_values,
        ld_people=ld_people,
        ld_ridge=ld_ridge,
        prune_r2=prune_r2,
        heidi=heidi,
        pair_by=pair_by,
        reverse=reverse,
        steiger_filter=steiger_filter,
        outcome_size=outcome_size,
        outcome_cases=outcome_cases,
        overlap=overlap,
        log_odds=log_odds,
        controls=controls,
        altering=altering,
        clusters=clusters,
        seed=seed,
    )
    count = available_threads() if threads is None else threads
    form = {"columns": columns}
    path = None if out is None else Path(out)
    output = Output(path, tuple(formats), resume, overwrite, form=form)
    return run_job(
        MrJob(request, columns),
        output,
        executor=Threads(count),
        account=Account(configuration=form, threads=count, seed=seed),
    )


def _draw_figures(
    draw: Draw, opened: Opened, work: PairWork, tables: Mapping[str, pl.DataFrame], ledger: Ledger
) -> tuple[str, ...]:
    """Draw all pairs, or of many the strongest, into the folder ``figures``; return notes."""
    many = opened.pairs > _FEW_PAIRS
    wanted = _choose_pairs(tables, many=many)
    pairs = [
        pair
        for block in _find_blocks(opened, tables["reach"], wanted)
        for pair in work.take(block)
        if (pair.exposures[0], pair.outcome, pair.direction) in wanted
    ]
    if not pairs:
        return ("no figure: no pair has a variant, or of many pairs none has q < 0.05",)
    with open_scratch() as scratch:
        folder = scratch / "figures"
        folder.mkdir()
        notes = draw(pairs, tables, folder=folder, book=many)
        for file in sorted(folder.iterdir()):
            shutil.copyfile(file, ledger.place(f"figures/{file.name}"))
    _log.info("%s pairs drawn", len(pairs))
    return notes


def _choose_pairs(tables: Mapping[str, pl.DataFrame], *, many: bool) -> set[PairKey]:
    """Return the pairs to draw: those with variants, or of many the strongest hits."""
    chosen = tables["reach"].filter(pl.col(c.NSNP) > 0)
    if many:
        significant = tables["verdict"].filter(pl.col(c.Q_BH) < _LEVEL)
        strongest = significant.sort(c.NEG_LOG10_P, descending=True, maintain_order=True)
        chosen = strongest.head(_IN_A_BOOK)
    return set(chosen.select(c.EXPOSURE, c.OUTCOME, c.DIRECTION).iter_rows())


def _find_blocks(opened: Opened, reach: pl.DataFrame, wanted: set[PairKey]) -> Iterator[Block]:
    """Yield the blocks that hold a pair wanted; the table has a row for each pair, in order."""
    names = reach.select(c.EXPOSURE, c.OUTCOME, c.DIRECTION).iter_rows()
    for block in opened.blocks:
        start, end = block.stretch
        if wanted.intersection(islice(names, end - start)):
            yield block
