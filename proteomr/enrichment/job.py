"""`enrich` as a job: sets of genes that hits, or high and low ranks, gather in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from proteomr.enrichment.hubs import find_hubs
from proteomr.enrichment.listing import read_hits, read_ranks
from proteomr.enrichment.over_representation import (
    HitList,
    assess_hits,
    list_hits,
    list_members,
    narrow_to_annotated,
)
from proteomr.enrichment.ranked import assess_ranks, rank_genes
from proteomr.enrichment.reducing import reduce_sets
from proteomr.enrichment.request import EnrichOptions, EnrichRequest, HubOptions
from proteomr.enrichment.sets import CutSets, SetSource, check_any, cut_sets, load_sets
from proteomr.enrichment.tables import JOIN, collect_tests, list_left_out
from proteomr.errors import NothingToDo
from proteomr.execute import Executor, Serial
from proteomr.runs import (
    Data,
    Forecast,
    Ledger,
    Outcome,
    Results,
    call_job,
    open_scratch,
)
from proteomr.runs.notes import add_note
from proteomr.tables import Drop
from proteomr.tables import columns as c

__all__ = ["EnrichJob", "enrich"]

_MEMBERS = "members"


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What the tests gave."""

    table: pl.DataFrame
    left_out: pl.DataFrame
    drops: tuple[Drop, ...]
    chosen: tuple[str, ...]
    background: int


@dataclass(frozen=True, slots=True)
class EnrichJob:
    """Sets of genes in which hits are over-represented, or ranks gather at an end."""

    main: ClassVar[str] = "enrichment"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: EnrichRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of the tables."""
        network = ("interaction_hubs", "interaction_edges") if self.request.edges else ()
        return tuple(f"{name}.parquet" for name in ("enrichment", "sets_left_out", *network))

    def plan(self, *, threads: int) -> Forecast:
        """Test the sets, which takes seconds, and say how many there are."""
        del threads
        started = time.perf_counter()
        with open_scratch() as scratch:
            found = self._test(scratch, Serial())
        return Forecast(
            units={
                "genes": found.background,
                "hits or leading genes": len(found.chosen),
                "sets": found.table.height,
            },
            seconds=time.perf_counter() - started,
            lines=(("left out", f"{found.left_out.height:,} sets by their size"),),
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Test the sets, and write the tables."""
        asked = self.request
        with open_scratch() as scratch:
            found = self._test(scratch, executor)
            ledger.write_table(self.main, found.table)
            ledger.write_table("sets_left_out", found.left_out)
            if asked.edges is not None:
                edges = asked.edges.on_disk(scratch)
                hubs, pairs = find_hubs(edges, found.chosen, options=asked.hubs)
                ledger.write_table("interaction_hubs", hubs)
                ledger.write_table("interaction_edges", pairs)
        counts = found.left_out[c.REASON].value_counts().sort(c.REASON).rows()
        ledger.count_drops([*found.drops, *(Drop("sets", why, n) for why, n in counts)])
        sources = found.table["source"].n_unique()
        apart = asked.options.tests == "source" and sources > 1
        each = f"; each of the {sources} sources by itself" if apart else ""
        return Outcome(
            units=found.table.height,
            failed=int((found.table[c.STATUS] != "ok").sum()),
            family_of_tests=f"all {found.table.height:,} tests of sets{each}",
        )

    def _test(self, scratch: Path, executor: Executor) -> _Found:
        asked = self.request
        sources = load_sets(
            [(source.name, source.on_disk(scratch)) for source in asked.sets],
            asked.shipped,
            evidence=asked.options.evidence,
            relations=asked.options.relations,
        )
        if asked.options.method == "gsea":
            return self._test_ranks(sources, scratch, executor)
        return self._test_hits(sources, scratch)

    def _test_ranks(
        self, sources: Sequence[SetSource], scratch: Path, executor: Executor
    ) -> _Found:
        asked = self.request
        path = asked.hits.on_disk(scratch)
        ranked = rank_genes(read_ranks(path, rank=asked.rank, rows=asked.rows, names=asked.names))
        cuts = [cut_sets(source, ranked.units) for source in sources]
        check_any(cuts, ranked.units.labels, what="the ranked list")
        parts = assess_ranks(cuts, ranked, options=asked.options, executor=executor)
        table = self._collect(parts, cuts, len(ranked.units.labels))
        leading = table.filter("significant")[_MEMBERS].drop_nulls().str.split(JOIN)
        chosen = sorted(set(leading.explode().drop_nulls().to_list()))
        left_out = list_left_out(cuts, options=asked.options)
        return _Found(table, left_out, ranked.drops, tuple(chosen), len(ranked.units.labels))

    def _test_hits(self, sources: Sequence[SetSource], scratch: Path) -> _Found:
        asked = self.request
        found = self._list_hits(sources, scratch)
        cuts = [cut_sets(source, found.units) for source in sources]
        check_any(cuts, found.units.labels, what="the background")
        parts: list[pl.DataFrame] = []
        drops = [*found.drops]
        for place, cut in enumerate(cuts):
            within = found
            if asked.options.universe == "annotated":
                cuts[place], within = narrow_to_annotated(cut, found)
                drops += within.drops
            parts += assess_hits(cuts[place], within, options=asked.options)
        n = len(found.units.labels)
        table = self._collect(parts, cuts, n)
        hits = [any(mark[place] for mark in found.hits.values()) for place in range(n)]
        chosen = tuple(label for label, hit in zip(found.units.labels, hits, strict=True) if hit)
        left_out = list_left_out(cuts, options=asked.options)
        return _Found(table, left_out, tuple(drops), chosen, n)

    def _list_hits(self, sources: Sequence[SetSource], scratch: Path) -> HitList:
        asked = self.request
        path = asked.hits.on_disk(scratch)
        listing = read_hits(path, rows=asked.rows, names=asked.names)
        background = None
        if asked.background is not None:
            background = read_hits(asked.background.on_disk(scratch))
        elif not listing.is_table and asked.options.universe == "annotated":
            background = list_members(sources)
            add_note("the background are all genes of the sets: whether they were tested is open")
        return list_hits(listing, background, direction=asked.options.direction)

    def _collect(
        self, parts: Sequence[pl.DataFrame], cuts: Sequence[CutSets], n: int
    ) -> pl.DataFrame:
        options = self.request.options
        if not any(part.height for part in parts):
            sizes = [places.size for cut in cuts for places in cut.places]
            raise NothingToDo(
                f"none of the {len(sizes):,} sets has {options.min_size} to {options.max_size} of "
                f"the {n:,} genes; they have {min(sizes):,} to {max(sizes):,} (--min-size, "
                "--max-size)"
            )
        for cut in cuts:
            if cut.unmatched:
                total = len({name for one in cut.source.sets for name in one.members})
                add_note(
                    f"{cut.source.name}: {cut.unmatched:,} of the {total:,} genes of its sets are "
                    f"not among the {n:,} that were tested"
                )
        table = collect_tests(parts, options=options)
        return reduce_sets(table, cuts, options=options)


