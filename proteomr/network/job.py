"""`network` as a job: modules of proteins that go together, and the profile of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from proteomr.errors import InputError
from proteomr.execute import Executor
from proteomr.io import PeopleChoice, ProteinChoice
from proteomr.network.building import build_network
from proteomr.network.keeping import KeptStretches
from proteomr.network.options import NetworkOptions
from proteomr.network.preserving import preserve
from proteomr.network.reading import FEWEST_PEOPLE, as_other, open_cohort, read_matrix
from proteomr.network.request import NetworkRequest
from proteomr.network.tabling import list_tables
from proteomr.runs import Data, Forecast, Ledger, Outcome, Results, call_job, open_scratch
from proteomr.runs.timing import peak_memory
from proteomr.stats.pair_correlations import PairCorrelations

__all__ = ["NetworkJob", "network"]

_log = logging.getLogger("proteomr")
_MATRICES: Final = 7  # of all pairs at once: see ARCHITECTURE
_TIMED: Final = 128  # proteins whose correlations are timed for a forecast
_TREE_SECONDS: Final = 1.2e-7  # of a pair: overlap aside, tree, cut and tables


@dataclass(frozen=True, slots=True)
class NetworkJob:
    """Modules of proteins, found in one cohort and, where asked, sought in another."""

    main: ClassVar[str] = "modules"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ("eigenproteins",)

    request: NetworkRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of what stands beside the modules."""
        sought = ("preservation",) if self.request.preserve_in else ()
        tables = ("eigenproteins", "module_summary", "power", "tree", "hubs", "edges")
        return tuple(f"{name}.parquet" for name in (*tables, *sought))

    def plan(self, *, threads: int) -> Forecast:
        """Open the files, and time the correlations of some proteins."""
        del threads
        asked = self.request
        with open_scratch() as scratch:
            cohort = open_cohort(asked, scratch)
            others = open_cohort(as_other(asked), scratch) if asked.preserve_in else None
            n, p = cohort.n, len(cohort.proteins.names)
            if n < FEWEST_PEOPLE:
                raise InputError(
                    f"{asked.proteins[0].name}: {n} people are left; correlations of a network "
                    f"need {FEWEST_PEOPLE}"
                )
            block = cohort.proteins.read(slice(0, min(p, _TIMED)))
            seconds = _time_correlations(block, p, asked.options)
        largest = n if others is None else n + others.n
        return Forecast(
            units={
                "people": n,
                "proteins": p,
                "pairs": p * (p - 1) // 2,
                **({} if others is None else {"people of the other cohort": others.n}),
            },
            seconds=seconds + 2.0 * p**2 * p * 1e-10 / 2 + _TREE_SECONDS * p**2,
            memory_bytes=peak_memory() + 8.0 * (2.0 * largest * p + _MATRICES * p**2),
            lines=describe_options(asked.options),
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Build the network, and write its tables."""
        asked = self.request
        for label, text in describe_options(asked.options):
            _log.info("%s: %s", label, text)
        with open_scratch() as scratch:
            matrix = read_matrix(asked, scratch, executor)
            store = KeptStretches(ledger.parts)
            built = build_network(matrix, asked.options, executor, store=store)
            tables = list_tables(matrix, built, asked.options, executor)
            if asked.preserve_in:
                tables["preservation"] = preserve(
                    asked, matrix, built, executor, scratch=scratch, parts=ledger.parts
                )
        for name, table in tables.items():
            ledger.write_table(name, table)
        ledger.count_drops(matrix.drops)
        judged = [tables[name]["status"] for name in tables if "status" in tables[name].columns]
        notes = () if built.components else ("no module was found",)
        return Outcome(
            units=sum(column.len() for column in judged),
            failed=sum(int((column != "ok").sum()) for column in judged),
            configuration={"power": built.powers.chosen, "correlation": asked.options.kind},
            notes=notes,
        )


def describe_options(options: NetworkOptions) -> tuple[tuple[str, str], ...]:
    """Return how the network is made, as labelled lines."""
    power = (
        f"the first with signed r2 >= {options.scale_free:g}"
        if options.power is None
        else f"{options.power}"
    )
    if options.impute == "knn":
        missing = "filled from the nearest ten proteins"
    else:
        missing = "each pair over the people who have both"
    cut = (
        f"hybrid, deep split {2 if options.deep_split is None else options.deep_split}, second "
        f"stage {options.second_stage or 'free'}"
        if options.method == "wgcna"
        else "tree by tree, deep split"
    )
    return (
        ("method", options.method),
        ("correlation", f"{options.kind}, {options.type}, power {power}"),
        ("missing values", missing),
        (
            "cut",
            f"{cut}; modules of {options.min_size} or more, merged at {options.merge_height:g}",
        ),
    )


def _time_correlations(block: np.ndarray, p: int, options: NetworkOptions) -> float:
    """Return the seconds of one processor for the correlations of p proteins, by some of them."""
    rows = np.ascontiguousarray(block.T)
    usable = [
        row
        for row in rows
        if np.isfinite(row[~np.isnan(row)]).all() and len(set(row[~np.isnan(row)][:99])) > 1
    ]
    if len(usable) < 2:
        return 0.0
    started = time.process_time()
    pairs = PairCorrelations.of(np.stack(usable), options.kind)
    ready = time.process_time() - started
    k = len(usable)
    pairs.correlate((slice(0, k), slice(0, k)))
    spent = time.process_time() - started - ready
    return ready * p / k + spent * (p / k) ** 2 / 2.0


def network(
    proteins: Data | Sequence[Data],
    *,
    options: NetworkOptions | None = None,
    samples: Data | None = None,
    preserve_in: Data | Sequence[Data] = (),
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: Sequence[str] = (),
    people: PeopleChoice | None = None,
    chosen_proteins: ProteinChoice | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return modules of proteins that go together, and the profile of each over people.

    Correlations of all pairs are raised to a power, and proteins linked by how far they share their
    neighbours; a tree of them is cut into modules, of which those with like profiles are merged.

    Parameters
    ----------
    proteins : wide files, a store, or a frame: a row per person.
    options : how; see :class:`proteomr.network.NetworkOptions`.
    samples : a row per person, whose columns a condition of `people` may name.
    preserve_in : proteins of another cohort, in which the modules are sought.
    withdrawn, id_column, sample_columns : as of :func:`proteomr.associate`.
    people, chosen_proteins : who is taken, and which proteins.
    out : run folder; None keeps the tables in memory.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : take the result of this same request that is there, or replace what is.

    Returns
    -------
    Results with the tables ``modules``, ``eigenproteins`` (which may stand for proteins elsewhere),
    ``module_summary``, ``power``, ``tree``, ``hubs``, ``edges`` and, of another cohort,
    ``preservation``.

    Raises
    ------
    UsageError, InputError
        An option or a file cannot serve, or no power does.

    Examples
    --------
    >>> import polars as pl
    >>> random = np.random.default_rng(1)
    >>> common = random.normal(size=(100, 2))
    >>> levels = np.repeat(common, 8, axis=1) + random.normal(size=(100, 16))
    >>> frame = pl.DataFrame({"ID": [f"{i:03d}" for i in range(100)],
    ...     **{f"P{j:02d}": levels[:, j] for j in range(16)}})
    >>> found = network(frame, options=NetworkOptions(power=2, min_size=5))
    >>> found.table()["module"].to_list()[:3], found.table("module_summary")["n"].to_list()
    ([1, 1, 1], [8, 8])
    """
    request = NetworkRequest.of(
        proteins,
        options=options,
        samples=samples,
        preserve_in=preserve_in,
        withdrawn=withdrawn,
        id_column=id_column,
        sample_columns=sample_columns,
        people=people,
        chosen_proteins=chosen_proteins,
    )
    job = NetworkJob(request)
    return call_job(job, out=out, threads=threads, resume=resume, overwrite=overwrite)