def enrich(
    hits: Data,
    *,
    sets: Data | Sequence[Data],
    background: Data | None = None,
    rows: str | Sequence[str] = (),
    names: str | None = None,
    rank: str | None = None,
    options: EnrichOptions | None = None,
    edges: Data | None = None,
    hubs: HubOptions | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Find sets of genes that hits, or high and low ranks, gather in.

    ``ora`` asks whether a set holds more hits than chance puts there: the one-sided hypergeometric
    test, see :func:`proteomr.stats.hypergeometric.neg_log10_p_hypergeometric`. ``gsea`` asks
    whether its members stand at an end of the ranked list: the running sum of Subramanian et al.
    2005 (doi:10.1073/pnas.0506580102), with p values as of
    :func:`proteomr.stats.running_sum_null.judge_size`. Names of a list and of the sets meet by the
    gene they mean; a gene counts once; sets are cut to the genes that were tested.

    Parameters
    ----------
    hits : a list of names, or a table of results: a path or a frame; or a run folder of
        `associate`.
    sets : GMT files, and ``go-bp``, ``go-cc`` and ``go-mf``, which are shipped.
    background : what was tested, as a list or a table; None for all rows of the table.
    rows : rows of the table that are hits (``ora``), or that are ranked (``gsea``): each
        ``COLUMN=VALUE`` or a condition.
    names : column of the names; None for ``gene``, else ``protein``.
    rank : column that ``gsea`` ranks by; None for ``statistic``.
    options : how sets are tested.
    edges : pairs of proteins that interact, for the hubs among the hits.
    hubs : which of them are hubs.
    out : run folder; None keeps the tables in memory.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``enrichment``, ``sets_left_out``, and ``interaction_hubs`` where there
        are edges.

    Raises
    ------
    InputError, ColumnError
        A file is not what is needed, or its names meet those of no set.
    NothingToDo
        There is no hit, or no set of the sizes asked for.

    Examples
    --------
    >>> tested = pl.DataFrame({
    ...     "gene": ["IL6", "TNF", "IL1B", "CXCL8", "REN", "ADM", "ACE2", "LEP"],
    ...     "q_bh": [0.01, 0.01, 0.02, 0.6, 0.03, 0.9, 0.5, 0.8]})
    >>> found = enrich(tested, sets="go-bp", rows="q_bh < 0.05",
    ...     options=EnrichOptions(min_size=3, max_size=4)).table()
    >>> found.filter(set="GO:0002526").select("description", "n_set", "overlap").row(0)
    ('acute inflammatory response', 3, 3)
    """
    request = EnrichRequest.of(
        hits,
        sets=sets,
        background=background,
        rows=rows,
        names=names,
        rank=rank,
        options=options,
        edges=edges,
        hubs=hubs,
    )
    return call_job(
        EnrichJob(request), out=out, threads=threads, resume=resume, overwrite=overwrite
    )
